"""What counts as found, and as false."""

from __future__ import annotations

import numpy as np
import pytest

from redact.geometry import as_boxes
from training.data import Truth
from training.evaluate import results
from training.label import agree
from training.measure import Sightings, join, sight

FACE = as_boxes([[100, 100, 120, 120]])


def scores(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def test_a_face_is_found_when_the_grown_box_covers_it() -> None:
    truth = Truth(FACE, as_boxes([]))
    seen = sight(as_boxes([[102, 102, 118, 118]]), scores(0.7), truth, 0)
    assert seen.found.tolist() == pytest.approx([0.7])
    assert len(seen.false) == 0
    half = sight(as_boxes([[100, 100, 120, 110]]), scores(0.7), truth, 0)
    assert half.found.tolist() == [0]
    assert len(half.false) == 0, "it belongs to the face, however badly it fits"


def test_a_box_of_everything_finds_nothing() -> None:
    seen = sight(as_boxes([[0, 0, 640, 480]]), scores(0.9), Truth(FACE, as_boxes([])), 0)
    assert seen.found.tolist() == [0]
    assert seen.false.tolist() == pytest.approx([0.9])


def test_unsure_regions_hold_no_false_positives() -> None:
    truth = Truth(as_boxes([]), as_boxes([[0, 0, 50, 50]]))
    seen = sight(as_boxes([[5, 5, 20, 20], [200, 5, 220, 20]]), scores(0.9, 0.8), truth, 0)
    assert seen.false.tolist() == pytest.approx([0.8])


def test_thresholds_from_the_curve() -> None:
    seen = Sightings(scores(0.9, 0.8, 0.5, 0.0), scores(20, 20, 10, 20), scores(0.7, 0.4, 0.3), 2)
    assert seen.recall(0.6) == pytest.approx(0.5)
    assert seen.recall(0.6, 16) == pytest.approx(2 / 3)
    assert seen.false_per_picture(0.35) == pytest.approx(1.0)
    assert seen.false_per_picture(seen.threshold_for_false(0.5)) <= 0.5
    assert seen.recall(seen.threshold_for_miss(0.25)) >= 0.75
    assert join([seen, seen]).pictures == 4


def test_one_teacher_needs_to_be_twice_as_sure_as_two() -> None:
    box = as_boxes([[0, 0, 10, 10]])
    both = agree([("a", (box, scores(0.5))), ("b", (box, scores(0.4)))])
    alone = agree([("a", (box, scores(0.9))), ("a", (box, scores(0.8))), ("b", (as_boxes([]), scores()))])
    assert both[0][4] == pytest.approx(0.45)
    assert alone[0][4] == pytest.approx(0.45)


def test_teachers_who_see_different_things_do_not_agree() -> None:
    rows = agree(
        [("a", (as_boxes([[0, 0, 10, 10]]), scores(0.8))), ("b", (as_boxes([[50, 0, 60, 10]]), scores(0.6)))]
    )
    assert [r[4] for r in rows] == pytest.approx([0.4, 0.3])


def test_whom_nothing_finds_counts_as_missed_under_every_tag_too() -> None:
    """Even where so little is false that any threshold will do."""
    seen = Sightings(scores(0.9, 0.0, 0.0, 0.0), np.full(4, 40, np.float32), scores(), 10)
    told = results(seen, np.array(["dark", "dark", "lit", "lit"]), "face", None)
    assert told["by_tag"] == {"dark": [0.5, 2], "lit": [0.0, 2]}
    assert told["recall_at_false"]["0.6"] == 0.25
