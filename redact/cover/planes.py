"""Writing into the planes of a frame, in place."""

from __future__ import annotations

import numpy as np

from redact.cover.shapes import Area, Grid
from redact.frames import Plane, Samples


def view(plane: Plane, area: Area, grid: Grid) -> Samples:
    """The part of the plane that the area's bounding box stands on, a writable view."""
    step_x, step_y = grid.block_x >> plane.sub_x, grid.block_y >> plane.sub_y
    return plane.samples[
        area.top * step_y : area.bottom * step_y,
        area.left * step_x : area.right * step_x,
    ]


def write(plane: Plane, area: Area, grid: Grid, patch: Samples | tuple[int, ...]) -> None:
    """Put a patch of the view's size, or one value a channel, where the area is covered."""
    target = view(plane, area, grid)
    values = np.asarray(patch, dtype=target.dtype)
    if area.mask is None:
        target[...] = values.reshape(target.shape) if values.size == target.size else values
        return
    mask = area.mask
    step_x, step_y = grid.block_x >> plane.sub_x, grid.block_y >> plane.sub_y
    if step_y > 1:
        mask = mask.repeat(step_y, 0)
    if step_x > 1:
        mask = mask.repeat(step_x, 1)
    mask = mask[: target.shape[0], : target.shape[1]]  # a frame of odd size ends inside its last block
    if target.ndim == 3:
        mask = mask[:, :, None]
    if values.size == target.size:
        values = values.reshape(target.shape)
    np.copyto(target, values, where=mask)
