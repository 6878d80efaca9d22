"""Outputs with a C2PA manifest: this tool's own is part of what it writes, any other is left over."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import redact
from redact.manifest import FORMATS, Sealer
from redact.verify.leftovers import leftovers
from redact.verify.seals import foreign
from tests.clips import Scripted, make_clip
from tests.record.keys import sign_as_camera

pytest.importorskip("c2pa")
VIDEO = (".mp4", ".m4v", ".mov")
NOBODY = Scripted(lambda _: [])


@pytest.fixture(scope="module")
def store(sealer, tmp_path_factory) -> bytes:
    """The manifest store of a PNG output."""
    out = sealed(tmp_path_factory.mktemp("store"), ".png", sealer)[1].read_bytes()
    start = out.index(b"caBX") + 4
    return out[start : start + int.from_bytes(out[start : start + 4], "big")]


def original(folder: Path, suffix: str) -> Path:
    if suffix in VIDEO:
        return make_clip(folder / "in.mp4", 10, codec="libx264")
    path = folder / ("in.jpg" if suffix in (".jpg", ".jpeg") else "in.png")
    Image.effect_noise((320, 240), 80).convert("RGB").save(path)
    return path


def sealed(folder: Path, suffix: str, sealer: Sealer, faces: int = 1) -> tuple[Path, Path]:
    source, out = original(folder, suffix), folder / f"out{suffix}"
    boxes = [(x / 18, y / 18, x / 18 + 0.04, y / 18 + 0.04) for y in range(18) for x in range(18)][:faces]
    sealer.seal(redact.redact_file(source, out, policy=redact.Policy(every=1), detector=Scripted(lambda _: boxes)))
    return source, out


def left(path: Path) -> list[str]:
    return [fault.detail for fault in leftovers(path, picture=path.suffix not in VIDEO)]


@pytest.mark.parametrize("suffix", FORMATS)
def test_its_own_manifest_is_no_fault(tmp_path, sealer, suffix):
    source, out = sealed(tmp_path, suffix, sealer)
    assert b"c2pa.claim" in out.read_bytes().replace(b"\xff", b"")
    assert redact.verify_file(out, against=source, detector=NOBODY).verdict.faults == ()


def test_one_in_several_segments_is_read_whole(tmp_path, sealer):
    """A segment of a JPEG holds 64 KB: the manifest of a crowd goes on in the next."""
    _, out = sealed(tmp_path, ".jpg", sealer, faces=250)
    assert out.read_bytes().count(b"JP\x02\x11") > 1
    assert left(out) == []


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_manifest_of_a_camera_is_left_over(tmp_path, office, suffix):
    """What a camera signs can carry a picture of everybody."""
    source = original(tmp_path, suffix)
    plain, out = tmp_path / f"plain{suffix}", tmp_path / f"out{suffix}"
    redact.redact_file(source, plain, detector=NOBODY)
    sign_as_camera(plain, out, office, FORMATS[suffix])
    assert any("C2PA manifest" in words for words in left(out)), left(out)


def test_a_second_one_is_left_over(tmp_path, sealer):
    _, out = sealed(tmp_path, ".mp4", sealer)
    data = out.read_bytes()
    start = data.index(b"uuid\xd8\xfe\xc3\xd6") - 4
    box = data[start : start + int.from_bytes(data[start : start + 4], "big")]
    out.write_bytes(data + box)
    assert left(out) == ["box uuid"]


SPOILED = {
    "another title": lambda store: store.replace(b"original", b"Anna Exa"),
    "another tool": lambda store: store.replace(b"dnamefredact", b"dnamefcamera"),
    "another parameter": lambda store: store.replace(b"redact.policy_sha256", b"redact.policy_shaXXX"),
    "another assertion": lambda store: store.replace(b"c2pa.hash.data", b"c2pa.metadata."),
    "another key": lambda store: store.replace(b"idc:format", b"ifullname_"),
    "another kind of content": lambda store: store.replace(b"cbor", b"json"),
    "a second assertion of a kind": lambda store: store.replace(b"c2pa.hash.data", b"c2pa.actions.v2__1"[:14]),
    "words in the padding": lambda store: re.sub(rb"(cpad[\x41-\x57])\0{4}", rb"\1Anna", store),
    "words in the signature": lambda store: store[:-300] + b"cpadX\xc8Anna Example" + store[-283:],
    "a box more": lambda store: (len(store) + 12).to_bytes(4, "big") + store[4:] + b"\0\0\0\x0cfreeAnna",
    "bytes more": lambda store: store + b"Anna",
    "bytes less": lambda store: store[:-1],
    "nothing": lambda store: b"",
}


@pytest.mark.parametrize("name", SPOILED)
def test_nothing_can_be_hidden_in_one(store, name):
    spoiled = SPOILED[name](store)
    assert foreign(store) == ""
    assert spoiled != store
    assert foreign(spoiled)


@given(st.data())
def test_damage_is_never_more_than_a_word(store, data):
    damaged = bytearray(store)
    for place in data.draw(st.lists(st.integers(0, len(store) - 1), min_size=1, max_size=4)):
        damaged[place] = data.draw(st.integers(0, 255))
    assert isinstance(foreign(bytes(damaged[: data.draw(st.integers(0, len(store)))])), str)
