"""How well boxes cover what they should: recall by coverage, and false positives a picture.

What counts is what a viewer of the covered picture would see: a face or a person is found when one box, after the
growth that the tool applies by default, contains at least 90 % of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from redact.geometry import Boxes, area, grow, iou, overlap

from .data import Truth

Scores = NDArray[np.float32]

GROWTH = (1.3, 1.1)  # per kind, what the tool's default policy adds
COVERAGE = 0.9
_SAME = 0.3  # overlap from which a detection belongs to a truth, however badly it fits


@dataclass(frozen=True)
class Sightings:
    """Everything that is needed for curves, over many pictures.

    `found` (T,): per truth the highest score of a box that covers it, 0 when none does; `height` (T,): its height in
    pixels as the detector saw it; `false` (F,): scores of detections that belong to nothing; `pictures`: how many.
    """

    found: Scores
    height: Scores
    false: Scores
    pictures: int

    def recall(self, threshold: float, low: float = 0, high: float = np.inf) -> float:
        """Share of truths with height in [low, high) that are found at `threshold`; nan when there are none."""
        chosen = self.found[(self.height >= low) & (self.height < high)]
        return float(((chosen >= threshold) & (chosen > 0)).mean()) if len(chosen) else float("nan")

    def count(self, low: float = 0, high: float = np.inf) -> int:
        """Truths with height in [low, high)."""
        return int(((self.height >= low) & (self.height < high)).sum())

    def false_per_picture(self, threshold: float) -> float:
        return float((self.false >= threshold).sum()) / max(self.pictures, 1)

    def threshold_for_false(self, per_picture: float) -> float:
        """The lowest threshold at which there are at most `per_picture` false positives a picture."""
        allowed = int(per_picture * self.pictures)
        ordered = np.sort(self.false)[::-1]
        return float(ordered[allowed]) + 1e-6 if allowed < len(ordered) else 0.0

    def threshold_for_miss(self, rate: float, low: float = 0) -> float:
        """The highest threshold at which at most `rate` of the truths from height `low` on are missed."""
        ordered = np.sort(self.found[self.height >= low])
        return float(ordered[int(rate * len(ordered))]) if len(ordered) else 0.0


def sight(
    boxes: Boxes, scores: Scores, truth: Truth, kind: int, smallest: float = 0, *, meet: bool = False
) -> Sightings:
    """Compare one picture's detections with its truth; truths below `smallest` height do not count.

    meet: have a truth found by any box that overlaps it by .4, as detectors are compared elsewhere.
    """
    height: Scores = truth.sure[:, 3] - truth.sure[:, 1]
    best = np.zeros(len(truth.sure), np.float32)
    belongs: NDArray[np.bool_] = np.zeros(len(boxes), np.bool_)
    if len(boxes) and len(truth.sure):
        hit = overlap(truth.sure, grow(boxes, GROWTH[kind])) >= COVERAGE * area(truth.sure)[:, None]
        if meet:
            hit = iou(truth.sure, boxes) >= 0.4
        # a box of the whole picture covers everything and is no find: it must also be of the truth's order of size
        hit &= area(boxes)[None] <= 6 * area(truth.sure)[:, None]
        best = np.where(hit, scores[None], 0).max(1).astype(np.float32)
        belongs = np.asarray((iou(boxes, truth.sure) >= _SAME).any(1) | hit.any(0))
    if len(boxes) and len(truth.unsure):
        inside = overlap(boxes, truth.unsure) / np.maximum(area(boxes), 1e-6)[:, None]
        belongs |= (inside >= 0.5).any(1)
    chosen: NDArray[np.bool_] = height >= smallest
    return Sightings(best[chosen], height[chosen].astype(np.float32), scores[~belongs].astype(np.float32), 1)


def join(parts: Sequence[Sightings]) -> Sightings:
    """The sightings of many pictures as one."""
    return Sightings(
        np.concatenate([p.found for p in parts]),
        np.concatenate([p.height for p in parts]),
        np.concatenate([p.false for p in parts]),
        sum(p.pictures for p in parts),
    )
