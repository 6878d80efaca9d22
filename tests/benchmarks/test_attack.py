"""The attack suite on drawn people: its measures, its control, and that it attacks the product's own cover."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks import attack
from benchmarks.attack.coverings import coverings
from benchmarks.attack.odds import odds
from benchmarks.attack.people import portraits
from benchmarks.attack.scene import faces, moving, takes

PEOPLE = np.repeat(np.arange(20), 10)


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    return attack.measure(quick=True)


def test_naming_everybody_right_is_broken() -> None:
    found = odds("oracle", np.eye(20)[PEOPLE], PEOPLE, methods=1)
    assert (found.rank1, found.auc) == (1, 1)
    assert found.broken
    assert found.low > 0.9


def test_knowing_nothing_is_chance_however_it_is_said() -> None:
    for scores in (
        np.zeros((200, 20)),
        np.tile(np.arange(20.0), (200, 1)),  # always the same person
        np.random.default_rng(1).normal(size=(200, 20)),
    ):
        found = odds("nothing", scores, PEOPLE, methods=1)
        assert not found.broken
        assert found.low <= 0.05 <= found.high
        assert found.auc_low <= 0.5 <= found.auc_high


def test_a_little_knowledge_is_noticed() -> None:
    scores = np.random.default_rng(1).normal(size=(200, 20))
    scores[np.arange(200), PEOPLE] += 0.8
    assert odds("a little", scores, PEOPLE, methods=3).broken


@pytest.mark.slow
def test_the_attackers_tell_clear_and_weakly_covered_people_apart(results: dict[str, Any]) -> None:
    for row in results["rows"]:
        if row["group"] in ("control", "weak"):
            assert row["attacks"]["retrained"]["broken"], row["name"]


@pytest.mark.slow
def test_the_defaults_stand(results: dict[str, Any]) -> None:
    names = [row["name"] for row in results["rows"] if row["group"] == "default"]
    assert names == ["blur (default)", "mosaic (default)", "solid (default)"]
    for row in results["rows"]:
        if row["group"] == "default":
            assert not any(best["broken"] for best in row["attacks"].values()), row["name"]


def test_two_people_are_alike_under_the_default_and_differ_under_cells() -> None:
    """Two strangers in the same place: whatever differs in the output came through the cover."""
    people = portraits(quick=True)
    boxes, _ = faces(people, None)
    one, other = (moving(people[index], boxes[index])[:3] for index in (0, 8))
    other = [
        type(shot)(hidden.canvas, shot.empty, shot.box, shot.person, shot.window)
        for shot, hidden in zip(one, other, strict=True)
    ]
    for covering in coverings(quick=True):
        same = all(
            np.array_equal(*pair)
            for pair in zip(
                covering.covered(one, 5, hidden_only=True), covering.covered(other, 5, hidden_only=True), strict=True
            )
        )
        assert same == (covering.group == "default"), covering.name


def test_a_take_is_cut_out_where_the_face_is() -> None:
    people = portraits(quick=True)
    boxes, _ = faces(people, None)
    shot = takes(people[0], boxes[0])[0]
    x1, y1, x2, y2 = shot.box
    marked = shot.empty.copy()
    marked[...] = 0
    marked[
        round((y1 + y2) / 2) - 3 : round((y1 + y2) / 2) + 3, round((x1 + x2) / 2) - 3 : round((x1 + x2) / 2) + 3
    ] = 255
    rows, columns = np.nonzero(shot.cut(marked) > 128)
    assert abs(rows.mean() - 47.5) < 4
    assert abs(columns.mean() - 47.5) < 4
