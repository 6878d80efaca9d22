"""Small real clips, made with real encoders, and detectors that answer what a test wants."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from redact.detections import Detections

RATE = 25


def picture(index: int, width: int = 320, height: int = 240) -> NDArray[np.uint8]:
    """A textured frame, B, G, R, that differs a little from the one before."""
    y, x = np.mgrid[0:height, 0:width]
    base = np.stack([x * 3 + index, y * 2 + x, (x ^ y) + 2 * index], -1) % 200 + 20
    return base.astype(np.uint8)


def make_clip(
    path: Path,
    frames: int = 60,
    *,
    codec: str = "ffv1",
    pixel_format: str = "yuv420p",
    size: tuple[int, int] = (320, 240),
) -> Path:
    """A clip of ``frames`` textured frames at 25 a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(RATE))
        stream.width, stream.height, stream.pix_fmt = *size, pixel_format
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(index, *size), "bgr24").reformat(format=pixel_format)
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def decode(path: Path) -> list[NDArray[np.uint8]]:
    """All frames of a video as stored, planes and all."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray() for frame in container.decode(video=0)]


def times(path: Path) -> list[Fraction]:
    """Presentation times of all frames, in seconds."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [frame.pts * stream.time_base for frame in container.decode(video=0)]


class Scripted:
    """A detector that answers what ``script`` says for the n-th picture it is shown, in fractions of the picture.

    It sees one picture a look: its models' sizes are such that no tile and no second look is needed.
    """

    name = "scripted"
    kinds = ("face", "person")

    def __init__(self, script: Callable[[int], list[tuple[float, float, float, float]]], score: float = 0.9) -> None:
        self._script = script
        self._score = score
        self._widest = 0
        self.shown = -1

    def detect(self, rgb: NDArray[np.uint8]) -> Detections:
        height, width = rgb.shape[:2]
        self._widest = max(self._widest, width)
        if width < self._widest:  # the look for close-ups
            return Detections.none()
        self.shown += 1
        boxes = [(x1 * width, y1 * height, x2 * width, y2 * height) for x1, y1, x2, y2 in self._script(self.shown)]
        return Detections.of(boxes, [self._score] * len(boxes), "face")
