"""``redact.yml`` written out: the reference with every key, and what is in effect with where it comes from."""

from __future__ import annotations

import json
import re
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from redact.live.config import Reading
from redact.live.keys import CameraKeys, Defaults, Hls, Http, Record, Unit, fields_of, inner_of
from redact.live.said import Said
from redact.live.secrets import mask
from redact.policy import Policy, settings
from redact.units import duration, size
from redact.yaml_file import Keys, parse_value

WIDTH = 110  # columns of a comment

HEAD = """\
# redact.yml: the cameras, and how each is covered. Every key is here, with what it does and its default.
#
#   redact serve -c redact.yml          run it; a changed file is read again, a faulty one refused
#   redact config check redact.yml      every fault, with its line
#   redact config show redact.yml       what is in effect, and where each value comes from
#
# Secrets stay out of this file: ${NAME} is the environment variable NAME, or else the file NAME in
# $CREDENTIALS_DIRECTORY (systemd's LoadCredential=, /run/secrets of containers). $$ is one dollar.
# Every key can be said by the environment too: REDACT_DEFAULTS__STYLE=solid, REDACT_CAMERAS__YARD__SOURCE=rtsp://...
# ({name} in capitals, - as _). Times are 400ms, 60s, 10m, 12h, 7d or 2w, sizes 500MB or 200GB.
#
# Written by `redact config example`; a test keeps it as the program is.
"""
CAMERAS = """\
# The cameras, by name: letters and digits, single - or _ between them. Each has the keys of defaults:, and source.
cameras:
  # To try without a camera: a file in a loop, at its own pace. Look at http://127.0.0.1:9110/
  lobby:
    # {source}
    source: samples/lobby.mp4
    loop: true
  # yard:
  #   source: rtsp://${CAM_USER}:${CAM_PASS}@10.0.0.5/Streaming/Channels/101    # Hikvision
  #   publish: rtsp://127.0.0.1:8554/yard
  #   record: {path: /var/lib/redact, keep: 7d, keep_size: 200GB}
  #   hls: {path: /run/redact/yard}
  #   always: [[0.0, 0.0, 0.3, 0.0, 0.3, 0.4, 0.0, 0.4]]
  #   schedule: {outside: ["mon-fri 08:00-18:00"], timezone: Europe/Vienna}
  # gate:
  #   source: rtsp://${CAM_USER}:${CAM_PASS}@10.0.0.6/cam/realmonitor?channel=1&subtype=0    # Dahua
  #   style: solid
"""
_SAID = {  # what stands in the reference where the default is none
    "token": "${REDACT_TOKEN}",
    "always": "[[0.0, 0.0, 0.3, 0.0, 0.3, 0.4, 0.0, 0.4]]",
    "never": "[[0.6, 0.1, 0.9, 0.1, 0.9, 0.5, 0.6, 0.5]]",
    "publish": "rtsp://127.0.0.1:8554/{name}",
    "keep": "7d",
    "keep_size": "200GB",
    "outside": '["mon-fri 08:00-18:00", "sat 22:00-06:00"]',
    "timezone": "Europe/Vienna",
}
_PATHS: dict[type, str] = {Record: "/var/lib/redact", Hls: "/run/redact/{name}"}
_HELP = {  # of what is no model's field
    "outside": "Hours of the week in which people are detected as usual; days may be left out.",
    "timezone": "Whose clock: a name of the time zone database. It must be said: a container's clock is often UTC.",
    "cover": "What happens in all other hours.",
}


def reference() -> str:
    """The text of ``redact.yml``: every key with its help and default."""
    lines = [HEAD, *_section("http", Http), "", *_section("defaults", Defaults), ""]
    source = CameraKeys.model_fields["source"].description or ""
    return "\n".join(lines) + "\n" + CAMERAS.replace("{source}", source)


def effective(reading: Reading) -> Iterator[str]:
    """What is in effect, as YAML with the origin of every value behind it. Secrets are masked."""
    service = reading.service
    if service is None:
        return
    yield "http:"
    yield from _in_effect(Http, service.http.model_dump(), reading.http, 1)
    yield "cameras:"
    for name, said in reading.cameras.items():
        yield f"  {name}:"
        values = CameraKeys.model_validate(said.values).model_dump()
        ordered = sorted(values, key=lambda key: (key != "source", key not in settings(Policy)))
        yield from _in_effect(CameraKeys, {key: values[key] for key in ordered}, said, 2)


def spelled(value: Any, unit: str = "") -> str:
    """A value as YAML has it, on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {spelled(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(spelled(item) for item in value)}]"
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if unit:
        return duration(value) if unit == "s" else size(value)
    if not isinstance(value, str):
        return f"{value:g}" if isinstance(value, float) else str(value)
    plain = re.fullmatch(r"[A-Za-z0-9/$][^\[\]{},#\"'&*!|>%@`]*[^\[\]{},:#\"'&*!|>%@`\s]|[A-Za-z]", value)
    if plain and ": " not in value and parse_value(value, "")[0] == value:
        return value
    return json.dumps(value, ensure_ascii=False)


def _section(name: str, kind: type[BaseModel]) -> Iterator[str]:
    help = {"defaults": "What holds for every camera that does not say otherwise.", "http": "Health and looks."}
    yield f"# {help[name]}"
    yield f"{name}:"
    # what is covered before what becomes of it
    for key, field in sorted(kind.model_fields.items(), key=lambda item: item[0] not in settings(Policy)):
        yield from _entry(key, field, kind, "  ")


def _entry(key: str, field: FieldInfo, kind: type, indent: str) -> Iterator[str]:
    """One key with its help; commented out where its default is nothing."""
    inner = inner_of(field)
    yield from _comment(f"{field.description or _HELP[key]}{_may_be(field)}", indent)
    if inner is not None:
        yield f"{indent}# {key}:"
        for name, below in fields_of(inner).items():
            yield from _entry(name, below, inner, f"{indent}#   ")
        return
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    if key == "path":
        yield f"{indent}{key}: {_PATHS[kind]}"
    elif key in _SAID and not default:
        commented = "" if "#" in indent and field.is_required() else "# "
        yield f"{indent}{commented}{key}: {_SAID[key]}{'' if field.is_required() else '    # default: none'}"
    else:
        yield f"{indent}{key}: {spelled(_auto(key, default), unit_of(field))}"


def _auto(key: str, default: Any) -> Any:
    return "auto" if key == "every" and default is None else default


def _may_be(field: FieldInfo) -> str:
    """The words that a key may be, or its range."""
    words = [word for word in _words(field.annotation) if isinstance(word, str)]
    if len(words) > 1:
        several = typing.get_origin(field.annotation) is tuple
        return f" {'Some' if several else 'One'} of: {', '.join(words)}."
    bounds = {type(item).__name__: item for item in _metadata(field)}
    low, high = getattr(bounds.get("Ge"), "ge", None), getattr(bounds.get("Le"), "le", None)
    unit = unit_of(field)
    if low is None:
        return ""
    if high is None:
        return f" At least {spelled(low, unit)}."
    return f" From {spelled(low, unit)} to {spelled(high, unit)}."


def _words(annotation: Any) -> Iterator[Any]:
    if typing.get_origin(annotation) is typing.Literal:
        yield from typing.get_args(annotation)
    else:
        for part in typing.get_args(annotation):
            yield from _words(part)


def unit_of(field: FieldInfo) -> str:
    """ "s" where a key is a time, "B" where it is a size."""
    return next((item.sign for item in _metadata(field) if isinstance(item, Unit)), "")


def _metadata(field: FieldInfo) -> Iterator[Any]:
    yield from field.metadata
    yield from _annotated(field.annotation)


def _annotated(annotation: Any) -> Iterator[Any]:
    yield from getattr(annotation, "__metadata__", ())
    for part in typing.get_args(annotation):
        yield from _annotated(part)


def _comment(text: str, indent: str) -> Iterator[str]:
    line = ""
    for word in text.split():
        if line and len(indent) + len(line) + len(word) + 3 > WIDTH:
            yield f"{indent}# {line}"
            line = ""
        line = f"{line} {word}".strip()
    yield f"{indent}# {line}"


def _in_effect(kind: type[BaseModel], values: Mapping[str, Any], said: Said, depth: int) -> Iterator[str]:
    indent = "  " * depth
    for key, value in values.items():
        yield from _line(kind.model_fields[key], (key,), value, said, indent)


def _line(field: FieldInfo, keys: Keys, value: Any, said: Said, indent: str) -> Iterator[str]:
    inner = inner_of(field)
    if inner is not None and isinstance(value, dict):
        yield f"{indent}{keys[-1]}:"
        for key, below in value.items():
            yield from _line(fields_of(inner)[key], (*keys, key), below, said, f"{indent}  ")
        return
    if keys[-1] in ("always", "never"):
        value = [[number for corner in polygon for number in corner] for polygon in value]
    written = spelled(_auto(str(keys[-1]), value), unit_of(field))
    shown = "***" if keys == ("token",) and value else mask(written)
    origin = said.origins.get(keys)
    text = f"{indent}{keys[-1]}: {shown}"
    yield f"{text:<60}  # {origin.place if origin else 'default'}"
