"""Regions in the formats of other tools, written beside a regions file while it is made."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from redact.detections import KINDS
from redact.mot import MotWriter
from redact.outfile import OutFile
from redact.regions import Settled


class Export(Protocol):
    """A file being written. Leaving it without ``commit`` leaves nothing behind; all raise SinkError."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def write(self, settled: Settled) -> None:
        """Append a frame's regions."""
        ...

    def commit(self, duration: float) -> None:
        """Finish the file. duration: of all frames, in seconds."""
        ...


class CocoWriter:
    """COCO's JSON: an annotation for every region, an image for every frame. ``bbox`` is x, y, width, height."""

    def __init__(self, path: str | os.PathLike[str], *, overwrite: bool = False, inputs: Iterable[Path] = ()) -> None:
        categories = [{"id": number, "name": kind} for number, kind in enumerate(KINDS, 1)]
        begin = f'{{"categories": {json.dumps(categories)},\n"annotations": ['
        self._out = OutFile(path, begin=begin, overwrite=overwrite, inputs=inputs)
        self._annotations = 0
        self._frames = 0
        self._size = (0, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._out.abort()

    def write(self, settled: Settled) -> None:
        """Append a frame's regions. Raises SinkError."""
        self._size = (settled.frame.width, settled.frame.height)
        self._frames += 1
        for region in settled.regions:
            self._annotations += 1
            x1, y1, x2, y2 = region.box
            annotation = {
                "id": self._annotations,
                "image_id": self._frames,
                "category_id": KINDS.index(region.kind) + 1,
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "area": (x2 - x1) * (y2 - y1),
                "iscrowd": 0,
                "score": region.score,
                "track_id": region.track,
            }
            self._out.write(("," if self._annotations > 1 else "") + "\n" + json.dumps(annotation))

    def commit(self, duration: float) -> None:
        """Finish the file with its images, which are frames by number. Raises SinkError."""
        self._out.write('\n],\n"images": [')
        width, height = self._size
        for number in range(1, self._frames + 1):
            image = {"id": number, "file_name": f"frame_{number:06d}", "width": width, "height": height}
            self._out.write(("," if number > 1 else "") + "\n" + json.dumps(image))
        self._out.write("\n]}\n")
        self._out.commit()


class CsvWriter:
    """A row for every region: frame from 0, time in seconds, kind, track, box in pixels, score, origin."""

    def __init__(self, path: str | os.PathLike[str], *, overwrite: bool = False, inputs: Iterable[Path] = ()) -> None:
        begin = "frame,time,kind,track,x1,y1,x2,y2,score,origin\n"
        self._out = OutFile(path, begin=begin, overwrite=overwrite, inputs=inputs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._out.abort()

    def write(self, settled: Settled) -> None:
        """Append a frame's regions. Raises SinkError."""
        frame = settled.frame
        for region in settled.regions:
            edges = ",".join(f"{edge:.3f}" for edge in region.box)
            what = f"{region.kind},{region.track},{edges},{region.score:g},{region.origin}"
            self._out.write(f"{frame.index},{frame.time:.6f},{what}\n")

    def commit(self, duration: float) -> None:
        """Finish the file. Raises SinkError."""
        self._out.commit()


EXPORTS: dict[str, tuple[str, Callable[..., Export]]] = {
    "mot": (".mot.zip", MotWriter),
    "coco": (".coco.json", CocoWriter),
    "csv": (".csv", CsvWriter),
}
"""Name → (suffix, writer)."""


def export_path(regions: str | os.PathLike[str], name: str) -> Path:
    """Where the export of that name goes: beside the regions file, with a suffix of its own."""
    path = Path(regions)
    return path.with_name(path.stem + EXPORTS[name][0])
