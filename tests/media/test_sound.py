"""Sound stays out unless it is kept, and what is kept stays in step."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from redact.media import open_sink, open_source
from redact.policy import Encoding
from tests.media.clips import copy, write
from tests.media.conftest import MakeVideo


def sound_of(path: Path) -> tuple[str, np.ndarray, float]:
    """(codec, mono samples, time of the first one in seconds)."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler("flt", "mono", 48_000)
        frames = [part for frame in container.decode(stream) for part in resampler.resample(frame)]
        start = frames[0].pts * frames[0].time_base
        return (
            stream.codec_context.codec.canonical_name,
            np.concatenate([frame.to_ndarray()[0] for frame in frames]),
            float(start),
        )


def distance(path: Path) -> float:
    """Seconds from the first sound to the first picture."""
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        return float(video.start_time * video.time_base - audio.start_time * audio.time_base)


def test_sound_is_dropped_by_default(make_video: MakeVideo, tmp_path: Path) -> None:
    copy(make_video("in.mp4", audio="aac"), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert not container.streams.audio


@pytest.mark.parametrize(
    ("held", "suffix", "becomes"),
    [
        ("aac", "mp4", "aac"),
        ("aac", "mkv", "aac"),
        ("aac", "mov", "aac"),
        ("aac", "ts", "aac"),
        ("aac", "webm", "opus"),
        ("libopus", "mkv", "opus"),
        ("libopus", "mp4", "opus"),
        ("libopus", "mov", "aac"),
        ("pcm_s16le", "mkv", "pcm_s16le"),
        ("pcm_s16le", "webm", "opus"),
        ("libmp3lame", "mp4", "mp3"),
        ("flac", "webm", "opus"),
    ],
)
def test_kept_sound(make_video: MakeVideo, tmp_path: Path, held: str, suffix: str, becomes: str) -> None:
    """Copied where the container carries it, else re-encoded; as long, as loud and as high as before."""
    path = make_video("in.mkv", frames=50, audio=held)
    copy(path, tmp_path / f"out.{suffix}", audio="keep")
    _, before, _ = sound_of(path)
    codec, after, _ = sound_of(tmp_path / f"out.{suffix}")
    assert codec == becomes
    assert distance(tmp_path / f"out.{suffix}") == pytest.approx(distance(path), abs=0.03)
    assert len(after) == pytest.approx(len(before), abs=48_000 * 0.06)
    middle = slice(20_000, 60_000)
    assert np.std(after[middle]) == pytest.approx(np.std(before[middle]), rel=0.1)
    spectrum = np.abs(np.fft.rfft(after[20_000:68_000]))
    assert np.argmax(spectrum) == 440


def test_kept_sound_of_a_span_is_cut_to_it(make_video: MakeVideo, tmp_path: Path) -> None:
    path = make_video("in.mp4", frames=100, audio="aac")
    copy(path, tmp_path / "out.mp4", audio="keep", start=1.0, end=2.5)
    _, samples, start = sound_of(tmp_path / "out.mp4")
    assert 0 <= start < 0.03
    assert len(samples) / 48_000 == pytest.approx(1.5, abs=0.05)


def test_sound_keeps_its_distance_from_the_picture(make_video: MakeVideo, tmp_path: Path) -> None:
    """A transport stream that starts anywhere: both begin where they began against each other."""
    path = make_video("in.ts", frames=50, audio="aac", starts_at=3600)
    copy(path, tmp_path / "out.mp4", audio="keep")
    assert distance(tmp_path / "out.mp4") == pytest.approx(distance(path), abs=0.001)


def test_sound_never_runs_ahead_of_the_picture(make_video: MakeVideo, tmp_path: Path) -> None:
    """Sound comes in as the frames do: a long file's sound is not read into memory first."""
    path = make_video("in.mkv", frames=100, audio="libopus")
    with (
        open_source(path, audio="keep") as source,
        open_sink(tmp_path / "out.mkv", source.info, Encoding(), source=source) as sink,
    ):
        frames = iter(source)
        write(sink, [next(frames)])
        assert sink._sound is not None
        assert sink._sound._waiting is not None
        assert sink._sound._waiting[0] < 0.1
        write(sink, frames)
        sink.commit()


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov", "ts"])
def test_transport_stream_sound_fits_other_containers(make_video: MakeVideo, tmp_path: Path, suffix: str) -> None:
    """Its AAC comes with a header in every packet, which others keep once."""
    path = make_video("in.ts", frames=50, audio="aac")
    copy(path, tmp_path / f"out.{suffix}", audio="keep")
    codec, samples, _ = sound_of(tmp_path / f"out.{suffix}")
    assert codec == "aac"
    assert len(samples) == pytest.approx(96_000, abs=4_000)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm"])
def test_a_restarted_recorder_keeps_sound_and_picture_together(
    make_video: MakeVideo, tmp_path: Path, suffix: str
) -> None:
    """Two recordings in one file: the second one's clock starts again, and time goes on."""
    parts = [make_video(f"{name}.ts", frames=100, audio="aac", starts_at=at) for name, at in [("a", 50), ("b", 0)]]
    both = tmp_path / "both.ts"
    both.write_bytes(b"".join(part.read_bytes() for part in parts))
    _, frames = copy(both, tmp_path / f"out.{suffix}", audio="keep")
    assert len(frames) >= 190
    _, samples, _ = sound_of(tmp_path / f"out.{suffix}")
    assert len(samples) / 48_000 == pytest.approx(frames[-1].time, abs=0.4)


def test_silent_source_with_kept_sound(make_video: MakeVideo, tmp_path: Path) -> None:
    copy(make_video("in.mp4"), tmp_path / "out.mp4", audio="keep")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video"]
