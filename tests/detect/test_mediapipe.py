"""Versions of MediaPipe that are used and that are not. Its finding is tested with every other detector's."""

from __future__ import annotations

from importlib import metadata

import pytest

from redact.detect import load_detector
from redact.detect.mediapipe import _check_version
from redact.errors import ConfigError


def test_missing_says_which_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)
    with pytest.raises(ConfigError, match="not installed") as caught:
        load_detector("mediapipe")
    assert "redact[mediapipe]" in caught.value.hint


@pytest.mark.parametrize("version", ["0.10.30", "0.10.31", "0.11", "1.0.0rc1", "2"])
def test_versions_that_report_home_are_refused(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(metadata, "version", lambda _: version)
    with pytest.raises(ConfigError, match="reports usage"):
        load_detector("mediapipe")


@pytest.mark.parametrize("version", ["0.9.3", "0.10.13"])
def test_old_versions_are_refused(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(metadata, "version", lambda _: version)
    with pytest.raises(ConfigError, match="too old"):
        load_detector("mediapipe")


@pytest.mark.parametrize("version", ["0.10.14", "0.10.21"])
def test_versions_that_are_used(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(metadata, "version", lambda _: version)
    _check_version()
