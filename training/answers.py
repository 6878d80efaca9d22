"""What detectors answer to pictures, asked here or in the Python of another environment.

Some detectors need packages that exclude ours (MediaPipe: numpy below 2). `NAME@PYTHON` asks `redact` for NAME
in the environment of that interpreter: it runs this module, gets paths on its input and prints boxes as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.detect import load_detector
from redact.geometry import as_boxes

from .teachers import Answer, Teacher, centerface, named

SIZES = ((640, 384), (1280, 736))
THREADS = (1, 2)
_FLOOR = 0.05


@dataclass(frozen=True)
class Contestant:
    """A detector to compare. `source`: a name or path for `redact`, `NAME@PYTHON`, or a path of centerface.onnx."""

    name: str
    source: str

    @property
    def environment(self) -> str | None:
        return self.source.partition("@")[2] or None

    @property
    def kinds(self) -> tuple[str, ...]:
        if self.environment or self.name == "centerface":
            return ("face",)
        return tuple(load_detector(self.source, threads=1).kinds)

    def teacher(self, kind: str, threads: int = 1) -> Teacher:
        """The detector as a function; not for those of other environments."""
        if self.name == "centerface":
            return centerface(Path(self.source), threads, _FLOOR)
        return named(self.source, kind, threads, _FLOOR)


def parse(text: str) -> Contestant:
    """`SOURCE` or `NAME=SOURCE`."""
    name, equals, source = text.partition("=")
    if equals:
        return Contestant(name, source)
    return Contestant(Path(text.partition("@")[0]).stem if text.endswith(".onnx") else text.partition("@")[0], text)


def ask(
    contestant: Contestant, kind: str, pictures: Sequence[Path | NDArray[np.uint8]], long_side: int
) -> list[Answer]:
    """Boxes (pixels of each picture) and scores, for pictures given as paths or as BGR arrays."""
    if contestant.environment:
        paths = [str(p) for p in pictures]
        return [
            (as_boxes(a["boxes"]), np.array(a["scores"], np.float32))
            for a in _elsewhere(contestant, kind, paths, long_side)["answers"]
        ]
    teacher = contestant.teacher(kind)
    return [teacher(read(p), long_side) for p in pictures]


def milliseconds(contestant: Contestant, kind: str, picture: Path, repeats: int = 30) -> dict[str, float]:
    """Time of one call, network and decoding, keyed `WIDTHxHEIGHT/THREADS`: a tenth of the calls were faster.

    (On a machine that others use, the median tells more of them than of the detector.)
    """
    if contestant.environment:
        times: dict[str, float] = _elsewhere(contestant, kind, [str(picture)], 0)["milliseconds"]
        return times
    result = {}
    for width, height in SIZES:
        bgr = np.asarray(cv2.resize(read(picture), (width, height)), np.uint8)
        for threads in THREADS:
            result[f"{width}x{height}/{threads}"] = _fast(contestant.teacher(kind, threads), bgr, width, repeats)
    return result


def _fast(teacher: Teacher, bgr: NDArray[np.uint8], long_side: int, repeats: int) -> float:
    spent = []
    for _ in range(repeats + 5):
        start = time.perf_counter()
        teacher(bgr, long_side)
        spent.append(time.perf_counter() - start)
    return round(float(np.percentile(spent[5:], 10)) * 1000, 2)


def read(picture: Path | NDArray[np.uint8]) -> NDArray[np.uint8]:
    """BGR pixels of a picture that is one or lies in a file."""
    if not isinstance(picture, Path):
        return picture
    bgr = cv2.imread(str(picture))
    if bgr is None:
        raise OSError(f"{picture} cannot be read as a picture")
    return np.asarray(bgr, np.uint8)


def _elsewhere(contestant: Contestant, kind: str, paths: list[str], long_side: int) -> dict[str, Any]:
    name = contestant.source.partition("@")[0]
    question = {"name": name, "kind": kind, "paths": paths, "long_side": long_side}
    done = subprocess.run(
        [str(contestant.environment), "-m", "training.answers"],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{contestant.name} failed in its environment: {done.stderr.strip()[-400:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Answer one question from standard input."""
    question = json.loads(sys.stdin.read())
    contestant = Contestant(question["name"], question["name"])
    paths = [Path(p) for p in question["paths"]]
    reply: dict[str, object] = {}
    if question["long_side"]:
        found = ask(contestant, question["kind"], paths, question["long_side"])
        reply["answers"] = [{"boxes": b.tolist(), "scores": s.tolist()} for b, s in found]
    else:
        reply["milliseconds"] = milliseconds(contestant, question["kind"], paths[0], repeats=15)
    print(json.dumps(reply))


if __name__ == "__main__":
    main()
