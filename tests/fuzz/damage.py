"""Bytes bent in the ways that disks, cables, cut-off copies and enemies bend them."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

KINDS = ("flip", "noise", "cut", "delete", "repeat", "swap", "zero", "number", "splice")
NUMBERS = (0, 1, 7, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF)

Change = tuple[str, int, int, int]
"""(one of ``KINDS``, where, how much, with what); the numbers are taken modulo what there is."""

changes = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 2**24), st.integers(0, 2**12), st.integers(0, 2**16)),
    min_size=1,
    max_size=8,
)


def bent(data: bytes, how: Sequence[Change], other: bytes = b"") -> bytes:
    """``data`` after every change; ``other``: what may be spliced on."""
    for kind, where, much, what in how:
        if not data:
            return data
        at = where % len(data)
        end = min(at + much % max(len(data) // 4, 1) + 1, len(data))
        if kind == "flip":
            changed = bytearray(data)
            for step in range(1 + much % 16):
                changed[(at + step * (what + 1)) % len(data)] ^= 1 << (what + step) % 8
            data = bytes(changed)
        elif kind == "noise":
            noise = bytes((what * (index + 3) * 2654435761 >> 16) & 255 for index in range(end - at))
            data = data[:at] + noise + data[end:]
        elif kind == "cut":
            data = data[: max(at, 1)]
        elif kind == "delete":
            data = data[:at] + data[end:]
        elif kind == "repeat":
            data = data[:end] + data[at:end] * (1 + what % 3) + data[end:]
        elif kind == "swap":
            to = what * 64 % len(data)
            one, two = min(at, to), max(at, to)
            blocks = data[one : one + 512], data[two : two + 512]
            data = data[:one] + blocks[1] + data[one + 512 : two] + blocks[0] + data[two + 512 :]
        elif kind == "zero":
            data = data[:at] + bytes(end - at) + data[end:]
        elif kind == "number":
            data = data[:at] + NUMBERS[what % len(NUMBERS)].to_bytes(4, "big") + data[at + 4 :]
        elif kind == "splice" and other:
            to = what * 64 % len(other)
            data = data[:at] + other[to:]
    return data
