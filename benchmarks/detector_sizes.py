"""At which sizes a detector finds faces and people, and what its thresholds cost: the figures in models/catalog.toml.

    python -m benchmarks.detector_sizes ../shared/footage/faces_masks ../shared/train seed yunet_n > sizes.json

Every labelled face is cut out with its surroundings and scaled so that it arrives at the model at the height asked
about, never enlarged more than 1.5 times. It counts as found when a box grown 1.3 times covers 90 % of it. People are
those of the set ``capston``; a person counts as found at an IoU of .4.
Thresholds: whole pictures at a longest side of 640 pixels (less where the model's input is less); recall of faces of
16 pixels and more and people of 60 and more, and boxes that meet no labelled one, a picture.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from redact.detect import load_detector
from redact.detect.traits import traits_of
from redact.geometry import area, as_boxes, grow, iou, overlap

HEIGHTS = {
    "face": (8, 10, 12, 14, 16, 20, 24, 32, 48, 64, 96, 128, 160, 200, 240, 300, 400),
    "person": (24, 32, 40, 48, 64, 80, 96, 128, 192, 256, 384, 512, 620),
}
SCORES = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7)
SIDE = 640  # longest side of the pictures that the detector sees, in pixels, unless its input is smaller


def faces(folder: Path) -> Iterator[tuple[Path, Any]]:
    for name, entry in json.loads((folder / "faces.json").read_text()).items():
        rows = as_boxes(entry["faces"])
        yield folder / "images" / name, np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:]], axis=1)


def people(folder: Path) -> Iterator[tuple[Path, Any]]:
    for name, entry in json.loads((folder / "labels.json").read_text()).items():
        if entry["set"] == "capston" and entry.get("labels", {}).get("person"):
            yield folder / "images" / name, as_boxes(entry["labels"]["person"])


def hits(kind: str, truth: Any, boxes: Any) -> Any:
    """Which detection finds which labelled box, (truth, boxes)."""
    if kind == "person":
        return iou(truth, boxes) >= 0.4
    return overlap(truth, grow(boxes, 1.3)) >= 0.9 * area(truth)[:, None]


def around(picture: Any, box: Any, height: float, side: int) -> tuple[Any, Any]:
    """The surroundings of ``box``, scaled so that it is ``height`` pixels high, and where it is in them."""
    scale = height / (box[3] - box[1])
    half = side / 2 / scale
    centre = (box[:2] + box[2:]) / 2
    size = np.array([picture.shape[1], picture.shape[0]])
    low = np.maximum(centre - half, 0).astype(int)
    high = np.minimum(centre + half, size).astype(int)
    crop = picture[low[1] : high[1], low[0] : high[0]]
    wanted = np.maximum(np.round((high - low) * scale), 1).astype(int)
    seen = cv2.resize(crop, tuple(int(side) for side in wanted), interpolation=cv2.INTER_AREA if scale < 1 else 1)
    return seen, as_boxes((box - np.tile(low, 2)) * np.tile(wanted / (high - low), 2))


def by_height(detector: Any, kind: str, pictures: list[tuple[Any, Any]], step: int) -> dict[int, list[float]]:
    """Height at the input → [recall at the starting score, at the extending score, how many]."""
    traits = traits_of(detector, detector.kinds)
    side = min(SIDE, traits.largest_input)
    table = {}
    for height in HEIGHTS[kind]:
        if height > side:
            break
        found: list[tuple[bool, bool]] = []
        count = 0
        for picture, truth in pictures:
            for box in truth:
                if height > 1.5 * (box[3] - box[1]):
                    continue
                count += 1
                if count % step:
                    continue
                seen, here = around(picture, box, height, side)
                answer = detector.detect(seen).only((kind,))
                scores = answer.scores[hits(kind, here, answer.boxes)[0]]
                best = scores.max() if len(scores) else 0.0
                found.append((best >= traits.start[kind], best >= traits.extend[kind]))
        if len(found) >= 10:
            table[height] = [round(float(rate), 3) for rate in np.mean(found, axis=0)] + [len(found)]
    return table


def by_score(detector: Any, kind: str, pictures: list[tuple[Any, Any]]) -> dict[float, list[float]]:
    """Score → [recall, boxes that meet no labelled one a picture]."""
    side = min(SIDE, traits_of(detector, detector.kinds).largest_input)
    best: list[float] = []
    wrong: list[float] = []
    for picture, truth in pictures:
        scale = side / max(picture.shape[:2])
        seen = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        answer = detector.detect(seen).only((kind,))
        here = (truth * scale).astype(np.float32)
        match = hits(kind, here, answer.boxes)
        large = here[:, 3] - here[:, 1] >= (16 if kind == "face" else 60)
        best += [float(answer.scores[row].max()) if row.any() else 0.0 for row in match[large]]
        meets = (overlap(answer.boxes, here) > 0.3 * area(answer.boxes)[:, None]).any(axis=1)
        wrong += answer.scores[~meets].tolist()
    return {
        score: [
            round(float(np.mean(np.array(best) >= score)), 3),
            round(sum(w >= score for w in wrong) / len(pictures), 2),
        ]
        for score in SCORES
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Recall by size and by score of detectors")
    parser.add_argument("faces", type=Path)
    parser.add_argument("people", type=Path)
    parser.add_argument("detectors", nargs="+")
    parser.add_argument("--quick", action="store_true", help="a sixth of the faces and people")
    options = parser.parse_args()
    sources = {"face": faces(options.faces), "person": people(options.people)}
    pictures = {}
    for kind, source in sources.items():
        read = ((cv2.imread(str(path)), truth) for path, truth in source)
        pictures[kind] = [
            (cv2.cvtColor(image, cv2.COLOR_BGR2RGB), truth) for image, truth in read if image is not None
        ]
    results: dict[str, Any] = {}
    for name in options.detectors:
        detector = load_detector(name, threads=1)
        kinds = [kind for kind in detector.kinds if kind in pictures]
        results[name] = {
            kind: {
                "height": by_height(detector, kind, pictures[kind], 6 if options.quick else 1),
                "score": by_score(detector, kind, pictures[kind]),
            }
            for kind in kinds
        }
    json.dump(results, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
