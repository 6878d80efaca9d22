"""A camera's clock laid over this machine's: when each frame belongs, and how late it came.

Cameras count from anywhere, stop, jump and drift, and networks deliver seconds of frames at once. The published
stream counts seconds of this machine's monotonic clock, from when it was begun and only ever forward. What follows
believes that two frames are as far apart as their times say: so frames are never squeezed together, which would let
somebody walk far in no time, and where the distance to the frame before is not known, that is said.
"""

from __future__ import annotations

from dataclasses import dataclass

JUMP = 2.0  # seconds that a camera's time may differ from arrival before it is taken for a jump
SETTLED = 3.0  # seconds of frames that all came late, after which it is the clock that is late and not the network
PACE = 0.6, 1.6  # of this machine's clock; a camera's outside of it counts in other units
SQUEEZED = 0.5  # of their distance: two frames that would be nearer than that are not both shown
_LATE = 0.1  # seconds of lateness that is not worth moving the clock for
_NEWEST = 0.1  # weight of the newest distance of two frames in their mean
_STEP = 0.001  # seconds: least distance of two frames


@dataclass(frozen=True, slots=True)
class Placed:
    """time: of the published stream, after the last one's. late: seconds by which it came later than others did.

    torn: the distance to the frame before is not what the times say.
    """

    time: float
    late: float
    torn: bool


class StreamTime:
    """Places the frames of one camera. began: on the monotonic clock. jumps: of the camera's clock so far.

    A camera's clock is believed once it has kept pace with this machine's for a while; before, and where it does not,
    a frame belongs where it arrived.
    """

    def __init__(self, began: float) -> None:
        self.began = began
        self.jumps = 0
        self._last = 0.0
        self._before: tuple[float, float] | None = None  # of the frame before: its place, and the camera's time
        self._torn = True
        self._offset = 0.0
        self._paced: bool | None = None  # whether the camera's clock keeps pace; None until that is known
        self._window = (0.0, 0.0)  # from when on pace is measured: this machine's time and the camera's
        self._period = 0.0
        self._least = float("inf")
        self._fresh = True

    def renew(self) -> None:
        """The next frame is of another connection: its clock says nothing of the last one's."""
        self._fresh = True

    def place(self, seconds: float, at: float) -> Placed | None:
        """Where the frame with the camera's time ``seconds`` belongs, which arrived ``at`` on the monotonic clock.

        None where it has no place: it came in a burst, and time has not gone on since the last one.
        """
        now = at - self.began
        jumped = abs(now - self._offset - seconds) > JUMP and not self._fresh
        if self._fresh or jumped:
            self.jumps += jumped
            self._lay(seconds, now)
            if self._fresh or self._paced:
                self._paced = None
            self._window, self._fresh = (now, seconds), False
        late = now - self._offset - seconds
        if late < 0 or not self._paced:  # quicker than any before: the others were late
            self._offset += late
            late = 0.0
        late = self._judged(seconds, late, now)
        time = self._offset + seconds
        before, self._before = self._before, (time, seconds)
        if before is not None:
            least = SQUEEZED * (self._period if self._paced is False else seconds - before[1])
            passed = time - before[0]
            self._period += (passed - self._period) * _NEWEST if passed < JUMP else 0.0
            if passed < least:
                self._torn = True
                return None
        if time < self._last + _STEP:
            self._torn = True
            return None
        placed = Placed(time, late, self._torn)
        self._last, self._torn = time, False
        return placed

    def _judged(self, seconds: float, late: float, now: float) -> float:
        """How late a frame is that came so late, once it is known whether all do and whether the clock keeps pace."""
        self._least = min(self._least, late)
        began, said = self._window
        if now - began <= SETTLED:
            return late
        self._paced = PACE[0] <= (seconds - said) / (now - began) <= PACE[1]
        if self._least > _LATE:
            self._offset += self._least
            late -= self._least
        self._least, self._window = float("inf"), (now, seconds)
        return late

    def _lay(self, seconds: float, now: float) -> None:
        self._offset = now - seconds
        self._before, self._torn = None, True
        self._least = float("inf")
