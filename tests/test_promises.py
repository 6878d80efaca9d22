"""Promises that the operating system witnesses: no connection, no file but the output, no way round covering."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "samples" / "lobby.mp4"


def traced(expression: str, out: Path, log: Path) -> str:
    """The system calls of the main job, as strace saw them."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    command = ["strace", "-f", "-qq", "-e", f"trace={expression}", "-o", str(log)]
    command += [sys.executable, "-m", "redact", "file", str(SAMPLE), "-o", str(out), "--duration", "1"]
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    env.pop("CI", None)  # some libraries report usage everywhere but there
    run = subprocess.run(command, capture_output=True, text=True, env=env, timeout=200)
    assert run.returncode == 0, run.stderr
    return log.read_text()


def test_nothing_leaves_the_machine(tmp_path):
    calls = traced("network", tmp_path / "out.mp4", tmp_path / "log")
    connects = [line for line in calls.splitlines() if "connect(" in line or "sendto(" in line]
    outside = [line for line in connects if not re.search(r'127\.0\.0\.1|"::1"|AF_UNIX', line)]
    assert outside == []


def test_no_file_but_the_output_is_written(tmp_path):
    (tmp_path / "out").mkdir()
    calls = traced(
        "openat,open,creat,rename,renameat,renameat2,mkdir,mkdirat", tmp_path / "out/o.mp4", tmp_path / "log"
    )
    opened = re.findall(r'open(?:at)?\((?:AT_FDCWD, )?"([^"]+)", ([A-Z_|0-9]+)', calls)
    written = {path for path, flags in opened if "O_WRONLY" in flags or "O_RDWR" in flags or "O_CREAT" in flags}
    devices = {path for path in written if path.startswith(("/dev/", "/proc/"))}
    assert written - devices == {str(tmp_path / "out/o.mp4.part")}
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["o.mp4"]
    made = [line for line in calls.splitlines() if "mkdir" in line and "= 0" in line]
    assert made == []


def test_only_cover_makes_a_redacted_frame():
    makers = [
        str(path.relative_to(ROOT / "redact"))
        for path in (ROOT / "redact").rglob("*.py")
        if re.search(r"\bRedactedFrame\(", path.read_text(encoding="utf-8").replace("class RedactedFrame", ""))
    ]
    assert makers == [os.path.join("cover", "__init__.py")]


def test_a_sink_takes_nothing_else(tmp_path):
    import redact
    from tests.clips import make_clip

    clip = make_clip(tmp_path / "clip.mkv", 3)
    with (
        redact.open_source(clip) as source,
        redact.open_sink(tmp_path / "out.mkv", source.info, redact.Encoding()) as sink,
    ):
        for frame in source:
            with pytest.raises(TypeError, match="RedactedFrame"):
                sink.write(frame)
    assert not (tmp_path / "out.mkv").exists()
