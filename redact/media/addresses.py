"""Addresses of live sources and sinks: of which kind each is, and how one is shown without its secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from redact.errors import SourceError

Kind = Literal["rtsp", "http", "hls", "mpegts", "srt", "device", "file"]
Transport = Literal["tcp", "udp"]

MASK = "***"

_SCHEMES: dict[str, Kind] = {
    "rtsp": "rtsp",
    "rtsps": "rtsp",
    "http": "http",
    "https": "http",
    "udp": "mpegts",
    "srt": "srt",
    "file": "file",
}
_PLAYLIST = (".m3u8", ".m3u")
_DEVICE = re.compile(r"/dev/(video\d+|v4l/.+)")

# one or several slashes: pathlib makes one of two; "%(25)*" is a sign that was percent-encoded once or more
_AFTER_SCHEME = r"(?::|%(?:25)*3A)(?:/|%(?:25)*2F)+"
_SECRET_KEYS = (
    r"(?:token|pass(?!ed|es)|pwd|secret|auth|signature|user|usr|login|session|jwt|streamid|credential)[\w.-]{0,40}"
    r"|key|pas|psw|sig|sid"
)
_SECRET_PLACES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # whatever lies before the last @ of an address, were it the path: too much masked is no harm
        rf"{_AFTER_SCHEME}(?P<secret>(?:(?!{_AFTER_SCHEME})\S)*(?=@)|(?:(?!{_AFTER_SCHEME})\S)*(?=%(?:25)*40))",
        # user:password@host without a scheme
        r"(?<![^\s\"'(<=,])(?P<secret>[^\s:/@\"']{1,200}+:(?!/)[^\s@]{1,200}+)@[\w\[]",
        rf"(?<![\w-])[\w.-]{{0,40}}?(?:{_SECRET_KEYS})(?:=|%(?:25)*3D)(?P<secret>[^&\s\"<>]+)",
        r"authorization\s*[:=](?P<secret>[^\r\n]+)",
    )
)


@dataclass(frozen=True, slots=True)
class Address:
    """A live source's address. text: as given, secrets and all, kept out of ``repr``. shown: without them."""

    kind: Kind
    text: str = field(repr=False)

    @property
    def shown(self) -> str:
        return mask(self.text)

    @property
    def scheme(self) -> str:
        return self.text.split("://", 1)[0].lower() if "://" in self.text else ""


def address_of(text: str | os.PathLike[str]) -> Address:
    """What ``text`` names. Raises SourceError, whose hint says what can be named."""
    text = os.fspath(text)
    if "\0" in text or "\n" in text:
        raise SourceError("an address of more than one line", hint="give one address")
    if _DEVICE.fullmatch(text):
        return Address("device", text)
    scheme, separator, _ = text.partition("://")
    if not separator:
        return Address("file", text)
    kind = _SCHEMES.get(scheme.lower())
    if kind is None:
        raise SourceError(
            f"{mask(text)}: {scheme} is no address of a camera",
            hint="name an rtsp://, http://, udp:// or srt:// address, a device such as /dev/video0, or a file",
        )
    if kind == "file":
        return Address("file", text[len(scheme) + 3 :])
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise SourceError(
            f"{mask(text)}: is no address", hint="write it as scheme://user:password@host:port/path"
        ) from None
    if kind == "mpegts":
        if not port:
            raise SourceError(f"{mask(text)}: has no port", hint="write udp://0.0.0.0:PORT, or udp://GROUP:PORT")
    elif not host:
        raise SourceError(f"{mask(text)}: names no host", hint="write it as scheme://user:password@host:port/path")
    if kind == "http" and parts.path.lower().endswith(_PLAYLIST):
        kind = "hls"
    return Address(kind, text)


def mask(text: str) -> str:
    """The text with *** in place of the login of any address in it, and of what looks like a token or password."""
    return starred(text, secret_places(text))


def secret_places(text: str) -> Iterator[tuple[int, int]]:
    """Where secrets stand in a text, as far as their places tell."""
    for pattern in _SECRET_PLACES:
        for match in pattern.finditer(text):
            if match["secret"]:
                yield match.span("secret")


def starred(text: str, places: Iterable[tuple[int, int]]) -> str:
    """The text with *** in these places, which may overlap."""
    kept, end = [], 0
    for first, last in sorted(places):
        if last <= end:
            continue
        if first >= end:  # else it overlaps the one before, and its *** stands already
            kept += [text[end:first], MASK]
        end = last
    return "".join([*kept, text[end:]])
