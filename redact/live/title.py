"""The process's own command line, as every user of the machine can read it: without passwords."""

from __future__ import annotations

import contextlib
import ctypes
import sys

from redact.live.secrets import mask

_ARG_START, _ARG_END = 45, 46  # fields of /proc/self/stat behind the name; proc(5) counts them 48 and 49


def hide_secrets() -> None:
    """Put * over every secret among the arguments, in place. Nothing happens where the system has no such place."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, ValueError, IndexError):
        with open("/proc/self/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        start, end = int(fields[_ARG_START]), int(fields[_ARG_END])
        if not 0 < start < end:
            return
        hidden = b"\0".join(map(_hidden, ctypes.string_at(start, end - start).split(b"\0")))
        if len(hidden) == end - start:
            ctypes.memmove(start, hidden, len(hidden))


def _hidden(argument: bytes) -> bytes:
    """The argument, masked and no longer than it was, filled up with stars."""
    text = argument.decode(errors="surrogateescape")
    shown = mask(text).encode(errors="surrogateescape")
    return argument if shown == argument else shown[: len(argument)].ljust(len(argument), b"*")
