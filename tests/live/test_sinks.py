"""Packet sinks: one contract for all, and what each leaves behind, whatever happens to it."""

from __future__ import annotations

import functools
import itertools
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from redact.cover import Cover
from redact.errors import SinkError
from redact.frames import Frame, RedactedFrame, VideoInfo
from redact.live.publisher import Publisher
from redact.live.retention import Kept, Recordings
from redact.media.hls import Hls
from redact.media.live_encoder import KEY_FRAMES, LiveEncoder
from redact.media.packets import TIME_BASE, PacketStream, RedactedPacket
from redact.media.pipe import Pipe
from redact.media.segments import PART, Segments, segments, started
from redact.policy import Policy
from redact.regions import Settled
from tests.live.rtsp import RtspServer
from tests.live.senders import free_port, tcp_server

SINKS = ("publish", "mp4", "mkv", "hls", "pipe")
RATE = 15
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
COLOUR = (16, 180, 200)  # Y, Cb, Cr of what covers everything in these tests
VIDEO = VideoInfo(320, 180, "yuv420p", TIME_BASE, frame_rate=Fraction(RATE))


def covered(index: int, info: VideoInfo = VIDEO) -> RedactedFrame:
    """A frame of noise, covered whole in one colour by the real thing."""
    noise = np.random.default_rng(index).integers(0, 256, (info.height, info.width, 3), dtype=np.uint8)
    picture = av.VideoFrame.from_ndarray(noise, "rgb24").reformat(format=info.pixel_format)
    frame = Frame(picture, index, round(index / RATE / TIME_BASE), TIME_BASE, round(1 / RATE / TIME_BASE))
    return Cover(Policy(color="#0000ff"))(Settled(frame, (), "test"))


@functools.cache
def _encoded(seconds: float) -> tuple[PacketStream, tuple[RedactedPacket, ...]]:
    encoder = LiveEncoder(VIDEO)
    count = round(seconds * RATE)
    packets = [p for i in range(count) for p in encoder.encode(covered(i), NOON + i / RATE)]
    encoder.close()
    return encoder.stream, tuple(packets)


def pictures(path: Path | str) -> list[tuple[float, np.ndarray]]:
    """(seconds, (height, width, 3) in R, G, B) of everything that can be decoded."""
    with av.open(str(path)) as container:
        return [(float(p.time or 0), p.to_ndarray(format="rgb24")) for p in container.decode(video=0)]


def listed(playlist: Path) -> list[tuple[float, np.ndarray]]:
    """The pictures of a live playlist as it is now: a copy ends, where it would be asked for more for ever."""
    ended = playlist.with_name("ended.m3u8")
    ended.write_text(playlist.read_text() + "#EXT-X-ENDLIST\n")
    try:
        return pictures(ended)
    finally:
        ended.unlink()


def all_covered(shown: list[tuple[float, np.ndarray]]) -> bool:
    """Whether every picture is the covering blue, edge to edge."""
    return bool(shown) and all((np.abs(rgb.astype(int) - (0, 0, 255)) < 40).all() for _, rgb in shown)


class Place:
    """A sink of some kind for a stream, and what came out of it."""

    def __init__(self, kind: str, folder: Path, rtsp_recorder: Callable[..., RtspServer]) -> None:
        self.kind, self.folder = kind, folder
        self._recorder = rtsp_recorder() if kind == "publish" else None
        self._read: list[bytes] = []
        self._threads: list[threading.Thread] = []

    def open(self, stream: PacketStream) -> Any:
        if self.kind == "publish":
            assert self._recorder is not None
            return Publisher(self._recorder.url, stream, timeout=3)
        if self.kind == "hls":
            return Hls(self.folder, stream)
        if self.kind == "pipe":
            reading, writing = os.pipe()
            self._threads = [threading.Thread(target=self._drain, args=(reading,))]
            self._threads[0].start()
            self._writing = writing
            return Pipe(writing, stream)
        return Segments(self.folder, "yard", stream, segment=4, container=self.kind)

    def send(self, sink: Any, packets: Sequence[RedactedPacket]) -> None:
        """Write packets; those that a server takes at the pace of a camera, since it measures clocks by arrival."""
        began = time.monotonic()
        for packet in packets:
            if self.kind == "publish":
                time.sleep(max(0.0, began + float(packet.pts * TIME_BASE) - time.monotonic()))
            sink.write(packet)

    def shown(self) -> list[tuple[float, np.ndarray]]:
        """Everything that a viewer of what came out sees, once the sink is closed."""
        if self.kind == "publish":
            assert self._recorder is not None
            time.sleep(0.3)
            return [picture for file in self._recorder.sessions() for picture in pictures(file)]
        if self.kind == "hls":
            whole = self.folder / "whole.mp4"
            numbers = sorted(int(path.stem) for path in self.folder.glob("*.m4s"))
            starts = [path.read_bytes() for path in self.folder.glob("*-start.mp4")]
            whole.write_bytes(b"".join([*starts, *((self.folder / f"{n}.m4s").read_bytes() for n in numbers)]))
            return pictures(whole)
        if self.kind == "pipe":
            os.close(self._writing)
            self._threads[0].join()
            whole = self.folder / "whole.ts"
            whole.write_bytes(b"".join(self._read))
            return pictures(whole)
        return [picture for file in segments(self.folder / "yard", "yard") for picture in pictures(file)]

    def _drain(self, reading: int) -> None:
        while content := os.read(reading, 65536):
            self._read.append(content)
        os.close(reading)


@pytest.fixture(params=SINKS)
def place(request: pytest.FixtureRequest, tmp_path: Path, rtsp_recorder: Callable[..., RtspServer]) -> Place:
    folder = tmp_path / "sink"
    folder.mkdir()
    return Place(request.param, folder, rtsp_recorder)


class TestContract:
    def test_what_comes_out_is_what_went_in(self, place: Place) -> None:
        stream, packets = _encoded(9)
        sink = place.open(stream)
        place.send(sink, packets)
        sink.close()
        sink.close()
        shown = place.shown()
        assert all_covered(shown)
        missing = 2 if place.kind == "publish" else 0  # the recorder ends without its last pictures
        assert len(packets) - missing <= len(shown) <= len(packets)
        assert (sink.stored > 0) == (place.kind in ("mp4", "mkv", "hls"))

    def test_takes_nothing_that_is_not_covered(self, place: Place) -> None:
        stream, packets = _encoded(1)
        sink = place.open(stream)
        raw = av.Packet(packets[0].data)
        for other in (raw, packets[0].data, covered(0), covered(0).frame, None):
            with pytest.raises(TypeError, match="RedactedPacket only"):
                sink.write(other)
        sink.close()
        if place.kind == "pipe":
            os.close(place._writing)

    def test_time_goes_on_as_it_went_in(self, place: Place) -> None:
        stream, packets = _encoded(9)
        sink = place.open(stream)
        place.send(sink, packets)
        sink.close()
        times = [seconds for seconds, _ in place.shown()]
        steps = [after - before for before, after in itertools.pairwise(times) if after > before]
        assert np.abs(np.array(steps) - 1 / RATE).max() < (0.05 if place.kind == "publish" else 0.002)

    def test_tells_nothing_of_the_machine(self, place: Place) -> None:
        stream, packets = _encoded(9)
        sink = place.open(stream)
        place.send(sink, packets)
        sink.close()
        place.shown()
        host = socket.gethostname().encode()
        for file in place.folder.rglob("*"):
            if file.is_file():
                content = file.read_bytes()
                assert b"x264" not in content
                assert len(host) < 5 or host not in content
                assert b"FFmpeg" not in content


class TestEncoder:
    def test_every_frame_comes_out_at_once_with_key_frames_on_time_and_on_demand(self) -> None:
        encoder = LiveEncoder(VIDEO)
        keys = []
        for index in range(120):
            if index == 70:
                encoder.want_key_frame()
            (packet,) = encoder.encode(covered(index), NOON + index)
            assert (packet.pts, packet.taken) == (round(index / RATE / TIME_BASE), NOON + index)
            assert packet.dts == packet.pts
            assert packet.duration == round(1 / RATE / TIME_BASE)
            keys += [index] if packet.keyframe else []
        step = round(KEY_FRAMES * RATE)
        assert keys == [0, step, 2 * step, 70, 70 + step]
        encoder.close()
        with pytest.raises(SinkError, match="closed"):
            encoder.encode(covered(121), NOON)

    def test_key_frames_carry_the_headers_and_nothing_names_the_encoder(self) -> None:
        stream, packets = _encoded(9)
        assert stream.extradata
        for packet in packets:
            assert packet.data.startswith(stream.extradata) == packet.keyframe
            assert b"x264" not in packet.data

    @pytest.mark.parametrize(("width", "height"), [(321, 181), (320, 181), (17, 16), (2, 2), (1920, 1080)])
    @pytest.mark.parametrize("form", ["yuv420p", "yuvj420p", "yuvj422p", "gray", "yuv420p10le", "rgb24", "nv12"])
    def test_any_size_and_format(self, width: int, height: int, form: str) -> None:
        info = VideoInfo(width, height, form, TIME_BASE, color_range=2 if form.startswith("yuvj") else 1)
        encoder = LiveEncoder(info)
        (packet,) = encoder.encode(covered(0, info), NOON)
        decoder = av.CodecContext.create("h264", "r")
        (picture,) = decoder.decode(av.Packet(packet.data)) or decoder.decode(None)
        assert (picture.width, picture.height) == (width + width % 2, height + height % 2)
        assert (picture.width, picture.height) == (encoder.stream.width, encoder.stream.height)
        assert picture.format.name == ("yuvj420p" if form.startswith("yuvj") else "yuv420p")
        expected = (255, 255, 255) if form == "gray" else (0, 0, 255)
        rgb = picture.to_ndarray(format="rgb24").astype(int)
        if form != "gray":
            assert (np.abs(rgb - expected) < 40).all()

    def test_colour_tags_are_kept(self) -> None:
        info = VideoInfo(64, 48, "yuv420p", TIME_BASE, color_range=1, color_primaries=9, color_trc=16, colorspace=9)
        (packet,) = LiveEncoder(info).encode(covered(0, info), NOON)
        decoder = av.CodecContext.create("h264", "r")
        (picture,) = decoder.decode(av.Packet(packet.data)) or decoder.decode(None)
        assert (picture.color_primaries, picture.color_trc, picture.colorspace) == (9, 16, 9)

    def test_takes_nothing_that_is_not_covered(self) -> None:
        encoder = LiveEncoder(VIDEO)
        for other in (covered(0).frame, covered(0).frame.picture, None):
            with pytest.raises(TypeError, match="RedactedFrame only"):
                encoder.encode(other, NOON)  # type: ignore[arg-type]

    def test_another_size_is_refused(self) -> None:
        encoder = LiveEncoder(VIDEO)
        encoder.encode(covered(0), NOON)
        with pytest.raises(SinkError, match="not the size"):
            encoder.encode(covered(1, VideoInfo(64, 48, "yuv420p", TIME_BASE)), NOON)

    def test_noise_does_not_fill_the_network(self) -> None:
        info = VideoInfo(640, 360, "yuv420p", TIME_BASE, frame_rate=Fraction(RATE))
        encoder = LiveEncoder(info)
        rng = np.random.default_rng(0)
        size = 0
        for index in range(RATE * 6):
            picture = av.VideoFrame.from_ndarray(rng.integers(0, 256, (540, 640), dtype=np.uint8), "yuv420p")
            frame = Frame(picture, index, round(index / RATE / TIME_BASE), TIME_BASE)
            size += sum(len(packet.data) for packet in encoder.encode(RedactedFrame(frame), NOON))
        assert size * 8 / 6 < 640 * 360 * RATE * 0.25 * 1.5


class TestPublish:
    @pytest.mark.parametrize("login", ["digest", "basic"])
    def test_login(self, rtsp_recorder: Callable[..., RtspServer], login: str) -> None:
        recorder = rtsp_recorder(login=login, user="user", password="p@ss/w")
        stream, packets = _encoded(3)
        sink = Publisher(recorder.bare.replace("://", "://user:p%40ss%2Fw@"), stream, timeout=3)
        for packet in packets:
            sink.write(packet)
        sink.close()
        time.sleep(0.3)
        assert all_covered(pictures(recorder.sessions()[0]))
        for wrong in ("", "user:hunter2@"):
            with pytest.raises(SinkError, match="login was refused") as caught:
                Publisher(recorder.bare.replace("://", f"://{wrong}"), stream, timeout=3)
            assert "hunter2" not in f"{caught.value!r} {caught.value.hint} {caught.value.__cause__}"

    def test_refusals_are_told_apart(self, rtsp_recorder: Callable[..., RtspServer]) -> None:
        recorder = rtsp_recorder()
        stream, _ = _encoded(1)
        with pytest.raises(SinkError, match="nobody takes a stream there"):
            Publisher(recorder.url.replace("/yard", "/street"), stream, timeout=3)
        with pytest.raises(SinkError, match="nothing answers"):
            Publisher(f"rtsp://user:pass@127.0.0.1:{free_port()}/yard", stream, timeout=3)
        with pytest.raises(SinkError, match="no RTSP address"):
            Publisher("http://127.0.0.1/yard", stream)
        with tcp_server(lambda connection: time.sleep(30)) as port:
            began = time.monotonic()
            with pytest.raises(SinkError, match="no answer in 1 s"):
                Publisher(f"rtsp://user:hunter2@127.0.0.1:{port}/yard", stream, timeout=1)
            assert time.monotonic() - began < 10

    def test_a_server_that_hangs_holds_up_nothing_else(self) -> None:
        stream, _ = _encoded(1)
        gaps, stop = [0.0], threading.Event()

        def tick() -> None:
            last = time.monotonic()
            while not stop.wait(0.01):
                now = time.monotonic()
                gaps.append(now - last)
                last = now

        ticking = threading.Thread(target=tick)
        ticking.start()
        try:
            with tcp_server(lambda connection: time.sleep(30)) as port, pytest.raises(SinkError, match="no answer"):
                Publisher(f"rtsp://127.0.0.1:{port}/yard", stream, timeout=2)
        finally:
            stop.set()
            ticking.join()
        assert max(gaps) < 1.0

    def test_a_recorder_that_goes_away_and_comes_back(self, rtsp_recorder: Callable[..., RtspServer]) -> None:
        recorder = rtsp_recorder()
        stream, packets = _encoded(9)
        sink = Publisher(recorder.url, stream, timeout=3)
        for packet in packets[:20]:
            sink.write(packet)
        recorder.kill()
        with pytest.raises(SinkError):  # noqa: PT012
            for packet in itertools.chain(packets[20:], packets[20:], packets[20:]):
                sink.write(packet)
                time.sleep(0.005)
        sink.close()
        recorder.boot()
        sink = Publisher(recorder.url, stream, timeout=3)
        for packet in packets[30:60]:
            sink.write(packet)
        sink.close()
        time.sleep(0.3)
        assert all_covered(pictures(recorder.sessions()[-1]))

    def test_a_server_that_stops_reading_is_given_up(self) -> None:
        answers = {"OPTIONS": "", "ANNOUNCE": "", "SETUP": "", "RECORD": ""}

        def serve(connection: socket.socket) -> None:
            while not answers["RECORD"]:
                request = _request(connection)
                method = request.split(" ")[0]
                if method in answers:
                    answers[method] = request
                number = request.split("CSeq: ")[1].split("\r\n")[0]
                transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n" if method == "SETUP" else ""
                connection.sendall(f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\nSession: 1\r\n{transport}\r\n".encode())
            time.sleep(60)

        stream, packets = _encoded(9)
        big = [packet for packet in packets if packet.keyframe]
        with tcp_server(serve) as port:
            sink = Publisher(f"rtsp://127.0.0.1:{port}/yard", stream, timeout=1)
            began = time.monotonic()
            with pytest.raises(SinkError):  # noqa: PT012
                for number in itertools.count():
                    packet = big[0]
                    filler = packet.data + b"\0" * 60_000
                    at = number * 6000
                    sink.write(RedactedPacket(filler, at, at, 6000, TIME_BASE, True, NOON))
                    assert time.monotonic() - began < 20
            sink.close()
        assert "v=0" in answers["ANNOUNCE"]
        assert "Lavf" not in answers["ANNOUNCE"].split("\r\n\r\n")[1]


def _request(connection: socket.socket) -> str:
    """The next request with its body, however many packets it comes in."""
    request = ""
    while "\r\n\r\n" not in request:
        request += connection.recv(1).decode(errors="replace")
    _, found, length = request.partition("Content-Length: ")
    for _ in range(int(length.split("\r\n")[0]) if found else 0):
        request += connection.recv(1).decode(errors="replace")
    return request


class TestSegments:
    @pytest.mark.parametrize("container", ["mp4", "mkv"])
    @pytest.mark.parametrize("length", [2.0, 3.0, 5.0])
    def test_cut_near_the_length_at_key_frames_each_from_zero(
        self, container: Any, length: float, tmp_path: Path
    ) -> None:
        stream, packets = _encoded(21)
        sink = Segments(tmp_path, "yard", stream, segment=length, container=container)
        for packet in packets[3:]:  # no key frame at first: left out
            sink.write(packet)
        sink.close()
        files = segments(tmp_path / "yard", "yard")
        assert (
            files[0].relative_to(tmp_path).as_posix() == f"yard/2026/11/23/yard_2026-11-23_12-00-02.000Z.{container}"
        )
        lengths = []
        for file in files:
            shown = pictures(file)
            assert shown[0][0] == 0
            lengths.append(len(shown) / RATE)
            assert abs(started(file).timestamp() - (NOON + 2 + sum(lengths[:-1]))) < 0.01
        assert all(abs(found - length) <= KEY_FRAMES / 2 + 0.1 for found in lengths[:-1])
        assert sum(lengths) == pytest.approx(19)
        assert not list(tmp_path.rglob(f"*{PART}"))
        assert sink.stored >= sum(file.stat().st_size for file in files)

    def test_closed_files_have_one_index(self, tmp_path: Path) -> None:
        stream, packets = _encoded(9)
        sink = Segments(tmp_path, "yard", stream, segment=100)
        for packet in packets:
            sink.write(packet)
        part = next(tmp_path.rglob(f"*{PART}"))
        assert b"moof" in part.read_bytes()
        sink.close()
        content = segments(tmp_path / "yard", "yard")[0].read_bytes()
        assert content[4:8] == b"ftyp"
        with av.open(str(segments(tmp_path / "yard", "yard")[0])) as container:
            assert container.duration == 9_000_000
            assert container.streams.video[0].frames == len(packets)

    def test_nothing_is_overwritten_and_no_link_is_followed(self, tmp_path: Path) -> None:
        stream, packets = _encoded(3)
        folder = tmp_path / "yard/2026/11/23"
        folder.mkdir(parents=True)
        victim = tmp_path / "victim"
        victim.write_text("mine")
        (folder / "yard_2026-11-23_12-00-00.000Z.mp4").write_text("older")
        (folder / f"yard_2026-11-23_12-00-00.001Z.mp4{PART}").symlink_to(victim)
        (folder / "yard_2026-11-23_12-00-00.002Z.mp4").symlink_to(victim)
        sink = Segments(tmp_path, "yard", stream)
        for packet in packets:
            sink.write(packet)
        sink.close()
        assert victim.read_text() == "mine"
        assert (folder / "yard_2026-11-23_12-00-00.000Z.mp4").read_text() == "older"
        assert all_covered(pictures(folder / "yard_2026-11-23_12-00-00.003Z.mp4"))

    @pytest.mark.parametrize("container", ["mp4", "mkv"])
    def test_a_leftover_cut_anywhere_becomes_a_file_that_plays(self, container: Any, tmp_path: Path) -> None:
        stream, packets = _encoded(9)
        sink = Segments(tmp_path / "a", "yard", stream, segment=100, container=container)
        for packet in packets:
            sink.write(packet)
        content = next((tmp_path / "a").rglob(f"*{PART}")).read_bytes()
        sink.close()
        whole = segments(tmp_path / "a" / "yard", "yard")[0].read_bytes()
        chance = random.Random(0)
        for number, cut in enumerate([0, 1, 30, *(chance.randrange(len(content)) for _ in range(25)), len(content)]):
            day = tmp_path / f"b{number}/yard/2026/11/23"
            day.mkdir(parents=True)
            part = day / f"yard_2026-11-23_12-00-00.000Z.{container}{PART}"
            part.write_bytes(content[:cut])
            Segments(tmp_path / f"b{number}", "yard", stream, container=container).close()
            assert not part.exists()
            left = segments(tmp_path / f"b{number}" / "yard", "yard")
            if left:
                shown = pictures(left[0])
                assert all_covered(shown)
                assert shown[0][0] == 0
            if cut > len(content) * 0.5:
                assert left
        # stopped after its index was made and before it took its name
        part = tmp_path / f"b0/yard/2026/11/23/yard_2026-11-23_12-00-00.000Z.{container}{PART}"
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(whole)
        Segments(tmp_path / "b0", "yard", stream, container=container).close()
        assert len(pictures(segments(tmp_path / "b0" / "yard", "yard")[0])) == len(packets)

    def test_another_writer_s_file_is_no_leftover(self, tmp_path: Path) -> None:
        stream, packets = _encoded(9)
        first = Segments(tmp_path, "yard", stream, segment=100)
        for packet in packets[:100]:
            first.write(packet)
        second = Segments(tmp_path, "yard", stream, segment=100)
        for packet in packets:
            second.write(packet)
        for packet in packets[100:]:
            first.write(packet)
        first.close()
        second.close()
        assert [len(pictures(file)) for file in segments(tmp_path / "yard", "yard")] == [len(packets)] * 2

    @pytest.mark.parametrize("container", ["mp4", "mkv"])
    def test_a_full_disk_is_said_and_got_over(self, container: Any, tmp_path: Path) -> None:
        stream, packets = _encoded(9)  # noqa: RUF059
        program = "from tests.live.test_sinks import fill\nimport sys\nfill(sys.argv[1], sys.argv[2])\n"
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path), container], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        files = segments(tmp_path / "yard", "yard")
        assert len(files) >= 2
        assert not list(tmp_path.rglob(f"*{PART}"))
        for file in files:
            assert all_covered(pictures(file))
        assert len(pictures(files[-1])) == len(packets)


def fill(path: str, container: Any) -> None:
    """In a process of its own: record until no file may grow any more, then again when it may."""
    stream, packets = _encoded(9)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    sink = Recordings(path, "yard", stream, Kept(), segment=100, container=container)
    size = sum(len(packet.data) for packet in packets)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, hard))
    try:
        for packet in packets:
            sink.write(packet)
        sink.close()
        raise AssertionError("no fault")
    except SinkError as error:
        assert "full" in str(error), error  # noqa: PT017
        assert error.hint  # noqa: PT017
    with suppress(SinkError):
        sink.close()
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    sink = Recordings(path, "yard", stream, Kept(), segment=100, container=container)
    for packet in packets:
        sink.write(packet)
    sink.close()


def write_for_ever(kind: str, path: str) -> None:
    """In a process of its own, until it is killed: write covered packets as fast as it can."""
    stream, packets = _encoded(4)
    sink: Any = (
        Hls(path, stream) if kind == "hls" else Segments(path, "yard", stream, segment=2, container=kind)  # type: ignore[arg-type]
    )
    os.write(1, b"ready\n")
    length = 4 * 90_000
    for turn in itertools.count():
        for packet in packets:
            at = packet.pts + turn * length
            sink.write(RedactedPacket(packet.data, at, at, packet.duration, TIME_BASE, packet.keyframe, time.time()))
            time.sleep(0.001)


class TestKilled:
    @pytest.mark.parametrize("kind", ["mp4", "mkv", "hls"])
    def test_every_byte_on_disk_is_covered_video(self, kind: str, tmp_path: Path) -> None:
        program = "from tests.live.test_sinks import write_for_ever\nimport sys\nwrite_for_ever(*sys.argv[1:])\n"
        chance = random.Random(kind)
        shown = 0
        for _ in range(8):
            writer = subprocess.Popen([sys.executable, "-c", program, kind, str(tmp_path)], stdout=subprocess.PIPE)
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(chance.uniform(0.05, 0.6))
            writer.kill()
            writer.wait()
            writer.stdout.close()
            for file in [path for path in tmp_path.rglob("*") if path.is_file()]:
                if kind == "hls":
                    assert file.name == "index.m3u8" or file.suffix in (".m4s", ".mp4", PART), file
                    continue
                assert file.name.startswith("yard_"), file
                if file.suffix != PART:
                    assert all_covered(pictures(file)), file
                else:
                    with suppress(av.error.InvalidDataError, av.error.EOFError):  # killed before its first fragment
                        held = pictures(file)
                        assert not held or all_covered(held)
                        shown += len(held)
            playlist = tmp_path / "index.m3u8"
            if playlist.exists():
                assert all_covered(listed(playlist))
        stream, _ = _encoded(1)
        if kind != "hls":
            Segments(tmp_path, "yard", stream, container=kind).close()  # type: ignore[arg-type]
            assert not list(tmp_path.rglob(f"*{PART}"))
            files = segments(tmp_path / "yard", "yard")
            assert len(files) > 8
            assert all(all_covered(pictures(file)) for file in files)
        else:
            Hls(tmp_path, stream).close()
            assert not list(tmp_path.rglob("*.m4s"))


class TestHls:
    def test_a_window_that_moves_on(self, tmp_path: Path) -> None:
        stream, packets = _encoded(21)
        sink = Hls(tmp_path, stream)
        seen = []
        for turn in range(3):
            for packet in packets:
                at = packet.pts + turn * 21 * 90_000
                taken = packet.taken + 21 * turn
                sink.write(RedactedPacket(packet.data, at, at, packet.duration, TIME_BASE, packet.keyframe, taken))
                playlist = tmp_path / "index.m3u8"
                if packet.keyframe and playlist.exists():
                    lines = playlist.read_text().splitlines()
                    named = [line for line in lines if line.endswith(".m4s")]
                    assert len(named) <= 6
                    assert all((tmp_path / name).exists() for name in named)
                    seen.append(int(next(line for line in lines if "MEDIA-SEQUENCE" in line).split(":")[1]))
        sink.close()
        assert seen == sorted(seen)
        assert len(set(seen)) > 15
        assert len(list(tmp_path.glob("*.m4s"))) <= 10
        text = (tmp_path / "index.m3u8").read_text()
        durations = [float(line[8:-1]) for line in text.splitlines() if line.startswith("#EXTINF:")]
        target = int(text.split("TARGETDURATION:")[1].split("\n")[0])
        assert all(round(duration) <= target for duration in durations)
        assert "#EXT-X-PROGRAM-DATE-TIME:2026-11-23T12:0" in text
        assert all_covered(listed(tmp_path / "index.m3u8"))

    def test_stale_pieces_go_and_nothing_else(self, tmp_path: Path) -> None:
        stream, packets = _encoded(9)
        for name in ("123.m4s", "123-start.mp4", "index.m3u8", "123.m4s.part", "holiday.mp4", "notes.txt"):
            (tmp_path / name).write_text("old")
        victim = tmp_path / "victim"
        victim.write_text("mine")
        (tmp_path / "124.m4s").symlink_to(victim)
        sink = Hls(tmp_path, stream)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["holiday.mp4", "notes.txt", "victim"]
        for packet in packets:
            sink.write(packet)
        sink.close()
        assert victim.read_text() == "mine"
        assert not list(tmp_path.glob(f"*{PART}"))

    def test_the_playlist_of_somebody_else_is_left_alone(self, tmp_path: Path) -> None:
        for name in ("index.m3u8", "1.m4s", "2.m4s"):
            (tmp_path / name).write_text("theirs")
        stream, _ = _encoded(1)
        with pytest.raises(SinkError, match="something else"):
            Hls(tmp_path, stream)
        assert {path.read_text() for path in tmp_path.iterdir()} == {"theirs"}


class TestPipe:
    def test_a_reader_that_goes_away(self) -> None:
        stream, packets = _encoded(9)
        reading, writing = os.pipe()
        sink = Pipe(writing, stream)
        sink.write(packets[0])
        os.close(reading)
        with pytest.raises(SinkError, match="reader went away"):  # noqa: PT012
            for packet in packets[1:]:
                sink.write(packet)
        sink.close()
        os.close(writing)


class TestRetention:
    @staticmethod
    @contextmanager
    def _recorded(folder: Path) -> Iterator[list[Path]]:
        """Twenty closed files of 1000 bytes, twelve hours apart, one being written, and much that is not ours."""
        files = []
        for number in range(20):
            moment = datetime.fromtimestamp(NOON - (20 - number) * 43_200, UTC)
            day = folder / f"{moment:%Y/%m/%d}"
            day.mkdir(parents=True, exist_ok=True)
            files.append(day / f"yard_{moment:%Y-%m-%d_%H-%M-%S}.000Z.mp4")
            files[-1].write_bytes(b"x" * 1000)
        yield files

    def test_by_age(self, tmp_path: Path) -> None:
        with self._recorded(tmp_path) as files:
            assert Kept(age=5 * 86_400).sweep(tmp_path, "yard", NOON) == 10
            assert segments(tmp_path, "yard") == files[10:]
            assert not files[0].parent.exists()
            assert files[10].parent.exists()

    def test_by_size(self, tmp_path: Path) -> None:
        with self._recorded(tmp_path) as files:
            assert Kept(size=7_500).sweep(tmp_path, "yard", NOON) == 13
            assert segments(tmp_path, "yard") == files[13:]
            assert Kept().sweep(tmp_path, "yard", NOON) == 0
            assert Kept(age=1, size=1).sweep(tmp_path, "yard", NOON) == 7
            assert tmp_path.exists()
            assert not list(tmp_path.iterdir())

    def test_one_that_cannot_be_deleted_keeps_no_other(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with self._recorded(tmp_path) as files:
            unlink = Path.unlink

            def refusing(path: Path, missing_ok: bool = False) -> None:
                if path == files[0]:
                    raise PermissionError(1, "Operation not permitted")
                unlink(path, missing_ok)

            monkeypatch.setattr(Path, "unlink", refusing)
            assert Kept(age=5 * 86_400).sweep(tmp_path, "yard", NOON) == 9
            assert segments(tmp_path, "yard") == [files[0], *files[10:]]

    def test_only_our_own_files(self, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        old = outside / "01/01"
        old.mkdir(parents=True)
        precious = old / "yard_2001-01-01_00-00-00.000Z.mp4"
        precious.write_text("mine")
        folder = tmp_path / "yard"
        with self._recorded(folder) as files:
            (folder / "2001").symlink_to(outside)
            day = files[0].parent
            kept = [
                day / "holiday.mp4",
                day / "yard_2026-11-13_00-00-00.mp4",
                day / "yard2_2026-11-13_12-00-00.000Z.mp4",
                day / f"yard_2026-11-13_13-00-00.000Z.mp4{PART}",
                folder / "yard_2026-11-13_12-00-00.000Z.mp4",
            ]
            for path in kept:
                path.write_text("mine")
            link = day / "yard_2026-11-13_14-00-00.000Z.mp4"
            link.symlink_to(precious)
            assert Kept(age=1, size=1).sweep(folder, "yard", NOON) == 20
            assert all(path.exists() for path in [*kept, precious, link])

    def test_while_recording(self, tmp_path: Path) -> None:
        stream, packets = _encoded(21)
        one = sum(len(packet.data) for packet in packets) // 10
        sink = Recordings(str(tmp_path), "yard", stream, Kept(size=4 * one), segment=2)
        for packet in packets:
            sink.write(packet)
        sink.close()
        left = segments(tmp_path / "yard", "yard")
        assert 1 <= len(left) <= 5
        assert sum(path.stat().st_size for path in left) <= 4 * one
        assert len(pictures(left[-1])) > 10
