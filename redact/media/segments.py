"""Recordings in segments: files of about the same length, cut at key frames, each of which plays by itself.

PATH/NAME/2026/11/23/NAME_2026-11-23_23-59-59.123Z.mp4: the day and the time of the first frame, UTC, so that no hour
comes twice. A file being written ends in ``.part`` and takes its name when it is closed. It plays up to its last
fragment, a second or two, whatever happens to its writer; ``recover`` gives such leftovers their names.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from redact.media.fragments import whole_length
from redact.media.muxing import FAULTS, Muxing, SeekableDescriptor, refused
from redact.media.packets import PacketStream, RedactedPacket, only_redacted

log = logging.getLogger(__name__)

FRAGMENT = 1.0  # seconds that a crash may cost
PART = ".part"
NAMED = re.compile(r"_(\d{4})-(\d\d)-(\d\d)_(\d\d)-(\d\d)-(\d\d)\.(\d{3})Z\.(mp4|mkv)")
"""What follows the camera's name in the name of a segment."""

Kind = Literal["mp4", "mkv"]

_MUXERS: dict[Kind, tuple[str, dict[str, str]]] = {
    # in fragments while it grows; when it is closed, one index for all of it, as players like it
    "mp4": (
        "mp4",
        {
            "movflags": "+frag_keyframe+empty_moov+default_base_moof+hybrid_fragmented",
            "frag_duration": str(round(FRAGMENT * 1_000_000)),
        },
    ),
    "mkv": ("matroska", {"cluster_time_limit": str(round(FRAGMENT * 1_000))}),
}


class Segments:
    """Writes segments of about ``segment`` seconds. stored: bytes written so far; closed: segments completed."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        name: str,
        stream: PacketStream,
        *,
        segment: float = 60.0,
        container: Kind = "mp4",
    ) -> None:
        self._folder = Path(path, name)
        self._name, self._stream, self._length, self._kind = name, stream, segment, container
        self._file: _Segment | None = None
        self._stored = 0
        self.closed = 0
        with self._explained():
            self._folder.mkdir(parents=True, exist_ok=True)
            recover(self._folder, name)

    @property
    def stored(self) -> int:
        return self._stored + (self._file.written if self._file is not None else 0)

    def write(self, packet: RedactedPacket) -> None:
        """Write one packet; what comes before the first key frame is left out.

        Raises SinkError, and TypeError for anything not covered.
        """
        only_redacted(packet)
        with self._explained():
            if packet.keyframe and (self._file is None or self._full(packet)):
                self.close()
                self._file = _Segment(self._folder, self._name, self._stream, self._kind, packet)
            if self._file is not None:
                self._file.write(packet)

    def close(self) -> None:
        """Close the segment and give it its name. Safe to call twice. Raises SinkError; the next one starts anew."""
        file, self._file = self._file, None
        if file is not None:
            try:
                with self._explained():
                    file.close()
                    self.closed += 1
            finally:
                self._stored += file.written

    def _full(self, packet: RedactedPacket) -> bool:
        """Whether a segment that ends before this key frame is nearer to the length asked for than with the next."""
        assert self._file is not None
        length = self._file.length(packet)
        ahead = length - self._file.last_key
        self._file.last_key = length
        return length + ahead / 2 >= self._length

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except FAULTS as error:
            raise refused(str(self._folder), error) from error


class _Segment:
    """One file being written. last_key: when its newest key frame is, in seconds from its beginning."""

    def __init__(self, folder: Path, name: str, stream: PacketStream, kind: Kind, first: RedactedPacket) -> None:
        self._began = first.pts
        self.last_key = 0.0
        started = datetime.fromtimestamp(first.taken, UTC)
        while True:
            self._path = _path(folder, name, started, kind)
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part = self._path.with_name(self._path.name + PART)
            with contextlib.suppress(FileExistsError):
                if not os.path.lexists(self._path):
                    # never over anything that is there, nor through a link
                    self._descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o640)
                    break
            started += timedelta(milliseconds=1)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # while it lasts, nobody takes it for a leftover
        self._part = part
        self._to = SeekableDescriptor(self._descriptor)
        form, options = _MUXERS[kind]
        try:
            self._muxing = Muxing(self._to, form, stream, options)
        except BaseException:
            os.close(self._descriptor)
            part.unlink()
            raise

    @property
    def written(self) -> int:
        return self._to.written

    def length(self, packet: RedactedPacket) -> float:
        return float((packet.pts - self._began) * packet.time_base)

    def write(self, packet: RedactedPacket) -> None:
        self._muxing.write(packet, origin=self._began)

    def close(self) -> None:
        try:
            self._muxing.close()
            os.fsync(self._descriptor)
        finally:
            os.close(self._descriptor)
        os.rename(self._part, self._path)


def recover(folder: Path, name: str) -> int:
    """Give what a writer that was killed left behind its name; what holds no picture yet is removed.

    Returns how many files were named.
    """
    recovered = 0
    for part in segments(folder, name, PART):
        try:
            recovered += _recovered(part)
        except BlockingIOError:
            continue  # another writer is still at it
        except OSError as error:  # somebody else's: it is no reason to record nothing
            log.warning("%s: cannot be given its name (%s)", part, error.strerror)
    return recovered


def _recovered(part: Path) -> bool:
    """Whether a leftover was given its name."""
    with part.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        end = whole_length(file)
        target = part.with_name(part.name.removesuffix(PART))
        if not end:
            part.unlink()
        elif not os.path.lexists(target):
            file.truncate(end)
            os.rename(part, target)
            return True
    return False


def segments(folder: Path, name: str, suffix: str = "") -> list[Path]:
    """The segments of camera ``name`` in its folder, oldest first: regular files where and as we name them.

    suffix: ``PART`` for those being written. Links are never followed.
    """
    found = []
    for year in _folders(folder, r"\d{4}"):
        for month in _folders(year, r"\d\d"):
            for day in _folders(month, r"\d\d"):
                found += [
                    Path(entry.path)
                    for entry in _entries(day)
                    if entry.is_file(follow_symlinks=False)
                    and entry.name.startswith(name)
                    and entry.name.endswith(suffix)
                    and NAMED.fullmatch(entry.name[len(name) : len(entry.name) - len(suffix)])
                ]
    return sorted(found)


def started(path: Path) -> datetime:
    """When a segment began, by its name."""
    named = NAMED.search(path.name)
    assert named is not None
    year, month, day, hour, minute, second, thousandth = (int(part) for part in named.groups()[:7])
    return datetime(year, month, day, hour, minute, second, thousandth * 1000, UTC)


def _folders(parent: Path, pattern: str) -> list[Path]:
    entries = [entry for entry in _entries(parent) if entry.is_dir(follow_symlinks=False)]
    return [Path(entry.path) for entry in entries if re.fullmatch(pattern, entry.name)]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder; nothing where it is gone, or nobody may look into it."""
    with contextlib.suppress(FileNotFoundError, PermissionError):
        return list(os.scandir(folder))
    return []


def _path(folder: Path, name: str, started: datetime, kind: Kind) -> Path:
    stamp = f"{started:%Y-%m-%d_%H-%M-%S}.{started.microsecond // 1000:03d}Z"
    return folder / f"{started:%Y/%m/%d}" / f"{name}_{stamp}.{kind}"
