"""Colour profiles that may be kept: those of public colour spaces, written anew.

A profile of one's own can tell which screen or camera a picture comes from (measured primaries, serial numbers,
names, dates). So no byte of the input's is kept. If its primaries are those of a public colour space, a profile made
here from public numbers says so; any other is dropped, and the picture is then taken for sRGB, as browsers do.
"""

from __future__ import annotations

import struct

Primaries = tuple[tuple[float, float, float], ...]

_CLOSE = 0.003  # rounding differs from maker to maker by less; the public spaces differ from each other by more
_D50 = (0.9642, 1.0, 0.8249)
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)

# red, green and blue as XYZ adapted to D50 (columns of the specifications' matrices), and the transfer curve
_SPACES: dict[str, tuple[Primaries, tuple[float, ...]]] = {
    "Display P3": (((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841)), _SRGB_CURVE),
    "Adobe RGB": (((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446)), (563 / 256,)),
    "ProPhoto RGB": (((0.7977, 0.2880, 0.0), (0.1352, 0.7119, 0.0), (0.0313, 0.0001, 0.8249)), (1.8,)),
}


def public_profile(profile: bytes) -> bytes | None:
    """A fresh profile of the public colour space that ``profile`` describes; None for sRGB and anything else."""
    primaries = _primaries(profile)
    if primaries is None:
        return None
    for name, (known, curve) in _SPACES.items():
        if all(abs(a - b) < _CLOSE for ours, theirs in zip(known, primaries, strict=True)
               for a, b in zip(ours, theirs, strict=True)):  # fmt: skip
            return _profile(name, known, curve)
    return None


def _primaries(profile: bytes) -> Primaries | None:
    """The rXYZ, gXYZ and bXYZ tags of an RGB display profile."""
    try:
        if profile[16:20] != b"RGB ":
            return None
        count = min(struct.unpack_from(">I", profile, 128)[0], 100)
        tags = {profile[at : at + 4]: struct.unpack_from(">I", profile, at + 4)[0]
                for at in range(132, 132 + 12 * count, 12)}  # fmt: skip
        found = [struct.unpack_from(">3i", profile, tags[name] + 8) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
    except (struct.error, KeyError):
        return None
    return tuple((x / 65536, y / 65536, z / 65536) for x, y, z in found)


def _profile(name: str, primaries: Primaries, curve: tuple[float, ...]) -> bytes:
    """A version 4.2 matrix profile."""
    para = b"para" + bytes(4) + struct.pack(">HH", 3 if len(curve) > 1 else 0, 0) + b"".join(map(_fixed, curve))
    parts = {
        b"desc": _words(name),
        b"cprt": _words("public domain"),
        b"wtpt": _xyz(_D50),
        **{tag: _xyz(value) for tag, value in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), para),
    }
    table, data = b"", b""
    begin = 132 + 12 * len(parts)
    for tag, body in parts.items():
        body += bytes(-len(body) % 4)
        table += tag + struct.pack(">II", begin + len(data), len(body))
        data += body
    size = begin + len(data)
    head = struct.pack(">I4sI4s4s4s12s4s", size, bytes(4), 0x04200000, b"mntr", b"RGB ", b"XYZ ", bytes(12), b"acsp")
    head += bytes(28) + b"".join(map(_fixed, _D50))
    return head + bytes(128 - len(head)) + struct.pack(">I", len(parts)) + table + data


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def _xyz(value: tuple[float, float, float]) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(map(_fixed, value))


def _words(text: str) -> bytes:
    coded = text.encode("utf-16-be")
    return b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(coded), 28) + coded
