"""What a source delivers: upright frames, good times, marked damage, and one clear line where there is nothing."""

from __future__ import annotations

import itertools
import logging
import os
import random
import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from redact.errors import SourceError
from redact.frames import Frame
from redact.media import open_source
from tests.media.clips import read, samples, set_matrix
from tests.media.conftest import MakeVideo

TURNS = {0: (1.0, 0.0, 0.0, 1.0), 90: (0.0, 1.0, -1.0, 0.0), 180: (-1.0, 0.0, 0.0, -1.0), 270: (0.0, -1.0, 1.0, 0.0)}


def assert_sound(frames: list[Frame]) -> None:
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert all(earlier.pts < later.pts for earlier, later in itertools.pairwise(frames))


def test_frames_times_and_info(make_video: MakeVideo) -> None:
    info, frames = read(make_video("in.mp4", shape=Fraction(4, 3)))
    assert (info.width, info.height, info.pixel_format, info.codec) == (64, 48, "yuv420p", "h264")
    assert (info.frame_rate, info.frames, info.duration) == (25, 12, 0.48)
    assert info.sample_aspect_ratio == Fraction(4, 3)
    assert [frame.time for frame in frames] == pytest.approx([index / 25 for index in range(12)])
    assert {frame.duration * frame.time_base for frame in frames} == {Fraction(1, 25)}
    assert not any(frame.damaged for frame in frames)
    assert_sound(frames)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rotation", TURNS)
def test_frames_are_upright(make_video: MakeVideo, rotation: int, mirrored: bool) -> None:
    path = make_video("in.mp4", frames=2, pixel_format="yuv444p", shape=Fraction(4, 3))
    _, (before, *_) = read(path)
    a, b, c, d = TURNS[rotation]
    info, (after, *_) = read(set_matrix(path, (-a, -b, c, d) if mirrored else (a, b, c, d)))
    assert (info.rotation, info.mirrored) == (rotation, mirrored)
    assert (info.width, info.height) == ((48, 64) if rotation % 180 else (64, 48))
    assert info.sample_aspect_ratio == (Fraction(3, 4) if rotation % 180 else Fraction(4, 3))
    for one, other in zip(samples(before), samples(after), strict=True):
        np.testing.assert_array_equal(np.rot90(one[:, ::-1] if mirrored else one, -rotation // 90), other)


def test_half_chroma_on_its_side_becomes_full(make_video: MakeVideo) -> None:
    path = set_matrix(make_video("in.mp4", frames=1, pixel_format="yuv422p"), TURNS[90])
    info, frames = read(path)
    assert info.pixel_format == frames[0].pixel_format == "yuv444p"


def test_slanted_matrix_is_said(make_video: MakeVideo, caplog: pytest.LogCaptureFixture) -> None:
    slanted = (0.17365, 0.98481, -0.98481, 0.17365)
    with caplog.at_level(logging.WARNING):
        info, _ = read(set_matrix(make_video("in.mp4", frames=1), slanted))
    assert info.rotation == 90
    assert "10 degrees" in caplog.text


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi", "flv"])
@pytest.mark.parametrize(("start", "end"), [(0.0, 0.5), (1.0, None), (1.3, 2.02), (2.9, 9.0)])
def test_span(make_video: MakeVideo, suffix: str, start: float, end: float | None) -> None:
    path = make_video(
        f"in.{suffix}", frames=75, key_every=25, options={"bf": "2" if suffix in ("mp4", "mkv", "ts") else "0"}
    )
    _, whole = read(path)
    wanted = [frame for frame in whole if start <= frame.time and (end is None or frame.time < end)]
    _, part = read(path, start=start, end=end)
    assert len(part) == len(wanted) > 0
    for one, other in zip(wanted, part, strict=True):
        assert other.pts == one.pts - (wanted[0].pts if start else 0)
        np.testing.assert_array_equal(samples(one)[0], samples(other)[0])
    assert_sound(part)


def test_span_without_frames(make_video: MakeVideo) -> None:
    path = make_video("in.mp4")
    with pytest.raises(SourceError, match="no frames between"):
        open_source(path, start=5)
    with pytest.raises(SourceError, match="not after the start"):
        open_source(path, start=2, end=1)


def test_variable_frame_rate(make_video: MakeVideo) -> None:
    times = [0, 3000, 3001, 90_000, 90_500, 180_007]
    _, frames = read(make_video("in.mp4", frames=6, times=times, time_base=Fraction(1, 90_000)))
    assert [frame.pts * frame.time_base * 90_000 for frame in frames] == times


def test_transport_stream_counts_from_its_start(make_video: MakeVideo) -> None:
    path = make_video("in.ts", starts_at=3600)
    with av.open(str(path)) as container:
        assert container.start_time is not None
        assert container.start_time >= 3600 * av.time_base
    _, frames = read(path)
    assert frames[0].time == pytest.approx(0, abs=0.1)
    assert_sound(frames)


def test_edit_list_hides_frames(make_video: MakeVideo, tmp_path: Path) -> None:
    """Frames before the first shown one are decoded and not delivered."""
    path = make_video("in.mp4", frames=12, options={"bf": "0"})
    data = bytearray(path.read_bytes())
    at = data.index(b"elst") + 12
    assert int.from_bytes(data[at + 4 : at + 8], "big") == 0
    rate = 12_800 // 25
    data[at + 4 : at + 8] = (3 * rate).to_bytes(4, "big")
    (tmp_path / "cut.mp4").write_bytes(data)
    _, whole = read(path)
    _, shown = read(tmp_path / "cut.mp4")
    assert len(shown) == 9
    np.testing.assert_array_equal(samples(whole[3])[0], samples(shown[0])[0])


def test_no_time_stamps(make_video: MakeVideo, tmp_path: Path) -> None:
    path = make_video("in.h264", frames=10)
    _, frames = read(path)
    assert len(frames) == 10
    assert_sound(frames)


def test_size_and_format_change_keeps_every_frame(make_video: MakeVideo, tmp_path: Path) -> None:
    one = make_video("one.ts", frames=6, options={"bf": "0"})
    two = make_video("two.ts", frames=6, size=(96, 80), pixel_format="yuv444p", options={"bf": "0"})
    both = tmp_path / "both.ts"
    both.write_bytes(one.read_bytes() + two.read_bytes())
    _, frames = read(both)
    assert len(frames) == 12
    assert {(frame.width, frame.height, frame.pixel_format) for frame in frames} == {(64, 48, "yuv420p")}
    assert_sound(frames)


def test_odd_and_tiny_sizes(make_video: MakeVideo) -> None:
    for size in [(161, 121), (1, 1)]:
        _, frames = read(make_video("in.mkv", codec="ffv1", size=size, frames=2))
        assert [(frame.width, frame.height) for frame in frames] == [size, size]


@pytest.mark.parametrize(("codec", "suffix"), [("libx264", "mp4"), ("libx264", "ts"), ("mpeg4", "mkv")])
def test_damage_is_marked_and_does_not_end_the_file(make_video: MakeVideo, codec: str, suffix: str) -> None:
    """A hole in the middle: what is delivered wrong is marked, and frames after the next key frame are well."""
    path = make_video(f"in.{suffix}", codec=codec, frames=60, size=(160, 120), key_every=12)
    _, clean = read(path)
    right = {frame.pts: samples(frame)[0] for frame in clean}
    data = bytearray(path.read_bytes())
    middle = len(data) * 45 // 100
    data[middle : middle + 600] = random.Random(5).randbytes(600)
    path.write_bytes(data)
    with open_source(path) as source:
        frames = list(source)
        damage = source.damage
    assert damage.lost_packets + damage.damaged_frames > 0
    assert damage.damaged_frames == sum(frame.damaged for frame in frames)
    assert frames[-1].pts == clean[-1].pts
    assert not frames[-1].damaged
    assert len(frames) >= 40
    for frame in frames:
        if not frame.damaged and frame.pts in right:
            np.testing.assert_array_equal(samples(frame)[0], right[frame.pts])


def test_damage_near_the_end_loses_no_frame_after_it(make_video: MakeVideo) -> None:
    """Decoder threads hold the last frames back; one that fails must not take the rest along."""
    path = make_video("in.mp4", frames=40, size=(160, 120), key_every=40, options={"bf": "0"})
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        broken, left = packets[-3], len(packets) - 1
        position = broken.pos
    data = bytearray(path.read_bytes())
    data[position : position + 5] = b"\xff" * 5  # a length that leaves the packet, then no header that exists
    path.write_bytes(data)
    with open_source(path) as source:
        frames = list(source)
    assert len(frames) == left
    assert source.damage.lost_packets == 1
    assert [frame.damaged for frame in frames[-3:]] == [False, True, True]
    assert_sound(frames)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "ts"])
def test_truncated_file(make_video: MakeVideo, suffix: str) -> None:
    options = {"movflags": "+faststart"} if suffix == "mp4" else {}
    path = make_video(f"in.{suffix}", frames=50, size=(160, 120))
    if suffix == "mp4":  # index first, or nothing could be read
        with av.open(str(path)) as source, av.open(str(path) + ".mp4", "w", options=options) as output:
            stream = output.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                if packet.size:
                    packet.stream = stream
                    output.mux(packet)
        path = Path(str(path) + ".mp4")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    with open_source(path) as source:
        frames = list(source)
        assert 15 < len(frames) < 50
        assert source.truncated == (suffix != "ts")  # a transport stream may end anywhere
    assert_sound(frames)


def test_a_whole_file_is_not_called_truncated(make_video: MakeVideo) -> None:
    for suffix in ("mp4", "mov", "mkv", "webm", "avi"):
        path = make_video(f"in.{suffix}", codec="libvpx-vp9" if suffix == "webm" else "libx264")
        with open_source(path) as source:
            list(source)
            assert not source.truncated, suffix


def test_trailing_bytes_are_not_a_truncation(make_video: MakeVideo) -> None:
    path = make_video("in.mp4")
    path.write_bytes(path.read_bytes() + b"\xff" * 64)
    with open_source(path) as source:
        assert len(list(source)) == 12
        assert not source.truncated


def refused(path: Path) -> SourceError:
    with pytest.raises(SourceError) as caught:
        open_source(path)
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    return caught.value


def test_what_is_no_video_is_refused(make_video: MakeVideo, tmp_path: Path) -> None:
    assert "no such file" in str(refused(tmp_path / "missing.mp4"))
    assert "folder" in str(refused(tmp_path))
    os.mkfifo(tmp_path / "pipe.mp4")
    assert "regular file" in str(refused(tmp_path / "pipe.mp4"))
    (tmp_path / "empty.mp4").touch()
    assert "empty" in str(refused(tmp_path / "empty.mp4"))
    (tmp_path / "text.mp4").write_text("hello " * 400)
    refused(tmp_path / "text.mp4")
    (tmp_path / "text.txt").write_text("hello\n" * 400)
    refused(tmp_path / "text.txt")
    video = make_video("good.mp4", frames=30).read_bytes()
    (tmp_path / "headless.mp4").write_bytes(video[: len(video) // 2])  # its index is at the end
    assert "cut off" in refused(tmp_path / "headless.mp4").hint


def test_sound_alone_is_refused(make_video: MakeVideo, tmp_path: Path) -> None:
    with av.open(str(tmp_path / "tone.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        tone = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), np.int16), "s16", "stereo")
        tone.sample_rate = 8000
        container.mux(stream.encode(tone))
        container.mux(stream.encode(None))
    assert "no video" in str(refused(tmp_path / "tone.wav"))


def test_pictures_are_refused(tmp_path: Path) -> None:
    av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), "rgb24").to_image().save(tmp_path / "a.png")
    assert "not a video" in str(refused(tmp_path / "a.png"))


def test_unknown_codec_is_refused(make_video: MakeVideo) -> None:
    path = make_video("in.avi", codec="mpeg4")
    path.write_bytes(path.read_bytes().replace(b"FMP4", b"QQQQ"))
    assert "no video that can be decoded" in str(refused(path))


def test_playlists_open_no_connection(tmp_path: Path) -> None:
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n")
    refused(tmp_path / "list.m3u8")
    (tmp_path / "list.ffconcat").write_text("ffconcat version 1.0\nfile http://127.0.0.1:9/x.ts\n")
    refused(tmp_path / "list.ffconcat")


def test_names_that_look_like_addresses_are_files(make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_video("plain.mp4", frames=2)
    odd = path.with_name("http:a%03d.mp4")
    shutil.copy(path, odd)
    monkeypatch.chdir(path.parent)
    assert len(read(Path("http:a%03d.mp4"))[1]) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file_is_refused(make_video: MakeVideo) -> None:
    path = make_video("in.mp4")
    path.chmod(0)
    assert "may not be read" in str(refused(path))


def test_cover_art_is_not_the_video(make_video: MakeVideo, tmp_path: Path) -> None:
    """A large picture attached to a small video is dropped, and said to be."""
    video = make_video("in.mkv", frames=3)
    with av.open(str(video)) as source, av.open(str(tmp_path / "art.mp4"), "w") as output:
        art = output.add_stream("mjpeg", rate=1)
        art.width, art.height, art.pix_fmt = 640, 480, "yuvj420p"
        art.disposition = av.stream.Disposition.attached_pic
        stream = output.add_stream_from_template(source.streams.video[0])
        output.mux(art.encode(av.VideoFrame(640, 480, "yuvj420p")))
        output.mux(art.encode(None))
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                output.mux(packet)
    with open_source(tmp_path / "art.mp4") as source_:
        assert (source_.info.width, source_.info.height) == (64, 48)
        assert [item.kind for item in source_.dropped if item.kind != "metadata"] == ["cover art"]


def test_dropped_names_things_and_tells_nothing(make_video: MakeVideo) -> None:
    secret = {"location": "+52.1-004.2/", "title": "Anna's birthday", "comment": "serial 4711"}
    path = make_video("in.mkv", audio="libopus", metadata=secret)
    with open_source(path) as source:
        said = [str(item) for item in source.dropped]
    assert said == ["audio opus", "metadata (comment, location, title)"]
    with open_source(path, audio="keep") as source:
        assert [str(item) for item in source.kept] == ["audio opus"]


def test_closing_early_and_twice(make_video: MakeVideo) -> None:
    source = open_source(make_video("in.mp4"))
    next(iter(source))
    source.close()
    source.close()
