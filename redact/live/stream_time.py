"""A camera's clock laid over this machine's: when each frame belongs, and how late it came.

Cameras count from anywhere, stop, jump and drift. The published stream counts seconds of this machine's monotonic
clock, from when it was begun and only ever forward; within it frames keep the distances that the camera gave them.
"""

from __future__ import annotations

JUMP = 2.0  # seconds that a camera's time may differ from arrival before it is taken for a jump
SETTLED = 3.0  # seconds of frames that all came late, after which it is the clock that is late and not the network
_LATE = 0.1  # seconds of lateness that is not worth moving the clock for
_STEP = 0.001  # seconds: least distance of two frames


class StreamTime:
    """Places the frames of one camera. began: on the monotonic clock. jumps: of the camera's clock so far."""

    def __init__(self, began: float) -> None:
        self.began = began
        self.jumps = 0
        self._offset: float | None = None
        self._last = 0.0
        self._least = float("inf")
        self._since = 0.0

    def renew(self) -> None:
        """The next frame is of another connection: its clock says nothing of the last one's."""
        self._offset = None

    def place(self, seconds: float, at: float) -> tuple[float, float]:
        """(time, lateness) of a frame with the camera's time ``seconds`` that arrived ``at`` on the monotonic clock.

        time: of the published stream, after the last one's. lateness: how much later than others it came.
        """
        now = at - self.began
        if self._offset is None:
            self._lay(seconds, now)
        elif abs(now - self._offset - seconds) > JUMP:
            self.jumps += 1
            self._lay(seconds, now)
        assert self._offset is not None
        late = now - self._offset - seconds
        if late < 0:  # quicker than any before: the others were late
            self._offset += late
            late = 0.0
        self._least = min(self._least, late)
        if now - self._since > SETTLED:
            if self._least > _LATE:
                self._offset += self._least
                late -= self._least
            self._least, self._since = float("inf"), now
        self._last = max(self._offset + seconds, self._last + _STEP)
        return self._last, late

    def _lay(self, seconds: float, now: float) -> None:
        self._offset = now - seconds
        self._least, self._since = float("inf"), now
