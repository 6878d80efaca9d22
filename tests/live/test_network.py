"""A camera at the far end of a bad cable: cut for a second, ten, sixty, and losing a third of what it carries."""

import json
import subprocess
import time

import pytest

from tests.live.bad_wire import THERE, bad_wire
from tests.live.rtsp import SERVER, SYSTEM_PYTHON
from tests.live.services import BACK, TOLD, Watched, camera, leaks, videos
from tests.live.sidecars import beacons_clip

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return beacons_clip(tmp_path_factory.mktemp("clip") / "beacons.mp4")


@pytest.fixture(autouse=True)
def mode(tmp_path, monkeypatch):
    monkeypatch.setenv("REDACT_TEST_MODE", str(tmp_path / "mode"))


@pytest.fixture
def far(gstreamer, clip):
    """(wire, address of a camera at its far end)."""
    with bad_wire() as wire:
        command = ["ip", "netns", "exec", wire.space, SYSTEM_PYTHON, str(SERVER), "camera", str(clip)]
        server = subprocess.Popen(
            [*command, "--address", THERE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        try:
            port = json.loads(server.stdout.readline())["port"]
            yield wire, f"rtsp://{THERE}:{port}/yard"
        finally:
            server.kill()
            server.communicate()


def sidecar(address, folder, **keys):
    return camera(address, record={"path": str(folder), "segment": 2.0}, **keys)


def nothing_leaked(folder):
    counts = [leaks(path) for path in videos(folder)]
    assert sum(shown for _, shown in counts) == 0
    return sum(total for total, _ in counts)


@pytest.mark.parametrize("seconds", [1, 10, pytest.param(60, marks=pytest.mark.soak)])
def test_a_cut_cable(far, tmp_path, seconds):
    wire, address = far
    with Watched(tmp_path, {"yard": sidecar(address, tmp_path / "out")}) as run:
        first = run.live(30)
        wire.cut()
        began = time.monotonic()
        if seconds > 2:
            run.until(lambda camera: camera.status.state == "lost", TOLD + 2)
            told = time.monotonic() - began
        time.sleep(max(0.0, began + seconds - time.monotonic()))
        wire.mend()
        began = time.monotonic()
        frames = run.camera().status.frames_in
        run.until(lambda camera: camera.status.state == "live" and camera.status.frames_in > frames + 3, BACK + 5)
        back = time.monotonic() - began
        if seconds > 2:
            print(f"cut for {seconds} s: told after {told:.1f} s, live {back:.1f} s after the end")  # noqa: T201
        assert run.camera().pid == first.pid
        time.sleep(2)
        assert run.camera().status.age < TOLD
    assert nothing_leaked(tmp_path / "out") > 10


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_third_of_all_packets_lost(far, tmp_path, transport):
    wire, address = far
    with Watched(tmp_path, {"yard": sidecar(address, tmp_path / "out", transport=transport)}) as run:
        first = run.live(30)
        wire.loss = 0.3
        ages = []
        until = time.monotonic() + 12
        while time.monotonic() < until:
            status = run.camera().status
            if status.state in ("live", "covered") and status.age is not None:
                ages.append(status.age)
            time.sleep(0.1)
        wire.mend()
        frames = run.camera().status.frames_out
        run.until(lambda camera: camera.status.state == "live" and camera.status.frames_out > frames + 15, BACK + 10)
        assert wire.lost > 50
        assert max(ages) < first.status.age + 5
        assert run.camera().restarts == 0
    assert nothing_leaked(tmp_path / "out") > 30
