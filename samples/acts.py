"""Who is where at which moment, and the pictures that come of it."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from samples.people import SHAPES, Person, collins, hopper
from samples.places import HEIGHT, PILLAR, WIDTH, Canvas, Place, corridor, lobby

Picture = NDArray[np.uint8]
Depth = Literal["behind", "near"]
GRAIN = 1.4  # levels of sensor noise, new in every frame


@dataclass(frozen=True, slots=True)
class Key:
    """Where a person is at ``time`` seconds: centre x and lowest y in pixels of a 1280 x 720 frame, and how large."""

    time: float
    x: float
    y: float
    scale: float


@dataclass(frozen=True, slots=True)
class Role:
    """One person's way through a place. depth: behind pillar and counter, or near the camera. light: 1 as it was."""

    who: Callable[[], Person]
    keys: tuple[Key, ...]
    depth: Depth = "behind"
    light: float = 0.95


@dataclass(frozen=True, slots=True)
class Act:
    """A scene until ``end`` seconds."""

    place: Callable[[], Place]
    roles: tuple[Role, ...]
    end: float


LOBBY: tuple[Act, ...] = (
    Act(
        lobby,
        (
            Role(
                collins,
                (
                    Key(0.7, -170, 560, 0.62),
                    Key(2.6, 330, 560, 0.62),
                    Key(3.2, 380, 560, 0.62),
                    Key(6.6, 1480, 560, 0.62),
                ),
            ),
            Role(
                hopper,
                (
                    Key(4.4, 1600, 760, 0.85),
                    Key(5.8, 960, 790, 1.0),
                    Key(6.8, 880, 830, 1.15),
                    Key(8.2, 1620, 800, 1.05),
                ),
                depth="near",
            ),
        ),
        8.4,
    ),
    Act(
        corridor,
        (
            Role(hopper, (Key(8.0, 240, 620, 0.5), Key(10.4, 620, 620, 0.5)), light=0.75),
            Role(collins, (Key(8.0, 1010, 610, 0.56), Key(10.4, 860, 610, 0.56)), light=0.75),
        ),
        10.0,
    ),
)
"""A person enters, waits, walks on behind a pillar; another comes close and leaves; a cut; both in a corridor."""

PORTRAIT: tuple[Act, ...] = (Act(lobby, (Role(collins, (Key(0.0, 200, 560, 0.62), Key(3.0, 420, 560, 0.7))),), 3.0),)
"""One person whose way stays in the left part of the lobby, which a phone held upright sees."""

MEETING: tuple[Act, ...] = (
    Act(
        corridor,
        (
            Role(collins, (Key(0.0, 250, 610, 0.6), Key(3.0, 560, 610, 0.6)), light=0.8),
            Role(hopper, (Key(0.0, 1060, 620, 0.52), Key(3.0, 830, 620, 0.52)), light=0.8),
        ),
        3.0,
    ),
)
"""Two people who walk towards each other."""


def picture(acts: Sequence[Act], time: float, index: int) -> Picture:
    """The frame at ``time`` seconds, uint8 (720, 1280, 3) B G R. index seeds its sensor noise."""
    act = next((act for act in acts if time < act.end), acts[-1])
    place = _place(act.place)
    canvas = place.back.copy()
    for role in act.roles:
        if role.depth == "behind":
            _stand(canvas, role, time, 1 - np.maximum(place.pillar, place.counter))
    for role in act.roles:
        if role.depth == "near":
            _stand(canvas, role, time, np.ones_like(place.pillar))
    return np.clip(canvas + GRAIN * _grain(index), 0, 255).astype(np.uint8)


def _stand(canvas: Canvas, role: Role, time: float, free: Canvas) -> None:
    """Draw the person where they are; ``free`` is 0 where something stands before them."""
    if not role.keys[0].time <= time <= role.keys[-1].time:
        return
    x, y, scale = _at(role.keys, time)
    person = _person(role.who).scaled(scale)
    height, width = person.alpha.shape[:2]
    # fractions of a pixel are moved, too, or slow walks would jerk
    left, top = x - width / 2, y - height + 3 * _step(time) * scale
    move = np.array([[1, 0, left % 1], [0, 1, top % 1]], np.float32)
    colour = cv2.warpAffine(person.colour, move, (width + 1, height + 1), borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(person.alpha, move, (width + 1, height + 1))[:, :, None]
    x1, y1 = math.floor(left), math.floor(top)
    rows, columns = slice(max(y1, 0), min(y1 + height + 1, HEIGHT)), slice(max(x1, 0), min(x1 + width + 1, WIDTH))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    part = np.s_[rows.start - y1 : rows.stop - y1, columns.start - x1 : columns.stop - x1]
    seen = alpha[part] * free[rows, columns]
    canvas[rows, columns] = canvas[rows, columns] * (1 - seen) + colour[part] * role.light * seen


def _at(keys: Sequence[Key], time: float) -> tuple[float, float, float]:
    times = [key.time for key in keys]
    return (
        float(np.interp(time, times, [key.x for key in keys])),
        float(np.interp(time, times, [key.y for key in keys])),
        float(np.interp(time, times, [key.scale for key in keys])),
    )


@functools.cache
def _person(who: Callable[[], Person]) -> Person:
    return who()


@functools.cache
def _place(place: Callable[[], Place]) -> Place:
    return place()


def _grain(index: int) -> Canvas:
    return np.random.default_rng(1000 + index).standard_normal((HEIGHT, WIDTH, 1), np.float32)


def faces(acts: Sequence[Act], time: float) -> list[tuple[int, tuple[float, float, float, float]]]:
    """(number, x1 y1 x2 y2) of every face whose middle can be seen at ``time`` seconds, in the 1280 x 720 frame."""
    number, found = 0, []
    for index, act in enumerate(acts):
        here = time < act.end and (index == 0 or time >= acts[index - 1].end)
        for role in act.roles:
            number += 1
            if here and role.keys[0].time <= time <= role.keys[-1].time:
                box = _face(role, time)
                middle = (box[0] + box[2]) / 2
                hidden = role.depth == "behind" and act.place is lobby and PILLAR[0] < middle < PILLAR[1]
                if 0 < middle < WIDTH and not hidden:
                    found.append((number, box))
    return found


def _face(role: Role, time: float) -> tuple[float, float, float, float]:
    x, y, scale = _at(role.keys, time)
    width, height, face = SHAPES[role.who.__name__]
    left, top = x - width * scale / 2, y - height * scale + 3 * _step(time) * scale
    x1, y1, x2, y2 = (edge * scale for edge in face)
    return max(left + x1, 0), max(top + y1, 0), min(left + x2, WIDTH), min(top + y2, HEIGHT)


def _step(time: float) -> float:
    """People bob when they walk: -1..1."""
    return math.sin(2 * math.pi * 1.8 * time)
