"""An output frame beside its input: is what was to be covered covered, and is everything else as it was?

Nothing here is guessed by a detector, so whatever it says is a finding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.cover.shapes import Area, Grid, mask_of
from redact.frames import PIXEL_FORMATS, Frame
from redact.policy import Policy
from redact.regions import Region
from redact.verify.channels import Channel, Levels, alike, channels
from redact.verify.detail import CLEAR_GAIN, Mask, Windows, means, windows
from redact.verify.expected import Expected
from redact.verify.moments import Sign
from redact.verify.remains import Crop, remains_of
from redact.verify.squares import closed, cluster, inner, wider

PROOF = 0.75  # the least score of what was measured: above the threshold, and below the surest of what was seen clear

_SMALL = 8  # pixels: side of the squares in which a whole frame is compared
_FAR = 3  # of these squares around what is covered, in which a codec smears
_PLAIN_ENERGY = 30.0  # squared levels: detail that every default of ``media.encoders`` keeps
_LOST = 0.15  # gain below which a square outside lost its detail
_OFF = 24.0  # levels by which a square outside may be off on average
_MOVED = 12.0  # levels: a sample that changed from one frame to the next, and not by noise
_MOVING = 64  # such samples that show which frame this is
_EDGE = 60  # samples, of every second one, by which the covered shape moved on
_STIRRED = 0.002  # share of samples in and about the covered shape that a codec stirs by more than noise
_SAME_EDGE = 1.5  # levels that these differ by on average where a codec repeats a frame; 5 and more where it does not
_FLASH = 1 / 3  # share of a covered patch that is clear when somebody is; rims that jump bare a tenth
_TOLD_EDGE = 4 * _SAME_EDGE  # levels between a cover and what is bared, from which a repeated frame can be told


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
        self._tracks: set[int] = set()  # that were covered in a frame before
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
            outside = ~_pixels(wider(covered, _FAR), frame)
        else:
            seen = Seen(mask, list(self._left(expected, frame, a, b)))
            near = wider(means(mask.astype(np.float32), _SMALL, _SMALL) > 0, _FAR)
            seen.changed = self._changed(squares, off, near, a, b, mask, frame)
            outside = ~(mask if self._exact else _pixels(near, frame))
        difference = (first - second)[outside]
        self.outside.add(float(difference @ difference), len(difference))
        # a cover that is not where it should be tells nothing by its edge, and is said already
        seen.repeated = self._repeats(first, second, outside, None if seen.signs else mask)
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
        areas = list(self._areas(expected, grid))
        shared = _shared([area for _, area in areas], grid)
        for region, area in areas:
            box = (
                area.left * grid.block_x,
                area.top * grid.block_y,
                min(area.right * grid.block_x, grid.width),
                min(area.bottom * grid.block_y, grid.height),
            )
            x1, y1, x2, y2 = region.box
            long, short = max(x2 - x1, y2 - y1), min(x2 - x1, y2 - y1)
            before, after = [item.levels(*box) for item in a], [item.levels(*box) for item in b]
            mask = _mask(area, grid, before[0].shape)
            alone = mask & (shared[box[1] : box[3], box[0] : box[2]] == 1)
            cell = (long if region.kind == "face" else short) / 6
            left = remains_of(Crop(before, after, a, mask, alone, _own(region, box), cell))
            if left is None:
                self._tracks.add(region.track)
            else:
                known = region.track in self._tracks if region.track >= 0 else None
                score = PROOF + (0.99 - PROOF) * min(max(left.gain, 0.0), 1.0)
                clipped = max(x1, 0.0), max(y1, 0.0), min(x2, float(grid.width)), min(y2, float(grid.height))
                yield Sign(frame.index, frame.time, region.kind, clipped, score, left.reason, left.detail, known)

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
        change = first - last[0]
        where = (np.abs(change) > _MOVED) & outside
        moved, shown = change[where], (second - last[0])[where]
        # under a cover that is not where it should be it shows neither frame
        told = np.minimum(np.abs(shown - moved), np.abs(shown)) <= np.abs(moved) / 2
        moved, shown = moved[told], shown[told]
        # 1 where it shows this frame, 0 where it shows the one before
        if len(moved) >= _MOVING and float((shown @ moved) / (moved @ moved)) < CLEAR_GAIN:
            return True
        if mask is None or last[2] is None:
            return False
        # where the covered shape moved on, the picture must have changed, even if nothing else did
        edge, near, bared = mask ^ last[2], mask | last[2], last[2] & ~mask
        if int(bared.sum()) < _EDGE // 2 or float(np.abs(first - last[1])[bared].mean()) < _TOLD_EDGE:
            return False  # what was covered looks like what is behind it: black on a night
        step = np.abs(second - last[1])
        if int(edge.sum()) < _EDGE or float(step[edge].mean()) > _SAME_EDGE:
            return False
        return float((step[near] > 4 * _SAME_EDGE).mean()) < _STIRRED


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
        inside = inner(closed(covered))
        last, signs = self._covered, []
        if last is not None and last.shape == inside.shape:
            for then, clear in self._clear:
                found = cluster(last & inside & clear, 4)
                if found and _most(last & inside, clear, found):
                    x1, y1, x2, y2 = (float(edge * _SMALL) for edge in found)
                    words = "clear between two frames in which it is covered"
                    signs.append(Sign(then.index, then.time, "area", (x1, y1, x2, y2), 0.9, "track gap", words))
        clear = squares.clear() & ~covered
        if (
            last is not None
            and last.shape == inside.shape
            and cluster(last & clear, 4)
            and len(self._clear) < self.LONGEST
        ):
            self._clear.append((frame, clear))
        else:
            self._covered, self._clear = inside, []
        return signs


def _most(inside: Mask, clear: Mask, found: tuple[int, int, int, int]) -> bool:
    """Whether a good part of the covered patch at ``found`` was clear: a cover that moves bares a rim."""
    _, labels = cv2.connectedComponents(inside.astype(np.uint8), connectivity=4)
    x1, y1, x2, y2 = found
    here = np.bincount((labels * (inside & clear))[y1:y2, x1:x2].ravel())
    here[0] = 0
    patch = labels == int(here.argmax())
    return bool((clear & patch).sum() >= _FLASH * patch.sum())


def _covered(squares: Windows, off: Levels) -> Mask:
    """Squares that are no longer what they were."""
    return np.asarray((squares.told(_PLAIN_ENERGY) & (squares.gain < _LOST)) | (off > _OFF / 2))


def _apart(one: Levels, other: Levels) -> Levels:
    return np.asarray(cv2.absdiff(one, other), dtype=np.float32)


def _pixels(squares: Mask, frame: Frame) -> Mask:
    return squares.repeat(_SMALL, 0).repeat(_SMALL, 1)[: frame.height, : frame.width]


def _mask(area: Area, grid: Grid, shape: tuple[int, ...]) -> Mask:
    """The area's mask in pixels of its box."""
    mask = np.ones((area.bottom - area.top, area.right - area.left), bool) if area.mask is None else area.mask
    return mask.repeat(grid.block_y, 0).repeat(grid.block_x, 1)[: shape[0], : shape[1]]


def _shared(areas: Sequence[Area], grid: Grid) -> NDArray[np.uint8]:
    """For every pixel of the frame by how many areas it is covered, (height, width)."""
    blocks = np.zeros((grid.rows, grid.columns), np.uint8)
    for area in areas:
        blocks[area.top : area.bottom, area.left : area.right] += np.uint8(1) if area.mask is None else area.mask
    return blocks.repeat(grid.block_y, 0).repeat(grid.block_x, 1)[: grid.height, : grid.width]


def _own(region: Region, box: tuple[int, int, int, int]) -> tuple[slice, slice]:
    """The region itself, as rows and columns within the box that covers it."""
    x1, y1, x2, y2 = region.box
    rows = slice(max(int(y1) - box[1], 0), max(int(y2) - box[1], 1))
    return rows, slice(max(int(x1) - box[0], 0), max(int(x2) - box[0], 1))


def _grid(frame: Frame) -> Grid:
    return Grid(frame.width, frame.height, *PIXEL_FORMATS[frame.pixel_format].block)


def _decibels(mean_square: float) -> float:
    """PSNR of 8 bit levels; 100 for no difference at all."""
    return 100.0 if mean_square <= 0 else min(100.0, float(10 * np.log10(255**2 / mean_square)))
