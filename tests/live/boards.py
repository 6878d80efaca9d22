"""Boards as a supervisor would keep them, for the tests of what is shown of them."""

from __future__ import annotations

import contextlib
import io
import threading
import time
from collections.abc import Iterator
from typing import Any

from PIL import Image

from redact.live.board import Board
from redact.live.status import OutputStatus, Preview, Status

PUBLISH = OutputStatus("rtsp://127.0.0.1:8554/yard", True, frames=1190)
RECORD = OutputStatus("recordings", True, frames=1190)


def live(**changed: Any) -> Status:
    """What the worker of a camera says that does well."""
    said: dict[str, Any] = {
        "state": "live",
        "width": 1280,
        "height": 720,
        "frames_in": 1200,
        "frames_out": 1190,
        "dropped": 7,
        "slates": 3,
        "whole": {"before the first detection": 5},
        "detections": {"face": 400, "person": 900},
        "seconds": {"decode": 1.5, "detect": 20.25},
        "age": 0.5,
        "rate": 15.0,
        "looks": 600,
        "stored": 123456,
        "connects": 1,
        "outputs": (PUBLISH, RECORD),
    }
    return Status(**(said | changed))


def jpeg(color: tuple[int, int, int] = (90, 120, 150), size: tuple[int, int] = (320, 180)) -> bytes:
    """A picture of one colour."""
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, "JPEG", quality=90)
    return file.getvalue()


def board_of(*names: str, **said: Any) -> Board:
    """A board on which cameras of these names have just said what ``live`` has."""
    board = Board()
    for name in names:
        board.add(name, "rtsp://***@10.0.0.5/Streaming/Channels/101")
        board.started(name, 4711)
        board.told(name, live(**said))
        board.measured(name, 300_000_000)
    return board


@contextlib.contextmanager
def telling(board: Board, said: dict[str, Status | None], pictures: dict[str, bytes] | None = None) -> Iterator[None]:
    """Workers that go on saying what stands in ``said``, by camera, and showing ``pictures``; both may be changed."""
    done = threading.Event()

    def tell() -> None:
        for name, status in list(said.items()):
            if status is not None:
                board.told(name, status)
        for name, picture in list((pictures or {}).items()):
            board.told(name, Preview(picture, time.time()))

    def tell_on() -> None:
        while not done.wait(0.2):
            tell()

    tell()
    thread = threading.Thread(target=tell_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
