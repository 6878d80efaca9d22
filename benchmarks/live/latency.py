"""Glass to glass: a clock in the picture, read again in the covered picture.

A real encoder sends the lobby with the time of day in a strip of squares, by MPEG-TS over UDP; what ``redact stream``
gives out on stdout is decoded at once, and the time that is read from it compared with the clock. The camera's own
shutter and a viewer's screen are not in it; sender, network stack, decoding, lookahead, detection, covering, both
encoders and the reader's decoder are.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from benchmarks.clips import ROOT, SAMPLES, decoded

RATE = 15
BITS = 40  # of milliseconds since the epoch, and eight of a check sum
SQUARE = 16  # pixels: no encoder makes one of another
WARM = 6.0  # seconds until detection has settled


def latencies(lookahead: float, *, lines: int, seconds: float) -> dict[str, Any]:
    """Seconds from a picture's being drawn to its being decoded, covered, at the other end."""
    port = _free_port()
    command = [sys.executable, "-m", "redact", "stream", f"udp://127.0.0.1:{port}", "-", "--quiet"]
    command += ["--lookahead", str(lookahead)]
    stop = threading.Event()
    sender = threading.Thread(target=_send, args=(port, lines, stop))
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        sender.start()
        found = sorted(_read(process, seconds))
    finally:
        stop.set()
        sender.join()
        process.terminate()
        process.wait(20)
    if not found:
        raise RuntimeError("no clock could be read in what came out")
    median, p99 = np.percentile(found, [50, 99])
    return {
        "lookahead": lookahead,
        "median": round(float(median), 3),
        "p99": round(float(p99), 3),
        "pictures": len(found),
    }


def drawn(luma: NDArray[np.uint8], moment: float) -> None:
    """Draw a clock into the first rows of a picture's brightness."""
    for index, bit in enumerate(_bits(int(moment * 1000))):
        luma[:SQUARE, index * SQUARE : (index + 1) * SQUARE] = 235 if bit else 16


def read(luma: NDArray[np.uint8]) -> float | None:
    """The time in a picture, or None where it is covered or damaged."""
    inner = luma[: SQUARE * 3 // 4, : (BITS + 8) * SQUARE].astype(float)
    means = inner.reshape(inner.shape[0], BITS + 8, SQUARE)[SQUARE // 4 :, :, SQUARE // 4 : -SQUARE // 4].mean((0, 2))
    if np.any((means > 60) & (means < 190)):
        return None
    value = sum(1 << index for index, mean in enumerate(means[:BITS]) if mean > 128)
    return value / 1000 if _bits(value) == [bool(mean > 128) for mean in means] else None


def _bits(value: int) -> list[bool]:
    value &= (1 << BITS) - 1
    check = sum(value.to_bytes(BITS // 8, "big")) % 251
    return [bool(value >> index & 1) for index in range(BITS)] + [bool(check >> index & 1) for index in range(8)]


def _send(port: int, lines: int, stop: threading.Event) -> None:
    """The lobby, forth and back, in real time."""
    pictures = []
    for frame in decoded(SAMPLES / "lobby.mp4", 150):
        assert isinstance(frame.picture, av.VideoFrame)
        width = round(frame.picture.width * lines / frame.picture.height / 16) * 16
        pictures.append(frame.picture.reformat(max(width, (BITS + 8) * SQUARE), lines, "yuv420p").to_ndarray())
    path = [*range(len(pictures)), *range(len(pictures) - 2, 0, -1)]
    options = {"preset": "ultrafast", "tune": "zerolatency", "g": str(RATE), "b": "3000000"}
    target = f"udp://127.0.0.1:{port}?pkt_size=1316"
    with contextlib.suppress(av.error.FFmpegError), av.open(target, "w", format="mpegts") as container:
        stream = container.add_stream("libx264", rate=Fraction(RATE), options=options)
        stream.height, stream.width, stream.pix_fmt = lines, pictures[0].shape[1], "yuv420p"
        began = time.monotonic()
        for index in range(10**9):
            if stop.wait(max(0.0, began + index / RATE - time.monotonic())):
                return
            picture = pictures[path[round(index * 25 / RATE) % len(path)]].copy()
            drawn(picture, time.time())
            frame = av.VideoFrame.from_ndarray(picture, "yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            container.mux(stream.encode(frame))


def _read(process: subprocess.Popen[bytes], seconds: float) -> list[float]:
    """What every picture that can be read was late by, after a while."""
    found = []
    assert process.stdout is not None
    options = {"probesize": "32768", "analyzeduration": "0", "fflags": "nobuffer"}
    with av.open(process.stdout, format="mpegts", options=options) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        began = time.monotonic()
        for frame in container.decode(stream):
            now = time.time()
            passed = time.monotonic() - began
            if passed > WARM + seconds:
                break
            moment = read(frame.to_ndarray(format="gray"))
            if passed > WARM and moment is not None:
                wrapped = (now * 1000 % (1 << BITS)) / 1000
                found.append(wrapped - moment)
    return found


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
