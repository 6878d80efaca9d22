"""Camera → sidecar → recorder, through a real RTSP server, while cameras, networks, disks and recorders fail.

Whatever comes out is decoded: no beacon may be seen in it, ever. A fault is on the board soon after it begins, and
all is well soon after it ends.
"""

import contextlib
import io
import subprocess
import time

import numpy as np
import pytest
from PIL import Image

from tests.live.services import BACK, TOLD, Watched, camera, leaks, videos
from tests.live.sidecars import beacons_clip, green

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return beacons_clip(tmp_path_factory.mktemp("clip") / "beacons.mp4")


@pytest.fixture(autouse=True)
def mode(tmp_path, monkeypatch):
    monkeypatch.setenv("REDACT_TEST_MODE", str(tmp_path / "mode"))


def sidecar(source, folder, **keys):
    """A camera with every kind of output under ``folder``."""
    keys.setdefault("record", {"path": str(folder / "recordings"), "segment": 2.0})
    keys.setdefault("hls", {"path": str(folder / "hls")})
    return camera(source, **keys)


def nothing_leaked(*folders):
    """How many pictures came out, none of which shows a beacon."""
    counts = [leaks(path) for folder in folders for path in videos(folder)]
    assert sum(shown for _, shown in counts) == 0
    return sum(total for total, _ in counts)


def playlist_leaks(folder, copy):
    """As ``leaks``, of the playlist as it is now: it has no end while the camera runs."""
    listed = (folder / "index.m3u8").read_text().splitlines()
    start = next(line.split('"')[1] for line in listed if line.startswith("#EXT-X-MAP"))
    pieces = [start, *(line for line in listed if line and not line.startswith("#"))]
    copy.write_bytes(b"".join((folder / piece).read_bytes() for piece in pieces))
    return leaks(copy)


class Previews:
    """Every preview that the board held meanwhile."""

    def __init__(self, run):
        self._run = run
        self.seen = {}

    def look(self):
        preview = self._run.camera().preview
        if preview is not None:
            self.seen[preview.taken] = preview.jpeg

    def leaks(self):
        return sum(int(green(np.asarray(Image.open(io.BytesIO(jpeg)))).sum() > 3) for jpeg in self.seen.values())


def test_what_is_published_stored_and_shown_is_covered(rtsp_camera, rtsp_recorder, tmp_path, clip):
    source, recorder = rtsp_camera(clip), rtsp_recorder(login="digest")
    out = tmp_path / "out"
    with Watched(tmp_path, {"yard": sidecar(source.url, out, publish=(recorder.url,))}) as run:
        run.until(lambda camera: camera.well, 30)
        previews = Previews(run)
        until = time.monotonic() + 8
        while time.monotonic() < until:
            previews.look()
            time.sleep(0.2)
        pictures, shown = playlist_leaks(out / "hls", tmp_path / "pieces.mp4")
        assert (pictures > 10, shown) == (True, 0)
        assert run.camera().status.detections["face"] > 20
        assert len(previews.seen) >= 3
        assert previews.leaks() == 0
        assert "pass" not in run.camera().source
    assert nothing_leaked(out / "recordings") > 60
    assert nothing_leaked(recorder.folder) > 60


def test_a_wrong_password_is_said_and_not_tried_until_the_account_is_locked(rtsp_camera, tmp_path, clip):
    source = rtsp_camera(clip)
    wrong = source.url.replace(":pass@", ":letmein99@")
    with Watched(tmp_path, {"yard": sidecar(wrong, tmp_path / "out")}) as run:
        lost = run.until(lambda camera: camera.status.state == "lost" and camera.status.slates > 4, 30)
        assert "login was refused" in lost.status.reason
        assert "letmein99" not in f"{lost}"
        assert lost.status.connects == 1
    assert nothing_leaked(tmp_path / "out") > 0  # slates


def test_a_camera_that_reboots_twenty_times_is_found_again_each_time(rtsp_camera, tmp_path, clip):
    source = rtsp_camera(clip)
    with Watched(tmp_path, {"yard": sidecar(source.url, tmp_path / "out")}) as run:
        first = run.live(30)
        for _ in range(20):
            source.kill()
            run.until(lambda camera: camera.status.state == "lost", TOLD + 2)
            source.boot()
            back = run.live(BACK + 5).status.frames_out
            run.until(
                lambda camera, back=back: camera.status.frames_out > back + 5, 10
            )  # enough to look for a face in
        assert run.camera().pid == first.pid
    assert nothing_leaked(tmp_path / "out") > 100


def test_a_camera_that_accepts_and_sends_nothing(rtsp_camera, tmp_path, clip):
    source = rtsp_camera(clip)
    with Watched(tmp_path, {"yard": sidecar(source.url, tmp_path / "out")}) as run:
        run.live(30)
        source.tell("freeze")
        run.until(lambda camera: camera.status.state == "lost", TOLD + 2)
        slates = run.camera().status.slates
        run.until(lambda camera: camera.status.slates > slates + 2, 10)
        source.tell("thaw")
        run.live(BACK + 5)
        run.until(lambda camera: camera.status.frames_out > 90, 15)  # enough to look for a face in
    assert nothing_leaked(tmp_path / "out") > 30


@pytest.mark.parametrize(("codec", "size"), [("libx264", (480, 272)), ("libx265", (320, 240))])
def test_a_stream_that_becomes_another(rtsp_camera, rtsp_recorder, tmp_path, clip, codec, size):
    other = beacons_clip(tmp_path / "other.mp4", 8, codec=codec, size=size)
    source, recorder = rtsp_camera(clip), rtsp_recorder()
    with Watched(tmp_path, {"yard": sidecar(source.url, tmp_path / "out", publish=(recorder.url,))}) as run:
        run.until(lambda camera: camera.well, 30)
        source.tell(f"switch {other}")
        run.until(lambda camera: camera.status.state == "lost" or camera.status.width == size[0], TOLD + 3)
        run.until(lambda camera: camera.status.width == size[0] and camera.well, BACK + 10)
        frames_in = run.camera().status.frames_in
        run.until(lambda camera: camera.status.frames_in > frames_in + 20, 15)
    assert nothing_leaked(tmp_path / "out") > 30
    assert nothing_leaked(recorder.folder) > 30


def test_a_picture_that_grows_in_the_midst_of_a_stream(rtsp_camera, tmp_path, clip):
    other = beacons_clip(tmp_path / "other.mp4", 8, size=(480, 272))
    source = rtsp_camera(clip)
    with Watched(tmp_path, {"yard": sidecar(source.url, tmp_path / "out")}) as run:
        run.live(30)
        source.tell(f"splice {other}")
        run.until(lambda camera: camera.status.width == 480 and camera.status.state == "live", BACK + 10)
        frames_in = run.camera().status.frames_in
        run.until(lambda camera: camera.status.frames_in > frames_in + 20, 15)
    assert nothing_leaked(tmp_path / "out") > 30


def test_a_clock_that_jumps_an_hour(rtsp_camera, tmp_path, clip):
    source = rtsp_camera(clip)
    with Watched(tmp_path, {"yard": sidecar(source.url, tmp_path / "out")}) as run:
        run.live(30)
        for jump in (3600, -3600):
            source.tell(f"jump {jump}")
            before = run.camera().status.frames_out
            run.until(lambda camera, before=before: camera.status.frames_out > before + 30, 20)
            run.live(BACK + 5)
            assert abs(run.camera().status.astray) < 5
        assert run.camera().restarts == 0
    assert nothing_leaked(tmp_path / "out") > 30


def test_a_recorder_that_refuses_costs_the_others_nothing(rtsp_camera, rtsp_recorder, tmp_path, clip):
    source, recorder = rtsp_camera(clip), rtsp_recorder(login="digest")
    wrong = recorder.url.replace(":pass@", ":wrongpass@")
    with Watched(tmp_path, {"yard": sidecar(source.url, tmp_path / "out", publish=(wrong,))}) as run:
        run.live(30)
        refused = run.until(lambda camera: camera.status.outputs[0].fault, TOLD + 3)
        assert not refused.status.outputs[0].open
        assert "wrongpass" not in f"{refused}"
        assert not run.board.healthy()
        run.until(lambda camera: camera.status.outputs[1].frames > 30, 15)
    assert nothing_leaked(tmp_path / "out") > 30


def test_a_recorder_that_goes_away_and_comes_back(rtsp_camera, rtsp_recorder, tmp_path, clip):
    source, recorder = rtsp_camera(clip), rtsp_recorder()
    with Watched(tmp_path, {"yard": sidecar(source.url, tmp_path / "out", publish=(recorder.url,))}) as run:
        run.until(lambda camera: camera.well, 30)
        recorder.kill()
        run.until(lambda camera: not camera.status.outputs[0].open, TOLD + 4)
        dropped = run.camera().status.outputs[1].dropped
        recorder.boot()
        run.until(lambda camera: camera.well, BACK + 5)
        assert run.camera().status.outputs[1].dropped == dropped
    assert nothing_leaked(tmp_path / "out", recorder.folder) > 30


def test_a_detector_that_fails_or_hangs_darkens_what_is_published(rtsp_camera, rtsp_recorder, tmp_path, clip):
    source, recorder = rtsp_camera(clip), rtsp_recorder()
    with Watched(tmp_path, {"yard": sidecar(source.url, tmp_path / "out", publish=(recorder.url,))}) as run:
        run.until(lambda camera: camera.well, 30)
        for mode in ("raise", "hang", "garbage", "die"):
            run.mode(mode)
            if mode == "die":
                run.until(lambda camera: camera.restarts == 1, 10)
            else:
                run.until(lambda camera: camera.status.state == "covered", TOLD + 2)
            run.mode("fine")
            run.live(BACK + 5)
    assert nothing_leaked(tmp_path / "out", recorder.folder) > 50


@pytest.fixture
def small_disk(tmp_path):
    """A file system of three megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def fill(ballast):
    """Write until nothing fits any more."""
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(65536))


def test_a_full_disk_is_said_and_heals(rtsp_camera, rtsp_recorder, tmp_path, small_disk, clip):
    source, recorder = rtsp_camera(clip), rtsp_recorder()
    record = {"record": {"path": str(small_disk), "segment": 2.0}}
    with Watched(tmp_path, {"yard": camera(source.url, publish=(recorder.url,), **record)}) as run:
        run.until(lambda camera: camera.well, 30)
        ballast = small_disk / "ballast"
        fill(ballast)
        full = run.until(lambda camera: camera.status.outputs[1].fault, 15)
        assert "the disk is full" in full.status.outputs[1].fault
        assert full.status.outputs[0].open
        assert full.status.state == "live"
        ballast.unlink()
        run.until(lambda camera: camera.well, BACK + 5)
        frames_there = run.camera().status.outputs[1].frames
        run.until(lambda camera: camera.status.outputs[1].frames > frames_there + 20, 15)
    assert nothing_leaked(small_disk, recorder.folder) > 30
