"""An output, or the input it was made from, as frames: recordings and pictures alike."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from redact.frames import Frame, VideoInfo
from redact.media.images import Page, Picture
from redact.media.source import Source, open_source

_COUNTING = {"avi"}  # containers that know frames by number only
_UNTOLD = {"avi", "flv", "mpegts"}  # those that do not say how long a frame is shown
_MILLISECOND = Fraction(1, 1000)  # Matroska, WebM and FLV know no finer times


@dataclass(frozen=True, slots=True, eq=False)
class Footage:
    """A file being read. moves: its frames follow each other in time. lossless: it keeps every pixel as written.

    mode: in which pixels are kept; two files of one mode can be the same to the last bit.
    """

    path: Path
    info: VideoInfo
    frames: Iterator[Frame] = field(repr=False)
    moves: bool
    lossless: bool
    mode: str
    source: Source | None = None

    @property
    def tick(self) -> float:
        """Seconds that a time may be off for the container's sake."""
        return float(max(self.info.time_base, _MILLISECOND))

    @property
    def counts(self) -> bool:
        """Whether frames are known by number only, and may be off by one of them."""
        return self.source is not None and self.source.container in _COUNTING

    @property
    def lasts(self) -> bool:
        """Whether it says for how long the last frame is shown."""
        return self.moves and (self.source is None or self.source.container not in _UNTOLD)

    @property
    def broken(self) -> str:
        """What is wrong with it, in words; complete once its frames were read."""
        if self.source is None:
            return ""
        damage = self.source.damage
        if self.source.truncated:
            return "it ends early"
        if damage.lost_packets:
            return f"{damage.lost_packets} packets cannot be decoded"
        if damage.damaged_frames:
            return f"{damage.damaged_frames} frames are damaged"
        return ""


@contextmanager
def opened(
    path: str | os.PathLike[str], *, picture: bool, start: float | None = None, end: float | None = None
) -> Iterator[Footage]:
    """Open a recording, or a picture. start, end: as for ``open_source``. Raises SourceError."""
    if picture:
        with Picture(path) as file:
            pages = iter(file)
            first = next(pages)
            frames = itertools.chain((first.frame,), (page.frame for page in pages))
            lossless = _lossless(file.format, first)
            yield Footage(Path(path), file.info, frames, file.animated, lossless, file.info.pixel_format)
        return
    with open_source(path, start=start, end=end) as source:
        info = source.info
        yield Footage(Path(path), info, iter(source), True, info.codec == "ffv1", info.pixel_format, source)


def _lossless(format: str, page: Page) -> bool:
    if format == "WEBP":
        return bool(page.keep["lossless"])
    return format in ("PNG", "BMP") or (format == "TIFF" and page.keep.get("compression") != "jpeg")
