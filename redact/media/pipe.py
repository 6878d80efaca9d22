"""Covered packets as an MPEG transport stream into a pipe: for programs that start us and read."""

from __future__ import annotations

from contextlib import suppress

from redact.media.muxing import FAULTS, Descriptor, Muxing, refused
from redact.media.packets import PacketStream, RedactedPacket

TRANSPORT = {"muxdelay": "0", "muxpreload": "0", "pat_period": "1", "mpegts_flags": "+resend_headers"}
TAGS = {"service_provider": "redact", "service_name": "covered"}  # else FFmpeg puts its own name there


class Pipe:
    """Writes to an open descriptor, which stays open. Blocks while the reader is slow. stored: always 0."""

    stored = 0

    def __init__(self, descriptor: int, stream: PacketStream) -> None:
        self._muxing: Muxing | None = Muxing(Descriptor(descriptor), "mpegts", stream, TRANSPORT, TAGS)

    def write(self, packet: RedactedPacket) -> None:
        """Write one packet, the first a key frame. Raises SinkError, and TypeError for anything not covered."""
        if self._muxing is None:
            raise refused("the pipe", ValueError())
        try:
            self._muxing.write(packet)
        except FAULTS as error:
            raise refused("the pipe", error) from error

    def close(self) -> None:
        """Write what is left. Safe to call twice; a reader that is gone is no fault here."""
        muxing, self._muxing = self._muxing, None
        if muxing is not None:
            with suppress(*FAULTS):
                muxing.close()
