"""Live sources: cameras, devices, streams, and files played as if they were one.

What a camera says of time is repaired (``live_clock``). What the decoder is not sure of is marked as damaged, so
that it is covered whole; nothing before the first key frame is delivered at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from redact.frames import Frame, VideoInfo
from redact.media.addresses import Transport, address_of
from redact.media.damage import Damage
from redact.media.played import Played
from redact.media.wire import Wire


class LiveSource(Protocol):
    """A live source: a context manager that iterates over its frames once, each as soon as it is there.

    info: what is known of the video, once it is open. damage: what was found wrong so far. Times are in units of
    ``packets.TIME_BASE``, from 0 on. Iterating raises StreamLost when frames stop coming, or become of another size
    or codec: open it anew. A file without ``loop`` just ends.
    """

    @property
    def info(self) -> VideoInfo: ...

    @property
    def damage(self) -> Damage: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def __iter__(self) -> Iterator[Frame]: ...

    def close(self) -> None:
        """Stop; safe to call twice. Where another thread is iterating, that ends within its time limit."""


def open_live(
    address: str | os.PathLike[str], *, transport: Transport = "tcp", loop: bool = False, timeout: float = 10.0
) -> LiveSource:
    """Open a camera, a device, a stream or a file played at its own pace, and wait for its first picture.

    transport: of RTSP. loop: begin a file again when it ends. timeout: seconds without data after which a source
    is lost. Raises SourceError, whose hint says what to do, and StreamLost where a source is there but sends nothing.
    """
    named = address_of(address)
    if named.kind == "file":
        return Played(Path(named.text), loop=loop)
    return Wire(named, transport=transport, timeout=timeout)
