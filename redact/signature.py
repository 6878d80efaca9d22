"""Ed25519 signatures under documents and ledger records. Needs the extra ``sign``.

What is signed is the canonical form of a document without its key ``signature``.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redact.errors import ConfigError, SinkError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ALGORITHM = "ed25519"
_MAX_KEY = 100_000  # bytes; a key has some hundred


def canonical(document: Mapping[str, Any]) -> bytes:
    """The one form of a JSON document that is hashed and signed: keys sorted, no spaces, all of it ASCII."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.encode()


class Signer:
    """Signs with the private key of a PEM file. Raises ConfigError where that is none."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        data = _read(path)
        with _needing_the_extra():
            from cryptography.exceptions import UnsupportedAlgorithm
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
            from cryptography.hazmat.primitives.serialization import load_pem_private_key
        hint = "make one: redact ledger key NEW.pem"
        try:
            key = load_pem_private_key(data, None)
        except TypeError:
            raise ConfigError(
                f"{path}: is protected by a password, which nobody could type in a run that is not watched",
                hint=f"openssl pkey -in {path} -out PLAIN.pem, and keep that file to yourself",
            ) from None
        except (ValueError, UnsupportedAlgorithm):
            what = "is a public key, which cannot sign" if b"PUBLIC KEY" in data else "is no private key"
            raise ConfigError(f"{path}: {what}", hint=hint) from None
        if not isinstance(key, Ed25519PrivateKey):
            raise ConfigError(f"{path}: is not an Ed25519 key", hint=hint)
        self._key: Ed25519PrivateKey = key
        self.public = _raw(key.public_key())

    def sign(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """The same document with its ``signature``."""
        plain = {name: value for name, value in document.items() if name != "signature"}
        value = self._key.sign(canonical(plain)).hex()
        return plain | {"signature": {"algorithm": ALGORITHM, "key": self.public, "value": value}}


class Verifier:
    """Checks with the public key of a PEM file. Raises ConfigError where that is none."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        data = _read(path)
        with _needing_the_extra():
            from cryptography.exceptions import UnsupportedAlgorithm
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
            from cryptography.hazmat.primitives.serialization import load_pem_public_key
        if b"PRIVATE KEY" in data:
            raise ConfigError(f"{path}: is a private key, which is not needed to check", hint="name its .pub.pem")
        try:
            key = load_pem_public_key(data)
        except (ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PublicKey):
            raise ConfigError(f"{path}: is no Ed25519 public key", hint="name the .pub.pem that the signer gave you")
        self._key: Ed25519PublicKey = key
        self.public = _raw(key)

    def fault(self, document: Mapping[str, Any]) -> str:
        """What is wrong with a document's signature, in words; empty where nothing is."""
        from cryptography.exceptions import InvalidSignature

        said = document.get("signature")
        if said is None:
            return "is not signed"
        if not isinstance(said, dict) or said.get("algorithm") != ALGORITHM:
            return "has a signature of an unknown kind"
        if said.get("key") != self.public:
            return "is signed with another key"
        try:
            value = bytes.fromhex(said.get("value", ""))
            self._key.verify(value, canonical({k: v for k, v in document.items() if k != "signature"}))
        except (InvalidSignature, ValueError, TypeError):
            return "has a signature that does not belong to it"
        return ""


def make_pair(path: str | os.PathLike[str]) -> Path:
    """Write a new private key, readable by its owner alone, and beside it its public key, whose path comes back.

    Never replaces a file. Raises SinkError.
    """
    with _needing_the_extra():
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    key = Ed25519PrivateKey.generate()
    private = Path(path)
    public = private.with_name(f"{private.name.removesuffix('.pem')}.pub.pem")
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    shown = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    if public.exists():
        raise SinkError(f"{public}: exists already", hint="give the new key another name")
    _write_new(private, secret, 0o600)
    try:
        _write_new(public, shown, 0o644)
    except SinkError:
        private.unlink()  # half a pair is none
        raise
    return public


def _write_new(path: Path, data: bytes, mode: int) -> None:
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            try:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                path.unlink()
                raise
    except FileExistsError:
        raise SinkError(f"{path}: exists already", hint="give the new key another name") from None
    except OSError as error:
        raise SinkError(
            f"{path}: cannot be written ({error.strerror})", hint="write to a folder of your own"
        ) from None


def _read(path: str | os.PathLike[str]) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(_MAX_KEY)
    except OSError as error:
        raise ConfigError(f"{path}: {(error.strerror or str(error)).lower()}", hint="check the path") from None


def _raw(key: Ed25519PublicKey) -> str:
    return key.public_bytes_raw().hex()


@contextlib.contextmanager
def _needing_the_extra() -> Iterator[None]:
    try:
        yield
    except ImportError:
        raise ConfigError("signatures need the extra sign", hint='pip install "redact[sign]"') from None
