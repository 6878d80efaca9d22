"""Ways to write, read and bend small files."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from redact.frames import Frame, RedactedFrame, VideoInfo
from redact.media import Sink, open_sink, open_source
from redact.policy import Encoding


def info_of(frame: Frame, **changes: Any) -> VideoInfo:
    """What a source would say of a video that begins with ``frame``."""
    known: dict[str, Any] = {"codec": "h264", "frame_rate": Fraction(25), **changes}
    return VideoInfo(frame.width, frame.height, frame.pixel_format, frame.time_base, **known)


def samples(frame: Frame) -> list[np.ndarray[Any, Any]]:
    """Copies of a frame's planes."""
    return [plane.samples.copy() for plane in frame.planes()]


def read(path: Path, **options: Any) -> tuple[VideoInfo, list[Frame]]:
    """All frames of a file."""
    with open_source(path, **options) as source:
        return source.info, list(source)


def copy(path: Path, output: Path, encoding: Encoding | None = None, **options: Any) -> tuple[VideoInfo, list[Frame]]:
    """Write every frame of ``path`` to ``output`` and return what went in."""
    with open_source(path, **options) as source:
        with open_sink(output, source.info, encoding or Encoding(), source=source) as sink:
            frames = write(sink, source)
            sink.commit()
        return source.info, frames


def write(sink: Sink, frames: Iterable[Frame]) -> list[Frame]:
    """Write frames as they are, which only a test may do."""
    written = []
    for frame in frames:
        written.append(Frame(np.empty((1, 1, 3), np.uint8), frame.index, frame.pts, frame.time_base, frame.duration))
        sink.write(RedactedFrame(frame))
    return written


def set_matrix(path: Path, values: tuple[float, float, float, float]) -> Path:
    """Patch the display matrix (a, b, c, d) of an MP4 file's only track; the rest of its bytes stay as they are."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4
    at += 40 if data[at] == 0 else 52
    a, b, c, d = (round(value * 65536) for value in values)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path
