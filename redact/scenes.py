"""Where one scene ends and another begins."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.frames import PIXEL_FORMATS, Frame

# Measured by benchmarks/scenes on the film and CCTV clips: every cut changes the thumbnail by 19 levels or more and
# 6 times the movement before it; the shakiest hand-held clip by 25 levels but only 2.5 times, a recorder that drops
# frames by 15.9 levels and 4 times.
CHANGE = 16.0
TIMES_MOVEMENT = 4.5
STILL = 0.5  # levels; a still picture flickers by this much
_SIZE = (32, 18)  # samples of the thumbnail
_MEMORY = 9  # frames of movement that a cut stands out from


class Scenes:
    """Tells cuts from movement by the luma of a thumbnail. Ask for every frame, in order."""

    change: float
    """Levels by which the last frame's thumbnail differs from the one before, on average."""

    def __init__(self) -> None:
        self.change = 0.0
        self._last: NDArray[np.float32] | None = None
        self._movement: deque[float] = deque(maxlen=_MEMORY)

    def cut(self, frame: Frame) -> bool:
        """Whether a new scene begins with this frame."""
        luma = frame.planes()[0].samples
        luma = luma[..., 1] if luma.ndim == 3 else luma  # green stands for luma in RGB
        step = max(min(luma.shape) // 144, 1)
        small = cv2.resize(np.ascontiguousarray(luma[::step, ::step]), _SIZE, interpolation=cv2.INTER_AREA)
        scale = 1.0 if luma.dtype == np.uint8 else _scale(frame)
        thumbnail = small.astype(np.float32) * np.float32(scale)
        last, self._last = self._last, thumbnail
        if last is None:
            return False
        self.change = change = float(np.abs(thumbnail - last).mean())
        usual = max(float(np.median(self._movement)) if self._movement else 0.0, STILL)
        self._movement.append(change)
        return change > CHANGE and change > TIMES_MOVEMENT * usual


def _scale(frame: Frame) -> float:
    layout = PIXEL_FORMATS[frame.pixel_format]
    return 256 / (1 << layout.bits + layout.shift)
