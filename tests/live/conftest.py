"""A real camera and a real recorder for the tests of live cameras; see ``rtsp_server.py``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

SYSTEM_PYTHON = "/usr/bin/python3"  # the one that Debian's GStreamer bindings belong to
SERVER = Path(__file__).with_name("rtsp_server.py")
LOBBY = Path(__file__).parents[2] / "samples" / "lobby.mp4"


class RtspServer:
    """A camera or a recorder in a process of its own. url: with the login that it asks for. port: stays the same."""

    def __init__(self, role: str, place: Path, login: str | None, user: str, password: str, path: str) -> None:
        self._command = [SYSTEM_PYTHON, str(SERVER), role, str(place), "--path", path]
        if login:
            self._command += ["--login", login, "--user", user, "--password", password]
        self.folder = place
        self.port = 0
        self.process = self._begun()
        self.path = path
        self.bare = f"rtsp://127.0.0.1:{self.port}{path}"
        self.url = f"rtsp://{user}:{password}@127.0.0.1:{self.port}{path}" if login else self.bare

    def tell(self, command: str) -> dict[str, Any]:
        """Give one of the commands of ``rtsp_server.py`` and wait until it is done."""
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer = self._answer()
        assert "unknown" not in answer, command
        return answer

    def kill(self) -> None:
        """As if the plug had been pulled, but the machine still answers that nothing listens."""
        self.process.send_signal(signal.SIGKILL)
        self.close()

    def boot(self) -> None:
        """Come back after ``kill``, on the same port."""
        self.process = self._begun()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()

    def sessions(self) -> list[Path]:
        """What a recorder got, one file for each session that sent anything, in order."""
        files = [
            path for path in self.folder.glob("*.ts") if path.stat().st_size
        ]  # a login asked for leaves an empty one
        return sorted(files, key=lambda path: int(path.stem))

    def _begun(self) -> subprocess.Popen[str]:
        self.process = subprocess.Popen(
            [*self._command, "--port", str(self.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.port = int(self._answer()["port"])
        return self.process

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the server ended with {self.process.wait()}: {' '.join(self._command)}"
        answer: dict[str, Any] = json.loads(line)
        return answer


@pytest.fixture(scope="session")
def gstreamer() -> None:
    """Skips where GStreamer's RTSP server is not installed; with REDACT_REQUIRE_RTSP=1 it fails instead."""
    there = "import gi; gi.require_version('GstRtspServer', '1.0')"
    try:
        subprocess.run([SYSTEM_PYTHON, "-c", there], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        reason = "GStreamer's RTSP server is not here: apt-get install gir1.2-gst-rtsp-server-1.0 python3-gi"
        if os.environ.get("REDACT_REQUIRE_RTSP") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


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
