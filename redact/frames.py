"""Frames, their planes, and what is known of the video they belong to.

A frame is upright: sources rotate it as a viewer would see it, so that every step after them, and every
box, means the same pixels. Covering writes into ``planes`` in place.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from redact.errors import SourceError

if TYPE_CHECKING:
    import av

Samples = NDArray[np.uint8] | NDArray[np.uint16]
Model = Literal["yuv", "gray", "rgb", "bgr"]


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How the samples of one pixel format lie in its planes.

    planes: for each plane (log2 of horizontal subsampling, log2 of vertical subsampling, interleaved channels).
    bits: significant bits of a sample. shift: unused low bits below them (P010 keeps 10 bits in the high end).
    """

    model: Model
    planes: tuple[tuple[int, int, int], ...]
    bits: int = 8
    shift: int = 0
    full_range: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint8 if self.bits <= 8 else np.uint16)

    @property
    def block(self) -> tuple[int, int]:
        """Width and height in pixels of the smallest block that a sample of every plane stands for."""
        return 1 << max(x for x, _, _ in self.planes), 1 << max(y for _, y, _ in self.planes)


def _planar(sub_x: int, sub_y: int) -> tuple[tuple[int, int, int], ...]:
    return ((0, 0, 1), (sub_x, sub_y, 1), (sub_x, sub_y, 1))


_SUBSAMPLING = {"420": (1, 1), "422": (1, 0), "444": (0, 0)}

PIXEL_FORMATS: dict[str, PixelFormat] = {
    **{f"yuv{name}p": PixelFormat("yuv", _planar(*sub)) for name, sub in _SUBSAMPLING.items()},
    **{f"yuvj{name}p": PixelFormat("yuv", _planar(*sub), full_range=True) for name, sub in _SUBSAMPLING.items()},
    **{f"yuv{name}p10le": PixelFormat("yuv", _planar(*sub), bits=10) for name, sub in _SUBSAMPLING.items()},
    "nv12": PixelFormat("yuv", ((0, 0, 1), (1, 1, 2))),
    "p010le": PixelFormat("yuv", ((0, 0, 1), (1, 1, 2)), bits=10, shift=6),
    "gray": PixelFormat("gray", ((0, 0, 1),)),
    "gray10le": PixelFormat("gray", ((0, 0, 1),), bits=10),
    "rgb24": PixelFormat("rgb", ((0, 0, 3),), full_range=True),
    "bgr24": PixelFormat("bgr", ((0, 0, 3),), full_range=True),
}
"""The pixel formats that are covered in place; a source converts any other to the nearest of these, once."""


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """One plane of one frame.

    samples: (height, width) or (height, width, channels), uint8 or uint16, a writable view of the frame itself.
    sub_x, sub_y: log2 of its subsampling: sample (x, y) stands for pixels from (x << sub_x, y << sub_y) on.
    """

    samples: Samples
    sub_x: int
    sub_y: int


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded, upright picture and its time.

    picture: an ``av.VideoFrame`` in one of ``PIXEL_FORMATS``, or a uint8 array (height, width, 3) in B, G, R order.
    index: 0 for the first frame of the run. pts: presentation time in units of ``time_base`` seconds.
    duration: in units of ``time_base``; 0 where unknown. damaged: the decoder found it corrupt.
    """

    picture: av.VideoFrame | NDArray[np.uint8] = field(repr=False)
    index: int
    pts: int
    time_base: Fraction
    duration: int = 0
    damaged: bool = False

    @property
    def time(self) -> float:
        """Presentation time in seconds."""
        return float(self.pts * self.time_base)

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.picture.shape[1]) if isinstance(self.picture, np.ndarray) else self.picture.width

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.picture.shape[0]) if isinstance(self.picture, np.ndarray) else self.picture.height

    @property
    def pixel_format(self) -> str:
        """Name of the pixel format, a key of ``PIXEL_FORMATS``."""
        return "bgr24" if isinstance(self.picture, np.ndarray) else self.picture.format.name

    def planes(self) -> tuple[Plane, ...]:
        """Writable views of every plane, in the order of the pixel format.

        Decoded pictures may be references for later ones: call ``own()`` once before writing.
        """
        if isinstance(self.picture, np.ndarray):
            return (Plane(self.picture, 0, 0),)
        layout = PIXEL_FORMATS.get(self.pixel_format)
        if layout is None:
            raise SourceError(f"pixel format {self.pixel_format} cannot be covered in place")
        views = []
        for plane, (sub_x, sub_y, channels) in zip(self.picture.planes, layout.planes, strict=True):
            width = -(-self.width >> sub_x)
            height = -(-self.height >> sub_y)
            rows = np.frombuffer(memoryview(plane), dtype=layout.dtype).reshape(
                -1, plane.line_size // layout.dtype.itemsize
            )[:height]
            samples: Samples = rows[:, : width * channels]
            views.append(Plane(samples.reshape(height, width, channels) if channels > 1 else samples, sub_x, sub_y))
        return tuple(views)

    def own(self) -> None:
        """Make the picture's memory this frame's alone, so that writing harms no reference frame."""
        if not isinstance(self.picture, np.ndarray):
            self.picture.make_writable()

    def rgb(self, width: int, height: int) -> NDArray[np.uint8]:
        """The picture scaled to ``width`` x ``height`` pixels, uint8 (height, width, 3) in R, G, B order."""
        if isinstance(self.picture, np.ndarray):
            import cv2

            shrunk = cv2.resize(self.picture, (width, height), interpolation=cv2.INTER_AREA)
            return np.asarray(cv2.cvtColor(shrunk, cv2.COLOR_BGR2RGB), dtype=np.uint8)
        from av.video.reformatter import Interpolation

        stated = int(self.picture.color_range)  # without it full range would be stretched and clipped
        small = self.picture.reformat(
            width,
            height,
            "rgb24",
            interpolation=Interpolation.BILINEAR,
            src_color_range=stated,
            threads=1,  # slices on several threads race: now and then samples are left unwritten
        )
        return np.asarray(small.to_ndarray(), dtype=np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class RedactedFrame:
    """A frame whose regions are covered. Only ``redact.cover`` makes one, and sinks accept nothing else."""

    frame: Frame


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What is known of a video before its first frame; sizes are those of the upright frame, in pixels.

    rotation: degrees clockwise that the source turns decoded pictures by (0, 90, 180, 270), after ``mirrored``.
    frames and duration (seconds) are the container's word and may be None or wrong.
    color_*: the stream's tags as FFmpeg numbers them (2 means unspecified).
    """

    width: int
    height: int
    pixel_format: str
    time_base: Fraction
    codec: str = "unknown"
    stored_pixel_format: str = ""
    frame_rate: Fraction | None = None
    frames: int | None = None
    duration: float | None = None
    sample_aspect_ratio: Fraction = Fraction(1)
    rotation: int = 0
    mirrored: bool = False
    color_range: int = 0
    color_primaries: int = 2
    color_trc: int = 2
    colorspace: int = 2
