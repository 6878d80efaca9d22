"""The detector: one small convolutional network that finds faces and people.

A trunk of plain and depthwise convolutions goes down to stride 64; a top-down path brings what the coarse levels saw
back to the fine ones; every level then predicts, for each of its cells and each kind, one score and one box. There
are no anchors, and no operation that ONNX Runtime does not run fast on a CPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, pad

KINDS = ("face", "person")
_VALUES = 5  # per kind and cell: score, dx, dy, log half width, log half height (the last four in strides)
_MIDDLE = 0.45  # brightness, 0 to 1, that the network sees as zero; pictures are padded with it
_RANGE = 4.0  # what brightness is multiplied with then
_GREY = 115  # the same as a byte
_MAX_LOG = 5.0  # e^5 strides: more than any picture is wide; keeps exp() finite


@dataclass(frozen=True)
class Plan:
    """The size of a detector. `strides` are those of the predicting levels; 4 is optional, 8 to 64 always there."""

    stem: tuple[int, int] = (16, 32)
    channels: tuple[int, int, int, int] = (64, 96, 128, 128)
    blocks: tuple[int, int, int, int] = (2, 3, 4, 3)  # the coarse ones cost little, and tell people from furniture
    neck: int = 64
    towers: int = 2
    fine: int = 0  # channels of the stride-4 level; 0: the level is absent

    @property
    def strides(self) -> tuple[int, ...]:
        return (4, 8, 16, 32, 64) if self.fine else (8, 16, 32, 64)


PLANS = {
    "seed": Plan(blocks=(2, 3, 2, 1)),  # the first version, for starting from its file
    "guard-s": Plan(),
    "guard-m": Plan(fine=32),
}


class Level(NamedTuple):
    """What one level predicts: `values` N x 2 kinds x 5 x H x W, and the stride of its cells in pixels."""

    values: Tensor
    stride: int


class Statistics(NamedTuple):
    """The tensors (C,) of a batch normalisation."""

    mean: Tensor
    var: Tensor
    weight: Tensor
    bias: Tensor
    eps: float

    @property
    def scale(self) -> Tensor:
        """What a channel is multiplied with at inference."""
        return self.weight / torch.sqrt(self.var + self.eps)


class ConvNorm(nn.Module):
    """Convolution, batch normalisation and, unless told otherwise, ReLU. `fold` merges the first two for export."""

    def __init__(
        self, inputs: int, outputs: int, size: int, stride: int = 1, *, depthwise: bool = False, relu: bool = True
    ):
        super().__init__()
        groups = inputs if depthwise else 1
        self.conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False)
        self.norm: nn.BatchNorm2d | nn.Identity = nn.BatchNorm2d(outputs, momentum=0.03)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor
        if self.training or isinstance(self.norm, nn.Identity):
            y = self.norm(self.conv(x))
        else:  # statistics are fixed: one pass over the picture does for both
            known, old = self.statistics, self.conv
            weight = old.weight * known.scale[:, None, None, None]
            bias = known.bias - known.mean * known.scale
            y = conv2d(x, weight, bias, old.stride, old.padding, old.dilation, old.groups)
        return torch.relu_(y) if self.relu else y

    @property
    def statistics(self) -> Statistics:
        """What the normalisation has measured and learnt; not there any more once folded."""
        norm = self.norm
        if not isinstance(norm, nn.BatchNorm2d) or norm.running_mean is None or norm.running_var is None:
            raise ValueError("this layer has been folded")
        return Statistics(norm.running_mean, norm.running_var, norm.weight, norm.bias, norm.eps)

    @torch.no_grad()
    def fold(self) -> None:
        """Replace convolution and normalisation by the one convolution that equals them at inference."""
        old, known = self.conv, self.statistics
        scale = known.scale
        self.conv = nn.Conv2d(
            old.in_channels, old.out_channels, old.kernel_size[0], old.stride[0], old.padding[0], groups=old.groups
        )
        self.conv.weight.copy_(old.weight * scale[:, None, None, None])
        if self.conv.bias is not None:
            self.conv.bias.copy_(known.bias - known.mean * scale)
        self.norm = nn.Identity()


def _separable(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(ConvNorm(inputs, inputs, 3, stride, depthwise=True), ConvNorm(inputs, outputs, 1))


class Residual(nn.Module):
    """A depthwise and a pointwise convolution beside a shortcut."""

    def __init__(self, channels: int):
        super().__init__()
        self.depthwise = ConvNorm(channels, channels, 3, depthwise=True)
        self.pointwise = ConvNorm(channels, channels, 1, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.pointwise(self.depthwise(x)))


class Head(nn.Module):
    """The predictions of one level."""

    def __init__(self, channels: int, towers: int):
        super().__init__()
        self.tower = nn.Sequential(*(_separable(channels, channels) for _ in range(towers)))
        self.predict = nn.Conv2d(channels, len(KINDS) * _VALUES, 1)
        bias = torch.zeros(len(KINDS), _VALUES)
        bias[:, 0] = -4.6  # a cell starts as "nothing here", and training without a flood of false alarms
        self.predict.bias = nn.Parameter(bias.flatten())

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.predict(self.tower(x))
        n, _, h, w = y.shape
        return y.reshape(n, len(KINDS), _VALUES, h, w)


class Detector(nn.Module):
    """uint8 N x H x W x 3 BGR, sides multiples of 64, to one `Level` per stride."""

    def __init__(self, plan: Plan):
        super().__init__()
        self.plan = plan
        self.folded = False
        a, b = plan.stem
        c = plan.channels
        self.stem = nn.Sequential(ConvNorm(3, a, 3, 2), ConvNorm(a, b, 3, 2))
        self.stages = nn.ModuleList()
        for i, (channels, blocks) in enumerate(zip(c, plan.blocks, strict=True)):
            down = ConvNorm(b, channels, 3, 2) if i == 0 else _separable(c[i - 1], channels, 2)
            self.stages.append(nn.Sequential(down, *(Residual(channels) for _ in range(blocks))))
        self.laterals = nn.ModuleList(ConvNorm(channels, plan.neck, 1) for channels in c)
        self.heads = nn.ModuleList(Head(plan.neck, plan.towers) for _ in c)
        if plan.fine:
            self.fine_down = ConvNorm(plan.neck, plan.fine, 1)
            self.fine_lateral = ConvNorm(b, plan.fine, 1)
            self.fine_head = Head(plan.fine, plan.towers)

    def forward(self, image: Tensor) -> list[Level]:
        if self.folded:  # bytes as they are: the first convolution does the rest
            x = pad(image, (0, 0, 1, 0, 1, 0), value=_GREY).permute(0, 3, 1, 2).to(torch.float32)
        else:
            x = (image.permute(0, 3, 1, 2).to(torch.float32) * (1 / 255) - _MIDDLE) * _RANGE
        quarter = x = self.stem(x)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        features = [lateral(f) for lateral, f in zip(self.laterals, features, strict=True)]
        for i in (2, 1, 0):
            features[i] = features[i] + interpolate(features[i + 1], scale_factor=2.0, mode="nearest")
        levels = [Level(head(f), 8 << i) for i, (head, f) in enumerate(zip(self.heads, features, strict=True))]
        if self.plan.fine:
            coarse = interpolate(self.fine_down(features[0]), scale_factor=2.0, mode="nearest")
            levels.insert(0, Level(self.fine_head(self.fine_lateral(quarter) + coarse), 4))
        return levels

    @torch.no_grad()
    def grow_from(self, state: dict[str, Tensor]) -> None:
        """Take the weights of this plan or of a smaller one.

        What a larger plan adds begins without effect where it can: residual blocks with an empty branch.
        """
        for module in self.modules():
            if isinstance(module, Residual):
                module.pointwise.statistics.weight.zero_()
        own = self.state_dict()
        for name, value in state.items():
            if name not in own or own[name].shape != value.shape:
                raise ValueError(f"{name} of the smaller plan has no place in this one")
            own[name].copy_(value)

    def fold(self) -> None:
        """Merge every normalisation into its convolution, that of the picture too (for export; training ends here).

        Three passes over a picture of floats are a tenth of the time that the network takes.
        """
        for module in self.modules():
            if isinstance(module, ConvNorm):
                module.fold()
        with torch.no_grad():
            first = self._first
            if first.bias is not None:
                first.bias.sub_(first.weight.sum((1, 2, 3)) * _MIDDLE * _RANGE)
            first.weight.mul_(_RANGE / 255)
        first.padding = (0, 0)  # sides are even, so a stride of two needs no picture beyond the right and lower edge
        self.folded = True

    @property
    def _first(self) -> nn.Conv2d:
        stem = self.stem[0]
        assert isinstance(stem, ConvNorm)
        return stem.conv


def decode(level: Level) -> tuple[Tensor, Tensor]:
    """Scores N x 2 x HW (0 to 1) and boxes N x 2 x 4 x HW (x1 y1 x2 y2 in input pixels) of one level."""
    values, stride = level.values.float(), float(level.stride)
    ones = torch.ones_like(values[:1, :1, 0])  # counting with cumsum keeps height and width dynamic in ONNX
    centre_x = (torch.cumsum(ones, 3) - 0.5 + values[:, :, 1]) * stride
    centre_y = (torch.cumsum(ones, 2) - 0.5 + values[:, :, 2]) * stride
    half_w = torch.exp(values[:, :, 3].clamp(max=_MAX_LOG)) * stride
    half_h = torch.exp(values[:, :, 4].clamp(max=_MAX_LOG)) * stride
    boxes = torch.stack((centre_x - half_w, centre_y - half_h, centre_x + half_w, centre_y + half_h), 2)
    return values[:, :, 0].sigmoid().flatten(2), boxes.flatten(3)


class Decoded(nn.Module):
    """The detector as it is exported: image to `scores` N x M x 2 and `boxes` N x M x 2 x 4."""

    def __init__(self, network: Detector):
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        decoded = [decode(level) for level in self.network(image)]
        scores = torch.cat([s for s, _ in decoded], 2)
        boxes = torch.cat([b for _, b in decoded], 3)
        return scores.permute(0, 2, 1), boxes.permute(0, 3, 1, 2)


def from_onnx(network: Detector, path: Path) -> None:
    """Take the weights of an exported detector of the same plan into `network`.

    An exported file has no normalisation any more, so the fresh ones here become the identity plus the file's bias.
    `normalise` then gives them back their statistics.
    """
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(path)).graph
    values = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}
    for n in graph.node:  # equal tensors are stored once and named again
        if n.op_type == "Identity" and n.input[0] in values:
            values[n.output[0]] = values[n.input[0]]
    stored = [(values[n.input[1]], values[n.input[2]]) for n in graph.node if n.op_type == "Conv"]
    if any(n.op_type == "Pad" for n in graph.node):  # the picture's normalisation is in the first convolution
        weight, bias = stored[0]
        stored[0] = weight * (255 / _RANGE), bias + (weight * 255).sum((1, 2, 3)) * _MIDDLE
    owner = {id(m.conv): m for m in network.modules() if isinstance(m, ConvNorm)}
    # modules are registered in the order in which forward() calls them
    targets = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    if len(targets) != len(stored):
        raise ValueError(f"{path.name} has {len(stored)} convolutions, the plan {len(targets)}")
    with torch.no_grad():
        for conv, (weight, bias) in zip(targets, stored, strict=True):
            conv.weight.copy_(weight)
            if id(conv) not in owner and conv.bias is not None:
                conv.bias.copy_(bias)
            elif id(conv) in owner:
                fresh = owner[id(conv)].statistics
                fresh.mean.zero_()
                fresh.var.fill_(1 - fresh.eps)
                fresh.weight.fill_(1)
                fresh.bias.copy_(bias)


@torch.no_grad()
def normalise(network: Detector, image: Tensor) -> None:
    """Give every normalisation the statistics of `image` (uint8 N x H x W x 3); what the network computes stays.

    Filters are also scaled to unit length, so that one learning rate suits all of them.
    """
    taken: list[tuple[ConvNorm, Tensor, Tensor]] = []

    def measure(module: nn.Module, _: object, output: Tensor) -> None:
        taken.append((owner[id(module)], output.mean((0, 2, 3)), output.var((0, 2, 3))))

    owner = {id(m.conv): m for m in network.modules() if isinstance(m, ConvNorm)}
    hooks = [m.conv.register_forward_hook(measure) for m in owner.values()]
    was_training = network.training
    network.eval()(image)
    network.train(was_training)
    for hook in hooks:
        hook.remove()
    for layer, mean, var in taken:
        old = layer.statistics
        scale = old.scale
        length = layer.conv.weight.flatten(1).norm(dim=1).clamp(min=1e-6)
        layer.conv.weight.div_(length[:, None, None, None])
        old.bias.add_(scale * (mean - old.mean))
        old.mean.copy_(mean / length)
        old.var.copy_((var / length**2).clamp(min=1e-8))
        old.weight.copy_(scale * length * torch.sqrt(old.var + old.eps))
