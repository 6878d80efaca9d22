"""Pictures of any Pillow mode: as B, G, R for the other steps, and covered in their own mode.

What is outside the covered pixels stays as it was, bit for bit. Inside, a covered pixel is opaque: transparency can
draw a face as well as colour can.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Mask = NDArray[np.bool_]
Bgr = NDArray[np.uint8]

DIRECT = frozenset(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"])
DEEP = frozenset(["I;16", "I;16L", "I;16B", "I", "F"])
NEAREST = {"La": "LA", "RGBa": "RGBA", "PA": "RGBA", "RGBX": "RGB", "HSV": "RGB"}
"""Modes that become another one; what neither this nor the two sets above name is refused."""

_COLOURS = 256  # of a palette
_SHADES = 32  # levels a channel when the nearest colour of a palette is looked up


def bgr_of(image: Image.Image) -> Bgr:
    """The picture as uint8 (height, width, 3) in B, G, R order, transparency ignored: hidden colours are seen too.

    Deep greys are stretched so that what is in the picture fills 0..255: raw values of many cameras would be black.
    """
    if image.mode in DEEP:
        values, low, high = _levels(image)
        grey = ((values - low) * (255 / (high - low))).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    return np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])


def covered(image: Image.Image, bgr: Bgr, mask: Mask, transparent: int | None = None) -> Image.Image:
    """``image`` with the pixels of ``bgr`` where ``mask`` (height, width) is set, in its own mode.

    transparent: the index of a palette that shows nothing, and is not used for covering.
    """
    if image.mode in DEEP:
        values, low, high = _levels(image)
        grey = np.asarray(Image.fromarray(bgr[:, :, ::-1]).convert("L"), dtype=np.float64)
        paint = low + grey * ((high - low) / 255)
        return Image.fromarray(np.where(mask, paint, values).astype(np.asarray(image).dtype))
    result = image.copy()
    if not mask.any():
        return result
    where = Image.fromarray(mask)
    rgb = Image.fromarray(np.ascontiguousarray(bgr[:, :, ::-1]))
    if image.mode == "P":
        palette = np.array(image.getpalette("RGB") or [0, 0, 0], dtype=np.int32).reshape(-1, 3)
        usable = np.array([index for index in range(len(palette)) if index != transparent] or [0])
        indices = usable[_nearest(np.asarray(rgb), palette[usable])].astype(np.uint8)
        result.paste(Image.fromarray(indices), mask=where)
    elif image.mode == "1":
        result.paste(rgb.convert("1", dither=Image.Dither.NONE), mask=where)
    else:
        result.paste(rgb.convert(image.mode), mask=where)  # conversion makes alpha opaque
    return result


def paletted(rgba: Image.Image, mask: Mask) -> tuple[Image.Image, int | None]:
    """An RGBA picture with a palette of its own, and the index of its transparent colour, if it has one.

    Colours outside ``mask`` come first: if they are few enough they stay exact, and covered pixels take the nearest.
    """
    pixels = np.asarray(rgba)
    clear = pixels[:, :, 3] < 128
    packed = pixels[:, :, 0].astype(np.uint32) << 16 | pixels[:, :, 1].astype(np.uint32) << 8 | pixels[:, :, 2]
    room = _COLOURS - bool(clear.any())
    palette = np.unique(packed[~clear & ~mask])
    if len(palette) < room:
        inside = np.asarray(rgba.convert("RGB").quantize(32).getpalette("RGB"), dtype=np.uint32).reshape(-1, 3)
        extra = np.unique(inside[:, 0] << 16 | inside[:, 1] << 8 | inside[:, 2])
        palette = np.concatenate([palette, np.setdiff1d(extra, palette)[: room - len(palette)]])
    elif len(palette) > room:
        chosen = np.asarray(rgba.convert("RGB").quantize(room).getpalette("RGB"), dtype=np.uint32).reshape(-1, 3)
        palette = np.unique(chosen[:, 0] << 16 | chosen[:, 1] << 8 | chosen[:, 2])[:room]
    if not len(palette):
        palette = np.zeros(1, np.uint32)
    order = np.argsort(palette)
    place = np.minimum(np.searchsorted(palette, packed, sorter=order), len(palette) - 1)
    indices = order[place]
    colours = np.stack([palette >> 16, palette >> 8 & 255, palette & 255], 1).astype(np.int32)
    inexact = palette[indices] != packed
    if inexact.any():
        indices = np.where(inexact, _nearest(pixels[:, :, :3], colours), indices)
    transparent = len(palette) if clear.any() else None
    if transparent is not None:
        indices = np.where(clear, transparent, indices)
        colours = np.concatenate([colours, np.zeros((1, 3), np.int32)])
    image = Image.fromarray(indices.astype(np.uint8))
    image.putpalette(colours.astype(np.uint8).tobytes(), "RGB")
    return image, transparent


def _levels(image: Image.Image) -> tuple[NDArray[Any], float, float]:
    """(values, lowest, highest) of a deep grey picture; never two equal levels."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    low, high = min(float(values.min()), 0.0), float(values.max())
    return values, low, max(high, low + 1.0)


def _nearest(rgb: NDArray[np.uint8], palette: NDArray[np.int32]) -> NDArray[np.intp]:
    """For each pixel the index of about the nearest colour in ``palette`` (N, 3), by a table of coarse colours."""
    steps = (np.arange(_SHADES) * 255 // (_SHADES - 1)).astype(np.int32)
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(-1, 1, 3)
    table = np.concatenate([((part - palette) ** 2).sum(-1).argmin(-1) for part in np.array_split(grid, _SHADES)])
    coarse = (rgb >> 3).astype(np.intp)
    return np.asarray(table[(coarse[..., 0] * _SHADES + coarse[..., 1]) * _SHADES + coarse[..., 2]])
