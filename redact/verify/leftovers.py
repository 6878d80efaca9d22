"""What an output holds besides its pixels: streams, tags, messages between pictures, bytes nothing refers to.

Read from the bytes, not from what a player shows, which is none of it. Whatever is found is named, never quoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from redact.errors import SourceError
from redact.media.streams import best_video, open_input, sort_streams
from redact.policy import Audio
from redact.verify.containers import container_faults
from redact.verify.messages import messages_in
from redact.verify.parts import picture_faults
from redact.verify.verdict import Fault

_OWN = {"major_brand", "minor_version", "compatible_brands", "language", "duration", "vendor_id"}  # every muxer's
_PROGRAM = re.compile(r"(Lavf|Lavc|x26|libx26)", re.IGNORECASE)
_HANDLERS = {"VideoHandler", "SoundHandler", "Video", "Audio", ""}
_SIDE = ("a53", "block_additional", "strings", "metadata", "webvtt", "subtitle", "afd", "prft", "icc")
_PIECE = 1 << 22
# long enough that chance does not write them into a terabyte of video
_SIGNATURES = {
    b"Exif\x00\x00": "EXIF",
    b"<x:xmpmeta": "XMP",
    b"<?xpacket begin": "XMP",
    b"http://ns.adobe.com/xap/": "XMP",
    b"\x89PNG\r\n\x1a\n": "a PNG picture",
    b"\xff\xd8\xff\xe0\x00\x10JFIF\x00": "a JPEG picture",
    b"GPMFDEVC": "GPMF telemetry",
    b"GoPro MET": "GoPro telemetry",
    b"camm\x00\x00\x00\x00\x00\x00\x00\x01": "camera motion telemetry",
}


def leftovers(path: Path, *, picture: bool, audio: Audio = "drop") -> Iterator[Fault]:
    """Everything in the file at ``path`` that this tool does not write. audio: whether sound was kept on purpose.

    Raises SourceError where the file cannot be read.
    """
    try:
        if picture:
            yield from picture_faults(path)
        else:
            yield from _streams(path, audio)
            yield from container_faults(path)
            yield from _signatures(path)
    except OSError as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(
            f"{path.name}: cannot be read ({error.strerror or error})", hint="try another copy"
        ) from error


def _streams(path: Path, audio: Audio) -> Iterator[Fault]:
    with open_input(path) as container:
        video = best_video(container)
        if video is None:
            return
        dropped, kept, _ = sort_streams(container, video, audio)
        for item in dropped:
            if item.kind != "metadata":  # its tags are looked at one by one below
                yield Fault("left over", f"{item} stream" if item.kind != "chapters" else str(item))
        for item in kept[1:]:
            yield Fault("left over", f"{item}: a second sound stream")
        tags = [container.metadata, *(stream.metadata for stream in container.streams)]
        names = sorted({name.lower() for group in tags for name, value in group.items() if not _own(name, value)})
        if names:
            yield Fault("left over", f"tags: {', '.join(name[:60] for name in names[:20])}")
        yield from _messages(container, video)


def _own(name: str, value: str) -> bool:
    """Whether a tag is one that the muxers write by themselves."""
    name = name.lower()
    if name == "handler_name":
        return value in _HANDLERS
    return name in _OWN or (name == "encoder" and _PROGRAM.match(value) is not None)


def _messages(container: InputContainer, video: VideoStream) -> Iterator[Fault]:
    """What is written between the pictures of the video stream."""
    found: dict[str, int] = {}
    codec, extra = video.codec_context.name, video.codec_context.extradata or b""
    for name in messages_in(codec, extra, extra, header=True):
        found[name] = found.get(name, 0) + 1
    try:
        for packet in container.demux(video):
            for name in (*messages_in(codec, extra, bytes(packet)), *_side_of(packet)):
                found[name] = found.get(name, 0) + 1
    except av.error.FFmpegError:
        pass  # whoever decodes it says that it is damaged
    for name, count in found.items():
        yield Fault("left over", f"{name} in the video stream", count=count)


def _side_of(packet: Packet[VideoStream]) -> Iterator[str]:
    for side in packet.iter_sidedata():
        name = str(side.data_type)
        if any(part in name for part in _SIDE):
            yield f"side data {name}"


def _signatures(path: Path) -> Iterator[Fault]:
    longest = max(map(len, _SIGNATURES))
    found: dict[str, int] = {}
    with path.open("rb") as file:
        tail = b""
        while piece := file.read(_PIECE):
            text = tail + piece
            for mark, name in _SIGNATURES.items():
                found[name] = found.get(name, 0) + text.count(mark) - tail.count(mark)
            tail = text[-(longest - 1) :]
    for name, count in found.items():
        if count > 0:
            yield Fault("left over", f"{name} somewhere in the file", count=count)
