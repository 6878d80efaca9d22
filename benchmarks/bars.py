"""A number written into a picture as black and white bars, to be read again after any encoding and covering."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BITS = 16
SIDE = 16  # pixels of a bar: survives any encoder
WIDTH, HEIGHT = (BITS + 4) * SIDE, SIDE


def draw(luma: NDArray[np.uint8], number: int) -> None:
    """Write ``number`` (0..65535) into the lower left corner of a plane (height, width), with a check sum."""
    bits = [number >> bit & 1 for bit in range(BITS)]
    check = _check(number)
    bits += [check >> bit & 1 for bit in range(4)]
    top = luma.shape[0] - HEIGHT
    for place, bit in enumerate(bits):
        luma[top:, place * SIDE : (place + 1) * SIDE] = 235 if bit else 16


def read(luma: NDArray[np.uint8]) -> int | None:
    """The number in a plane, or None where there is none that can be read."""
    top = luma.shape[0] - HEIGHT
    inner = luma[top + SIDE // 4 : top + 3 * SIDE // 4, :WIDTH]
    levels = [
        float(inner[:, place * SIDE + SIDE // 4 : (place + 1) * SIDE - SIDE // 4].mean()) for place in range(BITS + 4)
    ]
    if any(60 < level < 190 for level in levels):
        return None
    bits = [level > 125 for level in levels]
    number = sum(bit << place for place, bit in enumerate(bits[:BITS]))
    return number if sum(bit << place for place, bit in enumerate(bits[BITS:])) == _check(number) else None


def _check(number: int) -> int:
    return (number * 7 + (number >> 4) * 3 + (number >> 8) + 5) % 15 + 1
