"""One contract for every detector that can be loaded, whatever is behind it."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scripted import frame_of

from redact.detect import load_detector
from redact.detect.tiles import Search
from redact.detect.traits import traits_of
from redact.detections import KINDS, Detections, Detector
from redact.errors import DetectorError
from redact.geometry import as_boxes, iou, overlap
from redact.policy import Policy

PUBLIC = (
    "yunet_n",
    "yunet_2023mar",
    "yolox_nano_640",
    "yolox_nano",
    "lpd_yunet",
    "seed+yunet_n",
    "yunet_n+yolox_nano",
)
FACE = as_boxes([[176, 55, 268, 172]])
WOMAN = as_boxes([[20, 10, 440, 512]])
LOADED: dict[str, Detector] = {}


@pytest.fixture(params=["guard-s", "guard-m", "seed", *PUBLIC, "mediapipe"])
def detector(request: pytest.FixtureRequest) -> Detector:
    name = request.param
    if name == "mediapipe" and importlib.util.find_spec("mediapipe") is None:
        pytest.skip("mediapipe is not installed: it needs Python 3.12 or older and its own environment")
    if name in PUBLIC:
        request.getfixturevalue("public_models")
    if name not in LOADED:
        LOADED[name] = load_detector(name, device="cpu", threads=1)
    return LOADED[name]


def same(first: Detections, second: Detections) -> bool:
    return all(
        one.shape == two.shape and np.allclose(one, two, atol=1e-3)
        for one, two in zip(
            (first.boxes, first.scores, first.kinds), (second.boxes, second.scores, second.kinds), strict=True
        )
    )


def strong(detector: Detector, found: Detections, kind: str) -> Detections:
    """The rows of ``kind`` that would start a track, best first."""
    rows = found.only((kind,))
    rows = rows[rows.scores >= traits_of(detector, detector.kinds).start[kind]]
    return rows[np.argsort(-rows.scores)]


def test_it_says_what_it_is(detector: Detector) -> None:
    assert detector.name
    assert detector.kinds
    assert set(detector.kinds) <= set(KINDS)
    traits = traits_of(detector, detector.kinds)
    assert set(traits.start) == set(traits.extend) == set(detector.kinds)
    assert all(0 < traits.extend[kind] < traits.start[kind] < 1 for kind in detector.kinds)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (53, 37), (641, 333), (900, 700)])
def test_a_picture_of_any_size_has_an_answer(detector: Detector, size: tuple[int, int]) -> None:
    width, height = size
    picture = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    found = detector.detect(picture).checked(width, height)
    assert (found.boxes.dtype, found.scores.dtype, found.kinds.dtype) == (np.float32, np.float32, np.int8)
    assert set(np.unique(found.kinds)) <= {KINDS.index(kind) for kind in detector.kinds}


@pytest.mark.parametrize("shape", [(64, 64), (64, 64, 4), (1, 64, 64, 3)])
def test_what_is_no_picture_is_refused(detector: Detector, shape: tuple[int, ...]) -> None:
    with pytest.raises(DetectorError):
        detector.detect(np.zeros(shape, dtype=np.uint8))


def test_nobody_is_seen_in_grey(detector: Detector) -> None:
    found = detector.detect(np.full((320, 320, 3), 128, dtype=np.uint8))
    assert all(not len(strong(detector, found, kind)) for kind in detector.kinds)


def test_the_astronaut_is_found_where_she_is(detector: Detector, astronaut: Any) -> None:
    found = detector.detect(astronaut)
    if "face" in detector.kinds:
        best = strong(detector, found, "face")[:1]
        # what one data set calls a face ends at the brows and another's at the hair: centre and size must agree
        assert iou(best.boxes, FACE)[0, 0] > 0.45
    if "person" in detector.kinds:
        best = strong(detector, found, "person")[:1]
        assert iou(best.boxes, WOMAN)[0, 0] > 0.45
        assert overlap(FACE, best.boxes)[0, 0] > 0.95 * 92 * 117


def test_colours_are_not_swapped(detector: Detector, astronaut: Any) -> None:
    assert not same(detector.detect(astronaut), detector.detect(astronaut[..., ::-1])) or "plate" in detector.kinds


@pytest.mark.parametrize("name", ["yunet_2023mar", "yolox_nano", "yolox_nano_640"])
def test_a_picture_larger_than_a_fixed_input_is_shrunk_to_it(name: str, public_models: Path, astronaut: Any) -> None:
    detector = load_detector(name, device="cpu", threads=1)
    kind = detector.kinds[0]
    truth = (FACE if kind == "face" else WOMAN) * np.array([2.5, 2, 2.5, 2], dtype=np.float32)
    wide = np.ascontiguousarray(astronaut.repeat(2, axis=0).repeat(5, axis=1)[:, ::2])
    assert wide.shape == (1024, 1280, 3)
    assert iou(strong(detector, detector.detect(wide), kind)[:1].boxes, truth)[0, 0] > 0.45


def test_moving_the_picture_moves_the_boxes(detector: Detector, astronaut: Any) -> None:
    if detector.name == "mediapipe":
        pytest.skip("it shrinks what it is given to 192 pixels, so that a larger canvas is another picture")
    small = astronaut[:384, :384]
    moved = np.full((416, 416, 3), 114, dtype=np.uint8)
    moved[32:, 32:] = small
    for kind in set(detector.kinds) - {"plate"}:
        before = strong(detector, detector.detect(small), kind)[:1]
        after = strong(detector, detector.detect(moved), kind)[:1]
        assert iou(before.boxes + np.float32(32), after.boxes)[0, 0] > 0.75, kind


def test_the_same_picture_has_the_same_answer(detector: Detector, astronaut: Any) -> None:
    first = detector.detect(astronaut)
    detector.detect(np.full((333, 211, 3), 255, dtype=np.uint8))
    detector.detect(np.zeros((512, 512, 3), dtype=np.uint8))
    assert same(first, detector.detect(astronaut))


def test_a_view_is_as_good_as_a_copy_and_is_left_alone(detector: Detector, astronaut: Any) -> None:
    view = astronaut[8:392, 100:420]
    before = astronaut.copy()
    assert same(detector.detect(view), detector.detect(view.copy()))
    assert (astronaut == before).all()


def test_threads_may_share_it(detector: Detector, astronaut: Any) -> None:
    pictures = [astronaut[:256, :256], astronaut[:256, 128:384], astronaut[:320, 100:484]]
    wanted = [detector.detect(picture) for picture in pictures]
    answers: dict[int, list[Detections]] = {}

    def work(index: int) -> None:
        answers[index] = [detector.detect(pictures[index]) for _ in range(5)]

    threads = [threading.Thread(target=work, args=(index,)) for index in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(same(wanted[index], answer) for index in range(3) for answer in answers[index])


def test_plates_are_found(public_models: Path, shared: Callable[[str], Path]) -> None:
    import json

    import cv2

    folder = shared("footage/plates_us")
    detector = load_detector("lpd_yunet", device="cpu", threads=1)
    policy = Policy(find=("plate",))
    found = []
    labels = list(json.loads((folder / "plates.json").read_text()).items())[:12]
    for name, (x, y, width, height) in labels:
        picture = cv2.cvtColor(cv2.imread(str(folder / name)), cv2.COLOR_BGR2RGB)
        plates = Search(detector, policy, picture.shape[1], picture.shape[0])(frame_of(picture))
        plates = plates[plates.scores >= detector.traits.start["plate"]]  # type: ignore[attr-defined]
        found.append((iou(as_boxes([x, y, x + width, y + height]), plates.boxes) > 0.4).any())
    assert np.mean(found) >= 0.75
