"""What redact is asked to do while something goes wrong, and what is left behind afterwards.

Every job covers one known part of every frame in one known colour, so that any frame, file or array that comes out
tells by itself whether it is covered.
"""

from __future__ import annotations

import contextlib
import functools
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest import mock

import av
import av.error
import numpy as np
from numpy.typing import NDArray
from PIL import Image

import redact
from tests.clips import RATE, Scripted, picture

FRAMES = 12
SIZE = (96, 64)
FACE = (0.35, 0.3, 0.6, 0.7)
MISSED = (4, 5)  # looks at which the detector finds nobody: the timeline fills them
_NEAR = 40  # levels that lossy codecs vary one colour by; the clips vary by 150 and more
POLICY = redact.Policy(style="solid", color="#ff00ff", every=1, lookahead=0.2, hold=0.2)
Shown = NDArray[np.uint8]


def detector(missed: tuple[int, ...] = MISSED) -> Scripted:
    """Finds the one face there is, except where it misses it."""
    return Scripted(lambda index: [] if index in missed else [FACE])


def clear(shown: Shown) -> bool:
    """Whether a picture, B G R, shows anything but one colour where the face is."""
    height, width = shown.shape[:2]
    x1, y1, x2, y2 = FACE
    face = shown[round(y1 * height) + 1 : round(y2 * height) - 1, round(x1 * width) + 1 : round(x2 * width) - 1]
    return bool((np.ptp(face.reshape(-1, 3), axis=0) > _NEAR).any())


def shown_in(path: Path) -> list[Shown]:
    """Every frame of a video, or page of a picture, that anybody can get out of a file, whole or not."""
    data = path.read_bytes()
    if data[:8] == b"\x89PNG\r\n\x1a\n" or data[:4] in (b"GIF8", b"II*\0"):
        return list(_pages(path))
    frames: list[Shown] = []
    with contextlib.suppress(av.error.FFmpegError, ValueError), av.open(str(path)) as container:
        for packet in container.demux(video=0):
            with contextlib.suppress(av.error.FFmpegError):
                frames += [frame.to_ndarray(format="bgr24") for frame in packet.decode()]
    return frames


def _pages(path: Path) -> list[Shown]:
    pages: list[Shown] = []
    with contextlib.suppress(OSError, SyntaxError, EOFError, ValueError), Image.open(path) as image:
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            pages.append(np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1]))
    return pages


@dataclass(frozen=True)
class Job:
    """inputs: makes the input files in a folder. run: does the work there; returns pictures that it hands to the
    caller, and what it warned of. outputs: files that it makes, of which those with pictures have ``pages`` each.
    withholds: a covered output may stay ``.part``. check: in place of ``verdict`` where what is left is judged
    otherwise."""

    inputs: Callable[[Path], None]
    run: Callable[[Path], tuple[list[Shown], tuple[str, ...]]]
    outputs: tuple[str, ...] = ()
    pages: int = FRAMES
    withholds: bool = False
    check: Callable[..., str] | None = None


@functools.cache
def _stock() -> Path:
    """The input files, made once a process."""
    folder = Path(tempfile.mkdtemp(prefix="redact-faults-"))
    _clip(folder / "a.mkv", "ffv1", "pcm_s16le")
    _clip(folder / "a.mp4", "libx264", "libopus")
    frames = [Image.fromarray(np.ascontiguousarray(picture(index, *SIZE)[:, :, ::-1])) for index in range(FRAMES)]
    frames[0].save(folder / "a.png")
    for name in ("a.gif", "a.tif"):
        frames[0].save(folder / name, save_all=True, append_images=frames[1:])
    return folder


def _clip(path: Path, codec: str, sound: str) -> None:
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=Fraction(RATE))
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        other: Any = container.add_stream(sound, rate=48_000, layout="mono")
        for index in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(picture(index, *SIZE), "bgr24").reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            container.mux(stream.encode(frame))
            hum = av.AudioFrame.from_ndarray(np.full((1, 1920), index, np.int16), "s16", "mono")
            hum.sample_rate, hum.pts, hum.time_base = 48_000, index * 1920, Fraction(1, 48_000)
            container.mux(other.encode(hum))
        container.mux(stream.encode(None))
        container.mux(other.encode(None))


def _given(*names: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        for name in names:
            shutil.copy(_stock() / name, folder)

    return make


def _file(name: str, folder: Path) -> tuple[list[Shown], tuple[str, ...]]:
    codec = "ffv1" if name.endswith("mkv") else None
    missed = () if name.endswith("tif") else MISSED  # pages have no neighbours that could fill them
    result = redact.redact_file(
        folder / name, folder / f"out{Path(name).suffix}", policy=POLICY, detector=detector(missed), overwrite=True,
        encoding=redact.Encoding(codec=codec, audio="keep"),
    )  # fmt: skip
    return [], result.warnings


def _verified(folder: Path) -> tuple[list[Shown], tuple[str, ...]]:
    """Looked at again before the output takes its name."""
    from redact.verify.again import Second

    nobody = Second(Scripted(lambda _: []), "scripted")
    with mock.patch("redact.verify.check.second", return_value=nobody):
        result = redact.redact_file(
            folder / "a.mkv", folder / "out.mkv", policy=POLICY, detector=detector(), overwrite=True, verify=True,
            encoding=redact.Encoding(codec="ffv1", audio="keep"),
        )  # fmt: skip
    if result.verdict is None or result.verdict.found:
        raise RuntimeError(f"withheld: {result.verdict}")
    return [], result.warnings


def _steps(folder: Path) -> tuple[list[Shown], tuple[str, ...]]:
    redact.detect_file(
        folder / "a.mkv", folder / "r.json", policy=POLICY, detector=detector(), exports=["mot", "coco", "csv"],
        overwrite=True,
    )  # fmt: skip
    result = redact.render_file(
        folder / "a.mkv", folder / "r.json", folder / "out.mkv", policy=POLICY, overwrite=True,
        encoding=redact.Encoding(codec="ffv1"),
    )  # fmt: skip
    redact.render_file(
        folder / "a.mkv", folder / "r.mot.zip", folder / "out2.mkv", policy=POLICY, overwrite=True,
        encoding=redact.Encoding(codec="ffv1"),
    )  # fmt: skip
    return [], result.warnings


def _command(folder: Path) -> tuple[list[Shown], tuple[str, ...]]:
    from tests import command

    words = ["file", str(folder / "a.mkv"), "-o", str(folder / "out.mkv"), "--style", "solid", "--color", "#ff00ff"]
    words += ["--every", "1", "--codec", "ffv1", "--report", str(folder / "t.json"), "-q", "-y"]
    words += ["--ledger", str(folder / "l.jsonl"), "--log", str(folder / "e.html")]
    said = mock.Mock()
    with (
        mock.patch("redact.detect.load_detector", return_value=detector()),
        mock.patch("redact.cli.console.say", said),
        mock.patch("redact.cli.reports.say", said),
    ):
        status = command.run(*words)
    told = tuple(str(call.args[0]) for call in said.call_args_list)
    if status:
        raise RuntimeError(f"status {status}: {told}")
    return [], told


def _image(_folder: Path) -> tuple[list[Shown], tuple[str, ...]]:
    return [redact.redact_image(picture(0, *SIZE), policy=POLICY, detector=detector())], ()


def _loop(_folder: Path) -> tuple[list[Shown], tuple[str, ...]]:
    # what came out before the fault has been shown already: it counts too
    out: list[Shown] = []
    loop: redact.Redactor[Shown] = redact.Redactor(POLICY, detector=detector())
    try:
        for index in range(FRAMES):
            out += loop.push(picture(index, *SIZE))
        out += loop.flush()
    except BaseException as error:
        error.out = out  # type: ignore[attr-defined]
        raise
    return out, ()


def _camera(folder: Path) -> tuple[list[Shown], tuple[str, ...]]:
    from tests.faults.camera import camera

    return camera(folder)


def _checked_camera(*args: Any, **named: Any) -> str:
    from tests.faults.camera import check

    return check(*args, **named)


JOBS = {
    "file": Job(_given("a.mkv"), functools.partial(_file, "a.mkv"), ("out.mkv",)),
    "film": Job(_given("a.mp4"), functools.partial(_file, "a.mp4"), ("out.mp4",)),
    "verified": Job(_given("a.mkv"), _verified, ("out.mkv",), withholds=True),
    "steps": Job(_given("a.mkv"), _steps, ("out.mkv", "out2.mkv", "r.json", "r.mot.zip", "r.coco.json", "r.csv")),
    "command": Job(_given("a.mkv"), _command, ("out.mkv", "t.json", "l.jsonl", "e.html")),
    "picture": Job(_given("a.png"), functools.partial(_file, "a.png"), ("out.png",), 1),
    "pages": Job(_given("a.tif"), functools.partial(_file, "a.tif"), ("out.tif",)),
    "animation": Job(_given("a.gif"), functools.partial(_file, "a.gif"), ("out.gif",)),
    "image": Job(_given(), _image, pages=1),
    "loop": Job(_given(), _loop),
}
if find_spec("pydantic") is not None:  # of the extra ``live``
    JOBS["camera"] = Job(_given(), _camera, check=_checked_camera)


def verdict(job: Job, folder: Path, inputs: set[str], out: list[Shown], done: bool, *, killed: bool) -> str:
    """ "no output" or "covered"; AssertionError for anything else.

    done: whether the run says that it succeeded. killed: whether it was given no chance to clean up.
    """
    if job.check is not None:
        return job.check(folder, inputs, out, done, killed=killed)
    names = {path.name for path in folder.iterdir()} - inputs
    parts = {name for name in names if name.endswith(".part")}
    strange = names - parts - set(job.outputs)
    assert not strange, f"left behind: {sorted(strange)}"
    assert killed or not parts or (job.withholds and not done), f"left behind: {sorted(parts)}"
    for name in parts:
        pictures = [] if name.removesuffix(".part").endswith((".json", ".csv", ".zip")) else shown_in(folder / name)
        assert not any(map(clear, pictures)), f"{name} shows a face"
    made = names - parts
    for name in made:
        if name.endswith(".json"):
            json.loads((folder / name).read_text())
            continue
        if not name.startswith("out"):
            continue
        shown = shown_in(folder / name)
        assert shown, f"{name} has its name and no picture"
        assert not any(map(clear, shown)), f"{name} shows a face in {sum(map(clear, shown))} of {len(shown)} frames"
        assert len(shown) == job.pages, f"{name} has its name and {len(shown)} frames of {job.pages}"
    assert not any(map(clear, out)), "a face was handed over"
    if done:
        assert made == set(job.outputs), f"it said that it was done, and made {sorted(made)}"
        assert job.outputs or len(out) == job.pages, f"it said that it was done, and gave {len(out)} pictures"
    return "covered" if made or out else "no output"
