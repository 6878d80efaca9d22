"""What the live commands share: a camera from a command line, and events as lines on stderr."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from redact.cli.console import say
from redact.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from redact.live.board import CameraBoard
    from redact.live.config import Camera

_PLAYLISTS = (".m3u8", ".m3u")
_MISTYPED = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/?(?!/)")  # rtsp:/host or rtsp:host would be a folder


def need_live() -> None:
    """Raises ConfigError where the extra is not installed."""
    try:
        import redact.live.config  # noqa: F401
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"cameras need a package that is not installed: {error.name}", hint='pip install "redact[live]"'
        ) from error


def camera_of(
    name: str, source: str, sinks: Sequence[str], environ: Mapping[str, str], **keys: Any
) -> tuple[Camera, bool]:
    """(camera, whether stdout takes its stream). ``${NAME}`` in addresses is filled in. Raises ConfigError."""
    from pydantic import ValidationError

    from redact.live.config import Camera, Hls, Record
    from redact.live.keys import LONGEST_NAME, NAME
    from redact.live.secrets import mask, resolve
    from redact.shown_text import shown

    if not re.fullmatch(NAME, name) or len(name) > LONGEST_NAME:
        raise ConfigError(
            f"--name {shown(name)}: is no name of a camera",
            hint=f"letters and digits, single - or _ between them, {LONGEST_NAME} at most",
        )
    source = resolve(source, environ)
    _there(source)
    publish: list[str] = []
    record: Record | None = None
    hls: Hls | None = None
    stdout = False
    for sink in sinks:
        path = PurePath(sink)
        if _MISTYPED.match(sink):
            raise ConfigError(f"{_hidden(sink)}: is no address", hint="as rtsp://127.0.0.1:8554/NAME")
        if sink == "-":
            stdout = True
        elif "://" in sink:
            if not sink.startswith(("rtsp://", "rtsps://")):
                raise ConfigError(f"{mask(sink)}: cannot be published to", hint="as rtsp://127.0.0.1:8554/NAME")
            publish.append(resolve(sink, environ))
        elif path.suffix.lower() in _PLAYLISTS:
            if path.name != "index.m3u8":
                raise ConfigError(f"{sink}: the playlist is index.m3u8", hint=f"name {path.parent / 'index.m3u8'}")
            _once(hls, "HLS")
            hls = Hls(path=os.path.abspath(path.parent))
        elif path.suffix:
            raise ConfigError(
                f"{sink}: recordings are files in a folder, one a minute",
                hint=f"name the folder, for example {path.with_suffix('')}/",
            )
        else:
            _once(record, "recordings")
            record = Record(path=os.path.abspath(sink))
    try:
        camera = Camera(name=name, source=source, publish=tuple(publish), record=record, hls=hls, **keys)
    except ValidationError as error:
        raise ConfigError(str(error.errors()[0]["msg"])) from None
    return camera, stdout


def _there(source: str) -> None:
    """Raises SourceError for what is no address, and for a file that is not there: nobody will bring it."""
    from redact.media.addresses import address_of

    address = address_of(source)
    if address.kind == "file" and not os.path.isfile(address.text):
        raise SourceError(
            f"{_hidden(address.text)}: no such file", hint="name a camera's address, a device or a video file"
        )


def _hidden(text: str) -> str:
    """What was meant for an address may hold a login wherever an @ is."""
    from redact.live.secrets import mask

    before, at, after = text.rpartition("@")
    return mask(f"***@{after}" if at and before else text)


def _once(sink: object, what: str) -> None:
    if sink is not None:
        raise ConfigError(f"two folders for {what}", hint="name one, or use redact serve")


@contextlib.contextmanager
def own_stdout(wanted: bool) -> Iterator[int | None]:
    """A descriptor for the covered stream. Whatever is printed meanwhile goes to stderr and spoils nothing."""
    if not wanted:
        yield None
        return
    sys.stdout.flush()
    descriptor = os.dup(1)
    os.dup2(2, 1)
    try:
        yield descriptor
    finally:
        os.dup2(descriptor, 1)
        os.close(descriptor)


class _Events(logging.Handler):
    """One line an event, with its time unless the journal stamps it."""

    def __init__(self, stamped: bool) -> None:
        super().__init__()
        self._stamped = stamped

    def emit(self, record: logging.LogRecord) -> None:
        from redact.live.secrets import mask

        stamp = time.strftime("%Y-%m-%dT%H:%M:%S ", time.localtime(record.created)) if self._stamped else ""
        with contextlib.suppress(OSError, ValueError):  # a full disk or a closed terminal must end no camera
            say(f"{stamp}{record.levelname.lower()}: {mask(record.getMessage())}")


def log_events(quiet: bool, verbose: bool) -> None:
    """Show what happens to cameras, secrets masked: a line an event."""
    logger = logging.getLogger("redact")
    logger.handlers = [_Events(stamped="JOURNAL_STREAM" not in os.environ)]
    logger.setLevel(logging.ERROR if quiet else logging.DEBUG if verbose else logging.INFO)
    logger.propagate = False


def summary(camera: CameraBoard) -> str:
    """What became of a camera, in a line."""
    status = camera.status
    if status is None or not status.frames_in:
        return f"{camera.name}: no frame came" + (f": {status.fault}" if status and status.fault else "")
    whole = sum(status.whole.values())
    parts = [f"{status.frames_in} frames came", f"{status.frames_out} went out covered"]
    if whole:
        reasons = ", ".join(f"{count} {reason}" for reason, count in status.whole.items())
        parts.append(f"{whole} of them whole ({reasons})")
    if status.dropped:
        parts.append(f"{status.dropped} were dropped")
    if camera.restarts:
        parts.append(f"{camera.restarts} restarts")
    return f"{camera.name}: {', '.join(parts)}"
