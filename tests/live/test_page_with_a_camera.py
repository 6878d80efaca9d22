"""The whole way from a camera to somebody's browser: what the page shows is covered, and faults are seen there."""

from __future__ import annotations

import base64
import contextlib
import io
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytest.importorskip("starlette", reason='pip install "redact[live]"')

import av  # noqa: E402

from redact.detect import load_detector  # noqa: E402
from redact.detections import KINDS  # noqa: E402
from tests.live.test_page import browser, card, expect, opened, until  # noqa: E402, F401

ROOT = Path(__file__).parents[2]
LOBBY = ROOT / "samples" / "lobby.mp4"
WIDTH, HEIGHT, STRIP = 640, 360, 40  # pixels: the clip made small, above a strip that holds the frame's number
BITS = 8
BLOCK = WIDTH // (BITS + 2)  # a white and a black one come first
LIKE = 0.5  # correlation of fine detail from which a covered face would still be that face; background has 0.9


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """samples/lobby.mp4 with every frame's number written under it, so that a preview names its frame."""
    path = tmp_path_factory.mktemp("camera") / "lobby.mp4"
    with av.open(str(LOBBY)) as source, av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=15, options={"preset": "ultrafast", "crf": "12"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT + STRIP, "yuv420p"
        for index, frame in enumerate(source.decode(video=0)):
            picture = np.zeros((HEIGHT + STRIP, WIDTH, 3), np.uint8)
            picture[:HEIGHT] = frame.to_ndarray(format="rgb24", width=WIDTH, height=HEIGHT)
            for place, bit in enumerate((1, 0, *((index >> n) & 1 for n in range(BITS)))):
                picture[HEIGHT:, place * BLOCK : (place + 1) * BLOCK] = 255 * bit
            made = av.VideoFrame.from_ndarray(picture, "rgb24")
            made.pts = index
            out.mux(stream.encode(made))
        out.mux(stream.encode())
    return path


@contextlib.contextmanager
def streaming(clip, folder, *options):
    """``redact stream`` with the clip as its camera: its process and the address of its page."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "redact", "stream", str(clip), str(folder), "--loop", "--name", "yard"]
    command += ["--http", f"127.0.0.1:{port}", "--min-face", "24", *options]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=os.environ)
    try:
        server = type("Server", (), {"url": f"http://127.0.0.1:{port}/"})
        until(lambda: process.poll() is not None or answers(port), 60)
        assert process.poll() is None, process.stderr.read()
        yield process, server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def answers(port) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def picture_of(page) -> np.ndarray:
    """What the browser shows as the camera's picture: uint8 (height, width, 3), at the clip's size."""
    data = card(page, "yard").locator("canvas").evaluate('canvas => canvas.toDataURL("image/png").split(",")[1]')
    shown = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
    return np.asarray(shown.resize((WIDTH, HEIGHT + STRIP), Image.Resampling.BICUBIC))


def number_of(picture) -> int | None:
    """The frame's number under a picture, or None where it cannot be read: it has been covered."""
    strip = picture[HEIGHT + 8 : -8].mean(axis=2)
    levels = [float(strip[:, place * BLOCK + 12 : (place + 1) * BLOCK - 12].mean()) for place in range(BITS + 2)]
    if levels[0] < 200 or levels[1] > 55 or any(55 < level < 200 for level in levels):
        return None
    return sum((level > 127) << place for place, level in enumerate(levels[2:]))


def detail(picture) -> np.ndarray:
    """Fine detail: what is left of brightness when its mean over 9 x 9 pixels is taken away."""
    import cv2

    gray = picture.astype(np.float32).mean(axis=2)
    return gray - cv2.blur(gray, (9, 9))


def likeness(one, other, box) -> float:
    x1, y1, x2, y2 = box
    a, b = (detail(picture)[y1:y2, x1:x2].ravel() for picture in (one, other))
    return float((a * b).sum() / (np.sqrt((a * a).sum() * (b * b).sum()) + 1e-6))


def test_every_face_is_covered_on_the_page(opened, clip, tmp_path):  # noqa: F811
    seen = {}
    with streaming(clip, tmp_path / "out") as (_, server):
        page = opened(server)
        expect(card(page, "yard").locator(".state")).to_have_text("Live", timeout=60_000)
        expect(card(page, "yard").locator("canvas")).to_be_visible()
        end = time.monotonic() + 90
        while len(seen) < 20 and time.monotonic() < end:
            picture = picture_of(page)
            if (number := number_of(picture)) is not None:
                seen[number] = picture
            page.wait_for_timeout(300)
    assert len(seen) >= 12  # the picture moves
    detector = load_detector("guard-m", device="cpu")
    faces, still = [], []
    with av.open(str(clip)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index not in seen:
                continue
            raw = frame.to_ndarray(format="rgb24")
            found = detector.detect(np.ascontiguousarray(raw[:HEIGHT]))
            for box, score, kind in zip(found.boxes, found.scores, found.kinds, strict=True):
                x1, y1, x2, y2 = (round(float(value)) for value in box)
                if KINDS[kind] == "face" and score > 0.6 and y2 - y1 >= 24:
                    faces.append((index, likeness(raw, seen[index], (max(0, x1), max(0, y1), x2, y2))))
            # the numbers themselves are not covered: there the two are alike, or nothing was compared
            still.append(likeness(raw, seen[index], (0, HEIGHT, 2 * BLOCK, HEIGHT + STRIP)))
    assert min(still) > 0.8
    assert len(faces) >= 5
    assert [(index, like) for index, like in faces if like > LIKE] == []


def test_a_worker_that_dies_is_seen_on_the_page_and_comes_back(opened, clip, tmp_path):  # noqa: F811
    with streaming(clip, tmp_path / "out") as (process, server):
        page = opened(server, quiet=False)
        yard = card(page, "yard")
        expect(yard.locator(".state")).to_have_text("Live", timeout=60_000)
        (worker,) = (
            child for child in psutil.Process(process.pid).children() if "redact.live.worker" in child.cmdline()
        )
        worker.kill()
        # lost for the half second or more until the next worker, which the page may miss between two questions
        expect(yard.locator(".state")).to_have_text(re.compile("Lost|Starting"), timeout=10_000)
        expect(page.locator("#summary")).to_have_text(re.compile("needs a look|is starting"))
        expect(yard.locator(".fault")).to_be_visible()
        expect(yard.locator(".state")).to_have_text("Live", timeout=60_000)
        expect(yard.locator("[data-fact=restarts]")).to_have_text("1")
        expect(page.locator("#summary")).to_have_text("The camera is well")
        # a picture that was asked for just when its worker died is not there any more
        assert [words for words in page.wrong if "/preview.jpg" not in words] == []
