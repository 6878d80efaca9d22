"""The policy file: it says what the command line says, loses against it, and is refused with its line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from redact.custody import Reason
from redact.errors import ConfigError
from redact.policy import Encoding, Policy, settings
from redact.policy_file import read_policy_file
from tests.clips import make_clip
from tests.test_cli import failed_cleanly
from tests.test_cli import redact as command

WHOLE = """\
find: [face, person]
detector: guard-s
threshold: 0.3
min_face: 20
every: auto
lookahead: 400ms
hold: 1.5
style: solid
color: '#202020'
grow: 2
always: [[[0.5, 0], [1, 0], [1, 0.5]], [0, 0, 1, 0, 1, 1], '0,0,0.5,0,0.5,0.5']
crf: 20
audio: keep
record:
  operator: M. Okafor
  reference: 2026-0113
  reasons:
    face: {code: 6, statute: "5 U.S.C. 552(b)(6)"}
    dropped: {code: VOX}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "p.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_it_says_what_the_library_says(tmp_path):
    file = read_policy_file(written(tmp_path, WHOLE))
    policy = Policy(**file.policy)
    assert (policy.find, policy.lookahead, policy.hold, policy.grow) == (("face", "person"), 0.4, 1.5, 2.0)
    assert (policy.every, policy.threshold, policy.color) == (None, 0.3, "#202020")
    assert policy.always[1] == ((0, 0), (1, 0), (1, 1))
    assert Encoding(**file.encoding) == Encoding(crf=20, audio="keep")
    assert (file.custody.operator, file.custody.reference) == ("M. Okafor", "2026-0113")
    assert file.custody.reason("face") == Reason("6", "5 U.S.C. 552(b)(6)")
    assert file.custody.reason("plate") == Reason()


def test_every_setting_can_stand_in_a_file_as_json_shows_it(tmp_path):
    from redact.policy import plain

    said = plain(Policy()) | plain(Encoding())
    file = read_policy_file(written(tmp_path, "\n".join(f"{name}: {json.dumps(said[name])}" for name in said)))
    assert Policy(**file.policy) == replace(Policy(), grow=Policy().reach)
    assert Encoding(**file.encoding) == Encoding()
    assert set(said) == {*settings(Policy), *settings(Encoding)}


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "record:\n"])
def test_an_empty_one_says_nothing(tmp_path, text):
    file = read_policy_file(written(tmp_path, text))
    assert (file.policy, file.encoding, file.custody.operator) == ({}, {}, "")


WRONG = [
    ("find: [face]\ncels: 4", 2, "cels", "cells"),
    ("find: [face]\nmin-face: 4", 2, "min-face", "min_face"),
    ("find: [dog]", 1, "dog", "face"),
    ("find: 3", 1, "not a list", "[a, b]"),
    ("find: [[face]]", 1, "find", "face"),
    ("cells: 900", 1, "out of range", "from"),
    ("grow: .nan", 1, "grow", "1.3"),
    ("grow: '1.3'", 1, "grow", "1.3"),
    ("min_face: 12.5", 1, "whole number", "16"),
    ("min_face: true", 1, "whole number", "16"),
    ("allow_weak: 1", 1, "true or false", "true"),
    ("color: #202020", 1, "nothing", "quotes"),
    ("color: red", 1, "#RRGGBB", "--color"),
    ("style: [solid]", 1, "style", "one of blur"),
    ("lookahead: soon", 1, "lookahead", "400ms"),
    ("lookahead: 99s", 1, "out of range", "10"),
    ("every: often", 1, "auto", "every"),
    ("always: 3", 1, "polygons", "[a, b]"),
    ("always: [[0, 0, 1]]", 1, "x without a y", "X,Y"),
    ("always: [[0, 0, 1, 0, 2, 2]]", 1, "leaves the picture", "0..1"),
    ("always: [[0, 0, 1, 0, .inf, 2]]", 1, "polygon", "0..1"),
    ("always: [[[0, 0], [1, 0], [1, x]]]", 1, "polygon", "0..1"),
    ("\n\nrecord: {operater: Jo}", 3, "operater", "operator"),
    ("record: Jo", 1, "record", "example"),
    ("record:\n  reasons:\n    faces: {code: 6}", 3, "faces", "face"),
    ("record:\n  reasons:\n    face: 6", 3, "face", "example"),
    ("record:\n  reasons:\n    face: {cod: 6}", 3, "cod", "code"),
    ("record:\n  operator: [a]", 2, "operator", "quotes"),
    (f"record:\n  operator: {'x' * 600}", 2, "500", "quotes"),
    ('record:\n  operator: "a\\nb"', 2, "several lines", "one line"),
    ("find: [face]\nstyle: solid\nfind: [person]", 3, "twice", "one"),
    ("a: &a [x]\nb: [*a, *a]", 1, "anchors", "out"),
    ("find: !!python/object/apply:os.system [ls]", 1, "tag", "leave"),
    ("find: [face", 1, "", "quotes"),
    ("\tfind: [face]", 1, "", "tabs"),
    ("- face", 0, "mapping", "KEY"),
    ("face", 0, "mapping", "KEY"),
    ("find: [face]\n---\nfind: [person]", 2, "second document", "---"),
    ("a: " + "[" * 5000, 1, "levels", "bracket"),
    ("1: 2", 1, "1", "one of"),
]


@pytest.mark.parametrize(("text", "line", "said", "hint"), WRONG, ids=[text[:24] for text, *_ in WRONG])
def test_what_is_wrong_is_said_with_its_line(tmp_path, text, line, said, hint):
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as raised:
        read_policy_file(path)
    message = str(raised.value)
    assert message.startswith(f"{path}:{line}: " if line else f"{path}: "), message
    assert said in message
    assert hint in raised.value.hint
    assert "\n" not in message + raised.value.hint
    assert len(message) < 300 + len(str(path))


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{after}: &{after} [{','.join([f'*{before}'] * 9)}]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "content",
    [
        BOMB.encode(),
        b"\x00\xff\xfe binary \x80" * 50,
        b"find: [face]\n" * 100_000,
        b"x" * 3_000_000,
        b"a: \x07",
    ],
    ids=["aliases", "binary", "long", "huge", "control"],
)
def test_what_is_no_policy_at_all(tmp_path, content):
    path = tmp_path / "p.yml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        read_policy_file(path)
    assert raised.value.hint
    assert "\n" not in str(raised.value)


def test_it_loses_against_the_command_line_and_tells_the_report(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", 5, codec="libx264")
    path = written(tmp_path, "find: [face]\nstyle: solid\ngrow: 2.5\nhold: 3s\ncrf: 30\nrecord: {operator: Jo}\n")
    run = command("file", clip, "-o", tmp_path / "o.mp4", "--policy", path, "--grow", "3", "--json")
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    policy = report["runs"][0]["policy"]
    assert (policy["find"], policy["style"], policy["grow"], policy["hold"]) == (["face"], "solid", 3.0, 3.0)
    assert report["runs"][0]["encoding"]["crf"] == 30
    assert report["record"]["operator"] == "Jo"
    run = command("detect", clip, "-o", tmp_path / "g.json", "--policy", path, "--json")
    assert run.returncode == 0, run.stderr  # takes what concerns it
    assert json.loads(run.stdout)["runs"][0]["policy"]["hold"] == 3.0
    run = command("render", clip, tmp_path / "g.json", "-o", tmp_path / "p.mp4", "--policy", path, "--json")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["runs"][0]["policy"]["style"] == "solid"


def test_a_default_that_is_said_wins_too(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", 5, codec="libx264")
    path = written(tmp_path, "style: solid\n")
    run = command("file", clip, "-o", tmp_path / "o.mp4", "--policy", path, "--style", "blur", "--json")
    assert json.loads(run.stdout)["runs"][0]["policy"]["style"] == "blur"


def test_too_weak_stays_too_weak(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", 5, codec="libx264")
    path = written(tmp_path, "grow: 0.9\n")
    failed_cleanly(command("file", clip, "-o", tmp_path / "o.mp4", "--policy", path), 2)
    assert command("file", clip, "-o", tmp_path / "o.mp4", "--policy", path, "--allow-weak").returncode == 0
    failed_cleanly(command("file", clip, "-o", tmp_path / "o.mp4", "--policy", tmp_path / "no.yml"), 2)
