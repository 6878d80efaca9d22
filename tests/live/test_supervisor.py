"""Workers are watched by what they show: who hangs, dies, hoards or falls behind is started anew, alone."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from redact.cli import live as cli_live
from redact.live.process import Process
from redact.live.secrets import resolve
from redact.live.status import OutputStatus, Status, told
from tests.live.services import BACK, SCRIPTED, TOLD, Watched, camera, leaks, videos
from tests.live.sidecars import beacons_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return beacons_clip(tmp_path_factory.mktemp("clip") / "beacons.mp4")


@pytest.fixture(autouse=True)
def mode(tmp_path, monkeypatch):
    monkeypatch.setenv("REDACT_TEST_MODE", str(tmp_path / "mode"))


def record(folder):
    return {"record": {"path": str(folder), "segment": 2.0}}


def clean(folder):
    """Every picture under the folder is covered, and there are some."""
    counts = [leaks(path) for path in videos(folder)]
    assert sum(total for total, _ in counts) > 0
    return all(shown == 0 for _, shown in counts)


def test_a_file_that_ends_ends_its_worker_and_nothing_is_started_anew(tmp_path):
    clip = beacons_clip(tmp_path / "short.mp4", 4)
    with Watched(tmp_path, {"yard": camera(clip, **record(tmp_path / "out"))}) as run:
        run.until(lambda camera: camera.status.state == "stopped" and run.supervisor.done, 30)
        assert run.camera().restarts == 0
        assert run.camera().status.frames_in == 60
    assert clean(tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.part"))


def test_a_killed_worker_is_replaced_and_its_numbers_go_on(tmp_path, clip):
    cameras = {name: camera(clip, name, loop=True, **record(tmp_path / "out")) for name in ("yard", "door")}
    with Watched(tmp_path, cameras) as run:
        first = run.live()
        other = run.live(name="door")
        began = time.monotonic()
        os.kill(first.pid, signal.SIGKILL)
        lost = run.until(lambda camera: camera.status.state == "lost", 4)
        assert "SIGKILL" in lost.status.reason
        assert lost.preview is None
        again = run.live(15)
        assert time.monotonic() - began < BACK
        assert again.pid != first.pid
        assert again.restarts == 1
        assert again.status.frames_in >= first.status.frames_in
        door = run.camera("door")
        assert (door.pid, door.restarts) == (other.pid, 0)
    assert clean(tmp_path / "out")


def test_a_worker_that_says_nothing_is_lost_at_once_and_killed_later(tmp_path, clip):
    with Watched(tmp_path, {"yard": camera(clip, loop=True, no_frame=3.0)}) as run:
        first = run.live()
        os.kill(first.pid, signal.SIGSTOP)
        began = time.monotonic()
        lost = run.until(lambda camera: camera.status.state == "lost", 4)
        assert time.monotonic() - began < TOLD
        assert "no word" in lost.status.reason
        again = run.until(lambda camera: camera.restarts == 1 and camera.status.state == "live", 20)
        assert again.pid != first.pid
        assert "no frame for" in again.status.fault


def test_a_worker_that_dies_in_a_look_covers_what_it_left(tmp_path, clip):
    with Watched(tmp_path, {"yard": camera(clip, loop=True, **record(tmp_path / "out"))}) as run:
        run.live()
        run.mode("die")
        run.until(lambda camera: camera.restarts == 1 and camera.status.state == "live", 10)
    assert clean(tmp_path / "out")


def test_a_worker_that_hoards_memory_is_started_anew(tmp_path, clip):
    with Watched(tmp_path, {"yard": camera(clip, loop=True, max_memory=400_000_000)}) as run:
        run.live()
        run.mode("leak")
        killed = run.until(lambda camera: camera.restarts == 1, 30)
        run.mode("fine")
        assert "MB" in killed.status.fault
        run.until(lambda camera: camera.status.state == "live", 20)


def test_a_hanging_detector_is_covered_then_started_anew(tmp_path, clip):
    with Watched(tmp_path, {"yard": camera(clip, loop=True, **record(tmp_path / "out"))}) as run:
        run.live()
        run.mode("hang")
        began = time.monotonic()
        covered = run.until(lambda camera: camera.status.state == "covered", 4)
        assert time.monotonic() - began < TOLD
        assert "did not answer" in covered.status.reason
        run.until(lambda camera: camera.restarts >= 1, 15)
        run.mode("fine")
        began = time.monotonic()
        run.live(10)
        assert time.monotonic() - began < BACK
    assert clean(tmp_path / "out")


def test_only_what_changed_is_started_anew(tmp_path, clip):
    kept, changed, gone = (camera(clip, name, loop=True) for name in ("kept", "changed", "gone"))
    with Watched(tmp_path, {"kept": kept, "changed": changed, "gone": gone}) as run:
        pids = {name: run.live(name=name).pid for name in ("kept", "changed", "gone")}
        new = changed.model_copy(update={"crf": 30})
        run.apply({"kept": kept, "changed": new, "added": camera(clip, "added", loop=True)})
        run.live(name="added")
        run.until(
            lambda camera: camera.pid not in (None, pids["changed"]) and camera.status.state == "live", name="changed"
        )
        assert run.camera("kept").pid == pids["kept"]
        assert run.camera("kept").restarts == 0
        assert [camera.name for camera in run.board.cameras()] == ["kept", "changed", "added"]
        assert not Path(f"/proc/{pids['gone']}").exists()


def test_a_worker_that_cannot_start_is_tried_at_growing_distances(tmp_path, clip):
    with Watched(tmp_path, {"yard": camera(clip)}, (sys.executable, "-c", "raise SystemExit(3)")) as run:
        run.until(lambda camera: camera.restarts >= 2, 15)
        assert "status 3" in run.camera().status.fault
        assert not run.board.healthy()


def test_no_worker_outlives_its_supervisor(tmp_path, clip):
    process = Process(camera(clip, loop=True, **record(tmp_path / "out")), _command(tmp_path))
    deadline = time.monotonic() + 20
    while not any(isinstance(said, Status) and said.state == "live" for said in process.heard()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.ask_to_end()  # what the kernel does when the supervisor is killed
    while process.ended is None:
        assert time.monotonic() < deadline + 10
        time.sleep(0.05)
    assert process.ended == "its worker was asked to end"
    process.close()
    assert not list((tmp_path / "out").rglob("*.part"))
    assert clean(tmp_path / "out")


def test_no_secret_is_in_any_argument_variable_or_line(tmp_path, clip):
    secret = "hunter2hunter2"
    told_all = b""
    process = Process(
        camera(f"rtsp://user:{secret}@127.0.0.1:9/yard", publish=(f"rtsp://user:{secret}@127.0.0.1:9/out",))
    )
    deadline = time.monotonic() + 20
    statuses = []
    lines = []
    while len(statuses) < 8:
        assert time.monotonic() < deadline
        statuses += process.heard()
        lines += process.logged()
        time.sleep(0.1)
    for name in ("cmdline", "environ", "comm"):
        told_all += Path(f"/proc/{process.pid}/{name}").read_bytes()
    process.kill()
    while process.ended is None:
        time.sleep(0.01)
    process.close()
    told_all += b"".join(said.line() for said in statuses) + "\n".join(lines).encode()
    assert secret.encode() not in told_all
    assert any(isinstance(said, Status) and said.state == "lost" and "***" in said.reason for said in statuses)


def test_core_dumps_are_off_and_memory_is_not_readable(tmp_path, clip):
    process = Process(camera(clip, loop=True), _command(tmp_path))
    deadline = time.monotonic() + 20
    while not list(process.heard()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    process.kill()
    while process.ended is None:
        time.sleep(0.01)
    process.close()
    assert [line.split()[4:6] for line in limits.splitlines() if line.startswith("Max core")] == [["0", "0"]]


def test_what_a_broken_worker_says_hurts_nobody(tmp_path, clip):
    words = (
        r'import os,sys,time; os.write(int(sys.argv[2]), b"{}\nnull\n\xff\n" + b"x"*3000000 + b"\n"); time.sleep(1)'
    )
    with Watched(tmp_path, {"yard": camera(clip)}, (sys.executable, "-c", words)) as run:
        run.until(lambda camera: camera.restarts >= 1, 15)


def test_a_worker_that_never_stops_talking_keeps_nobody_waiting(tmp_path, clip):
    chatty = tmp_path / "chatty.py"
    chatty.write_text("import os\nwhile True:\n    os.write(2, b'INFO x\\n' * 1000)\n")
    cameras = {"yard": camera(clip, no_frame=2.0), "door": camera(clip, "door", loop=True)}
    others = f'exec {sys.executable} {SCRIPTED[1]} "$0" "$@"'  # what a worker is given: its name, and a descriptor
    command = ("/bin/sh", "-c", f"case $0 in yard) exec {sys.executable} {chatty};; esac; {others}")
    with Watched(tmp_path, cameras, command) as run:
        run.live(20, "door")
        run.until(lambda camera: camera.restarts >= 1, 40)
        assert run.camera("door").restarts == 0


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b'{"status": null}',
        b'{"status": {"age": "old"}}',
        b'{"status": {"age": NaN}}',
        b'{"status": {"astray": Infinity}}',
        b'{"status": {"frames_out": []}}',
        b'{"status": {"whole": {"x": "y"}}}',
        b'{"status": {"outputs": [{"name": 3, "open": true}]}}',
        b'{"status": {"outputs": {"name": "x"}}}',
        b'{"status": {"state": "splendid"}}',
        b'{"a": ' + b"[" * 5000,
        b'{"preview": 3, "taken": 1.0}',
        b'{"preview": "AA=A", "taken": 1.0}',
        b'{"preview": "AAAA", "taken": NaN}',
        b'{"preview": "AAAA"}',
    ],
)
def test_a_garbled_line_is_a_value_error_and_nothing_else(line):
    with pytest.raises(ValueError, match=r"."):
        told(line)


def test_what_is_told_is_what_was_said():
    said = Status(state="covered", whole={"why": 2}, age=0.5, outputs=(OutputStatus("a", True, "", 3, 4),))
    assert told(said.line()) == said


def test_a_worker_has_no_variable_that_its_settings_were_made_of(monkeypatch, tmp_path):
    for name, value in {
        "YARD_LOGIN": "user:hunter3hunter3",
        "REDACT_HTTP_TOKEN": "t" * 20,
        "REDACT_CAMERAS__YARD__SOURCE": "rtsp://x:hunter4hunter4@h/y",
        "OTHER": "stays",
    }.items():
        monkeypatch.setenv(name, value)
    source = resolve("rtsp://${YARD_LOGIN}@127.0.0.1:9/yard", os.environ)
    words = "import os, sys; os.write(2, repr(sorted(os.environ)).encode() + b'\\n')"
    process = Process(camera(source), (sys.executable, "-c", words))
    while process.ended is None:
        time.sleep(0.01)
    (names,) = process.logged()
    process.close()
    assert "OTHER" in names
    assert not [name for name in ("YARD_LOGIN", "REDACT_HTTP", "REDACT_CAMERAS") if name in names]


def test_statuses_survive_the_pipe():
    status = Status(state="live", frames_in=3, whole={"why": 2}, age=0.5)
    assert told(status.line().rstrip()) == status
    assert json.loads(status.line())["status"]["astray"] == 0.0


def _command(tmp_path):
    from tests.live.services import SCRIPTED

    (tmp_path / "mode").write_text("fine")
    return SCRIPTED


def _redact(*arguments, **keys):
    return subprocess.Popen(
        [sys.executable, "-m", "redact", *map(str, arguments)], stderr=subprocess.PIPE, stdout=subprocess.PIPE, **keys
    )


def test_stream_ends_well_on_term(tmp_path):
    lobby = Path(__file__).parents[2] / "samples" / "lobby.mp4"
    process = _redact("stream", lobby, tmp_path / "out", "--loop")
    deadline = time.monotonic() + 30
    while not videos(tmp_path / "out") or videos(tmp_path / "out")[0].stat().st_size < 100_000:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    _, said = process.communicate(timeout=20)
    assert process.returncode == 0, said
    assert time.monotonic() - began < 8
    assert b"went out covered" in said
    assert not list((tmp_path / "out").rglob("*.part"))


def test_stream_gives_mpegts_to_a_pipe_and_ends_with_its_reader(tmp_path):
    lobby = Path(__file__).parents[2] / "samples" / "lobby.mp4"
    process = _redact("stream", lobby, "-", "--loop", "--quiet")
    assert process.stdout.read(188 * 200)[0::188] == b"\x47" * 200
    process.stdout.close()
    assert process.wait(20) == 0
    process.stderr.close()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such place")
def test_a_typed_password_is_in_no_list_of_processes(tmp_path):
    process = _redact("stream", "rtsp://user:hunter2hunter2@127.0.0.1:9/yard", tmp_path / "out")
    deadline = time.monotonic() + 20
    while (
        b"no picture" not in (said := process.stderr.readline()) and b"refused" not in said and b"answers" not in said
    ):
        assert time.monotonic() < deadline
        assert b"hunter2" not in said
    listed = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, check=True).stdout
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=20)
    assert b"hunter2" not in listed + said
    assert b"rtsp://***@127.0.0.1:9/yard" in listed


def test_a_reader_of_stdout_that_goes_ends_no_recording(tmp_path):
    lobby = Path(__file__).parents[2] / "samples" / "lobby.mp4"
    process = _redact("stream", lobby, tmp_path / "out", "-", "--loop", "--quiet")
    assert process.stdout.read(188 * 20)[:1] == b"\x47"
    process.stdout.close()
    before = sum(path.stat().st_size for path in videos(tmp_path / "out"))
    deadline = time.monotonic() + 20
    while sum(path.stat().st_size for path in videos(tmp_path / "out")) < before + 50_000:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    process.stderr.close()


def test_events_that_nobody_can_read_end_nothing(monkeypatch):
    def full(_line):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cli_live, "say", full)
    record = logging.LogRecord("redact", logging.ERROR, "", 0, "the disk is full", (), None)
    cli_live._Events(stamped=True).emit(record)


def test_stream_refuses_what_cannot_be(tmp_path):
    for arguments, words in (
        (("nowhere.mp4", tmp_path), b"no such file"),
        (("rtsp://camera/yard", "http://elsewhere/"), b"cannot be published to"),
        (("rtsp://camera/yard", tmp_path / "out.mp4"), b"name the folder"),
        (("gopher://camera/yard", tmp_path), b"no address"),
        (("rtsp:/user:hunter2@camera/yard", tmp_path), b"no such file"),
        (("user:hunter2@camera/yard", tmp_path), b"no such file"),
        (("rtsp://camera/yard", "rtsp:/user:hunter2@recorder/yard"), b"is no address"),
        (("rtsp://camera/yard", tmp_path / "live.m3u8"), b"index.m3u8"),
        (("rtsp://camera/yard", tmp_path, "--name", "../../etc"), b"no name of a camera"),
    ):
        process = _redact("stream", *arguments)
        _, said = process.communicate(timeout=20)
        assert process.returncode in (1, 2)
        assert words in said
        assert b"hunter2" not in said
        assert list(tmp_path.iterdir()) == []
