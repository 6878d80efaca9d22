"""How long to wait before the next try."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

# A wait is a thirtieth of the outage so far: after a cut of a minute the next try comes within two seconds, and
# something that has been away for half an hour is asked once a minute.
SHARE = 1 / 30
FIRST, MOST = 0.5, 60.0  # seconds


class Backoff:
    """Waits that grow with the outage, jittered so that many cameras do not all try at once.

    first, most: shortest and longest wait in seconds, before jitter takes up to half of it away. settled: seconds
    without a failure after which the next one begins a new outage.
    """

    def __init__(
        self,
        first: float = FIRST,
        most: float = MOST,
        *,
        settled: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._first = first
        self._most = most
        self._settled = settled
        self._clock = clock
        self._began: float | None = None
        self._well: float | None = None

    @property
    def outage(self) -> float:
        """Seconds since the first failure of this outage; 0 while all is well."""
        return 0.0 if self._began is None else self._clock() - self._began

    def failed(self) -> float:
        """Told of a failure; seconds to wait before the next try."""
        now = self._clock()
        if self._began is None or (self._well is not None and now - self._well > self._settled):
            self._began = now
        self._well = None
        wait = min(max((now - self._began) * SHARE, self._first), self._most)
        return wait * random.uniform(0.5, 1.0)

    def succeeded(self) -> None:
        """Told that it works. Tell it again and again: the outage ends when it has for ``settled`` seconds."""
        now = self._clock()
        if self._well is None:
            self._well = now
        if now - self._well >= self._settled:
            self._began = None
