"""Boxes as float32 arrays of shape (N, 4): x1 y1 x2 y2 in pixels of the upright frame.

x grows to the right, y down; (0, 0) is the outer corner of the first pixel, so a box around the whole
frame is (0, 0, width, height) and covers width * height pixels. Edges are never moved inwards.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]

_BLOCK = 64  # boxes that nms compares at once: box by box, a crowd took longer than finding it


def as_boxes(values: object) -> Boxes:
    """Any nested sequence of boxes as float32 (N, 4); an empty one as (0, 4)."""
    return np.asarray(values, dtype=np.float32).reshape(-1, 4)


def area(boxes: Boxes) -> NDArray[np.float32]:
    """Area of each box in square pixels, (N,); 0 where a box is inside out."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return np.asarray(sides[:, 0] * sides[:, 1], dtype=np.float32)


def grow(boxes: Boxes, factor: float | NDArray[np.float32]) -> Boxes:
    """Boxes about the same centres with sides ``factor`` times as long; ``factor`` a number or (N,)."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]) / 2 * np.reshape(np.asarray(factor, dtype=np.float32), (-1, 1))
    return np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)


def pad(boxes: Boxes, margin: float | NDArray[np.float32]) -> Boxes:
    """Boxes with every edge moved outwards by ``margin`` pixels; ``margin`` a number or (N,)."""
    edge = np.reshape(np.asarray(margin, dtype=np.float32), (-1, 1))
    return np.concatenate([boxes[:, :2] - edge, boxes[:, 2:] + edge], axis=1).astype(np.float32)


def hull(first: Boxes, second: Boxes) -> Boxes:
    """Smallest boxes that contain both, row by row."""
    low = np.minimum(first[:, :2], second[:, :2])
    high = np.maximum(first[:, 2:], second[:, 2:])
    return np.concatenate([low, high], axis=1).astype(np.float32)


def clip(boxes: Boxes, width: int, height: int) -> Boxes:
    """Boxes cut to the frame; one wholly outside ends with no area."""
    limits = np.array([width, height, width, height], dtype=np.float32)
    return np.clip(boxes, 0, limits).astype(np.float32)


def overlap(first: Boxes, second: Boxes) -> NDArray[np.float32]:
    """Area in square pixels that each pair shares, (N, M)."""
    # a coordinate at a time: numpy is three times as fast on (N, M) as on (N, M, 2)
    wide = np.minimum(first[:, None, 2], second[:, 2]) - np.maximum(first[:, None, 0], second[:, 0])
    high = np.minimum(first[:, None, 3], second[:, 3]) - np.maximum(first[:, None, 1], second[:, 1])
    return np.asarray(np.maximum(wide, 0) * np.maximum(high, 0), dtype=np.float32)


def iou(first: Boxes, second: Boxes) -> NDArray[np.float32]:
    """Intersection over union of each pair, (N, M), in 0..1; 0 where both are empty."""
    shared = overlap(first, second)
    union = area(first)[:, None] + area(second)[None, :] - shared
    return np.asarray(shared / np.maximum(union, np.float32(1e-9)), dtype=np.float32)


def nms(boxes: Boxes, scores: NDArray[np.float32], threshold: float) -> NDArray[np.intp]:
    """Indices of the boxes to keep, best score first, none overlapping a better one by IoU > threshold."""
    order = np.argsort(-scores, kind="stable")
    ranked = boxes[order]
    alive = np.ones(len(order), dtype=np.bool_)
    for start in range(0, len(order), _BLOCK):
        rest = start + np.flatnonzero(alive[start:])
        count = int(np.searchsorted(rest, start + _BLOCK))
        clash = iou(ranked[rest[:count]], ranked[rest]) > threshold
        stays = np.ones(len(rest), dtype=np.bool_)
        for row in range(count):
            if stays[row]:
                stays[row + 1 :] &= ~clash[row, row + 1 :]
        alive[rest[~stays]] = False
    return order[alive]


def round_outward(box: tuple[float, float, float, float], multiple: int = 1) -> tuple[int, int, int, int]:
    """The smallest box with edges on multiples of ``multiple`` that contains ``box``, as whole numbers."""
    x1, y1, x2, y2 = box
    return (
        int(np.floor(x1 / multiple)) * multiple,
        int(np.floor(y1 / multiple)) * multiple,
        int(np.ceil(x2 / multiple)) * multiple,
        int(np.ceil(y2 / multiple)) * multiple,
    )
