"""The process of one camera: ``python -m redact.live.worker NAME FD``.

Its settings come as one line of JSON on stdin: no secret is in an argument, where every user of the machine could
read it. The end of stdin means that the supervisor is gone: the last segment is closed and the process ends. What is
to be told goes to the descriptor FD, one ``status`` line at a time; logs go to stderr.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import cast

from redact.detect import load_detector
from redact.detections import Detector
from redact.errors import RedactError
from redact.live.camera import Sidecar
from redact.live.config import Camera
from redact.live.dumps import forbid_dumps
from redact.live.feed import Source
from redact.live.outputs import Outputs
from redact.live.process import FINISHED
from redact.live.secrets import mask
from redact.live.sinks import outputs_of
from redact.live.status import Preview, Status
from redact.media.addresses import address_of
from redact.media.live_source import open_live

THREADS = 1  # for the detector: workers share the cores, and one more thread makes a look dearer (benchmarks/live)
GRACE = 6.0  # seconds to end in once that is asked for
SILENCE = 20.0  # seconds without a status after which the process ends itself, whatever it hangs in

Load = Callable[[Camera], Detector]


def main(load: Load | None = None) -> None:
    """Run one camera until stdin ends or TERM comes, with exit status 0, or until there is nothing more to do."""
    forbid_dumps()  # its memory holds raw frames
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s", force=True)
    settings = json.loads(sys.stdin.readline())
    camera = Camera.model_validate(settings["camera"])
    stop, unread = threading.Event(), threading.Event()

    def gone() -> None:
        unread.set()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=_watch, args=(stop,), name="redact-stdin", daemon=True).start()
    teller = Teller(int(sys.argv[2]))
    load = load or _load
    status = 0
    try:
        sidecar = Sidecar(
            camera,
            Outputs(list(outputs_of(camera, settings["stdout"], gone=gone))),
            teller,
            open=lambda patience: _open(camera, patience),
            load=lambda: load(camera),
            file=address_of(camera.source).kind == "file",
        )
        sidecar.run(stop)
        status = FINISHED if unread.is_set() or not stop.is_set() else 0
    except RedactError as error:
        logging.error("%s", mask(str(error)))
        status = 1
    logging.shutdown()
    os._exit(status)  # a library's thread that hangs must not keep the process


class Teller:
    """Writes lines to a descriptor and never waits: what nobody reads is dropped, line by line."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""
        os.set_blocking(descriptor, False)

    def __call__(self, said: Status | Preview) -> None:
        """Tell it, unless an earlier line is still on its way."""
        faulthandler.dump_traceback_later(SILENCE, exit=True)  # a thread of C: it fires whatever Python hangs in
        if not self._write():
            return
        self._rest = said.line()
        self._write()

    def _write(self) -> bool:
        try:
            while self._rest:
                self._rest = self._rest[os.write(self._descriptor, self._rest) :]
        except BlockingIOError:
            return False
        except OSError:  # nobody listens any more: stdin ends, too
            self._rest = b""
        return True


def _watch(stop: threading.Event) -> None:
    """Wait for the end of stdin, then see to it that the process ends."""
    while sys.stdin.readline():
        pass
    stop.set()
    threading.Event().wait(GRACE)
    os._exit(1)


def _load(camera: Camera) -> Detector:
    return load_detector(camera.policy.detector, device=camera.policy.device, threads=THREADS)


def _open(camera: Camera, patience: float) -> AbstractContextManager[Source]:
    source = open_live(camera.source, transport=camera.transport, timeout=patience)
    return cast(AbstractContextManager[Source], source)


if __name__ == "__main__":
    main()
