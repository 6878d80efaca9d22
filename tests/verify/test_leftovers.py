"""What a file holds besides its pictures, by its bytes: in every container that this tool writes."""

from __future__ import annotations

from pathlib import Path

import pytest

import redact
from redact.media.encoders import CARRIES, MUXERS
from redact.verify.leftovers import leftovers
from redact.verify.messages import messages_in
from tests.clips import Scripted, make_clip

NOBODY = Scripted(lambda _: [])
SECRET = b"Anna Example"


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mkv", 8, codec="ffv1")


def written(clip: Path, folder: Path, suffix: str, codec: str | None = None) -> Path:
    out = folder / f"out{suffix}"
    redact.redact_file(clip, out, detector=NOBODY, encoding=redact.Encoding(codec=codec))
    return out


def left(path: Path) -> list[str]:
    return [fault.detail for fault in leftovers(path, picture=False)]


@pytest.mark.parametrize(("suffix", "codec"), [(key, codec) for key, mux in MUXERS.items() for codec in CARRIES[mux]])
def test_what_is_written_has_none_and_what_follows_it_is_found(clip, tmp_path, suffix, codec):
    out = written(clip, tmp_path, suffix, codec)
    assert left(out) == []
    for more in (SECRET, bytes(40) + SECRET, SECRET * 400):
        data = out.read_bytes()
        out.write_bytes(data + more)
        assert left(out), more[:60]
        out.write_bytes(data)


def test_a_container_that_is_not_known_is_not_called_clean(tmp_path):
    import av

    path = tmp_path / "out.mpg"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for index in range(5):
            frame = av.VideoFrame(320, 240, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert any("not looked through" in words for words in left(path))


@pytest.mark.parametrize("place", ["top", "moov"])
def test_padding_is_read_to_its_end(clip, tmp_path, place):
    out = written(clip, tmp_path, ".mp4")
    data = out.read_bytes()
    for hidden, found in ((bytes(3_000_000), []), (bytes(3_000_000) + SECRET, ["a free box that is not empty"])):
        box = (8 + len(hidden)).to_bytes(4, "big") + b"free" + hidden
        out.write_bytes(data + box if place == "top" else within(data, b"moov", box))
        assert left(out) == found


@pytest.mark.parametrize("kind", [b"uuid", b"abcd", b"loci", b"keys", b"emsg"])
def test_boxes_of_no_use_to_a_player_are_found(clip, tmp_path, kind):
    out = written(clip, tmp_path, ".mp4")
    box = (8 + 3 * len(SECRET)).to_bytes(4, "big") + kind + 3 * SECRET
    data = out.read_bytes()
    for spoiled in (data + box, within(data, b"moov", box), within(data, b"trak", box)):
        out.write_bytes(spoiled)
        assert left(out) == [f"box {kind.decode()}"]


def within(data: bytes, parent: bytes, box: bytes) -> bytes:
    """The file with a box more at the end of the first one called ``parent``; places of samples are left wrong."""
    around, position, end, spoiled = [], 0, len(data), bytearray(data)
    while position < end:
        length, kind = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8]
        if kind == parent or (kind == b"moov" and parent == b"trak"):
            around.append(position)
            if kind == parent:
                break
            end, position = position + length, position + 8
        else:
            position += length
    place = around[-1] + int.from_bytes(data[around[-1] : around[-1] + 4], "big")
    spoiled[place:place] = box
    for start in around:
        length = int.from_bytes(data[start : start + 4], "big") + len(box)
        spoiled[start : start + 4] = length.to_bytes(4, "big")
    return bytes(spoiled)


def test_messages_in_the_header_of_a_stream_are_found():
    """Where SEI stands in the ``hvcC`` or ``avcC`` record, no packet has it."""
    payload = bytes([4, len(SECRET)]) + SECRET + b"\x80"
    hevc, h264 = bytes([39 << 1, 1]) + payload, bytes([6]) + payload
    plain = bytes([32 << 1, 1, 0, 0])
    hvcc = b"\x01" + bytes(21) + b"\x02" + b"".join(
        bytes([kind]) + (1).to_bytes(2, "big") + len(unit).to_bytes(2, "big") + unit
        for kind, unit in ((32, plain), (39, hevc))
    )  # fmt: skip
    avcc = b"\x01\x64\x00\x1f\xff\xe1" + (4).to_bytes(2, "big") + b"\x67abc" + b"\x01"
    avcc += len(h264).to_bytes(2, "big") + h264
    for codec, record in (("hevc", hvcc), ("h264", avcc)):
        assert list(messages_in(codec, record, record, header=True)) == [
            "SEI of a registered kind (captions, telemetry)"
        ]
    for size in range(len(hvcc)):
        list(messages_in("hevc", hvcc[:size], hvcc[:size], header=True))
        list(messages_in("h264", avcc[:size], avcc[:size], header=True))
