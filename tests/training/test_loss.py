"""Who answers for a box, and what is left alone."""

from __future__ import annotations

import numpy as np
import torch
from numpy.testing import assert_allclose

from redact.geometry import as_boxes
from training.augment import Crop
from training.data import Truth
from training.loss import BACKGROUND, IGNORE, OBJECT, assign, fit, losses
from training.network import PLANS, Detector

STRIDES = PLANS["guard-s"].strides
NOTHING = Truth.nothing()


def crop(face: Truth, person: Truth = NOTHING) -> Crop:
    return Crop(np.zeros((128, 128, 3), np.uint8), (face, person))


def test_cells_near_the_centre_answer_for_a_box() -> None:
    targets = assign(crop(Truth(as_boxes([[32, 32, 48, 48]]), as_boxes([]))), STRIDES)
    fine = targets.state[: 16 * 16, 0].reshape(16, 16)
    assert fine[4:6, 4:6].tolist() == [[OBJECT, OBJECT], [OBJECT, OBJECT]]
    assert (fine == OBJECT).sum() <= 16
    assert (targets.state[16 * 16 :, 0] == BACKGROUND).all(), "a small face is no matter of the coarse levels"
    assert (targets.state[:, 1] == BACKGROUND).all()
    assert_allclose(targets.boxes[targets.state == OBJECT], np.tile([32, 32, 48, 48], ((fine == OBJECT).sum(), 1)))


def test_of_two_neighbours_the_nearer_gets_the_cell() -> None:
    targets = assign(crop(Truth(as_boxes([[32, 32, 48, 48], [44, 32, 60, 48]]), as_boxes([]))), STRIDES)
    boxes = targets.boxes[: 16 * 16, 0].reshape(16, 16, 4)
    assert boxes[4, 4, 0] == 32
    assert boxes[4, 6, 0] == 44


def test_every_size_has_a_level() -> None:
    for kind in (0, 1):
        for size in range(6, 126, 3):
            box = Truth(as_boxes([[1, 1, 1 + size, 1 + size]]), as_boxes([]))
            made = assign(crop(box) if kind == 0 else crop(NOTHING, box), STRIDES)
            assert (made.state[:, kind] == OBJECT).any(), (kind, size)


def test_unsure_regions_do_not_move_the_scores() -> None:
    torch.manual_seed(0)
    network = Detector(PLANS["guard-s"]).train()
    image = torch.randint(0, 255, (1, 128, 128, 3), dtype=torch.uint8)

    def push(truth: Truth) -> float:
        targets = assign(crop(truth, truth), STRIDES)
        network.zero_grad()
        loss = losses(network(image), torch.from_numpy(targets.state)[None], torch.from_numpy(targets.boxes)[None])
        loss.total.backward()  # type: ignore[no-untyped-call]
        return sum(float(p.grad.abs().sum()) for p in network.parameters() if p.grad is not None)

    assert push(Truth(as_boxes([]), as_boxes([[0, 0, 128, 128]]))) == 0
    assert push(NOTHING) > 0


def test_a_sure_box_inside_an_unsure_region_counts() -> None:
    truth = Truth(as_boxes([[32, 32, 48, 48]]), as_boxes([[0, 0, 128, 128]]))
    state = assign(crop(truth), STRIDES).state[:, 0]
    assert (state == OBJECT).any()
    assert not (state == BACKGROUND).any()
    assert (state == IGNORE).any()


def test_a_small_doubt_leaves_the_coarse_levels_sure_that_nobody_is_there() -> None:
    state = assign(crop(Truth(as_boxes([]), as_boxes([[60, 60, 72, 72]]))), STRIDES).state[:, 0]
    assert (state[: 16 * 16] == IGNORE).any()
    assert (state[16 * 16 :] == BACKGROUND).all()


def test_fit_of_boxes() -> None:
    a = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 20, 20]])
    b = torch.tensor([[0.0, 0, 10, 10], [20, 0, 30, 10], [0, 0, 10, 10]])
    match = fit(a, b)
    assert_allclose(match.overlap, [1, 0, 0.25], atol=1e-6)
    assert_allclose(match.generalised, [1, -1 / 3, 0.25], atol=1e-6)
    assert_allclose(match.covered, [1, 0, 1], atol=1e-6)
