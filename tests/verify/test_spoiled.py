"""Twelve outputs spoiled on purpose are found, each for the right reason; their good twin is not.

The detector here sees nobody: what is found is found by comparing and by reading the file.
"""

from __future__ import annotations

import functools
import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

import redact
from redact.media.source import open_source
from redact.regions_file import RegionsReader
from redact.steps import detect_file
from tests.clips import Scripted, make_clip
from tests.verify import spoil

ROOT = Path(__file__).parents[2]
NOBODY = Scripted(lambda _: [])


@dataclass
class Clip:
    """source, its regions, and the track to spoil, which is there from its ``first`` frame on."""

    source: Path
    regions: Path
    track: int
    first: int
    middle: int

    def verdict(self, output: Path, **more) -> redact.Verdict:
        more = {"detector": NOBODY, "against": self.source, "regions": self.regions, **more}
        return redact.verify_file(output, **more).verdict


def clip_of(source: Path, folder: Path, kind: str, end: float | None = None) -> Clip:
    """Regions of one kind only: a face that is left clear under a covered body is no fault."""
    regions = folder / f"{source.stem}.{kind}.json"
    detect_file(source, regions, policy=redact.Policy(find=(kind,)), end=end)
    first: dict[int, int] = {}
    size: Counter[int] = Counter()  # and how sure the detector is that it is somebody
    with RegionsReader(regions) as reader:
        for record in reader:
            for region in record.regions:
                first.setdefault(region.track, record.index)
                size[region.track] += int((region.box[2] - region.box[0]) * region.score**4)
    track = max(size, key=lambda number: size[number])
    return Clip(source, regions, track, first[track], first[track] + 12)


@pytest.fixture(scope="module")
def lobby_clip(tmp_path_factory) -> Path:
    """A second of the lobby, at half its size: everything is to be looked at many times."""
    small = tmp_path_factory.mktemp("lobby") / "small.mp4"
    with (
        open_source(ROOT / "samples" / "lobby.mp4", start=6.0, end=7.2) as frames,
        av.open(str(small), "w") as container,
    ):
        stream = container.add_stream("libx264", rate=25, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for frame in frames:
            picture = frame.picture.reformat(640, 360)
            picture.pts, picture.time_base = frame.index, Fraction(1, 25)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return small


@pytest.fixture(scope="module")
def lobby(lobby_clip, tmp_path_factory) -> Clip:
    return clip_of(lobby_clip, tmp_path_factory.mktemp("regions"), "face")


@pytest.fixture(scope="module")
def clips(lobby_clip, tmp_path_factory) -> Callable[[str, str, Path | None], Clip]:
    """``clips(name, kind, footage)``, each looked through once."""
    folder = tmp_path_factory.mktemp("clips")

    @functools.cache
    def clip(name: str, kind: str, footage: Path | None) -> Clip:
        return clip_of(footage or lobby_clip, folder, kind, 1.2)

    return clip


FOOTAGE = {
    "shop": "footage/video/cctv/fight_fi001.mp4",  # faces of 20 pixels, from above
    "close": "footage/video/deface_net_very_short_480p.mp4",  # a face of 200 pixels
}


@pytest.fixture(params=["lobby", *FOOTAGE])
def clip(request, clips, shared) -> Callable[[str], Clip]:
    """``clip(kind)``: from the sample, and from real footage."""
    name = request.param
    return lambda kind: clips(name, kind, shared(FOOTAGE[name]) if name in FOOTAGE else None)


PIXELS = {
    "one frame clear": ("face", lambda clip: spoil.one_frame_clear(clip.middle), {"track gap"}, set()),
    "one face shifted": ("face", lambda clip: spoil.shifted(clip.track, 1.2), {"partly clear"}, {"changed outside"}),
    "a late start of two frames": (
        "face", lambda clip: spoil.late(clip.track, clip.first, 2), {"entry or exit"}, set()
    ),
    "weak blur": ("face", lambda clip: spoil.weak_blur(clip.track, 0.03), {"covered too weakly"}, set()),
    "half a face": ("face", lambda clip: spoil.part_clear(clip.track, spoil.left_half), {"partly clear"}, set()),
    "last row clear": ("person", lambda _: spoil.part_clear(None, spoil.last_row), {"partly clear"}, set()),
    "chroma clear": (
        "person", lambda clip: spoil.part_clear(clip.track, spoil.whole, (1, 2)), {"colour left"}, set()
    ),
    "a frame repeated": ("face", lambda clip: spoil.repeated(clip.middle), set(), {"frame repeated"}),
    "a frame missing": ("face", lambda clip: spoil.missing(clip.middle), set(), {"frame missing"}),
}  # fmt: skip


@pytest.mark.parametrize("name", PIXELS)
def test_spoiled_pixels_and_times_are_found(name, clip, tmp_path):
    kind, change, reasons, faults = PIXELS[name]
    clip = clip(kind)
    if name == "chroma clear" and clip.source.name.startswith("fight"):
        pytest.skip("this shop is grey: its colours tell nothing")
    output = spoil.render(clip.source, clip.regions, tmp_path / "out.mp4", change(clip))
    verdict = clip.verdict(output)
    assert verdict.found
    found = {moment.reason for moment in verdict.alarms}
    if name == "weak blur" and clip.source.name.startswith("fight"):
        # of 20 pixels, a blur by half a pixel leaves all: the face is as good as clear
        assert found & {"covered too weakly", "partly clear", "missed"}
    else:
        assert reasons <= found
    # a cover that was shifted hides what nobody asked to hide; by 16 pixels it is still where codecs smear
    small = name == "one face shifted" and clip.source.name.startswith("fight")
    assert {fault.kind for fault in verdict.faults} == (set() if small else faults)
    if name == "one frame clear":
        assert {moment.index for moment in verdict.alarms} == {clip.middle}
    if name in ("a frame repeated", "a frame missing"):
        (fault,) = verdict.faults
        assert (fault.count, round(fault.time * rate_of(clip.source))) == (1, clip.middle)


@pytest.mark.parametrize("style", ["blur", "mosaic", "solid"])
@pytest.mark.parametrize("kind", ["face", "person"])
def test_the_good_twin_has_nothing(clip, kind, tmp_path, style):
    clip = clip(kind)
    output = tmp_path / "out.mp4"
    redact.render_file(clip.source, clip.regions, output, policy=redact.Policy(style=style))
    verdict = clip.verdict(output)
    assert not verdict.found, (verdict.faults, verdict.alarms)
    assert verdict.compared.frames == verdict.frames
    assert verdict.compared.worst_psnr > 35


def test_the_good_twin_of_the_lobby_holds_against_a_real_detector(lobby, tmp_path):
    regions = tmp_path / "all.json"
    detect_file(lobby.source, regions)
    output = spoil.render(lobby.source, regions, tmp_path / "out.mp4")
    verdict = lobby.verdict(output, regions=regions, detector=None)
    assert not verdict.found, (verdict.faults, verdict.alarms)
    assert verdict.detector != redact.Policy().detector
    assert verdict.looks == 2 * verdict.frames


def test_a_frame_left_clear_is_found_without_regions_too(lobby, tmp_path):
    good = spoil.render(lobby.source, lobby.regions, tmp_path / "good.mp4")
    bad = spoil.render(lobby.source, lobby.regions, tmp_path / "bad.mp4", spoil.one_frame_clear(20))
    assert not lobby.verdict(good, regions=None).alarms
    found = lobby.verdict(bad, regions=None)
    assert {(moment.index, moment.reason) for moment in found.alarms} == {(20, "track gap")}


def test_everybody_clear_is_found_by_looking_alone(lobby, tmp_path):
    output = spoil.render(
        lobby.source, lobby.regions, tmp_path / "out.mp4", lambda shot: [spoil.RedactedFrame(shot.frame)]
    )
    verdict = redact.verify_file(output, every=10).verdict
    assert {moment.reason for moment in verdict.alarms} == {"missed"}
    redact.redact_file(lobby.source, tmp_path / "good.mp4", policy=redact.Policy(style="solid"))
    assert not redact.verify_file(tmp_path / "good.mp4", every=10).verdict.found


def test_somebody_out_of_focus_is_not_passed_over_in_silence(lobby, tmp_path):
    """By the picture alone a soft person looks like a covered one: that is said, with how many."""

    def soft(shot):
        for plane in shot.frame.planes():
            plane.samples[...] = cv2.GaussianBlur(np.ascontiguousarray(plane.samples), (0, 0), 4)
        return [spoil.RedactedFrame(shot.frame)]

    output = spoil.render(lobby.source, lobby.regions, tmp_path / "soft.mp4", soft)
    verdict = redact.verify_file(output, every=10).verdict
    said = [words for words in verdict.unchecked if "out of focus" in words]
    assert said, (verdict.alarms, verdict.unchecked)
    assert not any("out of focus" in words for words in lobby.verdict(output).unchecked)


def test_a_last_frame_that_stays_is_found(tmp_path):
    """On both sides: people can be shown for longer than they were seen, or evidence be cut."""
    clip = make_clip(tmp_path / "clip.mp4", 20, codec="libx264")
    redact.redact_file(clip, tmp_path / "good.mp4", detector=NOBODY)
    long = spoil.lasting(clip, tmp_path / "long.mp4", 1.5)
    redact.redact_file(long, tmp_path / "stays.mp4", detector=NOBODY)
    ends = {}
    for source, output in ((clip, "good"), (long, "stays"), (clip, "stays"), (long, "good")):
        faults = redact.verify_file(tmp_path / f"{output}.mp4", against=source, detector=NOBODY).verdict.faults
        ends[source.stem, output] = [fault.kind for fault in faults]
    assert ends == {
        ("clip", "good"): [],
        ("long", "stays"): [],
        ("clip", "stays"): ["duration differs"],
        ("long", "good"): ["duration differs"],
    }


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "avi", "ts", "flv"])
def test_the_good_twin_lasts_as_long_in_every_container(tmp_path, suffix):
    clip = make_clip(tmp_path / "clip.mp4", 20, codec="libx264")
    if suffix != "avi":  # which counts frames, and knows no longer ones
        clip = spoil.lasting(clip, tmp_path / "long.mp4", 0.5)
    output = tmp_path / f"out.{suffix}"
    redact.redact_file(clip, output, detector=NOBODY)
    assert redact.verify_file(output, against=clip, detector=NOBODY).verdict.faults == ()


def test_a_place_left_in_the_tags_is_found(lobby, tmp_path):
    good = spoil.render(lobby.source, lobby.regions, tmp_path / "good.mp4")
    bad = spoil.remuxed(good, tmp_path / "bad.mp4", tags={"location": "+38.8895-077.0353/", "comment": "x"})
    (fault, *_) = lobby.verdict(bad).faults
    assert fault.kind == "left over"
    assert "location" in fault.detail
    assert "38." not in str(lobby.verdict(bad).to_json())


def test_a_subtitle_left_is_found(lobby, tmp_path):
    good = spoil.render(lobby.source, lobby.regions, tmp_path / "good.mp4")
    bad = spoil.remuxed(good, tmp_path / "bad.mkv", extra=ROOT / "samples" / "streams.mkv")
    assert not lobby.verdict(good).faults
    assert any("subtitle" in fault.detail for fault in lobby.verdict(bad).faults)


def test_a_thumbnail_left_is_found(tmp_path):
    with Image.open(ROOT / "docs" / "before-after.png") as image:
        image.convert("RGB").crop((0, 0, 400, 300)).save(tmp_path / "photo.jpg", quality=92)
    redact.redact_file(
        tmp_path / "photo.jpg", tmp_path / "good.jpg", detector=Scripted(lambda _: [(0.4, 0.3, 0.6, 0.7)])
    )
    assert not redact.verify_file(
        tmp_path / "good.jpg", against=tmp_path / "photo.jpg", detector=NOBODY
    ).verdict.found
    data = (tmp_path / "good.jpg").read_bytes()
    small = io.BytesIO()
    with Image.open(tmp_path / "photo.jpg") as image:
        image.resize((100, 75)).save(small, "JPEG")
    body = b"Exif\0\0" + exif_with(small.getvalue())
    (tmp_path / "bad.jpg").write_bytes(data[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + data[2:])
    (fault,) = redact.verify_file(
        tmp_path / "bad.jpg", against=tmp_path / "photo.jpg", detector=NOBODY
    ).verdict.faults
    assert (fault.kind, fault.detail) == ("left over", "EXIF with a thumbnail")


def rate_of(path: Path) -> Fraction:
    with open_source(path) as source:
        return source.info.frame_rate


def exif_with(thumbnail: bytes) -> bytes:
    """TIFF of one empty directory and one of a thumbnail."""
    second = 8 + 2 + 4
    data = second + 2 + 2 * 12 + 4
    head = b"II*\0" + (8).to_bytes(4, "little") + b"\0\0" + second.to_bytes(4, "little")
    tags = b"".join(
        tag.to_bytes(2, "little")
        + (4).to_bytes(2, "little")
        + (1).to_bytes(4, "little")
        + value.to_bytes(4, "little")
        for tag, value in ((513, data), (514, len(thumbnail)))
    )
    return head + (2).to_bytes(2, "little") + tags + bytes(4) + thumbnail
