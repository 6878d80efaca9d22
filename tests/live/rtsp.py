"""A real camera and a real recorder as processes of their own; see ``rtsp_server.py``."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

SYSTEM_PYTHON = "/usr/bin/python3"  # the one that Debian's GStreamer bindings belong to
SERVER = Path(__file__).with_name("rtsp_server.py")


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
