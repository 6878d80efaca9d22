"""Whether this installation can do its work: versions, codecs, providers, model digests, and a self-test."""

from __future__ import annotations

import importlib.metadata
import platform
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from redact.errors import RedactError

_PACKAGES = ("numpy", "opencv-python-headless", "av", "onnxruntime", "pillow", "typer", "tqdm", "mediapipe")
_OPTIONAL = frozenset({"mediapipe"})
_ENCODERS = ("libx264", "libx265", "libvpx-vp9", "libsvtav1", "ffv1")
_SIZE = (320, 240)
_FRAMES = 25
_BOX = (0.25, 0.25, 0.75, 0.75)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    what: str
    ok: bool
    detail: str


def examine() -> Iterator[Finding]:
    """Look at everything, one finding at a time; nothing is downloaded."""
    yield Finding("python", True, f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    for package in ("redact", *_PACKAGES):
        yield _package(package)
    yield _encoders()
    yield _providers()
    yield from _models()
    yield _self_test()


def _package(name: str) -> Finding:
    try:
        return Finding(name, True, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        optional = name in _OPTIONAL
        return Finding(name, optional, "not installed" + (" (optional)" if optional else ""))


def _encoders() -> Finding:
    import av

    missing = []
    for name in _ENCODERS:
        try:
            av.codec.Codec(name, "w")
        except av.error.FFmpegError:
            missing.append(name)
    return Finding("encoders", not missing, f"missing {', '.join(missing)}" if missing else ", ".join(_ENCODERS))


def _providers() -> Finding:
    import onnxruntime

    names = onnxruntime.get_available_providers()
    return Finding("onnxruntime providers", "CPUExecutionProvider" in names, ", ".join(names))


def _models() -> Iterator[Finding]:
    from redact.detect.catalog import check

    try:
        for finding in check():
            yield Finding(
                f"model {finding.name}", finding.state != "bad", f"{finding.state} {finding.detail}".strip()
            )
    except RedactError as error:
        yield Finding("models", False, str(error))


def _self_test() -> Finding:
    """Cover a square of a second of noise and look: the square must be gone, the rest must be there."""
    import av

    from redact.policy import Encoding, Policy
    from redact.recording import redact_file

    width, height = _SIZE
    noise = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    x1, y1, x2, y2 = _BOX
    square = ((x1, y1), (x2, y1), (x2, y2), (x1, y2))
    try:
        with tempfile.TemporaryDirectory(prefix="redact-doctor-") as folder:
            clear, covered = Path(folder, "clear.mkv"), Path(folder, "covered.mkv")
            with av.open(str(clear), "w") as container:
                stream = container.add_stream("ffv1", rate=Fraction(_FRAMES))
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv444p"
                for _ in range(_FRAMES):
                    container.mux(
                        stream.encode(av.VideoFrame.from_ndarray(noise, "rgb24").reformat(format="yuv444p"))
                    )
                container.mux(stream.encode(None))
            result = redact_file(
                clear, covered, policy=Policy(always=(square,), style="solid"), encoding=Encoding(codec="ffv1")
            )
            with av.open(str(clear)) as before, av.open(str(covered)) as after:
                pairs = zip(before.decode(video=0), after.decode(video=0), strict=True)
                for was, now in pairs:
                    changed = was.to_ndarray()[0] != now.to_ndarray()[0]
                    inside = changed[int(y1 * height) : int(y2 * height), int(x1 * width) : int(x2 * width)]
                    if inside.mean() < 0.95 or changed[: int(y1 * height) - 4].any():
                        return Finding("self-test", False, "the covered square is not where it should be")
    except (RedactError, av.error.FFmpegError, OSError, ValueError) as error:
        return Finding("self-test", False, str(error))
    return Finding("self-test", True, f"{result.frames} frames covered in {result.elapsed:.2f} s")
