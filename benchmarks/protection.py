"""How much is hidden: faces and people of labelled footage under our default, without memory, and by others.

A labelled box counts as covered when 90 % of its pixels are. Contact sheets of the worst misses go to
``benchmarks/results/private``, which is never committed.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.clips import PRIVATE, ROOT, Clip, decoded, deface_python, detector_name, labelled
from benchmarks.coverage import BINS, Coverage, Mask, Seen
from benchmarks.replay import Replay
from benchmarks.truth import EVERY, labels
from redact.cover import Cover
from redact.detect import load_detector
from redact.detections import Detector
from redact.errors import RedactError
from redact.policy import Policy
from redact.regions import Settled

WAYS: Mapping[str, tuple[str, Policy]] = {
    "redact": ("default", Policy()),
    "redact --lookahead 0 --every 1": ("default", Policy(lookahead=0, every=1)),
    "redact, no memory at all": ("default", Policy(lookahead=0, hold=0, every=1)),
    "redact --find face": ("default", Policy(find=("face",))),
    "redact --find face, no memory at all": ("default", Policy(find=("face",), lookahead=0, hold=0, every=1)),
    "redact --find face --detector yunet_n": ("yunet_n", Policy(find=("face",), detector="yunet_n")),
}
DEFACE = "deface 1.5.0"


def measure(quick: bool) -> dict[str, Any]:
    """All figures of this benchmark."""
    clips = labelled(quick)
    detectors = _detectors()
    ways = {name: way for name, way in WAYS.items() if way[0] in detectors}
    coverage = {name: Coverage() for name in ways}
    theirs = {} if quick else _deface(clips)
    if theirs:
        coverage[DEFACE] = Coverage()
    for clip in clips:
        truth = labels(clip, PRIVATE / "truth")
        frames = list(decoded(clip))
        times, size = [frame.time for frame in frames], (frames[0].width, frames[0].height)
        replays = {name: Replay.of(clip, detector, _widest(name), frames) for name, detector in detectors.items()}
        for name, (detector, policy) in ways.items():
            settled, _ = replays[detector].settled(policy)
            coverage[name].add(clip, times, size, truth, masks(settled, policy))
        if theirs:
            coverage[DEFACE].add(clip, times, size, truth, _ellipses(theirs[str(clip.path)], size))
    if not quick:
        _contact_sheets(coverage["redact"], {clip.name: clip for clip in clips})
    return {
        "clips": [{"name": clip.name, "group": clip.group, "labels": clip.truth} for clip in clips],
        "ways": {name: _figures(found, name) for name, found in coverage.items()},
        "groups": {name: _by_group(found) for name, found in coverage.items() if name in ("redact", DEFACE)},
    }


def _detectors() -> dict[str, Detector]:
    found = {"default": load_detector(detector_name())}
    try:
        found["yunet_n"] = load_detector("yunet_n")
    except RedactError as error:
        print(f"left out: {error}")
    return found


def _widest(detector: str) -> Policy:
    return Policy() if detector == "default" else Policy(find=("face",), detector=detector)


def _figures(coverage: Coverage, name: str) -> dict[str, Any]:
    people = "face" not in name and name != DEFACE
    kinds = ("face", "person") if people else ("face",)
    return {"needless": coverage.waste(), **{kind: coverage.summary(kind) for kind in kinds}}


def _by_group(coverage: Coverage) -> dict[str, Any]:
    groups: dict[str, Coverage] = defaultdict(Coverage)
    for seen in coverage.seen:
        groups[seen.group].seen.append(seen)
    return {
        group: {kind: found.summary(kind) for kind in ("face", "person") if found.of(kind)}
        for group, found in groups.items()
    }


def masks(settled: Sequence[Settled], policy: Policy) -> Callable[[int], Mask]:
    """Frame index → the pixels that the policy covers in it."""
    cover = Cover(policy)
    return lambda index: cover.mask(settled[index])


def _ellipses(boxes: Mapping[str, Sequence[Sequence[int]]], size: tuple[int, int]) -> Callable[[int], Mask]:
    def mask(index: int) -> Mask:
        canvas = np.zeros((size[1], size[0]), np.uint8)
        for x1, y1, x2, y2 in boxes.get(str(index), ()):
            half = ((x2 - x1) // 2, (y2 - y1) // 2)
            if min(half) > 0:
                cv2.ellipse(canvas, (x1 + half[0], y1 + half[1]), half, 0, 0, 360, 1, -1)
        return np.asarray(canvas > 0)

    return mask


def _deface(clips: Sequence[Clip]) -> dict[str, Any]:
    """Clip → frame → boxes of deface, made once and kept; empty where deface is not installed."""
    python = deface_python()
    if python is None:
        print("left out: deface is not installed, see benchmarks/clips.py")
        return {}
    kept = PRIVATE / "deface.json"
    if not kept.exists():
        # single frames of clips labelled on few, every second of the others, as the labels have them
        few = [str(clip.path) for clip in clips if clip.truth in ("mot", "corners")]
        others = [str(clip.path) for clip in clips if str(clip.path) not in few]
        found: dict[str, Any] = {}
        for every, paths in ((1, few), (EVERY, others)):
            script = str(ROOT / "benchmarks" / "deface_boxes.py")
            command = [str(python), script, str(every), *paths]
            found |= json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(".part")
        part.write_text(json.dumps(found))
        os.replace(part, kept)
    return dict(json.loads(kept.read_text()))


def _contact_sheets(coverage: Coverage, clips: Mapping[str, Clip]) -> None:
    for kind in ("face", "person"):
        tiles = [_tile(seen, clips[seen.clip]) for seen in coverage.worst(kind, 48)]
        rows = [np.hstack(_padded(tiles[start : start + 8])) for start in range(0, len(tiles), 8)]
        if rows:
            cv2.imwrite(str(PRIVATE / f"misses-{kind}.png"), np.vstack(rows))


def _padded(tiles: list[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    return tiles + [np.zeros_like(tiles[0])] * (8 - len(tiles))


def _tile(seen: Seen, clip: Clip) -> NDArray[np.uint8]:
    """The surroundings of a miss, 200 x 200, its label drawn."""
    frame = next(frame for frame in decoded(clip) if frame.index == seen.index)
    picture = np.ascontiguousarray(frame.rgb(frame.width, frame.height)[:, :, ::-1])
    x1, y1, x2, y2 = (round(edge) for edge in seen.label.box)
    cv2.rectangle(picture, (x1, y1), (x2, y2), (0, 0, 255), 1)
    half = max(x2 - x1, y2 - y1) * (2 if seen.label.kind == "face" else 0.8)
    middle_x, middle_y = (x1 + x2) / 2, (y1 + y2) / 2
    left, top = max(int(middle_x - half), 0), max(int(middle_y - half), 0)
    crop = picture[top : max(int(middle_y + half), top + 2), left : max(int(middle_x + half), left + 2)]
    tile = cv2.resize(crop, (200, 200), interpolation=cv2.INTER_AREA)
    text = f"{seen.clip[-12:]} {seen.index} {seen.share:.2f}"
    cv2.putText(tile, text, (2, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (0, 255, 255), 1)
    return np.asarray(tile, dtype=np.uint8)


def table(results: dict[str, Any]) -> str:
    """Markdown."""
    parts = []
    for kind, title in (("face", "Faces"), ("person", "People")):
        names = [f"{low}-{high}" if high < 1000 else f"{low}+" for low, high in BINS]
        lines = [
            f"**{title}**: share of labelled boxes of which 90 % or more is covered, by height in pixels",
            "",
            f"| | {' | '.join(names)} | all | tracks never exposed | longest exposed | frame covered needlessly |",
            f"|---|{'---|' * (len(names) + 4)}",
        ]
        for way, figures in results["ways"].items():
            if kind not in figures:
                continue
            facts = figures[kind]
            cells = [percent(facts["by_height"][name]["covered"]) for name in names]
            lines.append(
                f"| {way} | {' | '.join(cells)} | {percent(facts['covered'])} | {percent(facts['never_exposed'])} |"
                f" {facts['longest_exposed']:.1f} s | {percent(figures['needless'])} |"
            )
        first = next(iter(results["ways"].values()))[kind]
        counts = " · ".join(f"{name} px {first['by_height'][name]['boxes']}" for name in names)
        parts.append("\n".join([*lines, "", f"{first['boxes']} boxes ({counts}) in {first['tracks']} tracks."]))
    return "\n\n".join(parts)


def percent(value: float | None) -> str:
    """A share in words."""
    return "-" if value is None else f"{100 * value:.1f} %"


def plot(results: dict[str, Any], folder: Path) -> list[Path]:
    """Coverage by height for every way."""
    from benchmarks.plots import grouped

    names = [f"{low}-{high}" if high < 1000 else f"{low}+" for low, high in BINS]
    series = {
        way: [100 * (figures["face"]["by_height"][name]["covered"] or 0) for name in names]
        for way, figures in results["ways"].items()
    }
    path = folder / "protection.png"
    grouped(
        path, names, series, title="Faces covered", across="height of the face in pixels", up="% of labelled faces"
    )
    return [path]
