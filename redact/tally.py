"""Counts what goes by in a run, and tells whoever asked how far it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from redact.regions import Region, Settled

STRETCH = 2.0  # seconds of a track that one box may stand for: someone who walks crosses half a room
_GAP = 0.5  # seconds between two frames, where their rate varies
MOST_STRETCHES = 2000  # then stretches get longer; each has some hundred bytes in a manifest
MOST_MOMENTS = 100  # frames covered whole that are named one by one; all are counted


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. total: frames expected, or None. found: tracks so far, by kind."""

    frames: int
    total: int | None
    found: Counter[str]


@dataclass(frozen=True, slots=True)
class Whole:
    """A frame that was covered whole. time: seconds."""

    index: int
    time: float
    reason: str


@dataclass(slots=True)
class Stretch:
    """Where one track was covered for a while.

    first, last: seconds, of the first frame's begin and the last one's end. centres: x1 y1 x2 y2 around the centres
    of its regions; width, height: the largest of them, before the policy's growth. In pixels of the upright frame.
    """

    track: int
    kind: str
    first: float
    last: float
    centres: tuple[float, float, float, float]
    width: float
    height: float


class Tally:
    """Counts settled frames. total: frames expected. found: tracks by kind, as counted elsewhere so far.

    frames: how many went by. whole: how many were covered whole, by reason. moments: the first of those.
    stretches: where and when tracks were covered.
    """

    def __init__(
        self, total: int | None, found: Counter[str], progress: Callable[[Progress], None] | None = None
    ) -> None:
        self._total = total
        self._found = found
        self._progress = progress
        self.frames = 0
        self.whole: Counter[str] = Counter()
        self.moments: list[Whole] = []
        self.stretches: list[Stretch] = []
        self._growing: dict[int, Stretch] = {}
        self._first: float | None = None
        self._last = 0.0

    @property
    def duration(self) -> float:
        """Seconds of video that went by."""
        return self._last - (self._first or 0.0)

    def over(self, frames: Iterable[Settled]) -> Iterator[Settled]:
        """The same frames, counted."""
        for item in frames:
            frame = item.frame
            self.frames += 1
            if item.whole:
                self.whole[item.whole] += 1
                if len(self.moments) < MOST_MOMENTS:
                    self.moments.append(Whole(frame.index, frame.time, item.whole))
            self._first = frame.time if self._first is None else self._first
            end = frame.time + float(frame.duration * frame.time_base)
            for region in item.regions:
                self._stretch(region, frame.time, end)
            self._last = end
            yield item
            if self._progress is not None:
                self._progress(Progress(self.frames, self._total, Counter(self._found)))

    def _stretch(self, region: Region, begin: float, end: float) -> None:
        x1, y1, x2, y2 = region.box
        x, y, width, height = (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1
        stretch = self._growing.get(region.track)
        if stretch is not None:
            followed = begin <= stretch.last + _GAP
            short = end - stretch.first <= STRETCH or len(self.stretches) >= MOST_STRETCHES
            if followed and short and stretch.kind == region.kind:
                left, top, right, bottom = stretch.centres
                stretch.centres = (min(left, x), min(top, y), max(right, x), max(bottom, y))
                stretch.width, stretch.height = max(stretch.width, width), max(stretch.height, height)
                stretch.last = max(stretch.last, end)
                return
        stretch = Stretch(region.track, region.kind, begin, end, (x, y, x, y), width, height)
        self._growing[region.track] = stretch
        self.stretches.append(stretch)
