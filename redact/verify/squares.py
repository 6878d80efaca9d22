"""Patches of squares: growing them, closing their holes, finding those that are no accident."""

from __future__ import annotations

import cv2
import numpy as np

from redact.verify.detail import Mask

CLUSTER = 6  # squares side by side that are no accident of a codec


def cluster(squares: Mask, least: int = CLUSTER) -> tuple[int, int, int, int] | None:
    """x1 y1 x2 y2 in squares of the largest patch of at least so many, or None."""
    if int(squares.sum()) < least:
        return None
    _, _, stats, _ = cv2.connectedComponentsWithStats(squares.astype(np.uint8), connectivity=4)
    best = max(stats[1:], key=lambda row: int(row[cv2.CC_STAT_AREA]))
    if best[cv2.CC_STAT_AREA] < least:
        return None
    x, y, width, height = (int(value) for value in best[:4])
    return x, y, x + width, y + height


def wider(squares: Mask, by: int) -> Mask:
    """Grown by so many squares on every side."""
    side = 2 * by + 1
    return np.asarray(cv2.dilate(squares.astype(np.uint8), np.ones((side, side), np.uint8)) > 0)


def closed(squares: Mask) -> Mask:
    """Without holes and notches of one square. Beyond the frame is nothing: what is beside its edge is no notch."""
    grown = cv2.dilate(squares.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.asarray(inner(np.asarray(grown)) | squares)


def inner(squares: Mask) -> Mask:
    """Those with all eight neighbours among them: none at the frame's edge."""
    kernel, beyond = np.ones((3, 3), np.uint8), cv2.BORDER_CONSTANT
    return np.asarray(cv2.erode(squares.astype(np.uint8), kernel, borderType=beyond, borderValue=0) > 0)
