"""A camera, a stream or a device on the other end of a wire: opened, read and decoded without waiting for more."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from fractions import Fraction
from types import TracebackType
from typing import Self

import av
import av.error
from av.codec.context import Flags as CodecFlags
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from redact.errors import SourceError, StreamLost
from redact.frames import Frame, VideoInfo
from redact.media.addresses import Address, Transport
from redact.media.damage import Damage, Suspicion
from redact.media.dial import dial, why
from redact.media.live_clock import LiveClock
from redact.media.packets import TIME_BASE
from redact.media.pixels import converted, inverted, is_rgb, nearest, plain, turn_of, turned, upright
from redact.media.streams import best_video

log = logging.getLogger(__name__)

FIRST_PICTURE = 20.0  # seconds: cameras send a key frame every 1 to 10
AHEAD = 15.0  # seconds a playlist may be ahead of its own pace: a segment or two
_SLICES = {"hevc", "vp9", "vvc", "libdav1d"}  # decoders that know of damage whatever their threads
_MAX_RATE = 240  # frames per second above which a stated rate is a time base
_LARGEST = 16384  # pixels, either side: no camera is larger, so a header that says so is garbage or an attack
_STREAMS = 16  # a stream that announces ever more streams is garbage or an attack


class Wire:
    """A camera or device. A context manager that iterates over its frames once; see ``live_source.LiveSource``."""

    info: VideoInfo

    def __init__(self, address: Address, *, transport: Transport = "tcp", timeout: float = 10.0) -> None:
        self._address = address
        self._timeout = timeout
        self.damage = Damage()
        self._clock = LiveClock()
        self._closed = threading.Event()
        self._shape: tuple[int, int, str] | None = None
        self._turn = (0, False)
        self._pace: float | None = None
        self._container = dial(address, transport, timeout)
        self._frames = self._deliver()
        try:
            self._stream = _video(self._container, address)
            self._time_base = self._stream.time_base or TIME_BASE
            self._first = next(self._frames, None)
        except BaseException:
            self._frames.close()
            self._container.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        first, self._first = self._first, None
        if first is not None:
            yield first
        del first  # a frame is coverable in place only by whoever holds it alone
        try:
            yield from self._frames
        except ValueError:  # another thread is just closing it
            if not self._closed.is_set():
                raise

    def close(self) -> None:
        """Stop; safe to call twice, and from another thread than the one that iterates."""
        self._closed.set()
        with suppress(ValueError):  # it runs in another thread: nobody may pull the connection away there
            self._frames.close()
            self._container.close()

    def _deliver(self) -> Generator[Frame]:
        index = 0
        try:
            for picture, damaged, arrived in self._pictures():
                self._same_shape(picture)
                said = None if picture.pts is None or self._unstamped else float(picture.pts * self._time_base)
                pts = self._clock.stamp(said, arrived)
                self._keep_pace(pts, arrived)
                self.damage.damaged_frames += damaged
                self.damage.repaired_times = self._clock.repaired
                duration = round(picture.duration * self._time_base / TIME_BASE) if picture.duration else 0
                yield Frame(self._prepare(picture), index, pts, TIME_BASE, duration, damaged)
                index += 1
        finally:
            self._container.close()

    def _pictures(self) -> Iterator[tuple[av.VideoFrame, bool, float]]:
        """(picture, damaged, arrived), from the first key frame on. arrived: seconds of the monotonic clock."""
        suspicion = Suspicion()
        shown = came = time.monotonic()
        patience = FIRST_PICTURE
        for packet, arrived in self._packets():
            for decoded in [] if packet is None else self._decoded(packet, suspicion):
                for picture, damaged in suspicion.passed(decoded):
                    shown, patience = arrived, self._timeout
                    yield picture, damaged, arrived
            if (
                came - shown > patience
            ):  # up to the packet before: after a silence one is late, and then nothing comes
                raise self._lost(f"no picture for {patience:.0f} s", hint="let the camera send key frames often")
            came = arrived

    def _decoded(self, packet: Packet[Stream], suspicion: Suspicion) -> list[av.VideoFrame]:
        suspicion.sent(packet.pts)
        if packet.is_corrupt:
            suspicion.lost()
        try:
            return self._stream.codec_context.decode(packet)
        except (av.error.FFmpegError, ValueError, RuntimeError) as error:
            log.debug("packet lost: %s", error)
            self.damage.lost_packets += 1
            suspicion.lost()
            return []

    def _packets(self) -> Iterator[tuple[Packet[Stream] | None, float]]:
        """(packet, when it came) from the first key frame on; None for those of no use."""
        started = False
        try:
            for packet in self._container.demux():
                if self._closed.is_set():
                    return
                ours = packet.stream_index == self._stream.index
                started = started or (ours and packet.is_keyframe)
                yield packet if ours and started and packet.size else None, time.monotonic()
        except av.error.FFmpegError as error:
            if self._closed.is_set():
                return
            raise self._lost(why(error, self._timeout)) from None
        if not self._closed.is_set():
            raise self._lost("ended")

    def _same_shape(self, picture: av.VideoFrame) -> None:
        shape = (picture.width, picture.height, picture.format.name)
        if self._shape is None:
            if max(shape[:2]) > _LARGEST:
                raise SourceError(
                    f"{self._address.shown}: says it is {shape[0]}x{shape[1]}", hint="check what it sends"
                )
            self._shape = shape
            self.info = self._describe(picture)
        elif shape != self._shape:
            was, now = (f"{width}x{height} {name}" for width, height, name in (self._shape, shape))
            raise self._lost(f"changed from {was} to {now}", hint="open it anew")

    def _keep_pace(self, pts: int, arrived: float) -> None:
        """Wait where a source hands out whole segments at once."""
        if self._address.kind != "hls":
            return
        if self._pace is None:
            self._pace = arrived - float(pts * TIME_BASE)
        ahead = self._pace + float(pts * TIME_BASE) - time.monotonic()
        self._closed.wait(min(max(ahead, 0.0), AHEAD))

    @property
    def _unstamped(self) -> bool:
        """Whether its time stamps are only counted pictures."""
        return self._address.kind == "http" and self._container.format.name == "mpjpeg"

    def _prepare(self, picture: av.VideoFrame) -> av.VideoFrame:
        rotation, mirrored = self._turn
        picture = converted(picture, turned(nearest(picture.format.name), rotation))
        return upright(picture, rotation, mirrored) if rotation or mirrored else plain(picture)

    def _describe(self, picture: av.VideoFrame) -> VideoInfo:
        rotation, mirrored, _ = turn_of(picture)
        self._turn = (rotation, mirrored)
        size = (picture.height, picture.width) if rotation % 180 else (picture.width, picture.height)
        name = turned(nearest(picture.format.name), rotation)
        becomes_yuv = is_rgb(picture.format.name) and not is_rgb(name)
        stream = self._stream
        rates = () if self._unstamped else (stream.average_rate, stream.guessed_rate, stream.base_rate)
        return VideoInfo(
            width=size[0],
            height=size[1],
            pixel_format=name,
            time_base=TIME_BASE,
            codec=stream.codec_context.codec.canonical_name,
            stored_pixel_format=picture.format.name,
            frame_rate=next((Fraction(rate) for rate in rates if rate and 1 <= rate <= _MAX_RATE), None),
            sample_aspect_ratio=inverted(stream.sample_aspect_ratio or Fraction(1), rotation),
            rotation=rotation,
            mirrored=mirrored,
            color_range=ColorRange.MPEG if becomes_yuv else int(picture.color_range),
            color_primaries=int(picture.color_primaries),
            color_trc=int(picture.color_trc),
            colorspace=Colorspace.ITU709 if becomes_yuv else int(picture.colorspace),
        )

    def _lost(self, what: str, hint: str = "check the camera and the network") -> StreamLost:
        return StreamLost(f"{self._address.shown}: {what}", hint=hint)


def _video(container: InputContainer, address: Address) -> VideoStream:
    stream = best_video(container)
    if stream is None or len(container.streams) > _STREAMS:
        raise SourceError(
            f"{address.shown}: no video in it that can be decoded", hint="set the camera to H.264 or H.265"
        )
    for other in container.streams:
        if other.index != stream.index:
            other.discard = av.stream.Discard.all
    # frame threads hold pictures back, and hand them on before they know whether these are damaged
    stream.thread_type = "SLICE"
    if stream.codec_context.name not in _SLICES:
        stream.thread_count = 1
    if stream.codec_context.name == "libdav1d":
        stream.codec_context.flags |= int(CodecFlags.low_delay)
    return stream
