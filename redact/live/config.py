"""The cameras and how each is treated, as ``redact.yml`` and the environment say it."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from redact.errors import ConfigError
from redact.live import secrets
from redact.live.clashes import clashes
from redact.live.faults import Fault, faults_of
from redact.live.keys import (
    LONGEST_NAME,
    NAME,
    Camera,
    CameraKeys,
    Defaults,
    Hls,
    Http,
    Record,
    Service,
    Treatment,
    policy_of,
)
from redact.live.overrides import SECTIONS, overrides
from redact.live.said import Origin, Said
from redact.policy import Policy, settings
from redact.yaml_file import Keys, nearest, read_yaml

__all__ = ["Camera", "Hls", "Http", "Reading", "Record", "Service", "load", "read"]

PLACEHOLDER = "{name}"
_NAMED = ("publish", "record", "hls")  # in which the placeholder stands for the camera's name


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file and the environment say together.

    service: what runs, or None where something cannot be. faults: all of them. http, cameras: what was said of each.
    """

    service: Service | None
    faults: tuple[Fault, ...]
    http: Said = field(default_factory=lambda: Said(Origin("", "http")))
    cameras: Mapping[str, Said] = field(default_factory=dict)


def load(path: str | os.PathLike[str], environ: Mapping[str, str]) -> Service:
    """What a file and the environment say. Raises ConfigError for the first fault, which says how many there are."""
    reading = read(path, environ)
    if reading.service is None:
        first, *others = reading.faults
        more = f"; and {len(others)} more, see redact config check" if others else ""
        raise ConfigError(str(first), hint=f"{first.hint}{more}")
    return reading.service


def read(path: str | os.PathLike[str], environ: Mapping[str, str]) -> Reading:
    """What a file and the environment say, with every fault in it and where each value comes from."""
    try:
        said = Said.of(read_yaml(path))
    except ConfigError as error:
        return Reading(None, (Fault("", "", secrets.mask(str(error)), error.hint),))
    faults = [*overrides(said, environ), *_sections(said)]
    http = said.below("http")
    faults += _filled(http, environ)
    service_http = _validated(Http, http, faults)
    if service_http is not None and not service_http.token and not _loopback(service_http.listen):
        words = f"{service_http.listen} can be reached from other machines, and there is no token"
        faults.append(Fault.at(http, ("listen",), words, "set http.token, or listen on 127.0.0.1"))
    defaults = said.below("defaults")
    _validated(Defaults, defaults, faults, partial=True)
    treated: dict[str, Said] = {}
    cameras: dict[str, Camera] = {}
    for name in said.below("cameras").values:
        treated[name] = said.below("cameras", name).over(defaults)
        camera = _camera(name, treated[name], environ, faults)
        if camera is not None:
            cameras[name] = camera
    if not treated and not any(fault.key == "cameras" for fault in faults):
        faults.append(Fault.at(said, ("cameras",), "there is no camera", "name one under cameras:, with its source"))
    faults += clashes(cameras, treated)
    if faults or service_http is None:
        return Reading(None, tuple(sorted(dict.fromkeys(faults), key=lambda fault: fault.order)), http, treated)
    return Reading(Service(http=service_http, cameras=cameras), (), http, treated)


def _loopback(listen: str) -> bool:
    """Whether only this machine can reach an address, as far as its text tells."""
    host = listen.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


def _sections(said: Said) -> Iterator[Fault]:
    """Top-level keys that are not known, and those below which there is no mapping."""
    for key, value in said.values.items():
        if key not in SECTIONS:
            yield Fault.at(said, (key,), "no such key", nearest(key, SECTIONS))
        elif value is not None and not isinstance(value, dict):
            yield Fault.at(said, (key,), "is not a mapping", "write KEY: VALUE lines below it")
    cameras = said.values.get("cameras")
    for name, value in cameras.items() if isinstance(cameras, dict) else ():
        keys: Keys = ("cameras", name)
        if not re.fullmatch(NAME, name) or len(name) > LONGEST_NAME:
            hint = f"letters and digits, single - or _ between them, {LONGEST_NAME} at most"
            yield Fault.at(said, keys, "is no name of a camera", hint)
        if value is not None and not isinstance(value, dict):
            yield Fault.at(said, keys, "is not a mapping", "write KEY: VALUE lines below it, source: first")


def _camera(name: str, said: Said, environ: Mapping[str, str], faults: list[Fault]) -> Camera | None:
    """One camera of what was said, or None where that has faults, which are added to ``faults``."""
    given = [value for text in _texts(said.values) for value in secrets.values_in(text, environ)]
    unfilled = list(_filled(said, environ))
    faults += unfilled
    said.change(lambda text, keys: text.replace(PLACEHOLDER, name) if keys[0] in _NAMED else text)
    keys = _validated(CameraKeys, said, faults)
    if keys is None:
        return None
    try:
        policy = policy_of(keys)
    except ConfigError as error:
        faults.append(Fault.of(said, _meant_by(error), error))
        return None
    if unfilled:
        return None
    treatment = {key: getattr(keys, key) for key in Treatment.model_fields}
    return Camera(name=name, source=keys.source, policy=policy, secrets=tuple(dict.fromkeys(given)), **treatment)


def _meant_by(error: ConfigError) -> Keys:
    """The key of a policy that an error is about: the first that it names."""
    for word in re.findall(r"[a-z_]+", str(error)):
        if word in settings(Policy):
            return (word,)
    return ("find",) if "nothing to cover" in str(error) else ()


def _filled(said: Said, environ: Mapping[str, str]) -> Iterator[Fault]:
    """Fill the secrets in. Yields what cannot be."""
    found: list[Fault] = []

    def filled(text: str, keys: Keys) -> str:
        try:
            return secrets.resolve(text, environ)
        except ConfigError as error:
            found.append(Fault.of(said, keys, error))
            return text

    said.change(filled)
    yield from found


def _validated(kind: type[BaseModel], said: Said, faults: list[Fault], *, partial: bool = False) -> Any:
    """A model of what was said, or None where that has faults. partial: keys may be missing."""
    try:
        return kind.model_validate(said.values)
    except ValidationError as error:
        found = list(faults_of(error, said, kind))
        faults += [fault for fault in found if not (partial and fault.text == "is missing")]
        return None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
