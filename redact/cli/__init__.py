"""The command line: the only package that prints, draws progress or exits. One file a command."""

from __future__ import annotations

import os
import sys

import typer

from redact.cli.config import config
from redact.cli.console import INTERRUPTED, guarded
from redact.cli.doctor import doctor
from redact.cli.file import file
from redact.cli.ledger import ledger
from redact.cli.models import models
from redact.cli.serve import serve
from redact.cli.steps import detect, render
from redact.cli.stream import stream
from redact.cli.verify import verify

app = typer.Typer(
    help="Find faces and people in footage and cover them before anything is stored.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(file)
app.command()(detect)
app.command()(render)
app.command()(verify)
app.command()(stream)
app.command()(serve)
app.add_typer(ledger, name="ledger")
app.add_typer(models, name="models")
app.add_typer(config, name="config")
app.command()(doctor)


def main() -> None:
    """Entry point of the ``redact`` command."""
    status = guarded(lambda: app(standalone_mode=False))
    if status == INTERRUPTED:
        # everything is closed; a library's thread that is still at work must not meet the interpreter's end
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)
