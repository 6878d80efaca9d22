"""Milliseconds of processor time a frame and step: decode, cut, small picture, detect, settle, cover, encode.

Processor time, not time on the clock, so that other work on the machine does not count; divided by the cores it is
the least that a frame can take. Decoding is timed alone, the steps of this project's own thread by its thread,
encoding is what remains. Detection is spread over all frames, looked at or not.
"""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.clips import SAMPLES, detector_name, footage
from benchmarks.transcode import CRF, PRESET, prolonged
from redact.cover import Cover
from redact.detect import load_detector
from redact.detect.tiles import Search
from redact.frames import Frame
from redact.looking import Looking
from redact.media.sink import open_sink
from redact.media.source import open_source
from redact.policy import Encoding, Policy
from redact.scenes import Scenes
from redact.timeline import Timeline

STEPS = ("decode", "cut", "small picture", "detect", "settle", "cover", "encode")
SIZES = {"720p": (720, 100), "1080p": (1080, 100), "4K": (2160, 30)}  # lines, frames
T = TypeVar("T")


class Stopwatch:
    """Adds up seconds by step; time spent in an inner step does not count for the outer one."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._stack: list[tuple[str, float]] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        now = time.thread_time()
        if self._stack:
            outer, since = self._stack[-1]
            self.seconds[outer] += now - since
        self._stack.append((name, now))
        try:
            yield
        finally:
            now = time.thread_time()
            inner, since = self._stack.pop()
            self.seconds[inner] += now - since
            if self._stack:
                self._stack[-1] = (self._stack[-1][0], now)

    def timed(self, name: str, function: Callable[..., T]) -> Callable[..., T]:
        """``function``, its time counted as ``name``."""

        def run(*given: Any, **named: Any) -> T:
            with self.step(name):
                return function(*given, **named)

        return run


def measure(quick: bool) -> dict[str, Any]:
    """All figures of this benchmark."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for size, path, bits in _clips(folder, quick):
            rows.append({"size": size, "bits": bits, **_milliseconds(path, folder / "out.mp4")})
    return {"encoder": f"x264 {PRESET} crf {CRF}", "rows": rows}


def _clips(folder: Path, quick: bool) -> Iterator[tuple[str, Path, int]]:
    video = footage()
    if quick or video is None:
        target = folder / "sample.mp4"
        prolonged(SAMPLES / "lobby.mp4", target, height=360, every=10, times=1)
        yield "360p", target, 8
        return
    source = video / "video" / "other_openpose_street_720p.avi"
    for bits in (8, 10):
        for size, (height, frames) in SIZES.items():
            target = folder / f"{size}-{bits}.mp4"
            prolonged(source, target, height=height, every=2, times=1, limit=2 * frames, bits=bits)
            yield size, target, bits


def _milliseconds(path: Path, output: Path) -> dict[str, Any]:
    watch, policy = Stopwatch(), Policy()
    detector = load_detector(detector_name(), threads=1)  # one, so that its work is all in this thread
    decoding = _decoding(path)
    began = time.process_time()
    looks = frames = regions = 0
    kept = Frame.rgb, Scenes.cut
    Frame.rgb = watch.timed("small picture", Frame.rgb)  # type: ignore[method-assign]
    Scenes.cut = watch.timed("cut", Scenes.cut)  # type: ignore[method-assign]
    try:
        with (
            open_source(path) as source,
            open_sink(output, source.info, Encoding(crf=CRF, preset=PRESET), source=source, overwrite=True) as sink,
        ):
            search = Search(detector, policy, source.info.width, source.info.height)
            looking = Looking(watch.timed("detect", search), policy)
            timeline, cover = Timeline(policy, search.starts), Cover(policy)
            for looked in looking.over(source):
                with watch.step("settle"):
                    settled = timeline.push(looked.frame, looked.detections, cut=looked.cut, whole=looked.whole)
                frames, regions = frames + len(settled), regions + sum(len(item.regions) for item in settled)
                for item in settled:
                    _finish(item, cover, sink, watch)
            with watch.step("settle"):
                settled = timeline.flush()
            frames, regions = frames + len(settled), regions + sum(len(item.regions) for item in settled)
            for item in settled:
                _finish(item, cover, sink, watch)
            sink.commit()
            looks = looking.looks
    finally:
        Frame.rgb, Scenes.cut = kept  # type: ignore[method-assign]
    watch.seconds["decode"] = decoding
    watch.seconds["encode"] = time.process_time() - began - sum(watch.seconds.values())
    return {
        "frames": frames,
        "looks": looks,
        "regions_a_frame": round(regions / frames, 1),
        "milliseconds": {name: round(1000 * watch.seconds[name] / frames, 2) for name in STEPS},
        "milliseconds_a_look": round(1000 * (watch.seconds["detect"] + watch.seconds["small picture"]) / looks, 1),
    }


def _decoding(path: Path) -> float:
    """Seconds of processor time that decoding all of the clip takes."""
    began = time.process_time()
    with open_source(path) as source:
        for _ in source:
            pass
    return time.process_time() - began


def _finish(item: Any, cover: Cover, sink: Any, watch: Stopwatch) -> None:
    with watch.step("cover"):
        covered = cover(item)
    sink.write(covered)


def table(results: dict[str, Any]) -> str:
    """Markdown."""
    lines = [
        f"| | {' | '.join(STEPS)} | sum | regions a frame | a look |",
        f"|---|{'---|' * (len(STEPS) + 3)}",
    ]
    for row in results["rows"]:
        spent = row["milliseconds"]
        cells = " | ".join(f"{spent[name]:.1f}" for name in STEPS)
        lines.append(
            f"| {row['size']}, {row['bits']} bit | {cells} | {sum(spent.values()):.1f} |"
            f" {row['regions_a_frame']:g} | {row['milliseconds_a_look']:.0f} |"
        )
    return "\n".join(lines)


def plot(results: dict[str, Any], folder: Path) -> list[Path]:
    """Work in a frame by step."""
    from benchmarks.plots import stacked

    names = [f"{row['size']}\n{row['bits']} bit" for row in results["rows"]]
    series = {step: [row["milliseconds"][step] for row in results["rows"]] for step in STEPS}
    path = folder / "hot_loop.png"
    stacked(path, names, series, title="Work in a frame of a busy street", across="", up="ms of processor time")
    return [path]
