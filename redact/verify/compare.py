"""An output frame beside its input: is what was to be covered covered, and is everything else as it was?

Nothing here is guessed by a detector, so whatever it says is a finding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from redact.cover.shapes import Area, Grid, mask_of
from redact.frames import PIXEL_FORMATS, Frame
from redact.policy import Policy
from redact.regions import Region
from redact.verify.channels import Channel, Levels, alike, channels
from redact.verify.detail import (
    CLEAR_GAIN,
    COLOUR_ENERGY,
    ENERGY,
    SAFE,
    Mask,
    Windows,
    cells_left,
    clear_lines,
    fine_size,
    means,
    survival,
    windows,
    within,
)
from redact.verify.expected import Expected
from redact.verify.moments import Sign
from redact.verify.verdict import Reason

PROOF = 0.75  # the least score of what was measured: above the threshold, and below the surest of what was seen clear
WINDOW = 16  # pixels: side of the squares in which a region is looked at for parts that are clear
MANY = 24  # squares, from which on two clear ones side by side may be chance
MOSTLY = 0.8  # share of a region's squares that are clear, from which on all of it is

_SMALL = 8  # pixels: side of the squares in which a whole frame is compared
_FAR = 3  # of these squares around what is covered, in which a codec smears
_PLAIN_ENERGY = 30.0  # squared levels: detail that every default of ``media.encoders`` keeps
_LOST = 0.15  # gain below which a square outside lost its detail
_OFF = 24.0  # levels by which a square outside may be off on average
_FEW = 4  # squares, below which a region is looked at by halves
_ENOUGH = 12  # pixels of a cell: more show nothing more
_CLUSTER = 6  # squares side by side that are no accident of a codec
_MOVED = 12.0  # levels: a sample that changed from one frame to the next, and not by noise
_MOVING = 64  # such samples that show which frame this is
_EDGE = 60  # samples, of every second one, by which the covered shape moved on
_STIRRED = 0.002  # share of samples in and about the covered shape that a codec stirs by more than noise
_SAME_EDGE = 1.5  # levels that these differ by on average where a codec repeats a frame; 5 and more where it does not


@dataclass(slots=True)
class Outside:
    """What was measured outside the covered parts, over all frames."""

    frames: int = 0
    exact: bool = True
    squares: float = 0.0
    samples: float = 0.0
    worst: float | None = None

    @property
    def psnr(self) -> float | None:
        """Decibels over all frames, or None where everything was covered."""
        return _decibels(self.squares / self.samples) if self.samples else None

    def add(self, squares: float, samples: int) -> None:
        """The sum of squared differences over so many samples of one frame."""
        self.frames += 1
        if not samples:
            return
        self.squares += squares
        self.samples += samples
        self.exact = self.exact and not squares
        here = _decibels(squares / samples)
        self.worst = here if self.worst is None else min(self.worst, here)


@dataclass(slots=True, eq=False)
class Seen:
    """What comparing one frame showed. covered: pixels that are covered, (height, width).

    signs: people who may be visible. changed: what is no longer as it was outside, in words, or empty. repeated: it
    shows the picture of the frame before.
    """

    covered: Mask
    signs: list[Sign] = field(default_factory=list)
    changed: str = ""
    repeated: bool = False


class Comparison:
    """Compares frames of one output, in order, with what they should be. outside: sums over all frames so far.

    policy: how regions were covered: how far around, in which shape. exact: outside every sample must be the same.
    """

    def __init__(self, policy: Policy, *, exact: bool) -> None:
        self._policy = policy
        self._exact = exact
        self.outside = Outside(exact=exact)
        self._last: tuple[Levels, Levels, Mask | None] | None = None
        self._flashes = _Flashes()

    def mask(self, expected: Expected, frame: Frame) -> Mask | None:
        """Pixels that should be covered; None where nobody says."""
        if expected.regions is None:
            return None
        grid = _grid(frame)
        return mask_of([area for _, area in self._areas(expected, grid)], grid)

    def __call__(self, expected: Expected, frame: Frame) -> Seen:
        """Compare one frame. Its input must be there, of the same size."""
        before = expected.frame
        assert before is not None
        a, b = channels(alike(before, frame)), channels(frame)
        mask = self.mask(expected, frame)
        whole = (0, 0, frame.width, frame.height)
        first, second = a[0].levels(*whole), b[0].levels(*whole)
        squares = windows(first, second, 5, np.ones(first.shape, bool), _SMALL)
        off = means(_apart(first, second), _SMALL, _SMALL)
        if mask is None:
            covered = _covered(squares, off)
            seen = Seen(_pixels(covered, frame), self._flashes(frame, squares, covered))
            outside = ~_pixels(_wider(covered, _FAR), frame)
        else:
            seen = Seen(mask, list(self._left(expected, frame, a, b)))
            near = _wider(means(mask.astype(np.float32), _SMALL, _SMALL) > 0, _FAR)
            seen.changed = self._changed(squares, off, near, a, b, mask, frame)
            outside = ~(mask if self._exact else _pixels(near, frame))
        difference = (first - second)[outside]
        self.outside.add(float(difference @ difference), len(difference))
        seen.repeated = self._repeats(first, second, outside, mask)
        return seen

    def _areas(self, expected: Expected, grid: Grid) -> Iterator[tuple[Region, Area]]:
        everything = (0.0, 0.0, float(grid.width), float(grid.height))
        if expected.whole:
            yield Region("frame", -1, everything, 1.0, "seen"), Area(0, 0, grid.columns, grid.rows)
        for polygon in self._policy.always:
            area = grid.area_of_polygon(polygon)
            edges = np.array([area.left, area.top, area.right, area.bottom]) * ([grid.block_x, grid.block_y] * 2)
            x1, y1, x2, y2 = (float(edge) for edge in edges)
            yield Region("area", -1, (x1, y1, x2, y2), 1.0, "seen"), area
        for region in expected.regions or ():
            found = grid.area_of(region, self._policy)
            if found is not None:
                yield region, found

    def _left(self, expected: Expected, frame: Frame, a: Sequence[Channel], b: Sequence[Channel]) -> Iterator[Sign]:
        """What is left of every region."""
        grid = _grid(frame)
        for region, area in self._areas(expected, grid):
            left, top = area.left * grid.block_x, area.top * grid.block_y
            box = left, top, min(area.right * grid.block_x, grid.width), min(area.bottom * grid.block_y, grid.height)
            found = _left_of(
                region, [item.levels(*box) for item in a], [item.levels(*box) for item in b], a, area, grid
            )
            if found is not None:
                reason, gain, words = found
                score = PROOF + (0.99 - PROOF) * min(max(gain, 0.0), 1.0)
                x1, y1, x2, y2 = region.box
                clipped = max(x1, 0.0), max(y1, 0.0), min(x2, float(grid.width)), min(y2, float(grid.height))
                yield Sign(frame.index, frame.time, region.kind, clipped, score, reason, words)

    def _changed(
        self, squares: Windows, off: Levels, near: Mask, a: Sequence[Channel], b: Sequence[Channel], mask: Mask,
        frame: Frame,
    ) -> str:  # fmt: skip
        if self._exact:
            for one, other in zip(a, b, strict=True):
                inside = mask[:: 1 << one.sub_y, :: 1 << one.sub_x]
                wrong = int((one.samples != other.samples)[~inside].sum())
                if wrong:
                    return f"{wrong} samples differ outside the covered parts of a lossless output"
            return ""
        lost = squares.told(_PLAIN_ENERGY) & (squares.gain < _LOST)
        for one, other in zip(a[1:], b[1:], strict=False):
            difference = _apart(
                one.levels(0, 0, frame.width, frame.height), other.levels(0, 0, frame.width, frame.height)
            )
            small = means(difference, _SMALL >> one.sub_x, _SMALL >> one.sub_y)
            off = np.maximum(off, cv2.resize(small, off.shape[1::-1], interpolation=cv2.INTER_NEAREST))
        patch = cluster((lost | (off > _OFF)) & ~near)
        if not patch:
            return ""
        x1, y1, x2, y2 = (edge * _SMALL for edge in patch)
        return f"from {x1},{y1} to {x2},{y2} the picture is another, and nothing was to be covered there"

    def _repeats(self, first: Levels, second: Levels, outside: Mask, mask: Mask | None) -> bool:
        """Whether the output shows the frame before instead of this one."""
        first, second, outside = first[::2, ::2], second[::2, ::2], outside[::2, ::2]
        mask = None if mask is None else mask[::2, ::2]
        last, self._last = self._last, (first, second, mask)
        if last is None or last[0].shape != first.shape:
            return False
        step = first - last[0]
        moving = np.abs(step) > _MOVED
        where = moving & outside
        if int(where.sum()) >= _MOVING:
            # 1 where it shows this frame, 0 where it shows the one before
            place = float(((second - last[0])[where] @ step[where]) / (step[where] @ step[where]))
            if place < CLEAR_GAIN:
                return True
        if mask is None or last[2] is None:
            return False
        # where the covered shape moved on, the picture must have changed, even if nothing else did
        edge, near = mask ^ last[2], mask | last[2]
        step = np.abs(second - last[1])
        if int(edge.sum()) < _EDGE or float(step[edge].mean()) > _SAME_EDGE:
            return False
        return float((step[near] > 4 * _SAME_EDGE).mean()) < _STIRRED


def _left_of(
    region: Region,
    before: list[Levels],
    after: list[Levels],
    kinds: Sequence[Channel],
    area: Area,
    grid: Grid,
) -> tuple[Reason | None, float, str] | None:
    """(reason, gain, words) of what is left of a region in its channels; None where nothing is."""
    x1, y1, x2, y2 = region.box
    cell = (max(x2 - x1, y2 - y1) if region.kind == "face" else min(x2 - x1, y2 - y1)) / 6
    mask = _mask(area, grid, before[0].shape, 0, 0)
    one, other, inner, cell = _reduced(before[0], after[0], mask, cell)
    size = fine_size(cell)
    inner = within(inner, size + 4, size + 4) if min(inner.shape) > 2 * WINDOW else within(inner, size, size)
    whole = survival(one, other, size, inner)
    squares = windows(one, other, size, inner, WINDOW)
    told, clear = int(squares.told(ENERGY).sum()), int(squares.clear().sum())
    if (whole.clear() and clear >= MOSTLY * told) or (told >= 4 and clear >= MOSTLY * told):
        return None, whole.gain, "as clear as in the input"
    if cluster(squares.clear(), 3 if told >= MANY else 2):
        return "partly clear", max(whole.gain, clear / max(told, 1)), f"{clear} of {told} squares of it are clear"
    for name, half in _halves(inner) if told < 2 * _FEW else ():
        part = survival(one, other, size, half)
        if part.clear():
            return "partly clear", part.gain / 2, f"its {name} is clear"
    rows, columns = clear_lines(before[0], after[0], mask), clear_lines(before[0].T, after[0].T, mask.T)
    if rows.any() or columns.any():
        words = [
            f"{int(lines.sum())} {name}" for lines, name in ((rows, "rows"), (columns, "columns")) if lines.any()
        ]
        return "partly clear", float(max(rows.mean(), columns.mean())), f"{' and '.join(words)} of it are clear"
    for plane, result, kind in list(zip(before, after, kinds, strict=True))[1:]:
        samples = within(_mask(area, grid, plane.shape, kind.sub_x, kind.sub_y), size, size)
        part = survival(plane, result, size, samples)
        if part.clear(COLOUR_ENERGY):
            return "colour left", part.gain, "its colours are those of the input"
    if region.kind in ("face", "person"):
        box = _inner(region, area, grid)
        cells, gain = cells_left(before[0][box], after[0][box])
        if cells > SAFE:
            return "covered too weakly", gain, f"{cells} cells across it can be told apart"
    return None


def _reduced(before: Levels, after: Levels, mask: Mask, cell: float) -> tuple[Levels, Levels, Mask, float]:
    """The same at half or a quarter of the size, as long as cells stay of twelve samples or more."""
    while cell >= 2 * _ENOUGH:
        size = before.shape[1] // 2, before.shape[0] // 2
        before = np.asarray(cv2.resize(before, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
        after = np.asarray(cv2.resize(after, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
        mask = np.asarray(cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0)
        cell /= 2
    return before, after, mask, cell


def _inner(region: Region, area: Area, grid: Grid) -> tuple[slice, slice]:
    """The region's own box within its area."""
    x1, y1, x2, y2 = region.box
    left, top = area.left * grid.block_x, area.top * grid.block_y
    return (
        slice(max(int(y1) - top, 0), max(int(y2) - top, 1)),
        slice(max(int(x1) - left, 0), max(int(x2) - left, 1)),
    )


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


class _Flashes:
    """Without regions: places that were covered, are clear for up to ``LONGEST`` frames, and are covered again.

    Only places well inside what was covered count: its edges move from frame to frame.
    """

    LONGEST = 4

    def __init__(self) -> None:
        self._covered: Mask | None = None
        self._clear: list[tuple[Frame, Mask]] = []

    def __call__(self, frame: Frame, squares: Windows, covered: Mask) -> list[Sign]:
        """Signs of the frames before this one."""
        inner = _closed(covered) & ~_wider(~_closed(covered), 1)
        last, signs = self._covered, []
        if last is not None and last.shape == inner.shape:
            for then, clear in self._clear:
                found = cluster(last & inner & clear, 4)
                if found:
                    x1, y1, x2, y2 = (float(edge * _SMALL) for edge in found)
                    words = "clear between two frames in which it is covered"
                    signs.append(Sign(then.index, then.time, "area", (x1, y1, x2, y2), 0.9, "track gap", words))
        clear = squares.clear() & ~covered
        if (
            last is not None
            and last.shape == inner.shape
            and cluster(last & clear, 4)
            and len(self._clear) < self.LONGEST
        ):
            self._clear.append((frame, clear))
        else:
            self._covered, self._clear = inner, []
        return signs


def _covered(squares: Windows, off: Levels) -> Mask:
    """Squares that are no longer what they were."""
    return np.asarray((squares.told(_PLAIN_ENERGY) & (squares.gain < _LOST)) | (off > _OFF / 2))


def _apart(one: Levels, other: Levels) -> Levels:
    return np.asarray(cv2.absdiff(one, other), dtype=np.float32)


def _closed(squares: Mask) -> Mask:
    return np.asarray(cv2.morphologyEx(squares.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)) > 0)


def _wider(squares: Mask, by: int) -> Mask:
    side = 2 * by + 1
    return np.asarray(cv2.dilate(squares.astype(np.uint8), np.ones((side, side), np.uint8)) > 0)


def cluster(squares: Mask, least: int = _CLUSTER) -> tuple[int, int, int, int] | None:
    """x1 y1 x2 y2 in squares of the largest patch of at least so many, or None."""
    if int(squares.sum()) < least:
        return None
    _, _, stats, _ = cv2.connectedComponentsWithStats(squares.astype(np.uint8), connectivity=4)
    best = max(stats[1:], key=lambda row: int(row[cv2.CC_STAT_AREA]))
    if best[cv2.CC_STAT_AREA] < least:
        return None
    x, y, width, height = (int(value) for value in best[:4])
    return x, y, x + width, y + height


def _pixels(squares: Mask, frame: Frame) -> Mask:
    return squares.repeat(_SMALL, 0).repeat(_SMALL, 1)[: frame.height, : frame.width]


def _mask(area: Area, grid: Grid, shape: tuple[int, ...], sub_x: int, sub_y: int) -> Mask:
    """The area's mask in the samples of one channel."""
    mask = np.ones((area.bottom - area.top, area.right - area.left), bool) if area.mask is None else area.mask
    full = mask.repeat(grid.block_y >> sub_y, 0).repeat(grid.block_x >> sub_x, 1)
    return full[: shape[0], : shape[1]]


def _grid(frame: Frame) -> Grid:
    return Grid(frame.width, frame.height, *PIXEL_FORMATS[frame.pixel_format].block)


def _decibels(mean_square: float) -> float:
    """PSNR of 8 bit levels; 100 for no difference at all."""
    return 100.0 if mean_square <= 0 else min(100.0, float(10 * np.log10(255**2 / mean_square)))
