"""What several test modules share."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from redact.manifest import Sealer
from tests.live.rtsp import SYSTEM_PYTHON

# a loaded machine is no reason to fail
settings.register_profile("redact", deadline=None)
settings.load_profile("redact")

SHARED = Path(__file__).parents[2] / "shared"


LIMITS = {what: resource.getrlimit(what) for what in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE)}


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """What a test takes from its process, those after it lack: browsers, threads and decoders would fail, not it."""
    for what, limit in LIMITS.items():
        if resource.getrlimit(what) != limit:
            resource.setrlimit(what, limit)
            pytest.fail("it left a limit of memory or file size behind: run it in a process of its own")


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """``shared("footage/video")`` → that path in the folder of footage and public models beside the checkout.

    Where it is absent the test is skipped with a reason; with REDACT_REQUIRE_FOOTAGE=1 it fails instead.
    """

    def path(name: str) -> Path:
        found = SHARED / name
        if not found.exists():
            reason = f"../shared/{name} is not here"
            if os.environ.get("REDACT_REQUIRE_FOOTAGE") == "1":
                pytest.fail(reason)
            pytest.skip(reason)
        return found

    return path


@pytest.fixture(scope="session")
def gstreamer() -> None:
    """Skips where GStreamer's RTSP server is not installed; with REDACT_REQUIRE_RTSP=1 it fails instead."""
    there = "import gi; gi.require_version('GstRtspServer', '1.0')"
    try:
        subprocess.run([SYSTEM_PYTHON, "-c", there], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        reason = "GStreamer's RTSP server is not here: apt-get install gir1.2-gst-rtsp-server-1.0 python3-gi"
        if os.environ.get("REDACT_REQUIRE_RTSP") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """(chain, key, root) of a signer; needs the extra ``sign``."""
    from tests.record.keys import certify

    return certify(tmp_path_factory.mktemp("office"))


@pytest.fixture(scope="session")
def sealer(office: tuple[Path, Path, Path]) -> Sealer:
    """Signs manifests in that office's name; needs the extra ``c2pa``."""
    return Sealer(office[0], office[1])
