"""Every kind of live source, from real servers: what it delivers, what it makes of broken ones, what it never does.

A source may wait for PATIENCE seconds here.
"""

from __future__ import annotations

import gc
import itertools
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from fractions import Fraction
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import av
import numpy as np
import pytest

from redact.errors import LoginRefused, SourceError, StreamLost
from redact.frames import Frame
from redact.media.addresses import address_of, mask
from redact.media.dial import _how
from redact.media.live_clock import LiveClock
from redact.media.live_source import LiveSource, open_live
from redact.media.packets import TIME_BASE
from tests.live.conftest import LOBBY
from tests.live.rtsp import RtspServer
from tests.live.senders import (
    answer,
    free_port,
    http_server,
    live_playlist,
    mjpeg,
    pieces,
    tcp_server,
    udp_sender,
)

KINDS = ("rtsp", "rtsp udp", "rtsp h265", "mjpeg", "hls", "udp", "udp h265", "file")
PATIENCE = 3.0  # seconds that a source may wait in these tests


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The lobby at 320x180, a key frame a second, by codec."""
    folder = tmp_path_factory.mktemp("small")
    return {name: _encoded(folder / f"{name}.mp4", name, 320, 180) for name in ("libx264", "libx265")}


def _encoded(path: Path, encoder: str, width: int, height: int, frames: int = 100) -> Path:
    options = {"g": "25", "bf": "2", "x265-params": "log-level=none:bframes=2:keyint=25:open-gop=0"}
    with av.open(str(LOBBY)) as source, av.open(str(path), "w") as out:
        stream = out.add_stream(encoder, rate=25, width=width, height=height)
        stream.options = options if encoder == "libx265" else {"g": "25", "bf": "2"}
        for picture in itertools.islice(source.decode(video=0), frames):
            scaled = picture.reformat(width, height, "yuv420p")
            scaled.pict_type = 0
            out.mux(stream.encode(scaled))
        out.mux(stream.encode(None))
    return path


@pytest.fixture
def opened(
    rtsp_camera: Callable[..., RtspServer], small: dict[str, Path], tmp_path: Path
) -> Iterator[Callable[[str], LiveSource]]:
    """``opened(kind)``: a live source of that kind which shows the lobby."""
    with ExitStack() as stack:

        def source(kind: str) -> LiveSource:
            address, options = str(LOBBY), {"loop": True}
            if kind.startswith("rtsp"):
                camera = rtsp_camera(small["libx265" if "h265" in kind else "libx264"])
                address, options = camera.url, {"transport": "udp" if "udp" in kind else "tcp"}
            elif kind == "mjpeg":
                address, options = stack.enter_context(http_server(mjpeg(LOBBY))) + "/video", {}
            elif kind == "hls":
                playlist = pieces(small["libx264"], tmp_path)
                server = stack.enter_context(http_server(live_playlist(tmp_path, playlist)))
                address, options = server + "/live.m3u8", {}
            elif kind.startswith("udp"):
                port = free_port(socket.SOCK_DGRAM)
                stack.enter_context(udp_sender(small["libx265" if "h265" in kind else "libx264"], port))
                address, options = f"udp://127.0.0.1:{port}", {}
            return stack.enter_context(open_live(address, timeout=PATIENCE, **options))

        yield source


@pytest.fixture(scope="session")
def lobby() -> np.ndarray:
    """Every frame of the lobby, small: what a source may show."""
    with av.open(str(LOBBY)) as container:
        return np.stack([_thumbnail(picture.to_ndarray(format="rgb24")) for picture in container.decode(video=0)])


def _thumbnail(rgb: np.ndarray) -> np.ndarray:
    import cv2

    return cv2.resize(rgb, (32, 18), interpolation=cv2.INTER_AREA).astype(np.float32)


def _off(frame: Frame, lobby: np.ndarray) -> float:
    """How far a frame is from the nearest of the lobby, in levels of 255."""
    seen = _thumbnail(frame.rgb(320, 180))
    return float(np.abs(lobby - seen).mean(axis=(1, 2, 3)).min())


class TestContract:
    @pytest.mark.parametrize("kind", KINDS)
    def test_delivers_the_camera_s_pictures_as_they_come(
        self, kind: str, opened: Callable[[str], LiveSource], lobby: np.ndarray
    ) -> None:
        source = opened(kind)
        began = time.monotonic()
        frames = list(itertools.islice(source, 30))
        took = time.monotonic() - began
        assert [frame.index for frame in frames] == list(range(30))
        assert all(frame.time_base == TIME_BASE for frame in frames)
        times = [frame.time for frame in frames]
        assert times[0] == 0
        assert all(before < after for before, after in itertools.pairwise(times))
        assert abs(times[-1] - took) < 1
        info = source.info
        for frame in frames:
            assert (frame.width, frame.height, frame.pixel_format) == (info.width, info.height, info.pixel_format)
            assert frame.damaged or _off(frame, lobby) < 6
        assert sum(frame.damaged for frame in frames) <= (15 if "udp" in kind else 0)
        assert info.frame_rate is None or 5 <= info.frame_rate <= 60

    @pytest.mark.parametrize("kind", KINDS)
    def test_frames_are_covered_in_place_without_harm_to_later_ones(
        self, kind: str, opened: Callable[[str], LiveSource], lobby: np.ndarray
    ) -> None:
        source = opened(kind)
        for frame in itertools.islice(source, 12):
            assert frame.damaged or _off(frame, lobby) < 6
            frame.own()
            for plane in frame.planes():
                plane.samples[:] = 0

    @pytest.mark.parametrize("kind", KINDS)
    def test_is_closed_from_another_thread(self, kind: str, opened: Callable[[str], LiveSource]) -> None:
        source = opened(kind)
        ended = threading.Event()

        def read() -> None:
            for _ in source:
                pass
            ended.set()

        thread = threading.Thread(target=read)
        thread.start()
        time.sleep(0.3)
        source.close()
        thread.join(PATIENCE + 2)
        assert ended.is_set()  # it neither hung nor raised
        source.close()


def _pictures() -> list[av.VideoFrame]:
    """All that there are in this process."""
    return [item for item in gc.get_objects() if type(item) is av.VideoFrame]


class TestCamera:
    def test_no_picture_outlives_its_connection(self, rtsp_camera: Callable[..., RtspServer]) -> None:
        """Not even until the garbage collector comes by: each would keep its decoder's memory."""
        camera = rtsp_camera()
        gc.collect()
        others = len(_pictures())
        gc.disable()
        try:
            for _ in range(3):
                with open_live(camera.url, timeout=PATIENCE) as source:
                    frames = list(itertools.islice(source, 5))
                del source, frames
            assert len(_pictures()) <= others
        finally:
            gc.enable()

    @pytest.mark.parametrize("login", ["digest", "basic"])
    @pytest.mark.parametrize("transport", ["tcp", "udp"])
    def test_login(self, rtsp_camera: Callable[..., RtspServer], login: str, transport: str) -> None:
        camera = rtsp_camera(login=login, user="ad min", password="p@ss:/w?#%", path="/Streaming/Channels/101")
        # what a person has to write in an address
        address = camera.bare.replace("://", "://ad%20min:p%40ss%3A%2Fw%3F%23%25@")
        with open_live(address, transport=transport, timeout=PATIENCE) as source:
            assert len(list(itertools.islice(source, 5))) == 5

    @pytest.mark.parametrize("wrong", ["", "user:wrong@", "nobody:pass@"])
    def test_wrong_login_is_told_apart_and_never_shown(
        self, rtsp_camera: Callable[..., RtspServer], wrong: str
    ) -> None:
        camera = rtsp_camera(login="digest")
        with pytest.raises(LoginRefused) as caught:
            open_live(camera.bare.replace("://", f"://{wrong}"), timeout=PATIENCE)
        said = f"{caught.value!r} {caught.value.hint} {caught.value.__cause__}"
        assert "login" in said
        assert "wrong" not in said
        assert "nobody" not in said

    def test_wrong_path_dead_port_and_silence_are_told_apart(self, rtsp_camera: Callable[..., RtspServer]) -> None:
        camera = rtsp_camera()
        with pytest.raises(SourceError, match="no such stream"):
            open_live(camera.url.replace("/yard", "/street"), timeout=PATIENCE)
        with pytest.raises(SourceError, match="nothing answers"):
            open_live(f"rtsp://user:pass@127.0.0.1:{free_port()}/yard", timeout=PATIENCE)
        with tcp_server(lambda connection: time.sleep(30)) as port:
            began = time.monotonic()
            with pytest.raises(StreamLost, match="no answer in 1 s"):
                open_live(f"rtsp://user:pass@127.0.0.1:{port}/yard", timeout=1)
            assert time.monotonic() - began < 10

    def test_frozen_and_thawed(self, rtsp_camera: Callable[..., RtspServer]) -> None:
        camera = rtsp_camera()
        with open_live(camera.url, timeout=1) as source:
            frames = iter(source)
            next(frames)
            camera.tell("freeze")
            with pytest.raises(StreamLost, match=r"nothing came for 1 s") as caught:
                list(frames)
            assert "pass" not in str(caught.value)
        camera.tell("thaw")
        with open_live(camera.url, timeout=PATIENCE) as source:
            assert next(iter(source)).pts == 0

    def test_ends_and_comes_back(self, rtsp_camera: Callable[..., RtspServer]) -> None:
        camera = rtsp_camera()
        for end, begin in ((lambda: camera.tell("stop"), lambda: camera.tell("start")), (camera.kill, camera.boot)):
            with open_live(camera.url, timeout=PATIENCE) as source:
                frames = iter(source)
                next(frames)
                end()
                with pytest.raises(StreamLost):
                    list(frames)
            with pytest.raises(SourceError, match="nothing answers"):
                open_live(camera.url, timeout=PATIENCE)
            begin()

    def test_another_size_in_mid_stream_is_another_stream(
        self, rtsp_camera: Callable[..., RtspServer], small: dict[str, Path]
    ) -> None:
        camera = rtsp_camera(small["libx264"])
        with open_live(camera.url, timeout=PATIENCE) as source:
            frames = iter(source)
            next(frames)
            camera.tell(f"splice {LOBBY}")
            with pytest.raises(StreamLost, match="changed from 320x180 yuv420p to 1280x720"):
                list(frames)
        camera.tell(f"switch {small['libx265']}")
        with open_live(camera.url, timeout=PATIENCE) as source:
            assert (source.info.codec, source.info.width) == ("hevc", 320)

    @pytest.mark.parametrize("seconds", [3600, -3600, 95_000])
    def test_its_clock_jumps(self, rtsp_camera: Callable[..., RtspServer], seconds: int) -> None:
        camera = rtsp_camera()
        with open_live(camera.url, timeout=PATIENCE) as source:
            frames = iter(source)
            began = time.monotonic()
            times = [next(frames).time for _ in range(10)]
            camera.tell(f"jump {seconds}")
            times += [next(frames).time for _ in range(50)]
            assert all(before < after for before, after in itertools.pairwise(times))
            assert abs(times[-1] - (time.monotonic() - began)) < 1

    def test_joins_in_mid_group_and_shows_nothing_before_a_key_frame(
        self, rtsp_camera: Callable[..., RtspServer], lobby: np.ndarray
    ) -> None:
        camera = rtsp_camera()  # a key frame every two seconds or more
        with open_live(camera.url, timeout=PATIENCE) as first:
            next(iter(first))
            time.sleep(0.5)
            with open_live(camera.url, timeout=PATIENCE) as second:
                for frame in itertools.islice(second, 5):
                    assert _off(frame, lobby) < 6


class TestClock:
    def test_stamps_are_kept_apart_as_the_camera_says(self) -> None:
        clock = LiveClock()
        jitter = np.random.default_rng(0).uniform(0, 0.05, 500)
        stamps = [clock.stamp(1000 + i / 15, i / 15 + late) for i, late in enumerate(jitter)]
        steps = np.diff(stamps) * float(TIME_BASE)
        assert np.abs(steps - 1 / 15).max() < 0.001
        assert clock.leaps == 0

    @pytest.mark.parametrize("leap", [3600.0, -3600.0, 2**33 / 90_000, -(2**33) / 90_000, 5.0, -5.0])
    def test_leaps_cost_nothing(self, leap: float) -> None:
        clock = LiveClock()
        stamps = [clock.stamp(100 + i / 15 + (leap if i >= 50 else 0), i / 15) for i in range(100)]
        steps = np.diff(stamps) * float(TIME_BASE)
        assert steps.min() > 0
        assert steps.max() < 0.2
        assert clock.leaps == 1
        assert abs(stamps[-1] * float(TIME_BASE) - 99 / 15) < 0.2

    def test_missing_and_repeated_stamps(self) -> None:
        clock = LiveClock()
        said = [0.0, 0.1, 0.1, None, 0.05, 0.5, None, None, 0.8]
        stamps = [clock.stamp(time, i / 10) for i, time in enumerate(said)]
        assert all(before < after for before, after in itertools.pairwise(stamps))
        assert abs(stamps[-1] * float(TIME_BASE) - 0.8) < 0.05
        assert clock.repaired

    @pytest.mark.parametrize("rate", [0.999, 1.001])
    def test_a_clock_that_runs_wrong_stays_near_real_time(self, rate: float) -> None:
        clock = LiveClock()
        hours = 15 * 3600 * 4
        last = [clock.stamp(i / 15 * rate, i / 15) for i in range(hours)][-1]
        assert abs(last * float(TIME_BASE) - hours / 15) < 1

    def test_a_stall_that_is_caught_up_is_no_leap(self) -> None:
        clock = LiveClock()
        arrivals = [max(i / 15, 6.0) if i > 30 else i / 15 for i in range(150)]
        stamps = [clock.stamp(i / 15, now) for i, now in enumerate(arrivals)]
        assert clock.leaps == 0
        assert np.abs(np.diff(stamps) * float(TIME_BASE) - 1 / 15).max() < 0.02


HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "garbage": np.random.default_rng(1).integers(0, 256, 300_000, dtype=np.uint8).tobytes(),
    "endless header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 3_000_000,
    "endless headers": b"RTSP/1.0 200 OK\r\n" + b"X: y\r\n" * 300_000,
    "huge length": b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 2147483647\r\n\r\n",
    "negative length": b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: -5\r\n\r\n",
    "interleaved garbage": b"$\x00\xff\xff" + b"\x80" * 70_000,
    "bare jpeg header": b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n--b\r\n"
    b"Content-Type: image/jpeg\r\nContent-Length: 99999999999999\r\n\r\n\xff\xd8\xff\xe0",
}


class TestHostile:
    @pytest.mark.parametrize("scheme", ["rtsp", "http", "hls"])
    @pytest.mark.parametrize("attack", HOSTILE)
    def test_garbage_ends_in_one_of_our_errors(self, scheme: str, attack: str) -> None:
        def serve(connection: socket.socket) -> None:
            connection.recv(4096)
            connection.sendall(HOSTILE[attack])
            connection.close()

        tail = "/x.m3u8" if scheme == "hls" else "/x"
        with tcp_server(serve) as port, pytest.raises(SourceError) as caught:
            open_live(f"{'http' if scheme == 'hls' else scheme}://u:hunter2@127.0.0.1:{port}{tail}", timeout=2)
        assert "hunter2" not in f"{caught.value} {caught.value.hint}"
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("scheme", ["rtsp", "http"])
    def test_a_byte_a_second_is_not_enough(self, scheme: str) -> None:
        def drip(connection: socket.socket) -> None:
            for byte in b"RTSP/1.0 200 OK\r\n" if scheme == "rtsp" else b"HTTP/1.1 200 OK\r\n":
                connection.sendall(bytes([byte]))
                time.sleep(0.5)

        began = time.monotonic()
        with tcp_server(drip) as port, pytest.raises(StreamLost):
            open_live(f"{scheme}://127.0.0.1:{port}/x", timeout=2)
        assert time.monotonic() - began < 15

    def test_garbage_by_udp(self) -> None:
        port = free_port(socket.SOCK_DGRAM)
        stop = threading.Event()

        def send() -> None:
            garbage = np.random.default_rng(2)
            with socket.socket(type=socket.SOCK_DGRAM) as sender:
                while not stop.wait(0.001):
                    sender.sendto(garbage.bytes(1316), ("127.0.0.1", port))

        thread = threading.Thread(target=send)
        thread.start()
        try:
            with pytest.raises(SourceError):
                open_live(f"udp://127.0.0.1:{port}", timeout=2)
        finally:
            stop.set()
            thread.join()

    def test_a_playlist_reads_no_file_of_ours_and_reaches_nobody_else(self, tmp_path: Path) -> None:
        lines = (
            "#EXTINF:2,\n{uri}",
            '#EXT-X-KEY:METHOD=AES-128,URI="{uri}"\n#EXTINF:2,\npiece.ts',
            '#EXT-X-MAP:URI="{uri}"\n#EXTINF:2,\npiece.m4s',
            "#EXT-X-STREAM-INF:BANDWIDTH=1000\n{uri}",
        )
        uris = ("file:///etc/passwd", "/etc/passwd", "concat:/etc/passwd", "data:,x", "udp://127.0.0.1:1")
        tried = [line.format(uri=uri) for line in lines for uri in uris]
        program = (
            "import sys\nfrom redact.errors import SourceError\nfrom redact.media.live_source import open_live\n"
            f"for number in range({len(tried)}):\n"
            "    try:\n        open_live(f'{sys.argv[1]}/{number}.m3u8', timeout=2)\n"
            "    except SourceError:\n        print(number)\n"
        )

        def serve(request: BaseHTTPRequestHandler) -> None:
            name = request.path.strip("/").partition(".")
            if name[2] != "m3u8":
                request.send_error(404)
                return
            head = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n"
            playlist = f"{head}{tried[int(name[0])]}\n#EXT-X-ENDLIST\n"
            answer(playlist.encode(), "application/vnd.apple.mpegurl")(request)

        trace = tmp_path / "trace"
        with http_server(serve) as server:
            traced = ["strace", "-f", "-qq", "-e", "trace=openat,open,connect,bind", "-o", str(trace)]
            done = subprocess.run([*traced, sys.executable, "-c", program, server], capture_output=True, text=True)
        assert done.stdout.split() == [str(number) for number in range(len(tried))]
        assert done.stderr == ""
        assert "/etc/passwd" not in trace.read_text()
        reached = [line for line in trace.read_text().splitlines() if "AF_INET" in line]
        assert reached
        assert all(f"htons({server.rpartition(':')[2]})" in line for line in reached)

    @pytest.mark.parametrize(("width", "height"), [(2, 2), (16, 16), (4096, 16)])
    def test_odd_shapes(
        self, width: int, height: int, tmp_path: Path, rtsp_camera: Callable[..., RtspServer]
    ) -> None:
        camera = rtsp_camera(_encoded(tmp_path / "odd.mp4", "libx264", width, height, 30))
        with open_live(camera.url, timeout=PATIENCE) as source:
            frame = next(iter(source))
            assert (frame.width, frame.height) == (width, height)


class TestAddresses:
    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("rtsp://u:p@10.0.0.5/Streaming/Channels/101", "rtsp"),
            ("rtsp://u:p@10.0.0.5:554/cam/realmonitor?channel=1&subtype=0", "rtsp"),
            ("rtsps://h/x", "rtsp"),
            ("http://h/video.mjpg", "http"),
            ("https://h/live/index.m3u8?token=1", "hls"),
            ("udp://@239.1.1.1:5000", "mpegts"),
            ("srt://h:9000", "srt"),
            ("/dev/video0", "device"),
            ("samples/lobby.mp4", "file"),
            ("file:///tmp/a.mp4", "file"),
        ],
    )
    def test_kinds(self, text: str, kind: str) -> None:
        assert address_of(text).kind == kind
        assert text not in repr(address_of(text))

    @pytest.mark.parametrize("text", ["ftp://h/x", "rtsp://", "rtsp://[::1/x", "udp://h", "rtsp://h:x/y", "a\nb"])
    def test_nonsense(self, text: str) -> None:
        with pytest.raises(SourceError) as caught:
            address_of(text)
        assert caught.value.hint

    def test_secrets_are_masked(self) -> None:
        for text in (
            "rtsp://user:hunter2@h/x",
            "rtsp://user:hun@ter2@h/x",
            "rtsp://user:hun/ter2@h/x",
            "rtsp%3A%2F%2Fuser%3Ahunter2%40h",
            "http://h/flv?user=user&password=hunter2",
            "rtsp://h/user=user&password=hunter2&channel=1",
            "cannot open 'rtsp://user:hunter2@h/x': refused",
        ):
            masked = mask(text)
            assert "hunter2" not in masked
            assert "ter2" not in masked
            assert "***" in masked
        assert mask("rtsp://h:554/Streaming/Channels/101") == "rtsp://h:554/Streaming/Channels/101"

    def test_a_device_is_opened_as_one(self) -> None:
        address, form, options = _how(address_of("/dev/video7"), "tcp")
        assert (address, form) == ("/dev/video7", "video4linux2,v4l2")
        assert options["protocol_whitelist"] == ""
        if not os.path.exists("/dev/video7"):
            with pytest.raises(SourceError, match="no such device"):
                open_live("/dev/video7")

    def test_srt_where_the_wheel_has_none(self) -> None:
        with pytest.raises(SourceError) as caught:
            open_live("srt://127.0.0.1:9?passphrase=hunter2hunter2", timeout=1)
        assert "hunter2" not in str(caught.value)
        assert caught.value.hint

    def test_udp_listens_only_where_it_is_told(self) -> None:
        port = free_port(socket.SOCK_DGRAM)

        def listen() -> None:
            with suppress(SourceError):
                open_live(f"udp://127.0.0.1:{port}", timeout=2)

        thread = threading.Thread(target=listen)
        thread.start()
        time.sleep(1)
        listening = Path("/proc/net/udp").read_text()
        thread.join()
        assert f"0100007F:{port:04X}" in listening
        assert f"00000000:{port:04X}" not in listening


def test_a_file_ends_or_begins_again(tmp_path: Path) -> None:
    file = _encoded(tmp_path / "short.mp4", "libx264", 64, 48, 10)
    with open_live(file) as source:
        assert len(list(source)) == 10
    with open_live(file, loop=True) as source:
        times = [frame.time for frame in itertools.islice(source, 25)]
    assert all(before < after for before, after in itertools.pairwise(times))
    assert Fraction(times[20]).limit_denominator(1000) == Fraction(4, 5)
