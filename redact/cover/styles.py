"""How cells look: ``mosaic`` shows them, ``blur`` interpolates them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from redact.frames import PixelFormat, Samples

Cells = NDArray[np.float32]


def drawn(cells: Cells, width: int, height: int, layout: PixelFormat, *, smooth: bool) -> Samples:
    """Cells stretched to ``width`` x ``height`` samples of the pixel format."""
    import cv2

    top = ((1 << layout.bits) - 1) << layout.shift
    # rounded before stretching: integer interpolation is several times faster than float
    values = np.clip(np.rint(cells), 0, top).astype(layout.dtype)
    how = cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST
    patch = np.asarray(cv2.resize(values, (width, height), interpolation=how), dtype=layout.dtype)
    return patch & np.asarray(top, dtype=layout.dtype) if layout.shift else patch  # unused low bits stay zero
