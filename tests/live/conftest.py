"""A real camera and a real recorder for the tests of live cameras; see ``rtsp_server.py``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.live.rtsp import RtspServer

LOBBY = Path(__file__).parents[2] / "samples" / "lobby.mp4"


@pytest.fixture
def rtsp_camera(gstreamer: None) -> Iterator[Callable[..., RtspServer]]:
    """``rtsp_camera(file, login="digest")``: a camera that plays ``file`` (H.264 or H.265) in an endless loop."""
    opened: list[RtspServer] = []

    def camera(
        file: Path = LOBBY,
        *,
        login: str | None = "digest",
        user: str = "user",
        password: str = "pass",
        path: str = "/yard",
    ) -> RtspServer:
        opened.append(RtspServer("camera", file, login, user, password, path))
        return opened[-1]

    yield camera
    for server in opened:
        server.close()


@pytest.fixture
def rtsp_recorder(gstreamer: None, tmp_path: Path) -> Iterator[Callable[..., RtspServer]]:
    """``rtsp_recorder(login=None)``: takes what is published to its ``url``; ``sessions()`` are its files."""
    opened: list[RtspServer] = []

    def recorder(
        *, login: str | None = None, user: str = "user", password: str = "pass", path: str = "/yard"
    ) -> RtspServer:
        folder = tmp_path / f"recorder{len(opened)}"
        folder.mkdir()
        opened.append(RtspServer("recorder", folder, login, user, password, path))
        return opened[-1]

    yield recorder
    for server in opened:
        server.close()
