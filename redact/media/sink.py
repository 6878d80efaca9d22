"""Covered frames into a file, which takes its name only when it is complete.

Nothing but ``NAME.part`` is written beside the output. MP4 keeps its index at the end: moving it to the front would
read and write the whole file a second time.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import av
import av.error
from av.codec.context import Flags as CodecFlags
from av.container import OutputContainer
from av.container.core import Flags as ContainerFlags
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from redact.errors import SinkError
from redact.frames import RedactedFrame, VideoInfo
from redact.media.encoders import Choice, choose, muxer_of
from redact.media.pixels import converted, is_rgb
from redact.media.sound import Sound
from redact.media.source import Source
from redact.outfile import OutFile
from redact.policy import Encoding

_COUNTING = {"avi"}  # containers that know frames by number only: time stamps become the nearest frame
_REORDERED = 3  # frames that it takes before an encoder can reorder any
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_REORDER = {"avi", "flv", "nut"}  # containers in which reordered frames would move the first time stamp


def open_sink(
    path: str | os.PathLike[str],
    info: VideoInfo,
    encoding: Encoding,
    *,
    source: Source | None = None,
    overwrite: bool = False,
) -> Sink:
    """Open ``path`` for writing; its suffix says the container.

    source: where kept sound comes from, and what must not be overwritten. Raises SinkError.
    """
    return Sink(Path(path), info, encoding, source=source, overwrite=overwrite)


class Sink:
    """A video file being written. A context manager: left without ``commit`` it leaves nothing behind.

    codec, pixel_format: what the output has.
    """

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        encoding: Encoding,
        *,
        source: Source | None = None,
        overwrite: bool = False,
    ) -> None:
        self._info = info
        muxer = muxer_of(path.suffix)
        self._choice = choose(encoding, info.codec, info.pixel_format, info.width, info.height, muxer)
        self.codec, self.pixel_format = self._choice.codec, self._choice.pixel_format
        self._sound: Sound | None = None
        self._last = -1
        self._written = 0
        self._busy = threading.RLock()  # who stops a run may leave while another thread still writes
        self._closed = False
        self._out = OutFile(path, overwrite=overwrite, inputs=[source.path] if source is not None else [])
        self._container: OutputContainer | None = None
        with self._out.begun(), self._explained():
            try:
                self._container = _container(self._out.part, muxer, info)
                self._stream = _video_stream(self._container, self._choice, info, muxer)
                if source is not None and source.audio_streams:
                    self._sound = Sound(source, self._container)
                self._container.start_encoding()
            except BaseException:
                self._close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()

    def write(self, redacted: RedactedFrame) -> None:
        """Encode one frame; times must increase. Raises SinkError, and TypeError for anything not covered."""
        if not isinstance(redacted, RedactedFrame):
            raise TypeError(f"a sink takes RedactedFrame only, not {type(redacted).__name__}")
        frame = redacted.frame
        if (frame.width, frame.height) != (self._info.width, self._info.height):
            raise SinkError(f"frame {frame.index} is {frame.width}x{frame.height}, not the size of the others")
        picture = (
            frame.picture
            if isinstance(frame.picture, av.VideoFrame)
            else av.VideoFrame.from_ndarray(frame.picture, "bgr24")
        )
        picture = converted(picture, self.pixel_format)
        unit = frame.time_base / self._time_base
        self._written += 1
        self._last = max(self._last + 1, round(frame.pts * unit))
        picture.pts, picture.time_base = self._last, self._time_base
        picture.duration = max(1, round(frame.duration * unit))
        picture.pict_type = 0  # the decoder's, which an encoder would take for an order
        with self._busy, self._explained():
            if self._closed:
                raise SinkError(f"{self._out.path}: is closed", hint="open it again")
            self._muxed.mux(self._stream.encode(picture))
            if self._sound is not None:
                self._sound.until(frame.pts * frame.time_base)

    def commit(self, check: Callable[[Path], bool] | None = None) -> None:
        """Finish the file and give it its name, if ``check`` agrees; see ``OutFile``. Raises SinkError."""
        try:
            with self._busy, self._explained():
                rest = self._stream.encode(None)
                if self._written < _REORDERED:
                    for packet in rest:  # x265 leaves decoding times of so short a video unset
                        packet.dts = packet.pts
                self._muxed.mux(rest)
                if self._sound is not None:
                    self._sound.finish()
                self._muxed.close()
            self._out.commit(check)
        finally:
            self.abort()

    def abort(self) -> None:
        """Leave nothing behind. Does nothing after ``commit``; safe to call twice."""
        self._close()
        self._out.abort()

    def _close(self) -> None:
        with self._busy:
            self._closed = True
            if self._sound is not None:
                self._sound.close()
            if self._container is not None:
                with contextlib.suppress(av.error.FFmpegError, ValueError, OSError):
                    self._container.close()

    @property
    def _muxed(self) -> OutputContainer:
        assert self._container is not None
        return self._container

    @property
    def _time_base(self) -> Fraction:
        return self._stream.codec_context.time_base

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what FFmpeg and the system raise into one line."""
        with self._out.explained():
            try:
                yield
            except OSError:
                raise
            except (av.error.FFmpegError, ValueError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                raise OSError(getattr(error, "errno", None) or errno.EIO, reason) from error


def _container(part: Path, muxer: str, info: VideoInfo) -> OutputContainer:
    options = {"mpegts": {"muxdelay": "0", "muxpreload": "0"}}.get(muxer, {})
    if muxer in ("mp4", "mov"):
        options["movie_timescale"] = str(min(info.time_base.denominator, 2**31 - 1))  # else starts round to 1 ms
    container = av.open(f"file:{part}", "w", format=muxer, container_options=options)
    container.flags |= cast(int, ContainerFlags.bitexact.value)  # no name of the program, no random numbers, no date
    return container


def _video_stream(container: OutputContainer, choice: Choice, info: VideoInfo, muxer: str) -> VideoStream:
    rate = info.frame_rate or Fraction(25)
    time_base = 1 / rate if muxer in _COUNTING else info.time_base
    stream = container.add_stream(
        choice.encoder.name, rate=rate, width=info.width, height=info.height, time_base=time_base
    )
    assert isinstance(stream, VideoStream)
    context = stream.codec_context
    context.pix_fmt = choice.pixel_format
    context.time_base = time_base
    context.sample_aspect_ratio = info.sample_aspect_ratio
    becomes_yuv = is_rgb(info.pixel_format) and not is_rgb(choice.pixel_format)
    full = info.pixel_format.startswith("yuvj")
    context.color_range = ColorRange.MPEG if becomes_yuv else ColorRange.JPEG if full else info.color_range
    context.colorspace = Colorspace.ITU709 if becomes_yuv else info.colorspace
    context.color_primaries, context.color_trc = info.color_primaries, info.color_trc
    context.flags |= int(CodecFlags.frame_duration)
    context.options = dict(choice.options)
    if muxer in _NO_REORDER and choice.codec != "ffv1":
        context.options["bf"] = "0"
    if choice.codec == "av1":
        os.environ.setdefault("SVT_LOG", "1")  # its only switch for keeping its report off stderr
    if choice.codec == "hevc" and muxer in ("mp4", "mov"):
        context.codec_tag = "hvc1"  # what Apple's players ask for
    context.open()
    return stream
