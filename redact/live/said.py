"""What was said of the cameras and where: values by key, each with its line or its variable."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from redact.yaml_file import Keys, YamlFile, dotted


class Origin(NamedTuple):
    """Where something was said. place: FILE:LINE or a variable. key: as it stands there."""

    place: str
    key: str


@dataclass(slots=True)
class Said:
    """Keys and values, and the origin of each. at: where the whole was said."""

    at: Origin
    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[Keys, Origin] = field(default_factory=dict)

    @classmethod
    def of(cls, file: YamlFile) -> Said:
        """What a file says."""
        origins = {keys: Origin(f"{file.name}:{line}", dotted(keys)) for keys, line in file.lines.items()}
        return cls(Origin(file.name, ""), file.values, origins)

    def below(self, *keys: str) -> Said:
        """What was said under a key; nothing where that is empty or no mapping."""
        values: Any = self.values
        for key in keys:
            values = values.get(key) if isinstance(values, dict) else None
        length = len(keys)
        origins = {path[length:]: origin for path, origin in self.origins.items() if path[:length] == keys}
        at = origins.pop((), Origin(self.origin(keys).place, dotted(keys)))
        return Said(at, dict(values) if isinstance(values, dict) else {}, origins)

    def origin(self, keys: Keys) -> Origin:
        """Where a key was said, or should have been."""
        for length in range(len(keys), 0, -1):
            if found := self.origins.get(keys[:length]):
                rest = dotted(keys[length:])
                return Origin(found.place, found.key + ("." if rest[:1] not in ("", "[") else "") + rest)
        return Origin(self.at.place, ".".join(part for part in (self.at.key, dotted(keys)) if part))

    def put(self, keys: Keys, value: Any, origin: Origin) -> None:
        """Say something else there: what stood in its place is forgotten."""
        inside = self.values
        for key in keys[:-1]:
            if not isinstance(inside.get(str(key)), dict):
                inside[str(key)] = {}
            inside = inside[str(key)]
        inside[str(keys[-1])] = value
        for path in [path for path in self.origins if path[: len(keys)] == keys]:
            del self.origins[path]
        for length in range(1, len(keys)):
            self.origins.setdefault(keys[:length], origin)
        for path in _paths(value, keys):
            self.origins[path] = origin

    def over(self, base: Said) -> Said:
        """This where it says something, else ``base``: mappings key by key, anything else as a whole."""
        merged = Said(self.at, _copied(base.values), dict(base.origins))
        for path, value in _leaves(self.values, ()):
            merged.put(path, value, self.origin(path))
        for path, origin in self.origins.items():
            if path in merged.origins:
                merged.origins[path] = origin
        return merged

    def change(self, changed: Callable[[str, Keys], str]) -> None:
        """Put ``changed(text, keys)`` in the place of every text."""
        self.values = _changed(self.values, (), changed)


def _paths(value: Any, keys: Keys) -> Iterator[Keys]:
    yield keys
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _paths(inner, (*keys, key))


def _leaves(values: Mapping[str, Any], keys: Keys) -> Iterator[tuple[Keys, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*keys, key))
        else:
            yield (*keys, key), value


def _copied(value: Any) -> Any:
    return {key: _copied(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def _changed(value: Any, keys: Keys, changed: Callable[[str, Keys], str]) -> Any:
    if isinstance(value, dict):
        return {key: _changed(inner, (*keys, key), changed) for key, inner in value.items()}
    if isinstance(value, list):
        return [_changed(inner, (*keys, index), changed) for index, inner in enumerate(value)]
    return changed(value, keys) if isinstance(value, str) else value
