"""Whether a file ends before its own headers say that it should."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_MAX_ATOMS = 1_000_000
_ATOMS = b"ftyp styp moov moof mdat free skip wide uuid meta mfra sidx udta pnot prft emsg".split()


def missing_bytes(path: Path) -> int:
    """Bytes that the headers of an MP4, MOV, Matroska, WebM or AVI file promise beyond its end; 0 for all others."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        file.seek(0)
        if head.startswith(_EBML):
            end = _matroska_end(file, size)
        elif head.startswith(b"RIFF"):
            end = 8 + int.from_bytes(head[4:8], "little")
        elif head[4:8] in _ATOMS:
            end = _atoms_end(file, size)
        else:
            end = 0
    return max(0, end - size)


def _atoms_end(file: BinaryIO, size: int) -> int:
    position = 0
    for _ in range(_MAX_ATOMS):
        if position >= size:
            break
        file.seek(position)
        head = file.read(16)
        if len(head) < 8:
            break
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8 or head[4:8] not in _ATOMS:  # 0 reaches to the end of the file; the others are no atoms
            return size
        position += length
    return position


def _matroska_end(file: BinaryIO, size: int) -> int:
    for expected in (_EBML, _SEGMENT):
        if file.read(4) != expected:
            return 0
        first = file.read(1)
        if not first or not first[0]:
            return 0
        extra = 8 - first[0].bit_length()
        length = int.from_bytes(bytes([first[0] & (0x7F >> extra)]) + file.read(extra), "big")
        if expected == _SEGMENT:
            unknown = (1 << 7 * (extra + 1)) - 1
            return 0 if length == unknown else file.tell() + length
        if length >= size:  # damaged: no file can be read so far on
            return 0
        file.seek(length, os.SEEK_CUR)
    return 0
