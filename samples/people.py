"""Two people cut out of photographs in the public domain that Python packages carry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Outline = tuple[tuple[int, int], ...]

# Rough outlines, drawn by hand in pixels of the photographs; GrabCut finds the exact edge near them.
_COLLINS: Outline = (
    *((165, 60), (190, 25), (240, 18), (285, 40), (298, 85), (285, 125), (270, 150), (265, 180), (300, 215)),
    *((305, 245), (345, 275), (362, 345), (410, 345), (470, 365), (497, 420), (508, 470), (508, 512), (28, 512)),
    *((20, 440), (40, 300), (60, 260), (112, 210), (120, 175), (170, 155), (182, 140), (158, 110)),
)
_HOPPER: Outline = (
    *((159, 145), (160, 105), (176, 80), (180, 45), (240, 20), (290, 25), (345, 60), (352, 85), (372, 95)),
    *((372, 160), (378, 200), (362, 270), (335, 305), (335, 320), (400, 360), (490, 390), (506, 450), (506, 600)),
    *((15, 600), (25, 440), (60, 385), (190, 335), (200, 305), (172, 270), (163, 210)),
)
SHAPES = {"collins": (512, 512, (178, 45, 278, 190)), "hopper": (512, 600, (165, 115, 375, 335))}
"""Name → width and height of the photograph and x1 y1 x2 y2 of the face in it, known without opening it."""

_REACH = 8  # pixels around the outline in which the edge may lie
_INSIDE = 25  # pixels within which the outline is certainly the person


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """A cut-out. colour: float32 (height, width, 3), B G R 0..255. alpha: float32 (height, width, 1), 0..1."""

    colour: NDArray[np.float32]
    alpha: NDArray[np.float32]

    def scaled(self, factor: float) -> Person:
        """The same, ``factor`` times as large."""
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        height, width = self.alpha.shape[:2]
        size = (max(round(width * factor), 1), max(round(height * factor), 1))
        # blended colours are scaled, or the old background would come back as a rim
        solid = cv2.resize(self.colour * self.alpha, size, interpolation=how)
        alpha = np.clip(cv2.resize(self.alpha, size, interpolation=how), 0, 1)[:, :, None]
        return Person(solid / np.maximum(alpha, 1e-3), alpha)


def collins() -> Person:
    """Eileen Collins, astronaut, NASA portrait (scikit-image's ``astronaut``)."""
    from skimage.data import astronaut

    photograph = cv2.cvtColor(astronaut(), cv2.COLOR_RGB2BGR)
    return _cut_out(photograph, _COLLINS)


def hopper() -> Person:
    """Grace Hopper, computer scientist, US Navy portrait (matplotlib's ``grace_hopper``)."""
    from matplotlib import cbook

    path = cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    photograph = cv2.imread(str(Path(str(path))))
    assert photograph is not None
    return _cut_out(photograph, _HOPPER)


def _cut_out(photograph: Picture, outline: Outline) -> Person:
    inner = np.zeros(photograph.shape[:2], np.uint8)
    cv2.fillPoly(inner, [np.array(outline, np.int32)], 1)
    outer = cv2.dilate(inner, _square(2 * _REACH + 1))
    core = cv2.erode(inner, _square(_INSIDE), borderType=cv2.BORDER_REPLICATE)
    labels = np.full(inner.shape, cv2.GC_BGD, np.uint8)
    labels[outer > 0] = cv2.GC_PR_BGD
    labels[inner > 0] = cv2.GC_PR_FGD
    labels[core > 0] = cv2.GC_FGD
    cv2.setRNGSeed(1)
    cv2.grabCut(photograph, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_MASK)
    mask = ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.uint8)
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, _square(5))
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, _square(7))
    _, parts, facts, _ = cv2.connectedComponentsWithStats(mask)
    largest = 1 + int(np.argmax(facts[1:, cv2.CC_STAT_AREA]))
    edge = cv2.erode((parts == largest).astype(np.float32), _square(3), borderType=cv2.BORDER_REPLICATE)
    alpha = cv2.GaussianBlur(edge, (5, 5), 0, borderType=cv2.BORDER_REPLICATE)
    return Person(photograph.astype(np.float32), alpha[:, :, None])


def _square(side: int) -> Picture:
    return np.ones((side, side), np.uint8)
