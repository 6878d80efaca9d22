"""Drawn rooms: a background that people stand before, and things that stand before the people."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Canvas = NDArray[np.float32]
Colour = tuple[float, float, float]

WIDTH, HEIGHT = 1280, 720
PILLAR = (610, 740)  # left and right edge of the lobby's pillar


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A room, 1280 x 720, float32 B G R 0..255. pillar, counter: 1.0 in alpha (height, width, 1) where they stand."""

    back: Canvas
    pillar: Canvas
    counter: Canvas


def lobby() -> Place:
    """A bright lobby: window on the left, door on the right, a pillar, a wooden reception counter."""
    chance = np.random.default_rng(2)
    back = _wall((178, 190, 196), chance)
    _window(back, 70, 60, 420, 330, chance)
    _panel(back, 0, 430, WIDTH, HEIGHT, (120, 140, 152), chance)
    back[424:432] = (98, 112, 122)
    _door(back, 980, 110, 1170, 520, chance)
    back *= _light(0.35, 0.2)
    pillar, counter = np.zeros((HEIGHT, WIDTH, 1), np.float32), np.zeros((HEIGHT, WIDTH, 1), np.float32)
    pillar[:, PILLAR[0] : PILLAR[1]] = 1
    shade = (0.62 + 0.5 * np.sin(np.linspace(0.25, np.pi - 0.1, 130)))[None, :, None]
    back[:, PILLAR[0] : PILLAR[1]] = (_plaster((168, 174, 176), 130, HEIGHT, chance) * shade).astype(np.float32)
    _counter(back, counter, 515, (70, 105, 150), chance)
    return Place(np.clip(back, 0, 255).astype(np.float32), pillar, counter)


def corridor() -> Place:
    """A cooler, darker corridor with doors and a steel desk; no pillar."""
    chance = np.random.default_rng(5)
    back = _wall((120, 104, 92), chance)
    for left in (90, 470, 1000):
        _door(back, left, 150, left + 150, 560, chance)
    back[60:66] = (70, 60, 54)
    for left in (60, 420, 780, 1140):  # lamps
        back[18:40, left : left + 120] = (250, 246, 236)
    back *= _light(0.55, 0.05)
    counter = np.zeros((HEIGHT, WIDTH, 1), np.float32)
    _counter(back, counter, 560, (96, 92, 88), chance)
    return Place(np.clip(back, 0, 255).astype(np.float32), np.zeros_like(counter), counter)


def _noise(width: int, height: int, grain: tuple[float, float], chance: np.random.Generator) -> Canvas:
    """Smooth noise of standard deviation 1, (height, width, 1); grain: its size in pixels along x and y."""
    small = chance.standard_normal((max(int(height / grain[1]), 2), max(int(width / grain[0]), 2))).astype(np.float32)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)[:, :, None]


def _plaster(colour: Colour, width: int, height: int, chance: np.random.Generator) -> Canvas:
    rough = sum(
        strength * _noise(width, height, (grain, grain), chance)
        for grain, strength in ((2, 2.0), (9, 2.0), (70, 4.0))
    )
    return (np.array(colour, np.float32) + rough).astype(np.float32)


def _wood(colour: Colour, width: int, height: int, chance: np.random.Generator) -> Canvas:
    rings = 9 * _noise(width, height, (260, 5), chance) + 5 * _noise(width, height, (90, 2), chance)
    tone = np.array(colour, np.float32) / max(colour)
    return (np.array(colour, np.float32) + rings * tone).astype(np.float32)


def _wall(colour: Colour, chance: np.random.Generator) -> Canvas:
    wall = _plaster(colour, WIDTH, HEIGHT, chance)
    for left in range(0, WIDTH, 213):  # joints between the panels
        wall[:, left : left + 2] *= 0.88
        wall[:, left + 2 : left + 4] *= 1.05
    return wall


def _window(back: Canvas, left: int, top: int, right: int, bottom: int, chance: np.random.Generator) -> None:
    height, width = bottom - top, right - left
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    sky = np.array((246, 226, 200), np.float32) * (1 - down) + np.array((240, 240, 238), np.float32) * down
    clouds = np.clip(_noise(width, height, (90, 40), chance), 0, 1.5)
    view = np.clip(sky + 10 * clouds, 0, 255)
    roofs = 0.72 * height + 26 * np.sign(_noise(width, 1, (45, 1), chance))[0, :, 0]
    ground = np.arange(height)[:, None] > roofs[None, :]
    view[ground] = view[ground] * 0.25 + np.array((150, 140, 130), np.float32) * 0.75
    back[top - 12 : bottom + 12, left - 12 : right + 12] = (92, 96, 98)
    back[top:bottom, left:right] = view
    for x in np.linspace(left, right, 4)[1:-1].astype(int):
        back[top:bottom, x - 4 : x + 4] = (92, 96, 98)
    back[bottom + 12 : bottom + 26, left - 26 : right + 26] = (205, 208, 210)


def _door(back: Canvas, left: int, top: int, right: int, bottom: int, chance: np.random.Generator) -> None:
    back[top - 10 : bottom, left - 10 : right + 10] *= 0.7
    grain = _wood((84, 104, 128), bottom - top, right - left, chance)
    back[top:bottom, left:right] = np.rot90(grain)
    for y1, y2 in ((0.08, 0.45), (0.53, 0.9)):
        high, low = int(top + y1 * (bottom - top)), int(top + y2 * (bottom - top))
        back[high:low, left + 24 : right - 24] *= 0.9
        back[high : high + 3, left + 24 : right - 24] *= 0.75
    middle = (top + bottom) // 2
    back[middle : middle + 8, right - 34 : right - 12] = (170, 180, 186)


def _panel(
    back: Canvas, left: int, top: int, right: int, bottom: int, colour: Colour, chance: np.random.Generator
) -> None:
    back[top:bottom, left:right] = _wood(colour, right - left, bottom - top, chance)


def _counter(back: Canvas, alpha: Canvas, top: int, colour: Colour, chance: np.random.Generator) -> None:
    """A counter over the whole width from ``top`` down, so that nobody needs legs."""
    alpha[top:] = 1
    front = _wood(colour, WIDTH, HEIGHT - top, chance)
    front *= np.linspace(0.8, 0.45, HEIGHT - top, dtype=np.float32)[:, None, None]
    for left in range(40, WIDTH, 160):
        front[:, left : left + 3] *= 0.6
        front[:, left + 3 : left + 6] *= 1.15
    back[top:] = front
    lighter = tuple(min(part * 1.45, 235) for part in colour)
    back[top : top + 22] = _wood((lighter[0], lighter[1], lighter[2]), WIDTH, 22, chance)
    back[top + 22 : top + 30] *= 0.5


def _light(x: float, y: float) -> Canvas:
    """Light that falls off from (x, y), fractions of the frame."""
    across = np.linspace(0, 1, WIDTH, dtype=np.float32)[None, :] - x
    down = np.linspace(0, 1, HEIGHT, dtype=np.float32)[:, None] - y
    return (1.08 - 0.42 * np.sqrt(across**2 + (0.6 * down) ** 2))[:, :, None].astype(np.float32)
