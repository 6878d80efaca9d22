"""Detectors joined by '+'."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import Scripted, frame_of

from redact.detect import load_detector
from redact.detect.tiles import Search
from redact.detect.traits import Traits
from redact.detect.union import EXTEND, START, Normalised, Union
from redact.detections import Detections
from redact.policy import Policy

STRICT = Traits({"face": 0.8}, {"face": 0.6})
LOOSE = Traits({"face": 0.2, "person": 0.3}, {"face": 0.05, "person": 0.1})


def answering(boxes: Any, scores: Any, kinds: Any) -> Any:
    return lambda rgb: Detections.of(boxes, scores, kinds)


def bent(traits: Traits, score: float) -> float:
    detector = Scripted(answering([[0, 0, 9, 9]], [score], "face"), traits, kinds=tuple(traits.start))
    return float(Normalised(detector).detect(np.zeros((16, 16, 3), np.uint8)).scores[0])


@pytest.mark.parametrize("traits", [STRICT, LOOSE])
def test_thresholds_of_every_detector_become_the_same(traits: Traits) -> None:
    assert bent(traits, traits.start["face"]) == pytest.approx(START)
    assert bent(traits, traits.extend["face"]) == pytest.approx(EXTEND)
    assert bent(traits, 0) == 0
    assert bent(traits, 1) == 1


@given(st.floats(0, 1), st.floats(0, 1))
def test_order_is_kept(one: float, two: float) -> None:
    low, high = sorted((one, two))
    assert bent(STRICT, low) <= bent(STRICT, high)
    assert 0 <= bent(STRICT, low) <= 1


@pytest.mark.parametrize("score", [np.nan, -0.5, 1.5])
def test_nonsense_is_not_bent_into_sense(score: float) -> None:
    assert bent(STRICT, score) == pytest.approx(score, nan_ok=True)


def test_what_either_finds_is_found_and_what_both_find_is_one() -> None:
    first = Scripted(answering([[0, 0, 20, 20], [40, 40, 60, 60]], [0.9, 0.7], "face"), STRICT, kinds=("face",))
    second = Scripted(
        answering([[1, 0, 20, 20], [80, 0, 99, 19], [0, 0, 20, 20]], [0.3, 0.3, 0.9], ["face", "face", "person"]),
        LOOSE,
    )
    joined = Union([first, second])
    assert (joined.name, joined.kinds) == ("scripted+scripted", ("face", "person"))
    search = Search(joined, Policy(), 128, 128)
    assert search.starts == {"face": START, "person": START}
    found = search(frame_of(np.zeros((128, 128, 3), np.uint8)))
    faces = found.only(("face",))
    assert sorted(faces.boxes[:, 0].tolist()) == [0, 40, 80]
    assert len(found.only(("person",))) == 1
    starting = faces.scores >= START
    assert sorted(faces.boxes[starting, 0].tolist()) == [0, 80]  # the .7 of the strict one only extends


def test_each_looks_at_its_own_scale() -> None:
    fine = Scripted(answering([], [], []), Traits({"face": 0.5}, {"face": 0.2}, smallest_face=16), kinds=("face",))
    coarse = Scripted(answering([], [], []), Traits({"face": 0.5}, {"face": 0.2}, smallest_face=8), kinds=("face",))
    Search(Union([fine, coarse]), Policy(find=("face",)), 1920, 1080)(frame_of(np.zeros((1080, 1920, 3), np.uint8)))
    # 1920x1080 itself is more than one pass
    assert len(fine.seen) > len(coarse.seen)
    assert coarse.seen[0] == (960, 540)


def test_a_member_without_a_wanted_kind_is_not_asked() -> None:
    plates = Scripted(answering([], [], []), Traits({"plate": 0.5}, {"plate": 0.2}), kinds=("plate",))
    faces = Scripted(answering([], [], []), LOOSE)
    Search(Union([plates, faces]), Policy(), 64, 64)(frame_of(np.zeros((64, 64, 3), np.uint8)))
    assert not plates.seen
    assert faces.seen


def test_names_are_joined_by_plus() -> None:
    joined = load_detector("seed + seed", device="cpu")
    assert joined.name == "seed+seed"
    assert joined.kinds == ("face", "person")
