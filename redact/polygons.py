"""Polygons in fractions of the frame, drawn onto grids and asked what lies inside them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from redact.geometry import Boxes
from redact.policy import Polygon

_SHIFT = 8  # fractional bits of a corner that OpenCV draws with
_WHOLLY = 0.98  # of a box's area: the border of a drawn polygon is a sample wide
_GRID = 512  # samples across the frame in which "inside" is counted


def drawn(polygon: Polygon, width: int, height: int) -> NDArray[np.bool_]:
    """Samples of a ``height`` x ``width`` grid over the frame that the polygon touches; never one too few."""
    import cv2

    corners = np.array(polygon, dtype=np.float64) * (width, height) - 0.5
    mask = np.zeros((height, width), dtype=np.uint8)
    cv2.fillPoly(mask, [np.round(corners * (1 << _SHIFT)).astype(np.int32)], 1, shift=_SHIFT)
    # rounding may drop a sample that the edge only grazes: take in the neighbours
    return np.asarray(cv2.dilate(mask, np.ones((3, 3), np.uint8)) > 0)


class Inside:
    """Tells which boxes lie wholly inside any of the polygons."""

    def __init__(self, polygons: tuple[Polygon, ...], width: int, height: int) -> None:
        self._scale = np.array([_GRID / width, _GRID / height] * 2, dtype=np.float32)
        union = np.zeros((_GRID, _GRID), dtype=np.int64)
        for polygon in polygons:
            union |= drawn(polygon, _GRID, _GRID)
        self._sums = np.pad(union.cumsum(0).cumsum(1), ((1, 0), (1, 0)))

    def __call__(self, boxes: Boxes) -> NDArray[np.bool_]:
        """For boxes (N, 4) in frame pixels, whether each lies wholly inside, (N,)."""
        cells = boxes * self._scale
        x1, y1 = np.floor(cells[:, :2]).astype(int).T
        x2, y2 = np.ceil(cells[:, 2:]).astype(int).T
        area = np.maximum((x2 - x1) * (y2 - y1), 1)  # counted unclipped: what leaves the frame is not inside
        x1, x2 = np.clip(x1, 0, _GRID), np.clip(x2, 0, _GRID)
        y1, y2 = np.clip(y1, 0, _GRID), np.clip(y2, 0, _GRID)
        inside = self._sums[y2, x2] - self._sums[y1, x2] - self._sums[y2, x1] + self._sums[y1, x1]
        return np.asarray(inside >= _WHOLLY * area)
