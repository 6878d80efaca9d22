"""What must be true of redact whatever it is given; each check runs in a process of its own.

A check raises AssertionError where a promise is broken; whatever else it raises, and is no RedactError, is a bug too.
It returns in a word how the case ended, so that a suite can tell whether its cases reach anything.
"""

from __future__ import annotations

import functools
import json
import resource
import tempfile
import warnings
import zipfile
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import redact
from redact.cover import Cover
from redact.detections import Detections
from redact.frames import Frame
from redact.regions import Settled
from tests.clips import make_clip
from tests.faults.jobs import shown_in

MEMORY = 6_000_000_000  # bytes of address space that any case gets along with
SECONDS = 60.0  # that any case ends in
SIZE = (64, 48)
FRAMES = 6
LOSSLESS = redact.Encoding(codec="ffv1")
ALWAYS = ((0.0, 0.0), (0.4, 0.0), (0.4, 1.0), (0.0, 1.0))
FACE = (0.6, 0.25, 0.9, 0.75)
_NEAR = 40  # levels within which a lossy picture of one colour stays

Box = tuple[float, float, float, float]


class Everywhere:
    """A detector that sees the same face in everything."""

    name = "everywhere"
    kinds = ("face", "person")

    def detect(self, rgb: NDArray[np.uint8]) -> Detections:
        height, width = rgb.shape[:2]
        x1, y1, x2, y2 = FACE
        return Detections.of([(x1 * width, y1 * height, x2 * width, y2 * height)], [0.9], "face")


def media(name: str, data: bytes) -> str:
    """A damaged recording or picture: refused without an output, or covered where it was told to, in every frame."""
    _bounded()
    policy = redact.Policy(style="solid", color="#ff00ff", every=1, always=(ALWAYS,), lookahead=0.1, hold=0.1)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / name
        source.write_bytes(data)
        still = source.suffix in (".png", ".jpg", ".webp", ".tif", ".bmp", ".gif")
        target = Path(folder) / f"out{source.suffix if still else '.mkv'}"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = redact.redact_file(
                    source,
                    target,
                    policy=policy,
                    encoding=LOSSLESS,
                    end=None if still else 0.4,
                    detector=Everywhere(),
                )
        except redact.RedactError as error:
            _one_line(error)
            assert [path.name for path in Path(folder).iterdir()] == [name], "something was left behind"
            return "refused"
        shown = _pictures(target) if still else shown_in(target)
        assert len(shown) == result.frames, f"{len(shown)} frames of {result.frames}"
        for index, frame in enumerate(shown):
            for box in ((0.0, 0.0, 0.4, 1.0), FACE):
                part = _part(frame, box)
                assert not part.size or np.ptp(part.reshape(-1, 3), axis=0).max() <= _NEAR, f"frame {index} is clear"
        return "covered"


def regions(data: bytes) -> str:
    """A bent regions file: refused without an output, or covered where an independent reading of it says."""
    said = _plain_json(data)
    boxes = [_boxes(frame) for frame in said["frames"]] if said else None
    return _rendered("r.json", data, boxes)


def mot(data: bytes, *, archive: bool = False) -> str:
    """Bent MOT rows, bare or in an archive: refused, or covered where an independent reading of them says."""
    boxes: list[list[Box]] = [[] for _ in range(FRAMES)]
    for row in data.decode(errors="replace").splitlines():
        try:
            frame, _, x, y, width, height = (float(part) for part in row.split(",")[:6])
            if 1 <= frame < FRAMES + 1:
                boxes[int(frame) - 1].append((x, y, x + width, y + height))
        except (ValueError, OverflowError):
            continue
    if not archive:
        return _rendered("gt.txt", data, boxes)
    with tempfile.NamedTemporaryFile(suffix=".zip") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as stored:
            stored.writestr("gt/gt.txt", data)
        return _rendered("gt.zip", Path(file.name).read_bytes(), boxes)


def mot_archive(data: bytes) -> str:
    """A bent archive, of which nobody can say what it holds: refused or read, and no more."""
    return _rendered("gt.zip", data, None)


def polygon(corners: tuple[tuple[float, float], ...], width: int, height: int) -> str:
    """An always-polygon, however it crosses itself: every pixel within it is covered, in any size of frame."""
    corners = tuple(map(tuple, corners))
    try:
        policy = redact.Policy(find=(), always=(corners,), style="solid", color="#ff00ff")
    except redact.ConfigError as error:
        _one_line(error)
        return "refused"
    frame = Frame(np.zeros((height, width, 3), np.uint8), 0, 0, Fraction(1))
    Cover(policy)(Settled(frame))
    covered = frame.planes()[0].samples[..., 0] == 255
    missed = _within(corners, width, height) & ~covered
    assert not missed.any(), f"{missed.sum()} pixels inside are clear"
    return "covered"


def policy_file(data: bytes) -> str:
    """A bent policy file: refused in one line, or read as settings that make a policy or are refused together."""
    from redact.policy_file import read_policy_file

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "p.yml"
        path.write_bytes(data)
        try:
            said = read_policy_file(path)
            redact.Policy(**said.policy)
            redact.Encoding(**said.encoding)
        except redact.RedactError as error:
            _one_line(error)
            return "refused"
        return "read"


def configuration(data: bytes) -> str:
    """A bent redact.yml: refused with every fault in one line each, or read as cameras whose policies are safe."""
    from redact.live import config

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "redact.yml"
        path.write_bytes(data)
        try:
            service = config.load(path, {"CAM_USER": "u", "CAM_PASS": "p"})
        except redact.ConfigError as error:
            _one_line(error)
            return "refused"
        for camera in service.cameras.values():
            assert camera.on_detector_error in ("cover", "stop")
            assert camera.policy.allow_weak or not camera.policy.weaknesses()
        return "read"


@functools.cache
def document() -> tuple[Path, bytes]:
    """A small recording, and the regions file that belongs to it."""
    folder = Path(tempfile.mkdtemp(prefix="redact-fuzz-"))
    clip = make_clip(folder / "a.avi", FRAMES, size=SIZE)  # a format without random numbers in it
    redact.detect_file(clip, folder / "r.json", policy=redact.Policy(every=1), detector=Everywhere())
    return clip, (folder / "r.json").read_bytes()


def _rendered(name: str, data: bytes, boxes: list[list[Box]] | None) -> str:
    _bounded()
    clip, _ = document()
    with tempfile.TemporaryDirectory() as folder:
        path, target = Path(folder) / name, Path(folder) / "out.mkv"
        path.write_bytes(data)
        try:
            redact.render_file(
                clip, path, target, encoding=LOSSLESS, policy=redact.Policy(style="solid", color="#ff00ff")
            )
        except redact.RedactError as error:
            _one_line(error)
            assert [found.name for found in Path(folder).iterdir()] == [name], "something was left behind"
            return "refused"
        shown = shown_in(target)
        assert len(shown) == FRAMES
        for frame, covered in zip(shown, boxes or [], strict=boxes is not None):
            for x1, y1, x2, y2 in covered:
                part = _part(frame, (x1 / SIZE[0], y1 / SIZE[1], x2 / SIZE[0], y2 / SIZE[1]))
                assert not part.size or np.ptp(part.reshape(-1, 3), axis=0).max() <= 2, f"{(x1, y1, x2, y2)} is clear"
        return "covered"


def _part(frame: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """What of the frame lies well within a box in fractions of it: a pixel from its edges, which codecs soften."""
    height, width = frame.shape[:2]
    x1, y1, x2, y2 = (min(max(edge, 0.0), 1.0) for edge in box)
    rows = slice(int(y1 * height) + (y1 > 0), max(int(y2 * height) - 1, 0))
    return frame[rows, int(x1 * width) + (x1 > 0) : max(int(x2 * width) - 1, 0)]


def _pictures(path: Path) -> list[NDArray[np.uint8]]:
    from PIL import Image

    pages = []
    with Image.open(path) as image:
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            pages.append(np.asarray(image.convert("RGB"), dtype=np.uint8))
    return pages


def _within(corners: Iterable[tuple[float, float]], width: int, height: int) -> NDArray[np.bool_]:
    """Pixels whose middle the outline goes round at least once."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    turns = np.zeros((height, width), dtype=int)
    points = [(a * width, b * height) for a, b in corners]
    for (x1, y1), (x2, y2) in zip(points, points[1:] + points[:1], strict=True):
        side = (x2 - x1) * (y - y1) - (x - x1) * (y2 - y1)
        turns += ((y1 <= y) & (y < y2) & (side > 1e-9)).astype(int)
        turns -= ((y2 <= y) & (y < y1) & (side < -1e-9)).astype(int)
    return turns != 0


def _plain_json(data: bytes) -> dict[str, Any] | None:
    try:
        said = json.loads(data)
        return said if len(said["frames"]) == FRAMES else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _boxes(frame: Any) -> list[Box]:
    try:
        return [tuple(map(float, region["box"])) for region in frame["regions"]]
    except (ValueError, KeyError, TypeError):
        return []


def _one_line(error: redact.RedactError) -> None:
    assert str(error), "an error without a word"
    assert "\n" not in str(error), "an error of several lines"
    assert len(str(error)) < 1000, "an error that nobody reads"


def _bounded() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.RLIM_INFINITY))
