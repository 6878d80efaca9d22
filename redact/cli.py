"""The command line: the only file that prints, draws progress or exits.

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
from typing import Annotated, Any, NoReturn

import typer

from redact.errors import ConfigError, RedactError
from redact.options import with_settings
from redact.outputs import Job, jobs
from redact.policy import Encoding, Policy

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

app = typer.Typer(
    help="Find faces and people in footage and cover them before anything is stored.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
models_app = typer.Typer(help="List, fetch and check detector models.", no_args_is_help=True)
app.add_typer(models_app, name="models")

# what the command line library raises for bad usage, whichever version of it brings the class
_Usage = typer.BadParameter.__mro__[2]


class ProgressMode(StrEnum):
    """How progress is shown on stderr."""

    auto = "auto"
    json = "json"
    none = "none"


Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say what was dropped and what each step does.")]


@app.command("file")
@with_settings
def file_command(
    inputs: Annotated[list[Path], typer.Argument(help="Video files, or folders of them.", show_default=False)],
    policy: Policy,
    encoding: Encoding,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Output file, or folder for several inputs.  [default: NAME.redacted beside]"
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("-y", "--overwrite", help="Replace existing outputs.")] = False,
    start: Annotated[
        str | None, typer.Option(help="Begin here: seconds or HH:MM:SS.", metavar="TIME", show_default=False)
    ] = None,
    end: Annotated[
        str | None, typer.Option(help="End here: seconds or HH:MM:SS.", metavar="TIME", show_default=False)
    ] = None,
    duration: Annotated[
        str | None, typer.Option(help="End this long after the start.", metavar="TIME", show_default=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option("-n", "--dry-run", help="Say what would be done and stop.")] = False,
    progress: Annotated[ProgressMode, typer.Option(help="How progress is shown on stderr.")] = ProgressMode.auto,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Cover faces and people in recordings.

    redact file lobby.mp4 -o lobby.redacted.mp4
    """
    _log_to_stderr(quiet, verbose)
    first, last = _span(start, end, duration)
    planned = jobs(inputs, output)
    failed = 0
    for job in planned:
        try:
            if dry_run:
                _describe(job, policy, encoding, overwrite)
            else:
                _redact(job, policy, encoding, overwrite, (first, last), progress, quiet, verbose)
        except ConfigError:
            raise  # the same for every input: usage, not a bad file
        except RedactError as error:
            failed += 1
            _complain(error, job.input if len(planned) > 1 else None, verbose)
    return FAILED if failed else DONE


def _redact(
    job: Job,
    policy: Policy,
    encoding: Encoding,
    overwrite: bool,
    span: tuple[float | None, float | None],
    mode: ProgressMode,
    quiet: bool,
    verbose: bool,
) -> None:
    from redact.recording import redact_file

    with _Bar(job.input.name, ProgressMode.none if quiet else mode) as bar:
        result = redact_file(
            job.input,
            job.output,
            policy=policy,
            encoding=encoding,
            overwrite=overwrite,
            start=span[0],
            end=span[1],
            progress=bar.show,
        )
    for warning in result.warnings:
        _say(f"warning: {warning}")
    if quiet:
        return
    print(result.summary())
    if verbose:
        for dropped in result.dropped:
            print(f"  dropped: {dropped}")


def _describe(job: Job, policy: Policy, encoding: Encoding, overwrite: bool) -> None:
    from redact.recording import plan

    for line in plan(job.input, job.output, policy=policy, encoding=encoding, overwrite=overwrite):
        print(line)


@models_app.command("list")
def models_list() -> int:
    """List the models that can be named with --detector."""
    from redact.detect.catalog import catalog, check

    states = {finding.name: finding.state for finding in check()}
    for name, record in catalog().items():
        where = "shipped" if record.shipped else {"ok": "fetched"}.get(states[name], "not fetched")
        print(f"{name:<14} {','.join(record.kinds):<12} {where:<12} {record.licence}")
    return DONE


@models_app.command("fetch")
def models_fetch(
    names: Annotated[list[str], typer.Argument(help="Names from `redact models list`.", show_default=False)],
) -> int:
    """Download models from their origin into the user's cache and verify them."""
    from redact.detect.catalog import fetch

    for name in names:
        print(f"{name}: {fetch(name)}")
    return DONE


@models_app.command("check")
def models_check() -> int:
    """Verify the digest of every model that is here."""
    from redact.detect.catalog import check

    findings = check()
    for finding in findings:
        print(f"{finding.name:<14} {finding.state:<8} {finding.detail}".rstrip())
    return FAILED if any(finding.state == "bad" for finding in findings) else DONE


@app.command("doctor")
def doctor_command() -> int:
    """Say what is installed, verify the models and run a one-second self-test."""
    from redact.doctor import examine

    healthy = True
    for finding in examine():
        healthy &= finding.ok
        print(f"{'ok  ' if finding.ok else 'FAIL'} {finding.what}: {finding.detail}")
    return DONE if healthy else FAILED


class _Bar:
    """Progress on stderr: a bar for people, a JSON line a second for programs, or nothing."""

    def __init__(self, name: str, mode: ProgressMode) -> None:
        self._name = name
        self._mode = mode if mode is not ProgressMode.auto or sys.stderr.isatty() else ProgressMode.none
        self._bar: Any = None
        self._told = 0.0

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, progress: Any) -> None:
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
            print(json.dumps(facts), file=sys.stderr, flush=True)
            return
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(total=progress.total, desc=self._name, unit="frame", leave=False, file=sys.stderr)
        self._bar.set_postfix_str(f"{people} people", refresh=False)
        self._bar.update(progress.frames - self._bar.n)


def _span(start: str | None, end: str | None, duration: str | None) -> tuple[float | None, float | None]:
    if end is not None and duration is not None:
        raise ConfigError("--end and --duration say the same thing twice", hint="give one of them")
    first = None if start is None else _seconds(start)
    last = None if end is None else _seconds(end)
    if duration is not None:
        last = (first or 0.0) + _seconds(duration)
    if last is not None and last <= (first or 0.0):
        raise ConfigError("the end is not after the start", hint="--start 10 --end 20, or --start 10 --duration 10")
    return first, last


def _seconds(text: str) -> float:
    """'1.5', '1:02' or '00:01:02.5' in seconds. Raises ConfigError."""
    try:
        parts = [float(part) for part in text.split(":")]
        if len(parts) > 3 or any(not 0 <= part < float("inf") for part in parts):
            raise ValueError
    except ValueError:
        raise ConfigError(f"{text!r} is not a time", hint="seconds as 1.5, or HH:MM:SS as 00:01:02") from None
    seconds = 0.0
    for part in parts:
        seconds = seconds * 60 + part
    return seconds


class _Lines(logging.Handler):
    """Log records as single lines on stderr, in the manner of this command line."""

    def emit(self, record: logging.LogRecord) -> None:
        _say(f"{record.levelname.lower()}: {record.getMessage()}")


def _log_to_stderr(quiet: bool, verbose: bool) -> None:
    level = logging.ERROR if quiet else logging.INFO if verbose else logging.WARNING
    logger = logging.getLogger("redact")
    logger.handlers = [_Lines()]
    logger.setLevel(level)
    logger.propagate = False


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _complain(error: RedactError, input: Path | None = None, verbose: bool = False) -> None:
    place = f"{input}: " if input is not None and str(input) not in str(error) else ""
    _say(f"error: {place}{error}")
    if error.hint:
        _say(f"hint: {error.hint}")
    if verbose:
        traceback.print_exception(error)


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    """First Ctrl-C or TERM: stop cleanly. Second: at once."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    signal.signal(signal.SIGTERM, lambda *_: os._exit(INTERRUPTED))
    raise KeyboardInterrupt


def main() -> None:
    """Entry point of the ``redact`` command."""
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    sys.exit(_guarded(lambda: app(standalone_mode=False)))


def _guarded(command: Callable[[], Any]) -> int:
    """Run, and turn whatever went wrong into one error line, one hint line and an exit status."""
    try:
        return int(command() or DONE)
    except KeyboardInterrupt:
        _say("interrupted: nothing was left behind")
        return INTERRUPTED
    except ConfigError as error:
        _complain(error)
        return USAGE
    except RedactError as error:
        _complain(error)
        return FAILED
    except _Usage as error:
        _say(f"error: {error.format_message()}")  # type: ignore[attr-defined]  # every such class has it
        _say("hint: redact --help lists the commands, redact COMMAND --help their options")
        return USAGE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads any more
        return FAILED
    except Exception as error:
        if {"-v", "--verbose"} & set(sys.argv):
            raise
        _say(f"error: unexpected {type(error).__name__}: {error}")
        _say("hint: this is a fault in redact; please report what it prints with -v")
        return FAILED
