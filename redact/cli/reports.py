"""What a command tells of its runs: a line each, and a report for whoever asks for one."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from redact.cli.console import say

if TYPE_CHECKING:
    from redact.outfile import OutFile
    from redact.report import Result

ReportPath = Annotated[
    Path | None, typer.Option("--report", help="Write what was done to a JSON file.", metavar="R.json")
]
Json = Annotated[bool, typer.Option("--json", help="Print what was done as JSON instead of a line.")]


class Reporter:
    """Tells of runs as they end, and writes the report when all have. A context manager.

    report: the file for it, or None. Raises SinkError when made, if that file cannot be written.
    """

    def __init__(
        self, report: Path | None, *, as_json: bool, quiet: bool, verbose: bool, overwrite: bool, inputs: list[Path]
    ) -> None:
        self._json = as_json
        self._quiet = quiet
        self._verbose = verbose
        self._runs: list[dict[str, Any]] = []
        self._failures: list[dict[str, str]] = []
        self._stack = ExitStack()
        self._file: OutFile | None = None
        if report is not None:
            from redact.outfile import OutFile

            self._file = self._stack.enter_context(OutFile(report, overwrite=overwrite, inputs=inputs))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        with self._stack:
            if error is None:
                self._finish()

    def done(self, result: Result) -> None:
        """A run ended well."""
        for warning in result.warnings:
            say(f"warning: {warning}")
        if self._file is not None or self._json:
            self._runs.append(result.to_json())
        if self._quiet or self._json:
            return
        print(result.summary(), flush=True)
        for dropped in result.dropped if self._verbose else ():
            print(f"  dropped: {dropped}")

    def failed(self, input: Path, error: Exception) -> None:
        """A run ended without an output."""
        self._failures.append({"input": input.name, "error": type(error).__name__})

    def _finish(self) -> None:
        if self._file is None and not self._json:
            return
        from redact.report import document

        text = json.dumps(document(self._runs, self._failures), indent=2, allow_nan=False) + "\n"
        if self._file is not None:
            self._file.write(text)
            self._file.commit()
        if self._json:
            sys.stdout.write(text)
            sys.stdout.flush()
