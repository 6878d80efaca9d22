"""What is left of one region in one frame: all of it, a part, a line, its colours, or detail that is too fine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from redact.verify.channels import Channel, Levels
from redact.verify.detail import (
    COLOUR_ENERGY,
    ENERGY,
    SAFE,
    Mask,
    cells_left,
    clear_lines,
    fine_size,
    survival,
    windows,
    within,
)
from redact.verify.squares import cluster
from redact.verify.verdict import Reason

WINDOW = 16  # pixels: side of the squares in which a region is looked at for parts that are clear
MOSTLY = 0.8  # share of a region's squares that are clear, from which on all of it is
FEW = 8  # squares, below which one that is clear is enough, and a region is looked at by halves too
MANY = 24  # squares, from which on two clear ones side by side may be chance
_ENOUGH = 12  # pixels of a cell: more show nothing more
_BORDER = 4  # pixels about an edge that codecs smear


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """One region in input and output.

    before, after: its channels in levels, as ``kinds`` says. mask: pixels that should be covered. alone: those
    that no other region covers as well. box: rows and columns of the region itself. cell: side of its cells in pixels.
    """  # noqa: E501

    before: Sequence[Levels]
    after: Sequence[Levels]
    kinds: Sequence[Channel]
    mask: Mask
    alone: Mask
    box: tuple[slice, slice]
    cell: float


@dataclass(frozen=True, slots=True)
class Remains:
    """reason: None where all of it is clear, and time tells why. gain: how much is left, 0..1."""

    reason: Reason | None
    gain: float
    detail: str


def remains_of(crop: Crop) -> Remains | None:
    """What is left, or None."""
    return _clear(_reduced(crop)) or _lines(crop) or _weak(crop) or _colours(crop)


def _clear(crop: Crop) -> Remains | None:
    before, after = crop.before[0], crop.after[0]
    size = fine_size(crop.cell)
    edge = size + _BORDER if min(before.shape) > 2 * WINDOW else size
    mask = within(crop.mask, edge, edge)
    whole = survival(before, after, size, mask)
    squares = windows(before, after, size, mask, WINDOW)
    told, clear = squares.told(ENERGY), squares.clear()
    count, left = int(told.sum()), int(clear.sum())
    if whole.clear() and left >= MOSTLY * count:
        return Remains(None, whole.gain, "as clear as in the input")
    alone = windows(before, after, size, mask & crop.alone, WINDOW)
    own = int(alone.told(ENERGY).sum())
    if own >= FEW // 2 and int(alone.clear().sum()) >= MOSTLY * own:
        # the rest of it lies under another cover
        return Remains(None, left / max(count, 1), "as clear as in the input")
    if cluster(clear, 3 if count >= MANY else 2 if count >= FEW else 1):
        return Remains("partly clear", left / count, f"{left} of {count} squares of it are clear")
    for name, half in _halves(mask) if count < FEW else ():
        part = survival(before, after, size, within(half, size, size))
        if part.clear():
            return Remains("partly clear", part.gain / 2, f"its {name} is clear")
    return None


def _lines(crop: Crop) -> Remains | None:
    before, after = crop.before[0], crop.after[0]
    rows, columns = clear_lines(before, after, crop.mask), clear_lines(before.T, after.T, crop.mask.T)
    words = [f"{int(lines.sum())} {name}" for lines, name in ((rows, "rows"), (columns, "columns")) if lines.any()]
    if not words:
        return None
    gain = float(max(rows.mean(), columns.mean()))
    return Remains("partly clear", gain, f"{' and '.join(words)} of it are clear")


def _colours(crop: Crop) -> Remains | None:
    for before, after, kind in list(zip(crop.before, crop.after, crop.kinds, strict=True))[1:]:
        mask = crop.mask[:: 1 << kind.sub_y, :: 1 << kind.sub_x]
        # colours are coarser than brightness: what cells may show begins at their own size
        size = min(max(5, int(crop.cell * 0.7) >> kind.sub_x | 1), 63)
        inner = within(mask, size, size)
        if inner is mask and not mask.all():
            size = 5
            inner = within(mask, size, size)
        part = survival(before, after, size, inner)
        if part.clear(COLOUR_ENERGY):
            return Remains("colour left", part.gain, "its colours are those of the input")
    return None


def _weak(crop: Crop) -> Remains | None:
    cells, gain = cells_left(crop.before[0][crop.box], crop.after[0][crop.box])
    if cells <= SAFE:
        return None
    return Remains("covered too weakly", gain, f"{cells} cells across it can be told apart")


def _reduced(crop: Crop) -> Crop:
    """Brightness at half or a quarter of the size, as long as cells stay of twelve samples or more."""
    while crop.cell >= 2 * _ENOUGH:
        size = crop.before[0].shape[1] // 2, crop.before[0].shape[0] // 2
        before, after = (
            np.asarray(cv2.resize(levels[0], size, interpolation=cv2.INTER_AREA), dtype=np.float32)
            for levels in (crop.before, crop.after)
        )
        mask, alone = (
            np.asarray(cv2.resize(found.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0)
            for found in (crop.mask, crop.alone)
        )
        crop = replace(crop, before=[before], after=[after], mask=mask, alone=alone, cell=crop.cell / 2)
    return crop


def _halves(mask: Mask) -> Iterator[tuple[str, Mask]]:
    height, width = mask.shape
    for name, rows, columns in (
        ("upper half", slice(0, height // 2), slice(None)),
        ("lower half", slice(height // 2, None), slice(None)),
        ("left half", slice(None), slice(0, width // 2)),
        ("right half", slice(None), slice(width // 2, None)),
    ):
        half = np.zeros_like(mask)
        half[rows, columns] = mask[rows, columns]
        yield name, half
