"""Boxes never lose a pixel on the way."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from redact import geometry
from redact.geometry import as_boxes

edge = st.floats(-2000, 4000, width=32)
side = st.floats(0.125, 2000, width=32)
box = st.builds(lambda x, y, w, h: (x, y, x + w, y + h), edge, edge, side, side)
boxes = st.lists(box, min_size=1, max_size=8).map(as_boxes)


def inside(inner: np.ndarray, outer: np.ndarray, slack: float = 1e-2) -> bool:
    return bool((inner[:, :2] >= outer[:, :2] - slack).all() and (inner[:, 2:] <= outer[:, 2:] + slack).all())


@given(boxes, st.floats(1, 4))
def test_growing_contains_the_box_and_keeps_its_centre(rows, factor):
    grown = geometry.grow(rows, factor)
    assert inside(rows, grown)
    assert np.allclose(rows[:, :2] + rows[:, 2:], grown[:, :2] + grown[:, 2:], atol=0.5, rtol=1e-4)


@given(box, st.sampled_from([1, 2, 4]))
def test_rounding_outward_never_moves_an_edge_inwards(edges, multiple):
    x1, y1, x2, y2 = geometry.round_outward(edges, multiple)
    assert x1 <= edges[0]
    assert y1 <= edges[1]
    assert x2 >= edges[2]
    assert y2 >= edges[3]
    assert all(value % multiple == 0 for value in (x1, y1, x2, y2))
    assert edges[0] - x1 <= multiple  # as floats: -1e-39 is one from -1
    assert x2 - edges[2] <= multiple


def test_nine_point_nine_is_not_nine():
    assert geometry.round_outward((9.9, 9.9, 10.1, 10.1)) == (9, 9, 11, 11)


@given(boxes)
def test_clipping_keeps_the_last_row_and_column(rows):
    clipped = geometry.clip(rows, 640, 480)
    assert (clipped >= 0).all()
    assert (clipped[:, [0, 2]] <= 640).all()
    assert (clipped[:, [1, 3]] <= 480).all()
    whole = geometry.clip(as_boxes([[-5, -5, 700, 500]]), 640, 480)
    assert whole.tolist() == [[0, 0, 640, 480]]


@given(boxes, boxes)
def test_hull_contains_both(first, second):
    count = min(len(first), len(second))
    hull = geometry.hull(first[:count], second[:count])
    assert inside(first[:count], hull, 0)
    assert inside(second[:count], hull, 0)


@given(boxes)
def test_iou_is_one_with_itself_and_symmetric(rows):
    table = geometry.iou(rows, rows)
    assert np.allclose(np.diag(table), 1, atol=1e-3)
    assert np.allclose(table, table.T, atol=1e-3)
    assert (table >= 0).all()
    assert (table <= 1.001).all()


@given(boxes, st.integers(0, 2**31))
def test_nms_keeps_the_best_and_covers_the_rest(rows, seed):
    scores = np.random.default_rng(seed).random(len(rows)).astype(np.float32)
    kept = geometry.nms(rows, scores, 0.5)
    assert kept[0] == scores.argmax()
    table = geometry.iou(rows, rows[kept])
    assert ((table > 0.5).any(1) | np.isin(np.arange(len(rows)), kept)).all()
    among = geometry.iou(rows[kept], rows[kept]) - np.eye(len(kept))
    assert (among <= 0.5).all()
