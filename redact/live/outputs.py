"""A camera's sinks, each in a thread of its own: opened, written to, and opened again for ever.

One that is slow or gone costs the others nothing. What it cannot take is dropped up to the next key frame, so that
what it does take can always be decoded, and is never old.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from redact.errors import RedactError
from redact.live.backoff import Backoff
from redact.live.secrets import mask
from redact.live.status import OutputStatus
from redact.media.packets import PacketStream, RedactedPacket

log = logging.getLogger(__name__)

MOST_AGE = 5.0  # seconds that packets may wait for a sink: a disk that wakes up takes two or three
MOST_BYTES = 16 << 20  # of waiting packets


class PacketSink(Protocol):
    """Where covered packets go. stored: bytes it has put on disk so far."""

    @property
    def stored(self) -> int: ...

    def write(self, packet: RedactedPacket) -> None: ...

    def close(self) -> None: ...


class Output:
    """One sink. name: shown, secrets masked. open: makes it for a stream; may block, and raise SinkError.

    gone: called when it fails, where that is not to be cured.
    """

    def __init__(
        self,
        name: str,
        open: Callable[[PacketStream], PacketSink],
        *,
        gone: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self._open = open
        self._gone = gone
        self._waiting: deque[RedactedPacket] = deque()
        self._bytes = 0
        self._condition = threading.Condition()
        self._stream: PacketStream | None = None
        self._closing = False
        self._starved = True  # nothing is taken before a key frame
        self._opened = False
        self._sink: PacketSink | None = None
        self._fault = ""
        self._frames = self._dropped = self._stored = 0
        self._thread = threading.Thread(target=self._work, name="redact-output", daemon=True)
        self._thread.start()

    def begin(self, stream: PacketStream) -> None:
        """What follows belongs to another stream: the sink is closed and opened for it."""
        with self._condition:
            self._stream = stream
            self._clear()
            self._opened = False
            self._condition.notify_all()

    def put(self, packet: RedactedPacket) -> None:
        """Hand over a packet; never waits."""
        with self._condition:
            if not self._opened or (self._starved and not packet.keyframe):
                self._dropped += 1
                return
            oldest = self._waiting[0].taken if self._waiting else packet.taken
            if packet.taken - oldest > MOST_AGE or self._bytes > MOST_BYTES:
                self._fault = "takes packets too slowly"
                self._dropped += len(self._waiting)
                self._clear()
                if not packet.keyframe:
                    self._dropped += 1
                    return
            self._starved = False
            self._waiting.append(packet)
            self._bytes += len(packet.data)
            self._condition.notify_all()

    @property
    def hungry(self) -> bool:
        """Whether it waits for a key frame."""
        return self._opened and self._starved

    @property
    def stored(self) -> int:
        """Bytes put on disk."""
        sink = self._sink
        return self._stored + (sink.stored if sink is not None else 0)

    @property
    def status(self) -> OutputStatus:
        """How it is now."""
        return OutputStatus(self.name, self._opened and not self._fault, self._fault, self._frames, self._dropped)

    def end(self) -> None:
        """Write what waits and close the sink; ``join`` waits for it."""
        with self._condition:
            self._closing = True
            self._condition.notify_all()

    def join(self, patience: float) -> bool:
        """Whether it was closed within ``patience`` seconds."""
        self._thread.join(max(0.0, patience))
        return not self._thread.is_alive()

    def _work(self) -> None:
        backoff = Backoff()
        while not self._closing:
            with self._condition:
                stream = self._stream
                if stream is None:
                    self._condition.wait()
                    continue
            try:
                self._carry(stream, backoff)
            except Exception as error:  # RedactError is expected; of a library's, too, only this sink dies
                kind = "" if isinstance(error, RedactError) else f"{type(error).__name__}: "
                self._failed(mask(f"{kind}{error}"))
                if self._gone is not None:
                    self._gone()
                    return
                with self._condition:
                    if not self._closing:
                        self._condition.wait(backoff.failed())

    def _carry(self, stream: PacketStream, backoff: Backoff) -> None:
        """Open the sink and write to it until the stream is another one or the end comes."""
        sink = self._sink = self._open(stream)
        try:
            with self._condition:
                self._clear()
                self._opened = stream is self._stream
            while True:
                packet = self._next(stream)
                if packet is None:
                    break
                sink.write(packet)
                if self._fault:
                    log.info("%s: takes packets again", self.name)
                self._frames += 1
                self._fault = ""
                backoff.succeeded()
        except BaseException:
            self._opened = False
            with contextlib.suppress(Exception):  # what went wrong first is what there is to say
                self._closed(sink)
            raise
        self._opened = False
        self._closed(sink)

    def _closed(self, sink: PacketSink) -> None:
        try:
            sink.close()
        finally:
            self._stored += sink.stored
            self._sink = None

    def _next(self, stream: PacketStream) -> RedactedPacket | None:
        with self._condition:
            while True:
                if stream is not self._stream:
                    return None
                if self._waiting:
                    packet = self._waiting.popleft()
                    self._bytes -= len(packet.data)
                    return packet
                if self._closing:
                    return None
                self._condition.wait()

    def _failed(self, fault: str) -> None:
        if fault != self._fault:
            log.warning("%s", named(self.name, fault))
        with self._condition:
            self._fault = fault
            self._dropped += len(self._waiting)
            self._clear()

    def _clear(self) -> None:
        self._waiting.clear()
        self._bytes = 0
        self._starved = True


def named(name: str, fault: str) -> str:
    """What is wrong with an output, and which it is: most errors say so themselves."""
    return fault if fault.startswith(name) else f"{name}: {fault}"


class Outputs:
    """All sinks of a camera."""

    def __init__(self, outputs: Sequence[Output]) -> None:
        self._outputs = tuple(outputs)

    def begin(self, stream: PacketStream) -> None:
        """What follows belongs to another stream."""
        for output in self._outputs:
            output.begin(stream)

    def put(self, packets: Sequence[RedactedPacket]) -> None:
        """Hand packets to every sink; never waits."""
        for packet in packets:
            for output in self._outputs:
                output.put(packet)

    @property
    def hungry(self) -> bool:
        """Whether a sink waits for a key frame."""
        return any(output.hungry for output in self._outputs)

    @property
    def stored(self) -> int:
        """Bytes put on disk."""
        return sum(output.stored for output in self._outputs)

    @property
    def status(self) -> tuple[OutputStatus, ...]:
        """How each is now."""
        return tuple(output.status for output in self._outputs)

    def close(self, patience: float) -> None:
        """Write what waits and close every sink, in ``patience`` seconds at most."""
        until = time.monotonic() + patience
        for output in self._outputs:
            output.end()
        for output in self._outputs:
            if not output.join(until - time.monotonic()):
                log.error("%s: did not close in time", output.name)
