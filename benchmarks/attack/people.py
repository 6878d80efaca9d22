"""Pictures of people by name: the forty of the ORL set, or a few drawn ones where there is no footage."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.clips import footage

Luma = NDArray[np.uint8]
SCALE = 1.0  # from the pictures of the set to the canvas: faces come out 75 pixels wide, 90 high


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """One picture of one person. luma: (height, width). number: of the picture among all."""

    person: int
    number: int
    luma: Luma


def portraits(quick: bool) -> list[Portrait]:
    """All pictures, person by person, as many of each."""
    folder = footage()
    if quick or folder is None:
        pictures = [(person, _drawn(person, take)) for person in range(6) for take in range(4)]
    else:
        root = folder / "identities" / "orl"
        people = sorted(root.iterdir(), key=lambda path: int(path.name[1:]))
        files = [
            (person, path)
            for person, people_path in enumerate(people)
            for path in sorted(people_path.glob("*.pgm"), key=lambda path: int(path.stem))
        ]
        pictures = [(person, _read(str(path))) for person, path in files]
    return [Portrait(person, number, luma) for number, (person, luma) in enumerate(pictures)]


def _read(path: str) -> Luma:
    luma = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
    if luma is None:
        raise SystemExit(f"{path} is no picture")
    return np.asarray(cv2.resize(luma, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def _drawn(person: int, take: int) -> Luma:
    """A head whose proportions and shades are the person's, whose place and light are the take's."""
    own, shot = np.random.default_rng(person), np.random.default_rng(1000 * person + take + 7)
    picture = np.full((157, 129), 90, np.float32)
    x, y = 64 + shot.integers(-4, 5), 80 + shot.integers(-4, 5)
    wide, high = int(own.integers(36, 46)), int(own.integers(50, 62))
    cv2.ellipse(picture, (x, y - 8), (wide + 8, high + 8), 0, 0, 360, float(own.integers(10, 90)), -1)
    cv2.ellipse(picture, (x, y), (wide, high), 0, 0, 360, float(own.integers(130, 220)), -1)
    apart, eye = int(own.integers(14, 22)), float(own.integers(10, 90))
    for side in (-1, 1):
        cv2.circle(picture, (x + side * apart, y - int(own.integers(8, 20))), int(own.integers(4, 9)), eye, -1)
    lips = (x, y + int(own.integers(22, 34)))
    cv2.ellipse(picture, lips, (int(own.integers(8, 22)), int(own.integers(3, 9))), 0, 0, 360, eye, -1)
    light = picture * shot.uniform(0.95, 1.05) + shot.normal(0, 3, picture.shape)
    return np.asarray(np.clip(light, 0, 255), dtype=np.uint8)
