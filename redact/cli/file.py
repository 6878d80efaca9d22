"""``redact file``: recordings and pictures in, covered ones out."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from redact.cli.console import (
    DONE,
    FAILED,
    FOUND,
    Bar,
    Overwrite,
    ProgressMode,
    Quiet,
    ShowProgress,
    Verbose,
    complain,
    log_to_stderr,
)
from redact.cli.options import with_settings
from redact.cli.outputs import Job, jobs, make_folder
from redact.cli.reports import Json, OutputRecords, Reporter
from redact.cli.times import Duration, End, Start, span
from redact.cli.verify import refuse
from redact.custody import Custody
from redact.errors import ConfigError, RedactError
from redact.policy import Encoding, Policy

if TYPE_CHECKING:
    from redact.report import Result


@with_settings()
def file(
    inputs: Annotated[
        list[Path], typer.Argument(help="Videos and pictures, or folders of them.", show_default=False)
    ],
    policy: Policy,
    encoding: Encoding,
    records: OutputRecords,
    custody: Custody,
    output: Annotated[
        str | None,
        typer.Option(
            "-o", "--output", help="Output file, or folder for several inputs; default: NAME.redacted beside each."
        ),
    ] = None,
    overwrite: Overwrite = False,
    start: Start = None,
    end: End = None,
    duration: Duration = None,
    dry_run: Annotated[bool, typer.Option("-n", "--dry-run", help="Say what would be done and stop.")] = False,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Look again with a second detector; what fails stays NAME.part, exit 3."),
    ] = False,
    json: Json = False,
    progress: ShowProgress = ProgressMode.auto,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Cover faces and people in recordings and pictures.

    redact file lobby.mp4 -o lobby.redacted.mp4
    """
    from redact.detect import load_detector
    from redact.recording import plan, redact_file

    log_to_stderr(quiet, verbose)
    first, last = span(start, end, duration)

    # loaded once for all inputs, and when the first of them is known to be there
    detector = functools.cache(lambda: load_detector(policy.detector, device=policy.device))

    def redact(job: Job) -> None:
        if dry_run:
            for line in plan(job.input, job.output, policy=policy, encoding=encoding):
                print(line)
            return
        make_folder(job)
        with Bar(job.input.name, ProgressMode.none if quiet else progress) as bar:
            result = redact_file(
                job.input,
                job.output,
                policy=policy,
                encoding=encoding,
                overwrite=overwrite,
                start=first,
                end=last,
                detector=detector() if job.input.is_file() else None,
                progress=bar.show,
                verify=verify,
            )
        if result.verdict is not None and result.verdict.found:
            withheld.append(result)
            refuse(result.verdict, job.input, result.output, verbose)
        else:
            reporter.seal(result)
        reporter.done(result)

    planned = jobs(inputs, output)
    withheld: list[Result] = []
    failed = 0
    with Reporter(
        None if dry_run else records,
        custody,
        as_json=json and not dry_run,
        quiet=quiet,
        verbose=verbose,
        overwrite=overwrite,
        inputs=[job.input for job in planned],
    ) as reporter:
        reporter.check(job.output for job in planned)
        for job in planned:
            try:
                redact(job)
            except ConfigError:
                raise  # the same for every input: usage, not a bad file
            except RedactError as error:
                failed += 1
                complain(error, job.input, verbose)
                reporter.failed(job.input, error)
    return FAILED if failed else FOUND if withheld else DONE
