"""Cameras that show beacons, a detector that knows beacons by their colour, and what came out of a sidecar.

A beacon is a green disc on a grey, textured picture. No covering draws that green, so one look at the pixels of
anything that came out says whether a beacon was ever shown.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from PIL import Image

from redact.detections import Detections
from redact.errors import StreamLost
from redact.frames import Frame, RedactedFrame, VideoInfo
from redact.live.camera import Sidecar
from redact.live.config import Camera
from redact.live.outputs import Output, Outputs
from redact.live.status import Preview, Status
from redact.media.packets import TIME_BASE
from redact.policy import Policy

SIZE = (320, 240)
PERIOD = 120  # frames after which beacons are where they were: a clip that is played again does not jump
GREEN = (20, 230, 20)  # R, G, B


def scene(index: int, size: tuple[int, int] = SIZE, beacons: int = 2) -> Any:
    """The picture of moment ``index``, R, G, B: a grey wall and beacons that walk on circles."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    grey = (110 + ((x // 8 + y // 8) % 2) * 20 + (x * 3 + y * 5 + index) % 7).astype(np.uint8)
    picture = np.ascontiguousarray(np.stack([grey] * 3, -1))
    for number in range(beacons):
        angle = 2 * np.pi * index / PERIOD + 3 * number
        left, top = int(width * (0.35 + 0.25 * np.cos(angle))), int(height * (0.35 + 0.25 * np.sin(angle)))
        half = height // 12  # round, as heads are: covering is round, too
        cv2.circle(picture, (left + half, top + half), half, GREEN, thickness=-1)
    return picture


def green(rgb: Any) -> Any:
    """Which pixels show a beacon."""
    red, grass, blue = (rgb[..., channel].astype(int) for channel in range(3))
    return (grass > 140) & (grass - red > 60) & (grass - blue > 60)


def beacons_clip(
    path: Path, seconds: float = PERIOD / 15, *, rate: int = 15, size: tuple[int, int] = SIZE, codec="libx264"
) -> Path:
    """A clip of beacons, as a camera encodes it: no B frames, a key frame a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(rate))
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        log = {"x265-params": "log-level=none:bframes=0"} if codec == "libx265" else {}
        stream.options = {"preset": "ultrafast", "tune": "zerolatency", "g": str(rate), **log}
        for index in range(round(seconds * rate)):
            frame = av.VideoFrame.from_ndarray(scene(index, size), "rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


class Beacons:
    """Finds beacons. mode: fine, blind, raise, babble (other words each time), garbage, hang (until it is another),
    or slow by ``seconds`` a look.
    """

    name = "beacons"
    kinds = ("face", "person")

    def __init__(self, mode: str = "fine", seconds: float = 0.15) -> None:
        self.mode, self.seconds = mode, seconds
        self.looks = 0

    def detect(self, rgb: Any) -> Detections:
        self.looks += 1
        if self.mode == "raise":
            raise RuntimeError("the accelerator fell off")
        if self.mode == "babble":
            raise RuntimeError(f"{self.looks} MiB are free, {'x' * 100}")
        if self.mode == "blind":
            return Detections.none()
        if self.mode == "garbage":
            return Detections.of([(float("nan"), 0, 1, 1)], [0.9], "face")
        while self.mode == "hang":
            time.sleep(0.01)
        if self.mode == "slow":
            time.sleep(self.seconds)
        count, _, boxes, _ = cv2.connectedComponentsWithStats(green(rgb).astype(np.uint8))
        found = [(x, y, x + w, y + h) for x, y, w, h, area in boxes[1:count] if area > 30]
        return Detections.of([tuple(map(float, box)) for box in found], [0.9] * len(found), "face")


class Scene:
    """A live source of scenes in this process, for what no real camera does on demand.

    script: what happens before frame N: a number of seconds without a frame, or an error to raise.
    """

    def __init__(
        self,
        *,
        rate: float = 15,
        size: tuple[int, int] = SIZE,
        script: dict[int, Any] | None = None,
        frames: int | None = None,
        first: int = 0,
    ) -> None:
        self.info = VideoInfo(*size, "yuv420p", TIME_BASE, codec="h264", frame_rate=Fraction(rate))
        self._rate, self._size = rate, size
        self._script = script or {}
        self._frames, self._first = frames, first
        self._closed = threading.Event()

    def __enter__(self) -> Scene:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._closed.set()

    def __iter__(self) -> Iterator[Frame]:
        due = time.monotonic()
        for index in itertools.count(self._first):
            if self._closed.is_set() or (self._frames is not None and index - self._first >= self._frames):
                return
            event = self._script.get(index)
            if isinstance(event, Exception):
                raise event
            damaged = event == "damaged"
            if isinstance(event, (int, float)):
                due += event
            picture = av.VideoFrame.from_ndarray(scene(index, self._size), "rgb24").reformat(format="yuv420p")
            self._closed.wait(max(0.0, due - time.monotonic()))
            yield Frame(picture, index, round(index / self._rate / TIME_BASE), TIME_BASE, damaged=damaged)
            due += 1 / self._rate


class Kept:
    """A sink in memory."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.packets: list[Any] = []
        self.stored = 0

    def write(self, packet: Any) -> None:
        self.packets.append(packet)
        self.stored += len(packet.data)

    def close(self) -> None:
        pass

    def pictures(self) -> list[Any]:
        """Everything that was written, decoded, R, G, B."""
        decoder = av.CodecContext.create("h264", "r")
        frames = [frame for packet in list(self.packets) for frame in decoder.decode(av.Packet(packet.data))]
        return [frame.to_ndarray(format="rgb24") for frame in [*frames, *decoder.decode(None)]]


class Run:
    """A sidecar in a thread of this process, and what it told. sinks: every one that was opened."""

    def __init__(self, opener: Callable[[float], Any], detector: Any = None, **keys: Any) -> None:
        self.detector = detector or Beacons()
        self.statuses: list[Status] = []
        self.previews: list[Preview] = []
        self.sinks: list[Kept] = []
        self.error: BaseException | None = None
        load = keys.pop("load", lambda: self.detector)
        file = keys.pop("file", False)
        outputs = keys.pop("outputs", None)
        keys.setdefault("policy", Policy(lookahead=0.4))
        camera = Camera(name="yard", source="rtsp://10.0.0.5/yard", **keys)
        self.stop = threading.Event()
        self._sidecar = Sidecar(
            camera,
            Outputs(outputs or [Output("memory", self._opened)]),
            self._told,
            open=opener,
            load=load,
            file=file,
        )
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Run:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        if isinstance(self.detector, Beacons):
            self.detector.mode = "fine"
        self._thread.join(20)
        assert not self._thread.is_alive()

    @property
    def status(self) -> Status:
        return self.statuses[-1]

    def until(self, wanted: Callable[[Status], bool], seconds: float = 10) -> Status:
        """Wait for a status; what it was, or a failure that says what was told last."""
        deadline = time.monotonic() + seconds
        seen = len(self.statuses) - 1
        while time.monotonic() < deadline:
            for status in self.statuses[max(0, seen) :]:
                if wanted(status):
                    return status
            seen = len(self.statuses)
            time.sleep(0.02)
        raise AssertionError(f"never came in {seconds} s: {self.statuses[-3:]}")

    def ended(self, seconds: float = 30) -> None:
        self._thread.join(seconds)
        assert not self._thread.is_alive()

    def pictures(self) -> list[Any]:
        return [picture for sink in self.sinks for picture in sink.pictures()]

    def shown(self) -> int:
        """How many pictures, previews too, show any of a beacon."""
        previews = [np.asarray(Image.open(io.BytesIO(preview.jpeg))) for preview in self.previews]
        return sum(1 for picture in [*self.pictures(), *previews] if green(picture).sum() > 3)

    def _opened(self, stream: Any) -> Kept:
        self.sinks.append(Kept(stream))
        return self.sinks[-1]

    def _told(self, said: Status | Preview) -> None:
        (self.statuses if isinstance(said, Status) else self.previews).append(said)

    def _run(self) -> None:
        try:
            self._sidecar.run(self.stop)
        except BaseException as error:
            self.error = error


def opening(*sources: Any) -> Callable[[float], Any]:
    """An opener that gives these, one a connection, raising those that are errors; the last again and again."""
    left = list(sources)

    def opener(_patience: float) -> Any:
        source = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(source, Exception):
            raise source
        return source if not callable(source) else source()

    return opener


def whole(picture: Any) -> bool:
    """Whether a picture is of one colour."""
    return float(np.ptp(picture.astype(int), axis=(0, 1)).max()) <= 6


LOST = StreamLost("camera: the connection was cut")

__all__ = [
    "LOST",
    "Beacons",
    "Kept",
    "RedactedFrame",
    "Run",
    "Scene",
    "beacons_clip",
    "contextlib",
    "green",
    "opening",
    "scene",
    "whole",
]
