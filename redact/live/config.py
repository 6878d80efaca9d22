"""The cameras and how each is treated, as ``redact.yml`` says it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from redact.policy import Policy


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Record(_Model):
    """Recordings in segments. path: folder. segment, keep: seconds. keep_size: bytes."""

    path: str
    segment: float = 60.0
    keep: float | None = None
    keep_size: int | None = None
    container: Literal["mp4", "mkv"] = "mp4"


class Hls(_Model):
    """A playlist for browsers. path: folder."""

    path: str


class Http(_Model):
    """Where health, metrics and the status page are served. token: asked for from anywhere but loopback."""

    listen: str = "127.0.0.1:9110"
    token: str | None = None


class Camera(_Model):
    """One camera, ready for its worker: secrets filled in, defaults applied."""

    name: str
    source: str
    transport: Literal["tcp", "udp"] = "tcp"
    loop: bool = False
    publish: tuple[str, ...] = ()
    record: Record | None = None
    hls: Hls | None = None
    policy: Policy = Field(default_factory=lambda: Policy(lookahead=0.4))
    on_detector_error: Literal["cover", "stop"] = "cover"


class Service(_Model):
    """Everything that ``redact serve`` runs."""

    http: Http = Http()
    cameras: dict[str, Camera] = {}
