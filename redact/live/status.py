"""What a worker tells of its camera, a few times a second: numbers and words, and a covered preview.

One JSON object a line, from the worker to the supervisor. Numbers grow from the worker's start on; the
supervisor adds up those of a camera's successive workers.
"""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass, field
from typing import Literal, NoReturn

from pydantic import TypeAdapter

State = Literal["starting", "live", "covered", "lost", "stopped"]
"""Covered frames go out · every frame goes out, covered whole · a slate instead of frames · the same, for good."""

SCHEDULED = "everything is to be covered at this hour"
"""The reason of a camera that is covered because its schedule says so: the only one that is no fault."""


@dataclass(frozen=True, slots=True)
class OutputStatus:
    """One sink of a camera. name: its address, secrets masked. fault: why it does not take frames now, or empty."""

    name: str
    open: bool
    fault: str = ""
    frames: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """One camera at one moment. Times are seconds since the epoch, ages and durations seconds.

    state: see ``State``. frames_in: decoded. frames_out: handed to the sinks, slates not counted. dropped: frames
    that were never shown because there was no time. whole: frames covered whole, by reason. slates: slates shown.
    detections: by kind. seconds: time spent, by stage (decode, detect, cover, encode). age: of the newest frame
    handed to the sinks, from its arrival to now, or None before the first. rate: frames a second that arrive.
    level: how far detection was cut back to keep up, 0 is not at all. looks: completed. stored: bytes on disk of this
    worker. unread: since the reading thread last gave a sign; it may hang in a library. astray: by which the newest
    frame's time differs from the real one. connects: tries to reach the camera.
    fault: the last thing that went wrong, secrets masked; fault_at: when.
    """

    state: State = "starting"
    reason: str = ""
    width: int = 0
    height: int = 0
    frames_in: int = 0
    frames_out: int = 0
    dropped: int = 0
    slates: int = 0
    whole: dict[str, int] = field(default_factory=dict)
    detections: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    age: float | None = None
    rate: float = 0.0
    level: int = 0
    looks: int = 0
    unread: float = 0.0
    astray: float = 0.0
    stored: int = 0
    connects: int = 0
    fault: str = ""
    fault_at: float | None = None
    outputs: tuple[OutputStatus, ...] = ()

    def line(self) -> bytes:
        """As one line of the worker's pipe."""
        return json.dumps({"status": asdict(self)}, separators=(",", ":")).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Preview:
    """A covered frame as a small JPEG. taken: when it arrived, seconds since the epoch."""

    jpeg: bytes
    taken: float

    def line(self) -> bytes:
        """As one line of the worker's pipe."""
        text = base64.b64encode(self.jpeg).decode()
        return json.dumps({"preview": text, "taken": self.taken}, separators=(",", ":")).encode() + b"\n"


def told(line: bytes) -> Status | Preview:
    """What a line of a worker's pipe says. Raises ValueError where it is none: a worker may be broken in any way."""
    try:
        said = json.loads(line, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(said, dict):
        raise ValueError("not an object")
    if "preview" in said:
        preview, taken = said["preview"], said.get("taken")
        if not isinstance(preview, str) or not isinstance(taken, float):
            raise ValueError("not a preview")
        return Preview(base64.b64decode(preview, validate=True), taken)
    return _STATUS.validate_python(said.get("status"))


def _no_number(constant: str) -> NoReturn:
    """NaN is less than no limit, and would keep a worker that nobody can judge."""
    raise ValueError(f"{constant} is no number")


_STATUS = TypeAdapter(Status)
