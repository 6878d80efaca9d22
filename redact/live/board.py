"""What is known of every camera now, kept by the supervisor and read by health, metrics and the status page.

A worker's numbers start at zero; here they go on growing over a camera's successive workers. A worker that has
gone silent is shown as lost, and the age of its newest frame goes on growing: what is shown is never better than
what is known.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from redact.live.status import SCHEDULED, OutputStatus, Preview, Status

SILENCE = 1.5  # seconds without a word from a worker that speaks twice a second
_CLOSED = "its worker is not running"


@dataclass(frozen=True, slots=True)
class CameraBoard:
    """One camera at one moment. status: summed over its workers, None before the first word of the first.

    since: seconds since the epoch at which this state began. source: its address, secrets masked. pid, rss: of the
    running worker, bytes; None and 0 between two workers. restarts: workers that were started after the first.
    """

    name: str
    source: str = ""
    status: Status | None = None
    preview: Preview | None = None
    restarts: int = 0
    since: float = 0.0
    pid: int | None = None
    rss: int = 0

    @property
    def well(self) -> bool:
        """Whether covered pictures go out to every output, and are covered whole only where that is wanted."""
        status = self.status
        if status is None or not (
            status.state == "live" or (status.state == "covered" and status.reason == SCHEDULED)
        ):
            return False
        return all(output.open for output in status.outputs)


@dataclass(slots=True)
class _Entry:
    """What was told of one camera. past: the sum over the workers that have ended. heard: on the monotonic clock."""

    source: str
    since: float
    past: Status = field(default_factory=Status)
    present: Status | None = None
    preview: Preview | None = None
    workers: int = 0
    pid: int | None = None
    rss: int = 0
    heard: float = 0.0
    shown: tuple[str, str] = ("", "")


class Board:
    """Thread-safe. ``config_fault``: why the configuration on disk is not the one that runs, or empty."""

    def __init__(self) -> None:
        self.config_fault = ""
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}

    def cameras(self) -> tuple[CameraBoard, ...]:
        """Every camera, in the order in which they were added."""
        with self._lock:
            return tuple(self._shown(name, entry) for name, entry in self._entries.items())

    def healthy(self) -> bool:
        """Whether there is a camera and all of them are well."""
        cameras = self.cameras()
        return bool(cameras) and all(camera.well for camera in cameras)

    def add(self, name: str, source: str) -> None:
        """A camera that is to run. source: its address, secrets masked. What was known of that name is kept."""
        with self._lock:
            entry = self._entries.get(name)
            if entry is None:
                self._entries[name] = _Entry(source, time.time())
            else:
                entry.source = source

    def remove(self, name: str) -> None:
        """A camera that is to run no more."""
        with self._lock:
            self._entries.pop(name, None)

    def started(self, name: str, pid: int) -> None:
        """Its next worker has been started."""
        with self._lock:
            entry = self._entries[name]
            entry.workers += 1
            entry.pid, entry.heard = pid, time.monotonic()
            self._shown(name, entry)

    def told(self, name: str, said: Status | Preview) -> None:
        """Its worker has said something."""
        with self._lock:
            entry = self._entries[name]
            if isinstance(said, Preview):
                entry.preview = said
                return
            entry.present, entry.heard = said, time.monotonic()
            self._shown(name, entry)

    def measured(self, name: str, rss: int) -> None:
        """Its worker holds so many bytes of memory."""
        with self._lock:
            self._entries[name].rss = rss

    def ended(self, name: str, reason: str, *, fault: bool = True) -> None:
        """Its worker is gone, for this reason, secrets masked. fault: whether that is to be remembered as one."""
        with self._lock:
            entry = self._entries[name]
            entry.past = _ended(added(entry.past, entry.present or Status()), reason, fault)
            entry.present, entry.pid, entry.rss = None, None, 0
            entry.preview = None  # an old picture would look like a live one
            self._shown(name, entry)

    def _shown(self, name: str, entry: _Entry) -> CameraBoard:
        """The camera as it is to be shown; since when it is so is noted on the way."""
        status = None if not entry.workers else added(entry.past, entry.present or _waiting(entry))
        silent = time.monotonic() - entry.heard
        if status is not None and entry.present is not None:
            if status.age is not None:
                status = replace(status, age=status.age + silent)
            if silent > SILENCE and status.state != "stopped":
                status = replace(status, state="lost", reason="no word from its worker", rate=0.0)
        if status is not None and (status.state, status.reason) != entry.shown:
            if status.state != entry.shown[0]:
                entry.since = time.time()
            entry.shown = (status.state, status.reason)
        return CameraBoard(
            name,
            entry.source,
            status,
            entry.preview,
            max(0, entry.workers - 1),
            entry.since,
            entry.pid,
            entry.rss,
        )


def added(past: Status, present: Status) -> Status:
    """The present, with the numbers of the workers before it added."""
    return replace(
        present,
        frames_in=past.frames_in + present.frames_in,
        frames_out=past.frames_out + present.frames_out,
        dropped=past.dropped + present.dropped,
        looks=past.looks + present.looks,
        slates=past.slates + present.slates,
        whole=_summed(past.whole, present.whole),
        detections=_summed(past.detections, present.detections),
        seconds={
            stage: past.seconds.get(stage, 0.0) + present.seconds.get(stage, 0.0)
            for stage in {**past.seconds, **present.seconds}
        },
        stored=past.stored + present.stored,
        connects=past.connects + present.connects,
        fault=present.fault or past.fault,
        fault_at=present.fault_at if present.fault else past.fault_at,
        width=present.width or past.width,
        height=present.height or past.height,
        outputs=tuple(_joined(past.outputs, present.outputs)),
    )


def _summed(past: dict[str, int], present: dict[str, int]) -> dict[str, int]:
    return dict(Counter(past) + Counter(present))


def _joined(past: tuple[OutputStatus, ...], present: tuple[OutputStatus, ...]) -> Iterable[OutputStatus]:
    """The present outputs, with what went to the same ones before; the past ones where no worker runs."""
    before = {output.name: output for output in past}
    for output in present or past:
        old = before.get(output.name) if present else None
        yield (
            output
            if old is None
            else replace(output, frames=old.frames + output.frames, dropped=old.dropped + output.dropped)
        )


def _waiting(entry: _Entry) -> Status:
    """What there is to say while no worker does."""
    if entry.pid is not None:
        return Status(state="starting", reason="its worker is starting")
    return Status(state=entry.past.state, reason=entry.past.reason)


def _ended(past: Status, reason: str, fault: bool) -> Status:
    closed = tuple(replace(output, open=False, fault=output.fault or _CLOSED) for output in past.outputs)
    past = replace(past, state="lost" if fault else "stopped", reason=reason, rate=0.0, level=0, outputs=closed)
    return replace(past, fault=reason, fault_at=time.time()) if fault else past
