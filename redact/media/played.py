"""A file played at its own pace, as if a camera sent it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

from redact.frames import Frame
from redact.media.damage import Damage
from redact.media.packets import TIME_BASE
from redact.media.source import Source, open_source

_APART = Fraction(1, 1000)  # seconds at least between two frames


class Played:
    """A video file that delivers each frame when it is due, from its beginning again with ``loop``."""

    def __init__(self, path: Path, *, loop: bool = False) -> None:
        self._path = path
        self._loop = loop
        self._closed = threading.Event()
        self._source: Source = open_source(path)
        self.info = replace(self._source.info, time_base=TIME_BASE, frames=None, duration=None)
        self._frames = self._deliver()

    @property
    def damage(self) -> Damage:
        """What was found wrong with the file, in this turn."""
        return self._source.damage

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        return self._frames

    def close(self) -> None:
        """Stop; safe to call twice, and from another thread than the one that iterates."""
        self._closed.set()
        with contextlib.suppress(ValueError):  # it runs in another thread, which closes the file itself
            self._frames.close()
            self._source.close()

    def _deliver(self) -> Generator[Frame]:
        began = time.monotonic()
        index, base, last = 0, Fraction(0), -_APART
        while not self._closed.is_set():
            with self._source:
                for frame in self._source:
                    last = max(base + frame.pts * frame.time_base, last + _APART)
                    if self._closed.wait(max(0.0, began + float(last) - time.monotonic())):
                        return
                    ticks = round(frame.duration * frame.time_base / TIME_BASE)
                    yield Frame(frame.picture, index, round(last / TIME_BASE), TIME_BASE, ticks, frame.damaged)
                    index += 1
            if not self._loop:
                return
            base = last + 1 / (self.info.frame_rate or Fraction(25))
            self._source = open_source(self._path)
