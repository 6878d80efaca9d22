"""A YAML file as plain values, each with its line: the part of YAML that means what it looks like.

``on``, ``off``, ``yes`` and ``no`` are words, ``12:00``, ``1:30`` and ``017`` are text: only null, true, false
and decimal numbers are anything else. Anchors, tags and second documents are refused, and so is a key given twice.
"""

from __future__ import annotations

import difflib
import os
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from redact.errors import ConfigError

LARGEST = 256 * 1024  # bytes: some hundred cameras; a parser in Python needs seconds for it
DEEPEST = 12  # levels; a configuration has five
LONGEST = 200  # characters of a key: a camera's name at most

Key = str | int
Keys = tuple[Key, ...]

_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"[-+]?(?:[0-9]{1,18}\.[0-9]{0,18}|\.[0-9]{1,18}|[0-9]{1,18}(?=[eE]))([eE][-+]?[0-9]{1,2})?")


@dataclass(frozen=True, slots=True)
class YamlFile:
    """What a file says. values: the mapping it is. lines: the line of every key and list item, by its path."""

    name: str
    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[Keys, int] = field(default_factory=dict)

    def place(self, keys: Keys) -> str:
        """'NAME:LINE' of a key, or of the nearest around it."""
        for length in range(len(keys), 0, -1):
            if keys[:length] in self.lines:
                return f"{self.name}:{self.lines[keys[:length]]}"
        return self.name


def read_yaml(path: str | os.PathLike[str]) -> YamlFile:
    """Read a file. Raises ConfigError, with the line where there is one."""
    name = os.fspath(path)
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no name of a file"
        raise ConfigError(f"{name!r}: cannot be read ({reason})", hint="name a file that is there") from None
    if len(content) > LARGEST:
        raise ConfigError(f"{name}: is larger than {LARGEST // 1024} KiB", hint="is it the right file?")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigError(f"{name}:{line}: is not UTF-8 text", hint="save the file as UTF-8") from None
    return parse_yaml(text, name)


def parse_yaml(text: str, name: str) -> YamlFile:
    """Read a text; ``name`` stands in errors. Raises ConfigError."""
    value, lines = parse_value(text, name)
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise ConfigError(f"{name}: is no mapping of keys to values", hint="write KEY: VALUE lines")
    return YamlFile(name, value, lines)


def parse_value(text: str, name: str) -> tuple[Any, dict[Keys, int]]:
    """Whatever a text says, mapping or not, and the lines in it. Raises ConfigError."""
    builder = _Builder(name)
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{name}:{mark.line + 1}" if mark else name
        hint = "indent with spaces, not with tabs" if "\\t" in str(error.problem) else "put quotes around odd texts"
        raise ConfigError(f"{place}: {error.problem or error.context}", hint=hint) from None
    except yaml.YAMLError as error:  # a character that no text has
        position = getattr(error, "position", 0)
        line = text[:position].count("\n") + 1
        raise ConfigError(f"{name}:{line}: holds a control character", hint="save the file as plain text") from None
    except (ValueError, OverflowError) as error:
        if isinstance(error, ConfigError):
            raise
        # escapes beyond Unicode, version numbers of thousands of digits
        raise ConfigError(f"{name}: is no YAML ({error})", hint="put quotes around odd texts") from None
    return builder.value, builder.lines


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the known word most like this one, or all of them."""
    words = sorted(known)
    close = difflib.get_close_matches(word.lower(), words, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else f"one of {', '.join(words)}"


class _Builder:
    """Builds values from a parser's events, without recursion: no depth of nesting can end it."""

    def __init__(self, name: str) -> None:
        self.value: Any = None
        self.lines: dict[Keys, int] = {}
        self._name = name
        self._open: list[dict[str, Any] | list[Any]] = []
        self._keys: list[Key | None] = []  # where in each open one we are; None: a key is expected
        self._documents = 0

    def take(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise self._error(
                line, "anchors and aliases are not read", "write it out, or use what defaults apply to all"
            )
        if getattr(event, "tag", None) is not None:
            raise self._error(line, f"the tag {event.tag} is not read", "leave it out; put quotes around texts")
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise self._error(line, "a second document begins", "leave out the ---")
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._begin({} if isinstance(event, yaml.MappingStartEvent) else [], line)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._open.pop()
            self._keys.pop()
            self._next()

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        text = str(event.value)
        if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in text):
            raise self._error(line, "a text of several lines, or with a control character", "write it on one line")
        if self._expects_key():
            self._key(text, line)
            return
        self._put(_meant(text) if event.implicit[0] else text, line)
        self._next()

    def _begin(self, value: dict[str, Any] | list[Any], line: int) -> None:
        if self._expects_key():
            raise self._error(line, "a key is a list or a mapping", "write KEY: VALUE")
        if len(self._open) >= DEEPEST:
            raise self._error(line, f"more than {DEEPEST} levels", "is a bracket not closed?")
        self._put(value, line)
        self._open.append(value)
        self._keys.append(None if isinstance(value, dict) else 0)

    def _key(self, text: str, line: int) -> None:
        mapping = self._open[-1]
        self._keys[-1] = text
        path = self._path()
        if not text or len(text) > LONGEST:
            fault = f"longer than {LONGEST} characters" if text else "empty"
            raise self._error(line, f"a key is {fault}", "write KEY: VALUE")
        if text in mapping:
            raise self._error(line, f"{dotted(path)} is given twice, first in line {self.lines[path]}", "keep one")
        self.lines[path] = line

    def _put(self, value: Any, line: int) -> None:
        if not self._open:
            self.value = value
            return
        inside, key = self._open[-1], self._keys[-1]
        if isinstance(inside, dict):
            inside[str(key)] = value
        else:
            inside.append(value)
            self.lines[self._path()] = line

    def _next(self) -> None:
        if self._open:
            key = self._keys[-1]
            self._keys[-1] = key + 1 if isinstance(key, int) else None

    def _expects_key(self) -> bool:
        return bool(self._keys) and self._keys[-1] is None

    def _path(self) -> Keys:
        return tuple(key for key in self._keys if key is not None)

    def _error(self, line: int, message: str, hint: str) -> ConfigError:
        return ConfigError(f"{self._name}:{line}: {message}", hint=hint)


def dotted(keys: Keys) -> str:
    """A path as people write it: cameras.yard.always[0]."""
    text = ""
    for key in keys:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text


def _meant(text: str) -> Any:
    word = text if text.lower() not in _WORDS else text.lower()
    if word in _WORDS:
        return _WORDS[word]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    return text
