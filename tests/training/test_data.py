"""Which boxes are believed, which are doubted, which pictures are kept apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.testing import assert_array_equal

from training.data import SURE, UNSURE, combine, held_out, load, split

SIZE = (100, 80)


def test_human_labels_come_first() -> None:
    truth = combine([[10, 10, 30, 30]], [[11, 10, 30, 31, 0.99], [60, 60, 70, 70, 0.99]], SIZE)
    assert_array_equal(truth.sure, [[10, 10, 30, 30], [60, 60, 70, 70]])


def test_teachers_alone_are_believed_when_sure_and_doubted_below() -> None:
    rows = [[0, 0, 9, 9, SURE], [20, 0, 29, 9, SURE - 0.01], [40, 0, 49, 9, UNSURE - 0.01]]
    truth = combine(None, rows, SIZE)
    assert_array_equal(truth.sure, [[0, 0, 9, 9]])
    assert_array_equal(truth.unsure, [[20, 0, 29, 9]])


def test_a_picture_that_nobody_labelled_teaches_nothing() -> None:
    truth = combine(None, None, SIZE)
    assert len(truth.sure) == 0
    assert_array_equal(truth.unsure, [[0, 0, 100, 80]])


def test_people_who_saw_nobody_are_believed() -> None:
    truth = combine([], None, SIZE)
    assert len(truth.sure) == len(truth.unsure) == 0


def test_loading_reads_pictures_and_boxes(folder: Path) -> None:
    examples = load(folder)
    assert len(examples) == 8
    assert examples[0].read().shape == (128, 128, 3)
    assert examples[0].human == (True, True)
    assert all(len(t.sure) == 1 for e in examples for t in e.truths)


def test_held_out_pictures_are_chosen_by_name_alone() -> None:
    names = [f"picture_{i}.jpg" for i in range(2000)]
    share = np.mean([held_out(n, 0.1) for n in names])
    assert 0.07 < share < 0.13
    assert [held_out(n) for n in names] == [held_out(n) for n in names]


def test_split_leaves_nothing_out_and_nothing_twice(folder: Path) -> None:
    examples = load(folder)
    train, develop = split(examples)
    assert sorted(e.name for e in train + develop) == [e.name for e in examples]
    assert all(held_out(e.name) for e in develop)
