"""Cameras that would be in each other's way, or in their own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from redact.live.faults import Fault
from redact.live.keys import Camera
from redact.live.overrides import plain
from redact.live.said import Said
from redact.live.secrets import mask
from redact.media.addresses import address_of
from redact.yaml_file import Keys

_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def clashes(cameras: Mapping[str, Camera], said: Mapping[str, Said]) -> Iterator[Fault]:
    """What cameras may not do together. said: what was said of each."""
    names: dict[str, str] = {}
    sent: dict[str, str] = {}
    written: list[tuple[Path, str]] = []
    for name, camera in cameras.items():
        other = names.setdefault(plain(name), name)
        if other != name:
            yield Fault.at(said[name], (), f"its name is too much like {other}", "use another name")
        for index, address in enumerate(camera.publish):
            keys: Keys = ("publish", index) if len(camera.publish) > 1 else ("publish",)
            place = _place(address)
            if place == _place(camera.source):
                yield Fault.at(said[name], keys, "is the source itself", "publish to another path")
            other = sent.setdefault(place, name)
            if other != name:
                yield Fault.at(
                    said[name], keys, f"{mask(address)}: {other} publishes there too", "put {name} into the address"
                )
        for keys, folder in folders(camera):
            for path, other in written:
                if other == name and path != folder:
                    continue
                if folder == path or folder in path.parents or path in folder.parents:
                    whose = "its recordings go" if other == name else f"{other} writes"
                    yield Fault.at(said[name], keys, f"{folder}: {whose} there too", "put {name} into the path")
            written.append((folder, name))
            source = address_of(camera.source)
            if source.kind == "file" and folder in _resolved(source.text).parents:
                yield Fault.at(said[name], keys, "holds the source itself", "write to another folder")


def folders(camera: Camera) -> Iterator[tuple[Keys, Path]]:
    """The folders that a camera writes to, each with its key."""
    if camera.record is not None:
        yield ("record", "path"), _resolved(camera.record.path) / camera.name
    if camera.hls is not None:
        yield ("hls", "path"), _resolved(camera.hls.path)


def _resolved(path: str) -> Path:
    return Path(os.path.realpath(path))


def _place(address: str) -> str:
    """An address without what does not tell it from another: login, capitals of the host, the usual port, query."""
    parts = urlsplit(address)
    if not parts.scheme or not parts.hostname:
        return address
    host = "127.0.0.1" if parts.hostname in _LOOPBACK else parts.hostname
    return f"{host}:{parts.port or _PORTS.get(parts.scheme, 0)}{unquote(parts.path).rstrip('/')}?{parts.query}"
