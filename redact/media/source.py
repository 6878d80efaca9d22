"""Files as upright frames in presentation order.

Time: presentation times stay as the file has them, except that streams whose clock starts anywhere (MPEG transport
and program streams) count from the file's first stamp, and that with ``start`` the first delivered frame is at 0.
Size: if it changes within the file, later frames are scaled to the first frame's size, so that nothing is lost.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import av.error
from av.codec.context import Flags as CodecFlags
from av.container import InputContainer
from av.packet import Packet
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from redact.errors import SourceError
from redact.frames import Frame, VideoInfo
from redact.media.clock import Clock
from redact.media.damage import Damage, Suspicion
from redact.media.extent import missing_bytes
from redact.media.pixels import converted, inverted, is_rgb, nearest, plain, turn_of, turned, upright
from redact.media.streams import best_video, open_input, sort_streams
from redact.policy import Audio

log = logging.getLogger(__name__)

_FREE_CLOCKS = {"mpegts", "mpegtsraw", "mpeg"}  # demuxers whose first time stamp is arbitrary
_READ_FAILURES = 1000  # failed reads in a row, without a packet between them, that mean the end of what can be read
_MARGIN = Fraction(1)  # seconds to seek before a start: reordered frames may lie before their key frame
_SLICES = {"hevc", "vp9", "vvc", "libdav1d"}  # decoders that know of damage whatever their threads
_MAX_RATE = 240  # frames per second above which a stated rate is a time base, and encoders give up


@dataclass(frozen=True, slots=True)
class Span:
    """Which part of the container's time is delivered, in seconds: time ``t`` becomes ``t - shift``.

    cut: whether what would become negative is left out. end: output time from which on nothing is delivered.
    """

    shift: Fraction
    cut: bool
    end: Fraction | None


def open_source(
    path: str | os.PathLike[str], *, start: float | None = None, end: float | None = None, audio: Audio = "drop"
) -> Source:
    """Open a video file.

    start, end: deliver only frames with start <= time < end, in seconds. audio: whether a sink that is given this
    source takes its sound along. Raises SourceError where there is no video to deliver.
    """
    return Source(Path(path), start=start, end=end, audio=audio)


class Source:
    """A video file: a context manager that iterates over its frames once.

    info: what is known of the video. container: FFmpeg's name of its kind. dropped, kept: its other streams, chapters
    and tags. damage, truncated: what was found wrong so far, complete once the iteration has ended. audio_streams:
    indices of the kept ones.
    """

    info: VideoInfo

    def __init__(
        self, path: Path, *, start: float | None = None, end: float | None = None, audio: Audio = "drop"
    ) -> None:
        self.path = path
        self.damage = Damage()
        self._busy = threading.RLock()  # who stops a run may leave while another thread still reads
        self._closed = False
        self._from = Fraction(start or 0).limit_denominator(1_000_000)
        self._to = None if end is None else Fraction(end).limit_denominator(1_000_000)
        if self._to is not None and self._to <= self._from:
            raise SourceError("the end is not after the start", hint="give --end a later time than --start")
        self._open()
        self.container = self._container.format.name
        try:
            self._clock = Clock(self._time_base, _frame_rate(self._stream), _origin(self._container, self._stream))
            self.truncated = missing_bytes(path) > 0
            self.dropped, self.kept, self.audio_streams = sort_streams(self._container, self._stream, audio)
            self._rebase = 0
            self._turn = (0, False)
            frames = self._deliver()
            first = next(frames, None)
            if first is None:
                raise self._nothing()
            self._frames = itertools.chain((first,), frames)
        except BaseException:
            self.close()
            raise

    @property
    def span(self) -> Span:
        """The delivered part of the input, for whoever takes sound along."""
        moved = self._rebase * self._time_base
        end = None if self._to is None else self._to - moved
        return Span(moved - self._clock.shift * self._time_base, self._from > 0, end)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        while True:
            with self._busy:
                if self._closed:
                    raise SourceError(f"{self.path.name}: is closed", hint="open it again")
                try:
                    frame = next(self._frames)
                except StopIteration:
                    return
            yield frame

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        with self._busy:
            self._closed = True
            self._container.close()

    def _open(self) -> None:
        self._container = open_input(self.path)
        stream = best_video(self._container)
        if stream is None:
            self._container.close()
            kinds = sorted({stream.type for stream in self._container.streams})
            raise SourceError(
                f"{self.path.name}: no video that can be decoded"
                + (f" (it holds {', '.join(kinds)})" if kinds else ""),
                hint="name a file with video in it, or convert it to H.264 in MP4 first",
            )
        for other in self._container.streams:
            if other.index != stream.index:
                other.discard = av.stream.Discard.all
        # Frame threads hand pictures on before they know whether these are damaged, and with slice threads the H.264
        # decoder does not look: threads only within frames, and only where they cost no knowledge.
        stream.thread_type = "SLICE"
        if stream.codec_context.name not in _SLICES:
            stream.thread_count = 1
        if stream.codec_context.name == "libdav1d":
            stream.codec_context.flags |= int(CodecFlags.low_delay)  # its own frame threads are turned off by this
        self._stream = stream
        self._time_base = stream.time_base or Fraction(1, 90_000)

    def _deliver(self) -> Iterator[Frame]:
        """Frames of the wanted span, upright, in one size and format, with times that can be written."""
        index = 0
        for picture, damaged in self._sought():
            pts, duration = self._clock.stamp(picture.pts, picture.dts, picture.duration)
            time = pts * self._time_base
            if time < self._from:
                continue
            if self._to is not None and time >= self._to:
                return
            if index == 0:
                self._rebase = pts if self._from else 0
                self.info = self._describe(picture)
            self.damage.damaged_frames += damaged
            self.damage.repaired_times = self._clock.repaired
            yield Frame(self._prepare(picture), index, pts - self._rebase, self._time_base, duration, damaged)
            index += 1

    def _sought(self) -> Iterator[tuple[av.VideoFrame, bool]]:
        """Decoded pictures from the start of the span or before it on."""
        margin = _MARGIN
        while True:
            target = self._from - margin
            if target > 0 and not self._seek(target):
                target = Fraction(0)
            pictures = self._decode()
            first = next(pictures, None)
            if target <= 0 or (first and first[0].pts is not None and self._time(first[0].pts) <= self._from):
                break
            margin *= 8
            self._container.close()
            self.damage = Damage()
            self._open()
        if first is not None:
            yield first
            yield from pictures

    def _seek(self, target: Fraction) -> bool:
        try:
            self._container.seek(int(target / self._time_base) - self._clock.shift, stream=self._stream)
        except av.error.FFmpegError:
            self._container.close()
            self._open()
            return False
        return True

    def _time(self, pts: int) -> Fraction:
        return (pts + self._clock.shift) * self._time_base

    def _decode(self) -> Iterator[tuple[av.VideoFrame, bool]]:
        """(picture, damaged) of the whole stream, in presentation order."""
        suspicion = Suspicion()
        for packet in self._packets():
            if packet is not None:
                suspicion.sent(packet.pts)
            try:
                pictures = self._stream.codec_context.decode(packet)
            except av.error.EOFError:
                continue
            except (av.error.FFmpegError, ValueError, RuntimeError) as error:
                log.debug("packet lost: %s", error)
                self.damage.lost_packets += 1
                suspicion.lost()
                continue
            for picture in pictures:
                yield from suspicion.passed(picture)
        yield from suspicion.rest()

    def _packets(self) -> Iterator[Packet[VideoStream] | None]:
        """Packets of the video stream, then None to drain the decoder; a read error is not the end of the file."""
        failures = 0
        while failures < _READ_FAILURES:
            try:
                for packet in self._container.demux(self._stream):
                    if not packet.size:  # a repeat of the last picture, or PyAV's own mark of the end
                        continue
                    if packet.has_sidedata("encryption_info"):
                        raise SourceError(
                            f"{self.path.name}: its video is encrypted", hint="decrypt it with its key first"
                        )
                    failures = 0
                    yield packet
                break
            except av.error.FFmpegError as error:
                log.debug("read error: %s", error)
                self.damage.read_errors += 1
                failures += 1
        self.truncated = self.truncated or failures > 0
        yield None

    def _prepare(self, picture: av.VideoFrame) -> av.VideoFrame:
        rotation, mirrored = self._turn
        name = turned(self.info.pixel_format, rotation)
        width, height = self.info.width, self.info.height
        size = (height, width) if rotation % 180 else (width, height)
        picture = converted(picture, name, *size)
        return upright(picture, rotation, mirrored) if rotation or mirrored else plain(picture)

    def _describe(self, picture: av.VideoFrame) -> VideoInfo:
        rotation, mirrored = self._read_turn(picture)
        self._turn = (rotation, mirrored)
        stream = self._stream
        size = (picture.height, picture.width) if rotation % 180 else (picture.width, picture.height)
        duration = _duration(self._container, stream)
        if self._from or self._to is not None:
            stop = min(x for x in (self._to, duration) if x is not None) if duration or self._to else None
            duration = None if stop is None else max(Fraction(0), stop - self._from)
        name = turned(nearest(picture.format.name), rotation)
        becomes_yuv = is_rgb(picture.format.name) and not is_rgb(name)
        return VideoInfo(
            width=size[0],
            height=size[1],
            pixel_format=name,
            time_base=self._time_base,
            codec=stream.codec_context.codec.canonical_name,
            stored_pixel_format=picture.format.name,
            frame_rate=_frame_rate(stream),
            frames=stream.frames or None if not self._from and self._to is None else None,
            duration=None if duration is None else float(duration),
            sample_aspect_ratio=inverted(stream.sample_aspect_ratio or Fraction(1), rotation),
            rotation=rotation,
            mirrored=mirrored,
            color_range=ColorRange.MPEG if becomes_yuv else int(picture.color_range),
            color_primaries=int(picture.color_primaries),
            color_trc=int(picture.color_trc),
            colorspace=Colorspace.ITU709 if becomes_yuv else int(picture.colorspace),
        )

    def _read_turn(self, picture: av.VideoFrame) -> tuple[int, bool]:
        rotation, mirrored, error = turn_of(picture)
        if error > 0.5:
            log.warning("%s: turned by %.0f degrees more than shown", self.path.name, error)
        return rotation, mirrored

    def _nothing(self) -> SourceError:
        name = self.path.name
        if self._from or self._to is not None:
            return SourceError(f"{name}: no frames between start and end", hint="compare --start with its length")
        if self._stream.metadata.get("enc_key_id"):
            return SourceError(f"{name}: its video is encrypted", hint="decrypt it with its key first")
        codec = self._stream.codec_context.codec.canonical_name
        if self.damage.lost_packets:
            return SourceError(
                f"{name}: none of its {self.damage.lost_packets} {codec} packets can be decoded",
                hint="it is damaged or encrypted; try another copy",
            )
        return SourceError(
            f"{name}: no video frames in it", hint="the recording may have been cut off; try another copy"
        )


def _frame_rate(stream: VideoStream) -> Fraction | None:
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and rate <= _MAX_RATE:
            return Fraction(rate)
    return None


def _origin(container: InputContainer, stream: VideoStream) -> int:
    """Ticks of ``stream`` at which the file's own time begins."""
    if container.format.name not in _FREE_CLOCKS or stream.time_base is None:
        return 0
    starts = [
        other.start_time * other.time_base
        for other in container.streams
        if other.type in ("audio", "video") and other.start_time is not None and other.time_base is not None
    ]
    return int(min(starts, default=Fraction(0)) / stream.time_base)


def _duration(container: InputContainer, stream: VideoStream) -> Fraction | None:
    if stream.duration and stream.time_base:
        return Fraction(stream.duration * stream.time_base)
    return Fraction(container.duration, av.time_base) if container.duration else None
