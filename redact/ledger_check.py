"""Whether a ledger stands: every record fits the one before it, and what it names is still as it was."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from redact.digests import FileDigest
from redact.errors import SourceError
from redact.ledger import DONE, LONGEST, NONE, parsed, run_digest
from redact.signature import Verifier

Fault = Literal[
    "changed", "removed", "inserted", "reordered", "unfinished", "signature", "report", "file changed", "file missing"
]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not fit. line: of the ledger, from 1, or 0 where it is about no line. detail: in words."""

    fault: Fault
    line: int
    detail: str

    def __str__(self) -> str:
        return f"{f'line {self.line}: ' if self.line else ''}{self.fault}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check says. records: how many there are. first, last: times of the first and the last. head: digest of
    the last. signed: how many have a signature. findings: what does not fit, the first break of the chain first.
    """

    records: int
    first: str
    last: str
    head: str
    signed: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    """sha256: of its bytes. record: what it says, or None where it is none."""

    sha256: str
    record: dict[str, Any] | None

    @property
    def previous(self) -> str:
        return self.record["previous"] if self.record else ""


def check_ledger(
    path: str | os.PathLike[str],
    *,
    verifier: Verifier | None = None,
    report: str | os.PathLike[str] | None = None,
    folder: str | os.PathLike[str] | None = None,
) -> Checked:
    """Check a ledger. verifier: for its signatures. report: whose runs must be in it. folder: where the outputs are.

    Raises SourceError where a file cannot be read, or the report is none.
    """
    lines, rest = _lines(path)
    findings = list(_chain(lines))
    if rest:
        findings.append(
            Finding("unfinished", len(lines) + 1, f"{rest} bytes of a record that was not finished, or lost its end")
        )
    findings += _mended(lines)
    records = [line.record for line in lines if line.record is not None]
    if verifier is not None:
        findings += _signatures(lines, verifier)
    if report is not None:
        findings += _report(_document(report), lines, verifier)
    if folder is not None:
        findings += _files(lines, Path(folder))
    return Checked(
        records=len(lines),
        first=str(records[0]["time"]) if records else "",
        last=str(records[-1]["time"]) if records else "",
        head=lines[-1].sha256 if lines else NONE,
        signed=sum("signature" in record for record in records),
        findings=tuple(findings),
    )


def _lines(path: str | os.PathLike[str]) -> tuple[list[_Line], int]:
    """Every whole line, and how many bytes follow the last."""
    lines: list[_Line] = []
    try:
        with open(path, "rb") as file:
            while line := file.readline(LONGEST + 1):
                if not line.endswith(b"\n"):
                    if len(line) > LONGEST:
                        raise SourceError(
                            f"{path}: line {len(lines) + 1} is too long for a ledger", hint="name a ledger"
                        )
                    return lines, len(line)
                line = line[:-1]
                lines.append(_Line(hashlib.sha256(line).hexdigest(), parsed(line)))
    except SourceError:
        raise
    except OSError as error:
        raise SourceError(f"{path}: {(error.strerror or str(error)).lower()}", hint="check the path") from error
    if lines and all(line.record is None for line in lines):
        raise SourceError(f"{path}: is no ledger", hint="name a file that --ledger wrote")
    return lines, 0


def _chain(lines: list[_Line]) -> Iterator[Finding]:
    """The first record that does not fit, if any does not."""
    where = {line.sha256: index for index, line in enumerate(lines)}
    for index, line in enumerate(lines):
        before = lines[index - 1].sha256 if index else NONE
        if line.record is None:
            yield Finding("changed", index + 1, "is not a record as it was written")
            return
        if line.previous != before:
            yield _break(lines, index, before, where)
            return
        if line.record["number"] != index + 1:
            yield Finding("changed", index + 1, f"says that it is record {line.record['number']}, and is {index + 1}")
            return


def _mended(lines: list[_Line]) -> Iterator[Finding]:
    """Records written over the rest of one: a crash leaves such a rest, and so does whoever cuts a record short."""
    for index, line in enumerate(lines):
        if line.record is not None and line.record.get("mended_bytes"):
            lost = line.record["mended_bytes"]
            yield Finding(
                "unfinished",
                index + 1,
                f"{lost} bytes of a record stood here and were taken away: a run may be missing",
            )


def _break(lines: list[_Line], index: int, before: str, where: Mapping[str, int]) -> Finding:
    """What happened where a line does not name the digest of the line before it."""
    line = lines[index]
    assert line.record is not None
    number, expected = line.record["number"], index + 1
    follower = lines[index + 1].previous if index + 1 < len(lines) else ""
    named = where.get(line.previous)
    twins = sum(other.previous == line.previous for other in lines)
    if named is not None and named > index and twins == 1:
        return Finding(
            "reordered", index + 1, f"record {number} stands before the one it follows, on line {named + 1}"
        )
    if follower == before:
        return Finding("inserted", index + 1, "the next record knows nothing of this one")
    if named is not None:
        return Finding("inserted", named + 2, f"record {number}, on line {index + 1}, knows nothing of this one")
    if line.previous == NONE and index:
        return Finding("inserted", index + 1, "a first record stands in the middle")
    if number > expected:
        missing = f"record {expected}" if number == expected + 1 else f"records {expected} to {number - 1}"
        return Finding("removed", index + 1, f"{missing} should stand here")
    if (follower and follower != line.sha256) or not index:
        return Finding("changed", index + 1, f"record {number} is not as it was written")
    return Finding(
        "changed", index, f"record {number - 1} is not what record {number}, written after it, says it was"
    )


def _signatures(lines: list[_Line], verifier: Verifier) -> Iterator[Finding]:
    """The first of every kind of fault: a wrong key is one thing to say, not a thousand."""
    told = set()
    for index, line in enumerate(lines):
        fault = verifier.fault(line.record) if line.record is not None else ""
        if fault and fault not in told:
            told.add(fault)
            yield Finding("signature", index + 1, f"record {index + 1} {fault}")


def _document(path: str | os.PathLike[str]) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            document = json.load(file)
        if document["format"] != "redact-report" or not all(isinstance(run, dict) for run in document["runs"]):
            raise ValueError
    except OSError as error:
        raise SourceError(f"{path}: {(error.strerror or str(error)).lower()}", hint="check the path") from error
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SourceError(f"{path}: is no report", hint="name a file that --report wrote") from None
    return document  # type: ignore[no-any-return]


def _report(document: dict[str, Any], lines: list[_Line], verifier: Verifier | None) -> Iterator[Finding]:
    if verifier is not None and (fault := verifier.fault(document)):
        yield Finding("signature", 0, f"the report {fault}")
    known = {line.record["run_sha256"]: line for line in lines if line.record and "run_sha256" in line.record}
    for number, run in enumerate(document["runs"], 1):
        which = f"run {number} of the report"
        place = run.get("ledger")
        if not isinstance(place, dict) or type(place.get("number")) is not int:
            yield Finding("report", 0, f"{which} was made without a ledger")
            continue
        at = place["number"]
        if at > len(lines):
            yield Finding(
                "removed", 0, f"{which} is record {at}, and the ledger ends with {len(lines)}: its end is gone"
            )
            continue
        try:
            digest = run_digest(run)
        except (ValueError, RecursionError):
            digest = ""
        if digest not in known:
            yield Finding("report", at, f"{which} is not as it was when it was recorded")
        elif known[digest].sha256 != place.get("sha256"):
            yield Finding("report", at, f"{which} names another record than the one that is of it")


def _files(lines: list[_Line], folder: Path) -> Iterator[Finding]:
    """Outputs that are not what was recorded: for each name the last one made of every input must
    be there, and none that nobody recorded."""
    recorded: dict[str, list[tuple[int, dict[str, Any], str]]] = {}
    for number, line in enumerate(lines, 1):
        if line.record and line.record.get("outcome") == DONE and isinstance(line.record.get("output"), dict):
            source = line.record["input"].get("sha256", "") if "input" in line.record else ""
            recorded.setdefault(line.record["output"]["name"], []).append((number, line.record["output"], source))
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.name in recorded and path.is_file():
            found.setdefault(path.name, []).append(path)
    for name, outputs in recorded.items():
        digests = {_sha256(path) for path in found.get(name, ())}
        last = {source: (number, output.get("sha256")) for number, output, source in outputs}
        lost = [number for number, digest in last.values() if digest not in digests]
        if digests - {output.get("sha256") for _, output, _ in outputs}:
            yield Finding("file changed", (lost or [outputs[-1][0]])[-1], f"{name} is not the file that was written")
        elif lost:
            yield Finding("file missing", lost[-1], f"{name} is not in {folder}, or not every one of that name")


def _sha256(path: Path) -> str:
    try:
        return FileDigest.of(path).sha256
    except OSError:
        return ""
