"""``redact verify``: is somebody still visible in an output, and is it what its input was?"""

from __future__ import annotations

import json as codec
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from redact.cli.console import (
    DONE,
    FOUND,
    Bar,
    Overwrite,
    ProgressMode,
    Quiet,
    ShowProgress,
    Verbose,
    log_to_stderr,
    say,
)
from redact.cli.options import with_settings
from redact.cli.times import Duration, End, Start, span
from redact.errors import SinkError
from redact.policy import Audio, Encoding, Policy

if TYPE_CHECKING:
    from redact.outfile import OutFile
    from redact.verify import Checked, Moment, Verdict

SETTINGS = ("find", "device", "min_face", "shape", "grow", "always", "never")
_SHOWN = 10  # moments on the terminal; the sheet and the JSON have more


@with_settings(only=SETTINGS, defaults={"allow_weak": True})  # what was covered weakly is looked at all the same
def verify(
    output: Annotated[Path, typer.Argument(help="A covered video or picture.", show_default=False)],
    policy: Policy,
    against: Annotated[
        Path | None, typer.Option("--against", help="The input that it was made from.", metavar="IN")
    ] = None,
    regions: Annotated[
        Path | None, typer.Option("--regions", help="The regions that were covered.", metavar="R.json")
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(
            "--with", help="Second detector; default: the most independent that is here.", metavar="NAME|PATH"
        ),
    ] = None,
    every: Annotated[int, typer.Option("--every", help="Look at every N-th frame only.", metavar="N", min=1)] = 1,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", help="Write a contact sheet of what to look at.", metavar="FILE.png")
    ] = None,
    overwrite: Overwrite = False,
    start: Start = None,
    end: End = None,
    duration: Duration = None,
    audio: Annotated[
        str, typer.Option("--audio", help="Whether the sound was kept on purpose.", metavar="drop|keep")
    ] = "drop",
    json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON instead.")] = False,
    progress: ShowProgress = ProgressMode.auto,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Look for whoever may still be visible, and for what the file tells besides.

    redact verify lobby.redacted.mp4 --against lobby.mp4 --regions regions.json
    """
    from collections import Counter

    from redact.tally import Progress
    from redact.verify import verify_file

    log_to_stderr(quiet, verbose)
    first, last = span(start, end, duration)
    kept = Encoding(audio=cast(Audio, audio)).audio
    named = [path for path in (output, against, regions) if path is not None]
    with ExitStack() as stack:
        page = stack.enter_context(_sheet_file(sheet, overwrite, named)) if sheet is not None else None
        with Bar(output.name, ProgressMode.none if quiet else progress) as bar:
            checked = verify_file(
                output,
                against=against,
                regions=regions,
                detector=detector,
                policy=policy,
                every=every,
                start=first,
                end=last,
                audio=kept,
                progress=lambda done, total: bar.show(Progress(done, total, Counter())),
            )
        if page is not None:
            write_sheet(page, checked)
    verdict = checked.verdict
    if json:
        sys.stdout.write(codec.dumps(verdict.to_json(), indent=2, allow_nan=False) + "\n")
    elif not quiet or verdict.found:
        tell(verdict, verbose)
    return FOUND if verdict.found else DONE


def tell(verdict: Verdict, verbose: bool = False) -> None:
    """The verdict for a person: findings, then one line."""
    for fault in verdict.faults:
        print(f"  {fault}")
    shown = verdict.moments if verbose else verdict.alarms[:_SHOWN]
    for moment in shown:
        print(f"  {_words(moment)}")
    hidden = len(verdict.alarms) - len(shown)
    if hidden > 0:
        print(f"  and {hidden} more: --json or --sheet has them")
    print(verdict.summary(), flush=True)
    if verbose:
        say(f"detector: {verdict.detector}; independence: {verdict.independence}")
        for words in verdict.unchecked:
            say(f"not checked: {words}")


def _words(moment: Moment) -> str:
    span = "" if moment.frames == 1 else f", {moment.frames} frames from {moment.first:.2f} to {moment.last:.2f} s"
    box = ",".join(f"{edge:.0f}" for edge in moment.box)
    words = f" ({moment.detail})" if moment.detail else ""
    return f"{moment.time:.2f} s: {moment.kind} {moment.score:.2f} at {box}: {moment.reason}{words}{span}"


def _counted(verdict: Verdict) -> str:
    return f"{len(verdict.alarms)} moments, {len(verdict.faults)} faults of the file"


def refuse(verdict: Verdict, input: Path, part: str, verbose: bool) -> None:
    """Say why an output did not take its name, and what to do next."""
    for fault in verdict.faults:
        say(f"  {fault}")
    for moment in verdict.moments if verbose else verdict.alarms[:_SHOWN]:
        say(f"  {_words(moment)}")
    say(f"error: {input}: somebody may be visible in its output, or it is not what it should be: {_counted(verdict)}")
    say(f"hint: it stays {part}; look at these moments, or run redact detect, edit, and redact render")


def _sheet_file(path: Path, overwrite: bool, inputs: list[Path]) -> OutFile:
    from redact.outfile import OutFile

    if path.suffix.lower() != ".png":
        raise SinkError(f"{path}: a contact sheet is a PNG picture", hint="name it .png")
    return OutFile(path, overwrite=overwrite, inputs=inputs)


def write_sheet(file: OutFile, checked: Checked) -> None:
    """Write the contact sheet and give it its name. Raises SinkError."""
    from redact.verify.sheet import contact_sheet

    with file.explained():
        contact_sheet(checked.pictures, checked.verdict.summary()).save(file.file, "PNG")
    file.commit()
