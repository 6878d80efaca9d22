"""A portrait as somebody in a scene: where the face is, and how it moves through two and a half seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.people import Luma, Portrait
from redact.cover.shapes import PROPORTION
from redact.detections import KINDS, Detector

CANVAS = (208, 256)  # width, height in pixels: a face that is covered ends inside it
FRAMES = 60
RATE = 25  # frames a second
TAKES = 3  # stills of each portrait, each of another place and size
WINDOW = 96  # samples along a side of what an attacker cuts out
REACH = 1.9  # side of that, in heights of the face as covered: what an attacker sees of its size
HEIGHT = 90  # of every face as covered, in pixels, before anybody comes nearer
JITTER = 0.01  # of the face's size: how a detector's box strays from frame to frame
GREY = 118

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One frame of a clip. canvas: with the person. empty: without. box: of the face. person: of the whole body.

    window: 2 x 3, from the attacker's cut-out to the canvas: where the face truly is.
    """

    canvas: Luma
    empty: Luma
    box: Box
    person: Box
    window: NDArray[np.float64]

    def cut(self, luma: Luma, *, side: int = WINDOW) -> Luma:
        """The attacker's cut-out of a picture of the canvas's size."""
        scaled = self.window.copy()
        scaled[:, :2] *= WINDOW / side
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(
            cv2.warpAffine(luma, scaled, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8
        )


@lru_cache(maxsize=1)
def background() -> Luma:
    """A room of no tone in particular."""
    width, height = CANVAS
    waves = 12 * np.sin(np.arange(width) / 23)[None, :] + 14 * np.cos(np.arange(height) / 31)[:, None]
    return np.asarray(np.clip(GREY + waves, 0, 255), dtype=np.uint8)


def faces(people: Sequence[Portrait], detector: Detector | None) -> tuple[list[Box], int]:
    """The box of the face in each portrait, in its pixels, and how many of them the detector found.

    The others, and all without a detector, get the average of those found.
    """
    found: list[Box | None] = [_seen(portrait, detector) for portrait in people]
    known = [box for box in found if box is not None]
    height, width = people[0].luma.shape
    usual = (
        tuple(np.mean(known, axis=0).tolist()) if known else (0.2 * width, 0.2 * height, 0.8 * width, 0.9 * height)
    )
    return [box if box is not None else (usual[0], usual[1], usual[2], usual[3]) for box in found], len(known)


def _seen(portrait: Portrait, detector: Detector | None) -> Box | None:
    if detector is None:
        return None
    side, (height, width) = 320, portrait.luma.shape
    left, top = (side - width) // 2, (side - height) // 2
    canvas = np.full((side, side), GREY, np.uint8)
    canvas[top : top + height, left : left + width] = portrait.luma
    seen = detector.detect(np.repeat(canvas[:, :, None], 3, axis=2))
    boxes = [
        (float(score), box)
        for score, box, kind in zip(seen.scores, seen.boxes, seen.kinds, strict=True)
        if KINDS[kind] == "face" and left < (box[0] + box[2]) / 2 < left + width
    ]
    if not boxes or max(boxes, key=lambda item: item[0])[0] < 0.3:
        return None
    x1, y1, x2, y2 = (float(edge) for edge in max(boxes, key=lambda item: item[0])[1])
    return x1 - left, y1 - top, x2 - left, y2 - top


def moving(portrait: Portrait, face: Box) -> list[Shot]:
    """A clip of ``FRAMES``: the person sways by a few pixels and comes a little nearer."""
    rng = np.random.default_rng([1, portrait.number])
    phase, pace = rng.uniform(0, 2 * np.pi, 3), rng.uniform(0.05, 0.12, 3)
    angles = phase + pace * np.arange(FRAMES)[:, None]
    sway = np.sin(angles) * (6, 4, 0.05)
    return [_shot(portrait, face, x, y, 1 + zoom, rng) for x, y, zoom in sway]


def takes(portrait: Portrait, face: Box) -> list[Shot]:
    """``TAKES`` stills: as an attacker would gather them, each of another place and size."""
    rng = np.random.default_rng([2, portrait.number])
    return [
        _shot(portrait, face, rng.uniform(-6, 6), rng.uniform(-4, 4), rng.uniform(0.94, 1.06), rng)
        for _ in range(TAKES)
    ]


def _shot(portrait: Portrait, face: Box, x: float, y: float, zoom: float, rng: np.random.Generator) -> Shot:
    width, height = CANVAS
    wide, high = face[2] - face[0], face[3] - face[1]
    # everybody is as large and stands in the middle: distance and place are no traits of a face
    zoom *= HEIGHT / max(high, wide * PROPORTION)
    middle_x, middle_y = (face[0] + face[2]) / 2, (face[1] + face[3]) / 2
    matrix = np.array(
        [[zoom, 0, width / 2 + x - zoom * middle_x], [0, zoom, height / 2 + y - zoom * middle_y]], np.float64
    )
    empty = background()
    laid = cv2.warpAffine(portrait.luma, matrix, CANVAS, dst=empty.copy(), borderMode=cv2.BORDER_TRANSPARENT)
    seen = zoom * max(high, wide * PROPORTION)
    side = REACH * seen / WINDOW
    window = np.array([[side, 0, width / 2 + x - side * WINDOW / 2], [0, side, height / 2 + y - side * WINDOW / 2]])
    stray_x, stray_y, stray = rng.normal(0, JITTER, 3)
    half_x, half_y = np.array([wide, high]) / 2 * zoom * (1 + stray)
    found_x, found_y = width / 2 + x + stray_x * seen, height / 2 + y + stray_y * seen
    box = [round(edge * 8) / 8 for edge in (found_x - half_x, found_y - half_y, found_x + half_x, found_y + half_y)]
    # the portraits end at the collar; a body of usual width reaches to the edge of the frame
    centre_x, centre_y = width / 2 + x, height / 2 + y
    person = (centre_x - seen, centre_y - seen, centre_x + seen, float(height))
    return Shot(np.asarray(laid, np.uint8), empty, (box[0], box[1], box[2], box[3]), person, window)
