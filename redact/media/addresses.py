"""Addresses of live sources and sinks: of which kind each is, and how one is shown without its secrets."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from redact.errors import SourceError

Kind = Literal["rtsp", "http", "hls", "mpegts", "srt", "device", "file"]
Transport = Literal["tcp", "udp"]

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

_CREDENTIALS = re.compile(
    r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)(?P<rest>[^\s\"'<>|]*)|(?P<coded>\b[a-z][a-z0-9+.-]*%3a%2f%2f)\S*?%40",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?P<name>\b(?:user(?:name)?|usr|login|pass(?:word|wd|phrase)?|pwd|psw|token|auth|apikey|api_key|key|secret"
    r"|sig(?:nature)?)(?:=|%3d))[^&;\s\"'<>]*",
    re.IGNORECASE,
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
    """``text`` with the credentials of every address in it, and values that look like secrets, shown as ``***``."""
    return _NAMED.sub(r"\g<name>***", _CREDENTIALS.sub(_masked, text))


def _masked(match: re.Match[str]) -> str:
    if match["coded"]:
        return f"{match['coded']}***%40"
    scheme, rest = match["scheme"], match["rest"]
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in host.lstrip("@"):
        return f"{scheme}***@{rest[host.rindex('@') + 1 :]}"
    # a password with a slash in it: no address any more, but still a secret
    if "@" in rest and re.search(r":(?!\d+$)", host):
        return f"{scheme}***@{rest[rest.rindex('@') + 1 :]}"
    return f"{scheme}{rest}"
