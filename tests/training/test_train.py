"""Runs that learn, stop and go on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from training.data import load
from training.network import Detector
from training.train import Average, Recipe, Run, freeze

RECIPE = Recipe(steps=12, batch=4, side=128, rate=2e-3, warmup=2, seed=4)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)  # sums in another order would differ in the last bit


def started(folder: Path, out: Path, recipe: Recipe = RECIPE) -> Run:
    run = Run(out, recipe)
    run.prepare(load(folder), None, 0)
    return run


def test_ten_steps_lower_the_loss(folder: Path, tmp_path: Path) -> None:
    run = started(folder, tmp_path / "run")
    batch = next(run.batches)
    values = [sum(run.advance(run.network, batch)) for _ in range(11)]
    assert values[-1] < values[0]


def test_an_interrupted_run_ends_where_the_other_did(folder: Path, tmp_path: Path) -> None:
    whole = started(folder, tmp_path / "whole")
    whole.run([], look=10**6)
    broken = started(folder, tmp_path / "broken")
    broken.run([], look=10**6, until=5)
    again = started(folder, tmp_path / "broken")
    assert again.step == 5
    again.run([], look=10**6)
    assert again.step == whole.step == RECIPE.steps
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[name]), name
    for name, value in whole.average.state.items():
        assert torch.equal(value, again.average.state[name]), name


def test_batches_depend_on_seed_and_number_only(folder: Path, tmp_path: Path) -> None:
    first = started(folder, tmp_path / "a")
    second = started(folder, tmp_path / "b")
    next(first.batches)
    next(second.batches)
    assert torch.equal(next(first.batches).image, next(second.batches).image)


def test_a_look_writes_curves(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra redact[training]")
    run = started(folder, tmp_path / "run", Recipe(steps=2, batch=2, side=128, warmup=1))
    run.run(load(folder), every=1)
    assert (tmp_path / "run" / "curves.png").stat().st_size > 1000


def test_frozen_parts_stay(folder: Path, tmp_path: Path) -> None:
    recipe = Recipe(steps=2, batch=2, side=128, warmup=1, frozen="stem,stages")
    run = started(folder, tmp_path / "run", recipe)
    before = {k: v.clone() for k, v in run.network.state_dict().items()}
    run.run([], look=10**6)
    after = run.network.state_dict()
    same = {k for k in before if torch.equal(before[k], after[k])}
    assert {k for k in before if k.startswith(("stem", "stages"))} <= same
    assert any(k.startswith("heads") and k not in same for k in before)


def test_the_rate_rises_then_falls() -> None:
    rates = [RECIPE.rate_at(s) for s in range(RECIPE.steps + 1)]
    assert rates[0] < rates[1] == RECIPE.rate
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert rates[-1] == pytest.approx(RECIPE.rate * RECIPE.final)


def test_the_average_forgets_its_beginning() -> None:
    network = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        network.weight.fill_(0.0)
    average = Average(network, 0.9)
    with torch.no_grad():
        network.weight.fill_(1.0)
    for step in range(100):
        average.update(network, step)
    assert float(average.state["weight"]) == pytest.approx(1, abs=1e-3)


def test_freezing_nothing_freezes_nothing() -> None:
    from training.network import PLANS

    network = Detector(PLANS["guard-s"]).train()
    freeze(network, ())
    assert all(p.requires_grad for p in network.parameters())
    assert all(m.training for m in network.modules())


def test_some_batches_are_wide_and_few(folder: Path, tmp_path: Path) -> None:
    run = started(folder, tmp_path / "run", Recipe(steps=4, batch=4, side=128, wide=2, warmup=1))
    assert [tuple(b.image.shape[:2]) for b in run.batches] == [(4, 128), (4, 128), (1, 256), (4, 128)]


def test_a_smaller_plan_comes_out_of_a_larger_run(folder: Path, tmp_path: Path) -> None:
    from training.export import from_checkpoint

    run = started(folder, tmp_path / "run", Recipe(plan="guard-m", steps=1, batch=2, side=128))
    run.run([], look=10**6)
    small, large = from_checkpoint(run.checkpoint, "guard-s"), from_checkpoint(run.checkpoint)
    image = torch.randint(0, 255, (1, 128, 128, 3), dtype=torch.uint8)
    assert [v.stride for v in small(image)] == [8, 16, 32, 64]
    assert [v.stride for v in large(image)] == [4, 8, 16, 32, 64]
    assert torch.equal(small(image)[0].values, large(image)[1].values)
