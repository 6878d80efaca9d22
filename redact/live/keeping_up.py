"""How much detection there is time for: when it is slower than the camera it is cut back step by step.

First the cadence falls, then the detection scale; what is too much even then is dropped by the queue in front, as
whole frames. When there is room again the steps are taken back, one at a time and later than they were taken.
"""

from __future__ import annotations

from dataclasses import dataclass

from redact.cadence import BUSY_INTERVAL

SCALES = (1.0, 1.5, 2.0, 3.0)  # times the smallest face that is asked for
SHARE = 0.75  # of the time that looks may take: cutting back begins above it
ROOM = 0.6  # of SHARE: a step is taken back when the look of the step above would take less than this
LAG = 0.25  # seconds that a frame may wait for its look before a step is taken whatever the share says
HURRY = 0.5  # seconds between two steps down
PATIENCE = 4.0  # seconds that there must have been room before a step up, doubled each time it proved too early
_MOST_PATIENCE = 120.0
_NEWEST = 0.3  # weight of the newest look in the mean


@dataclass(frozen=True, slots=True)
class Step:
    """interval: least seconds between two looks. scale: times the smallest face asked for."""

    interval: float
    scale: float


def steps(lookahead: float) -> tuple[Step, ...]:
    """The steps from none on, cadence before scale.

    Looks are never farther apart than covering reaches back, with room for a frame: else newcomers would be seen
    too late, and every second frame would have to be covered whole.
    """
    slowest = 0.75 * lookahead
    intervals = [2 * BUSY_INTERVAL, 3 * BUSY_INTERVAL]
    slower = [interval for interval in (*intervals, slowest) if interval <= slowest]
    cadence = [Step(0.0, SCALES[0]), *(Step(interval, SCALES[0]) for interval in sorted(set(slower)))]
    return (*cadence, *(Step(cadence[-1].interval, scale) for scale in SCALES[1:]))


class KeepingUp:
    """Chooses the step. Tell it of every look; times are seconds of one clock.

    level: how many steps were taken. period: seconds between two frames of the camera, once known.
    """

    def __init__(self, lookahead: float) -> None:
        self._steps = steps(lookahead)
        self._costs: dict[float, float] = {}  # scale → mean seconds a look
        self._gap = BUSY_INTERVAL
        self._last: float | None = None
        self._changed = 0.0
        self._roomy: float | None = None
        self._climbed: float | None = None
        self._patience = PATIENCE
        self.level = 0
        self.period = 0.0

    @property
    def step(self) -> Step:
        """What holds now."""
        return self._steps[self.level]

    def looked(self, now: float, seconds: float, lag: float) -> None:
        """A look ended ``now`` that took ``seconds``; its frame had waited ``lag`` seconds for it."""
        scale = self.step.scale
        cost = self._costs.get(scale, seconds)
        self._costs[scale] = cost + _NEWEST * (seconds - cost)
        if self._last is not None:
            # looks come apart by whichever is longer, what they take or how often they are due
            self._gap += _NEWEST * (max(now - self._last, 1e-3) - self._gap)
        self._last = now
        share = self._costs[scale] / max(self._gap, 1e-3)
        if share > SHARE or lag > LAG:
            self._down(now)
        elif self.level and self._room():
            self._up(now)
        else:
            self._roomy = None

    def _down(self, now: float) -> None:
        self._roomy = None
        if now - self._changed < HURRY or self.level == len(self._steps) - 1:
            return
        if self._climbed is not None:
            early = now - self._climbed < self._patience
            self._patience = min(self._patience * 2, _MOST_PATIENCE) if early else PATIENCE
            self._climbed = None
        self._set(self.level + 1, now)

    def _up(self, now: float) -> None:
        if self._roomy is None:
            self._roomy = now
        if now - self._roomy >= self._patience:
            self._set(self.level - 1, now)
            self._climbed = now

    def _room(self) -> bool:
        """Whether the looks of the step above would leave enough time."""
        above, here = self._steps[self.level - 1], self.step
        cost = self._costs[here.scale] * (here.scale / above.scale) ** 2  # work goes with the pixels
        return cost <= ROOM * SHARE * max(above.interval, BUSY_INTERVAL, self.period)

    def _set(self, level: int, now: float) -> None:
        self.level = level
        self._changed = now
        self._roomy = None
        self._gap = max(self.step.interval, self._costs.get(self.step.scale, 0.0), BUSY_INTERVAL)
