"""What is to be covered in one frame, once everything that bears on it is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from redact.frames import Frame

Origin = Literal["seen", "filled", "reached", "held"]
"""Why a region is there: seen in this frame · between two sightings · before the first · after the last."""

ORIGINS: tuple[Origin, ...] = get_args(Origin)


@dataclass(frozen=True, slots=True)
class Region:
    """One thing to cover in one frame.

    box: x1 y1 x2 y2 in pixels of the upright frame, on eighths of a pixel, where the thing may be: before the
    policy's growth and before clipping. kind: one of ``KINDS``. track: number within this recording.
    score: the detector's for ``seen``; for the others that of the nearest sighting.
    """

    kind: str
    track: int
    box: tuple[float, float, float, float]
    score: float
    origin: Origin


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """A frame and all that is to be covered in it. whole: why the whole frame is to be covered, or empty."""

    frame: Frame
    regions: tuple[Region, ...] = ()
    whole: str = ""
