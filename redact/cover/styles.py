"""What is drawn in a covered area: little information, whatever the size of the face.

``blur`` and ``mosaic`` keep the average of a few cells, coarsened and disturbed by noise; ``mosaic`` shows the
cells, ``blur`` interpolates them. The cells are sampled once and held, so that a moving face does not leak what
one sample hides: a point-sampled or per-frame mosaic can be put together again from its frames.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from redact.frames import PixelFormat, Samples

HELD = 2.0  # seconds that sampled cells stay: 60 frames show at most two samples (tests/test_cover.py)
FADE = 0.5  # seconds in which new cells replace old ones, so that nothing pops
LEVELS = 16  # values that a luma cell can have
CHROMA_LEVELS = 64  # values of a chroma cell, whose useful range is half as wide and which tells less

Cells = NDArray[np.float32]


@dataclass(slots=True)
class Sample:
    """The cells of one thing: for each plane (rows, columns) or (rows, columns, channels), float32 sample values."""

    time: float
    cells: list[Cells]


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


def drawn(cells: Cells, width: int, height: int, layout: PixelFormat, *, smooth: bool) -> Samples:
    """Cells stretched to ``width`` x ``height`` samples of the pixel format."""
    import cv2

    top = ((1 << layout.bits) - 1) << layout.shift
    # rounded before stretching: integer interpolation is several times faster than float
    values = np.clip(np.rint(cells), 0, top).astype(layout.dtype)
    how = cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST
    patch = np.asarray(cv2.resize(values, (width, height), interpolation=how), dtype=layout.dtype)
    return patch & np.asarray(top, dtype=layout.dtype) if layout.shift else patch  # unused low bits stay zero
