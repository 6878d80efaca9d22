"""Every benchmark runs on the samples alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ON_CAMERAS = ["live", "outages", "soak"]
NAMES = ["hot_loop", "transcode", "scenes", "cadence", "margins", "thresholds", "codecs", "protection", "attack"]
NAMES += ON_CAMERAS


def run(*arguments: str) -> str:
    environment = {**os.environ, "REDACT_FOOTAGE": "/nowhere", "REDACT_MODELS": "/nowhere"}
    command = [sys.executable, "-m", "benchmarks", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_names_are_listed() -> None:
    assert [line.split()[0] for line in run().splitlines()] == NAMES


def test_page_has_a_place_for_every_table() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    for name in NAMES:
        assert f"<!-- {name} -->" in page
        assert f"<!-- /{name} -->" in page


def test_full_run_without_footage_is_refused() -> None:
    environment = {**os.environ, "REDACT_FOOTAGE": "/nowhere"}
    command = [sys.executable, "-m", "benchmarks", "scenes"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "--quick" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_quick_run_prints_a_table(name: str, request: pytest.FixtureRequest) -> None:
    if name in ON_CAMERAS:
        request.getfixturevalue("gstreamer")
    kept = ROOT / "benchmarks" / "results" / f"{name}.json"
    before = kept.read_bytes() if kept.exists() else None
    said = run(name, "--quick")
    assert f"## {name}\n" in said
    assert said.count("|---") >= 1
    assert (kept.read_bytes() if kept.exists() else None) == before
