"""Which frames are looked at: detection is the dear step, and the timeline joins the dots."""

from __future__ import annotations

from redact.frames import Frame
from redact.policy import Policy

# Chosen by benchmarks/cadence: looking 12 times a second covers as many labelled faces as looking at every frame
# (the timeline fills one or two frames), 6 times a second loses nothing while nobody is there, because covering
# reaches back by `lookahead` from the first sighting.
BUSY_INTERVAL = 0.08
QUIET_INTERVAL = 0.16
SHAKEN = 8.0  # levels of change since the last look (a shaking camera); no straight line fills such a gap
_CALM = 1.0  # seconds without any detection after which the picture counts as quiet


class Cadence:
    """Says which frames are due. The same frames and detections always give the same answer.

    least: seconds that looks must be apart, whatever else is due: set while there is no time for more.
    """

    def __init__(self, policy: Policy) -> None:
        self._every = policy.every
        # without lookahead nothing can be made good later: look at every frame
        self._quiet = QUIET_INTERVAL if policy.lookahead >= 2 * QUIET_INTERVAL else BUSY_INTERVAL
        self._always = policy.every is None and policy.lookahead < 2 * BUSY_INTERVAL
        self._looked: float | None = None
        self._found: float | None = None
        self._last: float | None = None
        self._moved = 0.0
        self._index = -100  # of the last frame that was looked at
        self.least = 0.0

    def due(self, frame: Frame, change: float) -> bool:
        """Whether this frame is to be looked at. change: levels by which it differs from the frame before."""
        gap = 0.0 if self._last is None else frame.time - self._last
        self._last = frame.time
        self._moved += change
        if self.least and self._looked is not None and 0 <= frame.time - self._looked + gap / 2 < self.least:
            return False
        if self._every is not None:
            # later than that only where the frame that was due was dropped or damaged
            return frame.index % self._every == 0 or frame.index - self._index >= self._every
        if self._always or self._looked is None or self._found is None or frame.time < self._looked:
            return True
        if self._moved > SHAKEN:
            return True
        quiet = frame.time - self._found > _CALM
        interval = self._quiet if quiet else BUSY_INTERVAL
        # the frame nearest the interval, not the first after it: 25 frames a second become every 2nd, not every 3rd
        return frame.time - self._looked + gap / 2 >= interval

    def looked(self, frame: Frame, found: bool) -> None:
        """Told after each look whether anything at all was there."""
        self._looked = frame.time
        self._index = frame.index
        self._moved = 0.0
        if found or self._found is None:
            self._found = frame.time
