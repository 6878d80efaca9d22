"""What is known of an output before it is looked at: its input's frames, its regions, both, or nothing."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from redact.detections import KINDS
from redact.frames import Frame
from redact.regions import Region, Settled

_AHEAD = 250  # frames that one side may be without the other before they are said to be another recording


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """One frame that the output should have. time: seconds. frame: the input's, if there is one.

    regions: what was to be covered, before growth; None where nobody says. whole: why all of it was to be covered.
    """

    time: float
    frame: Frame | None = field(repr=False)
    regions: tuple[Region, ...] | None = None
    whole: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A frame of the output and what it should be. Without ``expected`` the output has it too many, without ``frame``
    too few.
    """

    expected: Expected | None
    frame: Frame | None


class Remembered:
    """The regions of a run, kept for checking its output: 20 bytes a region, 13 a frame."""

    def __init__(self) -> None:
        self._times = array("d")
        self._counts = array("H")
        self._whole = bytearray()
        self._boxes = array("f")
        self._kinds = bytearray()
        self._tracks = array("L")

    def over(self, frames: Iterable[Settled]) -> Iterator[Settled]:
        """The same frames, remembered."""
        for item in frames:
            self._times.append(item.frame.time)
            self._counts.append(min(len(item.regions), 65535))
            self._whole.append(bool(item.whole))
            for region in item.regions[:65535]:
                self._boxes.extend(region.box)
                self._kinds.append(KINDS.index(region.kind))
                self._tracks.append(region.track)
            yield item

    def __iter__(self) -> Iterator[Expected]:
        at = 0
        for time, count, whole in zip(self._times, self._counts, self._whole, strict=True):
            regions = []
            for index in range(at, at + count):
                x1, y1, x2, y2 = self._boxes[index * 4 : index * 4 + 4]
                kind = KINDS[self._kinds[index]]
                regions.append(Region(kind, self._tracks[index], (x1, y1, x2, y2), 1.0, "seen"))
            at += count
            yield Expected(time, None, tuple(regions), "covered whole" if whole else "")


def joined(told: Iterable[Expected] | None, frames: Iterable[Frame] | None) -> Iterator[Expected] | None:
    """What is told of frames, with the frames themselves; one of the two if there is no other, None without any."""
    if told is None:
        return None if frames is None else (Expected(frame.time, frame) for frame in frames)
    if frames is None:
        return iter(told)
    return (Expected(item.time, frame, item.regions, item.whole) for item, frame in zip(told, frames, strict=False))


def paired(
    expected: Iterator[Expected] | None, frames: Iterator[Frame], *, slack: float, moves: bool
) -> Iterator[Pair]:
    """Output frames with what they should be, by time; by order where frames have none.

    slack: seconds by which times may differ for the container's sake.
    """
    if expected is None:
        yield from (Pair(Expected(frame.time, None), frame) for frame in frames)
        return
    wanted, frame = next(expected, None), next(frames, None)
    apart = 0
    while wanted is not None or frame is not None:
        if wanted is None or frame is None:
            late = frame is None
        elif not moves or apart >= _AHEAD or abs(wanted.time - frame.time) <= slack:
            yield Pair(wanted, frame)
            wanted, frame = next(expected, None), next(frames, None)
            continue
        else:
            late = wanted.time < frame.time
        apart += 1
        if late:
            yield Pair(wanted, None)
            wanted = next(expected, None)
        else:
            yield Pair(None, frame)
            frame = next(frames, None)
