"""The exemption log as a file: a table for spreadsheets, or a page to print."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from redact.custody import Custody
from redact.errors import ConfigError
from redact.exemptions import exemptions
from redact.exemptions_page import page
from redact.outfile import OutFile
from redact.shown_text import shown

Json = dict[str, Any]
_FORMULAS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # what a spreadsheet would compute with


class ExemptionLog:
    """A log being written, as CSV or HTML by its suffix. A context manager: without ``write`` it leaves nothing.

    Raises ConfigError for another suffix, SinkError where it cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        custody: Custody,
        *,
        overwrite: bool = False,
        inputs: Iterable[Path] = (),
    ) -> None:
        suffix = Path(path).suffix.lower()
        if suffix not in _FORMATS:
            raise ConfigError(f"{path}: a log is .csv or .html", hint="name it so")
        self._format = _FORMATS[suffix]
        self._custody = custody
        self._out = OutFile(path, overwrite=overwrite, inputs=inputs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._out.abort()

    def write(self, runs: list[Json], failures: list[dict[str, str]]) -> None:
        """Write and finish the file. Raises SinkError."""
        self._out.write(self._format(runs, failures, self._custody))
        self._out.commit()


COLUMNS: tuple[str, ...] = (
    "reference", "operator", "input", "output", "what", "kind", "track", "style", "first_seconds", "last_seconds",
    "frames_seen", "frames_filled", "frames_reached", "frames_held", "lowest_score", "reason_code", "statute",
    "detail", "input_sha256", "output_sha256", "ledger_record",
)  # fmt: skip


def table(runs: list[Json], failures: list[dict[str, str]], custody: Custody) -> str:
    """The log as CSV (RFC 4180), with a byte order mark, without which spreadsheets misread names."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    who = (custody.reference, custody.operator)
    for run in runs:
        digests = (run["input"]["sha256"], run["output"]["sha256"], run.get("ledger", {}).get("number"))
        for item in exemptions(run):
            reason = custody.reason(item.ground)
            facts = (item.what, item.kind, item.track, item.style, item.first, item.last)
            frames = (item.seen, item.filled, item.reached, item.held, item.lowest_score)
            names = (run["input"]["name"], run["output"]["name"])
            row = (*who, *names, *facts, *frames, reason.code, reason.statute, item.detail, *digests)
            writer.writerow([_cell(value) for value in row])
    for failure in failures:
        blank = [""] * 12
        ended = [*who, failure["input"], "", "failed", *blank, f"no output: {failure['error']}", "", "", ""]
        writer.writerow([_cell(value) for value in ended])
    return "\ufeff" + text.getvalue()


def _cell(value: object) -> object:
    """A value as a spreadsheet shows it and never computes with it."""
    if not isinstance(value, str):
        return value
    text = shown(value)
    return f"'{text}" if text.lstrip().startswith(_FORMULAS) else text


def _page(runs: list[Json], failures: list[dict[str, str]], custody: Custody) -> str:
    return page([(run, list(exemptions(run))) for run in runs], failures, custody)


_FORMATS = {".csv": table, ".html": _page, ".htm": _page}
