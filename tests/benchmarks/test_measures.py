"""The measures themselves: what counts as covered, exposed, needless; how labels become tracks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.clips import Clip
from benchmarks.constants import replaced
from benchmarks.coverage import Coverage
from benchmarks.live.latency import SQUARE, drawn, read
from benchmarks.soak import _growth
from benchmarks.truth import Label, _linked
from redact import scenes

CLIP = Clip(Path("clip.mp4"), "group")
FACE = Label(1, "face", (10.0, 10.0, 20.0, 30.0))


def covered(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros((100, 100), bool)
    mask[rows, columns] = True
    return mask


def measured(masks: list[np.ndarray], clip: Clip = CLIP) -> Coverage:
    coverage = Coverage()
    times = [index / 25 for index in range(len(masks))]
    labels = {index: [FACE] for index in range(len(masks))}
    coverage.add(clip, times, (100, 100), labels, lambda index: masks[index])
    return coverage


def test_nine_tenths_of_a_box_count_as_covered() -> None:
    whole, enough, less = (covered(slice(10, low), slice(10, 20)) for low in (30, 28, 27))
    facts = measured([whole, enough, less]).summary("face")
    assert facts["covered"] == pytest.approx(2 / 3, abs=1e-3)
    assert facts["by_height"]["16-32"] == {"boxes": 3, "covered": facts["covered"]}
    assert facts["by_height"]["8-16"]["covered"] is None


def test_exposure_is_counted_by_track_and_in_seconds() -> None:
    shut, bare = covered(slice(0, 100), slice(0, 100)), covered(slice(0, 0), slice(0, 0))
    facts = measured([shut, bare, bare, shut, bare]).summary("face")
    assert facts["never_exposed"] == 0
    assert facts["longest_exposed"] == pytest.approx(0.08)
    assert measured([shut, shut]).summary("face")["never_exposed"] == 1


def test_needless_is_what_lies_beside_the_grown_label() -> None:
    tight = covered(slice(8, 32), slice(9, 21))
    assert measured([tight]).waste() == 0
    assert measured([covered(slice(0, 100), slice(0, 50))]).waste() == pytest.approx(0.5, abs=0.05)
    assert measured([covered(slice(0, 100), slice(0, 50))], Clip(Path("c"), "g", complete=False)).waste() == 0


def test_pseudo_labels_need_three_sightings_and_fill_gaps() -> None:
    sure = [10.0, 10.0, 20.0, 20.0, 0.9]
    looked = {0: {"face": [sure]}, 2: {"face": []}, 4: {"face": [sure]}, 6: {"face": [sure]}}
    assert [sorted(track) for track in _linked(looked, "face", 25.0)] == [[0, 1, 2, 3, 4, 5, 6]]
    assert _linked({0: {"face": [sure]}, 2: {"face": [sure]}}, "face", 25.0) == []
    assert _linked({index: {"face": [[*sure[:4], 0.3]]} for index in (0, 2, 4)}, "face", 25.0) == []


def test_constants_come_back() -> None:
    before = scenes.CHANGE
    with replaced(scenes, CHANGE=1.0):
        assert scenes.CHANGE == 1.0
    assert before == scenes.CHANGE


def test_a_drawn_clock_is_read_again_and_a_covered_one_is_not() -> None:
    luma = np.full((240, 800), 90, np.uint8)
    drawn(luma, 1_764_000_000.123)
    moment = read(luma)
    assert moment is not None
    assert abs(moment - 1_764_000_000.123 % (2**40 / 1000)) < 0.002
    luma[:, 100:130] = 128
    assert read(luma) is None
    drawn(luma, 1_764_000_000.123)
    luma[:SQUARE, :SQUARE] = 251 - luma[:SQUARE, :SQUARE]  # one bit turned round
    assert read(luma) is None


def test_growth_is_the_slope_after_the_first_quarter() -> None:
    samples = [{"at": float(at), "MB": 50.0 if at < 25 else 100.0 + at / 36} for at in range(100)]
    grown = _growth(samples, "MB")
    assert grown["an hour"] == pytest.approx(100.0, abs=0.1)
