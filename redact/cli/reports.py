"""What a command tells of its runs: a line each, and a report for whoever asks for one."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from redact.cli.console import say
from redact.errors import ConfigError, RedactError

if TYPE_CHECKING:
    from redact.custody import Custody
    from redact.exemption_log import ExemptionLog
    from redact.ledger import Ledger
    from redact.manifest import Sealer
    from redact.outfile import OutFile
    from redact.report import Result
    from redact.signature import Signer

Json = Annotated[bool, typer.Option("--json", help="Print what was done as JSON instead of a line.")]


def _file(flag: str, help: str, metavar: str) -> Any:
    return typer.Option(flag, help=help, metavar=metavar, show_default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What is to be written down of a command's runs, as options. sign: a private key, for report and ledger."""

    report: Annotated[Path | None, _file("--report", "Write what was done to a JSON file.", "R.json")] = None
    ledger: Annotated[
        Path | None, _file("--ledger", "Append a record of every run, chained to the one before it.", "L.jsonl")
    ] = None
    sign: Annotated[
        Path | None, _file("--sign", "Sign report and ledger with this Ed25519 private key.", "KEY.pem")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRecords(Records):
    """The same where there is an output to tell of. c2pa: a certificate chain, c2pa_key: its private key."""

    log: Annotated[
        Path | None, _file("--log", "Write what was withheld, when and why, to L.csv or L.html.", "L.csv|L.html")
    ] = None
    c2pa: Annotated[
        Path | None, _file("--c2pa", "Put a signed C2PA manifest into the output; needs --c2pa-key.", "CERT.pem")
    ] = None
    c2pa_key: Annotated[
        Path | None, _file("--c2pa-key", "Private key of the first certificate in CERT.pem.", "KEY.pem")
    ] = None


class Reporter:
    """Tells of runs as they end, and writes the documents that were asked for. A context manager.

    records: which those are, or None. Raises SinkError or ConfigError when made, if one of them cannot be written.
    """

    def __init__(
        self,
        records: Records | None,
        custody: Custody,
        *,
        as_json: bool,
        quiet: bool,
        verbose: bool,
        overwrite: bool,
        inputs: list[Path],
    ) -> None:
        self._custody = custody
        self._json = as_json
        self._quiet = quiet
        self._verbose = verbose
        self._runs: list[dict[str, Any]] = []
        self._failures: list[dict[str, str]] = []
        self._stack = ExitStack()
        self._file: OutFile | None = None
        self._signer: Signer | None = None
        self._ledger: Ledger | None = None
        self._log: ExemptionLog | None = None
        self._sealer: Sealer | None = None
        if records is not None:
            try:
                self._open(records, overwrite, inputs)
            except BaseException:
                self._stack.close()
                raise

    def _open(self, records: Records, overwrite: bool, inputs: list[Path]) -> None:
        if records.sign is not None:
            from redact.signature import Signer

            if records.report is None and records.ledger is None:
                raise ConfigError("--sign has nothing to sign", hint="give it --report R.json or --ledger L.jsonl")
            self._signer = Signer(records.sign)
        if isinstance(records, OutputRecords) and (records.c2pa is not None or records.c2pa_key is not None):
            from redact.manifest import Sealer

            if records.c2pa is None or records.c2pa_key is None:
                raise ConfigError("--c2pa and --c2pa-key belong together", hint="give both: certificates and key")
            self._sealer = Sealer(records.c2pa, records.c2pa_key)
        if records.ledger is not None:
            from redact.ledger import Ledger

            self._ledger = Ledger(records.ledger, signer=self._signer, inputs=inputs)
        if isinstance(records, OutputRecords) and records.log is not None:
            from redact.exemption_log import ExemptionLog

            log = ExemptionLog(records.log, self._custody, overwrite=overwrite, inputs=inputs)
            self._stack.enter_context(log)
            self._log = log
        if records.report is not None:
            from redact.outfile import OutFile

            file = OutFile(records.report, overwrite=overwrite, inputs=inputs)
            self._stack.enter_context(file)
            self._file = file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        with self._stack:
            if error is None:
                self._finish()

    def check(self, outputs: Iterable[Path]) -> None:
        """Raises ConfigError where an output could not carry what was asked for."""
        if self._sealer is not None:
            for output in outputs:
                self._sealer.check(output)

    def seal(self, result: Result) -> None:
        """Sign the output where that was asked for. Raises SinkError; then there is no output."""
        if self._sealer is not None:
            self._sealer.seal(result)

    @contextmanager
    def noting(self, input: Path) -> Iterator[None]:
        """Take note of an input that ends without an output, for a command that ends with it."""
        try:
            yield
        except ConfigError:
            raise
        except RedactError as error:
            self.failed(input, error)
            raise

    def done(self, result: Result) -> None:
        """A run ended well. Raises SinkError where the ledger cannot take its record; then there is no output."""
        for warning in result.warnings:
            say(f"warning: {warning}")
        if self._file is not None or self._json or self._ledger is not None or self._log is not None:
            try:
                self._runs.append(self._recorded(result))
            except BaseException:  # what was not written down was not done
                Path(result.output).unlink(missing_ok=True)
                raise
        if self._quiet or self._json:
            return
        print(result.summary(), flush=True)
        for dropped in result.dropped if self._verbose else ():
            print(f"  dropped: {dropped}")

    def _recorded(self, result: Result) -> dict[str, Any]:
        """The run as documents have it, once the ledger has it."""
        run = result.to_json()
        if self._ledger is not None:
            from redact.ledger import done

            run["ledger"] = self._ledger.append(done(run) | self._who())
        return run

    def failed(self, input: Path, error: Exception) -> None:
        """A run ended without an output. Raises SinkError where the ledger cannot take its record."""
        self._failures.append({"input": input.name, "error": type(error).__name__})
        if self._ledger is not None:
            from redact.ledger import failed

            self._ledger.append(failed(input, error) | self._who())

    def _who(self) -> dict[str, str]:
        return {"operator": self._custody.operator, "reference": self._custody.reference}

    def _finish(self) -> None:
        if self._log is not None:
            self._log.write(self._runs, self._failures)
        if self._file is None and not self._json:
            return
        from redact.report import document

        said = document(self._runs, self._failures, self._custody)
        if self._signer is not None:
            said = self._signer.sign(said)
        text = json.dumps(said, indent=2, allow_nan=False) + "\n"
        if self._file is not None:
            self._file.write(text)
            self._file.commit()
        if self._json:
            sys.stdout.write(text)
            sys.stdout.flush()
