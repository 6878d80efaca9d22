"""A policy in a file: the settings of ``Policy`` and ``Encoding`` by name, and under ``record`` who and why.

Names, defaults and ranges are those of ``policy``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from redact.custody import GROUNDS, Custody, Reason
from redact.errors import ConfigError
from redact.policy import Encoding, Policy, Setting, parse_polygon, settings
from redact.units import seconds
from redact.yaml_file import Keys, YamlFile, dotted, nearest, read_yaml

MAX_TEXT = 500  # characters of a name, a reference or a statute
_FRAME = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
_EMPTY: dict[str, type] = {
    "threshold": float,
    "crf": int,
    "grow": float,
}  # settings whose default is None, and that are no text
_WORDS: dict[type, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
_EXAMPLES: dict[type, str] = {
    bool: "allow_weak: true",
    int: "min_face: 16",
    float: "grow: 1.3",
    str: "color: '#202020', in quotes",
}


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """What a file says. policy, encoding: values by setting, of those that it names. custody: who and why."""

    policy: Mapping[str, Any] = field(default_factory=dict)
    encoding: Mapping[str, Any] = field(default_factory=dict)
    custody: Custody = field(default_factory=Custody)


def read_policy_file(path: str | os.PathLike[str]) -> PolicyFile:
    """A policy file. Raises ConfigError: one line with file, line and what is wrong."""
    file = read_yaml(path)
    known = (*settings(Policy), *settings(Encoding), "record")
    _only(file, (), file.values, known)
    policy, encoding = (
        values_of(file, (), {key: file.values[key] for key in settings(kind) if key in file.values}, kind)
        for kind in (Policy, Encoding)
    )
    return PolicyFile(policy, encoding, _custody(file))


def values_of(
    file: YamlFile, keys: Keys, said: Mapping[str, Any], kind: type[Policy] | type[Encoding]
) -> dict[str, Any]:
    """What a mapping of a file says, as the values that the settings of ``kind`` have; each is checked by itself.

    keys: where in the file the mapping stands. Raises ConfigError.
    """
    _only(file, keys, said, settings(kind))
    values = {}
    for key, value in said.items():
        try:
            values[key] = _value(key, value, *settings(kind)[key])
            kind(**_alone(kind, key, values[key]))
        except ConfigError as error:
            raise ConfigError(f"{file.place((*keys, key))}: {error}", hint=error.hint) from None
    return values


def _alone(kind: type[Policy] | type[Encoding], key: str, value: Any) -> dict[str, Any]:
    """What makes one value stand or fall by itself: whether a policy is safe only its whole tells."""
    return {"allow_weak": True, "always": (_FRAME,), key: value} if kind is Policy else {key: value}


def _value(key: str, said: Any, setting: Setting, default: Any) -> Any:
    if key in _READ:
        return _READ[key](said)
    wanted = _EMPTY.get(key, str) if default is None else type(default)
    if said is None and default is None:
        return None
    if wanted is float and type(said) is int:
        return float(said)
    if type(said) is not wanted:
        hint = f"one of {', '.join(setting.choices)}" if setting.choices else f"for example {_EXAMPLES[wanted]}"
        raise ConfigError(f"{key}: {_shown(said)} is not {_WORDS[wanted]}", hint=hint)
    return said


def _find(said: Any) -> tuple[str, ...]:
    words = said.split(",") if isinstance(said, str) else _list("find", said)
    if not all(isinstance(word, str) for word in words):
        raise ConfigError("find: is not a list of words", hint="for example find: [face, person]")
    return tuple(word.strip() for word in words if word.strip())


def _polygons(said: Any) -> tuple[Any, ...]:
    return tuple(_polygon(item) for item in _list("a list of polygons", said))


def _polygon(said: Any) -> Any:
    """'0,0,1,0,1,1', [0, 0, 1, 0, 1, 1] or [[0, 0], [1, 0], [1, 1]]."""
    if isinstance(said, str):
        return parse_polygon(said)
    numbers = [part for item in _list("a polygon", said) for part in (item if isinstance(item, list) else [item])]
    for number in numbers:
        if type(number) not in (int, float):
            raise ConfigError(f"a polygon has {_shown(number)}", hint="corners are numbers, 0..1")
    return parse_polygon(",".join(map(repr, numbers)))


def _every(said: Any) -> int | None:
    if said in ("auto", None):
        return None
    if type(said) is not int:
        raise ConfigError(f"every: {_shown(said)} is neither a number nor auto", hint="for example every: 2")
    return said


def _seconds(key: str) -> Callable[[Any], float]:
    def read(said: Any) -> float:
        if type(said) in (int, float):
            return float(said)
        if not isinstance(said, str):
            raise ConfigError(f"{key}: {_shown(said)} is no duration", hint="seconds as 0.4, or 400ms, 2s, 1m")
        try:
            return seconds(said)
        except ConfigError as error:
            raise ConfigError(f"{key}: {error}", hint=error.hint) from None

    return read


_READ: dict[str, Callable[[Any], Any]] = {
    "find": _find,
    "always": _polygons,
    "never": _polygons,
    "every": _every,
    "lookahead": _seconds("lookahead"),
    "hold": _seconds("hold"),
}


def _custody(file: YamlFile) -> Custody:
    record = _mapping(file, ("record",), file.values.get("record"))
    _only(file, ("record",), record, ("operator", "reference", "reasons"))
    reasons = _mapping(file, ("record", "reasons"), record.get("reasons"))
    _only(file, ("record", "reasons"), reasons, GROUNDS)
    return Custody(
        operator=_text(file, ("record", "operator"), record.get("operator", "")),
        reference=_text(file, ("record", "reference"), record.get("reference", "")),
        reasons={ground: _reason(file, ("record", "reasons", ground), said) for ground, said in reasons.items()},
    )


def _reason(file: YamlFile, keys: Keys, said: Any) -> Reason:
    parts = _mapping(file, keys, said)
    _only(file, keys, parts, ("code", "statute"))
    code, statute = (_text(file, (*keys, part), parts.get(part, "")) for part in ("code", "statute"))
    return Reason(code, statute)


def _text(file: YamlFile, keys: Keys, said: Any) -> str:
    if type(said) in (int, float):  # a code may be a number
        said = str(said)
    if not isinstance(said, str) or len(said) > MAX_TEXT:
        fault = f"more than {MAX_TEXT} characters" if isinstance(said, str) else f"{_shown(said)} is not text"
        raise ConfigError(f"{file.place(keys)}: {dotted(keys)}: {fault}", hint="write it in quotes, on one line")
    return said


def _mapping(file: YamlFile, keys: Keys, said: Any) -> dict[str, Any]:
    if said is None:
        return {}
    if not isinstance(said, dict):
        raise ConfigError(
            f"{file.place(keys)}: {dotted(keys)}: {_shown(said)} where names and values belong",
            hint="docs/record.md has an example",
        )
    return said


def _only(file: YamlFile, keys: Keys, said: Mapping[str, Any], known: Iterable[str]) -> None:
    known = list(known)
    for key in said:
        if key not in known:
            raise ConfigError(
                f"{file.place((*keys, key))}: {dotted((*keys, key))} is not known",
                hint=nearest(key.replace("-", "_"), known),
            )


def _list(what: str, said: Any) -> list[Any]:
    if not isinstance(said, list):
        raise ConfigError(f"{what}: {_shown(said)} is not a list", hint="write it as [a, b]")
    return said


def _shown(said: Any) -> str:
    if said is None:
        return "nothing"
    if isinstance(said, (list, dict)):
        return "a list" if isinstance(said, list) else "a mapping"
    return repr(said)[:60]
