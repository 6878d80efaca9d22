"""The pixels that belong to a region: which blocks of the frame are covered, never one too few.

A block is the smallest rectangle of pixels that one sample of every plane stands for (2 x 2 in 4:2:0), so
luma and both chroma planes always agree on what is covered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from redact.geometry import round_outward
from redact.policy import Policy, Polygon
from redact.polygons import drawn
from redact.regions import Region

PROPORTION = 1.25  # height by width of every covered face: its own would tell who it is (benchmarks/attack)

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Area:
    """Where something is covered. left, top, right, bottom: in blocks of the frame.

    mask: (bottom - top, right - left), True where covered, or None where every block is.
    """

    left: int
    top: int
    right: int
    bottom: int
    mask: Mask | None = None


@dataclass(frozen=True, slots=True)
class Grid:
    """The blocks of a frame. width, height: of the frame in pixels. block_x, block_y: of a block in pixels."""

    width: int
    height: int
    block_x: int
    block_y: int

    @property
    def columns(self) -> int:
        return -(-self.width // self.block_x)

    @property
    def rows(self) -> int:
        return -(-self.height // self.block_y)

    def area_of(self, region: Region, policy: Policy) -> Area | None:
        """The blocks that the region covers after growth, or None where it lies outside the frame."""
        x, y, a, b = spread(region, policy)
        area = self._box(x - a, y - b, x + a, y + b)
        if area is None or not rounded(region, policy):
            return area
        return Area(area.left, area.top, area.right, area.bottom, self._ellipse(area, x, y, a, b))

    def extent_of(self, region: Region, policy: Policy) -> Area | None:
        """The bounding box of ``area_of``, at a fraction of its cost."""
        x, y, a, b = spread(region, policy)
        return self._box(x - a, y - b, x + a, y + b)

    @lru_cache(maxsize=64)  # noqa: B019  # a few fixed polygons; drawing them anew in every frame is waste
    def area_of_polygon(self, polygon: Polygon) -> Area:
        """The blocks that a polygon in fractions of the frame touches."""
        mask = drawn(polygon, self.columns, self.rows)
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
        return Area(int(left), int(top), int(right), int(bottom), mask[top:bottom, left:right])

    def _box(self, x1: float, y1: float, x2: float, y2: float) -> Area | None:
        left, top, right, bottom = round_outward(
            (x1 / self.block_x, y1 / self.block_y, x2 / self.block_x, y2 / self.block_y)
        )
        left, top = max(left, 0), max(top, 0)
        right, bottom = min(right, self.columns), min(bottom, self.rows)
        return Area(left, top, right, bottom) if left < right and top < bottom else None

    def _ellipse(self, area: Area, x: float, y: float, a: float, b: float) -> Mask:
        """Blocks of the area that the ellipse about (x, y) with half axes a and b touches."""
        # for each row of blocks the ellipse is widest at the row's line nearest the centre
        tops = np.arange(area.top, area.bottom) * self.block_y
        nearest = np.clip(y, tops, tops + self.block_y) - y
        half = a * np.sqrt(np.maximum(1 - (nearest / b) ** 2, 0))
        first = np.floor((x - half) / self.block_x)[:, None]
        last = np.ceil((x + half) / self.block_x)[:, None]
        columns = np.arange(area.left, area.right)[None, :]
        return np.asarray((columns >= first) & (columns < np.maximum(last, first + 1)))


def rounded(region: Region, policy: Policy) -> bool:
    """Whether the region is covered by an ellipse, not by a box."""
    x1, y1, x2, y2 = region.box
    return region.kind == "face" and policy.shape == "ellipse" and x1 < x2 and y1 < y2


def spread(region: Region, policy: Policy) -> tuple[float, float, float, float]:
    """Centre x, y and half width and height in pixels of what covers the region.

    The box of a face is first widened or heightened to ``PROPORTION``. One that is rounded becomes the ellipse
    through its corners: the smallest of these proportions that contains it.
    """
    x1, y1, x2, y2 = region.box
    width, height = x2 - x1, y2 - y1
    if region.kind == "face":
        width, height = max(width, height / PROPORTION), max(height, width * PROPORTION)
    factor = policy.grow_of(region.kind) / 2 * (math.sqrt(2) if rounded(region, policy) else 1)
    return (x1 + x2) / 2, (y1 + y2) / 2, width * factor, height * factor


def mask_of(areas: list[Area], grid: Grid) -> Mask:
    """All covered pixels of the frame, (height, width)."""
    blocks = np.zeros((grid.rows, grid.columns), dtype=bool)
    for area in areas:
        view = blocks[area.top : area.bottom, area.left : area.right]
        view |= True if area.mask is None else area.mask
    return blocks.repeat(grid.block_y, 0).repeat(grid.block_x, 1)[: grid.height, : grid.width]
