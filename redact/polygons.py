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
    """Samples of a ``height`` x ``width`` grid over the frame that the polygon touches; never one too few.

    What its outline goes round belongs to it, however often: one that crosses itself has no holes.
    """
    import cv2

    mask = (_filled(polygon, width, height) | (_turns(polygon, width, height) != 0)).astype(np.uint8)
    # rounding may drop a sample that the edge only grazes: take in the neighbours
    return np.asarray(cv2.dilate(mask, np.ones((3, 3), np.uint8))[1:-1, 1:-1] > 0)


def _filled(polygon: Polygon, width: int, height: int) -> NDArray[np.bool_]:
    """The polygon with its outline, and a sample's margin around the frame; where it crosses itself it has holes."""
    import cv2

    # without the margin what lies on the frame's far edges alone would not be drawn
    corners = np.array(polygon, dtype=np.float64) * (width, height) + 0.5
    mask = np.zeros((height + 2, width + 2), dtype=np.uint8)
    cv2.fillPoly(mask, [np.round(corners * (1 << _SHIFT)).astype(np.int32)], 1, shift=_SHIFT)
    return mask > 0


def _turns(polygon: Polygon, width: int, height: int) -> NDArray[np.int16]:
    """How often the outline goes round the middle of each sample, with a margin of a sample around the frame."""
    turns = np.zeros((height + 2, width + 3), dtype=np.int16)
    middles = np.arange(height) + 0.5
    corners = np.array(polygon, dtype=np.float64) * (width, height)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        rows = np.flatnonzero((middles >= min(y1, y2)) & (middles < max(y1, y2)))
        crossed = x1 + (middles[rows] - y1) * ((x2 - x1) / (y2 - y1 or 1))
        turns[rows + 1, np.ceil(crossed - 0.5).astype(int) + 1] += 1 if y2 > y1 else -1
    return turns.cumsum(axis=1, dtype=np.int16)[:, : width + 2]


class Inside:
    """Tells which boxes lie wholly inside any of the polygons."""

    def __init__(self, polygons: tuple[Polygon, ...], width: int, height: int) -> None:
        import cv2

        self._scale = np.array([_GRID / width, _GRID / height] * 2, dtype=np.float32)
        union = np.zeros((_GRID, _GRID), dtype=np.int64)
        for polygon in polygons:
            # with the holes of one that crosses itself: less stays clear
            inside = cv2.dilate(_filled(polygon, _GRID, _GRID).astype(np.uint8), np.ones((3, 3)))
            union |= np.asarray(inside[1:-1, 1:-1], dtype=np.int64)
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
