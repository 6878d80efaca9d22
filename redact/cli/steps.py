"""``redact detect`` and ``redact render``: the two halves of ``redact file``, with a file between them to edit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from redact.cli.console import DONE, Bar, Overwrite, ProgressMode, Quiet, ShowProgress, Verbose, log_to_stderr
from redact.cli.options import with_settings
from redact.cli.reports import Json, OutputRecords, Records, Reporter
from redact.cli.times import Duration, End, Start, span
from redact.custody import Custody
from redact.policy import COVERING, Encoding, Policy, settings

FINDING = tuple(name for name in settings(Policy) if name not in COVERING)


@with_settings(only=FINDING)
def detect(
    input: Annotated[Path, typer.Argument(help="A video or picture.", show_default=False)],
    policy: Policy,
    records: Records,
    custody: Custody,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Regions file; default: NAME.regions.json beside the input.")
    ] = None,
    export: Annotated[
        list[str] | None,
        typer.Option("--export", help="Write it for other tools too. Repeatable.", metavar="mot|coco|csv"),
    ] = None,
    overwrite: Overwrite = False,
    start: Start = None,
    end: End = None,
    duration: Duration = None,
    json: Json = False,
    progress: ShowProgress = ProgressMode.auto,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Write down where faces and people are, and cover nothing yet.

    redact detect lobby.mp4 -o regions.json
    """
    from redact.steps import detect_file

    log_to_stderr(quiet, verbose)
    first, last = span(start, end, duration)
    with Reporter(
        records, custody, as_json=json, quiet=quiet, verbose=verbose, overwrite=overwrite, inputs=[input]
    ) as reporter:
        with reporter.noting(input), Bar(input.name, ProgressMode.none if quiet else progress) as bar:
            result = detect_file(
                input,
                output or input.with_name(f"{input.stem}.regions.json"),
                policy=policy,
                exports=export or (),
                overwrite=overwrite,
                start=first,
                end=last,
                progress=bar.show,
            )
        reporter.done(result)
    return DONE


@with_settings(only=COVERING)
def render(
    input: Annotated[Path, typer.Argument(help="The video or picture that the regions are of.", show_default=False)],
    regions: Annotated[
        Path, typer.Argument(help="A file of redact detect, edited or not, or a MOT file.", show_default=False)
    ],
    policy: Policy,
    encoding: Encoding,
    records: OutputRecords,
    custody: Custody,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Output file; default: NAME.redacted beside the input.")
    ] = None,
    overwrite: Overwrite = False,
    json: Json = False,
    progress: ShowProgress = ProgressMode.auto,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Cover what a regions file says, and nothing else.

    redact render lobby.mp4 regions.json -o lobby.redacted.mp4
    """
    from redact.cli.outputs import jobs
    from redact.steps import render_file

    log_to_stderr(quiet, verbose)
    job = jobs([input], None if output is None else str(output))[0]
    with Reporter(
        records, custody, as_json=json, quiet=quiet, verbose=verbose, overwrite=overwrite, inputs=[input, regions]
    ) as reporter:
        reporter.check([job.output])
        with reporter.noting(input), Bar(input.name, ProgressMode.none if quiet else progress) as bar:
            result = render_file(
                job.input,
                regions,
                job.output,
                policy=policy,
                encoding=encoding,
                overwrite=overwrite,
                progress=bar.show,
            )
        reporter.seal(result)
        reporter.done(result)
    return DONE
