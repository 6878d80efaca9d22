"""What is drawn over a region by default: a soft pattern in the tone of the scene, to which nothing hidden adds.

Even one average of a face tells forty people apart better than chance (benchmarks/attack), so none is taken. A veil
knows the number of its track and what stays visible around all that is covered: whoever changes the hidden pixels
changes nothing of what is drawn.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from redact.cover.shapes import Area, Grid
from redact.frames import PixelFormat, Plane

CONTRAST = (13.0, 2.5)  # most that a cell strays from its veil's tint, luma and chroma, of 255: seen, not loud
TINT = (18.0, 5.0)  # most that a track's tint strays from the tone: who stands beside whom stays visible
SIDE = 64  # cells after which a pattern repeats
SETTLE = 1.0  # seconds in which the tone follows the scene, so that nothing flickers
_POINTS = 64  # samples along a side of the frame that the tone is the average of

Values = list[NDArray[np.float32]]


class Tone:
    """The average colour of what stays visible of a recording, following it slowly."""

    def __init__(self) -> None:
        self._values: Values | None = None
        self._time = 0.0

    def of(
        self, planes: Sequence[Plane], areas: Iterable[Area], grid: Grid, layout: PixelFormat, time: float
    ) -> Values:
        """For each plane the value of each of its channels, without a sample of any area's bounding box."""
        step = max(grid.columns, grid.rows) // _POINTS + 1
        rows, columns = np.arange(0, grid.rows, step), np.arange(0, grid.columns, step)
        visible = np.ones((len(rows), len(columns)), dtype=bool)
        for area in areas:
            high, wide = _steps(area.top, area.bottom, step), _steps(area.left, area.right, step)
            visible[high, wide] = False
        seen = [
            plane.samples[:: step * (grid.block_y >> plane.sub_y), :: step * (grid.block_x >> plane.sub_x)]
            for plane in planes
        ]
        if visible.any():
            now = [np.atleast_1d(samples[visible].mean(axis=0, dtype=np.float32)) for samples in seen]
        else:  # all is covered: as before, or grey
            grey = float(1 << layout.bits + layout.shift - 1)
            now = self._values or [np.full(samples.shape[2:] or (1,), grey, np.float32) for samples in seen]
        since = time - self._time
        if self._values is not None and since >= 0:
            part = np.float32(1 - math.exp(-since / SETTLE))
            now = [was + (new - was) * part for was, new in zip(self._values, now, strict=True)]
        self._values, self._time = now, time
        return now


def cells(key: int, tone: Values, columns: int, rows: int, layout: PixelFormat) -> Values:
    """The cells of one veil: for each plane (rows, columns) or (rows, columns, channels), as stored."""
    unit = float(1 << layout.bits + layout.shift - 8)
    pattern = _pattern(key).take(np.arange(rows) % SIDE, 0).take(np.arange(columns) % SIDE, 1) * unit
    luma, blue, red = pattern[:, :, 0], pattern[:, :, 1], pattern[:, :, 2]
    if layout.model == "gray":
        offsets = [luma]
    elif layout.model == "yuv":
        offsets = [luma, blue, red] if len(layout.planes) == 3 else [luma, pattern[:, :, 1:]]
    else:  # blue and red against luma, as in YUV
        channels = [luma + red, luma - (blue + red) / 2, luma + blue]
        offsets = [np.dstack(channels if layout.model == "rgb" else channels[::-1])]
    return [offset + (value if offset.ndim == 3 else value[0]) for offset, value in zip(offsets, tone, strict=True)]


def _steps(start: int, stop: int, step: int) -> slice:
    """Which of the points 0, step, 2 * step ... lie from start up to stop."""
    return slice(-(-start // step), -(-stop // step))


@lru_cache(maxsize=1024)
def _pattern(key: int) -> NDArray[np.float32]:
    """(SIDE, SIDE, 3) offsets of luma, blue and red, of 255: a digest of the key, the same on every machine."""
    count = SIDE * SIDE * 3
    digest = hashlib.shake_128(str(key).encode()).digest(count + 3)
    values = np.frombuffer(digest, dtype=np.uint8).astype(np.float32) / 127.5 - 1
    amounts = np.array([CONTRAST[0], CONTRAST[1], CONTRAST[1]], dtype=np.float32)
    tint = values[count:] * np.array([TINT[0], TINT[1], TINT[1]], dtype=np.float32)
    return values[:count].reshape(SIDE, SIDE, 3) * amounts + tint
