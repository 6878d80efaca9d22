"""How the families of ONNX detectors take a picture and what their outputs mean.

A family is recognised from the graph, prepares the input tensor, and turns output arrays into boxes. All of it
is arithmetic on arrays: sessions, devices and files are elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from redact.detect.traits import Traits
from redact.detections import KINDS, Detections
from redact.errors import DetectorError
from redact.geometry import as_boxes

Array = NDArray[Any]
Outputs = Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output of a graph: name, ONNX element type, sides (None where any size works)."""

    name: str
    type: str
    shape: tuple[int | None, ...]


class Family(Protocol):
    """One way to prepare pictures and to read answers."""

    kinds: tuple[str, ...]
    traits: Traits  # for weights that the catalog does not know
    multiple: int  # the sides of the input are multiples of this
    overlap: float  # IoU above which two boxes of a kind are one thing

    def knows(self, inputs: Sequence[Port], outputs: Sequence[Port]) -> bool:
        """Whether a graph with these ports is of this family."""
        ...

    def sides(self, image: Port) -> tuple[int, int] | None:
        """Width and height that the input port insists on, or None."""
        ...

    def canvas(self, width: int, height: int) -> Array:
        """A new input tensor for pictures of up to width x height, filled with the colour of padding."""
        ...

    def size(self, canvas: Array) -> tuple[int, int]:
        """Width and height of an input tensor."""
        ...

    def fill(self, canvas: Array, rgb: NDArray[np.uint8]) -> None:
        """Write ``rgb`` into the top left corner of the tensor; what is right of and below it stays."""
        ...

    def decode(self, outputs: Outputs, width: int, height: int, floor: float) -> Detections:
        """Detections with scores of ``floor`` or more, boxes in pixels of a width x height canvas."""
        ...


PADDING = 114  # the grey that YOLOX, and our own models after it, were trained to see as "no picture"


def _fixed(height: int | None, width: int | None) -> tuple[int, int] | None:
    return (width, height) if width is not None and height is not None else None


def _cells(width: int, height: int, strides: Sequence[int]) -> tuple[Array, Array]:
    """Column and row of every cell (M, 2), then its stride (M, 1), level after level, row by row; float32."""
    grids, sizes = [], []
    for stride in strides:
        columns, rows = width // stride, height // stride
        y, x = np.divmod(np.arange(columns * rows, dtype=np.int64), columns)
        grids.append(np.stack([x, y], axis=1))
        sizes.append(np.full((columns * rows, 1), stride))
    return np.concatenate(grids).astype(np.float32), np.concatenate(sizes).astype(np.float32)


def _exp(array: Array) -> Array:
    with np.errstate(over="ignore"):  # infinity is refused with all else that is no number
        return np.asarray(np.exp(array))


def _centred(centre: Array, sides: Array) -> Array:
    return np.concatenate([centre - sides / 2, centre + sides / 2], axis=1)


def _numbers(array: Array) -> Array:
    # comparisons with NaN are false: without this a broken model would report "nobody"
    if np.isnan(array).any():
        raise DetectorError("the detector answered scores or boxes that are not numbers")
    return array


def _rows(array: Array, count: int) -> Array:
    if array.shape[0] != count:
        raise DetectorError(f"the detector answered {array.shape[0]} cells where its input has {count}")
    return array


def _detections(boxes: Array, scores: Array, kinds: Array | str) -> Detections:
    if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
        raise DetectorError("the detector answered scores or boxes that are not numbers")
    codes = np.full(len(boxes), KINDS.index(kinds)) if isinstance(kinds, str) else kinds
    return Detections(as_boxes(boxes), scores.astype(np.float32), codes.astype(np.int8))


class _Planar:
    """Input float32 (1, 3, height, width), B, G, R, 0..255, as OpenCV's and Megvii's detectors take it."""

    padding = 0

    def sides(self, image: Port) -> tuple[int, int] | None:
        return _fixed(*image.shape[2:])

    def canvas(self, width: int, height: int) -> Array:
        return np.full((1, 3, height, width), self.padding, dtype=np.float32)

    def size(self, canvas: Array) -> tuple[int, int]:
        return canvas.shape[3], canvas.shape[2]

    def fill(self, canvas: Array, rgb: NDArray[np.uint8]) -> None:
        height, width = rgb.shape[:2]
        for channel in range(3):
            canvas[0, channel, :height, :width] = rgb[:, :, 2 - channel]


class Guard:
    """This project's own detectors: faces and people at once.

    Input uint8 (1, H, W, 3) B, G, R. Outputs ``scores`` (1, M, 2) and ``boxes`` (1, M, 2, 4), x1 y1 x2 y2 in
    input pixels; kind 0 face, 1 person.
    """

    kinds: tuple[str, ...] = ("face", "person")
    traits = Traits({"face": 0.3, "person": 0.35}, {"face": 0.15, "person": 0.18}, 12, 200, 1536)
    multiple = 64
    overlap = 0.45

    def knows(self, inputs: Sequence[Port], outputs: Sequence[Port]) -> bool:
        return (
            [port.type for port in inputs] == ["tensor(uint8)"]
            and len(inputs[0].shape) == 4
            and inputs[0].shape[3] == 3
            and {port.name for port in outputs} >= {"scores", "boxes"}
        )

    def sides(self, image: Port) -> tuple[int, int] | None:
        return _fixed(*image.shape[1:3])

    def canvas(self, width: int, height: int) -> Array:
        return np.full((1, height, width, 3), PADDING, dtype=np.uint8)

    def size(self, canvas: Array) -> tuple[int, int]:
        return canvas.shape[2], canvas.shape[1]

    def fill(self, canvas: Array, rgb: NDArray[np.uint8]) -> None:
        import cv2

        height, width = rgb.shape[:2]
        cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR, dst=canvas[0, :height, :width])

    def decode(self, outputs: Outputs, width: int, height: int, floor: float) -> Detections:
        scores, boxes = _numbers(outputs["scores"][0]), _numbers(outputs["boxes"][0])
        cells, kinds = np.nonzero(scores >= floor)
        return _detections(boxes[cells, kinds], scores[cells, kinds], kinds)


class Yunet(_Planar):
    """YuNet (Wu, Peng, Yu: "YuNet: a tiny millisecond-level face detector", 2023), faces only.

    Per stride 8, 16, 32: ``cls``, ``obj`` (1, cells, 1) and ``bbox`` (1, cells, 4). Score sqrt(cls * obj);
    centre (cell + b01) * stride, sides exp(b23) * stride.
    """

    kinds: tuple[str, ...] = ("face",)
    traits = Traits({"face": 0.45}, {"face": 0.25}, 12, 200, 1536)
    multiple = 32
    overlap = 0.45
    strides = (8, 16, 32)

    def knows(self, inputs: Sequence[Port], outputs: Sequence[Port]) -> bool:
        wanted = {f"{part}_{stride}" for part in ("cls", "obj", "bbox") for stride in self.strides}
        return len(inputs) == 1 and {port.name for port in outputs} >= wanted

    def decode(self, outputs: Outputs, width: int, height: int, floor: float) -> Detections:
        grid, stride = _cells(width, height, self.strides)

        def every(part: str) -> Array:
            return _rows(np.concatenate([_numbers(outputs[f"{part}_{s}"][0]) for s in self.strides]), len(grid))

        certainty = np.clip(every("cls")[:, 0], 0, 1) * np.clip(every("obj")[:, 0], 0, 1)
        keep = np.flatnonzero(certainty >= floor * floor)
        raw = every("bbox")[keep]
        centre, sides = (raw[:, :2] + grid[keep]) * stride[keep], _exp(raw[:, 2:]) * stride[keep]
        return _detections(_centred(centre, sides), np.sqrt(certainty[keep]), "face")


class Yolox(_Planar):
    """YOLOX (Ge et al., 2021) trained on COCO, of which class 0, person, is read.

    One output (1, cells, 85): x y w h, objectness, 80 classes. Centre (xy + cell) * stride, sides exp(wh) * stride.
    """

    kinds: tuple[str, ...] = ("person",)
    traits = Traits({"person": 0.35}, {"person": 0.18}, 6, 90, 640)
    multiple = 32
    overlap = 0.45
    padding = PADDING
    strides = (8, 16, 32)

    def knows(self, inputs: Sequence[Port], outputs: Sequence[Port]) -> bool:
        if len(inputs) != 1 or len(outputs) != 1 or len(outputs[0].shape) != 3 or outputs[0].shape[2] != 85:
            return False
        sides, cells = self.sides(inputs[0]), outputs[0].shape[1]
        return sides is None or cells is None or cells == len(_cells(*sides, self.strides)[0])

    def decode(self, outputs: Outputs, width: int, height: int, floor: float) -> Detections:
        grid, stride = _cells(width, height, self.strides)
        (output,) = outputs.values()
        rows = _rows(_numbers(output[0]), len(grid))
        scores = rows[:, 4] * rows[:, 5]
        keep = np.flatnonzero(scores >= floor)
        centre = (rows[keep, :2] + grid[keep]) * stride[keep]
        return _detections(_centred(centre, _exp(rows[keep, 2:4]) * stride[keep]), scores[keep], "person")


class LpdYunet(_Planar):
    """LPD-YuNet of the OpenCV zoo: licence plates as four corners.

    Outputs ``loc`` (cells, 14), ``conf`` (cells, 2), ``iou`` (cells, 1) over priors of the SSD kind; the box is the
    hull of the corners. Score sqrt(conf * iou).
    """

    kinds: tuple[str, ...] = ("plate",)
    traits = Traits({"plate": 0.3}, {"plate": 0.2}, 12, 100, 320)
    multiple = 1
    overlap = 0.3
    strides = (8, 16, 32, 64)
    anchors = ((10, 16, 24), (32, 48), (64, 96), (128, 192, 256))
    variance = 0.1

    def knows(self, inputs: Sequence[Port], outputs: Sequence[Port]) -> bool:
        return len(inputs) == 1 and {port.name for port in outputs} == {"loc", "conf", "iou"}

    def priors(self, width: int, height: int) -> tuple[Array, Array]:
        """Centre (M, 2) and side (M, 1) of every prior in pixels."""
        columns, rows = (width + 1) // 2 // 2, (height + 1) // 2 // 2
        centres, sides = [], []
        for stride, anchors in zip(self.strides, self.anchors, strict=True):
            columns, rows = columns // 2, rows // 2
            y, x, side = np.meshgrid(np.arange(rows), np.arange(columns), np.array(anchors), indexing="ij")
            centres.append(np.stack([x.ravel() + 0.5, y.ravel() + 0.5], axis=1) * stride)
            sides.append(side.reshape(-1, 1))
        return np.concatenate(centres).astype(np.float32), np.concatenate(sides).astype(np.float32)

    def decode(self, outputs: Outputs, width: int, height: int, floor: float) -> Detections:
        centres, sides = self.priors(width, height)
        loc, conf, iou = (_rows(_numbers(outputs[part]), len(centres)) for part in ("loc", "conf", "iou"))
        scores = np.sqrt(np.clip(conf[:, 1], 0, 1) * np.clip(iou[:, 0], 0, 1))
        keep = np.flatnonzero(scores >= floor)
        corners = loc[keep, 4:12].reshape(-1, 4, 2) * self.variance * sides[keep, None] + centres[keep, None]
        low, high = corners.min(axis=1), corners.max(axis=1)
        # on empty pictures and at the edge of padding it answers plates many times as large as the picture
        real = (high - low <= (width, height)).all(axis=1)
        return _detections(np.concatenate([low, high], axis=1)[real], scores[keep][real], "plate")


FAMILIES: dict[str, Family] = {"guard": Guard(), "yunet": Yunet(), "yolox": Yolox(), "lpd_yunet": LpdYunet()}
"""Name in the catalog → family."""
