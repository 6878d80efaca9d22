"""C2PA manifest stores by their bytes: only what this tool signs may stand in them, to the last item.

JUMBF boxes (ISO/IEC 19566-5) hold CBOR (RFC 8949). A thumbnail, an earlier manifest, or words of another tool would
be as much left over as EXIF is; whether the signature holds is for whoever reads the manifest to say.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

PARAMETER = "redact.regions"
"""Of the action that covered: where the regions stand with their role."""
MAX_SEAL = 1 << 24  # bytes of a manifest store; an hour in a crowd takes about one million
_STORE, _MANIFEST, _CLAIM, _SIGNATURE = "c2pa", "urn:c2pa:", "c2pa.claim.v2", "c2pa.signature"
_ASSERTIONS = "c2pa.assertions"
_ACTIONS, _INGREDIENT = "c2pa.actions.v2", "c2pa.ingredient.v3"
_HASHES = ("c2pa.hash.data", "c2pa.hash.bmff.v3")
_KEYS = {
    _INGREDIENT: {"relationship", "dc:title", "dc:format", "instanceID"},
    _ACTIONS: {"actions"},
    _CLAIM: {
        "instanceID", "claim_generator_info", "signature", "created_assertions", "gathered_assertions", "alg",
    },
    **{name: {"exclusions", "alg", "hash", "name", "pad"} for name in _HASHES},
}  # fmt: skip
_ACTION = {"action", "when", "softwareAgent", "changes", "parameters"}
_PARAMETERS = {"ingredients", "description", "redact.policy_sha256", PARAMETER}
_HASH = 64  # bytes of the longest digest
_DEEPEST = 32


def foreign(store: bytes) -> str:
    """What in a manifest store is not this tool's, in words; empty for one of its own."""
    try:
        return _foreign(store)
    except (IndexError, UnicodeDecodeError, ValueError, TypeError, AttributeError, KeyError, struct.error):
        return "cannot be read"


def _foreign(store: bytes) -> str:
    manifests = list(_content(store, _STORE))
    if len(manifests) != 1:
        return f"{len(manifests)} manifests instead of one"
    found: dict[str, Any] = {}
    for label, data in _leaves(manifests[0]):
        name = label.partition("__")[0]  # a second one of a kind has a number behind it
        if name != label or name in found or name not in (*_KEYS, _SIGNATURE):
            return f"{label[:40]} in it"
        found[name] = _Reader(data).whole()
    for name, value in found.items():
        if name == _SIGNATURE:
            held = value[1]
            if set(held) - {"pad", "pad2"} or any(any(item) for item in held.values()):
                return "more than a signature in its signature"
        elif (
            set(value) - _KEYS[name]
            or any(value.get("pad", b""))
            or any(len(item) > _HASH for item in _strings(value))
        ):
            return f"more in its {name} than this tool writes"
    if found[_INGREDIENT].get("dc:title") != "original" or found[_CLAIM]["claim_generator_info"]["name"] != "redact":
        return "signed by another tool"
    for action in found[_ACTIONS]["actions"]:
        if set(action) - _ACTION or set(action["parameters"]) - _PARAMETERS:
            return "an action that is not this tool's"
    return ""


def _leaves(manifest: bytes) -> Iterator[tuple[str, bytes]]:
    """(label, CBOR) of the claim, the signature and all assertions of a manifest."""
    for box in _content(manifest, _MANIFEST):
        label = _label(box)
        if label == _ASSERTIONS:
            yield from ((_label(inner), _cbor(inner)) for inner in _content(box, _ASSERTIONS))
        else:
            yield label, _cbor(box)


def _content(box: bytes, label: str) -> Iterator[bytes]:
    """The boxes within a box of that label, without its description."""
    if not _label(box).startswith(label):
        raise ValueError
    _, *inner = _boxes(box, b"jumb")
    yield from inner


def _cbor(box: bytes) -> bytes:
    _, content = _boxes(box, b"jumb")
    if content[4:8] != b"cbor":
        raise ValueError
    return content[8:]


def _label(box: bytes) -> str:
    """A box's label. Its description holds besides that at most a salt, no longer than a digest."""
    description = _boxes(box, b"jumb")[0]
    toggles, (text, _, rest) = description[24], description[25:].partition(b"\0")
    if description[4:8] != b"jumd" or toggles & ~0x13 or not toggles & 2 or len(rest) > 8 + _HASH:
        raise ValueError
    if rest and not (toggles & 16 and rest[4:8] == b"c2sh"):
        raise ValueError
    return text.decode("ascii")


def _boxes(box: bytes, kind: bytes) -> list[bytes]:
    """All boxes within one, each whole; the last ends where that one does."""
    if box[4:8] != kind or int.from_bytes(box[:4], "big") != len(box):
        raise ValueError
    found, position = [], 8
    while position < len(box):
        length = int.from_bytes(box[position : position + 4], "big")
        if length < 8 or position + length > len(box):
            raise ValueError
        found.append(box[position : position + length])
        position += length
    return found


def _strings(value: Any) -> Iterator[bytes]:
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


class _Reader:
    """Reads CBOR of definite lengths, which is all that manifests are written in. Tags are left out."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def whole(self) -> Any:
        value = self._item()
        if self._at != len(self._data):
            raise ValueError
        return value

    def _item(self, depth: int = 0) -> Any:
        head = self._take(1)[0]
        major, short = head >> 5, head & 31
        if depth > _DEEPEST or short > 27:
            raise ValueError
        size = 1 << (short - 24) if short >= 24 else 0
        raw = self._take(size)
        number = int.from_bytes(raw, "big") if size else short
        if major in (0, 1):
            return number if major == 0 else -1 - number
        if major in (2, 3):
            text = self._take(number)
            return text if major == 2 else text.decode()
        if major == 4:
            return [self._item(depth + 1) for _ in range(number)]
        if major == 5:
            return {self._item(depth + 1): self._item(depth + 1) for _ in range(number)}
        if major == 6:
            return self._item(depth + 1)
        if size in (2, 4, 8):
            return struct.unpack({2: ">e", 4: ">f", 8: ">d"}[size], raw)[0]
        return {20: False, 21: True, 22: None}[number]

    def _take(self, count: int) -> bytes:
        if count > len(self._data) - self._at:
            raise IndexError
        self._at += count
        return self._data[self._at - count : self._at]
