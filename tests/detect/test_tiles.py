"""Which parts of a frame are searched at which scale, and how the answers join."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scripted import Scripted, frame_of

from redact.detect import load_detector
from redact.detect.tiles import REDUCTION, Search, plan
from redact.detect.traits import Traits
from redact.detect.union import Union
from redact.detections import Detections
from redact.errors import ConfigError, DetectorError
from redact.geometry import as_boxes, iou
from redact.policy import Policy

TRAITS = st.builds(
    lambda smallest, largest, side: Traits({"face": 0.5}, {"face": 0.2}, smallest, largest, side),
    st.floats(6, 24),
    st.floats(60, 300),
    st.integers(160, 1600),
)
SIDES = st.integers(1, 4200)
WIDE = Traits({"face": 0.5, "person": 0.5}, {"face": 0.2, "person": 0.2}, 12, 200, 400)


@settings(max_examples=200, deadline=None)
@given(width=SIDES, height=SIDES, min_face=st.integers(4, 200), traits=TRAITS, people=st.booleans())
@example(width=3840, height=2160, min_face=4, traits=WIDE, people=True)
def test_every_pixel_lies_in_a_tile(width: int, height: int, min_face: int, traits: Traits, people: bool) -> None:
    for look in plan(width, height, min_face, traits, people=people):
        assert all(0 <= x1 < x2 <= look.width and 0 <= y1 < y2 <= look.height for x1, y1, x2, y2 in look.tiles)
        assert all(
            x2 - x1 <= traits.largest_input and y2 - y1 <= traits.largest_input for x1, y1, x2, y2 in look.tiles
        )
        for axis, length in ((0, look.width), (1, look.height)):
            spans = {(tile[axis], tile[axis + 2]) for tile in look.tiles}
            assert {pixel for low, high in spans for pixel in range(low, high)} == set(range(length))
        columns = {(tile[0], tile[2]) for tile in look.tiles}
        rows = {(tile[1], tile[3]) for tile in look.tiles}
        assert set(look.tiles) == {(x1, y1, x2, y2) for x1, x2 in columns for y1, y2 in rows}


@settings(max_examples=300, deadline=None)
@given(width=SIDES, height=SIDES, min_face=st.integers(8, 100), traits=TRAITS, people=st.booleans(), data=st.data())
def test_every_box_up_to_the_seam_lies_whole_in_a_tile(
    width: int, height: int, min_face: int, traits: Traits, people: bool, data: st.DataObject
) -> None:
    for look in plan(width, height, min_face, traits, people=people):
        side_x, side_y = min(look.seam, look.width), min(look.seam, look.height)
        x = data.draw(st.integers(0, look.width - side_x))
        y = data.draw(st.integers(0, look.height - side_y))
        assert any(x1 <= x and y1 <= y and x + side_x <= x2 and y + side_y <= y2 for x1, y1, x2, y2 in look.tiles)


@settings(max_examples=300, deadline=None)
@given(width=SIDES, height=SIDES, min_face=st.integers(4, 100), traits=TRAITS, people=st.booleans())
def test_no_size_falls_between_two_looks(
    width: int, height: int, min_face: int, traits: Traits, people: bool
) -> None:
    looks = plan(width, height, min_face, traits, people=people)
    for finer, coarser in itertools.pairwise(looks):
        # what a seam may cut in one look is, in the next, at least as large as the smallest thing found reliably
        smallest = traits.smallest_face * (3 if people else 1)
        if len(finer.tiles) > 1 and finer.seam < traits.largest_input // 2:
            assert finer.seam / REDUCTION >= smallest
        assert (
            traits.largest_face / REDUCTION >= traits.smallest_face or traits.largest_face < 4 * traits.smallest_face
        )
        assert math.isclose(coarser.width, finer.width / REDUCTION, abs_tol=1)
    assert len(looks[-1].tiles) == 1
    assert min(looks[-1].width, looks[-1].height) <= traits.largest_face


@settings(max_examples=100, deadline=None)
@given(width=st.integers(16, 4200), height=st.integers(16, 4200), min_face=st.integers(4, 1000), traits=TRAITS)
def test_the_smallest_face_arrives_at_the_size_that_is_found(
    width: int, height: int, min_face: int, traits: Traits
) -> None:
    first = plan(width, height, min_face, traits)[0]
    wanted = min(traits.smallest_face / min_face, 2.0)
    wanted = max(wanted, min(1.0, 640 / max(width, height)))  # small frames are not shrunk
    assert first.width == pytest.approx(width * wanted, abs=4)
    assert first.height == pytest.approx(height * wanted, abs=4)


def test_full_hd_is_one_pass_and_one_quarter_pass() -> None:
    looks = plan(1920, 1080, 16, Traits({"face": 0.3}, {"face": 0.2}, 12, 220, 1536))
    assert [(look.width, look.height, len(look.tiles)) for look in looks] == [(1440, 808, 1), (360, 202, 1)]


def seen_white(rgb: Any) -> Detections:
    """The bounding box of all that is white."""
    ys, xs = np.nonzero(rgb.min(axis=2) > 200)
    if not len(xs):
        return Detections.none()
    return Detections.of([[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]], [0.9], "face")


def painted(width: int, height: int, box: tuple[int, int, int, int]) -> Any:
    picture = np.zeros((height, width, 3), np.uint8)
    picture[box[1] : box[3], box[0] : box[2]] = 255
    return picture


@pytest.mark.parametrize("corner", [(0, 0), (1197, 0), (0, 797), (1197, 797)])
def test_what_only_the_finest_look_shows_is_found_in_every_corner(corner: tuple[int, int]) -> None:
    left, top = corner
    detector = Scripted(seen_white, WIDE)
    found = Search(detector, Policy(min_face=12), 1200, 800)(
        frame_of(painted(1200, 800, (left, top, left + 3, top + 3)))
    )
    assert len(found) == 1
    assert iou(found.boxes, as_boxes((left, top, left + 3, top + 3)))[0, 0] > 0.9


@pytest.mark.parametrize("left", range(0, 1100, 137))
def test_a_thing_is_one_box_wherever_the_seams_are(left: int) -> None:
    box = (left, 300, left + 60, 380)
    detector = Scripted(seen_white, WIDE)
    found = Search(detector, Policy(min_face=12), 1200, 800)(frame_of(painted(1200, 800, box)))
    assert len(detector.seen) > 6
    assert len(found) == 1
    assert iou(found.boxes, as_boxes(box))[0, 0] > 0.85


def test_a_thing_larger_than_a_tile_is_one_box_from_the_coarse_look() -> None:
    box = (100, 50, 1000, 780)
    detector = Scripted(seen_white, WIDE)
    found = Search(detector, Policy(min_face=12), 1200, 800)(frame_of(painted(1200, 800, box)))
    whole = found[iou(found.boxes, as_boxes(box))[:, 0] > 0.9]
    assert len(whole) == 1
    # tiles that saw nothing but white answer their own outline, which the whole stands for
    assert len(found) == 1


def test_pieces_stay_where_nothing_whole_stands_for_them() -> None:
    def only_in_tiles(rgb: Any) -> Detections:
        return seen_white(rgb) if rgb.shape[1] > 300 else Detections.none()

    box = (100, 300, 1000, 380)
    found = Search(Scripted(only_in_tiles, WIDE), Policy(min_face=12), 1200, 800)(frame_of(painted(1200, 800, box)))
    covered = np.zeros((800, 1200), dtype=bool)
    for x1, y1, x2, y2 in found.boxes.round().astype(int):
        covered[y1:y2, x1:x2] = True
    assert covered[302:378, 102:998].all()


def test_boxes_are_in_pixels_of_the_frame() -> None:
    box = (400, 200, 480, 300)
    detector = Scripted(seen_white, Traits({"face": 0.5}, {"face": 0.2}, 12, 200, 1536), kinds=("face",))
    found = Search(detector, Policy(min_face=24, find=("face",)), 1280, 720)(frame_of(painted(1280, 720, box)))
    assert detector.seen[0] == (640, 360)
    assert np.abs(found.boxes[0] - box).max() <= 4


def test_thresholds_come_from_the_detector_or_the_policy() -> None:
    traits = Traits({"face": 0.5, "person": 0.4}, {"face": 0.2, "person": 0.3})

    def answer(rgb: Any) -> Detections:
        return Detections.of(
            [[0, 0, 9, 9], [20, 0, 29, 9], [40, 0, 49, 9]], [0.25, 0.25, 0.15], ["face", "person", "face"]
        )

    search = Search(Scripted(answer, traits), Policy(), 64, 64)
    assert (search.starts, search.extends) == ({"face": 0.5, "person": 0.4}, {"face": 0.2, "person": 0.3})
    assert len(search(frame_of(painted(64, 64, (0, 0, 0, 0))))) == 1
    search = Search(Scripted(answer, traits), Policy(threshold=0.25, find=("face",)), 64, 64)
    assert search.starts == {"face": 0.25}
    assert search.extends == pytest.approx({"face": 0.1})
    assert search(frame_of(painted(64, 64, (0, 0, 0, 0)))).scores.tolist() == pytest.approx([0.25, 0.15])


def test_a_lower_threshold_reaches_the_model(astronaut: Any) -> None:
    detector = load_detector(device="cpu", threads=1)
    usual = detector.detect(astronaut)
    Search(detector, Policy(threshold=0.02), 512, 512)
    assert len(detector.detect(astronaut)) > len(usual)
    joined = load_detector("seed+seed", device="cpu", threads=1)
    usual = joined.detect(astronaut)
    Search(joined, Policy(threshold=0.02), 512, 512)
    assert len(joined.detect(astronaut)) > len(usual)


def test_a_kind_that_the_detector_cannot_find_is_refused() -> None:
    with pytest.raises(ConfigError, match="does not find: person") as caught:
        Search(Scripted(seen_white, kinds=("face",)), Policy(), 64, 64)
    assert "--find face" in caught.value.hint


def nonsense(rgb: Any) -> Detections:
    return Detections.of([[0, 0, np.nan, 9]], [0.9], "face")


def far_away(rgb: Any) -> Detections:
    return Detections.of([[90000, 0, 90010, 9]], [0.9], "face")


def raising(rgb: Any) -> Detections:
    raise KeyError("weights")


def silent(rgb: Any) -> Any:
    return None


@pytest.mark.parametrize("answer", [nonsense, far_away, raising, silent])
def test_a_detector_that_fails_in_any_way_is_a_fault_and_never_nobody(answer: Any) -> None:
    frame = frame_of(painted(64, 64, (0, 0, 0, 0)))
    with pytest.raises(DetectorError):
        Search(Scripted(answer), Policy(), 64, 64)(frame)
    with pytest.raises(DetectorError):
        Search(Union([Scripted(answer), Scripted(seen_white)]), Policy(), 64, 64)(frame)


def test_faces_from_small_to_close_up_are_found(astronaut: Any) -> None:
    import cv2

    detector = load_detector(device="cpu", threads=1)
    face = astronaut[20:210, 130:320]
    for height in (40, 80, 160, 320, 640, 900):
        scale = height / 117
        side = round(190 * scale)
        large = cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
        large = large[max(0, round(35 * scale) - 80) :][:1080]
        picture = np.full((1080, 1920, 3), 90, np.uint8)
        picture[: len(large), 300 : 300 + side] = large
        top = min(35 * scale, 80)
        truth = as_boxes([300 + 46 * scale, top, 300 + 138 * scale, top + height])
        found = Search(detector, Policy(), 1920, 1080)(frame_of(picture)).only(("face",))
        assert found.scores[iou(found.boxes, truth)[:, 0] > 0.4].max(initial=0) >= 0.3, height
