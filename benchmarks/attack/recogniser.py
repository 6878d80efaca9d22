"""A recogniser trained by others, turned against covered faces. Without its weights, plain correlation of pixels."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.people import Luma
from benchmarks.attack.scene import REACH
from benchmarks.clips import ROOT

Vectors = NDArray[np.float32]
SIDE = 112
FACE = 1.15  # side of the square it sees, in heights of the face; best of 1.0 to 1.5 on clear faces
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Recogniser:
    """Cut-outs → vectors of length 1, near each other for one person."""

    def __init__(self) -> None:
        path = Path(os.environ.get("REDACT_MODELS", ROOT.parent / "shared" / "models")) / "mobilefacenet.onnx"
        self.name = "MobileFaceNet" if path.exists() else "pixels"
        self._session = None
        if path.exists():
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, cuts: list[Luma], *, share: float = FACE / REACH) -> Vectors:
        """(number, dimensions). share: how much of each cut-out, about its middle, is looked at."""
        vectors = np.stack([self._vector(_middle(cut, share)) for cut in cuts])
        return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), np.float32)

    def _vector(self, cut: Luma) -> Vectors:
        if self._session is None:
            small = cv2.resize(cut, (24, 24), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
            return np.asarray(small - small.mean(), np.float32)
        picture = cv2.resize(cut, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR).astype(np.float32) / 255
        given = np.stack([(picture - mean) / deviation for mean, deviation in zip(_MEAN, _DEVIATION, strict=True)])
        name = self._session.get_inputs()[0].name
        return np.asarray(self._session.run(None, {name: given[None].astype(np.float32)})[0], np.float32).ravel()


def _middle(cut: Luma, share: float) -> Luma:
    height, width = cut.shape
    high, wide = round(height * share), round(width * share)
    top, left = (height - high) // 2, (width - wide) // 2
    return cut[top : top + high, left : left + wide]
