"""Counts what goes by in a run, and tells whoever asked how far it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from redact.regions import Settled

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


class Tally:
    """Counts settled frames. total: frames expected. found: tracks by kind, as counted elsewhere so far.

    frames: how many went by. whole: how many were covered whole, by reason. moments: the first of those.
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
            self._last = frame.time + float(frame.duration * frame.time_base)
            yield item
            if self._progress is not None:
                self._progress(Progress(self.frames, self._total, Counter(self._found)))
