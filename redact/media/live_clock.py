"""Time stamps of a live source, made to grow and to stay near real time, whatever a camera says."""

from __future__ import annotations

from fractions import Fraction

from redact.media.packets import TIME_BASE

LEAP = 1.0  # seconds between neighbours, beyond what really passed: a clock that was set, not a late frame
ASTRAY = 10.0  # seconds that stamps may differ from real time: a stalled connection delivers as much at once
_PULL = 0.002  # part of the difference to real time taken back with a frame: half a minute at 15 frames a second
_TICK = round(Fraction(1, 1000) / TIME_BASE)  # some containers cannot tell apart less than a millisecond


class LiveClock:
    """Stamps frames in units of ``TIME_BASE`` from 0 on. They are apart as the camera says, but drift to real time.

    leaps: how often the camera's clock was set, or ran away. repaired: stamps missing, repeated or backwards.
    """

    def __init__(self) -> None:
        self.leaps = 0
        self.repaired = 0
        self._offset: float | None = None
        self._began = 0.0
        self._seen = 0.0  # when the frame before arrived, seconds
        self._said = 0.0  # what its stamp was, seconds
        self._last = -1

    def stamp(self, said: float | None, now: float) -> int:
        """Presentation time of the next frame. said: what the camera says, now: when it came; both in seconds."""
        if self._last < 0:
            self._began = now
        elapsed = now - self._began
        if said is None:
            self.repaired += 1
            return self._settle(elapsed)
        if self._offset is None:
            self._offset = elapsed - said
        else:
            step, passed = said - self._said, now - self._seen
            ahead = said + self._offset - elapsed
            if step < -LEAP or (step > passed + LEAP and ahead > LEAP) or abs(ahead) > ASTRAY:
                self.leaps += 1
                self._offset = max(elapsed, self._last * float(TIME_BASE)) - said
            else:
                self._offset -= ahead * _PULL
                self.repaired += step <= 0
        self._said, self._seen = said, now
        return self._settle(said + self._offset)

    def _settle(self, time: float) -> int:
        value = round(time / TIME_BASE)
        self._last = max(value, self._last + _TICK) if self._last >= 0 else 0
        return self._last
