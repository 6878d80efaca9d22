"""Covering regions of a frame, in place: the only code that makes a ``RedactedFrame``."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from redact.cover import veil
from redact.cover.averages import BODY_CELLS, Averages
from redact.cover.colors import plane_values
from redact.cover.planes import view, write
from redact.cover.shapes import PROPORTION, Area, Grid, Mask, mask_of, rounded
from redact.cover.styles import Cells, drawn
from redact.frames import PIXEL_FORMATS, Frame, PixelFormat, Plane, RedactedFrame
from redact.policy import Policy
from redact.regions import Region, Settled

__all__ = ["Cover"]

VEIL_CELLS = 4  # cells of a veil across a face or the shorter side of a body: it looks like what it stands for
_FULL_RANGE = 2  # FFmpeg's AVCOL_RANGE_JPEG
_UNSPECIFIED = 2  # FFmpeg's AVCOL_SPC_UNSPECIFIED


@dataclass(frozen=True, slots=True, eq=False)
class _Thing:
    """key: whose cells these are. cell: side of a cell in pixels. solid: one colour instead of cells.

    region: what is covered, where ``area`` is so far only the box around it.
    """

    key: int
    area: Area
    cell: float
    solid: bool
    region: Region | None = None


class Cover:
    """Covers frames of one recording according to a policy. Call it with each settled frame, in order."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._tone = veil.Tone()
        self._averages = Averages()

    def __call__(self, settled: Settled) -> RedactedFrame:
        """The frame with every region and always-polygon covered, or covered whole. Writes into its planes."""
        frame = settled.frame
        layout = PIXEL_FORMATS[frame.pixel_format]
        grid = _grid(frame, layout)
        if settled.whole:
            frame.own()
            self._fill(frame, Area(0, 0, grid.columns, grid.rows), grid, layout)
            return RedactedFrame(frame)
        things = self._things(settled, grid)
        if things:
            frame.own()
            planes = frame.planes()
            weak, soft = self._policy.cells > 0, not all(thing.solid for thing in things)
            tone = (
                []
                if weak or not soft
                else self._tone.of(planes, [thing.area for thing in things], grid, layout, frame.time)
            )
            for thing in things:
                if thing.solid:
                    self._fill(frame, thing.area, grid, layout)
                elif weak:
                    self._average(planes, thing, grid, layout, frame.time)
                else:
                    self._veil(planes, thing, grid, layout, tone)
        self._averages.forget(frame.time)
        return RedactedFrame(frame)

    def mask(self, settled: Settled) -> Mask:
        """Which pixels of the frame are covered, (height, width) bool."""
        grid = _grid(settled.frame, PIXEL_FORMATS[settled.frame.pixel_format])
        areas = [thing.area for thing in self._things(settled, grid)]
        if settled.whole:
            areas.append(Area(0, 0, grid.columns, grid.rows))
        return mask_of(areas, grid)

    def _things(self, settled: Settled, grid: Grid) -> list[_Thing]:
        """What to cover, larger things first.

        A face on a body is drawn over the covered body: averages of it are of what is no longer there.
        """
        solid = self._policy.style == "solid"
        things = []
        for index, polygon in enumerate(self._policy.always):
            area = grid.area_of_polygon(polygon)
            sides = (area.right - area.left) * grid.block_x, (area.bottom - area.top) * grid.block_y
            things.append(_Thing(-1 - index, area, min(sides) / (self._policy.cells or VEIL_CELLS), solid))
        for region in settled.regions:
            extent = grid.extent_of(region, self._policy)
            if extent is not None:
                # the letters of a plate can be guessed from averages of their cells
                plain = solid or region.kind == "plate"
                things.append(_Thing(region.track, extent, self._cell(region), plain, region))
        things.sort(key=lambda thing: -_size(thing.area))
        return [self._shaped(thing, grid) for thing in self._outer(things)]

    def _outer(self, things: list[_Thing]) -> list[_Thing]:
        """Without those that lie wholly in a larger one that hides at least as much: seams inside seams help nobody.

        things: larger ones first. All pairs are compared at once: a crowd has hundreds.
        """
        if len(things) < 2:
            return things
        areas = [thing.area for thing in things]
        left, top = np.array([area.left for area in areas]), np.array([area.top for area in areas])
        right, bottom = np.array([area.right for area in areas]), np.array([area.bottom for area in areas])
        cell = np.array([thing.cell for thing in things])
        solid = np.array([thing.solid for thing in things])
        full = np.array([self._full(thing) for thing in things])
        within = (left[:, None] >= left) & (top[:, None] >= top) & (right[:, None] <= right)
        within &= (bottom[:, None] <= bottom) & full & (cell >= cell[:, None]) & (solid | ~solid[:, None])
        kept = np.flatnonzero(~np.tril(within, -1).any(axis=1))
        return [things[index] for index in kept]

    def _full(self, thing: _Thing) -> bool:
        """Whether every block of the thing's box is covered."""
        return thing.region is not None and not rounded(thing.region, self._policy)

    def _shaped(self, thing: _Thing, grid: Grid) -> _Thing:
        area = None if thing.region is None else grid.area_of(thing.region, self._policy)
        return thing if area is None else replace(thing, area=area)

    def _cell(self, region: Region) -> float:
        x1, y1, x2, y2 = region.box
        sides, cells = (x2 - x1, y2 - y1), self._policy.cells
        if cells > 0:
            return max(sides) / cells if region.kind == "face" else min(sides) / BODY_CELLS
        # of a face as it is covered: how many cells there are must not tell its proportions
        return (max(sides[0], sides[1] / PROPORTION) if region.kind == "face" else min(sides)) / VEIL_CELLS

    def _veil(
        self, planes: tuple[Plane, ...], thing: _Thing, grid: Grid, layout: PixelFormat, tone: veil.Values
    ) -> None:
        columns, rows = _count(thing, grid)
        self._write(planes, thing.area, grid, layout, veil.cells(thing.key, tone, columns, rows, layout))

    def _average(
        self, planes: tuple[Plane, ...], thing: _Thing, grid: Grid, layout: PixelFormat, time: float
    ) -> None:
        crops = [view(plane, thing.area, grid) for plane in planes]
        cells = self._averages.of(thing.key, crops, *_count(thing, grid), layout, time)
        self._write(planes, thing.area, grid, layout, cells)

    def _write(
        self, planes: tuple[Plane, ...], area: Area, grid: Grid, layout: PixelFormat, cells: list[Cells]
    ) -> None:
        for plane, values in zip(planes, cells, strict=True):
            height, width = view(plane, area, grid).shape[:2]
            write(plane, area, grid, drawn(values, width, height, layout, smooth=self._policy.style == "blur"))

    def _fill(self, frame: Frame, area: Area, grid: Grid, layout: PixelFormat) -> None:
        matrix, full_range = _UNSPECIFIED, layout.full_range
        if not isinstance(frame.picture, np.ndarray):
            matrix = int(frame.picture.colorspace)
            full_range = full_range or int(frame.picture.color_range) == _FULL_RANGE
        values = plane_values(self._policy.rgb(), layout, matrix=matrix, full_range=full_range, height=frame.height)
        for plane, value in zip(frame.planes(), values, strict=True):
            write(plane, area, grid, value)


def _grid(frame: Frame, layout: PixelFormat) -> Grid:
    return Grid(frame.width, frame.height, *layout.block)


def _size(area: Area) -> int:
    return (area.right - area.left) * (area.bottom - area.top)


def _count(thing: _Thing, grid: Grid) -> tuple[int, int]:
    """Columns and rows of a thing's cells."""
    area, cell = thing.area, max(thing.cell, 1)
    width, height = (area.right - area.left) * grid.block_x, (area.bottom - area.top) * grid.block_y
    return max(int(width / cell), 1), max(int(height / cell), 1)
