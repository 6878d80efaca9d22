"""Pictures and what is known about them.

A data folder holds `images/` and `labels.json`: file name to `set`, `width`, `height`, and where there are any
`labels.face` / `labels.person` (by people: x1 y1 x2 y2) and `teacher.face` / `teacher.person` (x1 y1 x2 y2 score).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.geometry import Boxes, area, as_boxes, iou, overlap

from .network import KINDS

Image = NDArray[np.uint8]

SURE = 0.45  # a teacher's box from here on is taken for true
SURE_BESIDE_HUMAN = 0.6  # the same where people labelled and left this box out
UNSURE = 0.2  # between this and SURE nobody knows: ignored in the loss
WITHOUT_PEOPLE = frozenset({"empty"})  # sets in which every cell is background
HELD_OUT = 0.12  # share of the human-labelled pictures that training never sees


@dataclass(frozen=True)
class Truth:
    """What is known about one kind in one picture: boxes that are there, and boxes about which nothing is known."""

    sure: Boxes
    unsure: Boxes

    @staticmethod
    def nothing() -> Truth:
        return Truth(as_boxes([]), as_boxes([]))


@dataclass(frozen=True)
class Example:
    """One picture and its truth per kind (in the order of KINDS)."""

    name: str
    group: str
    path: Path
    size: tuple[int, int]  # width, height
    truths: tuple[Truth, ...]
    human: tuple[bool, ...]  # per kind: labelled by people

    def read(self) -> Image:
        """The pixels, BGR, height x width x 3."""
        bgr = cv2.imread(str(self.path))
        if bgr is None:
            raise OSError(f"{self.path} cannot be read as a picture")
        return np.asarray(bgr, np.uint8)


def held_out(name: str, share: float = HELD_OUT) -> bool:
    """Whether the hash of the file name puts the picture among the held-out ones."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 2**32 < share


def combine(human: list[list[float]] | None, teacher: list[list[float]] | None, size: tuple[int, int]) -> Truth:
    """Human boxes first; teachers fill in what people left out; doubts are kept as doubts."""
    width, height = size
    if human is None and teacher is None:
        return Truth(as_boxes([]), np.array([[0, 0, width, height]], np.float32))
    by_hand = np.array(human or [], np.float32).reshape(-1, 4)
    rows = np.array(teacher or [], np.float32).reshape(-1, 5)
    boxes, scores = rows[:, :4], rows[:, 4]
    if len(by_hand):
        common = overlap(boxes, by_hand)
        same = (iou(boxes, by_hand) >= 0.4).any(1) | (common / np.maximum(area(boxes), 1)[:, None] > 0.7).any(1)
        boxes, scores = boxes[~same], scores[~same]
    threshold = SURE if human is None else SURE_BESIDE_HUMAN
    sure = scores >= threshold
    unsure = ~sure & (scores >= UNSURE)
    return Truth(np.concatenate((by_hand, boxes[sure])), boxes[unsure])


def load(folder: Path, labels: Path | None = None) -> list[Example]:
    """The examples of a data folder, by name. `labels` may name another labels.json than the folder's own."""
    known = json.loads((labels or folder / "labels.json").read_text())
    examples = []
    for name in sorted(known):
        entry = known[name]
        size = (int(entry["width"]), int(entry["height"]))
        hand, teacher = entry.get("labels", {}), entry.get("teacher", {})
        if entry["set"] in WITHOUT_PEOPLE:
            truths = tuple(Truth.nothing() for _ in KINDS)
        else:
            truths = tuple(combine(hand.get(k), teacher.get(k), size) for k in KINDS)
        human = tuple(k in hand for k in KINDS)
        examples.append(Example(name, entry["set"], folder / "images" / name, size, truths, human))
    return examples


def split(examples: list[Example]) -> tuple[list[Example], list[Example]]:
    """Training and development examples; the latter are human-labelled and chosen by the hash of their name."""
    train: list[Example] = []
    develop: list[Example] = []
    for example in examples:
        (develop if any(example.human) and held_out(example.name) else train).append(example)
    return train, develop
