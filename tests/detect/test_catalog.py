"""What the catalog says is so, and fetching ends with the recorded file or with nothing."""

from __future__ import annotations

import errno
import hashlib
import http.server
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from redact.detect import catalog
from redact.detect.families import FAMILIES
from redact.detections import KINDS
from redact.errors import ConfigError, ModelError

NAME = "yunet_n"
RECORD = catalog.catalog()[NAME]
PUBLIC = [name for name, record in catalog.catalog().items() if not record.shipped]


@pytest.mark.parametrize("record", catalog.catalog().values(), ids=lambda record: record.name)
def test_records_are_whole(record: catalog.ModelRecord) -> None:
    assert record.family in FAMILIES
    assert record.kinds
    assert set(record.kinds) <= set(FAMILIES[record.family].kinds) <= set(KINDS)
    assert set(record.traits.start) == set(record.traits.extend) == set(record.kinds)
    assert all(0 < record.traits.extend[kind] < record.traits.start[kind] < 1 for kind in record.kinds)
    assert 0 < record.traits.smallest_face < record.traits.largest_face
    assert record.input is None or record.traits.largest_input <= max(record.input)
    assert len(record.sha256) == 64
    assert record.bytes > 1000
    assert record.licence
    assert record.training
    assert record.blind_spots
    assert record.measured
    assert record.shipped or not record.origin or record.origin.startswith("https://")
    assert Path(record.file).name == record.file


def test_shipped_weights_are_the_recorded_ones(nowhere: Path) -> None:
    states = {finding.name: finding.state for finding in catalog.check()}
    assert states == {name: "ok" if record.shipped else "absent" for name, record in catalog.catalog().items()}


@pytest.mark.parametrize("name", PUBLIC)
def test_the_users_folder_of_models_is_looked_in(name: str, public_models: Path) -> None:
    assert catalog.locate(name) == public_models / catalog.record(name).file
    assert hashlib.sha256(catalog.read(name)).hexdigest() == catalog.record(name).sha256


@pytest.mark.parametrize("name", PUBLIC)
def test_weights_that_were_not_fetched_say_how_to_get_them(name: str, nowhere: Path) -> None:
    with pytest.raises(ModelError, match="not on this machine") as caught:
        catalog.locate(name)
    wanted = f"redact models fetch {name}" if catalog.record(name).origin else "REDACT_MODELS"
    assert wanted in caught.value.hint


def test_changed_weights_are_refused_and_reported(public_models: Path, nowhere: Path) -> None:
    nowhere.mkdir()
    weights = bytearray((public_models / RECORD.file).read_bytes())
    path = nowhere / RECORD.file
    path.write_bytes(weights)
    os.environ["REDACT_MODELS"] = str(nowhere)
    assert catalog.locate(NAME) == path
    weights[1000] ^= 1
    path.write_bytes(weights)
    with pytest.raises(ModelError, match="SHA-256"):
        catalog.locate(NAME)
    path.write_bytes(weights[:-1])
    with pytest.raises(ModelError, match="bytes"):
        catalog.read(NAME)
    assert {finding.name: finding.state for finding in catalog.check()}[NAME] == "bad"


def test_a_file_is_hashed_once(public_models: Path) -> None:
    catalog.locate(NAME)
    before = catalog._digest.cache_info().misses
    for _ in range(3):
        catalog.locate(NAME)
    assert catalog._digest.cache_info().misses == before


def test_unknown_names() -> None:
    for ask in (catalog.record, catalog.locate, catalog.fetch):
        with pytest.raises(ConfigError, match="nosuch"):
            ask("nosuch")


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        ("linux", {}, "/home/ann/.cache/redact/models"),
        ("linux", {"XDG_CACHE_HOME": "/scratch"}, "/scratch/redact/models"),
        ("linux", {"XDG_CACHE_HOME": "not/absolute"}, "/home/ann/.cache/redact/models"),
        ("darwin", {}, "/home/ann/Library/Caches/redact/models"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/redact/models"),
        ("win32", {}, "/home/ann/AppData/Local/redact/models"),
        ("linux", {"REDACT_MODELS": "/models"}, "/models"),
    ],
)
def test_the_cache_is_where_the_platform_keeps_caches(
    monkeypatch: pytest.MonkeyPatch, platform: str, environment: dict[str, str], folder: str
) -> None:
    for name in ("REDACT_MODELS", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: Path("/home/ann"))
    assert catalog.cache_folder() == Path(folder)


@pytest.fixture
def served() -> Iterator[Callable[[Callable[[Any], None]], str]]:
    """``served(answer)`` → the address of a server on this machine that answers every request by ``answer``."""
    servers: list[http.server.ThreadingHTTPServer] = []

    def serve(answer: Callable[[Any], None]) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer(self)

            def log_message(self, *parts: Any) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}/{RECORD.file}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def sending(
    body: bytes, *, kind: str = "application/octet-stream", length: int | None = None, code: int = 200
) -> Any:
    def answer(request: Any) -> None:
        request.send_response(code)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body) if length is None else length))
        request.end_headers()
        request.wfile.write(body)

    return answer


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_weights_are_fetched_once_and_then_load(public_models: Path, tmp_path: Path, served: Any) -> None:
    from redact.detect import load_detector

    weights = (public_models / RECORD.file).read_bytes()
    asked: list[str] = []

    def answer(request: Any) -> None:
        asked.append(request.path)
        sending(weights)(request)

    os.environ["REDACT_MODELS"] = str(tmp_path / "made" / "on demand")
    address = served(answer)
    path = catalog.fetch(NAME, origin=address)
    assert path == tmp_path / "made" / "on demand" / RECORD.file
    assert path.read_bytes() == weights
    assert left_in(path.parent) == [RECORD.file]
    assert catalog.fetch(NAME, origin=address) == path
    assert len(asked) == 1
    assert load_detector(NAME, device="cpu").kinds == ("face",)
    path.write_bytes(b"damaged")
    assert catalog.fetch(NAME, origin=address).read_bytes() == weights


def test_a_redirection_is_followed(public_models: Path, nowhere: Path, served: Any) -> None:
    os.environ["REDACT_MODELS"] = str(nowhere)
    target = served(sending((public_models / RECORD.file).read_bytes()))

    def moved(request: Any) -> None:
        request.send_response(302)
        request.send_header("Location", target)
        request.send_header("Content-Length", "0")
        request.end_headers()

    assert catalog.fetch(NAME, origin=served(moved)).is_file()


def slow(request: Any) -> None:
    sending(b"\x08" * 10, length=RECORD.bytes)(request)
    request.wfile.flush()
    time.sleep(1.5)


def mute(request: Any) -> None:
    time.sleep(1.5)


def not_http(request: Any) -> None:
    request.wfile.write(b"\x00\x01 this is not HTTP\n\n")


def endless(request: Any) -> None:
    request.send_response(200)
    request.end_headers()
    try:
        for _ in range(200):
            request.wfile.write(b"\x08" * 65536)
    except OSError:
        pass


HOSTILE = {
    "another file": (sending(b"\x08" * RECORD.bytes), "SHA-256"),
    "half a file": (sending(b"\x08" * 1000), "sent 1000 of"),
    "broken off": (sending(b"\x08" * 1000, length=RECORD.bytes), "sent 1000 of|broke off"),
    "nothing": (sending(b""), "sent 0 of"),
    "a page": (sending(b"<!DOCTYPE html><title>Sign in</title>", kind="text/html; charset=utf-8"), "web page"),
    "a page in disguise": (sending(b"\n<html>" + b" " * RECORD.bytes), "web page"),
    "too much": (endless, "more than"),
    "not found": (sending(b"no", code=404), "404"),
    "server fault": (sending(b"no", code=503), "503"),
    "slow": (slow, "within 0.4 s"),
    "mute": (mute, "within 0.4 s"),
    "not http": (not_http, "broke off"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_whatever_else_is_answered_leaves_nothing(case: str, nowhere: Path, served: Any) -> None:
    answer, words = HOSTILE[case]
    with pytest.raises(ModelError, match=words) as caught:
        catalog.fetch(NAME, origin=served(answer), timeout=0.4)
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    assert left_in(nowhere) == []


def test_no_network(nowhere: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{free.getsockname()[1]}/x"
    for address in (closed, "https://nosuch.invalid/x", "nonsense", "file:///etc/hostname"):
        with pytest.raises(ModelError) as caught:
            catalog.fetch(NAME, origin=address)
        assert caught.value.hint
        assert left_in(nowhere) == []


def test_a_full_disk(nowhere: Path, served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setattr(catalog, "_receive", lambda *_: None)
    with pytest.raises(ModelError, match="No space left") as caught:
        catalog.fetch(NAME, origin=served(sending(b"x")))
    assert "room" in caught.value.hint
    assert left_in(nowhere) == []


def test_a_folder_that_cannot_be_written(tmp_path: Path, served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("REDACT_MODELS", str(tmp_path / "file" / "models"))
    with pytest.raises(ModelError, match="cannot write"):
        catalog.fetch(NAME, origin=served(sending(b"x")))


def test_an_interruption_leaves_nothing(nowhere: Path, served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        assert any(name.endswith(".part") for name in left_in(nowhere))
        raise KeyboardInterrupt

    monkeypatch.setattr(catalog, "_receive", interrupted)
    with pytest.raises(KeyboardInterrupt):
        catalog.fetch(NAME, origin=served(sending(b"x")))
    assert left_in(nowhere) == []


def test_weights_without_an_origin_are_not_fetched(nowhere: Path) -> None:
    with pytest.raises(ModelError, match="no public origin") as caught:
        catalog.fetch("yolox_nano_640")
    assert "REDACT_MODELS" in caught.value.hint


def test_importing_is_light() -> None:
    code = (
        "import sys, redact.detect, redact.detect.catalog, redact.detect.tiles, redact.detect.union;"
        "redact.detect.catalog.catalog();"
        "print([name for name in ('onnxruntime', 'cv2', 'mediapipe', 'urllib.request', 'http.client', 'ssl', 'av')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
