"""How much of a recording that was never closed is whole."""

from __future__ import annotations

import os
from typing import BinaryIO

_EBML_HEADER, _SEGMENT, _CLUSTER = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75"


def whole_length(file: BinaryIO) -> int:
    """Bytes from the beginning of a fragmented MP4 or a Matroska file up to the end of its last whole fragment.

    0 where there is none: nothing in it can be shown.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(4)
    return _clusters(file, size) if head == _EBML_HEADER else _boxes(file, size)


def _boxes(file: BinaryIO, size: int) -> int:
    position, whole = 0, 0
    seen = set()
    while position + 8 <= size:
        file.seek(position)
        head = file.read(16)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8 or position + length > size:
            break
        position += length
        seen.add(kind)
        # a fragment is whole with its data; a file stopped while its one index was made is, with that index
        if (kind == b"mdat" and b"moof" in seen) or (kind == b"moov" and b"mdat" in seen and b"moof" not in seen):
            whole = position
    return whole


def _clusters(file: BinaryIO, size: int) -> int:
    position, whole = 0, 0
    while position < size:
        file.seek(position)
        head = file.read(12)
        identity = head[: _width(head[0])] if head[0] else b""
        if not identity or len(head) <= len(identity):
            break
        wide = _width(head[len(identity)]) if head[len(identity)] else 0
        start = position + len(identity) + wide
        if not wide or len(head) < len(identity) + wide:
            break
        length = int.from_bytes(head[len(identity) : len(identity) + wide], "big") & ((1 << 7 * wide) - 1)
        if identity == _SEGMENT:
            position = start  # its children are what we look at, and its own length is not known yet
            continue
        position = start + length
        if position > size:
            break
        if identity == _CLUSTER:
            whole = position
    return whole


def _width(first: int) -> int:
    """Bytes of an EBML number that begins with this byte."""
    return 9 - first.bit_length()
