"""A fixed-lag memory: frames come out ``lookahead`` seconds late, when all that bears on them is known.

For every track the timeline knows the sightings up to ``lookahead`` after the frame it settles, and covers
the frame where the track was seen, between two sightings, back before the first and on after the last.
Where nobody looked, the covered box grows with the time since the nearest sighting.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from redact.detections import Detections
from redact.frames import Frame
from redact.policy import Policy
from redact.regions import Origin, Region, Settled
from redact.track import COAST, MAX_SPEED, Box, Sighting, Tracker

# Margins are in box sides a second away from the nearest sighting; benchmarks/margins measures what each buys.
DRIFT_BETWEEN = 0.3  # between two sightings: how far a path bends away from the straight line
DRIFT_BEYOND = 0.3  # before the first and after the last, where the velocity is known
DRIFT_UNKNOWN = 0.6  # the same after a single sighting, where it is not
MAX_DRIFT = 0.4  # box sides; beyond this a guess covers the street, not the person
DOUBT = 0.16  # seconds: a velocity seen for this long is half believed, because boxes jitter
_GRACE = 1e-6  # seconds: frame times are sums of fractions that floats do not hold exactly
NEIGHBOUR = 0.3  # seconds: a seen box is held to what its neighbours this near say


@dataclass(slots=True)
class TrackSummary:
    """What one track was. Times in seconds; frames: how many frames it was covered in, by origin."""

    number: int
    kind: str
    first: float
    last: float
    lowest_score: float
    highest_score: float
    lowest_time: float
    frames: Counter[Origin] = field(default_factory=Counter)


@dataclass(slots=True)
class _Pending:
    frame: Frame
    scene: int
    whole: str


@dataclass(slots=True)
class _History:
    scene: int
    summary: TrackSummary
    sightings: deque[Sighting] = field(default_factory=deque)


class Timeline:
    """Settles frames in order. starts: lowest score, by kind, that starts a track."""

    def __init__(self, policy: Policy, starts: Mapping[str, float]) -> None:
        self._lookahead = policy.lookahead
        self._hold = policy.hold
        # over a longer gap two tracks meet, one held and one reached back, and a wrong match would cover the street
        patience = max(policy.lookahead, policy.hold)
        self._tracker = Tracker(starts, patience=patience, memory=policy.lookahead)
        self._pending: deque[_Pending] = deque()
        self._histories: dict[int, _History] = {}
        self._scene = 0
        self.tracks: list[TrackSummary] = []
        self.counts: Counter[str] = Counter()

    def push(
        self,
        frame: Frame,
        detections: Detections | None,
        *,
        cut: bool = False,
        torn: bool = False,
        whole: str = "",
    ) -> list[Settled]:
        """Take the next frame; give back those that are settled now, oldest first.

        detections: those of this frame, or None where nobody looked. cut: a new scene begins with this frame. torn:
        nobody knows how long ago the frame before was; whoever was seen then may be there still, and is held.
        whole: why this frame must be covered whole, or empty.
        """
        if cut and not torn:
            self._scene += 1
        if cut or torn:
            self._tracker.end()
        self._pending.append(_Pending(frame, self._scene, whole))
        if detections is not None:
            for sighting in self._tracker.update(frame.time, detections):
                self._remember(sighting)
        settled = []
        while self._pending and frame.time - self._pending[0].frame.time >= self._lookahead - _GRACE:
            settled.append(self._settle(self._pending.popleft()))
        self._forget(self._pending[0].frame.time if self._pending else frame.time)
        return settled

    def drain(self) -> list[Settled]:
        """The frames that were still waiting; more may come, and whoever was seen last is still remembered."""
        settled = [self._settle(pending) for pending in self._pending]
        self._pending.clear()
        return settled

    def flush(self) -> list[Settled]:
        """The frames that were still waiting; nothing more is coming."""
        settled = self.drain()
        self._forget(float("inf"))
        return settled

    @property
    def waiting(self) -> int:
        """Frames in flight."""
        return len(self._pending)

    @property
    def busy(self) -> bool:
        """Whether anybody is being tracked now."""
        return self._tracker.busy

    def _remember(self, sighting: Sighting) -> None:
        history = self._histories.get(sighting.track)
        if history is None:
            summary = TrackSummary(
                sighting.track,
                sighting.kind,
                sighting.time,
                sighting.time,
                sighting.score,
                sighting.score,
                sighting.time,
            )
            history = self._histories[sighting.track] = _History(self._scene, summary)
            self.counts[sighting.kind] += 1
        history.sightings.append(sighting)
        summary = history.summary
        summary.last = sighting.time  # sightings of one track come oldest first
        summary.highest_score = max(summary.highest_score, sighting.score)
        if sighting.score < summary.lowest_score:
            summary.lowest_score, summary.lowest_time = sighting.score, sighting.time

    def _settle(self, pending: _Pending) -> Settled:
        regions = []
        time = pending.frame.time
        for history in self._histories.values():
            if history.scene == pending.scene:
                region = self._region(history, time)
                if region is not None:
                    history.summary.frames[region.origin] += 1
                    regions.append(region)
        return Settled(pending.frame, tuple(regions), pending.whole)

    def _region(self, history: _History, time: float) -> Region | None:
        sightings = history.sightings
        after = next((i for i, sighting in enumerate(sightings) if sighting.time >= time), len(sightings))
        if after < len(sightings) and sightings[after].time == time:
            seen = sightings[after]
            return _region(seen, _steadied(sightings, after), "seen")
        if after == 0:
            first = sightings[0]
            if first.time - time > self._lookahead + _GRACE:
                return None
            return _region(first, _beyond(sightings, first, time), "reached")
        if after == len(sightings):
            last = sightings[-1]
            if time - last.time > self._hold + _GRACE:
                return None
            return _region(last, _beyond(sightings, last, time), "held")
        left, right = sightings[after - 1], sightings[after]
        away = min(time - left.time, right.time - time)
        box = _pad(_between(left, right, time), DRIFT_BETWEEN * away)
        return _region(left if time - left.time <= right.time - time else right, box, "filled")

    def _forget(self, oldest: float) -> None:
        """Drop what can bear on no frame from ``oldest`` seconds on."""
        for number, history in list(self._histories.items()):
            sightings = history.sightings
            while len(sightings) > 2 and sightings[1].time < oldest - COAST:
                sightings.popleft()
            if sightings[-1].time + self._hold + self._lookahead < oldest:
                self.tracks.append(history.summary)
                del self._histories[number]


def _region(sighting: Sighting, box: Box, origin: Origin) -> Region:
    # eighths of a pixel are exact in binary and short in JSON, so a region read back is the same region
    x1, y1, x2, y2 = (round(edge * 8) / 8 for edge in box)
    return Region(sighting.kind, sighting.track, (x1, y1, x2, y2), round(sighting.score, 4), origin)


def _steadied(sightings: deque[Sighting], index: int) -> Box:
    """A seen box, never smaller than its neighbours say: a detection that flickers small uncovers nobody."""
    seen = sightings[index]
    if 0 < index < len(sightings) - 1:
        left, right = sightings[index - 1], sightings[index + 1]
        if seen.time - left.time <= NEIGHBOUR and right.time - seen.time <= NEIGHBOUR:
            return _hull(seen.box, _between(left, right, seen.time))
    return seen.box


def _between(left: Sighting, right: Sighting, time: float) -> Box:
    part = (time - left.time) / (right.time - left.time)
    x1, y1, x2, y2 = (a + (b - a) * part for a, b in zip(left.box, right.box, strict=True))
    return (x1, y1, x2, y2)


def _beyond(sightings: deque[Sighting], end: Sighting, time: float) -> Box:
    """Where a track may be outside its sightings: anywhere between standing still and going on for a while."""
    away = abs(time - end.time)
    near = [sighting for sighting in sightings if abs(sighting.time - end.time) <= COAST]
    if len(near) < 2:
        return _pad(end.box, DRIFT_UNKNOWN * away)
    elapsed = near[-1].time - near[0].time
    x1, y1, x2, y2 = end.box
    limit = MAX_SPEED * max(x2 - x1, y2 - y1)
    steps = math.copysign(min(away, COAST), time - end.time) / (elapsed + DOUBT)
    reach = limit * min(away, COAST)
    right = min(max((_middle(near[-1].box, 0) - _middle(near[0].box, 0)) * steps, -reach), reach)
    down = min(max((_middle(near[-1].box, 1) - _middle(near[0].box, 1)) * steps, -reach), reach)
    moved = (x1 + right, y1 + down, x2 + right, y2 + down)
    return _pad(_hull(end.box, moved), DRIFT_BEYOND * away)


def _middle(box: Box, axis: int) -> float:
    return (box[axis] + box[axis + 2]) / 2


def _hull(first: Box, second: Box) -> Box:
    return (
        min(first[0], second[0]),
        min(first[1], second[1]),
        max(first[2], second[2]),
        max(first[3], second[3]),
    )


def _pad(box: Box, sides: float) -> Box:
    """The box with a margin of ``sides`` times its mean side, at most MAX_DRIFT."""
    margin = min(sides, MAX_DRIFT) * (box[2] - box[0] + box[3] - box[1]) / 2
    return (box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin)
