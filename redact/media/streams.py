"""What else a container holds besides its video: what is dropped, and which stream is the video."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import av.error
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from redact.errors import SourceError
from redact.policy import Audio

_NOT_THE_VIDEO = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
_PLAYLISTS = {"tty", "concat", "hls", "dash", "sdp", "image2", "image2pipe", "ffmetadata"}  # text and pictures
_HARMLESS = {"language", "major_brand", "minor_version", "compatible_brands", "duration", "encoder", "vendor_id"}


@dataclass(frozen=True, slots=True)
class Dropped:
    """Something of the input that the output does not have (or, in ``Source.kept``, has).

    kind: video, cover art, audio, subtitle, data, attachment, captions, chapters or metadata.
    name: its codec or type. detail: more in words; names of things, never their values.
    """

    kind: str
    name: str = ""
    detail: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.kind, self.name, f"({self.detail})" if self.detail else "") if part)


def best_video(container: InputContainer) -> VideoStream | None:
    """The stream a viewer would call the video: never cover art, thumbnails or a stream without a decoder."""
    real = [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and not stream.disposition & _NOT_THE_VIDEO
    ]
    best = container.streams.best("video")
    for stream in real:
        if best is not None and stream.index == best.index:
            return stream
    return max(real, key=lambda stream: (stream.frames, stream.width * stream.height), default=None)


def sort_streams(
    container: InputContainer, video: VideoStream, audio: Audio
) -> tuple[tuple[Dropped, ...], tuple[Dropped, ...], tuple[int, ...]]:
    """(dropped, kept, indices of kept audio streams) of everything in ``container`` but ``video``."""
    dropped: list[Dropped] = []
    kept: list[Dropped] = []
    indices: list[int] = []
    for stream in container.streams:
        if stream.index == video.index:
            continue
        item = _describe(stream)
        if audio == "keep" and stream.type == "audio" and stream.codec_context is not None:
            kept.append(item)
            indices.append(stream.index)
        else:
            dropped.append(item)
    if chapters := container.chapters():
        dropped.append(Dropped("chapters", detail=f"{len(chapters)}"))
    if names := _tag_names([container.metadata, *(stream.metadata for stream in container.streams)]):
        dropped.append(Dropped("metadata", detail=", ".join(names)))
    return tuple(dropped), tuple(kept), tuple(indices)


def _describe(stream: Stream) -> Dropped:
    name = stream.codec_context.name if stream.codec_context is not None else "unknown codec"
    if isinstance(stream, VideoStream):
        if stream.disposition & _NOT_THE_VIDEO:
            return Dropped("cover art", name)
        size = f"{stream.width}x{stream.height}" if stream.codec_context is not None else ""
        return Dropped("video", name, size)
    if stream.type == "audio":
        return Dropped("audio", name)
    if stream.type in ("subtitle", "data", "attachment"):
        return Dropped(stream.type, "" if stream.codec_context is None else name)
    return Dropped("data", name)


def _tag_names(tags: Iterable[dict[str, str]]) -> list[str]:
    """Names of tags that may tell of people, places or devices; those every muxer writes are not worth a word."""
    names = {name.lower().removeprefix("com.apple.quicktime.") for group in tags for name in group}
    return sorted(name for name in names if name not in _HARMLESS)


# tags in no encoding at all must not stop a video; from PyAV 19 on they never do
_READABLE: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}


def open_input(path: Path) -> InputContainer:
    """Open ``path`` for reading, as a local file and nothing else. Raises SourceError.

    FFmpeg's own messages stay off: they would reach stderr, and PyAV's way of catching them lets a decoder thread
    that logs and a thread that closes its codec wait for each other forever.
    """
    av.logging.set_level(None)
    if not path.exists():
        raise SourceError(f"{path}: no such file", hint="check the path")
    if path.is_dir():
        raise SourceError(f"{path}: is a folder", hint="name a video file in it")
    if not path.is_file():
        raise SourceError(f"{path}: is not a regular file", hint="copy its contents into a file first")
    if not path.stat().st_size:
        raise SourceError(f"{path.name}: the file is empty", hint="copy it again from where it was recorded")
    try:
        container: InputContainer = av.open(
            f"file:{path}", "r", container_options={"protocol_whitelist": "file"}, **_READABLE
        )
    except PermissionError:
        raise SourceError(f"{path.name}: may not be read", hint="check its permissions") from None
    except (av.error.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError(
            f"{path.name}: not a video that can be read ({reason.lower()})",
            hint="it may be damaged, cut off before its index was written, or encrypted; try another copy",
        ) from error
    if container.format.name in _PLAYLISTS or container.format.name.endswith("_pipe"):
        name = container.format.name
        container.close()
        raise SourceError(f"{path.name}: is {name.removesuffix('_pipe')}, not a video", hint="name a video file")
    return container
