"""A supervisor with workers whose detector does as told, and what came out of them on disk."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av

from redact.live.board import Board, CameraBoard
from redact.live.config import Camera
from redact.live.supervisor import Supervisor
from redact.policy import Policy
from tests.live.sidecars import green

TOLD, BACK = 2.0, 5.0  # seconds: a fault is on the board, and all is well after its cause is gone
SLACK = float(os.environ.get("REDACT_TEST_SLACK", "3"))  # times that, on machines that do other work, too
TOLD, BACK = TOLD * SLACK, BACK * SLACK
_VIDEOS = (".mp4", ".mkv", ".ts", ".part", ".m4s")
SCRIPTED = (sys.executable, str(Path(__file__).with_name("scripted_worker.py")))


class Watched:
    """A supervisor in a thread. mode: what every detector does from now on."""

    def __init__(self, folder: Path, cameras: dict[str, Camera], command: tuple[str, ...] = SCRIPTED) -> None:
        self._mode = folder / "mode"
        self.mode("fine")
        self.board = Board()
        self.supervisor = Supervisor(self.board, command)
        self._calls: list[Callable[[], None]] = [lambda: self.supervisor.apply(cameras)]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def mode(self, mode: str) -> None:
        part = self._mode.with_suffix(".part")
        part.write_text(mode)
        part.replace(self._mode)

    def apply(self, cameras: dict[str, Camera]) -> None:
        self._calls.append(lambda: self.supervisor.apply(cameras))

    def camera(self, name: str = "yard") -> CameraBoard:
        found = {camera.name: camera for camera in self.board.cameras()}
        return found.get(name) or CameraBoard(name)

    def until(self, wanted: Callable[[CameraBoard], Any], seconds: float = 15, name: str = "yard") -> CameraBoard:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            camera = self.camera(name)
            if camera.status is not None and wanted(camera):
                return camera
            time.sleep(0.02)
        raise AssertionError(f"never came in {seconds} s: {self.camera(name)}")

    def live(self, seconds: float = 15, name: str = "yard") -> CameraBoard:
        return self.until(lambda camera: camera.status.state == "live", seconds, name)

    def __enter__(self) -> Watched:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            while self._calls:
                self._calls.pop(0)()
            self.supervisor.step(0.1)
        self.supervisor.stop()


def camera(source: str | Path, name: str = "yard", **keys: Any) -> Camera:
    keys.setdefault("policy", Policy(lookahead=0.4))
    return Camera(name=name, source=str(source), **keys)


def videos(folder: Path) -> list[Path]:
    """Every recording under a folder, those in the making too."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.suffix in (".mp4", ".mkv", ".ts", ".part", ".m4s")
    )


def frames(path: Path) -> Iterator[Any]:
    """Every picture that can be decoded, R, G, B."""
    with contextlib.suppress(av.error.FFmpegError), av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


def leaks(path: Path) -> tuple[int, int]:
    """(pictures, those of them that show any of a beacon)."""
    counted = [bool(green(picture).sum() > 3) for picture in frames(path)]
    return len(counted), sum(counted)
