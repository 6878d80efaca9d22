"""The report: what it says is so, its schema holds, and it holds nothing that it should not."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import jsonschema
import pytest

import redact
from redact.policy import digest, plain
from redact.report import document
from tests.clips import Scripted, make_clip
from tests.test_cli import failed_cleanly
from tests.test_cli import redact as command

ROOT = Path(__file__).parents[1]
SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text())
MISSED = {*range(1, 6), *range(20, 31)}
FACE = (0.4, 0.4, 0.6, 0.7)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mkv", 60)


def test_it_says_what_was_done(clip, tmp_path):
    detector = Scripted(lambda index: [] if index in MISSED | {0} else [FACE])
    result = redact.redact_file(clip, tmp_path / "out.mkv", policy=redact.Policy(every=1), detector=detector)
    run = result.to_json()
    jsonschema.validate(document([run], []), SCHEMA)
    assert run["input"]["sha256"] == hashlib.sha256(clip.read_bytes()).hexdigest()
    assert run["output"]["sha256"] == hashlib.sha256((tmp_path / "out.mkv").read_bytes()).hexdigest()
    assert run["policy_sha256"] == digest(plain(redact.Policy(every=1)))
    assert run["frames"] == 60
    assert run["regions"] == {"seen": 43, "filled": 11, "reached": 6, "held": 0}
    (track,) = run["tracks"]
    assert track["frames"] == run["regions"]
    assert (track["first"], track["last"]) == (0.24, 2.36)
    assert run["look_at"] == [{"time": 0.24, "track": 1, "kind": "face", "score": 0.9}]
    assert run["detector"] == {"name": "scripted", "models": [{"name": "scripted", "sha256": None}]}
    assert str(tmp_path) not in json.dumps(run)  # names of files, never of folders


def test_another_policy_has_another_digest():
    policies = [redact.Policy(), redact.Policy(grow=1.5), redact.Policy(always=(((0, 0), (1, 0), (1, 1)),))]
    assert len({digest(plain(policy)) for policy in policies}) == 3
    assert plain(redact.Policy(detector="/home/anna/models/mine.onnx+seed"))["detector"] == "mine.onnx+seed"


def test_what_is_gone_and_what_is_weak_is_there_but_no_value(tmp_path):
    run = command(
        "file", ROOT / "samples" / "streams.mkv", "-o", tmp_path / "out.mkv", "--report", tmp_path / "r.json",
        "--grow", "1.0", "--allow-weak", "--duration", "1",
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    text = (tmp_path / "r.json").read_text()
    report = json.loads(text)
    jsonschema.validate(report, SCHEMA)
    (only,) = report["runs"]
    assert {item["kind"] for item in only["dropped"]} >= {"audio", "subtitle", "attachment", "chapters", "metadata"}
    assert any("weak" in warning for warning in only["warnings"])
    assert len(only["detector"]["models"][0]["sha256"]) == 64
    for value in ("Hopper", "Collins", "+38.", "+40."):  # of the sample's title, subtitles and place
        assert value not in text


def test_json_on_stdout_is_all_there_is_on_stdout(clip, tmp_path):
    run = command("file", clip, "-o", tmp_path / "out.mkv", "--json", "--codec", "ffv1")
    assert run.returncode == 0, run.stderr
    jsonschema.validate(json.loads(run.stdout), SCHEMA)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mkv"]


def test_a_failure_is_in_the_report_too(clip, tmp_path):
    (tmp_path / "bad.mp4").write_bytes(b"nothing of use")
    run = command("file", clip, tmp_path / "bad.mp4", "-o", tmp_path / "out", "--report", tmp_path / "r.json")
    assert run.returncode == 1
    report = json.loads((tmp_path / "r.json").read_text())
    jsonschema.validate(report, SCHEMA)
    assert [item["input"] for item in report["failures"]] == ["bad.mp4"]
    assert [item["output"]["name"] for item in report["runs"]] == ["clip.mkv"]


def test_a_report_never_replaces_a_file(clip, tmp_path):
    (tmp_path / "r.json").write_text("precious")
    failed_cleanly(command("file", clip, "-o", tmp_path / "out.mkv", "--report", tmp_path / "r.json"), 1)
    failed_cleanly(command("file", clip, "-o", tmp_path / "out.mkv", "--report", clip, "-y"), 1)
    assert (tmp_path / "r.json").read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


def test_pictures_have_one_too(tmp_path):
    from PIL import Image

    Image.new("RGB", (64, 48)).save(tmp_path / "a.png", dpi=(72, 72))
    result = redact.redact_file(tmp_path / "a.png", tmp_path / "b.png", detector=Scripted(lambda _: [FACE]))
    jsonschema.validate(document([result.to_json()], []), SCHEMA)


def test_the_two_steps_by_command(clip, tmp_path):
    run = command("detect", clip, "-o", tmp_path / "r.json", "--export", "csv", "--json")
    assert run.returncode == 0, run.stderr
    jsonschema.validate(json.loads(run.stdout), SCHEMA)
    run = command("render", clip, tmp_path / "r.json", "-o", tmp_path / "out.mkv", "--report", tmp_path / "t.json")
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(f"{tmp_path / 'out.mkv'}: 60 frames (2.4 s)")
    jsonschema.validate(json.loads((tmp_path / "t.json").read_text()), SCHEMA)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mkv", "r.csv", "r.json", "t.json"]
    failed_cleanly(command("render", ROOT / "samples" / "vfr.mkv", tmp_path / "r.json", "-o", tmp_path / "x.mkv"), 1)
    failed_cleanly(command("detect", clip, "-o", tmp_path / "y.json", "--style", "solid"), 2)
    failed_cleanly(command("render", clip, tmp_path / "r.json", "-o", tmp_path / "x.mkv", "--hold", "3"), 2)
    failed_cleanly(command("render", clip, tmp_path / "nowhere.json", "-o", tmp_path / "x.mkv"), 1)


def test_a_dry_run_writes_no_report(clip, tmp_path):
    run = command("file", "-n", clip, "-o", tmp_path / "out.mkv", "--report", tmp_path / "r.json", "--json")
    assert run.returncode == 0, run.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_recording_that_says_it_is_longer_than_it_is():
    from types import SimpleNamespace

    from redact.report import warnings_of

    damage = SimpleNamespace(lost_packets=0, damaged_frames=0, repaired_times=0)
    source = SimpleNamespace(truncated=False, damage=damage, info=SimpleNamespace(duration=10.0))
    assert any("4.0 s of video could be read" in text for text in warnings_of(source, redact.Policy(), 4.0))
    assert list(warnings_of(source, redact.Policy(), 9.5)) == []
