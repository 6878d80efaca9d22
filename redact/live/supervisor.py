"""Watches what cameras show, not whether processes run: who shows nothing is killed and started anew.

A library that hangs in a read cannot be cured from inside its process, so nothing here waits for a worker, and
nothing that one worker does or leaves undone touches another.
"""

from __future__ import annotations

import logging
import selectors
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from redact.live.backoff import Backoff
from redact.live.board import Board
from redact.live.config import Camera
from redact.live.process import COMMAND, Process
from redact.live.secrets import mask
from redact.live.status import Preview, Status

log = logging.getLogger(__name__)

FIRST, MOST = 1.0, 60.0  # seconds between two workers of a camera
SETTLED = 30.0  # seconds after which a worker counts as well, and the next failure begins a new outage
ASTRAY = 10.0  # seconds that the published clock may differ from the real one
OPENING = 20.0  # seconds that opening a camera may take on top of what a frame may: the first key frame comes late
ENDING = 8.0  # seconds from being asked to end to being killed; a worker gives its sinks four
STARTING = 20.0  # seconds to the first word: an import from a slow card takes ten
AGED = 2.0  # seconds that frames must have been too old, so that one late frame restarts nothing
_CHECK = 0.5  # seconds between two looks at all workers


@dataclass(slots=True, eq=False)
class _Post:
    """One camera's place: who is there now, and what was last seen of it. old: since when frames go out too old."""

    camera: Camera
    backoff: Backoff = field(default_factory=lambda: Backoff(FIRST, MOST, settled=SETTLED))
    process: Process | None = None
    due: float = 0.0
    done: bool = False
    status: Status | None = None
    shown: int = 0
    progress: float = 0.0
    old: float | None = None


class Supervisor:
    """Runs the workers of all cameras. Call ``step`` again and again, from one thread.

    command: starts a worker. stdout: descriptor that takes the covered stream of the only camera, where wanted.
    """

    def __init__(self, board: Board, command: Sequence[str] = COMMAND, *, stdout: int | None = None) -> None:
        self._board = board
        self._command = command
        self._stdout = stdout
        self._posts: dict[str, _Post] = {}
        self._leaving: dict[Process, float] = {}
        self._selector = selectors.DefaultSelector()
        self._checked = 0.0

    def apply(self, cameras: Mapping[str, Camera]) -> None:
        """Run these cameras from now on: new ones are started, changed ones anew, others are left as they are."""
        for name in [name for name in self._posts if cameras.get(name) != self._posts[name].camera]:
            gone = self._posts.pop(name)
            if gone.process is not None:
                self._dismiss(gone.process)
                self._board.ended(name, "its settings changed", fault=False)
            if name not in cameras:
                self._board.remove(name)
                log.info("%s: removed", name)
        for name, camera in cameras.items():
            if name not in self._posts:
                self._posts[name] = _Post(camera)
                self._board.add(name, mask(camera.source))

    @property
    def done(self) -> bool:
        """Whether every camera was a file that has ended."""
        return not self._leaving and all(post.done for post in self._posts.values())

    def step(self, timeout: float) -> None:
        """Hear what there is to hear, for ``timeout`` seconds at most; start, judge and bury workers."""
        if self._selector.get_map():
            for key, _ in self._selector.select(timeout):
                self._hear(key.data)
        else:
            time.sleep(timeout)
        now = time.monotonic()
        if now - self._checked < _CHECK and not any(self._ready(post, now) for post in self._posts.values()):
            return
        self._checked = now
        for process in list(self._leaving):
            self._see_off(process, now)
        for name, post in self._posts.items():
            self._look_after(name, post, now)

    def stop(self) -> None:
        """Have every worker close its sinks and end; return when all have, or were killed."""
        for name, post in self._posts.items():
            post.done = True
            if post.process is not None:
                self._dismiss(post.process)
                self._board.ended(name, "stopped", fault=False)
                post.process = None
        while self._leaving:
            self._checked = 0.0
            self.step(0.05)

    def kill(self) -> None:
        """End every worker at once."""
        for process in [*self._leaving, *(post.process for post in self._posts.values() if post.process)]:
            process.kill()

    def _ready(self, post: _Post, now: float) -> bool:
        return post.process is None and not post.done and now >= post.due

    def _look_after(self, name: str, post: _Post, now: float) -> None:
        process = post.process
        if process is None:
            if self._ready(post, now) and not any(leaving.camera.name == name for leaving in self._leaving):
                self._start(name, post, now)
            return
        ended = process.ended
        if ended is not None:
            self._hear(process)
            self._bury(process)
            post.process = None
            post.done = process.finished
            if post.done:
                log.info("%s: ended", name)
                self._board.ended(name, "the file has ended", fault=False)
            else:
                self._again(name, post, now, ended)
            return
        memory = process.memory
        self._board.measured(name, memory)
        reason = _why_kill(post, memory, now)
        if reason:
            process.kill()
            self._dismiss(process)
            post.process = None
            self._again(name, post, now, reason)
        elif post.status is not None and post.status.state in ("live", "covered"):
            post.backoff.succeeded()

    def _start(self, name: str, post: _Post, now: float) -> None:
        try:
            process = Process(post.camera, self._command, stdout=self._stdout)
        except OSError as error:  # no memory or no descriptors left: the others go on
            self._again(name, post, now, f"its worker cannot be started: {error.strerror or error}")
            return
        post.process, post.status = process, None
        post.shown, post.progress, post.old = 0, now, None
        for descriptor in process.descriptors:
            self._selector.register(descriptor, selectors.EVENT_READ, process)
        self._board.started(name, process.pid)
        log.info("%s: worker %d started", name, process.pid)

    def _again(self, name: str, post: _Post, now: float, reason: str) -> None:
        wait = post.backoff.failed()
        post.due = now + wait
        self._board.ended(name, mask(reason))
        log.error("%s: %s; started anew in %.1f s", name, mask(reason), wait)

    def _hear(self, process: Process) -> None:
        name = process.camera.name
        post = self._posts.get(name)
        ours = post if post is not None and post.process is process else None
        closed = process.ended is not None
        for said in process.heard():
            if ours is not None:
                self._note(ours, said)
                self._board.told(name, said)
        for line in process.logged():
            level, _, text = line.partition(" ")
            number = logging.getLevelNamesMapping().get(level)
            log.log(number or logging.WARNING, "%s: %s", name, mask(text if number else line))
        if closed:
            self._forget(process)
            self._checked = 0.0

    def _note(self, post: _Post, said: Status | Preview) -> None:
        if not isinstance(said, Status):
            return
        now = time.monotonic()
        post.status = said
        if said.frames_out + said.slates != post.shown or post.shown == 0:
            post.shown, post.progress = said.frames_out + said.slates, now
        if said.age is None or said.age <= post.camera.max_age or said.state not in ("live", "covered"):
            post.old = None
        elif post.old is None:
            post.old = now

    def _dismiss(self, process: Process) -> None:
        process.ask_to_end()
        self._leaving[process] = time.monotonic() + ENDING

    def _see_off(self, process: Process, now: float) -> None:
        if process.ended is not None:
            self._hear(process)
            self._bury(process)
            del self._leaving[process]
        elif now > self._leaving[process]:
            log.error("%s: did not end in %.0f s, killed", process.camera.name, ENDING)
            process.kill()

    def _bury(self, process: Process) -> None:
        self._forget(process)
        process.close()

    def _forget(self, process: Process) -> None:
        for descriptor in process.descriptors:
            if descriptor in self._selector.get_map():
                self._selector.unregister(descriptor)


def _why_kill(post: _Post, memory: int, now: float) -> str:
    """Why a worker is to be started anew, or empty."""
    camera, status = post.camera, post.status
    if memory > camera.max_memory:
        return f"its worker holds {memory / 1e6:.0f} MB, more than {camera.max_memory / 1e6:.0f}"
    if now - post.progress > max(camera.no_frame, STARTING if status is None else 0.0):
        return f"no frame for {now - post.progress:.0f} s"
    if status is None:
        return ""
    if status.unread > camera.no_frame + OPENING:
        return f"reading hangs since {status.unread:.0f} s"
    if post.old is not None and now - post.old > AGED:
        return f"frames go out {status.age or 0:.1f} s old, more than {camera.max_age:g}"
    if abs(status.astray) > ASTRAY:
        return f"its clock runs {status.astray:+.0f} s away"
    return ""
