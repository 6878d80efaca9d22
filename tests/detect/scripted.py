"""A detector that answers what a test tells it to, and frames to show it."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from redact.detect.traits import Traits
from redact.detections import Detections
from redact.frames import Frame


def frame_of(rgb: Any) -> Frame:
    """A frame that shows ``rgb``."""
    return Frame(np.ascontiguousarray(rgb[..., ::-1]), 0, 0, Fraction(1, 25))


class Scripted:
    """A detector that answers what a function of the picture says, and remembers the pictures' sizes."""

    def __init__(
        self,
        answer: Callable[[Any], Detections],
        traits: Traits | None = None,
        kinds: tuple[str, ...] = ("face", "person"),
    ) -> None:
        self.name = "scripted"
        self.kinds = kinds
        self.seen: list[tuple[int, int]] = []
        self._answer = answer
        if traits is not None:
            self.traits = traits

    def detect(self, rgb: Any) -> Detections:
        self.seen.append((rgb.shape[1], rgb.shape[0]))
        return self._answer(rgb)
