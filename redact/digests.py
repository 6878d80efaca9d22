"""What a file was, in a few words: its name, length and SHA-256; and what program says so."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class FileDigest:
    """name: without its folder, which may tell of people. bytes: its length. sha256: in hex."""

    name: str
    bytes: int
    sha256: str

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> FileDigest:
        """Of a file as it is now. Raises OSError."""
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return cls(Path(path).name, os.fstat(file.fileno()).st_size, digest)

    def json(self) -> dict[str, Any]:
        """As documents have it."""
        return asdict(self)


def tool() -> str:
    """This program and its version, as documents have it."""
    try:
        return f"redact {importlib.metadata.version('redact')}"
    except importlib.metadata.PackageNotFoundError:  # run from a checkout
        return "redact"
