"""The examples run, cover, and stay short."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.clips import decode, times

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def run(name: str, *args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "examples" / name), *map(str, args)]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=200)


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """The astronaut walks across a room: 20 frames of 320x240."""
    import av
    from skimage.data import astronaut

    path = tmp_path_factory.mktemp("clip") / "walk.mp4"
    person = np.asarray(Image.fromarray(astronaut()).resize((200, 200)))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for index in range(20):
            room = np.full((240, 320, 3), 90, np.uint8)
            room[40:, 20 + 3 * index : 220 + 3 * index] = person
            container.mux(stream.encode(av.VideoFrame.from_ndarray(room, "rgb24")))
        container.mux(stream.encode(None))
    return path


def changed(before: Path, after: Path) -> list[float]:
    """For each frame, how much the middle of the face differs: the eyes are at about (86 + 3n, 75)."""
    pairs = zip(decode(before), decode(after), strict=True)
    faces = [(slice(65, 90), slice(95 + 3 * n, 115 + 3 * n)) for n in range(20)]
    return [
        float(np.abs(was[face].astype(int) - now[face]).mean()) for (was, now), face in zip(pairs, faces, strict=True)
    ]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_they_are_short(path):
    assert len(path.read_text().splitlines()) < 40


def test_there_are_three():
    assert [path.name for path in EXAMPLES] == ["filter.py", "watch.py", "webcam.py"]


def test_webcam(clip, tmp_path):
    done = run("webcam.py", clip, "--out", tmp_path / "out.mp4")
    assert done.returncode == 0, done.stderr
    assert min(changed(clip, tmp_path / "out.mp4")) > 5


def test_filter(clip, tmp_path):
    done = run("filter.py", clip, tmp_path / "out.mp4")
    assert done.returncode == 0, done.stderr
    assert min(changed(clip, tmp_path / "out.mp4")) > 5
    assert times(tmp_path / "out.mp4") == times(clip)


def test_watch(clip, tmp_path):
    for folder in ("in", "out"):
        (tmp_path / folder).mkdir()
    (tmp_path / "in" / "walk.mp4").write_bytes(clip.read_bytes())
    (tmp_path / "in" / "notes.mp4").write_text("no film")
    Image.new("RGB", (64, 48)).save(tmp_path / "in" / "still.png")
    done = run("watch.py", tmp_path / "in", tmp_path / "out", "--once")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["still.png", "walk.mp4"]
    assert min(changed(clip, tmp_path / "out" / "walk.mp4")) > 5
    assert "notes.mp4" in done.stderr
