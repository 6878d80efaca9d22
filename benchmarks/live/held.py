"""So many cameras at once, for a minute: how old what they give out is, and what was left out to keep up."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.clips import SAMPLES, decoded, footage
from benchmarks.live.worker import MOMENT
from redact.live.config import Camera, Record
from tests.live.rtsp import RtspServer
from tests.live.services import Watched

SCENES = {  # file, frames a second
    "shop": ("intel_gif_as_mp4_store-aisle-detection.mp4", 100 / 7),
    "street": ("other_openpose_street_720p.avi", 50),
}
LENGTH = 30.0  # seconds of a clip before it begins anew
MOST = 300  # frames of a source
_SAMPLED = 0.02  # seconds between two moments at which ages are read off
_COMMAND = (sys.executable, str(Path(__file__).with_name("worker.py")))


@dataclass(frozen=True, slots=True)
class Held:
    """What was seen. ages: seconds, of the newest frame given out, at any moment and over all cameras.

    dropped, whole: shares of the frames that came. looks: a second and camera. level: mean number of steps that
    detection was cut back. megabytes: most that one worker held. cores: busy, of workers, server and measuring.
    """

    scene: str
    lines: int
    rate: int
    cameras: int
    age_median: float
    age_p99: float
    age_worst: float
    dropped: float
    whole: float
    looks: float
    level: float
    megabytes: float
    cores: float
    live: float


def held(
    scene: str, *, lines: int, rate: int, cameras: int, warm: float, seconds: float, quick: bool
) -> dict[str, Any]:
    """Run so many cameras of a scene; the first ``warm`` seconds are not counted."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = folder / "clip.mp4"
        source, frame_rate = (SAMPLES / "lobby.mp4", 25) if quick else _footage(scene)
        camera_clip(source, clip, lines=lines, rate=rate, seconds=LENGTH, source_rate=frame_rate)
        server = RtspServer("camera", clip, None, "", "", "/yard")
        moments = folder / "moments"
        moments.mkdir()
        os.environ["REDACT_BENCH_MOMENTS"] = str(moments)
        names = [f"camera{number}" for number in range(cameras)]
        try:
            run = {
                camera: Camera(name=camera, source=server.url, record=Record(path=str(folder / "out")))
                for camera in names
            }
            with Watched(folder, run, _COMMAND) as watched:
                for camera in names:
                    watched.live(60, camera)
                time.sleep(warm)
                return asdict(_watched(watched, names, server, moments, scene, lines, rate, seconds))
        finally:
            server.close()


def _watched(
    run: Watched,
    names: list[str],
    server: RtspServer,
    moments: Path,
    scene: str,
    lines: int,
    rate: int,
    seconds: float,
) -> Held:
    before = {name: run.camera(name).status for name in names}
    processes = [psutil.Process(), psutil.Process(server.process.pid)]
    processes += [psutil.Process(run.camera(name).pid) for name in names]
    spent = sum(map(_seconds, processes))
    levels: list[int] = []
    memory = 0
    live = total = 0
    began, since = time.monotonic(), time.time()
    while time.monotonic() - began < seconds:
        for name in names:
            camera = run.camera(name)
            assert camera.status is not None
            levels.append(camera.status.level)
            memory = max(memory, camera.rss)
            live, total = live + (camera.status.state == "live"), total + 1
        time.sleep(0.1)
    passed = time.monotonic() - began
    spent = sum(map(_seconds, processes)) - spent
    gone: dict[str, float] = {"frames": 0, "dropped": 0, "whole": 0, "looks": 0}
    for name, old in before.items():
        new = run.camera(name).status
        assert new is not None
        assert old is not None
        gone["frames"] += new.frames_in - old.frames_in
        gone["dropped"] += new.dropped - old.dropped
        gone["whole"] += sum(new.whole.values()) - sum(old.whole.values())
        gone["looks"] += new.looks - old.looks
    ages = np.concatenate([_ages(moments / name, since, since + passed) for name in names])
    median, p99, worst = np.percentile(ages, [50, 99, 100])
    return Held(
        scene=scene,
        lines=lines,
        rate=rate,
        cameras=len(names),
        age_median=round(float(median), 3),
        age_p99=round(float(p99), 3),
        age_worst=round(float(worst), 3),
        dropped=round(gone["dropped"] / gone["frames"], 4),
        whole=round(gone["whole"] / gone["frames"], 4),
        looks=round(gone["looks"] / passed / len(names), 2),
        level=round(float(np.mean(levels)), 2),
        megabytes=round(memory / 1e6),
        cores=round(spent / passed, 2),
        live=round(live / total, 4),
    )


def _ages(moments: Path, since: float, until: float) -> NDArray[np.float64]:
    """The age of the newest frame that had been handed on, at moments evenly apart. Times: seconds, on the epoch."""
    handed, taken = np.array(list(MOMENT.iter_unpack(moments.read_bytes()))).T
    at = np.arange(since, until, _SAMPLED)
    return np.asarray(at - taken[np.searchsorted(handed, at) - 1])


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _footage(scene: str) -> tuple[Path, float]:
    folder = footage()
    assert folder is not None
    name, rate = SCENES[scene]
    return folder / "video" / name, rate


def camera_clip(
    source: Path, target: Path, *, lines: int, rate: int, seconds: float, source_rate: float, bits: float = 0.06
) -> None:
    """A clip as a camera encodes it: no B frames, a key frame every two seconds, so many bits a pixel.

    It goes forth and back through the source, so that nobody jumps.
    """
    pictures = []
    for frame in decoded(source, MOST):
        picture = frame.picture
        assert isinstance(picture, av.VideoFrame)
        width = round(picture.width * lines / picture.height / 16) * 16
        pictures.append(picture.reformat(width, lines, "yuv420p").to_ndarray())
    height, width = pictures[0].shape[0] * 2 // 3, pictures[0].shape[1]
    path = [*range(len(pictures)), *range(len(pictures) - 2, 0, -1)]
    options = {"preset": "veryfast", "g": str(2 * rate), "bf": "0", "b": str(round(width * height * rate * bits))}
    with av.open(str(target), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate), options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in count():
            if index >= seconds * rate:
                break
            picture = pictures[path[round(index * source_rate / rate) % len(path)]]
            frame = av.VideoFrame.from_ndarray(picture, "yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
