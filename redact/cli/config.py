"""``redact config``: the file that tells ``redact serve`` of its cameras."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from redact.cli.console import DONE, USAGE, say
from redact.cli.live import need_live

if TYPE_CHECKING:
    from redact.live.config import Reading

config = typer.Typer(help="Check and show the configuration of redact serve.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="The configuration.")]
DEFAULT = Path("redact.yml")


@config.command()
def check(file: File = DEFAULT) -> int:
    """Name every fault of a configuration, each with its line.

    The environment counts: variables that are missing here are faults. Nothing is opened or connected to.
    """
    reading = _read(file)
    if reading.service is None:
        return _complained(reading)
    cameras = len(reading.service.cameras)
    print(f"{file}: good, {cameras} {'camera' if cameras == 1 else 'cameras'}")
    return DONE


@config.command()
def show(file: File = DEFAULT) -> int:
    """Print what is in effect, and where each value comes from: a line, a variable or the default.

    Secrets are masked.
    """
    from redact.live.written import effective

    reading = _read(file)
    if reading.service is None:
        return _complained(reading)
    for line in effective(reading):
        print(line)
    return DONE


@config.command()
def schema() -> int:
    """Print the JSON Schema of the configuration, for editors."""
    need_live()
    from redact.live.keys import schema_of_file

    print(json.dumps(schema_of_file(), indent=2))
    return DONE


@config.command()
def example() -> int:
    """Print a configuration with every key, its help and its default."""
    need_live()
    from redact.live.written import reference

    print(reference(), end="")
    return DONE


def _read(file: Path) -> Reading:
    need_live()
    from redact.live.config import read

    return read(file, os.environ)


def _complained(reading: Reading) -> int:
    for fault in reading.faults:
        say(f"error: {fault}")
        say(f"hint: {fault.hint}")
    return USAGE
