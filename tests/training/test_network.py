"""The network, its exported file, and growth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from training.export import export
from training.network import PLANS, Decoded, Detector, Plan, from_onnx, normalise


@pytest.fixture(scope="module")
def network() -> Detector:
    torch.manual_seed(1)
    made = Detector(PLANS["guard-s"])
    for layer in made.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):  # statistics as after some training
            assert layer.running_mean is not None
            assert layer.running_var is not None
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
    return made.eval()


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(2).integers(0, 256, (2, 128, 192, 3)).astype(np.uint8))


def answers(network: Detector, image: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    with torch.no_grad():
        scores, boxes = Decoded(network).eval()(image)
    return scores.numpy(), boxes.numpy()


@pytest.mark.parametrize("name", PLANS)
def test_the_exported_file_computes_what_the_network_does(name: str, image: torch.Tensor, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="onnx is not installed: the extra redact[training]")
    import onnxruntime

    torch.manual_seed(1)
    network = Detector(PLANS[name]).eval()
    want = answers(network, image)
    export(network, tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "net.onnx"), providers=["CPUExecutionProvider"])
    scores, boxes = session.run(None, {"image": image.numpy()})
    cells = sum((128 // s) * (192 // s) for s in PLANS[name].strides)
    assert scores.shape == (2, cells, 2)
    assert boxes.shape == (2, cells, 2, 4)
    assert_allclose(scores, want[0], atol=1e-4)
    assert_allclose(boxes, want[1], atol=0.05, rtol=1e-3)


def test_weights_come_back_out_of_an_exported_file(network: Detector, image: torch.Tensor, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="onnx is not installed: the extra redact[training]")
    import copy

    want = answers(network, image)
    export(copy.deepcopy(network), tmp_path / "net.onnx")
    other = Detector(PLANS["guard-s"])
    from_onnx(other, tmp_path / "net.onnx")
    assert_allclose(answers(other.eval(), image)[0], want[0], atol=1e-4)
    normalise(other, image)
    assert_allclose(answers(other.eval(), image)[0], want[0], atol=1e-4)


def test_a_grown_network_computes_what_the_small_one_did(network: Detector, image: torch.Tensor) -> None:
    torch.manual_seed(5)
    larger = Detector(Plan(blocks=(3, 4, 5, 4), fine=16))
    larger.grow_from(network.state_dict())
    want, _ = answers(network, image)
    have, _ = answers(larger.eval(), image)
    fine = (128 // 4) * (192 // 4)
    assert_allclose(have[:, fine:], want, atol=1e-4)


def test_growing_refuses_what_has_no_place() -> None:
    wide = Detector(Plan(neck=96))
    with pytest.raises(ValueError, match="has no place"):
        Detector(PLANS["guard-s"]).grow_from(wide.state_dict())
