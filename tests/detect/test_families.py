"""What output arrays mean: boxes worked out by hand, and OpenCV's own decoder as the judge of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from redact.detect.families import FAMILIES, PADDING, Port
from redact.detections import Detections
from redact.errors import DetectorError
from redact.geometry import iou


def rows(found: Detections) -> list[tuple[float, ...]]:
    """x1 y1 x2 y2 score kind of every row, rounded."""
    table = np.column_stack([found.boxes, found.scores, found.kinds])
    return [tuple(row) for row in np.round(table.astype(float), 3).tolist()]


def yunet_outputs(width: int, height: int) -> dict[str, Any]:
    outputs: dict[str, Any] = {}
    for stride in (8, 16, 32):
        cells = (width // stride) * (height // stride)
        outputs[f"cls_{stride}"] = np.zeros((1, cells, 1), np.float32)
        outputs[f"obj_{stride}"] = np.zeros((1, cells, 1), np.float32)
        outputs[f"bbox_{stride}"] = np.zeros((1, cells, 4), np.float32)
    return outputs


def test_guard_reads_both_kinds_and_leaves_the_weak() -> None:
    scores = np.array([[[0.9, 0.1], [0.1, 0.6], [0.2, 0.2]]], np.float32)
    boxes = np.arange(24, dtype=np.float32).reshape(1, 3, 2, 4)
    found = FAMILIES["guard"].decode({"scores": scores, "boxes": boxes}, 64, 64, 0.5)
    assert rows(found) == [(0, 1, 2, 3, 0.9, 0), (12, 13, 14, 15, 0.6, 1)]


def test_yunet_boxes_are_where_its_paper_puts_them() -> None:
    outputs = yunet_outputs(128, 64)
    cell = 1 * 8 + 3  # row 1, column 3 of stride 16, eight columns wide
    outputs["cls_16"][0, cell], outputs["obj_16"][0, cell] = 0.81, 1.0
    outputs["bbox_16"][0, cell] = [0.5, 0.25, 0.0, np.log(2)]
    found = FAMILIES["yunet"].decode(outputs, 128, 64, 0.5)
    assert rows(found) == [(48, 4, 64, 36, 0.9, 0)]


def test_yolox_reads_people_and_nothing_else() -> None:
    output = np.zeros((1, 8 * 4 + 4 * 2 + 2, 85), np.float32)
    output[0, 9, :6] = [0.5, 0.5, 0, np.log(3), 0.8, 0.5]  # row 1, column 1 of stride 8: a person
    output[0, 10, :7] = [0.5, 0.5, 0, 0, 1, 0, 1]  # a bicycle
    found = FAMILIES["yolox"].decode({"output": output}, 64, 32, 0.3)
    assert rows(found) == [(8, 0, 16, 24, 0.4, 1)]


def test_lpd_priors_are_as_many_as_the_model_has_answers() -> None:
    centres, sides = FAMILIES["lpd_yunet"].priors(320, 240)  # type: ignore[attr-defined]
    assert len(centres) == len(sides) == 4385
    assert centres[0].tolist() == [4, 4]
    assert sides[:3, 0].tolist() == [10, 16, 24]


def test_lpd_answers_the_hull_of_four_corners() -> None:
    loc = np.zeros((4385, 14), np.float32)
    conf, certain = np.zeros((4385, 2), np.float32), np.ones((4385, 1), np.float32)
    conf[0, 1] = 0.64
    loc[0, 4:12] = [-1, -2, 3, -2, 3, 2, -1, 2]  # times a variance of .1 and a side of 10, about (4, 4)
    found = FAMILIES["lpd_yunet"].decode({"loc": loc, "conf": conf, "iou": certain}, 320, 240, 0.5)
    assert rows(found) == [(3, 2, 7, 6, 0.8, 2)]


@pytest.mark.parametrize("name", ["cls_8", "obj_16", "bbox_32"])
def test_one_nan_anywhere_is_a_fault(name: str) -> None:
    outputs = yunet_outputs(64, 64)
    assert len(FAMILIES["yunet"].decode(outputs, 64, 64, 0.5)) == 0
    outputs[name][0, 0, 0] = np.nan
    with pytest.raises(DetectorError, match="not numbers"):
        FAMILIES["yunet"].decode(outputs, 64, 64, 0.5)


def test_cells_that_the_input_does_not_have_are_a_fault() -> None:
    with pytest.raises(DetectorError, match="cells"):
        FAMILIES["yunet"].decode(yunet_outputs(96, 64), 64, 64, 0.5)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_picture_is_written_into_the_corner_in_blue_green_red(name: str) -> None:
    family = FAMILIES[name]
    canvas = family.canvas(128, 64)
    assert family.size(canvas) == (128, 64)
    background = canvas.copy()
    picture = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    family.fill(canvas, picture)
    seen, before = (array[0] if name == "guard" else array[0].transpose(1, 2, 0) for array in (canvas, background))
    assert (seen[:30, :40] == picture[..., ::-1]).all()
    assert (seen[30:] == before[30:]).all()
    assert (seen[:, 40:] == before[:, 40:]).all()
    assert set(np.unique(before)) == {PADDING if name in ("guard", "yolox") else 0}


def test_no_graph_is_of_two_families() -> None:
    image = Port("images", "tensor(float)", (1, 3, 64, 64))
    yolo = Port("output", "tensor(float)", (1, 84, 85))
    assert [name for name, family in FAMILIES.items() if family.knows([image], [yolo])] == ["yolox"]
    another = Port("output", "tensor(float)", (1, 252, 85))  # three anchors a cell: an older YOLO, decoded otherwise
    assert not any(family.knows([image], [another]) for family in FAMILIES.values())


def test_yunet_agrees_with_opencv(public_models: Path, astronaut: Any) -> None:
    import cv2

    from redact.detect import load_detector

    picture = cv2.resize(astronaut, (640, 640))
    judge = cv2.FaceDetectorYN.create(
        str(public_models / "face_detection_yunet_2023mar.onnx"), "", (640, 640), 0.25, 0.45, 5000
    )
    _, theirs = judge.detect(np.ascontiguousarray(picture[..., ::-1]))
    ours = load_detector("yunet_2023mar", device="cpu", threads=1).detect(picture)
    ours = ours[ours.scores >= 0.25]
    assert len(ours) == len(theirs) > 0
    theirs[:, 2:4] += theirs[:, :2]
    pairs = iou(ours.boxes, theirs[:, :4].astype(np.float32))
    assert (pairs.max(axis=1) > 0.95).all()  # theirs are rounded to whole pixels in some versions
    assert np.allclose(ours.scores, theirs[pairs.argmax(axis=1), 14], atol=0.01)
