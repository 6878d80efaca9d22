"""One worker process, as its supervisor holds it: started, heard, asked to end, killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

from redact.live.config import Camera
from redact.live.secrets import harmless
from redact.live.status import Preview, Status, told

FINISHED = 10  # exit status: its file has ended, or nobody reads its only output any more
# -P: no module is taken from the folder that it happens to be started in
COMMAND = (sys.executable, "-P", "-m", "redact.live.worker")
_CHUNK = 1 << 16  # bytes
_MOST_LINES = 100  # of a log, at once
_LONGEST = 1 << 20  # bytes of one line; a preview has thirty thousand
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
# Two arenas instead of sixteen: threads that hand frames on would each keep what the others freed. Pictures in
# mappings of their own: freed ones are the system's at once, which wipes them; 290 MB, not 320 (benchmarks/live).
_ENVIRON = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": str(1 << 20), "PYTHONFAULTHANDLER": "1"}


class _Lines:
    """Whole lines from a pipe that is never waited for."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._rest = b""
        os.set_blocking(descriptor, False)

    def read(self) -> list[bytes]:
        """At most so many bytes' worth: who never stops talking must not keep the others waiting."""
        try:
            chunk = os.read(self.descriptor, _CHUNK)
        except OSError:  # nothing there now, or never again
            return []
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > _LONGEST:
            self._rest = b""
        return lines


class Process:
    """A worker of ``camera``. stdout: a descriptor that takes the covered stream, where one is wanted.

    began: on the monotonic clock. Everything it is told goes through a pipe, nothing through its arguments.
    """

    def __init__(self, camera: Camera, command: Sequence[str] = COMMAND, *, stdout: int | None = None) -> None:
        self.camera = camera
        self.began = time.monotonic()
        ours, theirs = os.pipe()
        try:
            self._process = subprocess.Popen(
                [*command, camera.name, str(theirs)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=(theirs,) if stdout is None else (theirs, stdout),
                env={**harmless(os.environ), **_ENVIRON},
                start_new_session=True,  # Ctrl-C is the supervisor's, who ends its workers in order
                bufsize=0,
            )
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        assert self._process.stdin is not None
        assert self._process.stderr is not None
        self._said = _Lines(ours)
        self._logged = _Lines(self._process.stderr.fileno())
        settings = {"camera": camera.model_dump(mode="json"), "stdout": stdout}
        with contextlib.suppress(BrokenPipeError):  # it is dead already, and ``ended`` says so
            self._process.stdin.write(json.dumps(settings).encode() + b"\n")

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def descriptors(self) -> tuple[int, int]:
        """What becomes readable when there is something to hear."""
        return self._said.descriptor, self._logged.descriptor

    def heard(self) -> Iterator[Status | Preview]:
        """What it has told since the last time; what cannot be understood is left out."""
        for line in self._said.read():
            try:
                yield told(line)
            except ValueError:
                continue

    def logged(self) -> Iterator[str]:
        """What it has logged since the last time, as it is."""
        lines = self._logged.read()
        for line in lines[:_MOST_LINES]:
            yield line.decode(errors="replace")
        if len(lines) > _MOST_LINES:
            yield f"WARNING {len(lines) - _MOST_LINES} lines more, left out"

    @property
    def ended(self) -> str | None:
        """How it ended, in words; None while it runs."""
        code = self._process.poll()
        if code is None:
            return None
        if code == FINISHED:
            return "its source has ended"
        if code == 0:
            return "its worker was asked to end"
        if code < 0:
            try:
                return f"its worker was ended by {signal.Signals(-code).name}"
            except ValueError:
                return f"its worker was ended by signal {-code}"
        return f"its worker failed with status {code}"

    @property
    def finished(self) -> bool:
        """Whether it ended because there is nothing more to do."""
        return self._process.poll() == FINISHED

    @property
    def memory(self) -> int:
        """Bytes that it holds in memory, with the processes that publish for it; 0 where that cannot be told."""
        try:
            return sum(
                _resident(pid) for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if self._owns(pid)
            )
        except OSError:
            return 0

    def ask_to_end(self) -> None:
        """Have it close its sinks and end; it has a few seconds for that."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def kill(self) -> None:
        """End it, and what publishes for it, at once, whatever they hang in."""
        if self._process.poll() is None:  # until then the number is its own, and it leads a session of its own
            os.killpg(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Free the pipes of one that has ended."""
        self.ask_to_end()
        os.close(self._said.descriptor)
        assert self._process.stderr is not None
        self._process.stderr.close()
        self._process.wait()

    def _owns(self, pid: int) -> bool:
        try:
            return os.getsid(pid) == self.pid
        except OSError:  # ended meanwhile
            return False


def _resident(pid: int) -> int:
    """Bytes of memory that a process holds; 0 for one that has ended."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return 0
