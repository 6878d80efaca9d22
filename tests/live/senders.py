"""What cameras send other than by RTSP, and what they should never send: small real servers for tests."""

from __future__ import annotations

import http.server
import io
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import av
from PIL import Image

Serve = Callable[[http.server.BaseHTTPRequestHandler], None]


@contextmanager
def http_server(serve: Serve) -> Iterator[str]:
    """``serve`` answers every GET; gives the address of the server, without a path."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                serve(self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def tcp_server(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """``serve`` gets every connection, in a thread of its own; gives the port on 127.0.0.1."""
    listener = socket.create_server(("127.0.0.1", 0))
    opened: list[socket.socket] = []

    def connected(connection: socket.socket) -> None:
        with suppress(OSError):
            serve(connection)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            opened.append(connection)
            threading.Thread(target=connected, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in opened:
            connection.close()


def mjpeg(file: Path, rate: float = 10.0) -> Serve:
    """Sends pictures of ``file`` as multipart/x-mixed-replace, ``rate`` a second, endlessly."""
    pictures = _jpegs(file)

    def serve(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        request.end_headers()
        for jpeg in itertools.cycle(pictures):
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            request.wfile.write(head.encode() + jpeg + b"\r\n")
            time.sleep(1 / rate)

    return serve


@cache
def _jpegs(file: Path) -> list[bytes]:
    jpegs = []
    with av.open(str(file)) as container:
        for picture in itertools.islice(container.decode(video=0), 0, 100, 5):
            buffer = io.BytesIO()
            Image.fromarray(picture.to_ndarray(format="rgb24")).save(buffer, "JPEG", quality=90)
            jpegs.append(buffer.getvalue())
    return jpegs


def answer(content: bytes, kind: str = "application/octet-stream") -> Serve:
    """Sends ``content`` whole."""

    def serve(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    return serve


def pieces(file: Path, folder: Path) -> Path:
    """``file`` as pieces of HLS in ``folder``, one each two seconds; gives the playlist, which is complete."""
    playlist = folder / "all.m3u8"
    options = {"hls_time": "2", "hls_list_size": "0"}
    with av.open(str(file)) as source, av.open(str(playlist), "w", format="hls", options=options) as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    return playlist


def live_playlist(folder: Path, complete: Path) -> Serve:
    """Serves a complete playlist as if it were live: three pieces that move on in real time, endlessly."""
    lines = complete.read_text().splitlines()
    named = [(float(lines[i - 1][8:].split(",")[0]), line) for i, line in enumerate(lines) if line.endswith(".ts")]
    began = time.monotonic()

    def serve(request: http.server.BaseHTTPRequestHandler) -> None:
        name = request.path.split("?")[0].lstrip("/")
        if name != "live.m3u8":
            answer((folder / name).read_bytes(), "video/mp2t")(request)
            return
        at = int((time.monotonic() - began) / named[0][0])
        text = f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:3\n#EXT-X-MEDIA-SEQUENCE:{at}\n"
        for number in range(at, at + 3):
            seconds, piece = named[number % len(named)]
            cut = "#EXT-X-DISCONTINUITY\n" if number and number % len(named) == 0 else ""
            text += f"{cut}#EXTINF:{seconds},\n{piece}\n"
        answer(text.encode(), "application/vnd.apple.mpegurl")(request)

    return serve


@contextmanager
def udp_sender(file: Path, port: int) -> Iterator[threading.Event]:
    """Sends ``file`` as MPEG-TS to a UDP port of this machine, in real time, endlessly, until the event is set."""
    stopped = threading.Event()

    def send() -> None:
        options = {"flush_packets": "1"}
        with av.open(f"udp://127.0.0.1:{port}?pkt_size=1316", "w", format="mpegts", options=options) as out:
            stream, base, began = None, 0.0, time.monotonic()
            while not stopped.is_set():
                with av.open(str(file)) as source:
                    stream = stream or out.add_stream_from_template(source.streams.video[0])
                    last = 0.0
                    for packet in source.demux(video=0):
                        if packet.dts is None or stopped.wait(
                            max(0.0, base + float(packet.dts * packet.time_base) - (time.monotonic() - began))
                        ):
                            continue
                        last = float((packet.dts + packet.duration) * packet.time_base)
                        shift = round(base / packet.time_base)
                        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                        packet.stream = stream
                        out.mux(packet)
                    base += last

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield stopped
    finally:
        stopped.set()
        thread.join()


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of this machine that nobody uses now."""
    with socket.socket(type=kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
