"""Covered frames into H.264, once for all sinks of a camera, without delay."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import av.error
import numpy as np
from av.codec.context import CodecContext
from av.codec.context import Flags as CodecFlags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace

from redact.errors import SinkError
from redact.frames import PIXEL_FORMATS, RedactedFrame, VideoInfo
from redact.media.packets import TIME_BASE, PacketStream, RedactedPacket
from redact.media.pixels import converted, is_rgb

CRF = 23  # x264's own default: half the size of 18, and a live picture is looked at once
PRESET = "superfast"  # benchmarks/live_encoding: the cheapest in which flat areas keep their texture
KEY_FRAMES = 2.0  # seconds: a viewer who joins waits at most this long, and recordings are cut here
MAX_BITS = 0.25  # bits a pixel, upper bound of the mean over a second: noise at night must not fill a network
_LEAST_BITS = 100_000  # a second, below which that bound never goes: the smallest picture still needs its key frames
_LONGEST_GOP = 9999  # frames: key frames are asked for by time, not by counting
_SEI, _USER_DATA = 6, 5  # NAL unit and payload in which x264 tells its version and every setting


class LiveEncoder:
    """Encodes covered frames of one size. Every frame comes out at once; ``close`` frees the encoder.

    stream: what the packets belong to. crf: quality, smaller is better. A frame of another size, or anything an
    encoder cannot do, raises SinkError; anything not covered raises TypeError.
    """

    def __init__(self, info: VideoInfo, *, crf: int = CRF, preset: str = PRESET) -> None:
        self._info = info
        self._size = info.width + info.width % 2, info.height + info.height % 2
        self._format = "yuvj420p" if info.pixel_format.startswith("yuvj") else "yuv420p"
        self._options = {"preset": preset, "tune": "zerolatency", "crf": str(crf), **_FIXED}
        with _explained():
            headers = self._opened(headers_only=True)
            self._context: VideoCodecContext | None = self._opened()
        self.stream = PacketStream(
            codec="h264",
            width=self._size[0],
            height=self._size[1],
            extradata=_told_nothing(headers.extradata or b""),
            frame_rate=info.frame_rate,
        )
        self._last = -1
        self._key_due = 0
        self._taken: dict[int, tuple[float, int]] = {}

    def want_key_frame(self) -> None:
        """Make the next frame a key frame: somebody joined."""
        self._key_due = 0

    def encode(self, redacted: RedactedFrame, taken: float) -> list[RedactedPacket]:
        """Packets of one covered frame; its time must be after the last one's. taken: when it arrived, epoch."""
        if not isinstance(redacted, RedactedFrame):
            raise TypeError(f"an encoder takes RedactedFrame only, not {type(redacted).__name__}")
        frame = redacted.frame
        if (frame.width, frame.height) != (self._info.width, self._info.height):
            raise SinkError(
                f"frame {frame.index} is {frame.width}x{frame.height}, not the size of the others",
                hint="start another encoder for it",
            )
        if self._context is None:
            raise SinkError("the encoder is closed", hint="start another one")
        given = frame.picture
        picture = given if isinstance(given, av.VideoFrame) else av.VideoFrame.from_ndarray(given, "bgr24")
        picture = _evened(converted(picture, self._format), *self._size)
        unit = frame.time_base / TIME_BASE
        self._last = max(self._last + 1, round(frame.pts * unit))
        due = self._last >= self._key_due
        if due:
            self._key_due = self._last + round(KEY_FRAMES / TIME_BASE)
        picture.pts, picture.time_base = self._last, TIME_BASE
        picture.pict_type = PictureType.I if due else PictureType.NONE
        self._taken[self._last] = taken, round(frame.duration * unit)
        with _explained():
            return [self._packet(packet) for packet in self._context.encode(picture)]

    def close(self) -> None:
        """Free the encoder. Nothing waits in it, as no frame is ever held back. Safe to call twice."""
        self._context = None

    def _packet(self, packet: Any) -> RedactedPacket:
        taken, duration = self._taken.pop(packet.pts)
        data = bytes(packet)
        return RedactedPacket(
            data=_told_nothing(data) if packet.is_keyframe else data,
            pts=packet.pts,
            dts=packet.dts,
            duration=max(1, duration or self._period),
            time_base=TIME_BASE,
            keyframe=packet.is_keyframe,
            taken=taken,
        )

    @property
    def _period(self) -> int:
        return round(1 / (self._rate * TIME_BASE))

    @property
    def _rate(self) -> Fraction:
        return self._info.frame_rate or Fraction(15)

    def _opened(self, *, headers_only: bool = False) -> VideoCodecContext:
        context = CodecContext.create("libx264", "w")
        info = self._info
        context.width, context.height = self._size
        context.pix_fmt = self._format
        context.time_base = TIME_BASE
        context.framerate = self._rate
        context.sample_aspect_ratio = info.sample_aspect_ratio
        becomes_yuv = is_rgb(info.pixel_format)
        full = info.pixel_format.startswith("yuvj")
        context.color_range = ColorRange.MPEG if becomes_yuv else ColorRange.JPEG if full else info.color_range
        context.colorspace = Colorspace.ITU709 if becomes_yuv else info.colorspace
        context.color_primaries, context.color_trc = info.color_primaries, info.color_trc
        context.thread_count = 1  # cameras share the cores by process; slices would only cost bits
        context.flags |= int(CodecFlags.bitexact)
        if headers_only:
            context.flags |= int(CodecFlags.global_header)
        most = max(_LEAST_BITS, int(self._size[0] * self._size[1] * float(self._rate) * MAX_BITS))
        context.options = {**self._options, "maxrate": str(most), "bufsize": str(most)}
        context.open()
        return context


_FIXED = {
    "g": str(_LONGEST_GOP),
    "forced-idr": "1",
    "sc_threshold": "0",
    "a53cc": "0",  # closed captions are spoken words: not to be carried over
}


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (av.error.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SinkError(
            f"the frame cannot be encoded ({reason.lower()})", hint="check the size of the stream"
        ) from error


def _evened(picture: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
    """``picture`` with its last column and row repeated where 4:2:0 needs an even size; chroma has them already."""
    if (picture.width, picture.height) == (width, height):
        return picture
    result = av.VideoFrame(width, height, picture.format.name)
    for source, target, (sub_x, sub_y, _) in zip(
        picture.planes, result.planes, PIXEL_FORMATS[picture.format.name].planes, strict=True
    ):
        wide, high = -(-picture.width >> sub_x), -(-picture.height >> sub_y)
        old = np.frombuffer(memoryview(source), np.uint8).reshape(-1, source.line_size)[:high, :wide]
        new = np.frombuffer(memoryview(target), np.uint8).reshape(-1, target.line_size)
        new = new[: height >> sub_y, : width >> sub_x]
        new[:high, :wide] = old
        new[high:, :wide] = old[-1:]
        new[:, wide:] = new[:, wide - 1 : wide]
    for tag in ("colorspace", "color_range", "color_primaries", "color_trc"):
        setattr(result, tag, getattr(picture, tag))
    return result


def _told_nothing(data: bytes) -> bytes:
    """An Annex B stream without what x264 tells of itself and its settings."""
    kept = []
    start = data.find(b"\0\0\1")
    while start >= 0:
        following = data.find(b"\0\0\1", start + 3)
        end = len(data) if following < 0 else following
        unit = data[start + 3 : end]
        if following >= 0 and unit.endswith(b"\0"):
            unit = unit[:-1]  # the first byte of the next start code
        if not (len(unit) > 1 and unit[0] & 31 == _SEI and unit[1] == _USER_DATA):
            kept.append(b"\0\0\0\1" + unit)
        start = following
    return b"".join(kept)
