"""From a checkpoint to the ONNX file that `redact` loads, and its int8 sibling."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .data import Example
from .network import PLANS, Decoded, Detector
from .teachers import padded, scaled

OPSET = 17


def from_checkpoint(checkpoint: Path, plan: str | None = None) -> Detector:
    """The detector with the averaged weights of a checkpoint, ready to answer.

    `plan` may name a smaller plan than was trained: what it lacks is left out. (guard-s is guard-m without its finest
    level, so one run trains both.)
    """
    stored = torch.load(checkpoint, map_location="cpu", weights_only=True)
    network = Detector(PLANS[plan or stored["recipe"]["plan"]])
    wanted = network.state_dict()
    network.load_state_dict({name: value for name, value in stored["average"].items() if name in wanted})
    return network.eval()


def export(network: Detector, out: Path) -> str:
    """Write `network` as ONNX, normalisation folded in; answers the SHA-256 of the file.

    Input `image` uint8 N x H x W x 3, BGR, sides multiples of 64. Outputs `scores` N x M x 2, `boxes` N x M x 2 x 4.
    Raises ValueError where ONNX Runtime does not compute what the network does.
    """
    network.eval().fold()
    decoded = Decoded(network).eval()
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    axes = {0: "n", 1: "h", 2: "w"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter is old; the new one needs one more package
        torch.onnx.export(
            decoded,
            (torch.zeros(1, 128, 192, 3, dtype=torch.uint8),),
            str(part),
            input_names=["image"],
            output_names=["scores", "boxes"],
            dynamic_axes={"image": axes, "scores": {0: "n", 1: "m"}, "boxes": {0: "n", 1: "m"}},
            opset_version=OPSET,
            dynamo=False,
        )
    worst = difference(decoded, part)
    if worst > 1e-3:
        part.unlink()
        raise ValueError(f"the exported file differs from the network by {worst:g}")
    part.replace(out)
    return hashlib.sha256(out.read_bytes()).hexdigest()


@torch.no_grad()
def difference(decoded: Decoded, file: Path) -> float:
    """The largest difference of scores between network and file: noise, two pictures, a size not seen at export."""
    import onnxruntime

    image = np.random.default_rng(0).integers(0, 256, (2, 192, 320, 3)).astype(np.uint8)
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    scores, boxes = session.run(None, {"image": image})
    want_scores, want_boxes = decoded(torch.from_numpy(image))
    if boxes.shape != tuple(want_boxes.shape):
        return float("inf")
    return float(np.abs(scores - want_scores.numpy()).max())


class _Pictures:
    """Calibration pictures in the form that ONNX Runtime asks for."""

    def __init__(self, examples: list[Example], long_side: int):
        self._pictures = self._prepare(examples, long_side)

    @staticmethod
    def _prepare(examples: list[Example], long_side: int) -> Iterator[dict[str, NDArray[np.uint8]]]:
        for example in examples:
            canvas = np.full(
                (1, long_side, long_side, 3), 114, np.uint8
            )  # one size: ranges are stacked over pictures
            small = padded(scaled(example.read(), long_side)[0], 64)
            canvas[0, : small.shape[0], : small.shape[1]] = small
            yield {"image": canvas}

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        return next(self._pictures, None)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self._pictures


def quantise(source: Path, out: Path, examples: list[Example], long_side: int = 448) -> str:
    """Static int8 quantisation of the convolutions, calibrated on `examples`; answers the SHA-256.

    Predictions stay in float: one step of an 8-bit score is as large as the differences that thresholds are about.
    """
    import onnx
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(_Pictures, CalibrationDataReader):  # type: ignore[misc]
        pass

    ready = out.with_name(out.name + ".ready")
    quant_pre_process(str(source), str(ready), skip_symbolic_shape=True)
    convolutions = [n for n in onnx.load(str(ready)).graph.node if n.op_type == "Conv"]
    exact = [n.name for n in convolutions if "predict" in n.name] + [convolutions[0].name]
    quantize_static(
        str(ready),
        str(out),
        Reader(examples, long_side),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
        op_types_to_quantize=["Conv", "Add", "Relu", "Resize"],
        nodes_to_exclude=exact,
    )
    ready.unlink()
    return hashlib.sha256(out.read_bytes()).hexdigest()
