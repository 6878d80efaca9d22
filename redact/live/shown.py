"""The board as it may be shown: what a worker says is not taken on trust.

A worker may be killed in mid-sentence, be of another version or be broken. Whatever it said, numbers are numbers
here, counts never negative, words short, printable and without secrets, and a state is one that is known.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, get_args

from redact.live.board import Board, CameraBoard
from redact.live.secrets import mask
from redact.live.status import OutputStatus, Preview, State, Status

UNCLEAR = "its worker says what cannot be understood"
MOST_LABELS = 20  # reasons, kinds or stages of one camera; further ones are counted as the last of these
OTHER = "other"
_STATES = get_args(State)
_LONGEST = 300  # signs of a reason or a fault: three lines on a phone
_READ = 2000  # signs of it that are looked at


def shown(board: Board) -> tuple[CameraBoard, ...]:
    """Every camera of the board, as it may be shown."""
    return tuple(_camera(camera) for camera in board.cameras())


def why_not(camera: CameraBoard) -> str:
    """Why a camera is not well, in words; empty where it is. Takes what ``shown`` gives."""
    if camera.well:
        return ""
    status = camera.status
    if status is None:
        return "its worker has not been started yet"
    if status.state in ("live", "covered"):
        closed = [output for output in status.outputs if not output.open]
        if closed:
            return "; ".join(f"{output.name}: {output.fault or 'takes no frames'}" for output in closed)
    return status.reason or status.fault or status.state


def _camera(camera: CameraBoard) -> CameraBoard:
    return replace(
        camera,
        name=str(camera.name),
        source=words(camera.source),
        status=None if camera.status is None else _status(camera.status),
        preview=_preview(camera.preview),
        restarts=count(camera.restarts),
        since=number(camera.since) or 0.0,
        rss=count(camera.rss),
    )


def _status(said: Status) -> Status:
    known = isinstance(said, Status) and said.state in _STATES
    if not known:
        # where not even the state can be read, nothing else of it means anything
        return Status(state="lost", reason=UNCLEAR)
    return Status(
        state=said.state,
        reason=words(said.reason),
        width=count(said.width),
        height=count(said.height),
        frames_in=count(said.frames_in),
        frames_out=count(said.frames_out),
        dropped=count(said.dropped),
        slates=count(said.slates),
        whole=_labelled(said.whole, int),
        detections=_labelled(said.detections, int),
        seconds=_labelled(said.seconds, float),
        age=_age(said.age),
        rate=_age(said.rate) or 0.0,
        level=count(said.level),
        looks=count(said.looks),
        stored=count(said.stored),
        connects=count(said.connects),
        fault=words(said.fault),
        fault_at=number(said.fault_at),
        outputs=tuple(_outputs(said.outputs)),
    )


def _outputs(said: Any) -> Iterator[OutputStatus]:
    """The outputs by name; of those with the same one, which must not be told apart by their secrets, numbered."""
    names: set[str] = set()
    for output in said if isinstance(said, Iterable) else ():
        if not isinstance(output, OutputStatus):
            continue
        plain = name = words(output.name)
        number = 1
        while name in names:
            number += 1
            name = f"{plain} ({number})"
        names.add(name)
        yield OutputStatus(
            name=name,
            open=output.open is True,
            fault=words(output.fault),
            frames=count(output.frames),
            dropped=count(output.dropped),
        )


def _preview(said: Preview | None) -> Preview | None:
    if not isinstance(said, Preview) or not isinstance(said.jpeg, bytes) or number(said.taken) is None:
        return None
    return said


def _labelled(said: Any, kind: type) -> dict[str, Any]:
    """Numbers by label. Labels that are the same once their secrets are masked are added up."""
    found: dict[str, Any] = {}
    for label, value in said.items() if isinstance(said, Mapping) else ():
        name = words(label) or OTHER
        if name not in found and len(found) >= MOST_LABELS:
            name = OTHER
        found[name] = found.get(name, kind(0)) + kind(_age(value) or 0)
    return found


def words(said: Any) -> str:
    """A text on one line, short, printable, secrets masked."""
    text = mask(said[:_READ]) if isinstance(said, str) else ""
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def number(said: Any) -> float | None:
    """A finite number, or None."""
    if isinstance(said, bool) or not isinstance(said, (int, float)):
        return None
    try:
        return float(said) if math.isfinite(said) else None
    except OverflowError:  # an integer of a thousand digits
        return None


def count(said: Any) -> int:
    """A whole number from 0 on; 0 where there is none."""
    return int(_age(said) or 0)


def _age(said: Any) -> float | None:
    value = number(said)
    return None if value is None else max(0.0, value)
