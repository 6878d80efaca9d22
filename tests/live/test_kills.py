"""kill -9 of worker, supervisor and both, at any moment: what is on disk is covered video, and nothing else is."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from redact.media.fragments import whole_length
from tests.live.services import leaks, videos
from tests.live.sidecars import beacons_clip

SERVICE = (sys.executable, "-B", str(Path(__file__).with_name("scripted_service.py")))
EXPECTED = re.compile(
    r"recordings/yard/\d{4}/\d\d/\d\d/yard_[\d-]+_[\d-]+\.\d{3}Z\.mp4(\.part)?"
    r"|hls/(\d+\.m4s|\d+-start\.mp4|index\.m3u8)(\.part)?"
)
_WRITING = re.compile(r'^(\d+) +(?:openat\([^,]+, |open\(|creat\()"([^"]*)", ?([^)]*)')
_NAMING = re.compile(r"^\d+ +rename(?:at2?)?\(.*\) += 0")
_QUOTED = re.compile(r'"([^"]*)"')


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return beacons_clip(tmp_path_factory.mktemp("clip") / "beacons.mp4")


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def begun(clip, folder, *prefix):
    """The service, and its worker's number once it has written something."""
    environ = {**os.environ, "REDACT_TEST_MODE": str(folder.parent / "mode"), "PYTHONDONTWRITEBYTECODE": "1"}
    (folder.parent / "mode").write_text("fine")
    service = subprocess.Popen([*prefix, *SERVICE, str(clip), str(folder)], stderr=subprocess.DEVNULL, env=environ)
    before = {path: path.stat().st_size for path in videos(folder)}
    deadline = time.monotonic() + 30
    while True:
        assert time.monotonic() < deadline
        assert service.poll() is None
        grown = [path for path in videos(folder) if path.stat().st_size > before.get(path, 0)]
        if grown:
            return service
        time.sleep(0.05)


def gone(pid, seconds=15):
    """Wait until a process that is no child of ours has ended."""
    deadline = time.monotonic() + seconds
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        assert time.monotonic() < deadline, f"{pid} lives on"
        time.sleep(0.05)


def only_covered_video(folder):
    """How many pictures there are. Every file is expected, plays, and shows no beacon; all closed ones are whole."""
    names = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    assert [name for name in names if not EXPECTED.fullmatch(name)] == []
    total = 0
    for path in videos(folder / "recordings"):
        pictures, shown = leaks(path)
        assert shown == 0, path
        if path.suffix == ".mp4":
            assert pictures > 0, path
        total += pictures
    for path in (folder / "hls").glob("*.m4s"):
        start = next((folder / "hls").glob("*-start.mp4"), None)
        if start is not None:
            joined = folder.parent / "joined.mp4"
            joined.write_bytes(start.read_bytes() + path.read_bytes())
            assert leaks(joined)[1] == 0
    return total


def kill_at_random(clip, folder, victim, seconds):
    service = begun(clip, folder)
    (worker,) = children(service.pid)
    time.sleep(seconds)
    if victim in ("worker", "both"):
        os.kill(worker, signal.SIGKILL)
    if victim in ("supervisor", "both"):
        service.kill()
        service.wait()
        gone(worker)
    else:
        time.sleep(2.5)  # the next worker is at work
        service.terminate()
        assert service.wait(20) == 0


@pytest.mark.parametrize("victim", ["worker", "supervisor", "both"])
def test_whoever_is_killed_leaves_covered_video_and_nothing_else(tmp_path, clip, victim):
    folder = tmp_path / "out"
    kill_at_random(clip, folder, victim, random.uniform(2.5, 4))  # a fragment is a second, and the first is late
    if victim == "supervisor":
        assert not list(folder.rglob("*.part"))  # the worker saw it go, and closed its segment
    assert only_covered_video(folder) > 5


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_fifty_kills(tmp_path, clip):
    folder, seed = tmp_path / "out", 20261123
    random.seed(seed)
    for number in range(50):
        kill_at_random(clip, folder, ("worker", "supervisor", "both")[number % 3], random.uniform(0, 4))
    total = only_covered_video(folder)
    print(f"fifty kills: {total} pictures in {len(videos(folder))} files, none clear")  # noqa: T201
    assert total > 500


def test_nothing_else_is_ever_written(tmp_path, clip):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    folder, log = tmp_path / "out", tmp_path / "log"
    calls = "trace=openat,open,creat,rename,renameat,renameat2,mkstemp,memfd_create".replace(",mkstemp", "")
    tracing = ("strace", "-f", "-qq", "-s", "400", "-e", calls, "-o", str(log))
    service = begun(clip, folder, *tracing)
    time.sleep(4)
    (traced,) = children(service.pid)
    (worker,) = children(traced)
    os.kill(worker, signal.SIGKILL)
    time.sleep(4)
    os.kill(traced, signal.SIGTERM)
    assert service.wait(30) == 0
    written, named = set(), set()
    for line in log.read_text(errors="replace").splitlines():
        opened = _WRITING.match(line)
        if opened and re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE", opened[3]) and " = -1 " not in line:
            written.add(opened[2])
        if _NAMING.match(line):
            named.add(_QUOTED.findall(line)[-1])
        assert "memfd_create" not in line
    places = {path for path in written | named if not path.startswith(str(folder))}
    assert places <= {"/dev/null"}
    assert {str(path) for path in videos(folder)} & named
    assert only_covered_video(folder) > 5


def test_every_closed_segment_is_whole(tmp_path, clip):
    folder = tmp_path / "out"
    kill_at_random(clip, folder, "supervisor", 3.0)
    for path in videos(folder / "recordings"):
        assert path.suffix == ".mp4"
        with path.open("rb") as file:
            assert whole_length(file) == path.stat().st_size
