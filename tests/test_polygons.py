"""Polygons are drawn outwards and "inside" means wholly inside."""

import numpy as np
import pytest

from redact.geometry import as_boxes
from redact.polygons import Inside, drawn

SQUARE = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))


@pytest.mark.parametrize(("width", "height"), [(640, 480), (161, 121), (2, 2), (1, 1)])
def test_a_drawn_polygon_has_every_sample_it_touches(width, height):
    mask = drawn(SQUARE, width, height)
    ys, xs = np.mgrid[0:height, 0:width]
    touches = (xs + 1 > 0.25 * width) & (xs < 0.75 * width) & (ys + 1 > 0.25 * height) & (ys < 0.75 * height)
    assert mask[touches].all()


def test_the_whole_frame_has_no_clear_edge():
    whole = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    assert drawn(whole, 161, 121).all()


STAR = tuple((0.5 + 0.45 * np.sin(4 * np.pi * n / 5), 0.5 - 0.45 * np.cos(4 * np.pi * n / 5)) for n in range(5))


def test_an_outline_that_crosses_itself_has_no_hole_to_look_through():
    assert drawn(STAR, 200, 200)[80:120, 80:120].all()
    assert not Inside((STAR,), 200, 200)(as_boxes([(90, 90, 110, 110)]))[0]  # and what is to stay clear has one


@pytest.mark.parametrize("corner", [(0.0, 1.0), (1.0, 1.0), (1.0, 0.0), (0.0, 0.0)])
@pytest.mark.parametrize("size", [(1, 1), (34, 8)])
def test_what_has_no_area_is_drawn_too_in_any_corner(corner, size):
    assert drawn((corner,) * 3, *size).any()


def test_inside_means_wholly():
    inside = Inside((SQUARE,), 400, 400)
    boxes = as_boxes(
        [(120, 120, 280, 280), (80, 120, 200, 200), (0, 0, 50, 50), (150, 150, 150, 150), (-500, 150, 900, 160)]
    )
    assert inside(boxes).tolist()[:3] == [True, False, False]
    assert not inside(boxes)[4]


def test_the_frame_edge_does_not_make_a_poster_of_a_person():
    left_half = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    assert not Inside((left_half,), 400, 400)(as_boxes([(-300, 100, 100, 200)]))[0]
