"""MOT text files, by which annotation tools (CVAT and others) show regions and give them back edited.

A row is ``frame,track,x,y,width,height,1,class,1``: frames from 1, pixels of the upright frame, class from 1 on in
the order of labels.txt. The archive has gt/gt.txt and gt/labels.txt, as CVAT imports and exports it.
"""

from __future__ import annotations

import contextlib
import math
import os
import zipfile
import zlib
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import numpy as np

from redact.detections import KINDS
from redact.errors import RegionsError
from redact.outfile import OutFile
from redact.regions import Region, Settled

MAX_BYTES = 256_000_000  # of rows: about five million, two hours of a busy street
_MAX_ROW = 1000
_UNCLASSED = "person"  # a row without a class: as a body it is covered to the corners of its box
_HINT = "rows are frame,track,x,y,width,height,1,class,1; see docs/regions.md"


class MotWriter:
    """A MOT archive being written. A context manager: left without ``commit`` it leaves nothing behind."""

    def __init__(self, path: str | os.PathLike[str], *, overwrite: bool = False, inputs: Iterable[Path] = ()) -> None:
        self._out = OutFile(path, overwrite=overwrite, inputs=inputs)
        with self._out.begun():
            self._zip = zipfile.ZipFile(self._out.file, "w", zipfile.ZIP_DEFLATED)
            # a date of its own would tell when
            self._zip.writestr(zipfile.ZipInfo("gt/labels.txt"), "".join(f"{kind}\n" for kind in KINDS))
            rows = zipfile.ZipInfo("gt/gt.txt")
            rows.compress_type = zipfile.ZIP_DEFLATED
            self._rows = self._zip.open(rows, "w", force_zip64=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            # an archive that is not closed would try to finish itself when it is collected
            with contextlib.suppress(OSError, ValueError):
                self._rows.close()
            with contextlib.suppress(OSError, ValueError):
                self._zip.close()
        self._out.abort()

    def write(self, settled: Settled) -> None:
        """Append a frame's regions. Raises SinkError."""
        rows = []
        for region in settled.regions:
            x1, y1, x2, y2 = region.box
            edges = ",".join(f"{value:.3f}" for value in (x1, y1, x2 - x1, y2 - y1))  # eighths of a pixel are exact
            rows.append(f"{settled.frame.index + 1},{region.track},{edges},1,{KINDS.index(region.kind) + 1},1\n")
        with self._out.explained():
            self._rows.write("".join(rows).encode())

    def commit(self, duration: float) -> None:
        """Finish the file. Raises SinkError."""
        with self._out.explained():
            self._rows.close()
            self._zip.close()
        self._out.commit()


class MotRegions:
    """The rows of a MOT archive or text file, by frame. width, height: of a frame in pixels. Raises RegionsError."""

    def __init__(self, path: str | os.PathLike[str], width: int, height: int) -> None:
        self.path = Path(path)
        self._far = 16.0 * max(width, height)
        self._frames, self._tracks, self._kinds = array("q"), array("q"), array("b")
        self._boxes = array("d")
        try:
            if zipfile.is_zipfile(self.path):
                self._read_archive()
            else:
                with self.path.open("rb") as file:
                    self._read(file, _labels(self.path.with_name("labels.txt")))
        except RegionsError as error:
            raise RegionsError(f"{path}: {error}", hint=error.hint) from error
        except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError) as error:
            raise RegionsError(f"{path}: cannot be read ({error})", hint="export it again") from error
        frames = np.frombuffer(self._frames, dtype=np.int64) if self._frames else np.zeros(0, np.int64)
        self._order = np.argsort(frames, kind="stable")
        self._sorted = frames[self._order]
        self.last = int(self._sorted[-1]) if len(frames) else -1

    def at(self, index: int) -> tuple[Region, ...]:
        """The regions of frame ``index``, counted from 0."""
        first, last = np.searchsorted(self._sorted, (index, index + 1))
        return tuple(self._region(int(row)) for row in self._order[first:last])

    def _region(self, row: int) -> Region:
        x, y, width, height = self._boxes[4 * row : 4 * row + 4]
        # outward to eighths of a pixel, which is what a region is on
        edges = (math.floor(x * 8), math.floor(y * 8), math.ceil((x + width) * 8), math.ceil((y + height) * 8))
        x1, y1, x2, y2 = (edge / 8 for edge in edges)
        return Region(KINDS[self._kinds[row]], self._tracks[row], (x1, y1, x2, y2), 1.0, "seen")

    def _read_archive(self) -> None:
        with zipfile.ZipFile(self.path) as archive:
            names = archive.namelist()
            rows = next((name for name in ("gt/gt.txt", "gt.txt") if name in names), None)
            if rows is None:
                raise RegionsError("this archive has no gt/gt.txt", hint="export it as MOT")
            labels = list(KINDS)
            named = rows.replace("gt.txt", "labels.txt")
            if named in names:
                with archive.open(named) as file:
                    labels = file.read(10_000).decode(errors="replace").split()
            with archive.open(rows) as file:
                self._read(file, labels)

    def _read(self, file: IO[bytes], labels: list[str]) -> None:
        for number, row in enumerate(_rows(file), 1):
            try:
                self._take(row, labels)
            except (ValueError, IndexError, OverflowError) as error:
                raise RegionsError(f"row {number} is damaged ({str(error)[:80]})", hint=_HINT) from error

    def _take(self, row: str, labels: list[str]) -> None:
        parts = [float(part) for part in row.split(",")]
        frame, track, x, y, width, height = parts[:6]
        if not all(math.isfinite(part) for part in parts) or width < 0 or height < 0:
            raise ValueError("a number is out of range")
        if max(abs(x), abs(y), width, height) > self._far or not 1 <= frame < 2**40 or abs(track) >= 2**31:
            raise ValueError("a number is out of range")
        label = int(parts[7]) if len(parts) > 7 else -1
        kind = _UNCLASSED if label < 1 else labels[label - 1] if label <= len(labels) else "?"
        if kind not in KINDS:
            raise ValueError(f"class {label} is none of {', '.join(KINDS)}")
        self._frames.append(int(frame) - 1)
        # a row without a track is one of its own
        self._tracks.append(int(track) if track >= 0 else 2**31 + len(self._tracks))
        self._kinds.append(KINDS.index(kind))
        self._boxes.extend((x, y, width, height))


def is_mot(path: str | os.PathLike[str]) -> bool:
    """Whether a file is rows or an archive, not a JSON document. Raises RegionsError."""
    try:
        with open(path, "rb") as file:
            start = file.read(64).lstrip()
    except OSError as error:
        raise RegionsError(f"{path}: {(error.strerror or str(error)).lower()}", hint="check the path") from None
    return start[:2] == b"PK" or (start[:1].isdigit() and b"," in start)


def _rows(file: IO[bytes]) -> Iterator[str]:
    read = 0
    while line := file.readline(_MAX_ROW):
        read += len(line)
        if len(line) >= _MAX_ROW:
            raise RegionsError("a row is too long", hint=_HINT)
        if read > MAX_BYTES:
            raise RegionsError(f"more than {MAX_BYTES // 1_000_000} MB of rows", hint="split the recording first")
        if line.strip():
            yield line.decode(errors="replace")


def _labels(path: Path) -> list[str]:
    if not path.is_file():
        return list(KINDS)
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(10_000).split()
