"""Pseudo-labels: several teachers look at each picture at several scales and mirrored; what they agree on counts.

A teacher's answers over all its views are joined first; the score of a box is then the mean of its two most convinced
teachers (faces) or views (people), so that one teacher alone needs .9 to reach what two reach with .45 each.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from redact.geometry import Boxes, clip, iou

from . import teachers
from .teachers import Answer, Image, Scores, Teacher

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class View:
    """One teacher at one scale; views of the same family are one opinion."""

    family: str
    teacher: Teacher
    long_side: int


def views(centerface: Path | None) -> dict[str, list[View]]:
    """The views that label each kind: models that `redact` loads by name, and CenterFace where its file is given."""
    small = teachers.named("yunet_n", "face")
    people = teachers.named("yolox_nano_640", "person")
    face = [View("yunet_n", t, side) for side in (320, 640, 1280) for t in (small, teachers.mirrored(small))]
    face.append(View("yunet_2023mar", teachers.named("yunet_2023mar", "face"), 640))
    if centerface is not None:
        face += [View("centerface", teachers.centerface(centerface), side) for side in (416, 800)]
    person = [
        View("whole", people, 640),
        View("mirrored", teachers.mirrored(people), 640),
        View("coarse", teachers.named("yolox_nano", "person"), 416),
        View("halves", teachers.halves(people), 640),
    ]
    return {"face": face, "person": person}


def agree(answers: Sequence[tuple[str, Answer]], threshold: float = 0.45) -> list[list[float]]:
    """Join the answers of several views to rows x1 y1 x2 y2 score, best first."""
    boxes: Boxes = np.concatenate([a[0] for _, a in answers])
    scores: Scores = np.concatenate([a[1] for _, a in answers])
    family = np.concatenate([np.full(len(a[1]), i) for i, (_, a) in enumerate(answers)]) if answers else np.zeros(0)
    names = [name for name, _ in answers]
    free = np.ones(len(boxes), bool)
    matrix = iou(boxes, boxes)
    rows: list[list[float]] = []
    for i in np.argsort(-scores, kind="stable"):
        if not free[i]:
            continue
        same = free & (matrix[i] >= threshold)
        free &= ~same
        best: dict[str, float] = {}
        for j in np.flatnonzero(same):
            name = names[int(family[j])]
            best[name] = max(best.get(name, 0.0), float(scores[j]))
        top = [*sorted(best.values(), reverse=True)[:2], 0.0]
        box = np.average(boxes[same], axis=0, weights=scores[same] ** 2)
        rows.append([*(round(float(v), 1) for v in box), round((top[0] + top[1]) / 2, 3)])
    return sorted(rows, key=lambda r: -r[4])


def label(bgr: Image, kinds: dict[str, list[View]], floor: float = 0.1) -> dict[str, list[list[float]]]:
    """Rows x1 y1 x2 y2 score per kind for one picture."""
    h, w = bgr.shape[:2]
    result = {}
    for kind, looks in kinds.items():
        answers = []
        for view in looks:
            boxes, scores = view.teacher(bgr, view.long_side)
            answers.append((view.family, (clip(boxes, w, h), scores)))
        result[kind] = [row for row in agree(answers) if row[4] >= floor]
    return result


def run(data: Path, centerface: Path | None, out: Path) -> None:
    """Label every picture of `data` and write its labels.json again, as `out`, with new `teacher` entries.

    Human labels are kept as they are. A run that was broken off goes on where it was.
    """
    known = json.loads((data / "labels.json").read_text())
    kinds = views(centerface)
    names = sorted(known)
    done: dict[str, dict[str, object]] = {}
    if out.exists():
        done = json.loads(out.read_text())
    for count, name in enumerate(names, 1):
        if name not in done:
            bgr = cv2.imread(str(data / "images" / name))
            if bgr is None:
                log.warning("%s cannot be read and is left out", name)
                continue
            done[name] = {**known[name], "teacher": label(np.asarray(bgr, np.uint8), kinds)}
        if count % 100 == 0 or count == len(names):
            part = out.with_name(out.name + ".part")
            part.write_text(json.dumps(done))
            part.replace(out)
            log.info("%d of %d pictures", count, len(names))
