"""Time stamps as a file gives them, made fit to be written: present, strictly increasing, not before zero."""

from __future__ import annotations

import math
from fractions import Fraction

RESTART = Fraction(1)  # seconds that time must jump back to count as a restarted clock, not as one bad stamp


class Clock:
    """Stamps the frames of one stream, in presentation order, in units of ``time_base`` seconds.

    A missing stamp follows its predecessor by one frame. A repeated or backward one moves to a millisecond
    after its predecessor (less, some containers cannot tell apart), so that all good ones keep their place; if
    several follow each other they are one frame apart. A jump back by more
    than a second is a recorder that started anew: time goes on from where it was. A first stamp before zero moves
    everything, so that it is zero; ``shift`` then says by how much, in ticks.
    """

    def __init__(self, time_base: Fraction, frame_rate: Fraction | None, origin: int = 0) -> None:
        self.repaired = 0
        self.shift = -origin
        self._time_base = time_base
        self._tick = math.ceil(Fraction(1, 1000) / time_base)
        self._period = 1 / (time_base * (frame_rate or 25))
        self._last: int | None = None
        self._next = Fraction(0)
        self._strays = 0

    def stamp(self, pts: int | None, dts: int | None, duration: int) -> tuple[int, int]:
        """(pts, duration) to use for the next frame; ``duration`` 0 means unknown and gets the likeliest."""
        step = Fraction(duration) if duration > 0 else self._period
        given = pts if pts is not None else dts
        if given is None:
            value = round(self._next)
            self._next += step
            self.repaired += 1
            return self._settle(value, step)
        value = given + self.shift
        if self._last is None:
            if value < 0:
                self.shift -= value
                value = 0
        elif value <= self._last:
            self.repaired += 1
            if (self._last - value) * self._time_base > RESTART:
                resumed = max(round(self._next), self._last + 1)
                self.shift += resumed - value
                value = resumed
            else:
                value = self._last + (round(step) if self._strays else self._tick)
                self._strays += 1
                self._next = value + step
                return self._settle(value, step)
        self._strays = 0
        self._next = value + step
        return self._settle(value, step)

    def _settle(self, value: int, step: Fraction) -> tuple[int, int]:
        value = value if self._last is None else max(value, self._last + 1)
        self._last = value
        return value, max(1, round(step))
