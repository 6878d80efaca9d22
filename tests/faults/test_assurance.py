"""docs/assurance.md says what there is: its tests, its commands, its list of breaks, and what no other test shows."""

from __future__ import annotations

import importlib.util
import re
import tokenize
from pathlib import Path

import numpy as np
import pytest

import redact
from redact.detect import catalog
from tests.clips import Scripted, make_clip
from tests.faults.mutations import MUTATIONS, ROOT, Refused, patched

PAGE = (ROOT / "docs" / "assurance.md").read_text(encoding="utf-8")


def test_every_test_that_is_named_exists():
    named = set(re.findall(r"(tests/[\w/]+\.py)::(\w+)", PAGE))
    assert len(named) > 60
    missing = [
        f"{path}::{name}"
        for path, name in sorted(named)
        if not (ROOT / path).is_file() or f"def {name}(" not in (ROOT / path).read_text(encoding="utf-8")
    ]
    assert missing == []


def test_every_file_that_is_named_exists():
    for name in re.findall(r"`((?:tests|docs|benchmarks)/[\w/.]+?)`", PAGE):
        assert (ROOT / name).exists(), name


def test_every_command_can_be_run():
    commands = re.findall(r"^    (?:[A-Z_]+=\S+ )*python -m (\S+)([^#\n]*)", PAGE, re.MULTILINE)
    assert len(commands) > 10
    for module, rest in commands:
        assert importlib.util.find_spec(module) is not None, module
        paths = [word for word in rest.split() if word.startswith("tests")]
        assert all((ROOT / path).exists() for path in paths), rest


def test_every_promise_has_its_heading():
    for words in (
        "fails closed",
        "Nothing raw is stored",
        "Nothing leaves",
        "never identifies",
        "untouched",
        "written",
    ):
        assert re.search(rf"^### \d\. .*{words}", PAGE, re.MULTILINE), words


def test_every_break_fits_the_code_and_is_in_the_list():
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) > 40
    for mutation in MUTATIONS:
        text = (ROOT / mutation.file).read_text(encoding="utf-8")
        compile(patched(text, mutation.old, mutation.new), mutation.file, "exec")
        assert f"| {mutation.name} | `{mutation.file}` | `tests/" in PAGE, (
            "run python -m tests.faults.mutations --write"
        )


def test_a_break_that_does_not_fit_is_refused():
    with pytest.raises(Refused, match="found 0 times"):
        patched("a = 1\n", "a = 2", "a = 3")
    with pytest.raises(Refused, match="found 2 times"):
        patched("a = 1\na = 1\n", "a = 1", "a = 3")
    assert patched("if x:\n    a = f(  # why\n        1,\n    )\n", "a = f(1,)", "a = 3") == "if x:\n    a = 3\n"


def test_the_shipped_weights_say_where_and_never_who():
    import onnxruntime

    for name, record in catalog.catalog().items():
        if record.shipped:
            session = onnxruntime.InferenceSession(catalog.read(name), providers=["CPUExecutionProvider"])
            picture = np.zeros((1, 64, 64, 3), np.uint8)
            answer = session.run(None, {session.get_inputs()[0].name: picture})
            shapes = {output.name: array.shape for output, array in zip(session.get_outputs(), answer, strict=True)}
            # an embedding would be one more output, or more numbers for a box than x1 y1 x2 y2
            assert set(shapes) == {"scores", "boxes"}, name
            assert shapes["boxes"] == (*shapes["scores"], 4)
            assert shapes["scores"][-1] == len(record.kinds)


def test_track_numbers_mean_nothing_outside_a_recording(tmp_path):
    clip = make_clip(tmp_path / "clip.mkv", 5, size=(64, 48))
    detector = Scripted(lambda _: [(0.1, 0.1, 0.3, 0.5), (0.6, 0.1, 0.9, 0.5)])
    for name in ("a.mkv", "b.mkv"):
        result = redact.redact_file(clip, tmp_path / name, detector=detector, encoding=redact.Encoding(codec="ffv1"))
        assert [track.number for track in result.tracks] == [1, 2]


def test_nothing_in_the_package_knows_the_attacker():
    words = re.compile(r"facenet|arcface|embedding|recogni[sz]er|attack", re.IGNORECASE)
    for path in Path(redact.__path__[0]).rglob("*.py"):
        with tokenize.open(path) as file:
            names = {token.string for token in tokenize.generate_tokens(file.readline) if token.type == tokenize.NAME}
        assert [name for name in names if words.search(name)] == [], path
