"""Pictures and folders for the tests of ``redact.detect``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="session")
def astronaut() -> Any:
    """A photograph of one person, uint8 (512, 512, 3) R, G, B; her face is at about (176, 55)-(268, 172)."""
    from skimage.data import astronaut as picture

    return np.ascontiguousarray(picture())


@pytest.fixture
def public_models(shared: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of public models, as the user's folder of models."""
    folder = shared("models")
    monkeypatch.setenv("REDACT_MODELS", str(folder))
    return folder


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as the user's folder of models."""
    folder = tmp_path / "models"
    monkeypatch.setenv("REDACT_MODELS", str(folder))
    return folder
