"""The steps composed: frames → looking → timeline → cover → sink. The only file with threads and queues.

Decoding, detecting and encoding run in a thread each (their libraries release the interpreter), settling and
covering in the caller's. Queues are short and bounded, so a slow step makes the others wait.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from redact.cover import Cover
from redact.errors import DetectorError, RedactError
from redact.frames import Frame, RedactedFrame
from redact.looking import Looked, Looking
from redact.policy import Policy
from redact.regions import Settled
from redact.timeline import Timeline

T = TypeVar("T")

AHEAD = 4  # items a step may be ahead of the next: enough to overlap, few enough for memory
DETECTOR_TIMEOUT = 60.0  # seconds for one frame; an 8K still takes 7 in all here
_TICK = 0.1  # seconds between looks at whether the other side has stopped
_PATIENCE = 5.0  # seconds to wait for a detector that may hang for ever; its thread is then left behind


class Sink(Protocol):
    """Where covered frames go."""

    def write(self, redacted: RedactedFrame) -> None:
        """Take the next frame. Raises SinkError."""
        ...


@contextmanager
def settle(
    frames: Iterable[Frame], looking: Looking, timeline: Timeline, *, timeout: float = DETECTOR_TIMEOUT
) -> Iterator[Iterator[Settled]]:
    """Every frame of ``frames``, in order, with all that is to be covered in it.

    A context, because threads read ``frames``: after it nothing does, and their source may be closed. Iterating
    raises DetectorError when the detector raises, answers nonsense, or takes longer than ``timeout`` seconds for
    one frame; whatever ``frames`` raises passes through.
    """
    watch = _Watch(timeout)
    with (
        _Ahead(frames, "decode") as decoded,
        _Ahead(_watched(decoded, looking, watch), "detect", watch.check, patience=_PATIENCE) as looked,
    ):
        yield _settled(looked, timeline)


def _settled(looked: Iterable[Looked], timeline: Timeline) -> Iterator[Settled]:
    for item in looked:
        yield from timeline.push(item.frame, item.detections, cut=item.cut, whole=item.whole)
    yield from timeline.flush()


def write(frames: Iterable[Settled], sink: Sink, policy: Policy) -> None:
    """Cover every frame and hand it to the sink, which encodes in a thread of its own."""
    cover = Cover(policy)
    with _Behind(sink.write, "encode") as behind:
        for item in frames:
            behind.put(cover(item))


def _watched(frames: Iterable[Frame], looking: Looking, watch: _Watch) -> Iterator[Looked]:
    for frame in frames:
        with watch:
            looked = looking.push(frame)
        yield from looked
    with watch:
        looked = looking.flush()
    yield from looked


class _Watch:
    """Knows how long the detector has been at its present frame."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._since: float | None = None

    def __enter__(self) -> None:
        self._since = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._since = None

    def check(self) -> None:
        since = self._since
        if since is not None and time.monotonic() - since > self._timeout:
            raise DetectorError(
                f"the detector has not answered for {self._timeout:g} s",
                hint="try --device cpu, a larger --min-face or another --detector",
            )


class _Ahead(Generic[T]):
    """Iterates over ``items`` in a thread, up to AHEAD items before they are asked for.

    What the thread raises is raised to the reader. ``check`` is called while the reader waits and may raise.
    Leaving waits for the thread, ``patience`` seconds at most.
    """

    def __init__(
        self,
        items: Iterable[T],
        name: str,
        check: Callable[[], None] = lambda: None,
        *,
        patience: float | None = None,
    ) -> None:
        self._items = items
        self._check = check
        self._patience = patience
        self._queue: queue.Queue[tuple[T] | BaseException | None] = queue.Queue(AHEAD)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"redact-{name}", daemon=True)

    def __enter__(self) -> Iterator[T]:
        self._thread.start()
        return self._read()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(self._patience)

    def _read(self) -> Iterator[T]:
        while True:
            try:
                item = self._queue.get(timeout=_TICK)
            except queue.Empty:
                self._check()
                if not self._thread.is_alive() and self._queue.empty():
                    if not self._stop.is_set():
                        raise _died(self._thread) from None
                    return
                continue
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item[0]

    def _work(self) -> None:
        try:
            for item in self._items:
                if not self._put((item,)):
                    return
            self._put(None)
        except BaseException as error:
            self._put(error)

    def _put(self, item: tuple[T] | BaseException | None) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=_TICK)
            except queue.Full:
                continue
            return True
        return False


class _Behind(Generic[T]):
    """Calls ``take`` with each item in a thread, up to AHEAD items behind. Leaving waits until all are taken."""

    def __init__(self, take: Callable[[T], None], name: str) -> None:
        self._take = take
        self._queue: queue.Queue[tuple[T] | None] = queue.Queue(AHEAD)
        self._error: BaseException | None = None
        self._stop = threading.Event()
        self._done = False
        self._thread = threading.Thread(target=self._work, name=f"redact-{name}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._stop.set()
            self._thread.join()
            return
        self._put(None)
        self._thread.join()
        if not self._done:
            raise self._error or _died(self._thread)

    def put(self, item: T) -> None:
        """Hand over one item; waits while AHEAD are waiting. Raises what ``take`` raised."""
        self._put((item,))

    def _put(self, item: tuple[T] | None) -> None:
        while self._thread.is_alive() and self._error is None:
            try:
                self._queue.put(item, timeout=_TICK)
            except queue.Full:
                continue
            return
        raise self._error or _died(self._thread)

    def _work(self) -> None:
        try:
            while not self._stop.is_set():
                try:
                    item = self._queue.get(timeout=_TICK)
                except queue.Empty:
                    continue
                if item is None:
                    self._done = True
                    return
                self._take(item[0])
        except BaseException as error:
            self._error = error


def _died(thread: threading.Thread) -> RedactError:
    """For a thread that ended without saying why, as one without memory may: what it did not do is not done."""
    return RedactError(f"{thread.name} ended early", hint="give it more memory, or run it again")
