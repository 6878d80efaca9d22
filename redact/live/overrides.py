"""Keys said by the environment: REDACT_CAMERAS__YARD__SOURCE is the key cameras.yard.source.

Two underscores part the levels, capitals and - do not matter: REDACT_CAMERAS__FRONT_DOOR__STYLE is of the camera
front-door, Front-Door or front_door. One that the file does not have is made, in small letters.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from redact.errors import ConfigError
from redact.live.faults import Fault
from redact.live.keys import CameraKeys, Defaults, Http, fields_of, inner_of
from redact.live.said import Origin, Said
from redact.yaml_file import Keys, nearest, parse_value

PREFIX = "REDACT_"
SECTIONS: dict[str, type[BaseModel]] = {"http": Http, "defaults": Defaults, "cameras": CameraKeys}


def overrides(said: Said, environ: Mapping[str, str]) -> Iterator[Fault]:
    """Say what the environment says in place of what the file does. Yields what is wrong with it."""
    for variable in sorted(environ):
        section, *parts = variable.removeprefix(PREFIX).lower().split("__")
        if not variable.startswith(PREFIX) or section not in SECTIONS or not parts:
            continue  # other programs' and other purposes' variables: REDACT_MODELS
        try:
            keys, field = _found(said, section, parts)
            said.put(keys, _meant(environ[variable], field, variable), Origin(variable, ""))
        except ConfigError as error:
            yield Fault(variable, "", str(error), error.hint)


def variable_of(keys: Keys) -> str:
    """The variable that says a key."""
    return PREFIX + "__".join(str(key).upper().replace("-", "_") for key in keys)


def _found(said: Said, section: str, parts: list[str]) -> tuple[Keys, FieldInfo]:
    kind: Any = SECTIONS[section]
    keys = [section]
    if section == "cameras":
        if len(parts) < 2:
            raise ConfigError("names no key of a camera", hint="for example REDACT_CAMERAS__YARD__SOURCE")
        keys.append(_camera(said, parts.pop(0)))
    for depth, part in enumerate(parts):
        fields = fields_of(kind)
        if part not in fields:
            raise ConfigError(f"{part}: no such key", hint=nearest(part, fields))
        keys.append(part)
        field = fields[part]
        if depth + 1 < len(parts):
            kind = inner_of(field)
            if kind is None:
                raise ConfigError(f"{part} has no keys below it", hint=f"for example {variable_of(tuple(keys))}")
    return tuple(keys), field


def _camera(said: Said, written: str) -> str:
    cameras = said.values.get("cameras")
    names = [name for name in cameras if plain(name) == written] if isinstance(cameras, dict) else []
    return names[0] if names else written


def plain(name: str) -> str:
    """A camera's name as a variable has it, in small letters."""
    return name.lower().replace("-", "_")


def _meant(text: str, field: FieldInfo, variable: str) -> Any:
    """A variable's text as the field has it: as it stands if that is a value, else as YAML says it."""
    if field.annotation in (str, str | None) and text:
        return text
    if text[:1] not in ("[", "{"):
        kind: Any = typing.Annotated[field.annotation or Any, field]
        adapter: TypeAdapter[Any] = TypeAdapter(kind)
        try:
            adapter.validate_python(text)
        except ValidationError:
            pass
        else:
            return text
    return parse_value(text, variable)[0]
