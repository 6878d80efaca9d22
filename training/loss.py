"""What the network is asked to say, and how far it is from it.

Every box is given to the levels whose range of sizes contains it, there to the cells near its centre. Around boxes
about which nothing is known the score is left alone, but for levels that are too coarse for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from redact.geometry import Boxes

from .augment import Crop
from .network import KINDS, Level, decode

IGNORE, BACKGROUND, OBJECT = -1, 0, 1
_RADIUS = 1.5  # strides around the centre of a box within which a cell answers for it
_FAR = 1e6
_BARE = 0.5  # weight of what a box leaves uncovered: worse here than covering too much
# Longer side in strides, per kind: a level takes boxes between the two. Ranges overlap: at the border both learn.
_RANGES: tuple[tuple[float, float], ...] = ((1.9, 5.4), (3.0, 8.0))


def _range(stride: int, strides: tuple[int, ...], kind: int) -> tuple[float, float]:
    low, high = _RANGES[kind]
    if stride == 4:  # only there for small faces; stride 8 goes on taking them too
        return (0.0, 20.0) if kind == 0 else (_FAR, _FAR)
    return 0.0 if stride == 8 else low * stride, _FAR if stride == strides[-1] else high * stride


@dataclass(frozen=True)
class Targets:
    """Per cell (levels one after the other, M in all) and kind: `state` (M, 2) int8 and `boxes` (M, 2, 4) float32."""

    state: NDArray[np.int8]
    boxes: NDArray[np.float32]


def assign(crop: Crop, strides: tuple[int, ...]) -> Targets:
    """The targets of every cell for one crop."""
    side = crop.image.shape[0]
    states, boxes = [], []
    for stride in strides:
        n = side // stride
        state = np.zeros((n, n, len(KINDS)), np.int8)
        target = np.zeros((n, n, len(KINDS), 4), np.float32)
        for kind, truth in enumerate(crop.truths):
            low, high = _range(stride, strides, kind)
            size = (truth.unsure[:, 2:] - truth.unsure[:, :2]).max(1, initial=0)
            _forget(state[..., kind], truth.unsure[size >= low / 2], stride)
            size = (truth.sure[:, 2:] - truth.sure[:, :2]).max(1, initial=0)
            chosen = truth.sure[(size >= low) & (size < high)]
            distance = np.full((n, n), np.inf, np.float32)
            for box in chosen:
                _claim(box, stride, distance, state[..., kind], target[:, :, kind])
        states.append(state.reshape(-1, len(KINDS)))
        boxes.append(target.reshape(-1, len(KINDS), 4))
    return Targets(np.concatenate(states), np.concatenate(boxes))


def _forget(state: NDArray[np.int8], unsure: Boxes, stride: int) -> None:
    n = state.shape[0]
    for x1, y1, x2, y2 in unsure / stride:
        state[max(0, int(y1 - 0.5)) : min(n, int(y2 + 1)), max(0, int(x1 - 0.5)) : min(n, int(x2 + 1))] = IGNORE


def _claim(
    box: NDArray[np.float32],
    stride: int,
    distance: NDArray[np.float32],
    state: NDArray[np.int8],
    target: NDArray[np.float32],
) -> None:
    """Give the cells near the centre of `box` to it, unless they are nearer to another box for its size."""
    n = state.shape[0]
    cx, cy = (box[:2] + box[2:]) / 2 / stride
    rows = np.arange(max(0, int(cy - _RADIUS - 0.5)), min(n, int(cy + _RADIUS + 1.5)))
    cols = np.arange(max(0, int(cx - _RADIUS - 0.5)), min(n, int(cx + _RADIUS + 1.5)))
    if not len(rows) or not len(cols):
        return
    dy, dx = np.abs(rows + 0.5 - cy)[:, None], np.abs(cols + 0.5 - cx)[None]
    near = (dy < _RADIUS) & (dx < _RADIUS)
    size = max(float(np.sqrt(np.prod(box[2:] - box[:2]))) / stride, 0.5)
    measure = np.where(near, np.hypot(dx, dy) / size, np.inf).astype(np.float32)
    area = np.ix_(rows, cols)
    won = measure < distance[area]
    distance[area] = np.where(won, measure, distance[area])
    state[area] = np.where(won, OBJECT, state[area])
    target[area] = np.where(won[..., None], box, target[area])


class Fit(NamedTuple):
    """How pairs of boxes fit, each (N,): overlap, generalised overlap, share of the second that the first covers."""

    overlap: Tensor
    generalised: Tensor
    covered: Tensor


def fit(a: Tensor, b: Tensor) -> Fit:
    """How boxes `a` (N, 4) fit boxes `b` (N, 4)."""
    size_a, size_b = (a[:, 2:] - a[:, :2]).clamp(min=0), (b[:, 2:] - b[:, :2]).clamp(min=0)
    common = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(1)
    union = size_a.prod(1) + size_b.prod(1) - common
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).clamp(min=0).prod(1)
    iou = common / union.clamp(min=1e-6)
    return Fit(iou, iou - (hull - union) / hull.clamp(min=1e-6), common / size_b.prod(1).clamp(min=1e-6))


@dataclass(frozen=True)
class Losses:
    """Parts of the loss; `total` is what is minimised."""

    score: Tensor
    box: Tensor

    @property
    def total(self) -> Tensor:
        return self.score + 2.0 * self.box


def losses(levels: list[Level], state: Tensor, boxes: Tensor) -> Losses:
    """Quality focal loss on scores and generalised overlap loss on boxes.

    `state` N x M x 2 (int8) and `boxes` N x M x 2 x 4, as `assign` makes them. An object's cell is asked for the mean
    of 1 and the overlap of its box: good boxes come first in the suppression, yet no true cell learns silence.
    """
    logits = torch.cat([v.values[:, :, 0].float().flatten(2) for v in levels], 2).permute(0, 2, 1)
    predicted = torch.cat([decode(v)[1] for v in levels], 3).permute(0, 3, 1, 2)
    mine = state == OBJECT
    count = mine.sum().clamp(min=1)
    match = fit(predicted[mine], boxes[mine])
    target = torch.zeros_like(logits)
    target[mine] = (1 + match.overlap.detach()) / 2
    weight = (target - logits.detach().sigmoid()).abs() ** 2 * (state != IGNORE)
    score = (binary_cross_entropy_with_logits(logits, target, reduction="none") * weight).sum() / count
    box = 1 - match.generalised + _BARE * (1 - match.covered)
    return Losses(score, box.sum() / count)
