"""Boxes go where the pixels go."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose

from redact.geometry import as_boxes
from training.augment import Crop, damage, mosaic, paste, place, transform, view
from training.data import Example, Truth

SIDE = 192


def drawn(number: int) -> tuple[Example, np.ndarray]:
    """A dark picture with one white ellipse, which is the face, inside one grey one, the person."""
    import cv2

    rng = np.random.default_rng(number)
    picture = np.full((200, 240, 3), 20, np.uint8)
    cx, cy = (int(v) for v in rng.integers(80, 120, 2))
    cv2.ellipse(picture, (cx, cy), (40, 70), 0, 0, 360, (120, 120, 120), -1)
    cv2.ellipse(picture, (cx, cy), (20, 26), 0, 0, 360, (255, 255, 255), -1)
    face = as_boxes([[cx - 20, cy - 26, cx + 20, cy + 26]])
    person = as_boxes([[cx - 40, cy - 70, cx + 40, cy + 70]])
    truths = (Truth(face, as_boxes([])), Truth(person, as_boxes([])))
    return Example(f"{number}.png", "drawn", None, (240, 200), truths, (True, True)), picture  # type: ignore[arg-type]


def white(crop: Crop) -> np.ndarray:
    """The box around the white pixels."""
    rows, cols = np.nonzero(crop.image.min(2) > 200)
    return np.array([cols.min(), rows.min(), cols.max() + 1, rows.max() + 1], np.float32)


def test_a_turned_box_holds_the_turned_ellipse() -> None:
    quarter = np.array([[0, -1, 0], [1, 0, 0]], float)
    assert_allclose(transform(as_boxes([[10, 20, 30, 60]]), quarter), [[-60, 10, -20, 30]])


@pytest.mark.parametrize("number", range(12))
def test_the_face_box_fits_the_face_after_any_view(number: int) -> None:
    example, picture = drawn(number)
    crop = view(np.random.default_rng(number), example, picture, SIDE, SIDE, 0.5)
    faces = crop.truths[0].sure
    if not len(faces) or (faces.min() <= 1 or faces.max() >= SIDE - 1):
        return  # cut by the edge: the next tests are about that
    shades = np.unique(crop.image.reshape(-1, 3)[:, 0])
    assert len(shades) > 1
    crop = dataclasses.replace(crop, image=np.where(crop.image > 180, crop.image, 0).astype(np.uint8))
    found = white(crop)
    assert_allclose(faces[0], found, atol=3 + 0.08 * (found[2:] - found[:2]).max())


def test_what_the_window_cuts_away_is_unsure_or_gone() -> None:
    identity = np.array([[1, 0, 0], [0, 1, 0]], float)
    truth = Truth(as_boxes([[0, 0, 20, 20], [-16, 0, 4, 20], [-19, 0, 1, 20], [50, 50, 53, 53]]), as_boxes([]))
    seen = place(truth, identity, (0, 0, 100, 100), too_small=5)
    assert_allclose(seen.sure, [[0, 0, 20, 20]])
    assert_allclose(seen.unsure, [[0, 0, 4, 20], [50, 50, 53, 53]])


@pytest.mark.parametrize("count", [4, 9])
def test_a_mosaic_keeps_every_box_inside(count: int) -> None:
    pairs = [drawn(i) for i in range(count)]
    crop = mosaic(np.random.default_rng(1), [e for e, _ in pairs], [p for _, p in pairs], SIDE)
    assert crop.image.shape == (SIDE, SIDE, 3)
    for truth in crop.truths:
        assert len(truth.sure) + len(truth.unsure) >= count // 2
        assert truth.sure.min() >= 0
        assert truth.sure.max() <= SIDE


def test_a_pasted_person_is_known_and_hides_who_stood_there() -> None:
    example, picture = drawn(1)
    everywhere = as_boxes([[x, y, x + 6, y + 6] for x in range(0, SIDE, 24) for y in range(0, SIDE, 24)])
    before = Crop(
        np.zeros((SIDE, SIDE, 3), np.uint8), (Truth(everywhere, as_boxes([])), Truth(as_boxes([]), as_boxes([])))
    )
    for seed in range(20):
        after = paste(np.random.default_rng(seed), before, example, picture)
        if after is before:
            continue
        assert len(after.truths[1].sure) == 1
        assert len(after.truths[0].sure) <= len(everywhere)
        assert after.image.max() > 100
        return
    pytest.fail("nobody was pasted in twenty attempts")


def test_damage_moves_no_box_and_keeps_the_shape() -> None:
    example, picture = drawn(2)
    crop = view(np.random.default_rng(0), example, picture, SIDE, SIDE, 0.5)
    for seed in range(40):
        after = damage(np.random.default_rng(seed), crop)
        assert after.image.shape == crop.image.shape
        assert after.image.dtype == np.uint8
        assert after.truths is crop.truths


def test_one_seed_makes_one_crop() -> None:
    example, picture = drawn(4)
    first, second = (
        damage(np.random.default_rng(9), view(np.random.default_rng(9), example, picture, SIDE, SIDE, 0.5))
        for _ in "12"
    )
    assert (first.image == second.image).all()
