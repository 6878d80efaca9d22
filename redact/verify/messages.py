"""Messages in a video stream that no picture needs: SEI of H.264 and H.265, metadata units of AV1."""

from __future__ import annotations

from collections.abc import Iterator

_START = b"\x00\x00\x01"
_REGISTERED, _UNREGISTERED = 4, 5
# what buffers, displays and decoders need: timing, recovery, light levels, hashes of the decoded picture
_TECHNICAL = {
    0,
    1,
    2,
    3,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
    13,
    19,
    45,
    47,
    128,
    129,
    130,
    131,
    132,
    133,
    136,
    137,
    144,
    147,
    148,
    149,
}
# the encoders' own: name, version and settings
_ENCODERS = {
    bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef"): b"x264 - core",
    bytes.fromhex("2ca2de09b51747dbbb55a4fe7fc2fc4e"): b"x265 (build",
}
_WORDS = {_REGISTERED: "SEI of a registered kind (captions, telemetry)", _UNREGISTERED: "SEI user data"}
_AV1_METADATA, _AV1_HARMLESS = 5, {1, 2, 3, 5}


def messages_in(codec: str, extradata: bytes, packet: bytes, *, header: bool = False) -> Iterator[str]:
    """Names of the messages in one packet, or in the stream's header. Whatever cannot be parsed has none."""
    if codec == "h264":
        for unit in _units(extradata, packet, header, hevc=False):
            if unit and unit[0] & 31 == 6:
                yield from _sei(unit[1:])
    elif codec == "hevc":
        for unit in _units(extradata, packet, header, hevc=True):
            if unit and unit[0] >> 1 & 63 in (39, 40):
                yield from _sei(unit[2:])
    elif codec in ("libdav1d", "av1", "libaom-av1"):
        yield from _obus(packet[4:] if header else packet)


def _units(extradata: bytes, data: bytes, header: bool, *, hevc: bool) -> Iterator[bytes]:
    """NAL units: each behind a start code, or behind its length where the header says so."""
    if extradata[:1] != b"\x01":
        yield from (part for part in data.split(_START)[1:])
        return
    if header:
        yield from _stored(extradata, hevc=hevc)
        return
    size = (extradata[21] if hevc and len(extradata) > 21 else extradata[4] if len(extradata) > 4 else 3) % 4 + 1
    position = 0
    while position + size < len(data):
        length = int.from_bytes(data[position : position + size], "big")
        # all that is asked of a slice is its kind
        yield data[position + size : position + size + min(length, 1 << 16)]
        position += size + length


def _stored(record: bytes, *, hevc: bool) -> Iterator[bytes]:
    """The units that an ``avcC`` or ``hvcC`` record holds (ISO/IEC 14496-15); SEI may be among them."""
    position = 22 if hevc else 5
    groups = record[position] if hevc and len(record) > position else 2
    position += hevc
    for _ in range(groups):
        position += hevc  # the kind of the group
        wide = 2 if hevc else 1
        count = int.from_bytes(record[position : position + wide], "big") & (0xFFFF if hevc else 31)
        position += wide
        for _ in range(count):
            length = int.from_bytes(record[position : position + 2], "big")
            yield record[position + 2 : position + 2 + length]
            position += 2 + length
            if position >= len(record):
                return


def _sei(payload: bytes) -> Iterator[str]:
    payload = payload.replace(b"\x00\x00\x03", b"\x00\x00")
    position = 0
    while position + 2 <= len(payload) and payload[position:].strip(b"\x00") != b"\x80":
        kind, position = _number(payload, position)
        size, position = _number(payload, position)
        body = payload[position : position + size]
        position += size
        own = _ENCODERS.get(body[:16])
        if kind == _UNREGISTERED and own is not None and body[16:].startswith(own):
            continue
        if kind not in _TECHNICAL:
            yield _WORDS.get(kind, f"SEI of kind {kind}")


def _number(data: bytes, position: int) -> tuple[int, int]:
    total = 0
    while position < len(data):
        total += data[position]
        position += 1
        if data[position - 1] != 255:
            break
    return total, position


def _obus(data: bytes) -> Iterator[str]:
    position = 0
    while position < len(data):
        head = data[position]
        position += 2 if head & 4 else 1
        length, shift = len(data) - position, 0
        if head & 2:
            length = 0
            while position < len(data):
                byte = data[position]
                position += 1
                length |= (byte & 127) << shift
                shift += 7
                if not byte & 128:
                    break
        if head >> 3 & 15 == _AV1_METADATA and position < len(data) and data[position] not in _AV1_HARMLESS:
            yield f"AV1 metadata of kind {data[position]}"
        position += length
