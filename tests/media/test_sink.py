"""A sink takes covered frames only, keeps times, and leaves a whole file or none."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from redact.errors import SinkError
from redact.frames import Frame, RedactedFrame
from redact.media import open_sink, open_source
from redact.media.encoders import CARRIES, ENCODERS, MUXERS, choose, muxer_of
from redact.policy import Encoding
from tests.media.clips import copy, info_of, read, samples
from tests.media.conftest import MakeVideo, Noise


def test_only_covered_frames_are_taken(noise: Noise, tmp_path: Path) -> None:
    frame = noise("yuv420p", 64, 48)
    for other in (frame, frame.picture, np.zeros((48, 64, 3), np.uint8), None):
        with open_sink(tmp_path / "out.mp4", info_of(frame), Encoding()) as sink, pytest.raises(TypeError):
            sink.write(other)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", MUXERS)
def test_every_container(make_video: MakeVideo, tmp_path: Path, suffix: str) -> None:
    codec = "libvpx-vp9" if suffix == ".webm" else "libx264"
    info, before = copy(make_video("in.mkv", codec=codec, frames=15), tmp_path / f"out{suffix}")
    after_info, after = read(tmp_path / f"out{suffix}")
    assert (after_info.width, after_info.height, after_info.codec) == (info.width, info.height, info.codec)
    # FFmpeg reads H.264 in AVI as if its first frame were to wait for a reordered one
    shift = after[0].time if suffix == ".avi" else 0
    assert [frame.time - shift for frame in after] == pytest.approx([frame.time for frame in before], abs=0.0006)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mkv", f"out{suffix}"]


@pytest.mark.parametrize(
    "time_base", [Fraction(1, 90_000), Fraction(1001, 30_000), Fraction(1, 600), Fraction(1, 10**6)]
)
def test_mp4_keeps_times_exactly(noise: Noise, tmp_path: Path, time_base: Fraction) -> None:
    ticks = [7, 8, 100, 3100, 3150, 9999]
    lengths = [1, 92, 3000, 50, 6849, 333]
    frames = [noise("yuv420p", 64, 48) for _ in ticks]
    with open_sink(tmp_path / "out.mp4", info_of(Frame(frames[0].picture, 0, 0, time_base)), Encoding()) as sink:
        for index, (frame, pts, length) in enumerate(zip(frames, ticks, lengths, strict=True)):
            sink.write(RedactedFrame(Frame(frame.picture, index, pts, time_base, length)))
        sink.commit()
    _, after = read(tmp_path / "out.mp4")
    assert [frame.pts * frame.time_base for frame in after] == [pts * time_base for pts in ticks]
    last = after[-1]
    assert (last.pts + last.duration) * last.time_base == pytest.approx(10_332 * time_base)


@pytest.mark.parametrize("name", ["yuv420p", "yuv420p10le", "gray", "rgb24", "yuvj420p"])
@pytest.mark.parametrize("codec", ENCODERS)
def test_every_codec(codec: str, name: str, noise: Noise, tmp_path: Path) -> None:
    """Size kept, also an odd one; colours near; ten bits stay ten bits or the codec is refused."""
    width, height = 161, 121
    frame = noise(name, width, height)
    for plane in frame.planes():  # flat colours survive every encoder
        top = 255 if plane.samples.dtype == np.uint8 else 1023
        plane.samples[...] = top * 3 // 5
    before = frame.rgb(16, 16)
    if (codec, name) in {("vp9", "yuv420p10le"), ("av1", "rgb24")}:
        with pytest.raises(SinkError, match="cannot hold") as caught:
            open_sink(tmp_path / "out.mkv", info_of(frame), Encoding(codec=codec))
        assert "use --codec" in caught.value.hint
        return
    with open_sink(tmp_path / "out.mkv", info_of(frame), Encoding(codec=codec)) as sink:
        sink.write(RedactedFrame(frame))
        sink.commit()
    info, (after,) = read(tmp_path / "out.mkv")
    assert (info.codec, info.width, info.height) == (codec, width, height)
    assert ("10" in info.pixel_format) == ("10" in name)
    np.testing.assert_allclose(after.rgb(16, 16).astype(int), before, atol=6)


def test_colour_tags_stay(noise: Noise, tmp_path: Path) -> None:
    tags = {"color_range": 1, "color_primaries": 9, "color_trc": 16, "colorspace": 9}
    frame = noise("yuv420p10le", 64, 48)
    for codec in ("h264", "hevc", "av1"):
        for suffix in ("mp4", "mkv"):
            path = tmp_path / f"{codec}.{suffix}"
            with open_sink(path, info_of(frame, **tags), Encoding(codec=codec)) as sink:
                sink.write(RedactedFrame(frame))
                sink.commit()
            info, _ = read(path)
            assert {name: getattr(info, name) for name in tags} == tags, (codec, suffix)


def test_pixel_shape_stays(make_video: MakeVideo, tmp_path: Path) -> None:
    path = make_video("in.mp4", shape=Fraction(16, 11))
    for suffix in ("mp4", "mkv", "ts", "mov"):
        copy(path, tmp_path / f"out.{suffix}")
        assert read(tmp_path / f"out.{suffix}")[0].sample_aspect_ratio == Fraction(16, 11), suffix


def test_codec_follows_the_input() -> None:
    def chosen(codec: str, name: str = "yuv420p", suffix: str = ".mp4", encoding: Encoding | None = None) -> str:
        return choose(encoding or Encoding(), codec, name, 64, 48, muxer_of(suffix)).codec

    assert [chosen(codec) for codec in ("h264", "hevc", "vp9", "av1")] == ["h264", "hevc", "vp9", "av1"]
    assert [chosen(codec) for codec in ("mpeg4", "mjpeg", "vvc", "ffv1")] == ["h264"] * 4
    assert chosen("ffv1", suffix=".mkv") == "ffv1"
    assert chosen("h264", suffix=".webm") == "vp9"
    assert chosen("vp9", "yuv420p10le", ".webm") == "av1"
    assert chosen("vp9", "yuv444p10le", ".mkv") == "h264"
    assert chosen("h264", encoding=Encoding(codec="av1")) == "av1"


@pytest.mark.parametrize(
    ("encoding", "suffix", "hint"),
    [
        (Encoding(codec="ffv1"), ".mp4", ".mkv"),
        (Encoding(codec="h264"), ".webm", "--codec vp9 or av1"),
        (Encoding(codec="h264", crf=60), ".mp4", "0 to 51"),
        (Encoding(codec="ffv1", crf=1), ".mkv", "lossless"),
        (Encoding(codec="ffv1", preset="slow"), ".mkv", "leave --preset out"),
        (Encoding(), ".wmv", ".mp4"),
        (Encoding(), "", ".mp4"),
        (Encoding(preset="warp"), ".mp4", ""),
    ],
)
def test_what_cannot_be_is_refused_with_a_hint(
    encoding: Encoding, suffix: str, hint: str, noise: Noise, tmp_path: Path
) -> None:
    with pytest.raises(SinkError) as caught:
        open_sink(tmp_path / f"out{suffix}", info_of(noise("yuv420p", 64, 48)), encoding)
    assert hint in caught.value.hint
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_tables_agree() -> None:
    assert set(MUXERS.values()) == set(CARRIES)
    assert {codec for codecs in CARRIES.values() for codec in codecs} == set(ENCODERS)


def test_what_is_in_the_way(make_video: MakeVideo, tmp_path: Path) -> None:
    path = make_video("in.mp4")
    (tmp_path / "there.mp4").write_bytes(b"old")
    (tmp_path / "link.mp4").symlink_to(path)
    os.link(path, tmp_path / "hard.mp4")
    (tmp_path / "folder.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    before = path.read_bytes()
    with open_source(path) as source:
        for name, overwrite, words in [
            ("in.mp4", True, "input itself"),
            ("link.mp4", True, "input itself"),
            ("hard.mp4", True, "input itself"),
            ("there.mp4", False, "exists already"),
            ("folder.mp4", True, "is a folder"),
            ("pipe.mp4", True, "not a regular file"),
            ("none/out.mp4", True, "no such folder"),
        ]:
            with pytest.raises(SinkError, match=words) as caught:
                open_sink(tmp_path / name, source.info, Encoding(), source=source, overwrite=overwrite)
            assert caught.value.hint
    assert "-y" in str(SinkError("", hint="use -y").hint)
    assert path.read_bytes() == before
    assert (tmp_path / "there.mp4").read_bytes() == b"old"


def test_the_part_may_not_be_the_input(make_video: MakeVideo, tmp_path: Path) -> None:
    path = make_video("in.mp4").rename(tmp_path / "out.mp4.part")
    before = path.read_bytes()
    with open_source(path) as source, pytest.raises(SinkError, match="input itself"):
        open_sink(tmp_path / "out.mp4", source.info, Encoding(), source=source, overwrite=True)
    assert path.read_bytes() == before


def test_a_stale_part_that_is_a_link_is_not_followed(make_video: MakeVideo, tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"mine")
    (tmp_path / "out.mp4.part").symlink_to(tmp_path / "precious")
    copy(make_video("in.mp4"), tmp_path / "out.mp4")
    assert (tmp_path / "precious").read_bytes() == b"mine"


def test_overwrite_happens_at_the_end_only(make_video: MakeVideo, noise: Noise, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    target.write_bytes(b"old")
    frame = noise("yuv420p", 64, 48)
    with open_sink(target, info_of(frame), Encoding(), overwrite=True) as sink:
        sink.write(RedactedFrame(frame))
        assert target.read_bytes() == b"old"
        assert (tmp_path / "out.mp4.part").exists()
        sink.commit()
    assert len(read(target)[1]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_a_file_that_appears_meanwhile_is_not_replaced(noise: Noise, tmp_path: Path) -> None:
    frame = noise("yuv420p", 64, 48)
    with open_sink(tmp_path / "out.mp4", info_of(frame), Encoding()) as sink:
        sink.write(RedactedFrame(frame))
        (tmp_path / "out.mp4").write_bytes(b"new")
        with pytest.raises(SinkError, match="exists already"):
            sink.commit()
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert (tmp_path / "out.mp4").read_bytes() == b"new"


@pytest.mark.parametrize("written", [0, 1, 40])
def test_without_commit_nothing_is_left(noise: Noise, tmp_path: Path, written: int) -> None:
    frame = noise("yuv420p", 64, 48)

    def stopped() -> None:
        with open_sink(tmp_path / "out.mp4", info_of(frame), Encoding()) as sink:
            for index in range(written):
                sink.write(RedactedFrame(noise("yuv420p", 64, 48, index)))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("codec", ["h264", "hevc", "vp9", "av1"])
def test_very_short_videos(codec: str, count: int, noise: Noise, tmp_path: Path) -> None:
    frames = [noise("yuv420p", 64, 48, index) for index in range(count)]
    with open_sink(tmp_path / "out.mp4", info_of(frames[0]), Encoding(codec=codec)) as sink:
        for frame in frames:
            sink.write(RedactedFrame(frame))
        sink.commit()
    _, after = read(tmp_path / "out.mp4")
    assert [frame.time for frame in after] == [frame.time for frame in frames]


def test_a_frame_of_another_size_is_refused(noise: Noise, tmp_path: Path) -> None:
    with open_sink(tmp_path / "out.mp4", info_of(noise("yuv420p", 64, 48)), Encoding()) as sink:
        other = RedactedFrame(noise("yuv420p", 32, 32))
        with pytest.raises(SinkError, match="not the size"):
            sink.write(other)


def test_arrays_are_taken_too(tmp_path: Path) -> None:
    array = np.full((48, 64, 3), (10, 200, 90), np.uint8)
    frame = Frame(array, 0, 0, Fraction(1, 25), 1)
    with open_sink(tmp_path / "out.mkv", info_of(frame), Encoding(codec="ffv1")) as sink:
        sink.write(RedactedFrame(frame))
        sink.commit()
    _, (after,) = read(tmp_path / "out.mkv")
    np.testing.assert_array_equal(samples(after)[0][..., ::-1], array)


def test_nothing_of_the_input_but_its_frames_is_in_the_output(make_video: MakeVideo, tmp_path: Path) -> None:
    secret = {"location": "+52.1234-004.5678/", "title": "annas-birthday", "comment": "serial-4711"}
    path = make_video("in.mkv", audio="libopus", metadata=secret)
    for suffix in ("mp4", "mov", "mkv", "ts", "avi"):
        output = tmp_path / f"out.{suffix}"
        copy(path, output)
        data = output.read_bytes()
        for value in secret.values():
            assert value.strip("/").encode() not in data
        with av.open(str(output)) as container:
            assert [stream.type for stream in container.streams] == ["video"]
            tags = {name.lower() for name in container.metadata}
            assert tags <= {"major_brand", "minor_version", "compatible_brands", "encoder", "software"}, suffix
            assert "creation_time" not in container.streams[0].metadata


def test_the_same_frames_make_the_same_file(make_video: MakeVideo, tmp_path: Path) -> None:
    path = make_video("in.mp4")
    for suffix in ("mp4", "mkv"):
        for name in ("a", "b"):
            copy(path, tmp_path / f"{name}.{suffix}")
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_encoders_are_silent(make_video: MakeVideo, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = make_video("in.mp4")
    capfd.readouterr()
    for codec in ENCODERS:
        copy(path, tmp_path / f"{codec}.mkv", Encoding(codec=codec))
    assert capfd.readouterr() == ("", "")


@contextlib.contextmanager
def small_disk(place: Path, size: int) -> Iterator[Path]:
    """A file system of ``size`` bytes, where one may be mounted."""
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no file system may be mounted here; RLIMIT_FSIZE stands in for it in the next test")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("frames", [4, 30])  # it is full when the file is finished, or while it is written
def test_disk_full(noise: Noise, tmp_path: Path, suffix: str, frames: int) -> None:
    with small_disk(tmp_path / "disk", 64 << 10) as disk:
        target = disk / f"out.{suffix}"

        def fill() -> None:
            first = noise("yuv420p", 320, 240)
            with open_sink(target, info_of(first), Encoding(crf=1)) as sink:
                for index in range(frames):
                    sink.write(RedactedFrame(noise("yuv420p", 320, 240, index)))
                sink.commit()

        with pytest.raises(SinkError, match="disk is full") as caught:
            fill()
        assert caught.value.hint
        assert not list(disk.iterdir())


LIMITED = """
import resource, sys
import numpy as np, av
from fractions import Fraction
from redact.errors import SinkError
from redact.frames import Frame, RedactedFrame, VideoInfo
from redact.media import open_sink
from redact.policy import Encoding
resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 10, 64 << 10))
random = np.random.default_rng(0)
info = VideoInfo(320, 240, "bgr24", Fraction(1, 25), frame_rate=Fraction(25))
try:
    with open_sink(sys.argv[1], info, Encoding(codec="ffv1")) as sink:
        for index in range(20):
            frame = Frame(random.integers(0, 256, (240, 320, 3), np.uint8), index, index, Fraction(1, 25), 1)
            sink.write(RedactedFrame(frame))
        sink.commit()
except SinkError as error:
    print(error, "|", error.hint)
"""


def test_size_limit(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path / "out.mkv"], capture_output=True, text=True, check=True
    )
    assert "the disk is full" in run.stdout
    assert not run.stderr
    assert not list(tmp_path.iterdir())


def test_read_only_folder(noise: Noise, tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    if os.geteuid() == 0:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", folder], capture_output=True, check=False
        )
        if mounted.returncode:
            pytest.skip("root writes everywhere, and nothing may be mounted")
    else:
        folder.chmod(0o500)
    try:
        with pytest.raises(SinkError, match="may not be written to"):
            open_sink(folder / "out.mp4", info_of(noise("yuv420p", 64, 48)), Encoding())
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", folder], check=True)


ENDLESS = LIMITED.replace("resource.setrlimit", "print").replace("range(20)", "range(10**9)")


@pytest.mark.skipif(os.name == "nt", reason="there is no kill -9")
def test_killed_half_way_leaves_the_name_free(tmp_path: Path) -> None:
    target = tmp_path / "out.mkv"
    with subprocess.Popen([sys.executable, "-c", ENDLESS, target]) as process:
        part = tmp_path / "out.mkv.part"
        until = time.monotonic() + 20
        while not (part.exists() and part.stat().st_size > 10_000) and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert not target.exists()
    assert part.exists()
    frame = Frame(np.zeros((48, 64, 3), np.uint8), 0, 0, Fraction(1, 25), 1)
    with open_sink(target, info_of(frame), Encoding()) as sink:  # what was left behind is in nobody's way
        sink.write(RedactedFrame(frame))
        sink.commit()
    assert [path.name for path in tmp_path.iterdir()] == ["out.mkv"]


def test_every_system_error_is_one_line(noise: Noise, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = noise("yuv420p", 64, 48)

    def failing(*_: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with open_sink(tmp_path / "out.mp4", info_of(frame), Encoding()) as sink:
        sink.write(RedactedFrame(frame))
        monkeypatch.setattr(os, "fsync", failing)
        with pytest.raises(SinkError, match="cannot be written"):
            sink.commit()
    assert not list(tmp_path.iterdir())
