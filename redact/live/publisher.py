"""Publishing in a process of its own: ``python -m redact.live.publisher``, fed with covered packets through stdin.

PyAV opens RTSP with the interpreter's lock held: while a recorder that hangs is waited for, nothing else in the
process runs, no other sink and no camera. Here such a wait hurts nobody, and can be ended.

The first line on stdin says where to and what, as JSON, so that no password is in an argument; packets follow. One
line comes back on stdout when the server takes the stream, and one when it does not, or does not any more.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, BinaryIO

from redact.errors import SinkError
from redact.live.dumps import forbid_dumps
from redact.live.secrets import harmless
from redact.media.addresses import mask
from redact.media.packets import TIME_BASE, PacketStream, RedactedPacket, only_redacted
from redact.media.publish import TIMEOUT, Publish

STARTING = 20.0  # seconds that the process may take to start: an import from a slow card takes ten
LEAVING = 2.0  # seconds to take leave of the server in
_HEAD = struct.Struct("<qqq?dI")  # pts, dts, duration, keyframe, taken, bytes
_OPEN = {"open": True}


class Publisher:
    """A packet sink: hands packets to a process that publishes them. stored: always 0.

    Raises SinkError when made, where the server cannot be reached or refuses; ``timeout`` seconds is what it may take
    to answer, and to read what it is sent.
    """

    stored = 0

    def __init__(self, url: str, stream: PacketStream, *, timeout: float = TIMEOUT) -> None:
        self._shown = mask(url)
        self._timeout = timeout
        self._said = b""
        self._process: subprocess.Popen[bytes] | None = subprocess.Popen(
            [sys.executable, "-P", "-m", "redact.live.publisher"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=harmless(os.environ),
            bufsize=0,
        )
        try:
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe is not None
                os.set_blocking(pipe.fileno(), False)
            self._send(_asked(url, stream, timeout))
            if not self._heard(STARTING + timeout):
                raise self._silent()
        except BaseException:
            self.close()
            raise

    def write(self, packet: RedactedPacket) -> None:
        """Hand over one packet, the first a key frame. Raises SinkError, and TypeError for anything not covered."""
        if self._process is None:
            raise SinkError(f"{self._shown}: is closed", hint="open it again")
        only_redacted(packet)
        self._heard(0)
        head = _HEAD.pack(packet.pts, packet.dts, packet.duration, packet.keyframe, packet.taken, len(packet.data))
        self._send(head + packet.data)

    def close(self) -> None:
        """Take leave of the server. Safe to call twice; one that hangs is left after two seconds."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            process.wait(LEAVING)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def _send(self, data: bytes) -> None:
        """Raises SinkError where it is not taken in time."""
        assert self._process is not None
        assert self._process.stdin is not None
        descriptor = self._process.stdin.fileno()
        view, deadline = memoryview(data), time.monotonic() + self._timeout
        while view:
            try:
                view = view[os.write(descriptor, view) :]
            except BlockingIOError:
                if not select.select([], [descriptor], [], max(0.0, deadline - time.monotonic()))[1]:
                    raise self._silent() from None
            except BrokenPipeError:
                self._heard(LEAVING)
                raise self._gone() from None

    def _heard(self, patience: float) -> bool:
        """Whether the process has said, in so many seconds, that the stream is taken. Raises what it says instead."""
        assert self._process is not None
        assert self._process.stdout is not None
        descriptor, deadline = self._process.stdout.fileno(), time.monotonic() + patience
        while b"\n" not in self._said:
            if not select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
                return False
            chunk = os.read(descriptor, 65536)
            if not chunk:
                raise self._gone()
            self._said += chunk
        line, _, self._said = self._said.partition(b"\n")
        said = json.loads(line)
        if said == _OPEN:
            return True
        raise SinkError(said["error"], hint=said["hint"])

    def _silent(self) -> SinkError:
        return SinkError(f"{self._shown}: no answer in {self._timeout:g} s", hint="check the server")

    def _gone(self) -> SinkError:
        return SinkError(f"{self._shown}: the process that publishes has ended", hint="it is started anew")


def _asked(url: str, stream: PacketStream, timeout: float) -> bytes:
    rate = stream.frame_rate
    asked = {
        "url": url,
        "timeout": timeout,
        "codec": stream.codec,
        "width": stream.width,
        "height": stream.height,
        "extradata": stream.extradata.hex(),
        "frame_rate": None if rate is None else [rate.numerator, rate.denominator],
    }
    return json.dumps(asked).encode() + b"\n"


def main() -> None:
    """Publish what comes on stdin until it ends."""
    forbid_dumps()  # its memory holds a password
    told = sys.stdin.buffer
    try:
        with contextlib.closing(_published(json.loads(told.readline()))) as sink:
            _say(_OPEN)
            for packet in _packets(told):
                sink.write(packet)
    except SinkError as error:
        _say({"error": str(error), "hint": error.hint})
        os._exit(1)


def _published(asked: dict[str, Any]) -> Publish:
    rate = asked["frame_rate"]
    stream = PacketStream(
        codec=asked["codec"],
        width=asked["width"],
        height=asked["height"],
        extradata=bytes.fromhex(asked["extradata"]),
        frame_rate=None if rate is None else Fraction(*rate),
    )
    return Publish(asked["url"], stream, timeout=asked["timeout"])


def _packets(told: BinaryIO) -> Iterator[RedactedPacket]:
    """The packets on the pipe: what its other end has checked to be covered. A last one cut short is left out."""
    while len(head := told.read(_HEAD.size)) == _HEAD.size:
        pts, dts, duration, keyframe, taken, length = _HEAD.unpack(head)
        data = told.read(length)
        if len(data) < length:
            return
        yield RedactedPacket(data, pts, dts, duration, TIME_BASE, keyframe, taken)


def _say(said: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
