"""The sinks that a camera names. What a kind of sink needs is imported where one is named."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

from redact.live.config import Camera, Hls, Record
from redact.live.outputs import Output, PacketSink
from redact.live.secrets import mask
from redact.media.packets import PacketStream


def outputs_of(camera: Camera, stdout: int | None, *, gone: Callable[[], None]) -> Iterator[Output]:
    """Every output of a camera. stdout: descriptor for MPEG-TS, or None. gone: called when nobody reads
    that, and there is no other."""
    for url in camera.publish:
        yield Output(mask(url), functools.partial(_publish, url))
    if camera.record is not None:
        yield Output(f"recordings in {camera.record.path}", functools.partial(_record, camera.record, camera.name))
    if camera.hls is not None:
        yield Output(f"HLS in {camera.hls.path}", functools.partial(_hls, camera.hls))
    if stdout is not None:
        alone = not camera.publish and camera.record is None and camera.hls is None
        yield Output("stdout", functools.partial(_pipe, stdout), gone=gone if alone else _nothing)


def _nothing() -> None:
    """Who closes a window ends no recording."""


def _publish(url: str, stream: PacketStream) -> PacketSink:
    from redact.live.publisher import Publisher

    return Publisher(url, stream)


def _pipe(descriptor: int, stream: PacketStream) -> PacketSink:
    from redact.media.pipe import Pipe

    return Pipe(descriptor, stream)


def _record(record: Record, name: str, stream: PacketStream) -> PacketSink:
    from redact.live.retention import Kept, Recordings

    kept = Kept(age=record.keep, size=record.keep_size)
    return Recordings(record.path, name, stream, kept, segment=record.segment, container=record.container)


def _hls(hls: Hls, stream: PacketStream) -> PacketSink:
    from redact.media.hls import Hls as Playlist

    return Playlist(hls.path, stream)
