"""The round trip of real files: what decodes comes out whole, what does not is refused in one line."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from redact.errors import SourceError
from redact.media import open_sink, open_source
from redact.media.streams import open_input
from redact.policy import Encoding
from tests.media.clips import read, write

SECONDS = 3  # of every clip: one of them is six minutes of 4K
DAMAGED = {"sample_with_invalid_nalu.mp4"}  # one packet of thirty is broken: covered, not refused
EMPTY = {"init.mp4", "video_init.mp4", "sample_with_sdt.ts"}  # headers without any frames
KEPT_FORMATS = {"yuvj420p": "yuv420p", "yuvj444p": "yuv444p", "gray": "yuv420p", "rgb24": "yuv444p"}


@pytest.fixture(scope="session")
def manifest(shared: Callable[[str], Path]) -> dict[Path, set[str]]:
    folder = shared("footage/containers")
    listed = json.loads((folder / "manifest.json").read_text())
    return {folder / name: set(features) for name, features in sorted(listed.items())}


def is_refused(path: Path, features: set[str]) -> bool:
    return (path.name in EMPTY or "err" in features) and path.name not in DAMAGED


def test_what_does_not_decode_is_refused(manifest: dict[Path, set[str]]) -> None:
    refused = [path for path, features in manifest.items() if is_refused(path, features)]
    assert refused
    for path in refused:
        with pytest.raises(SourceError) as caught:
            open_source(path)
        assert path.name in str(caught.value)
        assert "\n" not in str(caught.value)
        assert caught.value.hint


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_what_decodes_comes_out_whole(manifest: dict[Path, set[str]], tmp_path: Path, suffix: str) -> None:
    done = 0
    for path, features in manifest.items():
        if is_refused(path, features):
            continue
        output = tmp_path / f"out.{suffix}"
        with open_source(path, end=SECONDS) as source:
            with open_sink(output, source.info, Encoding(crf=40, preset=None), source=source, overwrite=True) as sink:
                before = write(sink, source)
                sink.commit()
            info = source.info
        after_info, after = read(output)
        assert len(after) == len(before) > 0, path.name
        assert (after_info.width, after_info.height) == (info.width, info.height), path.name
        assert after_info.sample_aspect_ratio == info.sample_aspect_ratio, path.name
        assert (after_info.rotation, after_info.mirrored) == (0, False), path.name
        plain = {KEPT_FORMATS.get(name, name) for name in (info.pixel_format, after_info.pixel_format)}
        assert len(plain) == 1, (path.name, info.pixel_format, after_info.pixel_format)
        tags = ("color_primaries", "color_trc")
        assert [getattr(after_info, tag) for tag in tags] == [getattr(info, tag) for tag in tags], path.name
        for one, other in zip(before, after, strict=True):
            apart = abs(one.pts * one.time_base - other.pts * other.time_base)
            assert apart == 0 if suffix == "mp4" else apart <= 0.0005001, (path.name, one.index)
        ends = [frame.pts * frame.time_base + frame.duration * frame.time_base for frame in (before[-1], after[-1])]
        assert ends[0] == pytest.approx(float(ends[1]), abs=0.0021), path.name
        done += 1
    assert done >= 50


def test_the_picture_is_upright_as_ffmpeg_says(manifest: dict[Path, set[str]]) -> None:
    """Size as a viewer sees it, told apart from our own reading of the matrix."""
    turned = [path for path, features in manifest.items() if features & {"rot90", "rot-90"}]
    assert len(turned) >= 4
    for path in turned:
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
            assert abs(frame.rotation) == 90
            stored = (frame.width, frame.height)
        with open_source(path) as source:
            assert (source.info.height, source.info.width) == stored
            if not source.info.mirrored:
                assert source.info.rotation == -frame.rotation % 360


def test_places_and_devices_are_named_not_told(manifest: dict[Path, set[str]]) -> None:
    named = 0
    for path, features in manifest.items():
        if is_refused(path, features):
            continue
        with open_input(path) as container:
            groups = [container.metadata, *(stream.metadata for stream in container.streams)]
            values = {value for group in groups for value in group.values() if len(value) > 6}
        with open_source(path) as source:
            said = " ".join(map(str, source.dropped))
        named += "location" in said
        for value in values:
            assert value not in said, path.name
    assert named >= 5


def test_times_increase_in_every_clip(manifest: dict[Path, set[str]]) -> None:
    for path, features in manifest.items():
        if not is_refused(path, features):
            _, frames = read(path, end=1.0)
            assert all(earlier.pts < later.pts for earlier, later in itertools.pairwise(frames)), path.name
