"""Ways to undo a cover before matching: Wiener's filter, an unsharp mask, a learned inverter, and stacking frames."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.people import Luma
from benchmarks.attack.scene import REACH, WINDOW, Shot

NOISE = 0.01  # noise to signal that the filter reckons with
UNSHARP = 3.0
SIDE = 48  # of the pictures that the inverter reads and writes
RIDGE = 30.0


def wiener(cut: Luma, spread: float) -> Luma:
    """Against a box of ``spread`` heights of the face, as a known blur would be undone."""
    side = cut.shape[0]
    wide = max(round(spread / REACH * side), 1)
    kernel = np.zeros((side, side))
    kernel[:wide, :wide] = 1 / wide**2
    kernel = np.roll(kernel, (-(wide // 2), -(wide // 2)), (0, 1))
    transfer = np.fft.rfft2(kernel)
    mean = float(cut.mean())
    spectrum = np.fft.rfft2(cut - mean) * np.conj(transfer) / (np.abs(transfer) ** 2 + NOISE)
    return np.asarray(np.clip(np.fft.irfft2(spectrum, cut.shape) + mean, 0, 255), dtype=np.uint8)


def unsharp(cut: Luma, spread: float) -> Luma:
    """What a low-pass of that spread took away, put back thrice."""
    soft = cv2.GaussianBlur(cut, (0, 0), max(spread / REACH * cut.shape[0] / 2, 0.5)).astype(np.float32)
    return np.asarray(np.clip(cut + UNSHARP * (cut - soft), 0, 255), dtype=np.uint8)


class Inverter:
    """Covered → clear, learned by ridge regression from pairs of the people that are looked for."""

    def __init__(self, covered: list[Luma], clear: list[Luma]) -> None:
        given, wanted = _rows(covered), _rows(clear)
        self._given, self._wanted = given.mean(axis=0), wanted.mean(axis=0)
        centred = (given - self._given).astype(np.float64)
        gram = centred @ centred.T
        gram += np.eye(len(gram)) * RIDGE * SIDE
        self._weights = centred.T @ np.linalg.solve(gram, wanted - self._wanted)

    def __call__(self, covered: list[Luma]) -> list[Luma]:
        """The clear pictures that the covered ones are taken to be, as cut-outs of ``WINDOW``."""
        made = (_rows(covered) - self._given) @ self._weights + self._wanted
        clear = np.clip(made, 0, 255).astype(np.uint8).reshape(-1, SIDE, SIDE)
        return [np.asarray(cv2.resize(picture, (WINDOW, WINDOW)), dtype=np.uint8) for picture in clear]


def _rows(cuts: list[Luma]) -> NDArray[np.float32]:
    return np.stack(
        [cv2.resize(cut, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32).ravel() for cut in cuts]
    )


def averaged(shots: Sequence[Shot], covered: Sequence[Luma]) -> Luma:
    """The frames of a clip laid upon each other by where the face truly was, and averaged."""
    total = np.zeros((WINDOW, WINDOW), np.float32)
    for shot, picture in zip(shots, covered, strict=True):
        total += shot.cut(picture)
    return np.asarray(np.rint(total / len(covered)), dtype=np.uint8)


def superresolved(shots: Sequence[Shot], covered: Sequence[Luma], spread: float) -> Luma:
    """The same on a finer grid and with the remaining blur undone: movement shows what lies between the cells."""
    side = 2 * WINDOW
    total = np.zeros((side, side), np.float32)
    for shot, picture in zip(shots, covered, strict=True):
        total += shot.cut(picture, side=side)
    fine = np.asarray(np.rint(total / len(covered)), dtype=np.uint8)
    return np.asarray(cv2.resize(wiener(fine, spread / 2), (WINDOW, WINDOW), interpolation=cv2.INTER_AREA), np.uint8)
