"""What a person or a calling program sees: lines, progress, errors, exit status.

Exit status: 0 done · 1 an input failed · 2 usage · 3 verification found something · 130 interrupted.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from redact.errors import ConfigError, RedactError

if TYPE_CHECKING:
    from redact.tally import Progress

DONE, FAILED, USAGE, FOUND, INTERRUPTED = 0, 1, 2, 3, 130

Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say what was dropped and what each step does.")]
Overwrite = Annotated[bool, typer.Option("-y", "--overwrite", help="Replace existing outputs.")]

# what the command line library raises for bad usage, whichever version of it brings the class
_Usage: Any = typer.BadParameter.__mro__[2]


class Stopped(BaseException):
    """The user asked to stop. No KeyboardInterrupt, which libraries on the way would take for theirs."""


class ProgressMode(StrEnum):
    """How progress is shown on stderr."""

    auto = "auto"
    json = "json"
    none = "none"


ShowProgress = Annotated[ProgressMode, typer.Option("--progress", help="How progress is shown on stderr.")]


class Bar:
    """Progress on stderr: a bar for people, a JSON line a second for programs, or nothing."""

    def __init__(self, name: str, mode: ProgressMode) -> None:
        self._name = name
        self._mode = mode if mode is not ProgressMode.auto or sys.stderr.isatty() else ProgressMode.none
        self._bar: Any = None
        self._told = 0.0

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, progress: Progress) -> None:
        """Called after every covered frame."""
        if self._mode is ProgressMode.none:
            return
        now = time.monotonic()
        if now - self._told < (1.0 if self._mode is ProgressMode.json else 0.1):
            return
        self._told = now
        people = max(progress.found.values(), default=0)
        if self._mode is ProgressMode.json:
            facts = {"input": self._name, "frames": progress.frames, "total": progress.total, "people": people}
            say(json.dumps(facts))
            return
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(total=progress.total, desc=self._name, unit="frame", leave=False, file=sys.stderr)
        self._bar.set_postfix_str(f"{people} people", refresh=False)
        self._bar.update(progress.frames - self._bar.n)


class _Lines(logging.Handler):
    """Log records as single lines on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        say(f"{record.levelname.lower()}: {record.getMessage()}")


def log_to_stderr(quiet: bool, verbose: bool) -> None:
    """Show what the library logs, from warnings on or as asked."""
    logger = logging.getLogger("redact")
    logger.handlers = [_Lines()]
    logger.setLevel(logging.ERROR if quiet else logging.INFO if verbose else logging.WARNING)
    logger.propagate = False


def say(line: str) -> None:
    """One line on stderr."""
    print(line, file=sys.stderr, flush=True)


def complain(error: RedactError, input: Path | None = None, verbose: bool = False) -> None:
    """One error line and one hint line; the traceback only where asked for."""
    place = f"{input}: " if input is not None and str(input) not in str(error) else ""
    say(f"error: {place}{error}")
    if error.hint:
        say(f"hint: {error.hint}")
    if verbose:
        traceback.print_exception(error)


def guarded(command: Callable[[], Any]) -> int:
    """Run a command; turn whatever goes wrong into one error line, one hint line and an exit status."""
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    try:
        return int(command() or DONE)
    except Stopped:
        say("interrupted: nothing was left behind")
        return INTERRUPTED
    except RedactError as error:
        complain(error)
        return USAGE if isinstance(error, ConfigError) else FAILED
    except _Usage as error:
        say(f"error: {error.format_message()}")
        say("hint: redact --help lists the commands, redact COMMAND --help their options")
        return USAGE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads any more
        return FAILED
    except Exception as error:
        if {"-v", "--verbose"} & set(sys.argv):
            raise
        say(f"error: unexpected {type(error).__name__}: {error}")
        say("hint: this is a fault in redact; please report what it prints with -v")
        return FAILED


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    """First Ctrl-C or TERM: stop cleanly. Second: at once."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    signal.signal(signal.SIGTERM, lambda *_: os._exit(INTERRUPTED))
    raise Stopped
