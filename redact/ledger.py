"""A ledger of runs: a file of one JSON record a line, each with the SHA-256 of the line before it.

A record is in canonical form (``signature.canonical``), so the digest of a line is the digest of its bytes without
the newline. Records are only ever appended, one at a time, whole or not at all.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import FileIO, RawIOBase
from pathlib import Path
from typing import Any

from redact.digests import FileDigest, tool
from redact.errors import ConfigError, SinkError
from redact.signature import Signer, canonical

FORMAT = "redact-ledger"
VERSION = 1
NONE = "0" * 64
"""What the first record has for the digest of the one before it."""
DONE = "done"
"""The outcome of a run that has an output; of one that has none it is the kind of error."""
WITHHELD = "withheld"
"""The outcome of a run whose verification found something: its output is still called NAME.part."""
LONGEST = 1_000_000  # bytes of a line; records have about one thousand
_WAIT = 30.0  # seconds for another program to finish its append, which takes milliseconds
_TICK = 0.01
_BEGIN = b'{"format":"redact-ledger"'  # of every record, its keys being sorted


def digest_of(document: Mapping[str, Any]) -> str:
    """SHA-256 of a document's canonical form."""
    return hashlib.sha256(canonical(document)).hexdigest()


def run_digest(run: Mapping[str, Any]) -> str:
    """SHA-256 of a run of a report as a ledger knows it: all of it but where in the ledger it is."""
    return digest_of({name: value for name, value in run.items() if name != "ledger"})


def done(run: Mapping[str, Any]) -> dict[str, Any]:
    """What a record says of a run, given as ``Result.to_json`` has it: names, digests and counts."""
    return {
        "outcome": WITHHELD if run.get("verification", {}).get("found") else DONE,
        "input": run["input"],
        "output": run["output"],
        "frames": run["frames"],
        "frames_whole": run["whole"]["frames"],
        "tracks": len(run["tracks"]),
        "policy_sha256": run["policy_sha256"],
        "run_sha256": run_digest(run),
    }


def failed(path: str | os.PathLike[str], error: Exception) -> dict[str, Any]:
    """What a record says of an input that ended without an output: what it was, and the kind of error."""
    try:
        input = FileDigest.of(path).json()
    except OSError:
        input = {"name": Path(path).name}
    return {"outcome": type(error).__name__, "input": input}


@dataclass(frozen=True, slots=True)
class _End:
    """Where a ledger ends. number, sha256: of its last record. at: byte behind it. torn: bytes of an unfinished line.

    closed: a newline is there already.
    """

    number: int
    sha256: str
    at: int
    torn: int
    closed: bool = True


class Ledger:
    """Appends records to a file, which it makes where there is none. Several programs may do so at once.

    inputs: files that the ledger must not be. signer: signs every record. Raises ConfigError where the file is no
    ledger, SinkError where it cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        signer: Signer | None = None,
        inputs: Iterable[Path] = (),
    ) -> None:
        self.path = Path(path)
        self._signer = signer
        for taken in inputs:
            if self.path.exists() and taken.exists() and self.path.samefile(taken):
                raise ConfigError(f"{path}: is the input itself", hint="give the ledger another name")
        if not self.path.parent.is_dir():
            raise SinkError(f"{self.path.parent}: no such folder", hint="make it first")
        if self.path.exists():
            with self._locked() as file:
                self._end(file)
        elif not os.access(
            self.path.parent, os.W_OK
        ):  # not made to try: a run that fails before its record leaves none
            raise SinkError(f"{self.path}: may not be written to", hint="write to a folder of your own")

    def append(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Add a record of ``facts`` and give back ``number`` and ``sha256`` of it. Raises SinkError, ConfigError.

        What an append that was cut short left of its line is taken away first, and the record says how much.
        """
        with self._locked() as file:
            end = self._end(file)
            record = {
                **facts,
                "format": FORMAT,
                "version": VERSION,
                "number": end.number + 1,
                "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "previous": end.sha256,
                "tool": tool(),
            }
            if end.torn:
                record["mended_bytes"] = end.torn
            if self._signer is not None:
                record = self._signer.sign(record)
            line = canonical(record)
            if len(line) >= LONGEST:
                raise SinkError(f"{self.path}: a record is too long", hint="use shorter names")
            file.truncate(end.at)
            file.seek(end.at)
            try:
                _write_all(file, (b"" if end.closed else b"\n") + line + b"\n")
                os.fsync(file.fileno())
            except BaseException:
                with contextlib.suppress(OSError):
                    file.truncate(end.at)  # what was there stays; half a record would not be one
                raise
            return {"number": end.number + 1, "sha256": hashlib.sha256(line).hexdigest()}

    def _end(self, file: RawIOBase) -> _End:
        size = file.seek(0, os.SEEK_END)
        start = max(0, size - 2 * LONGEST)
        file.seek(start)
        tail = _read_all(file, size - start)
        whole = tail.rfind(b"\n") + 1
        rest = tail[whole:]
        if not whole:
            if start or not (rest.startswith(_BEGIN) or _BEGIN.startswith(rest)):
                raise self._no_ledger()
            end = _End(0, NONE, 0, len(rest))
        else:
            line = tail[: whole - 1].rsplit(b"\n", 1)[-1]
            record = parsed(line)
            if record is None:
                raise self._no_ledger()
            end = _End(record["number"], hashlib.sha256(line).hexdigest(), start + whole, len(rest))
        record = parsed(rest)
        if record is not None and record["previous"] == end.sha256:  # only its newline is missing
            return _End(record["number"], hashlib.sha256(rest).hexdigest(), size, 0, closed=False)
        return end

    def _no_ledger(self) -> ConfigError:
        return ConfigError(
            f"{self.path}: is no ledger, or its last record is damaged",
            hint=f"redact ledger check {self.path}, or name a new file",
        )

    @contextlib.contextmanager
    def _locked(self) -> Iterator[RawIOBase]:
        """The file, open for reading and writing, while no other program appends to it."""
        try:
            file = self._open()
        except OSError as error:
            raise self._explained(error) from error
        try:
            yield file
        except OSError as error:
            raise error if isinstance(error, SinkError) else self._explained(error) from error
        finally:
            file.close()  # which gives the lock back

    def _open(self) -> RawIOBase:
        deadline = time.monotonic() + _WAIT
        while True:
            made = not self.path.exists()
            # unbuffered: nothing waits in a buffer when a write fails
            file = FileIO(os.open(self.path, os.O_RDWR | os.O_CREAT | _FLAGS, 0o666), "r+b")
            try:
                if not os.path.isfile(self.path):
                    raise SinkError(f"{self.path}: is not a regular file", hint="give the ledger another name")
                _lock(file, deadline)
                if os.path.exists(self.path) and os.path.samestat(os.fstat(file.fileno()), os.stat(self.path)):
                    if made:
                        _keep_name(self.path.parent)
                    return file
            except TimeoutError:
                file.close()
                raise SinkError(
                    f"{self.path}: another program has been writing to it for {_WAIT:g} s", hint="find and end it"
                ) from None
            except BaseException:
                file.close()
                raise
            file.close()  # it was renamed or replaced meanwhile

    def _explained(self, error: OSError) -> SinkError:
        if isinstance(error, SinkError):
            return error
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return SinkError(f"{self.path}: the disk is full", hint="make room: a run must be recorded")
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return SinkError(f"{self.path}: may not be written to", hint="write to a folder of your own")
        return SinkError(
            f"{self.path}: cannot be written ({error.strerror or error})", hint="name a file that can be written"
        )


def parsed(line: bytes) -> dict[str, Any] | None:
    """The record that a line is, or None where it is none: damaged, of another kind, or not in canonical form."""
    try:
        record = json.loads(line)
        if not isinstance(record, dict) or canonical(record) != line:
            return None
    except (ValueError, RecursionError):
        return None
    if record.get("format") != FORMAT or type(record.get("version")) is not int or record["version"] != VERSION:
        return None
    if type(record.get("number")) is not int or type(record.get("mended_bytes", 0)) is not int:
        return None
    if not _is(_TIME, record.get("time")) or not _is(_DIGEST, record.get("previous")):
        return None
    if not _is(_DIGEST, record.get("run_sha256", NONE)):
        return None
    return record if all(_names_a_file(record[side]) for side in ("input", "output") if side in record) else None


def _is(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _names_a_file(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("name"), str) and _is(_DIGEST, value.get("sha256", NONE))


_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def _write_all(file: RawIOBase, data: bytes) -> None:
    """A disk that gets full takes a part of it first."""
    while data:
        data = data[file.write(data) or 0 :]


def _read_all(file: RawIOBase, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := file.read(size - len(data))):
        data += more
    return data


def _lock(file: Any, deadline: float) -> None:
    """Wait until no other program has the file. Raises TimeoutError."""
    while True:
        try:
            _try_lock(file)
            return
        except (BlockingIOError, PermissionError):
            if time.monotonic() > deadline:
                raise TimeoutError from None
            time.sleep(_TICK)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: Any) -> None:
        file.seek(2**31 - 2)  # far behind any ledger: what is locked there cannot be read by others
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

    def _keep_name(folder: Path) -> None:
        """Folders cannot be flushed there."""

else:
    import fcntl

    def _try_lock(file: Any) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _keep_name(folder: Path) -> None:
        """Write the folder too, so that a new file is found after a power cut."""
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
