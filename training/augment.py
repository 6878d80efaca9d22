"""Training crops: geometry, light and damage as cameras that watch people produce them.

Everything draws from the generator that it is given, so that one seed makes one crop.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, log, radians, sin, sqrt

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from redact.geometry import Boxes, area, as_boxes, overlap

from .data import Example, Image, Truth
from .network import KINDS

SIZES = ((7.0, 170.0), (24.0, 340.0))  # per kind: longer side in pixels, log-uniform; more in crops wider than _USUAL
_USUAL = 320
_TOO_SMALL = (5.0, 14.0)  # longer side, per kind: below it a box is ignored rather than learnt
_KEPT, _LOST = 0.35, 0.1  # visible share: from the first on a box counts, below the second it is gone


_GRAIN: NDArray[np.float32] = np.random.default_rng(0).standard_normal(1 << 21, dtype=np.float32)


def _grain(rng: Generator, shape: tuple[int, ...], strength: float) -> NDArray[np.float32]:
    """Normal noise, cut at random out of a supply made once: drawing it anew took longer than everything else."""
    count = int(np.prod(shape))
    start = int(rng.integers(0, len(_GRAIN) - count))
    return np.asarray(_GRAIN[start : start + count].reshape(shape) * np.float32(strength))


@dataclass(frozen=True)
class Crop:
    """Pixels (BGR, side x side x 3) and the truth per kind, in pixels of the crop."""

    image: Image
    truths: tuple[Truth, ...]


def log_uniform(rng: Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(log(low), log(high))))


def transform(boxes: Boxes, matrix: NDArray[np.float64]) -> Boxes:
    """The upright boxes around the ellipses inside `boxes` after the affine map (2 x 3).

    A rotated rectangle's corners overstate what a rotated head or body fills; an ellipse fits both well.
    """
    if not len(boxes):
        return as_boxes([])
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 @ matrix[:, :2].T + matrix[:, 2]
    half = np.sqrt(((boxes[:, 2:] - boxes[:, :2]) / 2) ** 2 @ (matrix[:, :2] ** 2).T)
    return np.concatenate((centre - half, centre + half), 1).astype(np.float32)


def place(truth: Truth, matrix: NDArray[np.float64], window: tuple[int, int, int, int], too_small: float) -> Truth:
    """The truth seen through `window` (x1 y1 x2 y2) after the map: cut boxes shrink, hidden ones turn unsure."""
    limits = np.array([window], np.float32)
    sure = transform(truth.sure, matrix)
    visible = overlap(sure, limits)[:, 0] / np.maximum(area(sure), 1e-6) if len(sure) else np.zeros(0)
    low, high = limits[0, :2], limits[0, 2:]
    cut = np.concatenate((np.clip(sure[:, :2], low, high), np.clip(sure[:, 2:], low, high)), 1)
    large = (cut[:, 2:] - cut[:, :2]).max(1, initial=0) >= too_small
    unsure = transform(truth.unsure, matrix)
    unsure = np.concatenate((np.clip(unsure[:, :2], low, high), np.clip(unsure[:, 2:], low, high)), 1)
    unsure = unsure[area(unsure) > 0]
    good = (visible >= _KEPT) & large
    doubtful = ~good & (visible >= _LOST)
    return Truth(cut[good].astype(np.float32), np.concatenate((cut[doubtful], unsure)).astype(np.float32))


def _scale(rng: Generator, example: Example, side: int) -> tuple[float, Boxes | None]:
    """A scale for the picture, and the box to look at, if one was chosen."""
    kind = int(rng.random() < 0.42)
    for index in (kind, 1 - kind):
        boxes = example.truths[index].sure
        if len(boxes) and rng.random() < 0.85:
            box = boxes[rng.integers(len(boxes))]
            low, high = SIZES[index]
            wanted = log_uniform(rng, low, high * max(1, side / _USUAL))
            scale = wanted / max(float((box[2:] - box[:2]).max()), 1.0)
            return scale, box[None]
    return log_uniform(rng, 0.4, 1.8) * side / max(example.size), None


def view(rng: Generator, example: Example, pixels: Image, width: int, height: int, cover: float) -> Crop:
    """A window of width x height onto the picture: scaled around somebody, stretched, rotated, mirrored.

    `cover`: the picture is not scaled below the size at which its sides fill this share of the window.
    """
    scale, focus = _scale(rng, example, max(width, height))
    w, h = example.size
    return _window(rng, example, pixels, (width, height), max(scale, cover * sqrt(width * height / (w * h))), focus)


def _window(
    rng: Generator, example: Example, pixels: Image, size: tuple[int, int], scale: float, focus: Boxes | None
) -> Crop:
    """The picture at a scale through a window (width, height) on the box ``focus`` or on its middle."""
    (width, height), (w, h) = size, example.size
    scale = min(scale, 3.5)
    squashed = example.group == "human" and w == h
    stretch = sqrt(log_uniform(rng, 0.85, 1.9) if squashed and rng.random() < 0.6 else log_uniform(rng, 0.78, 1.28))
    sx, sy = scale * stretch, scale / stretch
    chance = rng.random()
    angle = radians(rng.uniform(-45, 45) if chance < 0.08 else rng.normal(0, 7) if chance < 0.5 else 0.0)
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    linear = np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]]) @ np.diag([mirror * sx, sy])
    if focus is not None:
        point = (focus[0, :2] + focus[0, 2:]) / 2
        target = np.array([rng.uniform(0.08, 0.92) * width, rng.uniform(0.08, 0.92) * height])
    else:
        point = np.array([w, h]) * rng.uniform(0.3, 0.7, 2)
        target = np.array([width, height]) / 2
    offset = target - linear @ point
    if abs(angle) < 0.02:  # move back inside: more picture, less border
        for axis, (length, room) in enumerate(((w * sx, width), (h * sy, height))):
            start = offset[axis] - (length if axis == 0 and mirror < 0 else 0)
            moved = np.clip(start, min(0, room - length), max(0, room - length))
            offset[axis] += moved - start
    matrix = np.concatenate((linear, offset[:, None]), 1)
    shrunk, pre = pixels, 1.0
    while min(sx, sy) * pre < 0.6 and min(shrunk.shape[:2]) > 32:  # plain bilinear sampling would alias
        shrunk = cv2.resize(shrunk, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        pre *= 2.0
    real = np.array([w / shrunk.shape[1], h / shrunk.shape[0]])
    warp = matrix.copy()
    warp[:, :2] = warp[:, :2] * real
    warp[:, 2] += linear @ (real - 1) / 2  # pixel centres, not corners
    shade = tuple(int(v) for v in (rng.integers(0, 256, 3) if rng.random() < 0.3 else (114, 114, 114)))
    image = cv2.warpAffine(shrunk, warp, (width, height), flags=cv2.INTER_LINEAR, borderValue=shade)
    window = (0, 0, width, height)
    return Crop(
        np.asarray(image, np.uint8),
        tuple(place(t, matrix, window, small) for t, small in zip(example.truths, _TOO_SMALL, strict=True)),
    )


def _join(truths: list[Truth]) -> Truth:
    return Truth(np.concatenate([t.sure for t in truths]), np.concatenate([t.unsure for t in truths]))


def scene(rng: Generator, example: Example, pixels: Image, side: int) -> Crop:
    """The whole picture, as a fixed camera shows it: sizes fall as they fall, and most of it is nobody.

    Crops around people make large people ten times as common as they are; without scenes the network sees them in
    every wall.
    """
    return _window(rng, example, pixels, (side, side), side * rng.uniform(0.85, 1.05) / max(example.size), None)


def mosaic(rng: Generator, examples: list[Example], pictures: list[Image], side: int) -> Crop:
    """A grid of 2 x 2 or 3 x 3 pictures with cuts at random: many scales in one crop."""
    n = round(sqrt(len(examples)))
    cuts = [[0, *(round(side * (i + rng.uniform(-0.2, 0.2)) / n) for i in range(1, n)), side] for _ in "xy"]
    canvas = np.empty((side, side, 3), np.uint8)
    parts: list[list[Truth]] = [[] for _ in KINDS]
    for index, (example, pixels) in enumerate(zip(examples, pictures, strict=True)):
        col, row = index % n, index // n
        x1, x2, y1, y2 = cuts[0][col], cuts[0][col + 1], cuts[1][row], cuts[1][row + 1]
        crop = view(rng, example, pixels, x2 - x1, y2 - y1, 0.85)
        canvas[y1:y2, x1:x2] = crop.image
        shift = np.array([x1, y1, x1, y1], np.float32)
        for kind, truth in enumerate(crop.truths):
            parts[kind].append(Truth(truth.sure + shift, truth.unsure + shift))
    return Crop(canvas, tuple(_join(p) for p in parts))


def paste(rng: Generator, crop: Crop, donor: Example, pixels: Image) -> Crop:
    """Put one person of `donor` into the crop behind a soft elliptic edge, with the face if it is known."""
    people = donor.truths[1].sure
    side = crop.image.shape[0]
    if not len(people):
        return crop
    x1, y1, x2, y2 = (float(v) for v in people[rng.integers(len(people))])
    wanted = log_uniform(rng, 40, side * 0.95)
    scale = wanted / max(x2 - x1, y2 - y1, 1.0)
    left, top = max(0, int(x1 - 0.06 * (x2 - x1))), max(0, int(y1 - 0.04 * (y2 - y1)))
    right, bottom = (
        min(donor.size[0], int(x2 + 0.06 * (x2 - x1)) + 1),
        min(donor.size[1], int(y2 + 0.04 * (y2 - y1)) + 1),
    )
    w, h = round((right - left) * scale), round((bottom - top) * scale)
    if min(w, h) < 12 or max(w, h) > side or scale > 4:
        return crop
    patch = cv2.resize(pixels[top:bottom, left:right], (w, h), interpolation=cv2.INTER_AREA if scale < 1 else 1)
    ox, oy = int(rng.integers(0, side - w + 1)), int(rng.integers(0, side - h + 1))
    row, col = np.mgrid[0:h, 0:w]
    reach = np.abs((col + 0.5) / w * 2 - 1) ** 4 + np.abs((row + 0.5) / h * 2 - 1) ** 4
    alpha = np.clip((1.05 - reach) / 0.3, 0, 1)[..., None].astype(np.float32)
    image = crop.image.copy()
    place_here = image[oy : oy + h, ox : ox + w]
    place_here[:] = (patch * alpha + place_here * (1 - alpha)).astype(np.uint8)
    matrix = np.array([[scale, 0, ox - left * scale], [0, scale, oy - top * scale]])
    window = (ox, oy, ox + w, oy + h)
    added = [place(t, matrix, window, s) for t, s in zip(donor.truths, _TOO_SMALL, strict=True)]
    hidden = np.array([window], np.float32)
    kept = []
    for truth in crop.truths:
        free = overlap(truth.sure, hidden)[:, 0] < 0.5 * area(truth.sure) if len(truth.sure) else np.zeros(0, bool)
        kept.append(Truth(truth.sure[free], truth.unsure))
    return Crop(image, tuple(_join([a, b]) for a, b in zip(kept, added, strict=True)))


def _tone(rng: Generator, image: Image) -> Image:
    """Gamma, contrast, brightness and a cast of colour through one table."""
    ramp = np.linspace(0, 1, 256)[:, None] ** np.exp(rng.normal(0, 0.3))
    contrast, light = np.exp(rng.normal(0, 0.2)), rng.normal(0, 0.07)
    cast = np.exp(rng.normal(0, 0.08, 3))
    table = ((ramp - 0.5) * contrast + 0.5 + light) * cast
    return np.asarray(cv2.LUT(image, (np.clip(table, 0, 1) * 255).astype(np.uint8)[None]), np.uint8)


def _grey(rng: Generator, image: Image) -> Image:
    """Grey, as from a camera without colour; sometimes as infrared light shows it: bright centre, pale skin."""
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
    if rng.random() < 0.4:
        rows, cols = grey.shape
        y, x = np.ogrid[0:rows, 0:cols]
        centre = rng.uniform(0.3, 0.7, 2)
        far = ((y / rows - centre[0]) ** 2 + (x / cols - centre[1]) ** 2) * rng.uniform(0.3, 2.0)
        red = image[..., 2]  # skin is bright in red, as it is in infrared
        grey = np.clip(red * (1.25 - far), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, 2)


def _dark(rng: Generator, image: Image) -> Image:
    """Little light: dimmed, grainy, and sometimes amplified again, grain and all."""
    gain = rng.uniform(0.12, 0.55)
    grain = _grain(rng, image.shape[:2], rng.uniform(1, 6))
    back = rng.uniform(1, 0.7 / gain) if rng.random() < 0.5 else 1.0
    dim = image * np.float32(gain * back) + (grain * np.float32(back))[..., None]
    return np.asarray(np.clip(dim, 0, 255), np.uint8)


def _blur(rng: Generator, image: Image) -> Image:
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.8)), np.uint8)
    length = int(rng.integers(3, 11))
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    centre = (length - 1) / 2
    for t in np.linspace(-centre, centre, 4 * length):
        kernel[round(centre + t * sin(angle)), round(centre + t * cos(angle))] = 1
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)


def _noise(rng: Generator, image: Image) -> Image:
    """Grain, in colour or in brightness only."""
    strength = rng.uniform(2, 16)
    if rng.random() < 0.5:
        grain = _grain(rng, image.shape, strength)
    else:
        grain = np.repeat(_grain(rng, image.shape[:2], strength)[..., None], 3, 2)
    return np.asarray(cv2.add(image, grain, dtype=cv2.CV_8U), np.uint8)


def _compress(rng: Generator, image: Image) -> Image:
    """JPEG, at times at a lower resolution first: the look of cheap recorders."""
    side = image.shape[0]
    if rng.random() < 0.3:
        low = round(side * rng.uniform(0.45, 0.85))
        image = cv2.resize(image, (low, low), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(12, 80))])
    image = cv2.imdecode(data, cv2.IMREAD_COLOR)  # type: ignore[assignment]
    if image.shape[0] != side:
        image = cv2.resize(image, (side, side), interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
    return np.asarray(image, np.uint8)


def _occlude(rng: Generator, crop: Crop) -> Image:
    """Rain or fence lines over everything, or a block of colour over part of one box."""
    image = crop.image.copy()
    side = image.shape[0]
    if rng.random() < 0.4:
        slant, colour = rng.normal(0, 0.3), int(rng.integers(120, 256))
        layer = image.copy()
        for _ in range(int(rng.integers(10, 80))):
            x, y = (int(v) for v in rng.integers(0, side, 2))
            length = int(rng.integers(6, 40))
            cv2.line(layer, (x, y), (round(x + slant * length), y + length), (colour,) * 3, 1, cv2.LINE_AA)
        return np.asarray(cv2.addWeighted(layer, 0.6, image, 0.4, 0), np.uint8)
    boxes = np.concatenate([t.sure for t in crop.truths])
    if len(boxes):
        x1, y1, x2, y2 = boxes[rng.integers(len(boxes))]
        w, h = (x2 - x1) * rng.uniform(0.25, 0.7), (y2 - y1) * rng.uniform(0.2, 0.45)
        cx, cy = (
            rng.uniform(x1, x2),
            rng.uniform(y1 + 0.3 * (y2 - y1), y2),
        )  # the lower part, as masks and hands do
        paint = tuple(int(v) for v in rng.integers(0, 256, 3))
        corner, other = (int(cx - w / 2), int(cy - h / 2)), (int(cx + w / 2), int(cy + h / 2))
        cv2.rectangle(image, corner, other, paint, -1)
    return image


def damage(rng: Generator, crop: Crop) -> Crop:
    """What lenses, light, sensors and recorders do to the picture. Boxes stay where they are."""
    image = crop.image
    if rng.random() < 0.15:
        image = _occlude(rng, crop)
    if rng.random() < 0.75:
        image = _tone(rng, image)
    if rng.random() < 0.2:
        image = _grey(rng, image)
    if rng.random() < 0.22:
        image = _blur(rng, image)
    if rng.random() < 0.12:
        image = _dark(rng, image)
    elif rng.random() < 0.2:
        image = _noise(rng, image)
    if rng.random() < 0.35:
        image = _compress(rng, image)
    return Crop(image, crop.truths)
