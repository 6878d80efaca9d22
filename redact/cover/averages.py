"""Cells that average what they hide: the weak way, which needs ``--allow-weak`` and recognisers see through.

The averages are coarsened and disturbed by noise, sampled once and held, so that a moving face does not leak what one
sample hides: a point-sampled or per-frame mosaic can be put together again from its frames. That makes it harder, not
safe: benchmarks/attack says what is left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from redact.frames import PixelFormat, Samples

BODY_CELLS = 6  # cells across the shorter side of a body (8 would be allowed): a head in it gets about two
HELD = 2.0  # seconds that sampled cells stay: 60 frames show at most two samples (tests/test_cover.py)
FADE = 0.5  # seconds in which new cells replace old ones, so that nothing pops
LEVELS = 16  # values that a luma cell can have
CHROMA_LEVELS = 64  # values of a chroma cell, whose useful range is half as wide and which tells less

Cells = NDArray[np.float32]


_FORGET = 5.0  # seconds after which the cells of a thing that is gone are dropped


@dataclass(slots=True)
class Sample:
    """The cells of one thing: for each plane (rows, columns) or (rows, columns, channels), float32 sample values."""

    time: float
    cells: list[Cells]


@dataclass(slots=True)
class _Held:
    old: Sample
    new: Sample
    used: float


class Averages:
    """The cells of everything that is covered in a recording, sampled now and then and held in between."""

    def __init__(self) -> None:
        self._held: dict[int, _Held] = {}

    def of(
        self, key: int, crops: Sequence[Samples], columns: int, rows: int, layout: PixelFormat, time: float
    ) -> list[Cells]:
        """The cells to draw at ``time`` seconds. key: whose. crops: what they hide, a part of each plane."""
        held = self._held.get(key)
        if held is None or not 0 <= time - held.new.time < HELD:
            new = sample(crops, columns, rows, layout, time)
            # the first sample has nothing to fade from
            held = self._held[key] = _Held(held.new if held else new, new, time)
        held.used = time
        return mixed(held.old, held.new, time)

    def forget(self, time: float) -> None:
        """Drop what was not drawn lately."""
        for key in [key for key, held in self._held.items() if abs(time - held.used) > _FORGET]:
            del self._held[key]


def sample(crops: Sequence[Samples], columns: int, rows: int, layout: PixelFormat, time: float) -> Sample:
    """Average each crop into ``rows`` x ``columns`` cells, quantise, and disturb by up to half a level.

    The noise is seeded by a digest of the hidden pixels themselves: nobody without them can repeat it, and
    covering the same picture twice does not give an attacker a second, independent sample to average with.
    """
    import cv2

    digest = hashlib.blake2b(digest_size=16)
    for crop in crops:
        digest.update(np.ascontiguousarray(crop).data)
    noise = np.random.Generator(np.random.Philox(key=int.from_bytes(digest.digest(), "big")))
    cells = []
    for index, crop in enumerate(crops):
        step = (1 << layout.bits + layout.shift) / (CHROMA_LEVELS if index and layout.model == "yuv" else LEVELS)
        mean = cv2.resize(crop, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float32)
        coarse = (np.floor(mean / step) + 0.5) * step
        cells.append((coarse + noise.uniform(-step / 2, step / 2, mean.shape)).astype(np.float32))
    return Sample(time, cells)


def mixed(old: Sample, new: Sample, time: float) -> list[Cells]:
    """Cells on their way from ``old`` to ``new`` at ``time`` seconds."""
    import cv2

    part = np.float32((time - new.time) / FADE)
    if part >= 1:
        return new.cells
    return [
        late * part
        + cv2.resize(early, late.shape[1::-1], interpolation=cv2.INTER_LINEAR).reshape(late.shape) * (1 - part)
        for early, late in zip(old.cells, new.cells, strict=True)
    ]
