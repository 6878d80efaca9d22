"""One definition of every setting, and settings that cannot be are refused with a way out."""

import inspect
from dataclasses import replace

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from redact.cli.options import with_settings
from redact.errors import ConfigError
from redact.policy import SAFE_CELLS, Encoding, Policy, parse_polygon, plain, settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"find": ("dog",)},
        {"find": ()},
        {"style": "smudge"},
        {"threshold": 0.0},
        {"min_face": 1},
        {"every": 0},
        {"lookahead": -1.0},
        {"hold": 1e9},
        {"color": "red"},
        {"shape": "star"},
        {"device": "toaster"},
        {"always": (((0.0, 0.0), (1.0, 1.0)),)},
        {"never": (((0.0, 0.0), (1.0, 1.0), (2.0, 0.0)),)},
        {"cells": SAFE_CELLS + 1},
        {"grow": 1.0},
        {"find": ("face",), "grow": 1.5},
        {"grow": float("nan")},
    ],
)
def test_what_cannot_be_is_refused_with_a_hint(wrong):
    with pytest.raises(ConfigError) as caught:
        Policy(**wrong)
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_weak_settings_are_named_and_need_consent():
    weak = Policy(cells=20, grow=1.0, allow_weak=True)
    assert len(weak.weaknesses()) == 2
    assert Policy().weaknesses() == ()
    assert Policy(cells=20, style="solid").weaknesses() == ()
    assert Policy(cells=1, allow_weak=True).weaknesses()  # one average is too much: benchmarks/attack


def test_every_setting_has_help_and_a_default_in_range():
    for bundle in (Policy, Encoding):
        for name, (setting, default) in settings(bundle).items():
            assert setting.help.endswith("."), name
            assert bundle(**{name: default})


def test_the_command_line_has_one_option_for_every_setting():
    def command(*, policy: Policy, encoding: Encoding) -> Policy:
        return policy

    wrapped = with_settings()(command)
    options = set(inspect.signature(wrapped).parameters) - {"context", "policy_file"}
    assert options == {*settings(Policy), *settings(Encoding)}
    app = typer.Typer()
    app.command()(wrapped)
    assert app([], standalone_mode=False) == Policy()


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=9))
def test_polygons_read_back(corners):
    assert parse_polygon(",".join(f"{x!r},{y!r}" for x, y in corners)) == tuple(corners)


@pytest.mark.parametrize("text", ["", "1", "0,0,1,1", "0,0,1,0,1", "a,b,c,d,e,f", "0,0,1,0,1,7", "nan,0,1,0,1,1"])
def test_broken_polygons_are_refused(text):
    with pytest.raises(ConfigError):
        parse_polygon(text)


def test_faces_alone_are_covered_as_far_as_the_attack_suite_says():
    assert (Policy().reach, Policy(find=("face",)).reach, Policy(find=("person",)).reach) == (1.3, 1.6, 1.3)
    assert Policy(find=("face",)).grow_of("face") == 1.6
    assert replace(Policy(), find=("face",)).reach == 1.6
    assert plain(Policy(find=("face",)))["grow"] == 1.6
