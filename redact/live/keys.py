"""Every key of ``redact.yml``: its type, default, range and help.

Those of ``Policy`` are made from ``redact.policy``, which alone defines them; only the lookahead has another default.
"""

from __future__ import annotations

import dataclasses
import re
from copy import deepcopy
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, cast, get_args, get_type_hints
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    create_model,
)
from pydantic.fields import FieldInfo

from redact.errors import ConfigError, SourceError
from redact.live.schedule import Schedule
from redact.live.secrets import mask, remember, remember_address
from redact.media.addresses import address_of
from redact.media.live_encoder import CRF, PRESET
from redact.policy import LIVE_LOOKAHEAD, Policy, Setting, parse_polygon, settings
from redact.units import bytes_of, seconds

NAME = r"[A-Za-z0-9]+(?:[_-][A-Za-z0-9]+)*"  # fit for a folder, a metric's label and, in capitals, a variable
LONGEST_NAME = 64

SHORTEST_TOKEN = 16  # signs: what nobody guesses at a hundred tries a second
PUBLISHED = ("rtsp", "rtsps")
Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"]


def _seconds(value: Any) -> Any:
    return seconds(value) if isinstance(value, str) else value


def _bytes(value: Any) -> Any:
    return bytes_of(value) if isinstance(value, str) else value


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _words(value: Any) -> Any:
    return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value


def _auto(value: Any) -> Any:
    return None if value == "auto" else value


def _polygons(value: Any) -> Any:
    return [_polygon(item) for item in value] if isinstance(value, list) else value


def _polygon(value: Any) -> Any:
    """[0, 0, 1, 0, 1, 1] or '0,0,1,0,1,1' as corners; corners as they are."""
    if isinstance(value, list) and value and not any(isinstance(item, list | tuple) for item in value):
        if any(isinstance(item, bool) or not isinstance(item, int | float) for item in value):
            raise ConfigError("a polygon's corners are not numbers", hint="[X,Y,X,Y,X,Y,...] each 0..1")
        value = ",".join(repr(item) for item in value)
    return parse_polygon(value) if isinstance(value, str) else value


def _source(value: str) -> str:
    _one_word(value, "source")
    try:
        address_of(value)
    except SourceError as error:
        raise ConfigError(str(error), hint=error.hint) from None
    return value


def _publish(value: tuple[str, ...]) -> tuple[str, ...]:
    for address in value:
        _one_word(address, "publish")
        try:
            parts = urlsplit(address)
            known = parts.scheme in PUBLISHED and parts.hostname and (parts.port or True)
        except ValueError:
            known = False
        if not known:
            raise ConfigError(
                f"{mask(address)}: cannot be published to",
                hint="an address as rtsp://127.0.0.1:8554/NAME; @ and / in a password are %40 and %2F",
            )
    if len(set(value)) < len(value):
        raise ConfigError("an address is there twice", hint="leave one out")
    return value


def _one_word(value: str, what: str) -> None:
    if not value or ("://" in value and re.search(r"\s", value)):
        raise ConfigError(
            f"{what}: {'is empty' if not value else 'an address with a blank in it'}", hint="name one address"
        )


def _folder(value: str) -> str:
    if not value.strip() or "\0" in value or PurePosixPath(value) == PurePosixPath("/"):
        raise ConfigError(f"{value!r} is no folder to write to", hint="for example /var/lib/redact")
    return value


def _listen(value: str) -> str:
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.%]+\]|[^\s:\[\]]*):(\d{1,5})", value)
    if match is None or int(match[2]) > 65535:
        raise ConfigError(f"{value!r} is not HOST:PORT", hint="for example 127.0.0.1:9110")
    return value


_DIGITS = r"^[0-9]+(\.[0-9]+)? ?"


@dataclass(frozen=True, slots=True)
class Unit:
    """Of a number that is written with its unit: "s" for times, "B" for sizes."""

    sign: Literal["s", "B"]


@dataclass(frozen=True, eq=False)
class Written:
    """How a key's value is written, as JSON Schema. Copied: pydantic before 2.11 writes into what it is given."""

    schema: dict[str, Any]

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        return deepcopy(self.schema)


Seconds = Annotated[
    StrictFloat,
    Unit("s"),
    BeforeValidator(_seconds),
    Written({"anyOf": [{"type": "string", "pattern": f"{_DIGITS}(ms|s|m|h|d|w)$"}, {"type": "number"}]}),
]
"""Seconds, written as 400ms, 60s or 7d."""
Bytes = Annotated[
    StrictInt,
    Unit("B"),
    BeforeValidator(_bytes),
    Written({"anyOf": [{"type": "string", "pattern": f"{_DIGITS}([kKMGTmgt][iI]?)?[bB]$"}, {"type": "integer"}]}),
]
"""Bytes, written as 200GB."""
Folder = Annotated[str, AfterValidator(_folder)]
Polygons = Annotated[
    tuple[tuple[tuple[float, float], ...], ...],
    BeforeValidator(_polygons),
    Written({"type": "array", "items": {"type": "array", "minItems": 6, "items": {"type": "number"}}}),
]
Addresses = Annotated[
    tuple[str, ...],
    BeforeValidator(_listed),
    Written({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)

    def __repr__(self) -> str:
        return mask(super().__repr__())

    def __str__(self) -> str:
        return mask(super().__str__())


class Record(_Model):
    """Recordings in segments. path: folder. segment, keep: seconds. keep_size: bytes."""

    path: Folder = Field(description="Folder; files go to PATH/CAMERA/YEAR/MONTH/DAY/.")
    segment: Seconds = Field(default=60.0, ge=1, le=86400, description="Length of one file.")
    keep: Seconds | None = Field(
        default=None, ge=60, description="Files older than this are deleted; null: none are."
    )
    keep_size: Bytes | None = Field(
        default=None, ge=1_000_000, description="Beyond this the camera's oldest files are deleted; null: none are."
    )
    container: Literal["mp4", "mkv"] = Field(default="mp4", description="Kind of file.")


class Hls(_Model):
    """A playlist for browsers. path: folder."""

    path: Folder = Field(description="Folder of index.m3u8 and its pieces; a file system in memory is best.")


class Http(_Model):
    """Where health, metrics and the status page are served. token: asked for from anywhere but loopback."""

    listen: Annotated[str, AfterValidator(_listen)] = Field(
        default="127.0.0.1:9110", description="HOST:PORT of /livez, /readyz, /metrics and the status page."
    )
    token: str | None = Field(
        default=None,
        min_length=SHORTEST_TOKEN,
        description="Asked of whoever is on another machine; needed for that.",
    )


class Treatment(_Model):
    """What ``defaults:`` and every camera may say, besides the settings of ``Policy``."""

    transport: Literal["tcp", "udp"] = Field(default="tcp", description="How RTSP carries the pictures.")
    loop: StrictBool = Field(default=False, description="Play a file again and again, to try things out.")
    publish: Addresses = Field(
        default=(), description="Where the covered stream is sent: an RTSP address, or a list of them."
    )
    record: Record | None = Field(default=None, description="Recordings of the covered stream.")
    hls: Hls | None = Field(default=None, description="The covered stream for browsers.")
    crf: StrictInt = Field(default=CRF, ge=0, le=51, description="Quality of H.264, lower is better and larger.")
    preset: Preset = Field(
        default=cast(Preset, PRESET), description="x264's preset: slower ones are smaller and cost more."
    )
    schedule: Schedule | None = Field(default=None, description="Hours outside which everything is covered.")
    on_detector_error: Literal["cover", "stop"] = Field(
        default="cover", description="When detection fails: cover frames whole, or show no more of them."
    )
    no_frame: Seconds = Field(
        20.0, ge=2, le=3600, description="Without a frame for so long a camera is started anew."
    )
    max_age: Seconds = Field(
        default=5.0, ge=1, le=3600, description="As when the newest frame sent is older than this."
    )
    max_memory: Bytes = Field(
        default=1_000_000_000, ge=200_000_000, description="As when the camera's process takes more memory than this."
    )


def _keys() -> dict[str, Any]:
    """The settings of ``Policy`` as fields, with their types, defaults, ranges and help."""
    field: Any = Field
    return {
        name: (
            _type(name, setting, default),
            field(default=_default(name, default), description=_help(name, setting), **_range(setting)),
        )
        for name, (setting, default) in settings(Policy).items()
    }


def _default(name: str, default: Any) -> Any:
    return LIVE_LOOKAHEAD if name == "lookahead" else default


def _help(name: str, setting: Setting) -> str:
    return (
        f"{setting.help} A camera's viewers see everything that much later." if name == "lookahead" else setting.help
    )


def _range(setting: Setting) -> dict[str, float]:
    return {sign: bound for sign, bound in (("ge", setting.low), ("le", setting.high)) if bound is not None}


def _type(name: str, setting: Setting, default: Any) -> Any:
    if name in ("lookahead", "hold"):
        return Seconds
    if name == "every":
        schema = {"anyOf": [{"const": "auto"}, {"type": "integer"}, {"type": "null"}]}
        return Annotated[StrictInt | None, BeforeValidator(_auto), Written(schema)]
    if name in ("threshold", "grow"):
        return StrictFloat | None
    if isinstance(default, tuple):
        if not setting.choices:
            return Polygons
        several: Any = tuple
        return Annotated[several[_one_of(setting.choices), ...], BeforeValidator(_words)]
    if setting.choices:
        return _one_of(setting.choices)
    return {bool: StrictBool, int: StrictInt, float: StrictFloat}.get(type(default), str)


def _one_of(words: tuple[str, ...]) -> Any:
    literal: Any = Literal
    return literal[words]


_Name = Annotated[str, Field(pattern=f"^{NAME}$", max_length=LONGEST_NAME)]
_cameras: Any = dict

Defaults: type[Treatment] = create_model(
    "Defaults",
    __base__=Treatment,
    publish=(Annotated[Addresses, AfterValidator(_publish)], Treatment.model_fields["publish"]),
    **_keys(),
)
"""``defaults:``, and what a camera may say otherwise."""


CameraKeys: type[Treatment] = create_model(
    "CameraKeys",
    __base__=Defaults,
    source=(
        Annotated[str, AfterValidator(_source)],
        Field(description="Camera or file: rtsp://, http:// (MJPEG, HLS), udp://, srt://, /dev/video0, or a path."),
    ),
)
"""One camera under ``cameras:``."""


class Camera(Treatment):
    """One camera, ready for its worker: secrets filled in, defaults applied, seconds and bytes.

    secrets: values that whoever has the camera masks; making one remembers them.
    """

    name: Annotated[str, Field(pattern=f"^{NAME}$", max_length=LONGEST_NAME)]
    source: str
    policy: Policy = Field(default_factory=lambda: Policy(lookahead=LIVE_LOOKAHEAD))
    secrets: tuple[str, ...] = Field(default=(), repr=False)

    def model_post_init(self, _context: Any, /) -> None:
        remember(self.secrets)
        for address in (self.source, *self.publish):
            remember_address(address)


class Service(_Model):
    """Everything that ``redact serve`` runs."""

    http: Http = Http()
    cameras: dict[str, Camera] = {}


File: type[_Model] = create_model(
    "File",
    __base__=_Model,
    http=(Http, Field(default=Http(), description="Health, metrics and the status page.")),
    defaults=(
        Defaults,
        Field(default_factory=Defaults, description="What holds for every camera that does not say otherwise."),
    ),
    cameras=(
        _cameras[_Name, CameraKeys],
        Field(description="The cameras, by name: letters, digits, and single - or _ between them."),
    ),
)
"""The whole of ``redact.yml``."""


def fields_of(kind: Any) -> dict[str, FieldInfo]:
    """The fields of a model or of a data class, by name."""
    if issubclass(kind, BaseModel):
        fields: dict[str, FieldInfo] = kind.model_fields
        return fields
    hints = get_type_hints(kind)
    return {
        item.name: FieldInfo.from_annotation(hints[item.name])
        if item.default is dataclasses.MISSING
        else FieldInfo.from_annotated_attribute(hints[item.name], item.default)
        for item in dataclasses.fields(kind)
    }


def inner_of(field: FieldInfo) -> Any:
    """What has keys of its own below a key: a model, a data class, or None."""
    for kind in (*get_args(field.annotation), field.annotation):
        if isinstance(kind, type) and (issubclass(kind, BaseModel) or dataclasses.is_dataclass(kind)):
            return kind
    return None


def policy_of(keys: Treatment) -> Policy:
    """The policy among a camera's keys. Raises ConfigError where its settings do not fit together."""
    return Policy(**{name: getattr(keys, name) for name in settings(Policy)})


def schema_of_file() -> dict[str, Any]:
    """The JSON Schema of ``redact.yml``."""
    schema = File.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "written by `redact config schema`",
        **schema,
        "title": "redact.yml",
        "description": "The cameras, and how each is covered.",
    }
