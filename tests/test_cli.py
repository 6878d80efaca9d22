"""The command line as a user meets it: exit status, one error line, one hint line, nothing left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from redact.cli.times import seconds, span
from redact.errors import ConfigError
from tests.clips import decode, make_clip

SAMPLES = Path(__file__).parents[1] / "samples"


def redact(*args: object, cwd: Path | None = None, **kwargs) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "redact", *map(str, args)]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=env, timeout=120, **kwargs)


def failed_cleanly(run: subprocess.CompletedProcess[str], status: int) -> None:
    assert run.returncode == status, run.stderr
    assert [line.split(":")[0] for line in run.stderr.splitlines()] == ["error", "hint"], run.stderr
    assert run.stdout == ""


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", 25, codec="libx264")


def test_the_main_job(tmp_path):
    run = redact("file", SAMPLES / "lobby.mp4", "-o", tmp_path / "lobby.redacted.mp4", "--duration", "2")
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    assert len(run.stdout.splitlines()) == 1
    assert "50 frames (2.0 s)" in run.stdout
    assert "sound dropped" in run.stdout
    assert len(decode(tmp_path / "lobby.redacted.mp4")) == 50
    assert [path.name for path in tmp_path.iterdir()] == ["lobby.redacted.mp4"]


def test_what_was_dropped_is_listed_on_request(tmp_path):
    run = redact("file", SAMPLES / "streams.mkv", "-o", tmp_path / "out.mkv", "-v")
    assert run.returncode == 0, run.stderr
    for kind in ("audio", "subtitle", "attachment", "chapters", "metadata"):
        assert f"dropped: {kind}" in run.stdout


def test_an_existing_output_is_left_alone_without_y(clip, tmp_path):
    out = tmp_path / "out.mp4"
    out.write_text("precious")
    failed_cleanly(redact("file", clip, "-o", out), 1)
    assert out.read_text() == "precious"
    assert redact("file", clip, "-o", out, "-y").returncode == 0
    assert len(decode(out)) == 25


def test_one_bad_input_does_not_stop_the_others(clip, tmp_path):
    (tmp_path / "in").mkdir()
    shutil.copy(clip, tmp_path / "in/good.mp4")
    (tmp_path / "in/bad.mp4").write_bytes(b"nothing of use")
    run = redact("file", tmp_path / "in", "-o", tmp_path / "out")
    assert run.returncode == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.mp4"]
    assert run.stderr.count("error:") == 1


@pytest.mark.parametrize(
    "args",
    [
        ("file",),
        ("file", "x.mp4", "--nonsense"),
        ("file", "x.mp4", "--style", "smudge"),
        ("file", "x.mp4", "--find", "dog"),
        ("file", "x.mp4", "--cells", "40"),
        ("file", "x.mp4", "--every", "often"),
        ("file", "x.mp4", "--start", "soon"),
        ("file", "x.mp4", "--end", "1", "--duration", "1"),
        ("file", "x.mp4", "--start", "3", "--end", "2"),
        ("file", "x.mp4", "--always", "0,0,1"),
        ("file", "x.mp4", "--crf", "x"),
        ("dance",),
        ("models", "fetch", "nobody"),
    ],
)
def test_wrong_usage_is_exit_2(args, tmp_path):
    failed_cleanly(redact(*args, cwd=tmp_path), 2)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_detector_is_usage(clip, tmp_path):
    failed_cleanly(redact("file", clip, "-o", tmp_path / "out.mp4", "--detector", "nobody"), 2)


def test_quiet_says_nothing_and_json_progress_is_json(clip, tmp_path):
    run = redact("file", clip, "-o", tmp_path / "a.mp4", "-q")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    run = redact("file", clip, "-o", tmp_path / "b.mp4", "--progress", "json")
    lines = [json.loads(line) for line in run.stderr.splitlines()]
    assert lines
    assert set(lines[0]) == {"input", "frames", "total", "people"}


def test_a_dry_run_writes_nothing(clip, tmp_path):
    run = redact("file", "-n", clip, "-o", tmp_path / "out.mp4")
    assert run.returncode == 0
    assert "h264" in run.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_folder_keeps_its_names(clip, tmp_path):
    (tmp_path / "in/yard").mkdir(parents=True)
    shutil.copy(clip, tmp_path / "in/one.mp4")
    shutil.copy(clip, tmp_path / "in/yard/two.mp4")
    (tmp_path / "in/notes.txt").write_text("not a video")
    run = redact("file", tmp_path / "in", "-o", tmp_path / "out")
    assert run.returncode == 0, run.stderr
    out = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert out == ["one.mp4", os.path.join("yard", "two.mp4")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupting_leaves_nothing(tmp_path, number):
    clip = make_clip(tmp_path / "long.mkv", 600, codec="libx264", size=(320, 240))
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    run = subprocess.Popen(
        [sys.executable, "-m", "redact", "file", clip, "-o", tmp_path / "out.mkv"],
        stderr=subprocess.PIPE, text=True, env=env,
    )  # fmt: skip
    part = tmp_path / "out.mkv.part"
    deadline = time.monotonic() + 60
    while not part.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert part.exists()
    run.send_signal(number)
    _, stderr = run.communicate(timeout=30)
    assert run.returncode == 130
    assert stderr == "interrupted: nothing was left behind\n"
    assert [path.name for path in tmp_path.iterdir()] == ["long.mkv"]


def test_doctor_is_well_and_models_are_listed():
    run = redact("doctor")
    assert "self-test" in run.stdout
    assert "FAIL self-test" not in run.stdout
    run = redact("models", "list")
    assert run.returncode == 0
    assert "yunet_n" in run.stdout
    assert redact("models", "check").returncode == 0


@pytest.mark.parametrize(("text", "value"), [("1.5", 1.5), ("1:02", 62), ("00:01:02.5", 62.5), ("0", 0)])
def test_times(text, value):
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "x", "1:2:3:4", "-1", "nan", "inf"])
def test_wrong_times(text):
    with pytest.raises(ConfigError):
        seconds(text)


def test_spans():
    assert span("10", None, "5") == (10, 15)
    assert span(None, "5", None) == (None, 5)
    assert span(None, None, None) == (None, None)
