"""Covered packets into a container, whose bytes go to a file, a pipe or a server."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Mapping
from typing import Protocol, cast

import av
import av.error
from av.container import OutputContainer
from av.container.core import Flags as ContainerFlags

from redact.errors import SinkError
from redact.media.packets import PacketStream, RedactedPacket, only_redacted

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Bytes(Protocol):
    """What a container is written to: any file that takes everything it is given."""

    def write(self, data: bytes) -> int: ...


class Descriptor:
    """An open file descriptor that takes everything or raises. written: bytes so far, not counting rewritten ones."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.written = 0

    def write(self, data: bytes) -> int:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self.written += len(data)
        return len(data)


class SeekableDescriptor(Descriptor):
    """A regular file, which a container may finish by rewriting its beginning."""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return os.lseek(self._descriptor, offset, whence)

    def tell(self) -> int:
        return os.lseek(self._descriptor, 0, os.SEEK_CUR)


class Muxing:
    """One container of one video stream. Nothing lies in it unwritten but what its format needs.

    to: where it is written, or an address. What goes wrong is raised as it is: FFmpegError, OSError, ValueError.
    """

    def __init__(
        self,
        to: Bytes | str,
        form: str,
        stream: PacketStream,
        options: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        av.logging.set_level(None)
        self._container: OutputContainer = av.open(to, "w", format=form, container_options=dict(options or {}))
        self._container.flags |= cast(int, ContainerFlags.bitexact.value)  # no name of the program, no date
        self._container.flags |= cast(int, ContainerFlags.flush_packets.value)
        self._container.metadata.update(tags or {})
        # the demuxer of bare H.264 makes a stream of nothing but parameter sets: no encoder is opened for a sink
        with av.open(io.BytesIO(stream.extradata), "r", format=stream.codec) as template:
            self._stream = self._container.add_stream_from_template(template.streams.video[0])
        context = self._stream.codec_context
        context.width, context.height, context.time_base = stream.width, stream.height, stream.time_base
        self._stream.time_base = stream.time_base
        self._container.start_encoding()

    def write(self, redacted: RedactedPacket, *, origin: int = 0) -> None:
        """Write a packet, the first a key frame. origin: what counts as time 0. Raises TypeError for others."""
        only_redacted(redacted)
        packet = av.Packet(redacted.data)
        packet.stream = self._stream
        packet.time_base = redacted.time_base
        packet.pts, packet.dts = redacted.pts - origin, redacted.dts - origin
        packet.duration = redacted.duration
        packet.is_keyframe = redacted.keyframe
        self._container.mux(packet)

    def close(self) -> None:
        """Finish the container. Safe to call twice."""
        self._container.close()


def refused(what: str, error: Exception, hint: str = "check that it can be written to") -> SinkError:
    """What an error of ``Muxing`` means for a person. what: what was written, secrets masked."""
    number = getattr(error, "errno", None)
    if number in FULL:
        return SinkError(f"{what}: the disk is full", hint="make room, or keep less (keep, keep_size)")
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return SinkError(f"{what}: may not be written to", hint="check owner and permissions")
    if number in (errno.EPIPE, errno.ECONNRESET):
        return SinkError(f"{what}: the reader went away", hint="it is tried again")
    reason = getattr(error, "strerror", None) or type(error).__name__
    return SinkError(f"{what}: cannot be written ({reason.lower()})", hint=hint)


FAULTS = (av.error.FFmpegError, OSError, ValueError)
"""What ``Muxing`` raises."""
