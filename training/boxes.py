"""Boxes as float32 arrays (N, 4): x1 y1 x2 y2 in pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]
Scores = NDArray[np.float32]


def area(boxes: Boxes) -> Scores:
    """Area in square pixels, (N,)."""
    return np.clip(boxes[:, 2] - boxes[:, 0], 0, None) * np.clip(boxes[:, 3] - boxes[:, 1], 0, None)


def intersection(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """Common area of every box of `a` with every box of `b`, (A, B)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    size = np.clip(high - low, 0, None)
    return np.asarray(size[..., 0] * size[..., 1], np.float32)


def overlap(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """Intersection over union, (A, B)."""
    common = intersection(a, b)
    union = area(a)[:, None] + area(b)[None] - common
    return np.asarray(common / np.maximum(union, 1e-6), np.float32)


def covered(inner: Boxes, outer: Boxes) -> NDArray[np.float32]:
    """Share of each box of `inner` that lies inside each box of `outer`, (inner, outer)."""
    return np.asarray(intersection(inner, outer) / np.maximum(area(inner), 1e-6)[:, None], np.float32)


def grow(boxes: Boxes, factor: float) -> Boxes:
    """Boxes `factor` times as wide and high around the same centre."""
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2 * factor
    return np.concatenate((centre - half, centre + half), 1).astype(np.float32)


def clip(boxes: Boxes, width: int, height: int) -> Boxes:
    """Boxes cut at the edges of the picture."""
    return np.clip(boxes, 0, np.array([width, height, width, height], np.float32)).astype(np.float32)


def suppress(boxes: Boxes, scores: Scores, threshold: float) -> NDArray[np.intp]:
    """Non-maximum suppression: the indices that stay, best first."""
    order = np.argsort(-scores, kind="stable")
    matrix = overlap(boxes[order], boxes[order])
    gone = np.zeros(len(order), bool)
    for i in range(len(order)):
        if not gone[i]:
            gone[i + 1 :] |= matrix[i, i + 1 :] > threshold
    return np.asarray(order[~gone])


def empty() -> Boxes:
    """No box."""
    return np.zeros((0, 4), np.float32)
