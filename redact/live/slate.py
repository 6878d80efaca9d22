"""Pictures that never held a pixel of a camera: blank ones, and slates that say in words why there is no picture."""

from __future__ import annotations

import functools
import textwrap
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from redact.cover import Cover
from redact.frames import PIXEL_FORMATS, Frame, RedactedFrame, VideoInfo
from redact.policy import Policy
from redact.regions import Settled

_GROUND, _INK = 40, 220  # levels: dark, and easy to read on it
_ACROSS = 40  # signs in a line
_LINES = 9


def blank(width: int, height: int, pixel_format: str) -> av.VideoFrame | NDArray[np.uint8]:
    """A black picture in memory of its own. av leaves new memory as it was: it may hold anything."""
    if pixel_format == "bgr24":
        return np.zeros((height, width, 3), np.uint8)
    picture = av.VideoFrame(width, height, pixel_format)
    layout = PIXEL_FORMATS[pixel_format]
    for index, plane in enumerate(picture.planes):
        middle = 1 << layout.bits - 1 + layout.shift if index and layout.model == "yuv" else 0
        np.frombuffer(memoryview(plane), layout.dtype)[...] = middle
    return picture


class Slates:
    """Slates in the shape of one camera's frames. The last one drawn is kept: the words seldom change."""

    def __init__(self, info: VideoInfo) -> None:
        self._info = info
        self._cover = Cover(_NOTHING)
        self._drawn = functools.lru_cache(maxsize=1)(self._draw)

    def __call__(self, words: str, index: int, pts: int, time_base: Fraction) -> RedactedFrame:
        """A slate that says ``words``."""
        grey = self._drawn(words)
        picture = blank(self._info.width, self._info.height, self._info.pixel_format)
        frame = Frame(picture, index, pts, time_base)
        _paint(frame, grey)
        return self._cover(Settled(frame))

    def _draw(self, words: str) -> NDArray[np.uint8]:
        """The words in light grey on dark, uint8 (height, width)."""
        width, height = self._info.width, self._info.height
        image = Image.new("L", (width, height), _GROUND)
        lines = textwrap.wrap(words, _ACROSS)[:_LINES] or [""]
        size = max(6, min(width // (_ACROSS * 5 // 8), height // (2 * (_LINES + 1))))
        font = ImageFont.load_default(size)
        ImageDraw.Draw(image).multiline_text(
            (width / 2, height / 2), "\n".join(lines), fill=_INK, font=font, anchor="mm", align="center"
        )
        return np.asarray(image, dtype=np.uint8)


_NOTHING = Policy()  # nobody is in a slate, and an always-covered corner would hide its words


def _paint(frame: Frame, grey: NDArray[np.uint8]) -> None:
    """Put a grey picture into the brightness of a blank frame, or into every colour of an RGB one."""
    layout = PIXEL_FORMATS[frame.pixel_format]
    samples = frame.planes()[0].samples
    values = grey.astype(np.uint16) * np.uint16(1 << layout.bits - 8 + layout.shift)
    samples[...] = values[:, :, None] if samples.ndim == 3 else values
