"""The committed clips are what samples/README.md says, and can be drawn again."""

from __future__ import annotations

import itertools
import subprocess
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import pytest

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"
LARGEST_TOGETHER = 3_000_000  # bytes


@dataclass(frozen=True)
class Expected:
    codec: str
    size: tuple[int, int]
    frames: int
    seconds: float
    pixel_format: str = "yuv420p"
    rotation: int = 0
    others: tuple[str, ...] = ()


CLIPS = {
    "lobby.mp4": Expected("h264", (1280, 720), 250, 10.0, others=("audio",)),
    "rotated.mp4": Expected("h264", (640, 360), 50, 2.0, rotation=-90, others=("audio",)),
    "vfr.mkv": Expected("h264", (640, 360), 50, 2.5),
    "tenbit.mp4": Expected("hevc", (640, 360), 50, 2.0, pixel_format="yuv420p10le"),
    "web.webm": Expected("vp9", (640, 360), 50, 2.0, others=("audio",)),
    "av1.mkv": Expected("libdav1d", (640, 360), 25, 1.0),
    "streams.mkv": Expected("h264", (640, 360), 50, 2.0, others=("audio", "audio", "subtitle", "attachment")),
}


def check(path: Path, expected: Expected) -> None:
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        frames = list(container.decode(video))
        assert video.codec_context.name == expected.codec
        assert (video.width, video.height) == expected.size
        assert len(frames) == expected.frames
        assert {frame.format.name for frame in frames} == {expected.pixel_format}
        assert frames[0].rotation == expected.rotation
        assert frames[-1].time - frames[0].time == pytest.approx(expected.seconds, abs=0.05)
        assert tuple(stream.type for stream in container.streams if stream is not video) == expected.others


@pytest.mark.parametrize("name", CLIPS)
def test_clip_has_the_streams_that_the_readme_names(name: str) -> None:
    check(SAMPLES / name, CLIPS[name])
    assert f"`{name}`" in (SAMPLES / "README.md").read_text(encoding="utf-8")


def test_every_clip_is_known_and_together_they_are_small() -> None:
    clips = [path for path in SAMPLES.iterdir() if path.suffix in (".mp4", ".mkv", ".webm")]
    assert sorted(path.name for path in clips) == sorted(CLIPS)
    assert sum(path.stat().st_size for path in clips) < LARGEST_TOGETHER


@pytest.mark.parametrize("name", ["lobby.mp4", "streams.mkv"])
def test_clip_carries_metadata_worth_dropping(name: str) -> None:
    with av.open(str(SAMPLES / name)) as container:
        tags = {key.lower(): value for key, value in container.metadata.items()}
        assert tags["title"] == "Lobby, camera 2"
        assert tags["location"].startswith("+38.8830")
        assert len(container.chapters()) == (2 if name == "streams.mkv" else 0)


def test_vfr_has_frames_at_uneven_distances() -> None:
    with av.open(str(SAMPLES / "vfr.mkv")) as container:
        times = [Fraction(frame.pts) * frame.time_base for frame in container.decode(video=0)]
    steps = {round(float(after - before), 2) for before, after in itertools.pairwise(times)}
    assert steps >= {0.03, 0.07, 0.4, 0.04}


def test_tenbit_is_tagged_as_phones_record_it() -> None:
    with av.open(str(SAMPLES / "tenbit.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (9, 18, 9, 1)


@pytest.mark.parametrize("name", ["rotated.mp4", "streams.mkv"])
def test_clip_can_be_drawn_again(name: str, tmp_path: Path) -> None:
    pytest.importorskip("skimage", reason="scikit-image carries one of the photographs")
    pytest.importorskip("matplotlib", reason="matplotlib carries the other")
    command = [sys.executable, "-m", "samples.make_samples", str(tmp_path), "--only", name]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    check(tmp_path / name, CLIPS[name])
    assert (tmp_path / name).stat().st_size == pytest.approx((SAMPLES / name).stat().st_size, rel=0.3)
