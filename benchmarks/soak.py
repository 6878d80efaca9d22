"""An hour of reconnects, one every few seconds: does a worker, or its supervisor, grow?

The camera is switched off and on again and again, as fast as the sidecar finds it; it records, publishes and writes
HLS meanwhile. Memory, descriptors and threads are noted every few seconds; what counts is the line through them after
the first quarter, in which caches fill.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.clips import SAMPLES
from redact.live.config import Camera, Hls, Record
from redact.live.process import COMMAND
from tests.live.rtsp import RtspServer
from tests.live.services import Watched

TARGETS = {"growth": 0.05}  # of memory, by which nothing is to be larger after an hour
SECONDS, QUICK = 3600.0, 15.0
_WATCHED = 3.0  # seconds live between two outages


def measure(quick: bool) -> dict[str, Any]:
    """All figures of this benchmark."""
    seconds = QUICK if quick else SECONDS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        published = folder / "published"
        published.mkdir()
        source = RtspServer("camera", SAMPLES / "lobby.mp4", None, "", "", "/yard")
        recorder = RtspServer("recorder", published, None, "", "", "/yard")
        yard = Camera(
            name="yard",
            source=source.url,
            publish=(recorder.url,),
            record=Record(path=str(folder / "out"), segment=10.0, keep_size=20_000_000),
            hls=Hls(path=str(folder / "hls")),
        )
        samples: list[dict[str, float]] = []
        try:
            with Watched(folder, {"yard": yard}, COMMAND) as run:
                began = time.monotonic()
                run.live(60)
                while time.monotonic() - began < seconds:
                    time.sleep(_WATCHED)
                    samples.append(_sample(run, time.monotonic() - began))
                    source.kill()
                    source.boot()
                    frames = run.camera().status.frames_out  # type: ignore[union-attr]
                    run.until(
                        lambda seen, frames=frames: (
                            seen.status.state == "live" and seen.status.frames_out > frames + 5
                        ),
                        60,
                    )
                    for path in recorder.sessions()[:-1]:
                        path.unlink()
                ended = run.camera()
        finally:
            source.close()
            recorder.close()
    assert ended.status is not None
    return {
        "targets": TARGETS,
        "seconds": round(samples[-1]["at"]),
        "connects": ended.status.connects,
        "restarts": ended.restarts,
        "growth": {name: _growth(samples, name) for name in samples[0] if name != "at"},
        "samples": samples[:: max(1, len(samples) // 120)],
    }


def _sample(run: Watched, at: float) -> dict[str, float]:
    camera = run.camera()
    assert camera.pid is not None
    worker, own = psutil.Process(camera.pid), psutil.Process()
    return {
        "at": round(at, 1),
        "worker and publisher MB": round(camera.rss / 1e6, 1),
        "worker descriptors": worker.num_fds(),
        "worker threads": worker.num_threads(),
        "supervisor MB": round(own.memory_info().rss / 1e6, 1),
        "supervisor descriptors": own.num_fds(),
    }


def _growth(samples: list[dict[str, float]], name: str) -> dict[str, float]:
    """(first, last, an hour): values of the line through what was seen after the first quarter."""
    later = samples[len(samples) // 4 :]
    times = np.array([sample["at"] for sample in later])
    slope, base = (
        np.polyfit(times, [sample[name] for sample in later], 1) if len(later) > 2 else (0.0, later[0][name])
    )
    return {
        "first": round(float(base + slope * times[0]), 2),
        "last": round(float(base + slope * times[-1]), 2),
        "an hour": round(float(slope * 3600), 2),
    }


def table(results: dict[str, Any]) -> str:
    """Markdown."""
    lines = ["| | after a quarter | at the end | growth in an hour |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {grown['first']:.1f} | {grown['last']:.1f} | {grown['an hour']:+.1f} |"
        for name, grown in results["growth"].items()
    ]
    minutes = results["seconds"] / 60
    words = (
        f"{results['connects']} connections in {minutes:.0f} minutes, {results['restarts']} restarts of the worker."
    )
    return "\n".join([*lines, "", words])


def plot(results: dict[str, Any], folder: Path) -> None:
    """docs/soak.png: the worker's memory over the run."""
    from benchmarks.plots import lined

    samples = results["samples"]
    lined(
        folder / "soak.png",
        [sample["at"] / 60 for sample in samples],
        {name: [sample[name] for sample in samples] for name in ("worker and publisher MB", "supervisor MB")},
        title=f"{results['connects']} reconnects",
        across="minutes",
        up="megabytes",
    )
