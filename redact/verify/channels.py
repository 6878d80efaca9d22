"""The planes of a frame as single channels on one scale: what input and output are compared by."""

from __future__ import annotations

from dataclasses import dataclass, replace

import av
import numpy as np
from numpy.typing import NDArray

from redact.frames import PIXEL_FORMATS, Frame, Samples
from redact.media.pixels import converted

Levels = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Channel:
    """One channel of one frame.

    samples: (height, width), uint8 or uint16, a view of the frame. sub_x, sub_y: as of a ``Plane``.
    scale: what a sample is multiplied by for levels of 0..255. colour: whether it tells colour and not brightness.
    """

    samples: Samples
    sub_x: int
    sub_y: int
    scale: float
    colour: bool

    def levels(self, left: int, top: int, right: int, bottom: int) -> Levels:
        """The samples that stand for these pixels of the frame, in levels of 0..255, float32."""
        crop = self.samples[
            top >> self.sub_y : -(-bottom >> self.sub_y), left >> self.sub_x : -(-right >> self.sub_x)
        ]
        return crop.astype(np.float32) * np.float32(self.scale)


def channels(frame: Frame) -> tuple[Channel, ...]:
    """Every channel of the frame, the one that tells most of brightness first."""
    layout = PIXEL_FORMATS[frame.pixel_format]
    scale = 256 / (1 << layout.bits + layout.shift)
    found = []
    for index, plane in enumerate(frame.planes()):
        colour = layout.model == "yuv" and index > 0
        parts = [plane.samples] if plane.samples.ndim == 2 else list(np.moveaxis(plane.samples, 2, 0))
        found += [Channel(part, plane.sub_x, plane.sub_y, scale, colour) for part in parts]
    if layout.model in ("rgb", "bgr"):
        found = [found[1], found[0], found[2]]  # green stands for brightness
    return tuple(found)


def alike(frame: Frame, other: Frame) -> Frame:
    """``frame`` in the pixel format of ``other``; the same frame where that is so already, or cannot be."""
    picture = frame.picture
    if isinstance(picture, np.ndarray) or frame.pixel_format == other.pixel_format:
        return frame
    if isinstance(other.picture, np.ndarray) or not isinstance(picture, av.VideoFrame):
        return frame
    return replace(frame, picture=converted(picture, other.pixel_format))
