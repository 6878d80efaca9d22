"""Containers of video by their bytes: what follows the end, what nothing refers to, boxes that tell of people."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import av
import av.error

from redact.media.streams import open_input
from redact.verify.seals import MAX_SEAL, foreign
from redact.verify.verdict import Fault

_NESTED = {
    b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf", b"mvex", b"udta", b"meta", b"ilst", b"moof",
    b"traf",
}  # fmt: skip
_PLAIN = {  # times, places and kinds of samples
    b"mvhd", b"tkhd", b"mdhd", b"hdlr", b"vmhd", b"smhd", b"nmhd", b"gmhd", b"elst", b"dref", b"stsd", b"stts",
    b"ctts", b"cslg", b"stsc", b"stsz", b"stz2", b"stco", b"co64", b"stss", b"sbgp", b"sgpd", b"sdtp", b"mehd",
    b"trex", b"mfhd", b"tfhd", b"tfdt", b"trun", b"tref", b"iods", b"free", b"skip", b"wide",
}  # fmt: skip
_TOP = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"moof", b"sidx", b"mfra"}
_FOR_USERS = {b"udta", b"meta", b"ilst"}  # where tags are; the muxer leaves them there with nothing in them
_SEAL = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")  # of the box with a C2PA manifest
_SEAL_HEAD = b"\0\0\0\0manifest\0" + bytes(8)  # version, purpose, and no place of a Merkle tree
_MOST = 1_000_000  # boxes, elements or chunks of one file
_SEGMENT, _EBML, _VOID, _CRC = 0x18538067, 0x1A45DFA3, 0xEC, 0xBF
_ELEMENTS = {
    0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1F43B675, 0x1254C367, _VOID, _CRC,
}  # fmt: skip  # SeekHead, Info, Tracks, Cues, Cluster, Tags (which are looked at by name)
_NAMES = {0x1941A469: "attachments", 0x1043A770: "chapters"}
_DATE = 0x4461
_CHUNKS = {b"hdrl", b"movi", b"idx1", b"JUNK", b"odml"}
_TS = 188
_NUT_INDEX = b"NX" + bytes.fromhex("dd672f23e64e")
_NUT_CHECKED = 4096  # bytes of a part from which on its head has a checksum of its own


def container_faults(path: Path) -> Iterator[Fault]:
    """Raises OSError where the file cannot be read."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[4:8] in _TOP:
            yield from _boxes(file, size)
            yield from _unreferenced(path, file, size)
        elif head.startswith(b"\x1a\x45\xdf\xa3"):
            yield from _matroska(file, size)
        elif head.startswith(b"RIFF"):
            yield from _avi(file, size)
        elif head.startswith(b"FLV"):
            yield from _flv(file, size)
        elif head.startswith(b"\x47"):
            yield from _transport(file, size)
        elif head.startswith(b"nut/"):
            yield from _nut(file, size)
        else:
            yield Fault("left over", "bytes that were not looked through: no container that this tool writes")


def _trailing(count: int) -> Fault:
    return Fault("trailing bytes", f"{count} bytes after the container's end")


def _boxes(file: BinaryIO, size: int) -> Iterator[Fault]:
    found: Counter[str] = Counter()
    sealed = False
    for kind, start, end in _walk(file, 0, size):
        if kind == b"":
            yield _trailing(end - start)
        elif kind in (b"free", b"skip", b"wide"):
            if _not_empty(file, start, end):
                found[f"a {kind.decode('latin1')} box that is not empty"] += 1
        elif kind == b"uuid" and (store := _sealed(file, start, end)) and not sealed:
            sealed = True
            words = foreign(store)
            if words:
                found[f"a C2PA manifest: {words}"] += 1
        elif kind not in _TOP:
            found[f"box {_text(kind)}"] += 1
        elif kind in _NESTED:
            found.update(_telling(file, start, end))
    for words, count in found.items():
        yield Fault("left over", words, count=count)


def _sealed(file: BinaryIO, start: int, end: int) -> bytes:
    """The manifest store in a box, or nothing."""
    file.seek(start)
    body = file.read(min(end - start, MAX_SEAL))
    return body.removeprefix(_SEAL + _SEAL_HEAD) if body.startswith(_SEAL + _SEAL_HEAD) else b""


def _telling(file: BinaryIO, start: int, end: int, within: bytes = b"moov", depth: int = 0) -> Iterator[str]:
    for kind, first, last in _walk(file, start, end):
        if kind not in _NESTED | _PLAIN or (within in _FOR_USERS and kind not in _FOR_USERS | {b"hdlr", b"free"}):
            yield f"box {_text(kind)}"
        elif kind in (b"free", b"skip") and _not_empty(file, first, last):
            yield f"a {kind.decode('latin1')} box that is not empty"
        elif kind in (b"mvhd", b"tkhd", b"mdhd"):
            file.seek(first)
            body = file.read(20)
            if any(body[4:20] if body[:1] == b"\x01" else body[4:12]):
                yield "date of creation"
        elif kind in _NESTED and depth < 8:
            # in MP4 this one begins with a version
            skip = 4 if kind == b"meta" and _is_full(file, first) else 0
            yield from _telling(file, first + skip, last, kind, depth + 1)


def _is_full(file: BinaryIO, start: int) -> bool:
    file.seek(start)
    return not any(file.read(4))


def _walk(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start, end) of the contents of each box; kind is empty for what is no box up to the end."""
    for _ in range(_MOST):
        if start >= end:
            return
        file.seek(start)
        head = file.read(16)
        length, skip = int.from_bytes(head[:4], "big"), 8
        if length == 1 and len(head) == 16:
            length, skip = int.from_bytes(head[8:16], "big"), 16
        elif length == 0:
            length = end - start
        if len(head) < 8 or length < skip or not all(32 <= byte < 127 or byte == 0xA9 for byte in head[4:8]):
            yield b"", start, end
            return
        yield head[4:8], start + skip, min(start + length, end)
        start += length


def _unreferenced(path: Path, file: BinaryIO, size: int) -> Iterator[Fault]:
    """Bytes among the samples of an MP4 that belong to no stream: telemetry whose track was taken off stays there."""
    held = sum(last - first for kind, first, last in _walk(file, 0, size) if kind == b"mdat")
    used = 0
    with open_input(path) as container:
        try:
            for packet in container.demux():
                used += packet.size
        except av.error.FFmpegError:
            return  # damaged, which others say
    if 0 < used < held:
        yield Fault("left over", f"{held - used} bytes among the samples that no stream refers to")


def _matroska(file: BinaryIO, size: int) -> Iterator[Fault]:
    position, found = 0, Counter[str]()
    for _ in range(_MOST):
        if position >= size:
            break
        name, length, body = _element(file, position)
        if name not in (_EBML, _SEGMENT, _VOID):
            yield _trailing(size - position)
            break
        end = size if length is None else body + length
        if name == _SEGMENT:
            found.update(_segment(file, body, min(end, size)))
        position = end
    for words, count in found.items():
        yield Fault("left over", words, count=count)


def _segment(file: BinaryIO, position: int, end: int) -> Iterator[str]:
    for _ in range(_MOST):
        if position >= end:
            return
        name, length, body = _element(file, position)
        if length is None:
            return
        if name in _NAMES:
            yield _NAMES[name]
        elif name == _VOID:
            if _not_empty(file, body, body + length):
                yield "a void that is not empty"
        elif name == 0x1549A966:
            yield from ("date of creation" for inner in _children(file, body, body + length) if inner == _DATE)
        elif name not in _ELEMENTS:
            yield f"element {name:X}"
        position = body + length


def _children(file: BinaryIO, position: int, end: int) -> Iterator[int]:
    for _ in range(1000):
        if position >= end:
            return
        name, length, body = _element(file, position)
        if length is None:
            return
        yield name
        position = body + length


def _element(file: BinaryIO, position: int) -> tuple[int, int | None, int]:
    """(id, length, start of the body); a length of None is unknown."""
    file.seek(position)
    head = file.read(12)
    if not head or not head[0]:
        return 0, None, position
    wide = 9 - head[0].bit_length()
    name = int.from_bytes(head[:wide], "big")
    if len(head) <= wide or not head[wide]:
        return name, None, position + wide
    extra = 8 - head[wide].bit_length()
    length = int.from_bytes(bytes([head[wide] & (0x7F >> extra)]) + head[wide + 1 : wide + 1 + extra], "big")
    unknown = length == (1 << 7 * (extra + 1)) - 1
    return name, None if unknown else length, position + wide + 1 + extra


def _avi(file: BinaryIO, size: int) -> Iterator[Fault]:
    position = 0
    for _ in range(_MOST):
        if position >= size:
            return
        file.seek(position)
        head = file.read(12)
        if head[:4] != b"RIFF":
            yield _trailing(size - position)
            return
        end = min(position + 8 + int.from_bytes(head[4:8], "little"), size)
        inner = position + 12
        while inner + 8 <= end:
            file.seek(inner)
            chunk = file.read(12)
            length = int.from_bytes(chunk[4:8], "little")
            kind = chunk[8:12] if chunk[:4] == b"LIST" else chunk[:4]
            if kind == b"INFO":
                yield from _info(file, inner + 12, inner + 8 + length)
            elif kind not in _CHUNKS:
                yield Fault("left over", f"chunk {_text(kind)}")
            elif kind == b"JUNK" and _not_empty(file, inner + 8, inner + 8 + length):
                yield Fault("left over", "a JUNK chunk that is not empty")
            inner += 8 + length + length % 2
        position = end


def _info(file: BinaryIO, position: int, end: int) -> Iterator[Fault]:
    while position + 8 <= end:
        file.seek(position)
        head = file.read(8)
        if head[:4] != b"ISFT":  # the muxer's own name
            yield Fault("left over", f"information {_text(head[:4])}")
        length = int.from_bytes(head[4:8], "little")
        position += 8 + length + length % 2


def _flv(file: BinaryIO, size: int) -> Iterator[Fault]:
    position = 13
    while position + 11 <= size:
        file.seek(position)
        head = file.read(11)
        length = int.from_bytes(head[1:4], "big")
        if head[0] & 31 not in (8, 9, 18):
            break
        file.seek(position + 11 + length)
        if int.from_bytes(file.read(4), "big") != 11 + length:
            break
        position += 15 + length
    if position < size:
        yield _trailing(size - position)


def _transport(file: BinaryIO, size: int) -> Iterator[Fault]:
    """Packets of streams that no programme names, and what is no packet."""
    file.seek(0)
    named, seen, maps = {0, 17, 8191}, Counter[int](), set[int]()
    position = 0
    while packet := file.read(_TS):
        if len(packet) < _TS or packet[0] != 0x47:
            yield _trailing(size - position)
            break
        position += _TS
        pid = (packet[1] & 31) << 8 | packet[2]
        seen[pid] += 1
        if packet[1] & 64 and (pid == 0 or pid in maps):
            body = packet[4 + (1 + packet[4] if packet[3] & 32 else 0) :]
            section = body[1 + body[0] :] if body else b""
            length = ((section[1] & 15) << 8 | section[2]) if len(section) > 3 else 0
            if pid == 0:
                for at in range(8, min(3 + length - 4, len(section) - 3), 4):
                    maps.add((section[at + 2] & 31) << 8 | section[at + 3])
            elif len(section) > 12:
                at = 12 + ((section[10] & 15) << 8 | section[11])
                while at + 5 <= min(3 + length - 4, len(section)):
                    named.add((section[at + 1] & 31) << 8 | section[at + 2])
                    at += 5 + ((section[at + 3] & 15) << 8 | section[at + 4])
    strange = {pid: count for pid, count in seen.items() if pid not in named | maps}
    if strange:
        yield Fault("left over", "packets that no programme names", count=sum(strange.values()))


def _nut(file: BinaryIO, size: int) -> Iterator[Fault]:
    """What follows the index, which stands behind the last frame and says how long it is."""
    place = _place_of(_NUT_INDEX, file)
    if place is None:
        yield Fault("left over", "bytes that were not looked through: it has no index")
        return
    end = place + len(_NUT_INDEX)
    file.seek(end)
    length = 0
    for byte in file.read(9):  # seven bits each, but for the last with the eighth set
        length, end = length << 7 | byte & 127, end + 1
        if byte < 128:
            break
    end += length + (4 if length > _NUT_CHECKED else 0)
    if end < size:
        yield _trailing(size - end)


def _place_of(mark: bytes, file: BinaryIO) -> int | None:
    file.seek(0)
    start, tail = 0, b""
    while piece := file.read(1 << 22):
        found = (tail + piece).find(mark)
        if found >= 0:
            return start - len(tail) + found
        start += len(piece)
        tail = piece[-(len(mark) - 1) :]
    return None


def _not_empty(file: BinaryIO, start: int, end: int) -> bool:
    file.seek(start, os.SEEK_SET)
    while start < end:
        piece = file.read(min(end - start, 1 << 20))
        if not piece:
            return False
        if any(piece):
            return True
        start += len(piece)
    return False


def _text(kind: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in kind).strip() or "without a name"
