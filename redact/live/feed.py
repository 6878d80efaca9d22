"""Frames as a camera gives them, read in a thread that connects again for ever.

What nobody takes in time is dropped: a camera does not wait, and a frame too old to be shown only makes the next one
older. Decoding goes on meanwhile, since later pictures refer to earlier ones.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Protocol

from redact.errors import LoginRefused, RedactError
from redact.frames import PIXEL_FORMATS, Frame, VideoInfo
from redact.live.backoff import Backoff
from redact.live.secrets import mask
from redact.live.stream_time import StreamTime
from redact.media.packets import TIME_BASE

log = logging.getLogger(__name__)

STALE = 0.1, 0.4  # seconds that a frame may wait before it is dropped: the lookahead, within these bounds
LATE = 1.0  # seconds that a frame may come later than its neighbours before it is dropped on arrival
MOST_FRAMES = 32
MOST_BYTES = 96 << 20  # of waiting frames: 31 at 1080p, 7 at 4K
PATIENCE = 4.0, 10.0  # seconds for a camera to answer, at first and after long: quick tries find it sooner
REFUSED = 60.0, 300.0  # seconds between tries with a refused login: cameras lock accounts after a few
_PERIOD = 0.1  # weight of the newest distance between two frames
_HICCUP = 1.0  # seconds: longer than this is no distance between frames but a gap


class Source(Protocol):
    """A camera that was opened."""

    info: VideoInfo

    def __iter__(self) -> Iterator[Frame]: ...

    def close(self) -> None: ...


Opener = Callable[[float], AbstractContextManager[Source]]
"""Opens the camera; given how many seconds it may take to answer."""


@dataclass(frozen=True, slots=True, eq=False)
class Arrived:
    """One frame, its time moved to this machine's monotonic clock.

    taken: when it arrived, seconds since the epoch; at: the same moment on the monotonic clock. connection: counts
    the times the camera was reached. info: of this connection's video. torn: how far it is from the frame before is
    not known.
    """

    frame: Frame
    taken: float
    at: float
    connection: int
    info: VideoInfo
    torn: bool


class Feed:
    """Reads one camera. ``take`` frames from one thread; the attributes may be read from any.

    fault: why there are no frames now, secrets masked, or empty. failed: the last such fault, and how many there
    were; a repeated one counts once. ended: nothing will come any more. frames: decoded. dropped: of these, never
    given out. connects: tries. seconds: processor time of decoding. period: seconds between two frames. Moments on
    the monotonic clock: started, when reading began; arrived, when the last frame did that was not dropped at once;
    sign, when the reading thread last gave one, since it may hang in a library for ever.

    file: that is read to its end, and ended then; loop: and read again, as another connection, since whoever was
    seen at its end is elsewhere at its beginning.
    """

    def __init__(
        self, open: Opener, clock: StreamTime, lookahead: float, *, file: bool = False, loop: bool = False
    ) -> None:
        self._open = open
        # what waited longer than covering reaches back could not be trusted after the next look
        self._stale = min(max(lookahead, STALE[0]), STALE[1])
        self._once = file and not loop
        self._again = file and loop
        self._clock = clock
        self._waiting: deque[Arrived] = deque()
        self._condition = threading.Condition()
        self._stop = threading.Event()
        self._connection = 0
        self._source: Source | None = None
        self._thread = threading.Thread(target=self._work, name="redact-feed", daemon=True)
        self.fault = ""
        self.failed = ("", 0)
        self._failed_at = 0  # frames before the last fault
        self.ended = False
        self.frames = self.dropped = self.connects = 0
        self.seconds = 0.0
        self.period = 0.0
        self.started: float | None = None
        self.sign = time.monotonic()
        self.arrived: float | None = None

    def start(self) -> None:
        """Begin to read."""
        self.started = self.sign = time.monotonic()
        self._thread.start()

    def close(self, patience: float = 1.0) -> None:
        """Stop reading; the thread is left behind if it does not end in ``patience`` seconds."""
        self._stop.set()
        source = self._source
        if source is not None:
            source.close()
        if self._thread.is_alive():
            self._thread.join(patience)

    def take(self, timeout: float) -> Arrived | None:
        """The oldest frame that is not stale; None if none comes within ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        with self._condition:
            while True:
                while self._waiting:
                    arrived = self._waiting.popleft()
                    if time.monotonic() - arrived.at <= self._stale or not self._waiting:
                        return arrived
                    self.dropped += 1
                left = deadline - time.monotonic()
                if left <= 0 or self.ended:
                    return None
                self._condition.wait(left)

    @property
    def behind(self) -> bool:
        """Whether a newer frame waits than the one taken last."""
        return bool(self._waiting)

    def take_all(self) -> list[Arrived]:
        """Every frame that waits, oldest first."""
        with self._condition:
            waiting = list(self._waiting)
            self._waiting.clear()
            return waiting

    def _work(self) -> None:
        backoff, refused = Backoff(), Backoff(*REFUSED)
        while not self._stop.is_set():
            wait = 0.0
            try:
                self._read(backoff.outage, backoff, refused)
                if self._again:
                    continue
                if not (self._once or self._stop.is_set()):
                    self.fault = "the stream has ended"
            except LoginRefused as error:
                wait = refused.failed()
                self.fault = mask(f"{error}; asked again in {wait:.0f} s, lest the account is locked")
            except RedactError as error:
                self.fault = mask(str(error))
            except Exception as error:  # whatever a library raises, the camera is asked again
                self.fault = mask(f"{type(error).__name__}: {error}")
            if self._once and self.frames:
                break
            wait = wait or backoff.failed()
            self._note_fault()
            self._rest(wait)
        with self._condition:
            self.ended = True
            self._condition.notify_all()

    def _note_fault(self) -> None:
        """One that heals before anybody asks is remembered all the same."""
        text, count = self.failed
        if self.fault and (self.fault != text or self.frames != self._failed_at):
            self.failed = (self.fault, count + 1)
        self._failed_at = self.frames

    def _read(self, outage: float, backoff: Backoff, refused: Backoff) -> None:
        self.sign = time.monotonic()
        self.connects += 1
        patience = min(max(outage / 10, PATIENCE[0]), PATIENCE[1])
        with self._open(patience) as source:
            self._source = source
            self._connection += 1
            self._clock.renew()
            spent = time.thread_time()
            try:
                for frame in source:
                    now = time.monotonic()
                    self.seconds += time.thread_time() - spent
                    self._put(frame, source.info, now)
                    self.fault = ""
                    backoff.succeeded()
                    refused.succeeded()
                    if self._stop.is_set():
                        return
                    spent = time.thread_time()
            finally:
                self._source = None

    def _put(self, frame: Frame, info: VideoInfo, now: float) -> None:
        self.sign = now
        index, self.frames = self.frames, self.frames + 1
        placed = self._clock.place(frame.time, now)
        if placed is None or placed.late > LATE:
            self.dropped += 1
            return
        if self.arrived is not None and now - self.arrived < _HICCUP:
            self.period += _PERIOD * (now - self.arrived - self.period)
        self.arrived = now
        pts, duration = round(placed.time / TIME_BASE), round(frame.duration * frame.time_base / TIME_BASE)
        frame = replace(frame, index=index, pts=pts, time_base=TIME_BASE, duration=duration)
        arrived = Arrived(frame, time.time(), now, self._connection, info, placed.torn)
        with self._condition:
            while self._waiting and len(self._waiting) >= _room(frame):
                self._waiting.popleft()
                self.dropped += 1
            self._waiting.append(arrived)
            self._condition.notify_all()

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._stop.wait(min(1.0, max(0.0, until - time.monotonic()))):
            self.sign = time.monotonic()
            if self.sign >= until:
                return


def _room(frame: Frame) -> int:
    """How many such frames may wait."""
    return max(2, min(MOST_FRAMES, MOST_BYTES // size_of(frame)))


def size_of(frame: Frame) -> int:
    """Bytes of its planes."""
    layout = PIXEL_FORMATS[frame.pixel_format]
    shares = sum(Fraction(channels, 1 << sub_x + sub_y) for sub_x, sub_y, channels in layout.planes)
    return int(frame.width * frame.height * shares) * layout.dtype.itemsize
