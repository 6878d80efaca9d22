"""Covered frames, encoded: what the live sinks pass on, store and publish."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

TIME_BASE = Fraction(1, 90_000)
"""Seconds in a tick of live time stamps: RTP's and MPEG-TS's own."""


@dataclass(frozen=True, slots=True)
class PacketStream:
    """What is known of a live stream before its first packet.

    codec: FFmpeg's name. width, height: of the encoded picture, in pixels. extradata: its parameter sets, Annex B;
    key frames repeat them. frame_rate: None where unknown.
    """

    codec: str
    width: int
    height: int
    extradata: bytes = field(repr=False)
    time_base: Fraction = TIME_BASE
    frame_rate: Fraction | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RedactedPacket:
    """One encoded covered frame. Only ``LiveEncoder`` makes one, and live sinks accept nothing else.

    pts, dts, duration: in units of ``time_base`` seconds. taken: when the frame arrived, seconds since the epoch.
    """

    data: bytes = field(repr=False)
    pts: int
    dts: int
    duration: int
    time_base: Fraction
    keyframe: bool
    taken: float


def only_redacted(packet: object) -> RedactedPacket:
    """``packet`` itself. Raises TypeError for anything that was not made from covered frames."""
    if not isinstance(packet, RedactedPacket):
        raise TypeError(f"a live sink takes RedactedPacket only, not {type(packet).__name__}")
    return packet
