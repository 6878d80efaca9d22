"""What is tried: a strategy and a check for every kind of input."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.fuzz import checks
from tests.fuzz.damage import Change, bent, changes
from tests.fuzz.seeds import seeds


@dataclass(frozen=True)
class Kind:
    """arguments: those of ``check``. share: of all cases. must: how some of the cases have to end."""

    check: Callable[..., str]
    arguments: Callable[[], st.SearchStrategy[tuple[Any, ...]]]
    share: float
    must: frozenset[str]


LARGE = bool(os.environ.get("REDACT_FUZZ_LARGE"))  # pictures of any size too: hours, not minutes


def _media() -> st.SearchStrategy[tuple[Any, ...]]:
    names = st.sampled_from(sorted(seeds(LARGE)))
    return st.builds(_damaged, names, names, changes)


def _damaged(name: str, other: str, how: list[Change]) -> tuple[str, bytes]:
    return name, bent(seeds(LARGE)[name], how, seeds(LARGE)[other])


_ODD: list[Any] = [
    *(None, True, False, 0, -1, 1, 0.5, -0.0, 1e308, 1e-320, 2**31, 2**63, 2**70, -(2**40)),
    *("", "face", "0", "\x00", "x" * 300, [], {}, [[]], {"a": {"b": []}}),
    *([0, 0, 0, 0], [10, 10, 50, 40], [5e-324, 0, 64, 48], [-1000, -1000, 1000, 1000]),
]
_values = st.one_of(
    st.sampled_from(_ODD),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(),
    st.text(max_size=20),
    st.lists(st.floats(-100, 200), min_size=4, max_size=4).map(lambda box: [*map(min, box, box[2:] * 2), *box[2:]]),
)


def _paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, item in inner for path in _paths(item, (*at, key)))]


@st.composite
def _documents(draw: st.DrawFn) -> tuple[bytes]:
    """The regions file with some of its values put, taken away or doubled, in either layout; or its bytes bent."""
    _, original = checks.document()
    if draw(st.integers(0, 3)) == 0:
        return (bent(original, draw(changes), original),)
    said = json.loads(original)
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from([path for path in _paths(said) if path]))
        inside = said
        for key in path[:-1]:
            inside = inside[key]
        what = draw(st.sampled_from(["put", "put", "put", "take", "double"]))
        if what == "put":
            inside[path[-1]] = draw(_values)
        elif what == "take":
            del inside[path[-1]]
        elif isinstance(inside, list):
            inside.insert(path[-1], inside[path[-1]])
        if not isinstance(said, dict) or not said:
            break
    if draw(st.booleans()) or not isinstance(said.get("frames"), list):
        return (json.dumps(said, indent=draw(st.sampled_from([None, 1]))).encode(),)
    frames, end = said.pop("frames"), said.pop("end", None)
    lines = ",\n".join(json.dumps(frame) for frame in frames)
    return (f'{json.dumps(said)[:-1]},\n"frames": [\n{lines}\n],\n"end": {json.dumps(end)}}}\n'.encode(),)


_numbers = st.one_of(
    st.integers(-5, 80).map(str),
    st.floats(-100, 200).map(repr),
    st.sampled_from(["", "nan", "inf", "-inf", "1e3", "1_0", "٣", " 4 ", "0x10", "1e400", "-0", "9" * 20, "a"]),
)
_good = st.builds(
    lambda frame, box: ",".join(map(repr, [frame, 1, *box, 1, 1, 1])),
    st.integers(1, checks.FRAMES),
    st.tuples(st.floats(-20, 60), st.floats(-20, 44), st.floats(0, 60), st.floats(0, 40)),
)
_rows = st.lists(
    st.one_of(_good, _good, _good, st.lists(_numbers, min_size=0, max_size=11).map(",".join)), min_size=1, max_size=8
).map(lambda rows: "\n".join(rows).encode())


def _mot() -> st.SearchStrategy[tuple[Any, ...]]:
    return st.tuples(_rows)


@st.composite
def _archives(draw: st.DrawFn) -> tuple[bytes]:
    import io
    import zipfile

    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("gt/gt.txt", draw(_rows))
        archive.writestr("gt/labels.txt", draw(st.sampled_from(["face\nperson\nplate\n", "dog\n", ""])))
    data = stored.getvalue()
    return (bent(data, draw(changes), data),)


_fraction = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 1.0, 0.5, 1e-9, 1 - 1e-9, 1 / 3]), st.floats(-0.1, 1.1))
_polygons = st.tuples(
    st.lists(st.tuples(_fraction, _fraction), min_size=2, max_size=8).map(tuple),
    st.integers(1, 130),
    st.integers(1, 100),
)

_POLICY = b"""find: [face, person]
style: mosaic
always: [[0.0, 0.0, 0.3, 0.0, 0.3, 0.4], "0,0,1,0,1,1"]
never: [[[0, 0], [1, 0], [1, 1]]]
hold: 400ms
every: auto
min_face: 16
color: '#202020'
allow_weak: true
codec: h264
crf: 20
record: {operator: A. Nyone, reference: "2026/7", reasons: {face: {code: P-1, statute: "Art. 6"}}}
"""
_SERVICE = b"""http: {listen: "127.0.0.1:9110"}
defaults: {find: [face, person], style: blur, lookahead: 400ms, on_detector_error: cover}
cameras:
  yard:
    source: rtsp://${CAM_USER}:${CAM_PASS}@10.0.0.5/Streaming/Channels/101
    publish: rtsp://127.0.0.1:8554/yard
    record: {path: /var/lib/redact, segment: 60s, keep: 7d, keep_size: 200GB}
    hls: {path: /run/redact/hls}
    always: [[0.0, 0.0, 0.3, 0.0, 0.3, 0.4, 0.0, 0.4]]
  gate: {source: clip.mp4, loop: true, on_detector_error: stop}
"""
_TOKENS = [
    *(b"null", b"~", b"[]", b"{}", b"-1", b"1e400", b".nan", b"yes", b"auto", b"400ms", b"7d", b"200GB", b"0x10"),
    *(b"${X}", b"${", b"&a", b"*a", b"!!x/y", b"\t", b"\n", b"---", b"'", b'"', b": ", b"- ", b"[" * 50),
    *(b"\xff", b"\x00", b"9" * 5000, b"2026-11-23", b"12:00", b"\xe2\x80\xae"),
]


def _texts(original: bytes) -> st.SearchStrategy[tuple[Any, ...]]:
    """A text with tokens put in place of others, lines taken and doubled, and bytes bent."""

    @st.composite
    def text(draw: st.DrawFn) -> tuple[bytes]:
        data = original
        for _ in range(draw(st.integers(1, 4))):
            lines = data.split(b"\n")
            at = draw(st.integers(0, len(lines) - 1))
            how = draw(st.sampled_from(["token", "token", "token", "take", "double", "bend"]))
            if how == "token":
                words = lines[at].replace(b":", b": ").split(b" ")
                words[draw(st.integers(0, len(words) - 1))] = draw(st.sampled_from(_TOKENS))
                lines[at] = b" ".join(words)
            elif how == "take":
                del lines[at]
            elif how == "double":
                lines.insert(at, lines[at])
            data = b"\n".join(lines) if how != "bend" else bent(data, draw(changes), original)
        return (data,)

    return text()


KINDS: dict[str, Kind] = {
    "media": Kind(checks.media, _media, 0.3, frozenset(["refused", "covered"])),
    "regions": Kind(checks.regions, _documents, 0.2, frozenset(["refused", "covered"])),
    "mot": Kind(checks.mot, _mot, 0.12, frozenset(["refused", "covered"])),
    "archives": Kind(checks.mot_archive, _archives, 0.03, frozenset(["refused"])),
    "polygons": Kind(checks.polygon, lambda: _polygons, 0.15, frozenset(["refused", "covered"])),
    "policies": Kind(checks.policy_file, lambda: _texts(_POLICY), 0.1, frozenset(["refused", "read"])),
    "services": Kind(checks.configuration, lambda: _texts(_SERVICE), 0.1, frozenset(["refused", "read"])),
}
