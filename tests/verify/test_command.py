"""``redact verify`` and ``redact file --verify``, as a user has them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from unittest import mock

import jsonschema
import pytest
from PIL import Image

import redact
from redact.errors import DetectorError
from redact.verify import check
from tests import command as here
from tests.clips import Scripted, make_clip
from tests.test_cli import failed_cleanly
from tests.test_cli import redact as command

ROOT = Path(__file__).parents[2]
LOBBY = ROOT / "samples" / "lobby.mp4"
SCHEMA = json.loads((ROOT / "docs" / "verdict.schema.json").read_text())
NOBODY = Scripted(lambda _: [])


@pytest.fixture(scope="module")
def covered(tmp_path_factory) -> dict[str, Path]:
    """A second of the lobby, covered; the same with people left clear; and the regions."""
    folder = tmp_path_factory.mktemp("covered")
    named = {name: folder / f"{name}.mp4" for name in ("good", "bad")} | {"regions": folder / "r.json"}
    span = {"start": 6.0, "end": 6.6}
    redact.detect_file(LOBBY, named["regions"], **span)
    redact.render_file(LOBBY, named["regions"], named["good"])
    redact.redact_file(LOBBY, named["bad"], detector=NOBODY, **span)
    return named


def test_a_good_output_passes(covered):
    run = command("verify", covered["good"], "--against", LOBBY, "--regions", covered["regions"])
    assert (run.returncode, run.stderr) == (0, "")
    assert len(run.stdout.splitlines()) == 1
    assert "15 frames" in run.stdout


def test_what_is_found_is_told_shown_and_given_as_json(covered, tmp_path):
    sheet = tmp_path / "sheet.png"
    told = command("verify", covered["bad"], "--every", "5", "--sheet", sheet)
    assert told.returncode == 3
    assert "missed" in told.stdout
    assert sheet.exists()
    with Image.open(sheet) as image:
        assert image.format == "PNG"
        assert min(image.size) > 200
        assert max(high - low for low, high in image.convert("RGB").getextrema()) > 100
    said = command("verify", covered["bad"], "--every", "5", "--json")
    assert said.returncode == 3
    verdict = json.loads(said.stdout)
    jsonschema.validate(verdict, SCHEMA)
    assert {moment["reason"] for moment in verdict["moments"]} >= {"missed"}
    assert all(0 <= moment["box"][0] < moment["box"][2] <= 1280 for moment in verdict["moments"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sheet.png"]


def test_somebody_who_is_in_the_input_too_is_no_ghost(covered):
    """With the input at hand, shapes that covers make up are told from people, and people stay findings."""
    verdict = redact.verify_file(covered["bad"], against=LOBBY, start=6.0, end=6.6, every=5).verdict
    assert "missed" in {moment.reason for moment in verdict.alarms}


@pytest.mark.parametrize("told", ["regions", "input alone"])
def test_the_sample_of_the_readme_passes(tmp_path, told):
    """Ten seconds of people who come, go, cross and stand behind each other, and of covers that look like people."""
    regions, out = tmp_path / "r.json", tmp_path / "out.mp4"
    redact.detect_file(LOBBY, regions)
    redact.render_file(LOBBY, regions, out)
    verdict = redact.verify_file(out, against=LOBBY, regions=regions if told == "regions" else None, every=4).verdict
    assert not verdict.found, (verdict.faults, verdict.alarms)
    assert verdict.moments  # ghosts are listed, below


def test_quiet_says_only_what_is_found(covered):
    good = command("verify", covered["good"], "--every", "5", "-q")
    assert (good.returncode, good.stdout, good.stderr) == (0, "", "")
    bad = command("verify", covered["bad"], "--every", "5", "-q")
    assert bad.returncode == 3
    assert bad.stdout


def test_what_cannot_be_done_is_one_error_and_a_hint(covered, tmp_path):
    good, text = covered["good"], tmp_path / "text.mp4"
    text.write_text("no video")
    (tmp_path / "there.png").write_bytes(b"mine")
    failed_cleanly(command("verify", tmp_path / "no.mp4"), 1)
    failed_cleanly(command("verify", text), 1)
    failed_cleanly(command("verify", good, "--against", good), 2)
    failed_cleanly(command("verify", good, "--against", ROOT / "docs" / "before-after.png"), 2)
    failed_cleanly(command("verify", good, "--regions", text), 1)
    failed_cleanly(command("verify", good, "--with", "nothing-like-it"), 2)
    failed_cleanly(command("verify", good, "--sheet", tmp_path / "sheet.jpg"), 1)
    failed_cleanly(command("verify", good, "--sheet", tmp_path / "there.png"), 1)
    assert (tmp_path / "there.png").read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["text.mp4", "there.png"]


def test_an_output_takes_its_name_once_it_was_looked_at(tmp_path):
    out, report = tmp_path / "out.mp4", tmp_path / "r.json"
    run = command("file", LOBBY, "-o", out, "--start", "6", "--duration", "0.4", "--verify", "--report", report)
    assert (run.returncode, run.stderr) == (0, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mp4", "r.json"]
    verdict = json.loads(report.read_text())["runs"][0]["verification"]
    jsonschema.validate(verdict, SCHEMA)
    assert not any(moment["alarm"] for moment in verdict["moments"])
    assert (verdict["faults"], verdict["frames"]) == ([], 10)


def test_one_in_which_somebody_is_visible_stays_a_part(tmp_path, capfd):
    """The first detector sees nobody here; the second is a real one."""
    out, report = tmp_path / "out.mp4", tmp_path / "r.json"
    words = ["file", LOBBY, "-o", out, "--start", "6", "--duration", "0.4", "--verify", "--report", report]
    with mock.patch("redact.detect.load_detector", return_value=NOBODY):
        status = here.run(*words)
    said = capfd.readouterr().err
    assert status == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mp4.part", "r.json"]
    assert "error:" in said
    assert "hint: it stays" in said
    run = json.loads(report.read_text())["runs"][0]
    assert run["output"]["name"] == "out.mp4.part"
    assert run["verification"]["moments"]


def test_a_second_detector_that_hangs_is_an_error_and_no_output(tmp_path, monkeypatch):
    def hangs(_: int) -> list[tuple[float, ...]]:
        time.sleep(20)
        return []

    monkeypatch.setattr(check, "LOOK_TIMEOUT", 0.5)
    clip = make_clip(tmp_path / "clip.mp4", 5, codec="libx264")
    redact.redact_file(clip, tmp_path / "out.mp4", detector=NOBODY)
    began = time.monotonic()
    with pytest.raises(DetectorError, match="has not answered") as raised:
        redact.verify_file(tmp_path / "out.mp4", detector=Scripted(hangs))
    assert raised.value.hint
    stuck = check.Second(Scripted(hangs), "scripted")
    with mock.patch("redact.verify.check.second", return_value=stuck), pytest.raises(DetectorError):
        redact.redact_file(clip, tmp_path / "other.mp4", detector=NOBODY, verify=True)
    assert time.monotonic() - began < 15
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "out.mp4"]
