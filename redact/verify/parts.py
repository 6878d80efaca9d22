"""Picture files by their parts: segments, chunks, tags and blocks that are no pixels, and what follows the end."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from redact.errors import SourceError
from redact.media.profiles import public_profile
from redact.verify.seals import foreign
from redact.verify.verdict import Fault

MAX_BYTES = 2_000_000_000  # of a picture file; five times the largest that is read, without compression
_PNG = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"acTL", b"fcTL", b"fdAT", b"gAMA", b"cHRM", b"sRGB", b"sBIT",
        b"bKGD"}  # fmt: skip
_WEBP = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"}
# sizes, samples, compression, strips and tiles, palette, predictor, alpha, JPEG tables and subsampling
_TIFF = {254, 255, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 282, 283, 284, 292, 293, 296, 297, 317, 320,
         322, 323, 324, 325, 332, 338, 339, 347, 529, 530, 531, 532}  # fmt: skip
_TIFF_NAMES = {270: "description", 271: "maker", 272: "camera", 305: "software", 306: "date", 315: "artist",
               316: "host", 330: "pictures within", 513: "thumbnail", 700: "XMP", 33432: "copyright", 33723: "IPTC",
               34377: "Photoshop", 34665: "EXIF", 34853: "place (GPS)"}  # fmt: skip
_TIFF_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_PROFILE, _SEAL = 34675, 52545
_EOI, _SOS = 0xD9, 0xDA


def picture_faults(path: Path) -> Iterator[Fault]:
    """Everything in a picture file that is no picture. Raises OSError, and SourceError where it is too large."""
    if path.stat().st_size > MAX_BYTES:
        raise SourceError(f"{path.name}: is too large to be a picture", hint="shrink it first")
    data = path.read_bytes()
    try:
        if data.startswith(b"\xff\xd8"):
            yield from _jpeg(data)
        elif data.startswith(b"\x89PNG"):
            yield from _png(data)
        elif data.startswith(b"RIFF"):
            yield from _webp(data)
        elif data[:4] in (b"II*\0", b"MM\0*"):
            yield from _tiff(data)
        elif data.startswith(b"GIF8"):
            yield from _gif(data)
        elif data.startswith(b"BM"):
            yield from _bmp(data)
    except (struct.error, IndexError):
        yield Fault("damaged", "its parts end in the middle of one")


def _trailing(count: int) -> Iterator[Fault]:
    if count > 0:
        yield Fault("trailing bytes", f"{count} bytes after the picture's end")


def _left(name: str) -> Fault:
    return Fault("left over", name)


def _profile(profile: bytes) -> Iterator[Fault]:
    """A colour profile is only what this tool writes, to the byte."""
    if public_profile(profile) != profile:
        yield _left("a colour profile that is not written anew")


def _seal(store: bytes) -> Iterator[Fault]:
    """A C2PA manifest, where there is one, is only what this tool signs."""
    words = foreign(store) if store else ""
    if words:
        yield _left(f"a C2PA manifest: {words}")


def _jpeg(data: bytes) -> Iterator[Fault]:
    position, profile, seal = 2, b"", b""
    while True:
        while data[position] == 0xFF and data[position + 1] == 0xFF:
            position += 1
        if data[position] != 0xFF:
            yield Fault("damaged", "a segment does not begin where the one before it ends")
            return
        marker = data[position + 1]
        if marker == _EOI:
            yield from _trailing(len(data) - position - 2)
            break
        size = struct.unpack_from(">H", data, position + 2)[0]
        body = data[position + 4 : position + 2 + size]
        if marker == 0xE2 and body.startswith(b"ICC_PROFILE\0"):
            profile += body[14:]
        elif marker == 0xEB and body[:4] == b"JP\x02\x11":
            # a store in several segments: each but the first says its length and kind again
            seal += body[16:] if seal else body[8:]
        else:
            yield from _segment(marker, body)
        position += 2 + size
        if marker == _SOS:
            position = _scanned(data, position)
    if profile:
        yield from _profile(profile)
    yield from _seal(seal)


def _segment(marker: int, body: bytes) -> Iterator[Fault]:
    if marker == 0xE0 and body.startswith(b"JFIF\0"):
        if len(body) > 14:
            yield _left("a thumbnail in the JFIF header")
    elif marker == 0xE1 and body.startswith(b"Exif"):
        yield _left("EXIF" + (" with a thumbnail" if body.find(b"\xff\xd8\xff") > 0 else ""))
    elif marker == 0xE1:
        yield _left("XMP")
    elif marker == 0xE2 and body.startswith(b"MPF\0"):
        yield _left("MPF previews")
    elif marker == 0xED:
        yield _left("Photoshop information")
    elif marker == 0xFE:
        yield _left("a comment")
    elif 0xE0 <= marker <= 0xEF and not (marker == 0xEE and body.startswith(b"Adobe")):
        yield _left(f"segment APP{marker - 0xE0}")


def _scanned(data: bytes, position: int) -> int:
    """Where the scan ends: at a marker that is neither a stuffed byte nor a restart."""
    while True:
        position = data.find(b"\xff", position)
        if position < 0:
            raise IndexError
        if data[position + 1] == 0 or 0xD0 <= data[position + 1] <= 0xD7 or data[position + 1] == 0xFF:
            position += 1 if data[position + 1] == 0xFF else 2
            continue
        return position


def _png(data: bytes) -> Iterator[Fault]:
    position, seal = 8, b""
    while True:
        size, name = struct.unpack_from(">I4s", data, position)
        if name == b"iCCP":
            yield from _png_profile(data[position + 8 : position + 8 + size])
        elif name == b"caBX":
            seal += data[position + 8 : position + 8 + size]
        elif name not in _PNG:
            words = {b"eXIf": "EXIF", b"tIME": "date", b"pHYs": "resolution"}.get(name)
            words = words or ("text" if name in (b"tEXt", b"zTXt", b"iTXt") else f"chunk {name.decode('latin1')}")
            yield _left(words)
        position += 12 + size
        if name == b"IEND":
            break
    yield from _seal(seal)
    yield from _trailing(len(data) - position)


def _png_profile(body: bytes) -> Iterator[Fault]:
    import zlib

    _, _, packed = body.partition(b"\0")
    try:
        yield from _profile(zlib.decompressobj().decompress(packed[1:], 1 << 20))
    except zlib.error:
        yield _left("a colour profile that cannot be read")


def _webp(data: bytes) -> Iterator[Fault]:
    seal = b""
    end = 8 + struct.unpack_from("<I", data, 4)[0]
    position = 12
    while position + 8 <= min(end, len(data)):
        name, size = struct.unpack_from("<4sI", data, position)
        if name == b"ICCP":
            yield from _profile(data[position + 8 : position + 8 + size])
        elif name == b"C2PA":
            seal += data[position + 8 : position + 8 + size]
        elif name not in _WEBP:
            words = {b"EXIF": "EXIF", b"XMP ": "XMP"}.get(name)
            yield _left(words or f"chunk {name.decode('latin1').strip()}")
        elif name == b"ANMF":
            yield from _frame(data, position + 24, position + 8 + size)
        position += 8 + size + size % 2
    yield from _seal(seal)
    yield from _trailing(len(data) - end)


def _frame(data: bytes, position: int, end: int) -> Iterator[Fault]:
    while position + 8 <= end:
        name, size = struct.unpack_from("<4sI", data, position)
        if name not in _WEBP:
            yield _left(f"chunk {name.decode('latin1').strip()} in a frame")
        position += 8 + size + size % 2


def _tiff(data: bytes) -> Iterator[Fault]:
    order = "<" if data[:2] == b"II" else ">"
    used = [(0, 8)]
    position = struct.unpack_from(f"{order}I", data, 4)[0]
    seen: set[int] = set()
    names: set[str] = set()
    entries: set[bytes] = set()
    seal = b""
    while position and position not in seen:
        seen.add(position)
        count = struct.unpack_from(f"{order}H", data, position)[0]
        used.append((position, position + 2 + 12 * count + 4))
        values: dict[int, list[int]] = {}
        for at in range(position + 2, position + 2 + 12 * count, 12):
            tag, kind, number = struct.unpack_from(f"{order}HHI", data, at)
            length = _TIFF_WIDTHS.get(kind, 1) * number
            start = at + 8 if length <= 4 else struct.unpack_from(f"{order}I", data, at + 8)[0]
            used.append((start, start + length))
            entries.add(data[at : at + 8])
            if tag in (273, 279, 324, 325):
                values[tag] = list(struct.unpack_from(f"{order}{number}{'H' if kind == 3 else 'I'}", data, start))
            elif tag == _PROFILE:
                yield from _profile(data[start : start + length])
            elif tag == _SEAL:
                seal += data[start : start + length]
            elif tag not in _TIFF:
                names.add(_TIFF_NAMES.get(tag, f"tag {tag}"))
        for offsets, sizes in ((273, 279), (324, 325)):
            used += [(a, a + b) for a, b in zip(values.get(offsets, []), values.get(sizes, []), strict=False)]
        position = struct.unpack_from(f"{order}I", data, position + 2 + 12 * count)[0]
    for name in sorted(names):
        yield _left(name)
    yield from _seal(seal)
    if seal:
        used += _moved(data, order, used, entries)
    yield from _gaps(data, used)


def _moved(data: bytes, order: str, used: list[tuple[int, int]], entries: set[bytes]) -> Iterator[tuple[int, int]]:
    """Directories that signing left behind when it wrote them anew at the end: each entry is also in a new one."""
    for start, end in list(_unused(used, len(data))):
        start += start % 2  # where every directory begins
        count = struct.unpack_from(f"{order}H", data.ljust(start + 2, b"\0"), start)[0]
        last = start + 2 + 12 * count
        if last + 4 <= end and all(data[at : at + 8] in entries for at in range(start + 2, last, 12)):
            yield start, last + 4


def _gaps(data: bytes, used: list[tuple[int, int]]) -> Iterator[Fault]:
    """Bytes that no tag refers to: fill of a few zero bytes apart, hidden ones."""
    for start, end in _unused(used, len(data)):
        if any(data[start:end]):
            if end == len(data):
                yield from _trailing(end - start)
            else:
                yield _left(f"{end - start} bytes that no tag refers to")


def _unused(used: list[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    reached = 0
    for start, end in sorted(used):
        if start > reached:
            yield reached, start
        reached = max(reached, end)
    if reached < size:
        yield reached, size


def _gif(data: bytes) -> Iterator[Fault]:
    seal = b""
    position = 13 + (3 << (data[10] & 7) + 1 if data[10] & 128 else 0)
    while data[position] != 0x3B:
        if data[position] == 0x2C:
            packed = data[position + 9]
            position, _ = _blocks(data, position + 11 + (3 << (packed & 7) + 1 if packed & 128 else 0))
            continue
        if data[position] != 0x21:
            yield Fault("damaged", "a block does not begin where the one before it ends")
            return
        kind = data[position + 1]
        end, content = _blocks(data, position + 2)
        if kind == 0xFF and content.startswith(b"C2PA_GIF\x01\0\0"):
            seal += content[11:]
        elif kind == 0xFF and data[position + 3 : position + 14] not in (b"NETSCAPE2.0", b"ANIMEXTS1.0"):
            yield _left("XMP" if data[position + 3 : position + 11] == b"XMP Data" else "data of an application")
        elif kind == 0xFE:
            yield _left("a comment")
        elif kind == 0x01:
            yield _left("text")
        position = end
    yield from _seal(seal)
    yield from _trailing(len(data) - position - 1)


def _blocks(data: bytes, position: int) -> tuple[int, bytes]:
    """(where the blocks from here on end, what stands in them)"""
    blocks = []
    while length := data[position]:
        blocks.append(data[position + 1 : position + 1 + length])
        position += 1 + length
    return position + 1, b"".join(blocks)


def _bmp(data: bytes) -> Iterator[Fault]:
    start = struct.unpack_from("<I", data, 10)[0]
    header, width, height, _, bits = struct.unpack_from("<IiiHH", data, 14)
    end = start + (width * bits + 31) // 32 * 4 * abs(height)
    used = 14 + header + ((struct.unpack_from("<I", data, 46)[0] or 1 << bits) * 4 if bits <= 8 else 0)
    if any(data[used:start]):
        yield _left(f"{start - used} bytes before the pixels")
    yield from _trailing(len(data) - end if data[end:] else 0)
