"""Covered packets as HLS for browsers: a playlist of short fragments of MP4, the oldest of which go.

index.m3u8 and every piece take their names by rename, so that nobody reads half of one. Numbers begin at the time
of the start in seconds and count pieces of two, so that they never go back when a camera starts again.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from redact.errors import SinkError
from redact.media.muxing import FAULTS, Descriptor, Muxing, refused
from redact.media.packets import PacketStream, RedactedPacket, only_redacted

PLAYLIST = "index.m3u8"
LISTED = 6  # pieces: Apple asks for at least six
KEPT = 4  # pieces more, for players that read an older playlist
_OURS = re.compile(r"(\d+\.m4s|\d+-start\.mp4|index\.m3u8)(\.part)?")
_START = re.compile(r"\d+-start\.mp4(\.part)?")
_FRAGMENTS = {"movflags": "+frag_keyframe+empty_moov+default_base_moof+skip_trailer"}


@dataclass(frozen=True, slots=True)
class _Piece:
    number: int
    seconds: float
    taken: float

    @property
    def name(self) -> str:
        return f"{self.number}.m4s"


class Hls:
    """Writes the playlist of one stream into a folder of its own. stored: bytes written so far."""

    def __init__(self, folder: str | os.PathLike[str], stream: PacketStream) -> None:
        self._folder = Path(folder)
        self._bytes = _Bytes()
        self._pieces: deque[_Piece] = deque()
        self._first: RedactedPacket | None = None  # of the piece that is not yet complete
        self._last: RedactedPacket | None = None
        self._number: int | None = None
        self._longest = 1
        self.stored = 0
        with self._explained():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._clear()
            self._muxing: Muxing | None = Muxing(self._bytes, "mp4", stream, _FRAGMENTS)

    def _clear(self) -> None:
        """Remove what a run before left. Raises SinkError where a playlist of somebody else is there."""
        found = [
            entry.name
            for entry in os.scandir(self._folder)
            if _OURS.fullmatch(entry.name) and not entry.is_dir(follow_symlinks=False)
        ]
        if found and not any(_START.fullmatch(name) for name in found):  # without it nothing of ours can be played
            raise SinkError(
                f"{self._folder}: holds a playlist of something else", hint="give HLS a folder of its own"
            )
        for name in sorted(found, key=lambda name: bool(_START.fullmatch(name))):  # the mark goes last
            os.unlink(self._folder / name)

    def write(self, packet: RedactedPacket) -> None:
        """Write one packet; what comes before the first key frame is left out.

        Raises SinkError, and TypeError for anything not covered.
        """
        only_redacted(packet)
        with self._explained():
            if self._muxing is None:
                raise ValueError("closed")
            if self._first is None and not packet.keyframe:
                return
            if self._number is None:
                self._number = int(packet.taken)
                self._start = f"{self._number}-start.mp4"
                self._save(self._start, self._bytes.taken())
            self._muxing.write(packet)
            if packet.keyframe:
                if self._first is not None:
                    self._piece(self._first, packet.pts)
                self._first = packet
            self._last = packet

    def close(self) -> None:
        """Write the last piece. Safe to call twice. The files stay for whoever is watching, until the next start."""
        muxing, self._muxing = self._muxing, None
        if muxing is None:
            return
        with self._explained():
            muxing.close()
            if self._first is not None and self._last is not None:
                self._piece(self._first, self._last.pts + self._last.duration)

    def _piece(self, first: RedactedPacket, end: int) -> None:
        """Save the piece from ``first`` up to ``end`` ticks, which the muxer has just let go of."""
        assert self._number is not None
        piece = _Piece(self._number, float((end - first.pts) * first.time_base), first.taken)
        self._number += 1
        self._save(piece.name, self._bytes.taken())
        self._pieces.append(piece)
        self._longest = max(self._longest, round(piece.seconds))
        self._save(PLAYLIST, self._playlist().encode())
        while len(self._pieces) > LISTED + KEPT:
            with contextlib.suppress(FileNotFoundError):
                (self._folder / self._pieces.popleft().name).unlink()

    def _playlist(self) -> str:
        listed = list(self._pieces)[-LISTED:]
        lines = [
            "#EXTM3U",
            "#EXT-X-VERSION:7",
            f"#EXT-X-TARGETDURATION:{self._longest}",
            f"#EXT-X-MEDIA-SEQUENCE:{listed[0].number}",
            "#EXT-X-INDEPENDENT-SEGMENTS",
            f'#EXT-X-MAP:URI="{self._start}"',
        ]
        for piece in listed:
            moment = datetime.fromtimestamp(piece.taken, UTC).isoformat(timespec="milliseconds")
            lines += [f"#EXT-X-PROGRAM-DATE-TIME:{moment}", f"#EXTINF:{piece.seconds:.3f},", piece.name]
        return "\n".join(lines) + "\n"

    def _save(self, name: str, content: bytes) -> None:
        part = self._folder / f"{name}.part"
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        try:
            self.stored += Descriptor(descriptor).write(content)
        finally:
            os.close(descriptor)
        part.replace(self._folder / name)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except SinkError:  # an OSError that is explained already
            raise
        except FAULTS as error:
            raise refused(str(self._folder), error) from error


class _Bytes:
    """What the muxer wrote since it was last taken."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._written.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        content, self._written = b"".join(self._written), []
        return content
