"""Files that are no detector, detectors that fail, and the devices they run on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from redact.detect import load_detector
from redact.detect.catalog import catalog, shipped_folder
from redact.detect.onnx import OnnxDetector
from redact.errors import ConfigError, DetectorError, ModelError

SEED = (shipped_folder() / "seed.onnx").read_bytes()


def graph(nodes: list[Any], outputs: dict[str, list[Any]], constants: dict[str, Any]) -> bytes:
    """A model that takes pictures as our own detectors do and answers what ``nodes`` make of them."""
    made = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, "h", "w", 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def constant(scores: Any, boxes: Any) -> bytes:
    """A model of our own family that answers the same whatever it sees."""
    nodes = [
        helper.make_node("Identity", ["s"], ["scores"]),
        helper.make_node("Identity", ["b"], ["boxes"]),
    ]
    shapes: dict[str, list[Any]] = {"scores": [None] * np.ndim(scores), "boxes": [None] * np.ndim(boxes)}
    return graph(nodes, shapes, {"s": np.asarray(scores, np.float32), "b": np.asarray(boxes, np.float32)})


PICTURE = np.zeros((64, 64, 3), np.uint8)
BOX = [[[[1.0, 2, 30, 40], [1, 2, 30, 40]]]]


def test_a_constant_model_answers_its_constant() -> None:
    found = OnnxDetector(constant([[[0.9, 0.1]]], BOX), "constant").detect(PICTURE)
    assert found.boxes.tolist() == [[1, 2, 30, 40]]
    assert found.scores.tolist() == [np.float32(0.9)]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["scores", "boxes"])
def test_answers_that_are_not_numbers_are_a_fault(bad: float, where: str) -> None:
    scores, boxes = np.array([[[0.9, 0.1]]]), np.array(BOX)
    (scores if where == "scores" else boxes)[0, 0, 0] = bad
    detector = OnnxDetector(constant(scores, boxes), "broken")
    with pytest.raises(DetectorError, match="not numbers"):
        detector.detect(PICTURE).checked(64, 64)


@pytest.mark.parametrize(
    ("scores", "boxes"),
    [
        ([[[0.9, 0.9]]], [[[[1.0, 2, 3, 4]]]]),
        ([[0.9, 0.9]], BOX),
        ([[[0.9, 0.9, 0.9]]], BOX),
        ([[[0.9, 0.9]]], [[[[1.0, 2, 3]] * 2]]),
    ],
    ids=["one box", "no batch", "three kinds", "three edges"],
)
def test_arrays_of_wrong_shapes_are_a_fault(scores: Any, boxes: Any) -> None:
    detector = OnnxDetector(constant(scores, boxes), "broken")
    with pytest.raises(DetectorError):
        detector.detect(PICTURE).checked(64, 64)


def test_a_runtime_failure_is_a_fault_in_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    nodes = [
        helper.make_node("Reshape", ["s", "shape"], ["scores"]),
        helper.make_node("Identity", ["b"], ["boxes"]),
        helper.make_node("Shape", ["image"], ["shape4"]),
        helper.make_node("Slice", ["shape4", "one", "four"], ["shape"]),
    ]
    constants = {"s": np.zeros((1, 1, 2), np.float32), "b": np.zeros((1, 1, 2, 4), np.float32)}
    model = graph(
        [nodes[2], nodes[3], nodes[0], nodes[1]],
        {"scores": [None] * 3, "boxes": [None] * 4},
        {**constants, "one": np.array([1]), "four": np.array([4])},
    )
    with pytest.raises(DetectorError, match="detector broken failed") as caught:
        OnnxDetector(model, "broken").detect(PICTURE)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html><body>Not found</body></html>", "web page"),
        (b"\n <html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n", "LFS"),
        (SEED[: len(SEED) // 2], "cannot be loaded"),
        (SEED[:100], "cannot be loaded"),
        (bytes(range(256)) * 40, "cannot be loaded"),
        (b"PK\x03\x04 a zip", "cannot be loaded"),
    ],
    ids=["empty", "page", "page after a blank", "lfs", "half", "start", "noise", "zip"],
)
def test_what_is_no_model_is_refused_in_one_line(
    tmp_path: Path, content: bytes, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=words) as caught:
        load_detector(str(path))
    assert "own.onnx" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    assert capfd.readouterr().err == ""


def test_a_model_of_another_family_is_refused(tmp_path: Path) -> None:
    model = graph([helper.make_node("Identity", ["s"], ["answer"])], {"answer": [1]}, {"s": np.ones(1, np.float32)})
    (tmp_path / "own.onnx").write_bytes(model)
    with pytest.raises(ModelError, match=r"known family.*answer") as caught:
        load_detector(str(tmp_path / "own.onnx"))
    assert "guard" in caught.value.hint


def test_a_recogniser_is_not_taken_for_a_detector(shared: Callable[[str], Path]) -> None:
    with pytest.raises(ModelError, match="known family"):
        load_detector(str(shared("models/mobilefacenet.onnx")))


@pytest.mark.parametrize(
    "file", ["yunet_n_640_640.onnx", "yolox_nano.onnx", "license_plate_detection_lpd_yunet_2022may.onnx"]
)
def test_a_path_needs_no_catalog(shared: Callable[[str], Path], file: str) -> None:
    detector = load_detector(str(shared("models") / file), device="cpu")
    assert detector.name == file
    assert len(detector.kinds) == 1


def test_a_path_with_a_plus_is_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a+b.onnx"
    path.write_bytes(SEED)
    detector = load_detector(str(path))
    assert detector.name == "a+b.onnx"
    assert detector.digest == catalog()["seed"].sha256  # type: ignore[attr-defined]


def test_names_that_nothing_has() -> None:
    with pytest.raises(ConfigError, match="nosuch") as caught:
        load_detector("nosuch")
    assert "seed" in caught.value.hint
    with pytest.raises(ModelError, match=r"absent\.onnx"):
        load_detector("absent.onnx")
    with pytest.raises(ConfigError, match="''"):
        load_detector("seed+")


def test_memory_stays_as_it_is_over_many_sizes() -> None:
    import psutil

    detector = load_detector(device="cpu", threads=1)
    sizes = [(64 * (3 + index % 7), 64 * (2 + index % 5)) for index in range(35)]

    def used() -> int:
        for width, height in sizes:
            detector.detect(np.zeros((height, width, 3), np.uint8))
        return int(psutil.Process().memory_info().rss)

    first = [used() for _ in range(2)][-1]
    assert used() - first < 10e6


@pytest.mark.parametrize(
    ("device", "provider", "package"),
    [
        ("cuda", "CUDAExecutionProvider", "onnxruntime-gpu"),
        ("openvino", "OpenVINOExecutionProvider", "onnxruntime-openvino"),
        ("directml", "DmlExecutionProvider", "onnxruntime-directml"),
        ("coreml", "CoreMLExecutionProvider", "macOS"),
    ],
)
def test_a_device_that_is_not_here_is_named_with_its_package(
    monkeypatch: pytest.MonkeyPatch, device: str, provider: str, package: str
) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(ConfigError, match=device) as caught:
        load_detector(device=device)
    assert package in caught.value.hint
    # installed, but ONNX Runtime falls back to the processor without a word
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [provider, "CPUExecutionProvider"])
    real = onnxruntime.InferenceSession
    monkeypatch.setattr(
        onnxruntime,
        "InferenceSession",
        lambda model, options, providers: real(model, options, ["CPUExecutionProvider"]),
    )
    with pytest.raises(ConfigError, match="did not start"):
        load_detector(device=device)
    assert load_detector(device="auto").device == "cpu"  # type: ignore[attr-defined]


def test_auto_asks_for_accelerators_first_and_never_for_a_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    real = onnxruntime.InferenceSession

    def session(model: bytes, options: Any, providers: list[str]) -> Any:
        asked.append(providers)
        return real(model, options, ["CPUExecutionProvider"])

    here = ["AzureExecutionProvider", "CPUExecutionProvider", "OpenVINOExecutionProvider", "CUDAExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: here)
    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    load_detector(device="auto")
    assert asked == [["CUDAExecutionProvider", "OpenVINOExecutionProvider", "CPUExecutionProvider"]]


def test_a_device_that_does_not_exist() -> None:
    with pytest.raises(ConfigError, match="toaster"):
        load_detector(device="toaster")
    assert load_detector(device="cpu").device == "cpu"  # type: ignore[attr-defined]
