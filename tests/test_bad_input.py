"""Every bad input, by the command line: one ``error:`` line, one ``hint:`` line, an exit status, and nothing else.

What can be read is covered and no more; what cannot leaves no output, no ``.part`` and no other file.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

import redact
from redact.detections import Detections
from tests import command
from tests.clips import RATE, Scripted, decode, make_clip, picture, times

HERE = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
Cli = Callable[..., "Outcome"]


class Outcome:
    """What one run of the command said and did."""

    def __init__(self, status: int, out: str, err: str, made: set[str]) -> None:
        self.status, self.out, self.err, self.made = status, out, err, made

    def failed(self, status: int = 1, *, says: str = "") -> None:
        """It failed cleanly: two lines, no output, nothing written anywhere."""
        assert self.status == status, self.err
        assert [line.split(":")[0] for line in self.err.splitlines()] == ["error", "hint"], self.err
        assert all(len(line) < 400 for line in self.err.splitlines())
        assert self.out == ""
        assert self.made == set()
        assert says in self.err

    def covered(self, *names: str, warns: str = "") -> None:
        """It wrote these files and no others."""
        assert self.status == 0, self.err
        assert self.made == set(names)
        assert all(line.startswith("warning: ") for line in self.err.splitlines()), self.err
        assert warns in self.err
        assert bool(self.err) == bool(warns), self.err


@pytest.fixture
def cli(tmp_path, monkeypatch, capfd) -> Cli:
    """Runs the command in ``tmp_path``, in this process, with what any library writes to stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    def run(*args: object) -> Outcome:
        before = set(tmp_path.rglob("*"))
        capfd.readouterr()
        status = command.run(*args)
        out, err = capfd.readouterr()
        made = {str(path.relative_to(tmp_path)) for path in set(tmp_path.rglob("*")) - before}
        return Outcome(status, out, err, made)

    return run


@pytest.fixture
def detector(monkeypatch) -> Callable[[object], None]:
    """Has the command use a detector made by the test."""

    # loaded now, or they would be loaded with the test's detector for good
    import redact.picture
    import redact.recording
    import redact.steps  # noqa: F401

    def use(made: object) -> None:
        monkeypatch.setattr("redact.detect.load_detector", lambda *_, **__: made)
        monkeypatch.setattr("redact.steps.load_detector", lambda *_, **__: made)

    use(Scripted(lambda _: []))
    return use


@pytest.fixture(autouse=True)
def _nobody(detector) -> None:
    """These tests are about files: unless they say otherwise nobody is found, and no model is loaded."""


def no_file(folder: Path) -> str:
    return "nowhere.mp4"


def empty(folder: Path) -> str:
    (folder / "a.mp4").touch()
    return "a.mp4"


def empty_folder(folder: Path) -> str:
    (folder / "in").mkdir()
    (folder / "in" / "notes.txt").write_text("nothing to see")
    return "in"


def text(folder: Path) -> str:
    (folder / "a.mp4").write_text("this is a text that somebody named like a film\n" * 100)
    return "a.mp4"


def cut_before_its_index(folder: Path) -> str:
    data = make_clip(folder / "whole.mp4", 25, codec="libx264").read_bytes()
    (folder / "whole.mp4").unlink()
    (folder / "a.mp4").write_bytes(data[: len(data) // 2])
    return "a.mp4"


def sound_only(folder: Path) -> str:
    with av.open(str(folder / "a.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        for index in range(20):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            frame.sample_rate, frame.pts = 44100, index * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return "a.mp4"


def encrypted(folder: Path) -> str:
    options = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "76a6c65c5ea762046bd749a2e632ccbb",
               "encryption_kid": "a7e61c373e219033c21091fa607bf3b8"}  # fmt: skip
    with av.open(str(folder / "a.mp4"), "w", options=options) as container:
        write_frames(container, "libx264", "yuv420p", 25)
    return "a.mp4"


def unknown_codec(folder: Path) -> str:
    data = make_clip(folder / "a.mp4", 25, codec="libx264").read_bytes()
    assert b"avc1" in data[-4000:]
    (folder / "a.mp4").write_bytes(data.replace(b"avc1", b"zq9x"))
    return "a.mp4"


def cut_picture(folder: Path) -> str:
    stored = io.BytesIO()
    Image.fromarray(picture(0)).save(stored, "JPEG")
    (folder / "a.jpg").write_bytes(stored.getvalue()[:3000])
    return "a.jpg"


def playlist(folder: Path) -> str:
    (folder / "a.m3u8").write_text("#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    return "a.m3u8"


def locked(folder: Path) -> str:
    make_clip(folder / "a.mp4", 5, codec="libx264").chmod(0)
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    return "a.mp4"


@pytest.mark.parametrize(
    "make",
    [no_file, empty, empty_folder, text, cut_before_its_index, sound_only, encrypted, unknown_codec, cut_picture,
     playlist, locked],
)  # fmt: skip
@pytest.mark.parametrize("command", ["file", "detect", "render"])
def test_what_cannot_be_read_is_refused(cli, tmp_path, make, command):
    name = make(tmp_path)
    target = "out.jpg" if name.endswith(".jpg") else "out.mp4"
    if command == "file":
        cli("file", name, "-o", target).failed()
    elif command == "detect":
        cli("detect", name, "-o", "r.json", "--export", "csv").failed()
    else:
        other = make_clip(tmp_path / "other.mkv", 5)
        redact.detect_file(other, tmp_path / "r.json", detector=Scripted(lambda _: []))
        cli("render", name, "r.json", "-o", target).failed()


@pytest.mark.parametrize(
    "name", ["sample_av1c_fragmented_clearkey.mp4", "subsample_encrypted_altref.webm", "invalid-bitstream.webm"]
)
def test_real_files_that_cannot_be_read(cli, shared, name):
    cli("file", shared(f"footage/containers/{name}"), "-o", "out.mkv").failed()


def write_frames(container, codec: str, pixel_format: str, count: int, size: tuple[int, int] = (320, 240)) -> None:
    stream = container.add_stream(codec, rate=Fraction(RATE))
    stream.width, stream.height, stream.pix_fmt = *size, pixel_format
    for index in range(count):
        frame = av.VideoFrame.from_ndarray(picture(index, *size), "bgr24").reformat(format=pixel_format)
        frame.pts, frame.time_base = index, Fraction(1, RATE)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def test_a_truncated_recording_is_covered_as_far_as_it_goes_and_says_so(cli, tmp_path):
    data = make_clip(tmp_path / "a.mkv", 50).read_bytes()
    (tmp_path / "a.mkv").write_bytes(data[: len(data) * 6 // 10])
    cli("file", "a.mkv", "-o", "out.mkv").covered("out.mkv", warns="ends early")
    assert 20 <= len(decode(tmp_path / "out.mkv")) <= 32


def test_a_size_that_changes_midway(cli, tmp_path):
    parts = [
        make_clip(tmp_path / f"{size[0]}.h264", 25, codec="libx264", size=size) for size in ((320, 240), (160, 120))
    ]
    (tmp_path / "a.h264").write_bytes(b"".join(part.read_bytes() for part in parts))
    outcome = cli("file", "a.h264", "-o", "out.mkv")
    assert outcome.status == 0, outcome.err
    assert {frame.shape for frame in decode(tmp_path / "out.mkv")} == {(360, 320)}
    assert len(decode(tmp_path / "out.mkv")) == 50


@pytest.mark.parametrize("size", [(161, 121), (1, 1), (2, 2), (3, 1)])
def test_odd_sizes(cli, tmp_path, size, detector):
    make_clip(tmp_path / "a.mkv", 5, size=size, pixel_format="yuv444p")
    detector(Scripted(lambda _: [(0.0, 0.0, 1.0, 1.0)]))
    cli("file", "a.mkv", "-o", "out.mkv", "--style", "solid").covered("out.mkv")
    for frame in decode(tmp_path / "out.mkv"):
        assert frame.shape[-2:] == (size[1], size[0]) if frame.ndim == 3 else True
        assert len(np.unique(frame[0])) == 1


@pytest.mark.parametrize("size", [(161, 121), (1, 1)])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".bmp", ".webp", ".tif"])
def test_odd_pictures(cli, tmp_path, size, suffix, detector):
    Image.fromarray(picture(0, *size)).save(tmp_path / f"a{suffix}")
    detector(Scripted(lambda _: [(0.0, 0.0, 1.0, 1.0)]))
    cli("file", f"a{suffix}", "-o", f"out{suffix}", "--style", "solid").covered(f"out{suffix}")
    with Image.open(tmp_path / f"out{suffix}") as image:
        assert image.size == size
        assert np.asarray(image.convert("RGB")).max() <= 20  # of palettes the darkest colour


def test_an_8k_still(cli, tmp_path, detector):
    Image.fromarray(picture(0, 7680, 4320)).save(tmp_path / "a.png", compress_level=1)
    detector(Scripted(lambda _: [(0.4, 0.4, 0.6, 0.6)]))
    cli("file", "a.png", "-o", "out.png").covered("out.png")
    with Image.open(tmp_path / "out.png") as image:
        assert image.size == (7680, 4320)
        assert (np.asarray(image) != picture(0, 7680, 4320)).any()


def test_no_timestamps(cli, tmp_path):
    make_clip(tmp_path / "a.h264", 30, codec="libx264")
    outcome = cli("file", "a.h264", "-o", "out.mkv")
    assert outcome.status == 0, outcome.err
    found = times(tmp_path / "out.mkv")
    assert len(found) == 30
    steps = {round(float(b - a), 2) for a, b in itertools.pairwise(found)}
    assert steps == {0.04}


@pytest.mark.parametrize(
    "stamps", [[0, 1, 2, 2, 2, 3, 4, 5], [-3, -2, -1, 0, 1, 2, 3, 4], [0, 1, 5, 5, 6, 7, 7, 9]], ids=str
)
def test_repeated_and_negative_timestamps(cli, tmp_path, stamps):
    with av.open(str(tmp_path / "a.mkv"), "w", options={"avoid_negative_ts": "disabled"}) as container:
        stream = container.add_stream("ffv1", rate=Fraction(RATE))
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for index, stamp in enumerate(stamps):
            frame = av.VideoFrame.from_ndarray(picture(index), "bgr24").reformat(format="yuv420p")
            for packet in stream.encode(frame):
                packet.pts, packet.dts, packet.time_base = stamp, min(stamps[0], 0) - 8 + index, Fraction(1, RATE)
                container.mux(packet)
    outcome = cli("file", "a.mkv", "-o", "out.mkv")
    assert outcome.status == 0, outcome.err
    found = times(tmp_path / "out.mkv")
    assert len(found) == len(stamps)
    assert all(b > a for a, b in itertools.pairwise(found))
    assert found[0] >= 0


def spoil(path: Path, packets: range, seed: int) -> None:
    """Overwrite bytes here and there inside some of the video's packets, and nothing of the container."""
    rng = np.random.default_rng(seed)
    with av.open(str(path)) as container:
        found = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    for number in packets:
        at, size = found[number]
        for position in range(at + 40, at + size, 60 + 10 * seed):
            data[position : position + 4] = rng.bytes(4)
    path.write_bytes(data)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
def test_a_damaged_stretch_is_covered_whole_or_dropped_and_the_rest_goes_on(cli, tmp_path, codec, seed):
    make_clip(tmp_path / "good.mkv", 100, codec=codec)
    shutil.copy(tmp_path / "good.mkv", tmp_path / "a.mkv")
    spoil(tmp_path / "a.mkv", range(45, 50), seed)
    outcome = cli("file", "a.mkv", "-o", "out.mkv", "--codec", "ffv1", "--style", "solid")
    assert outcome.status == 0, outcome.err
    assert "warning: " in outcome.err, "damage was not noticed"
    good = dict(zip(times(tmp_path / "good.mkv"), decode(tmp_path / "good.mkv"), strict=True))
    after = dict(zip(times(tmp_path / "out.mkv"), decode(tmp_path / "out.mkv"), strict=True))
    assert max(after) == max(good)  # the damage was not taken for the end
    assert len(after) >= 80
    passed = [at for at, frame in after.items() if len(np.unique(frame[:240])) > 1]
    assert len(passed) >= 40
    assert [float(at) for at in passed if not (after[at] == good[at]).all()] == []


def test_a_container_that_cannot_be_read_on_is_said_to_be(cli, tmp_path):
    data = bytearray(make_clip(tmp_path / "a.mkv", 100, codec="libx264").read_bytes())
    half = len(data) // 2
    data[half : half + 6000] = np.random.default_rng(1).bytes(6000)
    (tmp_path / "a.mkv").write_bytes(data)
    outcome = cli("file", "a.mkv", "-o", "out.mkv")
    assert outcome.status == 0, outcome.err
    assert "warning: " in outcome.err


@contextlib.contextmanager
def small_disk(place: Path, options: str) -> Iterator[Path]:
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize(
    "args",
    [
        ("file", "a.mkv", "-o", "disk/out.mkv", "--codec", "ffv1"),
        ("file", "a.png", "-o", "disk/out.png"),
        ("file", "a.gif", "-o", "disk/out.gif"),
        ("detect", "a.mkv", "-o", "disk/r.json", "--export", "mot", "--export", "coco", "--export", "csv"),
        ("render", "a.mkv", "r.json", "-o", "disk/out.mkv", "--codec", "ffv1"),
    ],
    ids=lambda args: " ".join(args[:2]),
)
def test_a_full_disk(cli, tmp_path, args, detector):
    make_clip(tmp_path / "a.mkv", 60)
    redact.detect_file(tmp_path / "a.mkv", tmp_path / "r.json", detector=Scripted(lambda _: []))
    rng = np.random.default_rng(0)
    frames = [Image.fromarray(rng.integers(0, 255, (240, 320, 3), dtype=np.uint8)) for _ in range(4)]
    frames[0].save(tmp_path / "a.png")
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    detector(Scripted(lambda _: [(0.1 + n / 30, 0.1, 0.12 + n / 30, 0.2) for n in range(25)]))
    with small_disk(tmp_path / "disk", "size=32k"):
        cli(*args).failed(says="disk is full")


@pytest.mark.parametrize(
    "args",
    [("file", "a.mkv", "-o", "{}/out.mkv"), ("file", "a.png", "-o", "{}/out.png"),
     ("detect", "a.mkv", "-o", "{}/r.json"), ("file", "a.mkv", "-o", "out.mkv", "--report", "{}/r.json")],
    ids=lambda args: " ".join(args[:2]),
)  # fmt: skip
def test_an_output_folder_that_is_not_there_or_read_only(cli, tmp_path, args):
    make_clip(tmp_path / "a.mkv", 5)
    Image.fromarray(picture(0)).save(tmp_path / "a.png")
    cli(*(arg.format("nowhere") for arg in args)).failed(says="no such folder")
    with small_disk(tmp_path / "locked", "ro"):
        cli(*(arg.format("locked") for arg in args)).failed(says="may not be written")


@pytest.mark.parametrize("name", ["a.mkv", "a.png"])
@pytest.mark.parametrize("link", ["same", "symbolic", "hard", "through a folder"])
def test_an_output_that_is_the_input(cli, tmp_path, name, link):
    (make_clip if name == "a.mkv" else lambda path, _: Image.fromarray(picture(0)).save(path))(tmp_path / name, 5)
    data = (tmp_path / name).read_bytes()
    target = tmp_path / f"b{Path(name).suffix}"
    if link == "same":
        target = tmp_path / name
    elif link == "symbolic":
        target.symlink_to(tmp_path / name)
    elif link == "hard":
        os.link(tmp_path / name, target)
    else:
        (tmp_path / "here").symlink_to(tmp_path)
        target = tmp_path / "here" / name
    cli("file", name, "-o", target, "-y").failed(says="input itself")
    assert (tmp_path / name).read_bytes() == data


def test_a_regions_file_over_its_video(cli, tmp_path):
    make_clip(tmp_path / "a.mkv", 5)
    data = (tmp_path / "a.mkv").read_bytes()
    cli("detect", "a.mkv", "-o", "a.mkv", "-y").failed(says="input itself")
    assert (tmp_path / "a.mkv").read_bytes() == data


def raises(_rgb):
    raise RuntimeError("out of memory\nand a second line")


class Faulty:
    """A detector that works for a while and then does what ``fault`` does."""

    name = "faulty"
    kinds = ("face", "person")

    def __init__(self, fault, after: int = 8) -> None:
        self._fault = fault
        self._left = after

    def detect(self, rgb):
        self._left -= 1
        return Detections.none() if self._left >= 0 else self._fault(rgb)


FAULTS = {
    "raises": raises,
    "not a number": lambda _: Detections.of([(np.nan, 0, 1, 1)], [0.9], "face"),
    "a score that is none": lambda _: Detections.of([(0, 0, 1, 1)], [np.nan], "face"),
    "infinite": lambda _: Detections.of([(0, 0, np.inf, 1)], [0.9], "face"),
    "huge": lambda _: Detections.of([(0, 0, 1e9, 1e9)], [0.9], "face"),
    "far away": lambda _: Detections.of([(-1e6, -1e6, -9e5, -9e5)], [0.9], "face"),
    "inside out": lambda _: Detections.of([(10, 10, 5, 5)], [0.9], "face"),
    "nothing at all": lambda _: None,
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    "args", [("file", "a.mkv", "-o", "out.mkv"), ("detect", "a.mkv", "-o", "r.json")], ids=lambda a: a[0]
)
def test_a_detector_that_answers_nonsense(cli, tmp_path, detector, fault, args):
    make_clip(tmp_path / "a.mkv", 40)
    detector(Faulty(FAULTS[fault]))
    cli(*args).failed(says="detector")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_detector_that_answers_nonsense_about_a_picture(cli, tmp_path, detector, fault):
    Image.fromarray(picture(0)).save(tmp_path / "a.png")
    detector(Faulty(FAULTS[fault], after=0))
    cli("file", "a.png", "-o", "out.png").failed(says="detector")


@pytest.mark.parametrize("name", ["a.mkv", "a.png"])
def test_a_detector_that_hangs(cli, tmp_path, detector, monkeypatch, name):
    from redact import pipeline

    make_clip(tmp_path / "a.mkv", 40)
    Image.fromarray(picture(0)).save(tmp_path / "a.png")
    monkeypatch.setitem(pipeline.settle.__wrapped__.__kwdefaults__, "timeout", 0.5)
    monkeypatch.setattr(pipeline, "_PATIENCE", 0.5)
    detector(Faulty(lambda _: time.sleep(4), after=0))
    began = time.monotonic()
    cli("file", name, "-o", f"out{Path(name).suffix}").failed(says="not answered")
    assert time.monotonic() - began < 8


def test_a_box_that_begins_outside_is_covered_to_the_edge(cli, tmp_path, detector):
    make_clip(tmp_path / "a.mkv", 10)
    detector(Scripted(lambda _: [(-0.2, -0.2, 0.2, 0.3)]))
    cli("file", "a.mkv", "-o", "out.mkv", "--style", "solid").covered("out.mkv")
    for frame in decode(tmp_path / "out.mkv"):
        assert len(np.unique(frame[:60, :50])) == 1


def regions_of(tmp_path: Path) -> dict:
    make_clip(tmp_path / "a.mkv", 10)
    redact.detect_file(tmp_path / "a.mkv", tmp_path / "r.json", detector=Scripted(lambda _: [(0.4, 0.4, 0.6, 0.6)]))
    return json.loads((tmp_path / "r.json").read_text())


REGIONS = {
    "another video": lambda d: d["input"].update(sha256="ab" * 32),
    "another version": lambda d: d.update(version=99),
    "damaged": lambda d: d["frames"].pop(3),
    "hostile": lambda d: d["frames"][3].update(regions=d["frames"][3]["regions"] * 1_000_000),
}


@pytest.mark.parametrize("fault", REGIONS)
def test_a_regions_file_that_does_not_do(cli, tmp_path, fault):
    document = regions_of(tmp_path)
    REGIONS[fault](document)
    (tmp_path / "r.json").write_text(json.dumps(document))
    cli("render", "a.mkv", "r.json", "-o", "out.mkv").failed()


def test_a_hostile_line_is_refused_in_little_memory(tmp_path):
    """A frame of a million regions, in the layout that is read by the line."""
    document = regions_of(tmp_path)
    region = json.dumps(document["frames"][3]["regions"][0])
    lines = (tmp_path / "r.json").read_text().splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith('{"index":3,'))
    lines[at] = lines[at].replace('"regions":[', '"regions":[' + f"{region}," * 1_000_000, 1)
    (tmp_path / "r.json").write_text("\n".join(lines))
    assert (tmp_path / "r.json").stat().st_size > 70_000_000
    code = (
        "import resource, sys; sys.argv = ['redact', 'render', 'a.mkv', 'r.json', '-o', 'out.mkv']\n"
        "from redact.cli import app\nfrom redact.cli.console import guarded\n"
        "import redact.steps\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "status = guarded(lambda: app(standalone_mode=False))\n"
        "print(status, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=env, timeout=100
    )
    assert [line.split(":")[0] for line in run.stderr.splitlines()] == ["error", "hint"], run.stderr
    status, grown = map(int, run.stdout.split())
    assert status == 1
    assert grown < 60_000  # KB
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mkv", "r.json"]


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory) -> Path:
    """Half a minute of work."""
    return make_clip(tmp_path_factory.mktemp("long") / "a.mkv", 700, codec="libx264", size=(640, 480))


def started(long_clip: Path, tmp_path: Path, *args: str) -> subprocess.Popen[str]:
    """The command at work: its .part is there."""
    shutil.copy(long_clip, tmp_path)
    run = subprocess.Popen(
        [sys.executable, "-m", "redact", *args], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=HERE,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("*.part")) and time.monotonic() < deadline and run.poll() is None:
        time.sleep(0.02)
    time.sleep(0.5)
    assert run.poll() is None, "it was done before it could be stopped"
    return run


@pytest.mark.parametrize(
    "args", [("file", "a.mkv", "-o", "out.mkv", "--report", "t.json"),
             ("detect", "a.mkv", "-o", "r.json", "--export", "mot", "--export", "csv")], ids=lambda a: a[0]
)  # fmt: skip
def test_control_c_half_way(long_clip, tmp_path, args):
    run = started(long_clip, tmp_path, *args)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 130
    assert (out, err) == ("", "interrupted: nothing was left behind\n")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mkv"]


def test_kill_half_way_leaves_a_part_at_most_and_nothing_in_its_way(long_clip, tmp_path, cli):
    run = started(long_clip, tmp_path, "file", "a.mkv", "-o", "out.mkv")
    run.kill()
    run.communicate(timeout=60)
    assert {path.name for path in tmp_path.iterdir()} <= {"a.mkv", "out.mkv.part"}
    outcome = cli("file", "a.mkv", "-o", "out.mkv", "--duration", "0.4")
    assert outcome.status == 0, outcome.err
    assert {path.name for path in tmp_path.iterdir()} == {"a.mkv", "out.mkv"}
    assert len(decode(tmp_path / "out.mkv")) == 10


def test_a_folder_of_good_and_bad(cli, tmp_path):
    (tmp_path / "in").mkdir()
    make_clip(tmp_path / "in/good.mkv", 5)
    Image.fromarray(picture(0)).save(tmp_path / "in/good.png")
    (tmp_path / "in/bad.mp4").write_bytes(b"x" * 100)
    (tmp_path / "in/bad.jpg").write_bytes(b"\xff\xd8\xff" + b"x" * 100)
    shutil.copy(tmp_path / "in/good.png", tmp_path / "in/really.gif")  # a PNG by another name
    outcome = cli("file", "in", "-o", "out/")
    assert outcome.status == 1
    assert outcome.made == {"out", "out/good.mkv", "out/good.png", "out/really.gif"}
    assert outcome.err.count("error: ") == outcome.err.count("hint: ") == 2


@pytest.mark.parametrize(
    ("args", "written"),
    [
        (("file", "a.tif", "-o", "out.tif"), {"out.tif.part"}),
        (("file", "a.gif", "-o", "out.gif"), {"out.gif.part"}),
        (("file", "a.jpg", "-o", "out.webp", "--report", "t.json"), {"out.webp.part", "t.json.part"}),
        (("detect", "a.mkv", "-o", "r2.json", "--export", "mot"), {"r2.json.part", "r2.mot.zip.part"}),
        (("render", "a.mkv", "r.json", "-o", "out.mkv"), {"out.mkv.part"}),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)
def test_no_other_file_is_ever_opened_for_writing(tmp_path, args, written):
    """Not even one that is deleted again: the system's own record of the run says so."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    (tmp_path / "work").mkdir()
    make_clip(tmp_path / "work/a.mkv", 10)
    redact.detect_file(tmp_path / "work/a.mkv", tmp_path / "work/r.json", detector=Scripted(lambda _: []))
    frames = [Image.fromarray(picture(index)) for index in range(3)]
    for name in ("a.tif", "a.gif"):
        frames[0].save(tmp_path / "work" / name, save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "work/a.jpg")
    command = ["strace", "-f", "-qq", "-e", "trace=openat,open,creat", "-o", str(tmp_path / "log")]
    run = subprocess.run(
        [*command, sys.executable, "-m", "redact", *args], cwd=tmp_path / "work", capture_output=True, text=True,
        env=HERE | {"PYTHONDONTWRITEBYTECODE": "1"}, timeout=150,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    opened = re.findall(r'open(?:at)?\((?:AT_FDCWD, )?"([^"]+)", ([A-Z_|0-9]+)', (tmp_path / "log").read_text())
    found = {path for path, flags in opened if re.search("O_WRONLY|O_RDWR|O_CREAT", flags)}
    assert {Path(path).name for path in found if not path.startswith(("/dev/", "/proc/"))} == written
