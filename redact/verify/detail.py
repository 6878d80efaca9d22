"""How much of a picture's own detail survived in another: the measure of whether something is covered.

Whatever in the output still moves with fine detail of the input was not covered, or too weakly. ``gain`` says how
much of that detail came through: 1 where it is all there, 0 where there is none. It does not mind noise, colours,
cells of a mosaic or a codec: these add detail of their own, and none that moves with the input's.

Measured on five clips of CCTV, a lobby and a gif, covered and clear, at crf 18 and 28 (docs/verify.md): of regions of
every size the default style leaves a gain of 0.02 or less (0.10 in the coarsest band), a clear one keeps 0.4 or more.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.verify.channels import Levels

Mask = NDArray[np.bool_]

CLEAR_GAIN = 0.35  # between the 0.1 of the worst covered and the 0.4 of the worst clear region that was measured
CLEAR_LIKENESS = 0.45  # the same: 0.17 and 0.46
ENERGY = 3.0  # squared levels; below it there is nothing in the input that a cover could hide
COLOUR_ENERGY = 1.0  # the same for a colour channel, which codecs keep less of
WINDOW_LIKENESS = 0.65  # of a window: the edges of a mosaic's cells lie on the input's now and then
LINE_LIKENESS = 0.5  # of a row or column, beside covered ones that a codec mixes it with
LINE_SIGMAS = 7.5  # there are more of them than of anything else, so one must be 80 samples long, or longer
LINE_SURE, LINE_FEWER = 0.85, 6.5  # the same with less beside it
LINE_ENERGY = 1.0  # squared levels
ALIKE = 36.0  # squared levels: codecs at crf 28 differ by less from what is clear, and covers by more by far
SIGMAS = 5.0  # beyond chance: a film has a million regions, and a rank of chance is then three in ten million
CELLS = (6, 9, 13, 18, 26, 36, 52)  # cells across a region at which what survived is looked for
_ALONG = 5  # samples along a line, below which its detail is
_SMEAR = 2  # samples by which codecs smooth across an edge
SAFE = 9  # the finest of these that may be seen: six cells across, and what interpolating them leaves beyond


@dataclass(frozen=True, slots=True)
class Survival:
    """gain: share of the input's fine detail that the output still has. likeness: correlation, -1..1.

    energy: mean square of that detail in the input, in squared levels. count: samples it was measured on.
    """

    gain: float
    likeness: float
    energy: float
    count: int

    def clear(self, energy: float = ENERGY) -> bool:
        """Whether the detail came through, beyond chance; neighbours tell the same, so a quarter of them count."""
        return (
            self.energy >= energy
            and self.gain >= CLEAR_GAIN
            and self.likeness >= CLEAR_LIKENESS
            and self.likeness * (self.count / 4) ** 0.5 >= SIGMAS
        )


def fine(levels: Levels, size: int, tall: int | None = None) -> Levels:
    """What is finer than ``size`` samples, an odd number; with ``tall`` than so many rows instead of as many."""
    blurred = cv2.blur(levels, (size, tall or size), borderType=cv2.BORDER_REFLECT)
    return np.asarray(levels - blurred, dtype=np.float32)


def fine_size(cell: float) -> int:
    """The size below which nothing of cells of that side can be seen, in samples: a third of it, odd.

    Never less than 5: of what is finer than that in a small face, codecs leave little.
    """
    return max(5, int(cell / 3) | 1)


def within(mask: Mask, wide: int, tall: int) -> Mask:
    """The mask without samples whose ``wide`` x ``tall`` neighbourhood leaves it: what is beyond it may be clear.

    Its array's edges are no such border. Of a mask too small to lose that much nothing is taken off.
    """
    kernel = np.ones((tall, wide), np.uint8)
    inner = np.asarray(cv2.erode(mask.astype(np.uint8), kernel) > 0)
    return inner if inner.sum() * 4 >= mask.sum() else mask


def survival(before: Levels, after: Levels, size: int, mask: Mask) -> Survival:
    """Of the detail finer than ``size`` samples, over the samples of ``mask``."""
    return _survival(fine(before, size)[mask], fine(after, size)[mask])


def clear_lines(before: Levels, after: Levels, mask: Mask) -> Mask:
    """Which rows of the mask are clear from end to end, (rows,). For columns hand in everything transposed.

    Detail is taken along the row alone: what lies above and below it may be covered.
    """
    mask = within(mask, _ALONG + 2 * _SMEAR, 1)
    a, b = fine(before, _ALONG, 1) * mask, fine(after, _ALONG, 1) * mask
    aa, bb, ab = (a * a).sum(1), (b * b).sum(1), (a * b).sum(1)
    count = mask.sum(1)
    likeness = ab / np.maximum(np.sqrt(aa * bb), 1e-9)
    found = (aa >= LINE_ENERGY * np.maximum(count, 1)) & (ab >= CLEAR_GAIN * aa) & (likeness >= LINE_LIKENESS)
    found &= ((before - after) ** 2 * mask).sum(1) <= (ALIKE + aa / np.maximum(count, 1) / 4) * count
    # along a line every second sample counts
    sigmas = likeness * np.sqrt(count / 2)
    return np.asarray(found & (sigmas >= np.where(likeness >= LINE_SURE, LINE_FEWER, LINE_SIGMAS)))


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """``Survival`` in every window of a picture, (rows, columns) of windows.

    share: of it that was looked at. apart: mean square of the difference itself, in squared levels.
    """

    gain: Levels
    likeness: Levels
    energy: Levels
    share: Levels
    apart: Levels
    side: int

    def told(self, energy: float) -> Mask:
        """Which of them tell anything: half of them or more was looked at, and there is detail in it."""
        return np.asarray((self.share >= 0.5) & (self.energy >= energy))

    def clear(self) -> Mask:
        """Which are clear, beyond chance."""
        chance = self.likeness * self.side * np.sqrt(self.share) / 2
        sure = (self.gain >= CLEAR_GAIN) & (self.likeness >= WINDOW_LIKENESS) & (chance >= min(SIGMAS, self.side / 3))
        # an edge of a cover may lie on an edge of the input; then all but the edge is another picture
        return np.asarray(self.told(ENERGY) & sure & (self.apart <= ALIKE + self.energy / 4))


def windows(before: Levels, after: Levels, size: int, mask: Mask, side: int) -> Windows:
    """Of the detail finer than ``size`` samples, in windows of ``side`` samples, over those of ``mask``."""
    a, b = fine(before, size) * mask, fine(after, size) * mask
    share = means(mask.astype(np.float32), side, side)
    aa, bb, ab = means(a * a, side, side), means(b * b, side, side), means(a * b, side, side)
    return Windows(
        gain=np.asarray(ab / np.maximum(aa, 1e-9), dtype=np.float32),
        likeness=np.asarray(ab / np.maximum(np.sqrt(aa * bb), 1e-9), dtype=np.float32),
        energy=np.asarray(aa / np.maximum(share, 1e-9), dtype=np.float32),
        share=share,
        apart=np.asarray(means((before - after) ** 2 * mask, side, side) / np.maximum(share, 1e-9), dtype=np.float32),
        side=side,
    )


def means(levels: Levels, wide: int, tall: int) -> Levels:
    """Averages of windows of ``wide`` x ``tall`` samples; the last ones are filled up with nothing."""
    rows, columns = -(-levels.shape[0] // tall), -(-levels.shape[1] // wide)
    if levels.shape != (rows * tall, columns * wide):
        padded = np.zeros((rows * tall, columns * wide), np.float32)
        padded[: levels.shape[0], : levels.shape[1]] = levels
        levels = padded
    return np.asarray(cv2.resize(levels, (columns, rows), interpolation=cv2.INTER_AREA), dtype=np.float32)


def cells_left(before: Levels, after: Levels) -> tuple[int, float]:
    """(cells across that can still be told apart, gain at that fineness) of a region; (0, 0) where none can.

    Looked for band by band: the detail between two numbers of cells, as far as the input has any.
    """
    if min(before.shape) < SAFE:
        return 0, 0.0
    long = max(before.shape)
    numbers = [number for number in CELLS if number < long]
    a, b = [_seen(before, n) for n in numbers], [_seen(after, n) for n in numbers]
    if float(((a[0] - b[0]) ** 2).mean()) > 2 * ALIKE + float(a[0].var()) / 8:
        return 0, 0.0  # the coarse picture is another: edges of covers that lie on edges of the input
    best = (0, 0.0)
    for index, (coarse, finer) in enumerate(itertools.pairwise(a)):
        band, other = finer - coarse, b[index + 1] - b[index]
        aa, bb, ab = float((band * band).mean()), float((other * other).mean()), float((band * other).mean())
        cells = numbers[index + 1]
        likeness = ab / max((aa * bb) ** 0.5, 1e-9)
        coefficients = cells * cells * min(before.shape) / long
        chance = likeness * (coefficients / 2) ** 0.5
        if aa < ENERGY:
            continue  # the input has nothing of this size
        if ab < CLEAR_GAIN * aa or likeness < CLEAR_LIKENESS:
            break  # what is finer can only be chance
        if chance >= SIGMAS:
            best = (cells, min(ab / aa, 1.0))
    return best


def _survival(a: Levels, b: Levels) -> Survival:
    aa, ab, bb = float(a @ a), float(a @ b), float(b @ b)
    count = len(a)
    return Survival(ab / max(aa, 1e-9), ab / max((aa * bb) ** 0.5, 1e-9), aa / max(count, 1), count)


def _seen(levels: Levels, cells: int) -> Levels:
    """As ``cells`` across the longer side show it."""
    height, width = levels.shape
    long = max(height, width)
    size = (max(1, round(width * cells / long)), max(1, round(height * cells / long)))
    small = cv2.resize(levels, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
