"""Covered packets to an RTSP server, which hands them on: MediaMTX, go2rtc, Frigate's go2rtc, GStreamer."""

from __future__ import annotations

import time
from contextlib import suppress

import av.error

from redact.errors import SinkError
from redact.media.addresses import mask
from redact.media.muxing import FAULTS, Muxing, refused
from redact.media.packets import PacketStream, RedactedPacket

TIMEOUT = 10.0  # seconds that a server may take to answer or to read


class Publish:
    """Announces a stream and sends it over one TCP connection, with the login of its address. stored: always 0."""

    stored = 0

    def __init__(self, url: str, stream: PacketStream, *, timeout: float = TIMEOUT) -> None:
        self._shown = mask(url)
        self._url, self._stream, self._timeout = url, stream, timeout
        self._muxing: Muxing | None = None
        scheme = url.partition("://")[0].lower()
        if scheme not in ("rtsp", "rtsps"):
            raise SinkError(f"{self._shown}: is no RTSP address", hint="write rtsp://user:password@host:port/path")
        options = {
            "rtsp_transport": "tcp",
            "protocol_whitelist": "tls,tcp" if scheme == "rtsps" else "tcp",
            "timeout": str(round(timeout * 1_000_000)),
        }
        began = time.monotonic()
        try:
            self._muxing = Muxing(url, "rtsp", stream, options)
        except FAULTS as error:
            # FFmpeg takes the silence of a server that it greets for an answer of no sense
            silent = isinstance(error, av.error.InvalidDataError) and time.monotonic() - began >= timeout
            raise self._silent() if silent else self._refused(error) from None  # its text holds the password

    def write(self, packet: RedactedPacket) -> None:
        """Send one packet, the first a key frame. Raises SinkError, and TypeError for anything not covered."""
        if self._muxing is None:
            raise SinkError(f"{self._shown}: is closed", hint="open it again")
        try:
            self._muxing.write(packet)
        except FAULTS as error:
            raise self._refused(error) from None

    def close(self) -> None:
        """Take leave of the server. Safe to call twice; a server that is gone is no fault here."""
        muxing, self._muxing = self._muxing, None
        if muxing is not None:
            with suppress(*FAULTS):
                muxing.close()

    def _refused(self, error: Exception) -> SinkError:
        if isinstance(error, av.error.HTTPUnauthorizedError | av.error.HTTPForbiddenError):
            return SinkError(f"{self._shown}: the login was refused", hint="check user, password and who may publish")
        if isinstance(error, av.error.HTTPNotFoundError):
            return SinkError(f"{self._shown}: nobody takes a stream there", hint="check the path after the host")
        if isinstance(error, av.error.ConnectionRefusedError):
            return SinkError(f"{self._shown}: nothing answers at that port", hint="check host, port and the server")
        if isinstance(error, av.error.TimeoutError | av.error.ExitError):
            return self._silent()
        return refused(self._shown, error, "check that the server takes streams by RTSP (ANNOUNCE)")

    def _silent(self) -> SinkError:
        return SinkError(f"{self._shown}: no answer in {self._timeout:g} s", hint="check the server")
