"""The sidecar as a service: workers, health and, with a file, its configuration while it changes.

A good configuration is applied camera by camera; a bad one is refused, said with its line, and the old one runs on.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType

from redact.errors import ConfigError
from redact.live.board import Board
from redact.live.config import Http, Service, load
from redact.live.dumps import forbid_dumps
from redact.live.notify import Notify
from redact.live.supervisor import Supervisor

log = logging.getLogger(__name__)

_TURN = 0.25  # seconds of one turn of the loop
_FRESH = 5.0  # seconds since the last turn after which the loop is said to hang
_LOOK = 1.0  # seconds between two looks at the file


class Running:
    """Runs cameras until a signal ends it. supervisor: has been given the first cameras, or none.

    path, environ: of the configuration, where there is one that may change. http: None where nobody is to ask.
    """

    def __init__(
        self,
        board: Board,
        supervisor: Supervisor,
        http: Http | None,
        *,
        path: Path | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._board = board
        self._supervisor = supervisor
        self._http = http
        self._path = path
        self._environ = environ
        self._stamp = self._seen = _stamp(path)
        self._looked = 0.0
        self._turned = time.monotonic()
        self._stop = self._reload = False

    def run(self) -> None:
        """Until TERM or INT, or until every camera was a file that has ended. Raises ConfigError, SinkError."""
        forbid_dumps()  # memory and environment hold the passwords of all cameras
        notify = Notify()
        with self._signals(), contextlib.ExitStack() as stack:
            if self._http is not None:
                from redact.live.health import serve

                stack.enter_context(serve(self._board, self._http.listen, self._http.token, self._fresh))
                log.info("status page: http://%s", self._http.listen)
            try:
                self._supervisor.step(0)
                notify.ready()
                while not self._stop and not self._supervisor.done:
                    self._turned = time.monotonic()
                    self._supervisor.step(_TURN)
                    self._look_at_file(notify)
                    notify.alive()
                notify.stopping()
                self._supervisor.stop()
            finally:
                self._supervisor.kill()

    def _fresh(self) -> bool:
        """Whether the loop still goes round."""
        return time.monotonic() - self._turned < _FRESH

    def _look_at_file(self, notify: Notify) -> None:
        now = time.monotonic()
        if self._path is None or (now - self._looked < _LOOK and not self._reload):
            return
        self._looked = now
        before, self._seen = self._seen, _stamp(self._path)
        changed = self._seen != self._stamp and self._seen == before  # and nobody writes to it any more
        if not changed and not self._reload:
            return
        self._stamp, self._reload = self._seen, False
        notify.reloading()
        try:
            service = load(self._path, self._environ)
        except ConfigError as error:
            self._board.config_fault = str(error)
            log.error("configuration refused, the old one runs on: %s (%s)", error, error.hint)
        else:
            self._board.config_fault = ""
            self._applied(service)
        notify.ready()

    def _applied(self, service: Service) -> None:
        self._supervisor.apply(service.cameras)
        if self._http is not None and service.http != self._http:
            log.warning("http: takes effect when the service is started again")
        log.info("configuration applied: %d cameras", len(service.cameras))

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """TERM and INT end it, a second one at once; HUP reads the configuration again."""

        def stop(_number: int, _frame: FrameType | None) -> None:
            if self._stop:
                self._supervisor.kill()
                os._exit(1)
            self._stop = True

        def reload(_number: int, _frame: FrameType | None) -> None:
            self._reload = True

        kept = {
            number: signal.signal(number, handler)
            for number, handler in ((signal.SIGTERM, stop), (signal.SIGINT, stop), (signal.SIGHUP, reload))
        }
        try:
            yield
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)


def _stamp(path: Path | None) -> tuple[int, int, int]:
    """What changes when the file does; a file that is gone, or is being replaced, is one that has changed."""
    if path is None:
        return (0, 0, 0)
    try:
        state = path.stat()
    except OSError:
        return (0, 0, 0)
    return (state.st_mtime_ns, state.st_size, state.st_ino)
