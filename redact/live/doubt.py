"""Which frames cannot be trusted to be covered where they must be, because nobody looked when it mattered.

A frame is trusted when a look was completed at most ``lookahead`` after it (whoever appears in it is then known, and
covering reaches back that far), another at most ``hold`` before it (whoever was there is still covered), and no look
between these two failed.
"""

from __future__ import annotations

from collections import deque

STARTING = "nothing has been looked at yet"
BEHIND = "detection is too far behind"
_GRACE = 1e-6  # seconds: frame times are sums of fractions that floats do not hold exactly


class Doubt:
    """Remembers the looks of one stream, in order. lookahead, hold: seconds, those of the policy."""

    def __init__(self, lookahead: float, hold: float) -> None:
        self._lookahead = lookahead + _GRACE
        self._hold = hold + _GRACE
        self._looks: deque[tuple[float, str]] = deque()
        self._any = False

    def looked(self, time: float) -> None:
        """A look at the frame of ``time`` seconds was completed."""
        self._looks.append((time, ""))
        self._any = True

    def failed(self, time: float, reason: str) -> None:
        """A look at the frame of ``time`` seconds failed, or was given up."""
        self._looks.append((time, reason))

    def about(self, time: float) -> str:
        """Why the frame of ``time`` seconds is not to be trusted, or empty. Ask in order of time."""
        while len(self._looks) > 1 and self._looks[1][0] <= time:
            self._looks.popleft()
        if not self._looks:
            return STARTING
        first = self._looks[0]
        if first[0] == time:
            return first[1]
        if first[0] > time:  # nobody looked before it
            return first[1] or (BEHIND if self._any else STARTING)
        before, reason = first
        if reason:
            return reason
        if len(self._looks) < 2:
            return BEHIND
        after, reason = self._looks[1]
        if reason:
            return reason
        return "" if after - time <= self._lookahead and time - before <= self._hold else BEHIND
