"""Speed and memory of whole runs: plain transcode, ``redact file`` and deface, same clips, same encoder settings.

Every run is a process of its own, measured from its start to its end, imports and model loading included. Runs
take turns, so that a busier moment of the machine meets all of them; ratios are of medians.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from benchmarks.clips import ROOT, SAMPLES, decoded, deface_python, detector_name, footage

PRESET, CRF = "veryfast", 20
WATCH = 0.05  # seconds between looks at memory
TIMES = 3  # runs of each; deface, which takes minutes, runs once
TARGETS = {"of_plain": 0.5, "of_deface": 8.0, "megabytes": 700, "longer": 0.05, "import_seconds": 0.3}
_PLAIN = """
import sys, av
with av.open(sys.argv[1]) as source, av.open(sys.argv[2], "w") as target:
    stream = source.streams.video[0]
    stream.thread_type = "AUTO"
    options = {"preset": sys.argv[3], "crf": sys.argv[4]}
    video = target.add_stream("libx264", rate=stream.average_rate, options=options)
    video.width, video.height, video.pix_fmt = stream.width, stream.height, "yuv420p"
    video.codec_context.time_base = video.time_base = stream.time_base
    for frame in source.decode(stream):
        frame.pict_type = 0
        target.mux(video.encode(frame))
    target.mux(video.encode(None))
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One finished process. seconds: wall clock. megabytes: the most memory it held."""

    seconds: float
    megabytes: float


def measure(quick: bool) -> dict[str, Any]:
    """All figures of this benchmark."""
    results: dict[str, Any] = {"targets": TARGETS, "import_seconds": import_seconds(3 if quick else 9), "clips": {}}
    with tempfile.TemporaryDirectory() as folder:
        for name, path, frames in _clips(Path(folder), quick):
            results["clips"][name] = _compared(
                path, frames, Path(folder), times=1 if quick else TIMES, deface="street" in name
            )
        if not quick:
            results["memory"] = _memory(Path(folder))
    return results


def import_seconds(times: int) -> float:
    """Median seconds that ``import redact`` takes in a fresh interpreter."""
    code = "import time; began = time.perf_counter(); import redact; print(time.perf_counter() - began)"
    answers = [
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout
        for _ in range(times)
    ]
    return round(statistics.median(float(answer) for answer in answers), 4)


def prolonged(
    source: Path,
    target: Path,
    *,
    height: int,
    every: int,
    times: int,
    limit: int | None = None,
    rate: int = 25,
    bits: int = 8,
) -> int:
    """Write every N-th frame of a clip, scaled to ``height`` lines, ``times`` times over; answers how many frames."""
    count = 0
    layout = "yuv420p" if bits == 8 else "yuv420p10le"
    with av.open(str(target), "w") as container:
        video = container.add_stream("libx264", rate=rate, options={"preset": PRESET, "crf": str(CRF)})
        for _ in range(times):
            for frame in decoded(source, limit):
                if frame.index % every:
                    continue
                picture = frame.picture
                assert isinstance(picture, av.VideoFrame)
                width = round(picture.width * height / picture.height / 2) * 2
                shown = picture.reformat(width, height, layout)
                if not count:
                    video.width, video.height, video.pix_fmt = width, height, layout
                shown.pts, shown.time_base, shown.pict_type = count, Fraction(1, rate), 0
                container.mux(video.encode(shown))
                count += 1
        container.mux(video.encode(None))
    return count


def _clips(folder: Path, quick: bool) -> Iterator[tuple[str, Path, int]]:
    video = footage()
    if quick or video is None:
        target = folder / "sample.mp4"
        yield "sample 360p", target, prolonged(SAMPLES / "lobby.mp4", target, height=360, every=5, times=1)
        return
    for name, clip, every, times in (
        ("busy street 1080p25", "other_openpose_street_720p.avi", 2, 2),
        ("quiet CCTV 1080p25", "cctv/noFight_nofi135.mp4", 1, 3),
        ("nobody 1080p25", "intel_sample_videos_bottle-detection.mp4", 6, 1),
    ):
        target = folder / f"{name.split()[0]}.mp4"
        yield (
            name,
            target,
            prolonged(video / "video" / clip, target, height=1080, every=every, times=times, limit=600),
        )


def _compared(path: Path, frames: int, folder: Path, *, times: int, deface: bool) -> dict[str, Any]:
    output = folder / "out.mp4"
    commands = {"plain": _plain(path, output), "redact": _redact(path, output)}
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for turn in range(times):
        for name, command in list(commands.items())[:: 1 if turn % 2 else -1]:  # nobody always goes first
            runs[name].append(_run(command))
    if deface and (command := _deface(path, output)):
        runs["deface"] = [_run(command)]
    rates = {name: frames / statistics.median(run.seconds for run in done) for name, done in runs.items()}
    result: dict[str, Any] = {
        "frames": frames,
        "frames_per_second": {name: round(rate, 2) for name, rate in rates.items()},
        "seconds": {name: [round(run.seconds, 2) for run in done] for name, done in runs.items()},
        "megabytes": {name: round(max(run.megabytes for run in done)) for name, done in runs.items()},
        "of_plain": round(rates["redact"] / rates["plain"], 3),
    }
    if "deface" in rates:
        result["of_deface"] = round(rates["redact"] / rates["deface"], 1)
    return result


def _memory(folder: Path) -> dict[str, Any]:
    """Peak memory of redact on a clip and on the same ten times over."""
    video = footage()
    assert video is not None
    source = video / "video" / "other_openpose_street_720p.avi"
    peaks = {}
    for times in (1, 10):
        target = folder / f"long{times}.mp4"
        prolonged(source, target, height=1080, every=2, times=times)
        peaks[times] = _run(_redact(target, folder / "out.mp4")).megabytes
        target.unlink()
    return {
        "megabytes": round(peaks[1]),
        "megabytes_ten_times_as_long": round(peaks[10]),
        "longer": round(peaks[10] / peaks[1] - 1, 4),
    }


def _plain(source: Path, target: Path) -> list[str]:
    return [sys.executable, "-c", _PLAIN, str(source), str(target), PRESET, str(CRF)]


def _redact(source: Path, target: Path) -> list[str]:
    settings = ["--detector", detector_name(), "--codec", "h264", "--preset", PRESET, "--crf", str(CRF)]
    return [sys.executable, "-m", "redact", "file", str(source), "-o", str(target), "-y", "-q", *settings]


def _deface(source: Path, target: Path) -> list[str] | None:
    python = deface_python()
    if python is None:
        return None
    encoder = {"codec": "libx264", "ffmpeg_params": ["-preset", PRESET, "-crf", str(CRF)]}
    return [str(python.parent / "deface"), str(source), "-o", str(target), "--ffmpeg-config", json.dumps(encoder)]


def _run(command: Sequence[str]) -> Run:
    """Run to the end. Raises RuntimeError with what it said last if it fails."""
    import psutil

    peak = 0
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said)
        watched = psutil.Process(process.pid)
        # the system's own peak would count the memory of this process too, which the child is forked from
        while process.poll() is None:
            with contextlib.suppress(psutil.Error):
                peak = max(peak, watched.memory_info().rss)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(WATCH)
        seconds = time.perf_counter() - began
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"{command[0]} failed: {said.read().decode(errors='replace')[-500:]}")
    return Run(seconds, peak / 1e6)


def table(results: dict[str, Any]) -> str:
    """Markdown."""
    lines = [
        "| clip | frames | plain | redact | deface | redact / plain | redact / deface | memory of redact |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, figures in results["clips"].items():
        rates = figures["frames_per_second"]
        lines.append(
            f"| {name} | {figures['frames']} | {rates['plain']:.1f} | {rates['redact']:.1f} |"
            f" {_number(rates.get('deface'))} | {figures['of_plain']:.2f} | {_number(figures.get('of_deface'))} |"
            f" {figures['megabytes']['redact']} MB |"
        )
    lines += ["", f"`import redact` takes {1000 * results['import_seconds']:.0f} ms."]
    if "memory" in results:
        peak = results["memory"]
        lines[-1] += (
            f" Peak memory on the street is {peak['megabytes']} MB, on the same ten times over"
            f" {peak['megabytes_ten_times_as_long']} MB ({100 * peak['longer']:+.1f} %)."
        )
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
