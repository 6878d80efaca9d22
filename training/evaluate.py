"""Detectors side by side on the same labelled pictures: what they find, what they invent, what they cost."""

from __future__ import annotations

import json
import logging
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.detect.catalog import catalog
from redact.geometry import as_boxes

from .answers import Contestant, ask, milliseconds, read
from .data import Truth, load, split
from .measure import Sightings, join, sight
from .network import KINDS

log = logging.getLogger(__name__)

BANDS = {"face": (8, 16, 32, 64, 128, np.inf), "person": (16, 48, 96, 192, 384, np.inf)}  # heights in pixels as seen
SMALLEST = {"face": 16, "person": 48}  # what the headline recall counts
BUDGETS = (0.3, 0.6, 1.0, 2.0)  # false positives a picture at which recall is compared
BUDGET = 0.6  # the one that the table by size uses


@dataclass(frozen=True)
class Picture:
    """A labelled picture (path or BGR pixels); `tags` says something about each truth."""

    pixels: Path | NDArray[np.uint8]
    truth: Truth
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exam:
    """One kind on one set of pictures, seen at one longer side."""

    name: str
    kind: str
    long_side: int
    pictures: list[Picture] = field(repr=False)


def photographs(folder: Path) -> list[Picture]:
    """A folder with `images/` and `faces.json`: file to `faces` [x y w h] and `labels`."""
    pictures = []
    for name, entry in sorted(json.loads((folder / "faces.json").read_text()).items()):
        rows = as_boxes(entry["faces"])
        boxes = np.concatenate((rows[:, :2], rows[:, :2] + rows[:, 2:]), 1)
        pictures.append(Picture(folder / "images" / name, Truth(boxes, as_boxes([])), tuple(entry["labels"])))
    return pictures


def held_out(folder: Path, kind: str) -> list[Picture]:
    """The pictures of a training folder that training never sees, with nothing but the boxes that people drew."""
    known = json.loads((folder / "labels.json").read_text())
    _, examples = split(load(folder))
    drawn = [(e, known[e.name]["labels"].get(kind)) for e in examples]
    return [
        Picture(e.path, Truth(as_boxes(rows), as_boxes([])), (e.group,) * len(rows))
        for e, rows in drawn
        if rows is not None
    ]


def crowd(video: Path, truth: Path) -> list[Picture]:
    """The frames of a video for which a MOT file (frame, id, x, y, w, h, ...; frames from 1) has boxes."""
    rows = np.loadtxt(truth, delimiter=",", ndmin=2)
    capture = cv2.VideoCapture(str(video))
    pictures: list[Picture] = []
    number = 0
    while True:
        good, bgr = capture.read()
        if not good:
            return pictures
        number += 1
        mine = rows[rows[:, 0] == number, 2:6]
        if len(mine):
            boxes = as_boxes(np.concatenate((mine[:, :2], mine[:, :2] + mine[:, 2:]), 1))
            pictures.append(Picture(np.asarray(bgr, np.uint8), Truth(boxes, as_boxes([])), ("night",) * len(boxes)))


def look(contestant: Contestant, exam: Exam) -> tuple[Sightings, Sightings, NDArray[np.str_]]:
    """Sightings by coverage and by overlap, heights as the detector saw them; the truths' tags in that order."""
    answers = ask(contestant, exam.kind, [p.pixels for p in exam.pictures], exam.long_side)
    parts, met, tags = [], [], []
    for picture, (boxes, scores) in zip(exam.pictures, answers, strict=True):
        height, width = _shape(picture.pixels)
        scale = np.float32(exam.long_side / max(height, width))
        truth = Truth(picture.truth.sure * scale, picture.truth.unsure * scale)
        question = (boxes * scale, scores, truth, KINDS.index(exam.kind), BANDS[exam.kind][0])
        parts.append(sight(*question))
        met.append(sight(*question, meet=True))
        tall = (truth.sure[:, 3] - truth.sure[:, 1]) >= BANDS[exam.kind][0]
        light = _light(picture) if exam.kind == "face" else [""] * len(tall)
        tags += [f"{tag} {shade}".strip() for tag, shade, ok in zip(picture.tags, light, tall, strict=True) if ok]
    return join(parts), join(met), np.array(tags)


def _shape(pixels: Path | NDArray[np.uint8]) -> tuple[int, int]:
    image = read(pixels)
    return image.shape[0], image.shape[1]


def _light(picture: Picture) -> list[str]:
    image = read(picture.pixels)
    shades = []
    for x1, y1, x2, y2 in picture.truth.sure.astype(int):
        patch = image[max(0, y1) : max(y2, y1 + 1), max(0, x1) : max(x2, x1 + 1)]
        shades.append("dark" if patch.size and float(patch.mean()) < 80 else "lit")
    return shades


def results(seen: Sightings, tags: NDArray[np.str_], kind: str, start: float | None) -> dict[str, Any]:
    """All figures of one contestant in one exam, as plain values."""
    low = SMALLEST[kind]
    at = seen.threshold_for_false(BUDGET)
    bands = list(zip(BANDS[kind][:-1], BANDS[kind][1:], strict=True))
    found: dict[str, Any] = {
        "pictures": seen.pictures,
        "truths": seen.count(low),
        "recall_at_false": {str(b): round(seen.recall(seen.threshold_for_false(b), low), 3) for b in BUDGETS},
        "threshold_at_false": {str(b): round(seen.threshold_for_false(b), 3) for b in BUDGETS},
        "by_height": {f"{a:g}-{b:g}": [round(seen.recall(at, a, b), 3), seen.count(a, b)] for a, b in bands},
        "reachable": round(seen.recall(0.05, low), 3),
    }
    large = seen.height >= low
    words = sorted({w for t in tags for w in str(t).split()})
    for word in words:
        chosen = large & np.array([word in str(t).split() for t in tags])
        share = Sightings(seen.found[chosen], seen.height[chosen], seen.false, seen.pictures).recall(at)
        found.setdefault("by_tag", {})[word] = [round(share, 3), int(chosen.sum())]
    if start is not None:
        found["at_start"] = {
            "threshold": start,
            "recall": round(seen.recall(start, low), 3),
            "false": round(seen.false_per_picture(start), 2),
            "by_height": {f"{a:g}-{b:g}": round(seen.recall(start, a, b), 3) for a, b in bands},
        }
    return found


def calibrate(seen: Sightings, kind: str, misses: Sequence[float]) -> dict[str, Any]:
    """Thresholds for stated miss rates among truths of headline size that some box covers at all."""
    low = SMALLEST[kind]
    reachable = Sightings(seen.found[seen.found > 0], seen.height[seen.found > 0], seen.false, seen.pictures)
    rows = {}
    for miss in misses:
        t = reachable.threshold_for_miss(miss, low)
        rows[str(miss)] = [round(t, 3), round(seen.recall(t, low), 3), round(seen.false_per_picture(t), 2)]
    return {"threshold_recall_false_by_miss": rows, "never_covered": round(1 - seen.recall(1e-6, low), 3)}


def compare(contestants: list[Contestant], exams: list[Exam], sample: Path | None) -> dict[str, Any]:
    """Every contestant in every exam of its kinds; `sample`: a picture to time them on, or None."""
    report: dict[str, Any] = {
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
        "load": round(os.getloadavg()[0], 2),
        "exams": {e.name: {"kind": e.kind, "long_side": e.long_side, "pictures": len(e.pictures)} for e in exams},
    }
    for contestant in contestants:
        log.info("%s", contestant.name)
        mine: dict[str, Any] = {}
        for exam in exams:
            if exam.kind not in contestant.kinds:
                continue
            seen, met, tags = look(contestant, exam)
            known = catalog().get(contestant.source)
            mine[exam.name] = results(seen, tags, exam.kind, known.traits.start[exam.kind] if known else None)
            budget = met.threshold_for_false(BUDGET)
            mine[exam.name]["by_overlap"] = round(met.recall(budget, SMALLEST[exam.kind]), 3)
            if exam.name.startswith("held-out"):
                mine[exam.name]["calibration"] = calibrate(seen, exam.kind, (0.02, 0.05, 0.1, 0.15))
        if sample is not None:
            mine["milliseconds"] = milliseconds(contestant, contestant.kinds[0], sample)
        report[contestant.name] = mine
    return report


def _by_tag(rows: dict[str, dict[str, dict[str, Any]]], takers: list[str], exam: str) -> list[str]:
    tags: dict[str, list[Any]] = rows[takers[0]][exam].get("by_tag", {})
    if len(tags) < 2:
        return []
    heads = [f"{t.replace('_', ' ')} ({n})" for t, (_, n) in tags.items()]
    lines = [f"| detector | {' | '.join(heads)} |"]
    lines.append("|---" * (1 + len(tags)) + "|")
    for name in takers:
        mine = rows[name][exam]["by_tag"]
        lines.append(f"| {name} | {' | '.join(f'{mine[t][0]:.2f}' for t in tags)} |")
    return [*lines, ""]


def markdown(report: dict[str, Any]) -> str:
    """The report as tables."""
    lines: list[str] = []
    exams: dict[str, dict[str, Any]] = report["exams"]
    names = [n for n in report if n not in ("machine", "load", "exams")]
    rows: dict[str, dict[str, dict[str, Any]]] = {n: report[n] for n in names}
    for exam, about in exams.items():
        kind = str(about["kind"])
        bands = [f"{a:g}-{b:g}".replace("-inf", "+") for a, b in zip(BANDS[kind][:-1], BANDS[kind][1:], strict=True)]
        takers = [n for n in names if exam in rows[n]]
        if not takers:
            continue
        first = rows[takers[0]][exam]
        lines += [
            f"### {exam}: {about['pictures']} pictures, {first['truths']} {kind}s of {SMALLEST[kind]} px and more, "
            f"longer side {about['long_side']}",
            "",
            f"| detector | {' | '.join(f'recall at {b:g} false' for b in BUDGETS)} | "
            f"{' | '.join(f'{b} px' for b in bands)} | by overlap | at its threshold: recall (false) |",
            "|---" * (3 + len(BUDGETS) + len(bands)) + "|",
        ]
        for name in takers:
            r = rows[name][exam]
            recalls = [f"{v:.3f}" for v in r["recall_at_false"].values()]
            sizes = ["–" if not c else f"{v:.2f}" for v, c in r["by_height"].values()]
            start = r.get("at_start")
            own = (
                f"{start['recall']:.3f} ({start['false']:.2f}) at {start['threshold']:g}"
                if isinstance(start, dict)
                else "–"
            )
            lines.append(f"| {name} | {' | '.join(recalls)} | {' | '.join(sizes)} | {r['by_overlap']:.3f} | {own} |")
        counts = " · ".join(f"{b}: {c}" for b, (_, c) in zip(bands, first["by_height"].values(), strict=True))
        lines += ["", f"By height: recall at {BUDGET:g} false positives a picture; how many there are: {counts}.", ""]
        lines += _by_tag(rows, takers, exam)
    timed = [n for n in names if "milliseconds" in rows[n]]
    if timed:
        keys = list(rows[timed[0]]["milliseconds"])
        lines += [
            "### Milliseconds a picture",
            "",
            f"| detector | {' | '.join(k.replace('/', ', threads ') for k in keys)} |",
        ]
        lines.append("|---" * (1 + len(keys)) + "|")
        for name in timed:
            lines.append(f"| {name} | " + " | ".join(f"{rows[name]['milliseconds'][k]:.1f}" for k in keys) + " |")
        lines.append("")
    return "\n".join(lines)
