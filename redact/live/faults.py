"""What is wrong with a configuration, in words: where, which key, what, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from redact.errors import ConfigError
from redact.live.said import Said
from redact.live.secrets import mask
from redact.yaml_file import Keys, nearest

LONGEST = 60  # signs of a wrong value that are repeated

_WANTED = {
    "bool_type": ("true or false", "true or false"),
    "int_type": ("a whole number", "a whole number as 16"),
    "float_type": ("a number", "a number as 1.5"),
    "string_type": ("text", "put it in quotes if it is meant as text"),
    "tuple_type": ("a list", "write it as [A, B]"),
    "model_type": ("a mapping", "write KEY: VALUE lines below it"),
    "dict_type": ("a mapping", "write KEY: VALUE lines below it"),
    "dataclass_type": ("a mapping", "write KEY: VALUE lines below it"),
}
_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "less_than_equal": ("le", "at most"),
    "string_too_short": ("min_length", "signs at least:"),
    "string_too_long": ("max_length", "signs at most:"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. place: FILE:LINE or a variable. key: the key's path, where ``place`` does not say it."""

    place: str
    key: str
    text: str
    hint: str

    @property
    def order(self) -> tuple[str, int]:
        """Files before variables, lines by their number."""
        name, _, line = self.place.rpartition(":")
        return (name, int(line)) if line.isdecimal() else (self.place, 0)

    def __str__(self) -> str:
        return mask(": ".join(part for part in (self.place, self.key, self.text) if part))

    @classmethod
    def at(cls, said: Said, keys: Keys, text: str, hint: str) -> Fault:
        """A fault of what was said, or is missing, under a key."""
        origin = said.origin(keys)
        return cls(origin.place, origin.key, mask(text), mask(hint))

    @classmethod
    def of(cls, said: Said, keys: Keys, error: ConfigError) -> Fault:
        """What was raised for a key. Options that it names are keys here."""
        text = re.sub(rf"^{re.escape(str(keys[-1]))}: ", "", str(error)) if keys else str(error)
        return cls.at(said, keys, text, re.sub(r"--([a-z]+(?:-[a-z]+)*)", _key, error.hint))


def faults_of(error: ValidationError, said: Said, kind: type[BaseModel]) -> Iterator[Fault]:
    """What a model found wrong with what was said."""
    for found in error.errors():
        keys: Keys = found["loc"]
        value, context = found["input"], found.get("ctx") or {}
        sort = found["type"]
        if sort in ("extra_forbidden", "unexpected_keyword_argument"):
            yield Fault.at(said, keys, "no such key", nearest(str(keys[-1]), _known(kind, keys[:-1])))
        elif sort == "missing":
            yield Fault.at(said, keys, "is missing", "give it: it has no default")
        elif value is None:
            yield Fault.at(said, keys, "is empty", "give it a value; a # begins a comment unless it is in quotes")
        elif sort == "literal_error":
            choices = re.sub(r"' or '", "', '", str(context["expected"])).replace("'", "")
            yield Fault.at(said, keys, f"{shown(value)} is not known", f"one of {choices}")
        elif sort == "value_error" and isinstance(context.get("error"), ConfigError):
            yield Fault.of(said, keys, context["error"])
        elif sort in _BOUNDS:
            name, words = _BOUNDS[sort]
            bound = context[name]
            what = f"{shown(value)} is out of range" if sort.endswith("equal") else "is too short or too long"
            yield Fault.at(said, keys, what, f"{words} {bound:g}")
        else:
            wanted, example = _WANTED.get(sort, ("what belongs here", str(found["msg"])))
            yield Fault.at(said, keys, f"{shown(value)} is not {wanted}", example)


def shown(value: Any) -> str:
    """A wrong value in a few masked signs."""
    if value is None:
        return "nothing"
    if isinstance(value, list | tuple | dict):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = mask(repr(value))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _key(option: re.Match[str]) -> str:
    return option[1].replace("-", "_")


def _known(kind: type[BaseModel], keys: Keys) -> list[str]:
    """The keys that may stand under a path of a model."""
    properties: dict[str, Any] = kind.model_json_schema()
    definitions = properties.get("$defs", {})
    for key in keys:
        properties = properties["properties"][str(key)]
        for choice in properties.get("anyOf", [properties]):
            if "$ref" in choice:
                properties = definitions[choice["$ref"].rpartition("/")[2]]
    return list(properties["properties"])
