"""The detectors that can be loaded by name: what is known of them, where their files are, how they are fetched.

Shipped weights lie beside this package. Others are fetched on request into the user's cache; whatever folder a
file comes from, its length and SHA-256 are those recorded in ``models/catalog.toml`` or it is not used.
Environment: ``REDACT_MODELS``, a folder that is looked in first and fetched into.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from redact.detect.traits import Traits
from redact.errors import ConfigError, ModelError

if TYPE_CHECKING:
    import http.client

_TIMEOUT = 30.0  # seconds without a byte from the origin
_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """One entry of the catalog.

    file: name of the weights. sha256, bytes: their digest and length. family: a key of ``families.FAMILIES``.
    input: fixed (width, height) in pixels, or None. kinds: what it finds. traits: thresholds and sizes.
    origin: address that ``fetch`` downloads from, "" where there is none. shipped: part of this package.
    licence, training, blind_spots, measured: words for people.
    """

    name: str
    file: str
    sha256: str
    bytes: int
    family: str
    input: tuple[int, int] | None
    kinds: tuple[str, ...]
    traits: Traits
    shipped: bool
    origin: str
    licence: str
    training: str
    blind_spots: str
    measured: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What ``check`` saw of one model: ok, absent (not fetched, no fault) or bad (why, in ``detail``)."""

    name: str
    state: Literal["ok", "absent", "bad"]
    detail: str


@functools.cache
def catalog() -> dict[str, ModelRecord]:
    """Name → record, in the catalog's order. Raises ModelError where the installation is damaged."""
    path = shipped_folder() / "catalog.toml"
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name: _record(name, entry) for name, entry in entries.items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"the catalog of models cannot be read: {error}", hint="install redact again") from error


def record(name: str) -> ModelRecord:
    """The record of one name. Raises ConfigError for a name that the catalog does not have."""
    found = catalog().get(name)
    if found is None:
        raise ConfigError(
            f"no detector is called {name!r}", hint=f"one of {', '.join(catalog())}, or a path to .onnx"
        )
    return found


def shipped_folder() -> Path:
    """The folder of the shipped weights: inside an installed package, beside it in a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "models"
    return installed if installed.is_dir() else package.parent / "models"


def cache_folder() -> Path:
    """Where fetched weights are kept: ``REDACT_MODELS``, or the platform's folder for a user's caches."""
    chosen = os.environ.get("REDACT_MODELS")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
        return Path(base) / "redact" / "models"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "redact" / "models"
    base = os.environ.get("XDG_CACHE_HOME") or ""
    # the XDG specification has relative paths ignored
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "redact" / "models"


def locate(name: str) -> Path:
    """The file of a model, verified. Raises ModelError where it is absent or not the recorded one."""
    wanted = record(name)
    path = _present(wanted)
    if path is None:
        raise ModelError(f"the weights of {name} are not on this machine", hint=_remedy(wanted))
    fault = _fault(path, wanted)
    if fault:
        raise ModelError(f"{path} is not the recorded {name}: {fault}", hint=_remedy(wanted))
    return path


def read(name: str) -> bytes:
    """The verified weights themselves: what was hashed is what is loaded. Raises ModelError as ``locate`` does."""
    wanted = record(name)
    path = locate(name)
    model = _read(path)
    if hashlib.sha256(model).hexdigest() != wanted.sha256:
        raise ModelError(f"{path} changed while it was read", hint=_remedy(wanted))
    return model


def check() -> list[Finding]:
    """The state of every model in the catalog, each file read and hashed anew."""
    _digest.cache_clear()
    findings = []
    for name, wanted in catalog().items():
        path = _present(wanted)
        if path is None:
            missing = Finding(name, "bad", "missing from this installation")
            findings.append(missing if wanted.shipped else Finding(name, "absent", "not fetched"))
            continue
        fault = _fault(path, wanted)
        findings.append(Finding(name, "bad", f"{path}: {fault}") if fault else Finding(name, "ok", str(path)))
    return findings


def fetch(name: str, *, origin: str | None = None, timeout: float = _TIMEOUT) -> Path:
    """Download the weights of ``name`` into the cache, verify them, and answer where they are.

    A file already there and right is left alone. ``origin`` replaces the recorded address, ``timeout`` is in
    seconds without a byte. Raises ModelError, leaving nothing behind, where anything is not as recorded.
    """
    wanted = record(name)
    present = _present(wanted)
    if present is not None and not _fault(present, wanted):
        return present
    address = origin or wanted.origin
    if wanted.shipped or not address:
        raise ModelError(f"{name} cannot be fetched: it has no public origin", hint=_remedy(wanted))
    target = cache_folder() / wanted.file
    with _unfinished(target) as part:
        with _opened(address, name, timeout) as answer:
            _receive(answer, part, wanted)
        part.flush()
        os.fsync(part.fileno())
        part.close()
        os.replace(part.name, target)
    return target


def _record(name: str, entry: dict[str, Any]) -> ModelRecord:
    sides = entry.get("input")
    return ModelRecord(
        name=name,
        file=entry["file"],
        sha256=entry["sha256"],
        bytes=entry["bytes"],
        family=entry["family"],
        input=(sides[0], sides[1]) if sides else None,
        kinds=tuple(entry["kinds"]),
        traits=Traits(
            start=entry["start"],
            extend=entry["extend"],
            smallest_face=float(entry["smallest_face"]),
            largest_face=float(entry["largest_face"]),
            largest_input=int(entry["largest_input"]),
        ),
        shipped=entry["shipped"],
        origin=entry["origin"],
        licence=entry["licence"],
        training=entry["training"],
        blind_spots=entry["blind_spots"],
        measured=entry.get("measured", ""),
    )


def _present(wanted: ModelRecord) -> Path | None:
    folders = [shipped_folder()] if wanted.shipped else [cache_folder(), shipped_folder()]
    return next((path for folder in folders if (path := folder / wanted.file).is_file()), None)


def _remedy(wanted: ModelRecord) -> str:
    if wanted.shipped:
        return "install redact again"
    if wanted.origin:
        return f"redact models fetch {wanted.name}"
    return f"put {wanted.file} into the folder that REDACT_MODELS names"


def _fault(path: Path, wanted: ModelRecord) -> str:
    """Why the file is not the recorded one, or ""."""
    try:
        state = path.stat()
        if state.st_size != wanted.bytes:
            return f"{state.st_size} bytes where {wanted.bytes} are recorded"
        digest = _digest(path, state.st_mtime_ns, state.st_size)
    except OSError as error:
        return error.strerror or str(error)
    return "" if digest == wanted.sha256 else "its SHA-256 is another"


@functools.cache
def _digest(path: Path, changed: int, size: int) -> str:
    # keyed by time and size too: once a process for a file that stays as it is
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error


@contextmanager
def _unfinished(target: Path) -> Iterator[Any]:
    """A temporary file in the folder of ``target``, gone afterwards unless it was renamed."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            dir=target.parent, prefix=f"{target.name}.", suffix=".part", delete=False
        ) as part:
            try:
                yield part
            finally:
                part.close()
                Path(part.name).unlink(missing_ok=True)
    except OSError as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(
            f"cannot write to {target.parent}: {error.strerror or error}",
            hint="make room there, or name another folder in REDACT_MODELS",
        ) from error


@contextmanager
def _opened(address: str, name: str, timeout: float) -> Iterator[http.client.HTTPResponse]:
    """The answer to a request for ``address``; every way that the network fails as a ModelError."""
    import http.client
    import urllib.error
    import urllib.request

    try:
        request = urllib.request.Request(address, headers={"User-Agent": "redact"})
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            yield answer
    except urllib.error.HTTPError as error:
        error.close()
        raise ModelError(
            f"{address} answered {error.code} {error.reason}",
            hint=f"the origin of {name} may have moved; see its card",
        ) from error
    except TimeoutError as error:
        raise ModelError(f"{address} did not answer within {timeout:g} s", hint="try again later") from error
    except urllib.error.URLError as error:
        late = isinstance(error.reason, TimeoutError)
        raise ModelError(
            f"{address} did not answer within {timeout:g} s"
            if late
            else f"{address} cannot be reached: {error.reason}",
            hint="check the network, or copy the file into the folder that REDACT_MODELS names",
        ) from error
    except (http.client.HTTPException, ConnectionError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ModelError(f"{address} broke off: {reason}", hint="try again") from error
    except ValueError as error:
        raise ModelError(f"{address} is not an address", hint="it begins with https://") from error


def _receive(answer: http.client.HTTPResponse, part: IO[bytes], wanted: ModelRecord) -> None:
    """Copy the answer's body to ``part`` if it is the recorded file, byte by byte."""
    digest, length = hashlib.sha256(), 0
    while piece := answer.read(_PIECE):
        if not length and _looks_like_page(answer.headers.get_content_type(), piece):
            raise ModelError(
                f"{answer.url} answered a web page instead of the weights of {wanted.name}",
                hint="the origin may have moved, or a sign-in page of this network stands before it",
            )
        length += len(piece)
        if length > wanted.bytes:
            raise ModelError(
                f"{answer.url} sent more than the {wanted.bytes} bytes recorded for {wanted.name}",
                hint="the origin has changed; the file was not kept",
            )
        digest.update(piece)
        part.write(piece)
    if length != wanted.bytes:
        raise ModelError(f"{answer.url} sent {length} of {wanted.bytes} bytes and ended", hint="try again")
    if digest.hexdigest() != wanted.sha256:
        raise ModelError(
            f"{answer.url} sent a file whose SHA-256 is not the one recorded for {wanted.name}",
            hint="the origin has changed or the file was tampered with; it was not kept",
        )


def _looks_like_page(content_type: str, start: bytes) -> bool:
    return content_type == "text/html" or start.lstrip()[:1] == b"<"
