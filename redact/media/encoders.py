"""Encoders: which one carries which pixel format in which container, and how near to transparent it is set.

Default quality was measured with ``benchmarks/codecs.py``: the coarsest crf, and the fastest preset that does not
waste bits, at which the worst frame of four clips keeps an SSIM of 0.977 or more against the input.
"""

from __future__ import annotations

from dataclasses import dataclass

from redact.errors import SinkError
from redact.frames import PIXEL_FORMATS
from redact.policy import Encoding

MUXERS = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
    ".avi": "avi",
    ".ts": "mpegts",
    ".m2ts": "mpegts",
    ".mts": "mpegts",
    ".flv": "flv",
    ".nut": "nut",
}
"""Suffixes of output files and FFmpeg's name of the container."""

CARRIES = {
    "mp4": ("h264", "hevc", "av1", "vp9"),
    "mov": ("h264", "hevc"),
    "matroska": ("h264", "hevc", "av1", "vp9", "ffv1"),
    "webm": ("vp9", "av1"),
    "avi": ("h264", "ffv1"),
    "mpegts": ("h264", "hevc"),
    "flv": ("h264",),
    "nut": ("h264", "hevc", "ffv1"),
}
"""Containers and the codecs that players accept in them, best choice first."""

_YUV8 = ("yuv420p", "yuv422p", "yuv444p")
_YUVJ = ("yuvj420p", "yuvj422p", "yuvj444p")
_YUV10 = ("yuv420p10le", "yuv422p10le", "yuv444p10le")


@dataclass(frozen=True, slots=True)
class Encoder:
    """One encoder of the PyAV wheel.

    formats: pixel formats it takes as they are. crf, preset: defaults; None where it has no such thing.
    crf_max: the coarsest it accepts. preset_option: its name for what a user calls preset. odd: whether it takes
    odd widths and heights in every subsampling. smallest: the least width and height it takes, in pixels.
    """

    name: str
    formats: tuple[str, ...]
    crf: int | None = None
    crf_max: int = 0
    preset: str | None = None
    preset_option: str = "preset"
    odd: bool = False
    smallest: int = 1
    options: tuple[tuple[str, str], ...] = ()


ENCODERS = {
    "h264": Encoder(
        name="libx264",
        formats=(*_YUV8, *_YUVJ, *_YUV10, "nv12", "gray", "gray10le"),
        crf=18,
        crf_max=51,
        preset="veryfast",
        options=(("a53cc", "0"),),  # closed captions are spoken words: not to be carried over
    ),
    "hevc": Encoder(
        name="libx265",
        formats=(*_YUV8, *_YUVJ, *_YUV10, "gray", "gray10le"),
        crf=18,
        crf_max=51,
        preset="superfast",
        smallest=16,
        options=(("a53cc", "0"), ("x265-params", "log-level=none")),
    ),
    "vp9": Encoder(
        name="libvpx-vp9",
        formats=_YUV8,
        crf=26,
        crf_max=63,
        preset="7",
        preset_option="cpu-used",
        odd=True,
        options=(("b", "0"), ("deadline", "realtime"), ("row-mt", "1")),
    ),
    "av1": Encoder(
        name="libsvtav1",
        formats=("yuv420p", "yuv420p10le"),
        crf=24,
        crf_max=63,
        preset="8",
        odd=True,
        smallest=4,
    ),
    "ffv1": Encoder(
        name="ffv1",
        formats=(*_YUV8, *_YUV10, "gray", "gray10le", "bgr0"),
        odd=True,
        options=(("level", "3"), ("slicecrc", "1"), ("g", "1")),
    ),
}

_NEAREST = {
    "nv12": ("yuv420p", "yuv422p", "yuv444p"),
    "p010le": ("yuv420p10le", "yuv422p10le", "yuv444p10le"),
    "yuvj420p": ("yuv420p", "yuvj422p", "yuvj444p"),
    "yuvj422p": ("yuv422p", "yuvj444p"),
    "yuvj444p": ("yuv444p",),
    "yuv420p": ("yuv422p", "yuv444p"),
    "yuv422p": ("yuv444p",),
    "yuv420p10le": ("yuv422p10le", "yuv444p10le"),
    "yuv422p10le": ("yuv444p10le",),
    "gray": ("yuv420p", "yuv444p"),
    "gray10le": ("yuv420p10le", "yuv444p10le"),
    "rgb24": ("bgr0", "yuv444p"),
    "bgr24": ("bgr0", "yuv444p"),
}
"""What a pixel format becomes, in this order, where an encoder does not take it: nothing here loses samples."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How a video will be encoded."""

    codec: str
    encoder: Encoder
    pixel_format: str
    options: dict[str, str]


def muxer_of(suffix: str) -> str:
    """FFmpeg's name of the container for a file suffix. Raises SinkError."""
    try:
        return MUXERS[suffix.lower()]
    except KeyError:
        raise SinkError(
            f"cannot write a {suffix or 'file without a suffix'!r} video", hint=f"name it {', '.join(MUXERS)}"
        ) from None


def choose(encoding: Encoding, codec: str, pixel_format: str, width: int, height: int, muxer: str) -> Choice:
    """How to encode frames of ``pixel_format`` and that size, in pixels, for a container.

    codec: the input's, which the output follows if nothing else is asked for; where that cannot be, the first that
    the container carries and that keeps every sample. Raises SinkError, whose hint says what works.
    """
    carried = CARRIES[muxer]
    if encoding.codec is not None:
        if encoding.codec not in carried:
            homes = ", ".join(suffix for suffix, name in MUXERS.items() if encoding.codec in CARRIES[name])
            raise SinkError(
                f"{muxer} files do not carry {encoding.codec}",
                hint=f"name the output {homes}, or use --codec {' or '.join(carried)}",
            )
        wanted: tuple[str, ...] = (encoding.codec,)
    else:
        followed = codec if codec in ENCODERS else "h264"
        wanted = (followed, *carried) if followed in carried else carried
    for name in wanted:
        encoder = ENCODERS[name]
        fitting = _fitting(encoder, pixel_format, width, height)
        if fitting is not None:
            return Choice(name, encoder, fitting, _options(name, encoder, encoding))
    able = [name for name in carried if _fitting(ENCODERS[name], pixel_format, width, height)]
    raise SinkError(
        f"{' and '.join(dict.fromkeys(wanted))} cannot hold {pixel_format} of {width}x{height}",
        hint=f"use --codec {' or '.join(able)}" if able else "name the output .mkv or .mp4",
    )


def _fitting(encoder: Encoder, pixel_format: str, width: int, height: int) -> str | None:
    """The pixel format that keeps every sample of ``pixel_format``; None where there is none.

    H.264 and H.265 cannot express an odd size in a subsampled format (their cropping counts in chroma samples), so
    such frames gain full chroma.
    """
    if min(width, height) < encoder.smallest:
        return None
    for name in (pixel_format, *_NEAREST.get(pixel_format, ())):
        if name not in encoder.formats:
            continue
        sub_x, sub_y = PIXEL_FORMATS[name].planes[-1][:2] if name in PIXEL_FORMATS else (0, 0)
        if encoder.odd or not (width & sub_x or height & sub_y):
            return name
    return None


def _options(codec: str, encoder: Encoder, encoding: Encoding) -> dict[str, str]:
    options = dict(encoder.options)
    if encoding.crf is not None and (encoder.crf is None or encoding.crf > encoder.crf_max):
        limit = f"0 to {encoder.crf_max}" if encoder.crf is not None else "none: it is lossless"
        raise SinkError(f"crf {encoding.crf} is not for {codec}", hint=f"its range is {limit}")
    if encoder.crf is not None:
        options["crf"] = str(encoder.crf if encoding.crf is None else encoding.crf)
    if encoding.preset is not None and encoder.preset is None:
        raise SinkError(f"{codec} has no presets", hint="leave --preset out")
    preset = encoding.preset or encoder.preset
    if preset is not None:
        options[encoder.preset_option] = preset
    return options
