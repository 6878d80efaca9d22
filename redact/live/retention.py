"""How long recordings are kept: the oldest go when they are too old, or together too large."""

from __future__ import annotations

import contextlib
import logging
import time
from dataclasses import dataclass
from pathlib import Path

from redact.media.packets import PacketStream, RedactedPacket
from redact.media.segments import Kind, Segments, segments, started

log = logging.getLogger(__name__)

SWEEP = 60.0  # seconds between two looks at what is there


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one camera's recordings. age: seconds since a file began; size: bytes together; None: any."""

    age: float | None = None
    size: int | None = None

    def sweep(self, folder: Path, name: str, now: float) -> int:
        """Delete what is not kept, oldest first. Returns how many files that were.

        Only closed segments of camera ``name``, named and placed as ``Segments`` does it; never through a link, and
        never one that is being written. Folders of days that became empty go, too.
        """
        if self.age is None and self.size is None:
            return 0
        found = segments(folder, name)
        sizes = {path: _size(path) for path in found}
        total = sum(sizes.values())
        deleted = 0
        for path in found:
            old = self.age is not None and now - started(path).timestamp() > self.age
            large = self.size is not None and total > self.size
            if not old and not large:
                break
            try:
                path.unlink(missing_ok=True)
            except OSError as error:  # somebody else's: the others are deleted all the same
                log.warning("%s: cannot be deleted (%s)", path, error.strerror)
                continue
            total -= sizes[path]
            deleted += 1
            _tidy(path.parent, folder)
        return deleted


class Recordings:
    """``Segments`` of which only so much is kept: a packet sink. path: that of all cameras; name: this one's."""

    def __init__(
        self,
        path: str,
        name: str,
        stream: PacketStream,
        kept: Kept,
        *,
        segment: float = 60.0,
        container: Kind = "mp4",
    ) -> None:
        self._folder, self._name, self._kept = Path(path, name), name, kept
        self._swept = 0.0
        self._sweep()  # before anything is written: the disk may be full of what is not kept
        self._segments = Segments(path, name, stream, segment=segment, container=container)

    @property
    def stored(self) -> int:
        """Bytes written so far."""
        return self._segments.stored

    def write(self, packet: RedactedPacket) -> None:
        """See ``Segments.write``."""
        before = self._segments.closed
        self._segments.write(packet)
        if self._segments.closed != before or time.monotonic() - self._swept > SWEEP:
            self._sweep()

    def close(self) -> None:
        """See ``Segments.close``."""
        self._segments.close()
        self._sweep()

    def _sweep(self) -> None:
        self._swept = time.monotonic()
        try:
            deleted = self._kept.sweep(self._folder, self._name, time.time())
        except OSError as error:  # what cannot be deleted must not stop what is being recorded
            log.warning("%s: old recordings cannot be deleted (%s)", self._folder, error.strerror)
        else:
            if deleted:
                log.info("%s: %d old recordings deleted", self._folder, deleted)


def _size(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return path.stat(follow_symlinks=False).st_size
    return 0


def _tidy(day: Path, top: Path) -> None:
    """Remove the folders of a day, a month and a year, as far as they are empty."""
    for folder in (day, day.parent, day.parent.parent):
        if folder == top:
            return
        try:
            folder.rmdir()
        except OSError:
            return
