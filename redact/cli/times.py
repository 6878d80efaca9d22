"""Times as people write them."""

from __future__ import annotations

from typing import Annotated

import typer

from redact.errors import ConfigError


def _time(help: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(help=help, metavar="TIME", show_default=False)
    return option


Start = Annotated[str | None, _time("Begin here: seconds or HH:MM:SS.")]
End = Annotated[str | None, _time("End here: seconds or HH:MM:SS.")]
Duration = Annotated[str | None, _time("End this long after the start.")]


def seconds(text: str) -> float:
    """'1.5', '1:02' or '00:01:02.5' in seconds. Raises ConfigError."""
    try:
        parts = [float(part) for part in text.split(":")]
        if len(parts) > 3 or any(not 0 <= part < float("inf") for part in parts):
            raise ValueError
    except ValueError:
        raise ConfigError(f"{text!r} is not a time", hint="seconds as 1.5, or HH:MM:SS as 00:01:02") from None
    total = 0.0
    for part in parts:
        total = total * 60 + part
    return total


def span(start: str | None, end: str | None, duration: str | None) -> tuple[float | None, float | None]:
    """(first, last) second of ``--start``, ``--end`` and ``--duration``. Raises ConfigError."""
    if end is not None and duration is not None:
        raise ConfigError("--end and --duration say the same thing twice", hint="give one of them")
    first = None if start is None else seconds(start)
    last = None if end is None else seconds(end)
    if duration is not None:
        last = (first or 0.0) + seconds(duration)
    if last is not None and last <= (first or 0.0):
        raise ConfigError("the end is not after the start", hint="--start 10 --end 20, or --start 10 --duration 10")
    return first, last
