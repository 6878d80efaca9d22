"""Health, metrics and the page's data over real HTTP, asked by friends and by enemies."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import re
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest

pytest.importorskip("starlette", reason='pip install "redact[live]"')

from prometheus_client.parser import text_string_to_metric_families

from redact.errors import ConfigError
from redact.live import listener
from redact.live.board import Board
from redact.live.health import serve
from redact.live.metrics import FAMILIES, OTHERS
from redact.live.secrets import remember
from redact.live.status import SCHEDULED, OutputStatus, Preview, Status
from tests.live.boards import PUBLISH, board_of, jpeg, live

TOKEN = "correct-horse-battery-staple"
DOCS = Path(__file__).parents[2] / "docs"


@contextlib.contextmanager
def serving(board=None, *, listen="127.0.0.1:0", token=None, ready=lambda: True):
    with serve(board or board_of("yard"), listen, token, ready) as found:
        yield found


def ask(server, path, method="GET", body=None, **headers):
    """Status, headers and body of one request. Headers as keywords, with _ for -."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request(method, path, body, {key.replace("_", "-"): value for key, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def raw(server, sent: bytes) -> bytes:
    """What a socket gets that sends just this."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(sent)
        got = b""
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(65536):
                got += part
                if b"\r\n\r\n" in got and b"connection: close" not in got.lower():
                    break
        return got


def said(server, path, **headers):
    status, _, body = ask(server, path, **headers)
    return status, json.loads(body)


def samples(server, **headers):
    """(name, labels) → value of every line of /metrics."""
    status, _, body = ask(server, "/metrics", **headers)
    assert status == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def of(server, name, **labels):
    return samples(server)[name, tuple(sorted(({"camera": "yard"} | labels).items()))]


# ---- health


def test_livez_tells_whether_the_supervisor_goes_on():
    alive = True
    with serving(ready=lambda: alive) as server:
        assert ask(server, "/livez")[0] == 200
        alive = False
        assert ask(server, "/livez")[0] == 503
        assert said(server, "/readyz")[0] == 503
        assert said(server, "/state")[1]["alive"] is False


def test_livez_of_a_supervisor_that_cannot_say():
    with serving(ready=lambda: 1 / 0) as server:
        assert ask(server, "/livez")[0] == 503


def test_readyz_is_200_only_when_every_camera_is_well():
    board = board_of("yard", "door")
    with serving(board) as server:
        status, answer = said(server, "/readyz")
        assert status == 200
        assert answer["ready"] is True
        board.told("door", live(state="lost", reason="no frame for 20 s"))
        status, answer = said(server, "/readyz")
        assert status == 503
        assert answer["cameras"]["door"] == {"ready": False, "reason": "no frame for 20 s"}
        assert answer["cameras"]["yard"] == {"ready": True, "reason": ""}


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (live(state="covered", reason="the detector hangs"), "the detector hangs"),
        (live(state="covered", reason=SCHEDULED), ""),
        (live(state="starting", reason="connecting"), "connecting"),
        (live(state="stopped", reason="the detector failed"), "the detector failed"),
        (live(state="lost"), "lost"),
        (live(outputs=(PUBLISH, OutputStatus("disk", False, "no space"))), "disk: no space"),
        (live(outputs=(OutputStatus("disk", False),)), "disk: takes no frames"),
    ],
)
def test_readyz_says_why_not(status, reason):
    board = board_of("yard")
    board.told("yard", status)
    with serving(board) as server:
        code, answer = said(server, "/readyz")
        assert answer["cameras"]["yard"]["reason"] == reason
        assert code == (503 if reason else 200)


def test_nothing_is_ready_where_there_is_no_camera():
    with serving(Board()) as server:
        status, answer = said(server, "/readyz")
        assert (status, answer["reason"], answer["cameras"]) == (503, "no camera", {})


def test_a_camera_whose_worker_was_never_started():
    board = Board()
    board.add("yard", "file.mp4")
    with serving(board) as server:
        status, answer = said(server, "/readyz")
        assert status == 503
        assert answer["cameras"]["yard"]["reason"] == "its worker has not been started yet"
        card = said(server, "/state")[1]["cameras"][0]
        assert (card["state"], card["well"], card["preview"]) == ("starting", False, None)


def test_a_refused_configuration_is_told_and_harms_no_camera():
    board = board_of("yard")
    board.config_fault = "redact.yml:7: cameras.yard.sorce is not known; source?"
    with serving(board) as server:
        status, answer = said(server, "/readyz")
        assert status == 200
        assert answer["config_fault"] == board.config_fault
        assert samples(server)["redact_config_fault", ()] == 1


# ---- metrics


def test_metrics_tell_every_number_of_a_camera():
    board = board_of("yard", level=2, fault="x", fault_at=1_790_000_000.0)
    board.started("yard", 1)
    board.told("yard", live(level=2, fault="x", fault_at=1_790_000_000.0))
    with serving(board) as server:
        assert of(server, "redact_camera_ready") == 1
        assert of(server, "redact_camera_state", state="live") == 1
        assert of(server, "redact_camera_state", state="lost") == 0
        assert of(server, "redact_frames_in_total") == 1200
        assert of(server, "redact_frames_out_total") == 1190
        assert of(server, "redact_frames_dropped_total") == 7
        assert of(server, "redact_frames_covered_whole_total", reason="before the first detection") == 5
        assert of(server, "redact_slates_total") == 3
        assert of(server, "redact_looks_total") == 600
        assert of(server, "redact_detections_total", kind="face") == 400
        assert of(server, "redact_stage_seconds_total", stage="detect") == 20.25
        assert 0.5 <= of(server, "redact_published_age_seconds") < 20
        assert of(server, "redact_keeping_up_level") == 2
        assert of(server, "redact_connects_total") == 1
        assert of(server, "redact_worker_restarts_total") == 1
        assert of(server, "redact_worker_memory_bytes") == 300_000_000
        assert of(server, "redact_stored_bytes_total") == 123456
        assert of(server, "redact_output_up", output="recordings") == 1
        assert of(server, "redact_output_frames_total", output="recordings") == 1190
        assert of(server, "redact_output_frames_dropped_total", output="recordings") == 0
        assert of(server, "redact_camera_last_fault_timestamp_seconds") == 1_790_000_000.0
        assert samples(server)["redact_config_fault", ()] == 0
        assert any(name == "process_open_fds" for name, _ in samples(server))


def test_counters_never_fall_when_workers_come_and_go():
    board = board_of("yard")
    with serving(board) as server:
        counted = {key: value for key, value in samples(server).items() if key[0].startswith("redact_")}
        counted = {key: value for key, value in counted.items() if key[0].endswith("_total")}
        assert len(counted) > 12
        steps = [
            lambda: board.ended("yard", "killed: no frame for 20 s"),
            lambda: board.started("yard", 2),
            lambda: board.told("yard", Status()),
            lambda: board.told("yard", live(frames_in=1, frames_out=0, outputs=(PUBLISH,))),
            lambda: board.ended("yard", "killed again"),
        ]
        for step in steps:
            step()
            after = samples(server)
            for key, value in counted.items():
                assert after.get(key, value if key[0].startswith("redact_output") else -1) >= value, key
            counted |= {key: after[key] for key in counted if key in after}
        assert of(server, "redact_frames_in_total") == 1201
        assert of(server, "redact_worker_restarts_total") == 1


def test_a_camera_without_a_frame_has_no_age():
    board = board_of("yard", age=None)
    with serving(board) as server:
        assert not any(name == "redact_published_age_seconds" for name, _ in samples(server))


def test_openmetrics_for_whom_asks_for_it():
    with serving() as server:
        _, headers, body = ask(server, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
        assert headers["content-type"].startswith("application/openmetrics-text")
        assert body.endswith(b"# EOF\n")


def test_every_metric_is_in_the_docs_and_no_other():
    page = (DOCS / "metrics.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(redact_[a-z_]+)(?:\{[^`]*\})?`", page))
    assert named == {family.name for family in FAMILIES} | set(OTHERS)
    for family in FAMILIES:
        assert f"| `{family.name}{{{','.join(('camera', *family.labels))}}}` | {family.help} |" in page, family.name
    for name, help in OTHERS.items():
        assert help in page, name


def test_the_alerts_of_the_docs_ask_for_what_there_is():
    yaml = pytest.importorskip("yaml")
    page = (DOCS / "metrics.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(groups:.*?)```", page, re.DOTALL)
    rules = [rule for group in yaml.safe_load(block)["groups"] for rule in group["rules"]]
    assert len(rules) >= 5
    with serving(board_of("yard", fault="x", fault_at=1.0)) as server:
        told = {name for name, _ in samples(server)}
    for rule in rules:
        asked = set(re.findall(r"\bredact_[a-z_]+", rule["expr"]))
        assert asked <= told, rule["alert"]
        assert rule["annotations"]["summary"]


# ---- what is shown never holds a secret, and garbage harms nothing

SECRET = "hunter2-is-my-password"


def test_no_secret_in_any_answer():
    remember([SECRET])
    leaky = f"cannot open rtsp://admin:{SECRET}@10.0.0.5/live?token={SECRET}"
    board = Board()
    board.config_fault = leaky
    board.add("yard", f"rtsp://admin:{SECRET}@10.0.0.5/live")
    board.started("yard", 1)
    board.told(
        "yard",
        live(
            state="lost",
            reason=leaky,
            fault=leaky,
            fault_at=1.0,
            whole={leaky: 1, SECRET: 2},
            detections={SECRET: 3},
            seconds={SECRET: 4.0},
            outputs=(OutputStatus(f"rtsp://u:{SECRET}@127.0.0.1/a", False, leaky),),
        ),
    )
    with serving(board) as server:
        for path in ("/", "/state", "/readyz", "/metrics", "/livez", "/cameras/yard/preview.jpg"):
            _, headers, body = ask(server, path)
            assert SECRET not in body.decode() + str(headers), path
        assert said(server, "/state")[1]["cameras"][0]["source"] == "rtsp://***@10.0.0.5/live"


def test_outputs_that_differ_only_in_their_secrets_are_told_apart():
    outputs = tuple(
        OutputStatus(f"rtsp://u:{word}@127.0.0.1/a", True, frames=n) for n, word in enumerate(("one", "two"))
    )
    with serving(board_of("yard", outputs=outputs)) as server:
        assert of(server, "redact_output_frames_total", output="rtsp://***@127.0.0.1/a") == 0
        assert of(server, "redact_output_frames_total", output="rtsp://***@127.0.0.1/a (2)") == 1


def test_reasons_without_end_make_no_metrics_without_end():
    with serving(board_of("yard", whole={f"reason {n}": 1 for n in range(500)})) as server:
        lines = [key for key in samples(server) if key[0] == "redact_frames_covered_whole_total"]
        assert len(lines) <= 21
        assert of(server, "redact_frames_covered_whole_total", reason="other") == 480


NAN, INF = float("nan"), float("inf")
GARBAGE = [
    {"state": "exploded"},
    {"state": None},
    {"state": ["live"]},
    {"age": NAN, "rate": INF, "fault_at": NAN},
    {"age": "soon", "rate": None, "level": "high", "width": [], "stored": -5},
    {"frames_in": NAN, "frames_out": -INF, "dropped": 10**400, "slates": True},
    {"whole": {"x": NAN, "y": None}, "detections": {None: 1, 3: "x"}, "seconds": {"detect": INF}},
    {"whole": None, "detections": 3, "seconds": "x"},
    {"outputs": None},
    {"outputs": (None, 3, "x")},
    {"outputs": (OutputStatus(None, "yes", None, NAN, "x"),)},
    {"reason": 17, "fault": b"bytes"},
    {"reason": "\x00\x1b[31m\u202egnp.exe\n\n" + "x" * 10**6},
]


class StrangeBoard(Board):
    """A board on which stands what a supervisor would never write."""

    def __init__(self, *cameras):
        super().__init__()
        self.strange = cameras

    def cameras(self):
        return self.strange


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda garbage: ",".join(garbage))
def test_garbage_of_a_worker_is_survived(garbage):
    (camera,) = board_of("yard").cameras()
    board = StrangeBoard(dataclasses.replace(camera, name="bad", status=live(**garbage), preview=None), camera)
    with serving(board) as server:
        assert ask(server, "/livez")[0] == 200
        assert ask(server, "/readyz")[0] in (200, 503)
        status, _, body = ask(server, "/state")
        assert status == 200
        bad, good = json.loads(body, parse_constant=lambda word: pytest.fail(word))["cameras"]
        assert good["state"] == "live"
        assert len(bad["reason"]) <= 300
        assert bad["reason"].isprintable()
        told = samples(server)
        assert told["redact_frames_in_total", (("camera", "yard"),)] == 1200
        for (name, labels), value in told.items():
            if ("camera", "bad") in labels:
                assert value >= 0, name


@pytest.mark.parametrize("field", ["status", "preview", "restarts", "since", "pid", "rss", "source"])
@pytest.mark.parametrize("value", [None, NAN, "x", object()], ids=["None", "nan", "text", "object"])
def test_garbage_on_the_board_is_survived(field, value):
    (camera,) = board_of("yard").cameras()
    with serving(StrangeBoard(dataclasses.replace(camera, **{field: value}))) as server:
        for path in ("/state", "/metrics", "/livez"):
            assert ask(server, path)[0] == 200, path
        assert ask(server, "/readyz")[0] in (200, 503)
        assert ask(server, "/cameras/yard/preview.jpg")[0] == 404


# ---- previews and pages


def test_the_preview_is_what_the_worker_gave_and_is_stored_nowhere():
    board, picture = board_of("yard"), jpeg()
    board.told("yard", Preview(picture, time.time()))
    with serving(board) as server:
        status, headers, body = ask(server, "/cameras/yard/preview.jpg")
        assert (status, body) == (200, picture)
        assert headers["content-type"] == "image/jpeg"
        assert headers["cache-control"] == "no-store"
        board.ended("yard", "killed")
        assert ask(server, "/cameras/yard/preview.jpg")[0] == 404
        assert said(server, "/state")[1]["cameras"][0]["preview"] is None


@pytest.mark.parametrize("name", ["a b", "../../etc/passwd", "a/b", "<script>", "ü%20", "حديقة", 'quote"', "?x=1#y"])
def test_a_camera_of_any_name_has_its_preview(name):
    board = board_of(name)
    board.told(name, Preview(jpeg(), 1.0))
    with serving(board) as server:
        assert ask(server, f"/cameras/{quote(name, safe='')}/preview.jpg")[0] == 200
        assert said(server, "/state")[1]["cameras"][0]["name"] == name


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/cameras/yard",
        "/cameras//preview.jpg",
        "/cameras/nobody/preview.jpg",
        "/page/page.js",
        "/favicon.ico",
        "//",
    ],
)
def test_what_is_not_there(path):
    with serving() as server:
        assert ask(server, path)[0] == 404


@pytest.mark.parametrize(
    "path",
    [
        "/../../../etc/passwd",
        "/page.js/../../../../etc/passwd",
        "/..%2f..%2f..%2fetc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/cameras/../../../etc/passwd",
        "/cameras/%2e%2e%2f%2e%2e%2fhealth.py%00/preview.jpg",
        "/page/../health.py",
        "/health.py",
        "/..\\..\\etc\\passwd",
        "file:///etc/passwd",
        "http://127.0.0.1/etc/passwd",
    ],
)
def test_no_path_leads_out(path):
    with serving() as server:
        got = raw(server, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert got.split(b" ")[1] in (b"404", b"400"), got
        assert b"root:" not in got
        assert b"import" not in got


@pytest.mark.parametrize(
    "path", ["/", "/livez", "/readyz", "/metrics", "/state", "/page.js", "/page.css", "/icon.svg"]
)
def test_methods(path):
    with serving() as server:
        status, headers, body = ask(server, path)
        assert status == 200
        head = ask(server, path, "HEAD")
        assert (head[0], head[2]) == (200, b"")
        if path not in ("/metrics", "/state"):  # numbers there change between two requests
            assert head[1]["content-length"] == str(len(body))
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
            status, headers, _ = ask(server, path, method)
            assert status == 405, method
            assert set(headers["allow"].split(", ")) == {"GET", "HEAD"}


@pytest.mark.parametrize(
    "path", ["/", "/state", "/metrics", "/livez", "/nothing", "/page.js", "/cameras/yard/preview.jpg"]
)
@pytest.mark.parametrize("token", [None, TOKEN], ids=["open", "token"])
def test_headers_of_every_answer(path, token):
    with serving(token=token) as server:
        _, headers, _ = ask(server, path, Origin="https://evil.example")
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none';")
        assert "unsafe" not in policy
        assert "*" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in headers
        assert not [name for name in headers if name.lower().startswith("access-control")]


def test_the_page_names_nothing_outside_and_runs_nothing_inline():
    with serving() as server:
        for path in ("/", "/login", "/page.css", "/page.js", "/icon.svg"):
            text = ask(server, path)[2].decode()
            outside = set(
                re.findall(r"(?:https?:)?//[\w.-]+", re.sub(r"^\s*//.*|\s// .*", "", text, flags=re.MULTILINE))
            )
            assert outside <= {"http://www.w3.org"}, path  # the name of the SVG namespace
            assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|innerHTML|insertAdjacentHTML|eval\(", text), (
                path
            )
            assert not re.search(r"<script(?![^>]*\bsrc=)", text), path


# ---- who may see it


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "", "10.0.0.1"]
)
def test_a_name_pointed_here_by_someone_else_is_refused(host):
    with serving() as server:
        for path in ("/state", "/cameras/yard/preview.jpg", "/", "/metrics", "/login"):
            status, _, body = ask(server, path, Host=host)
            assert status == 421
            assert b"yard" not in body


def test_this_machines_own_names_are_served():
    with serving() as server:
        for host in ("localhost", "LOCALHOST:1", "127.0.0.1", f"127.0.0.1:{server.port}", "[::1]:80", "[::1]"):
            assert ask(server, "/state", Host=host)[0] == 200, host


def test_no_host_is_no_name():
    with serving() as server:
        assert b" 421 " in raw(server, b"GET /state HTTP/1.0\r\n\r\n").splitlines()[0]


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", ":0", "*:0"])
@pytest.mark.parametrize("token", [None, ""])
def test_beyond_loopback_a_token_is_needed(listen, token):
    with pytest.raises(ConfigError, match="no token") as caught, serving(listen=listen, token=token):
        pass
    assert "http.token" in caught.value.hint


def test_a_token_that_can_be_guessed_is_none():
    with pytest.raises(ConfigError, match="can be guessed") as caught, serving(token="1234"):
        pass
    assert "1234" not in str(caught.value)


PRIVATE = ["/state", "/readyz", "/metrics", "/page.js", "/cameras/yard/preview.jpg", "/nothing"]


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "127.0.0.1:0"])
def test_without_the_token_nothing_is_told(listen):
    board = board_of("yard")
    board.told("yard", Preview(jpeg(), 1.0))
    with serving(board, listen=listen, token=TOKEN) as server:
        for path in PRIVATE:
            for method in ("GET", "HEAD", "POST"):
                status, headers, body = ask(server, path, method)
                assert status == 401, path
                assert headers["www-authenticate"].startswith("Bearer")
                assert b"yard" not in body
        status, headers, _ = ask(server, "/")
        assert (status, headers["location"]) == (303, "login")
        assert ask(server, "/livez")[0] == 200  # tells nothing but that it lives
        assert ask(server, "/login")[0] == 200


WRONG = ["", "x", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), " ", "é" * 30, "null", "*", "***"]


@pytest.mark.parametrize("wrong", WRONG, ids=range(len(WRONG)))
def test_wrong_tokens(wrong):
    with serving(token=TOKEN) as server:
        for sent in (f"Bearer {wrong}", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN} {wrong}x"):
            assert ask(server, "/state", Authorization=sent.encode())[0] == 401, sent
        assert ask(server, "/state", Cookie=f"redact={wrong}".encode())[0] == 401
        body = f"token={wrong}".encode()
        status, headers, _ = ask(server, "/login", "POST", body)
        assert (status, headers["location"]) == (303, "login?wrong")
        assert headers["set-cookie"] is None
        assert ask(server, "/login?wrong")[0] == 401


def test_the_right_token_as_a_header():
    with serving(token=TOKEN) as server:
        for kind in ("Bearer", "bearer", "BEARER"):
            assert ask(server, "/state", Authorization=f"{kind} {TOKEN}")[0] == 200


@pytest.mark.parametrize("way", ["form", "link"])
def test_the_right_token_gives_a_cookie_and_stays_in_no_address(way):
    with serving(listen="0.0.0.0:0", token=TOKEN) as server:
        if way == "form":
            status, headers, _ = ask(server, "/login", "POST", f"token={TOKEN}")
        else:
            status, headers, _ = ask(server, f"/?token={TOKEN}")
        assert (status, headers["location"]) == (303, "./")
        cookie = headers["set-cookie"]
        assert TOKEN not in cookie
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        given = cookie.split(";")[0]
        for path in ("/", "/state", "/page.js"):
            assert ask(server, path, Cookie=f"other=1; {given}")[0] == 200
        # what the cookie holds is no token
        assert ask(server, "/state", Authorization=f"Bearer {given.split('=')[1]}")[0] == 401


def test_a_cookie_of_another_token_is_none():
    with serving(token=TOKEN) as server:
        cookie = ask(server, f"/?token={TOKEN}")[1]["set-cookie"].split(";")[0]
    with serving(token=TOKEN + "-new") as server:
        assert ask(server, "/state", Cookie=cookie)[0] == 401


def test_a_token_that_nobody_asks_for_leaves_the_address():
    with serving() as server:
        status, headers, _ = ask(server, "/?token=whatever")
        assert (status, headers["location"]) == (303, "./")


@pytest.mark.parametrize("body", [b"x" * 100_000, b"token=" + b"a&" * 2000, b"\xff\xfe\x00", b"token", b""], ids=len)
def test_forms_that_are_none(body):
    with serving(token=TOKEN) as server:
        status, headers, _ = ask(server, "/login", "POST", body)
        assert status in (303, 413)
        assert headers["set-cookie"] is None
        assert ask(server, "/livez")[0] == 200


# ---- where it listens


def test_a_port_that_is_taken_is_said_clearly():
    with (
        serving() as server,
        pytest.raises(ConfigError, match="listens there already") as caught,
        serving(listen=f"127.0.0.1:{server.port}"),
    ):
        pass
    assert "another port" in caught.value.hint


@pytest.mark.parametrize(
    "listen",
    [
        "",
        "9110",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:x",
        "127.0.0.1:70000",
        "::1:80",
        "http://127.0.0.1:80",
        "host name:1",
    ],
)
def test_addresses_that_are_none(listen):
    with pytest.raises(ConfigError) as caught, serving(listen=listen, token=TOKEN):
        pass
    assert caught.value.hint


def test_an_address_of_another_machine():
    with pytest.raises(ConfigError) as caught, serving(listen="192.0.2.1:0", token=TOKEN):
        pass
    assert "address of this machine" in caught.value.hint


def test_it_listens_on_ipv6_too():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with serving(listen="[::1]:0") as server:
        assert server.url == f"http://[::1]:{server.port}/"
        connection = http.client.HTTPConnection("::1", server.port, timeout=10)
        connection.request("GET", "/state")
        assert connection.getresponse().status == 200
        connection.close()


def test_it_ends_with_its_with_and_frees_the_port():
    before = threading.active_count()
    with serving() as server:
        idle = socket.create_connection(("127.0.0.1", server.port))
        assert ask(server, "/livez")[0] == 200
        assert threading.active_count() == before + 1
    idle.close()
    assert threading.active_count() == before
    with serving(listen=f"127.0.0.1:{server.port}") as again:
        assert ask(again, "/livez")[0] == 200


def test_it_prints_nothing_and_takes_no_signal(capfd):
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    with serving(token=TOKEN) as server:
        ask(server, f"/?token={TOKEN}")
        ask(server, "/nothing")
        raw(server, b"\x16\x03\x01 not http at all\r\n\r\n")
        raw(server, b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\r\n")
        assert handlers == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    assert capfd.readouterr() == ("", "")


# ---- who is slow, many or huge


def test_headers_without_end_are_cut_off():
    with serving() as server:
        huge = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 200_000 + b"\r\n\r\n"
        got = raw(server, huge)
        assert not got or b" 400 " in got.splitlines()[0]
        many = (
            b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(50_000)) + b"\r\n"
        )
        with contextlib.suppress(ConnectionError):
            got = raw(server, many)
            assert not got or b" 400 " in got.splitlines()[0]
        assert ask(server, "/livez")[0] == 200


def ended(connection: socket.socket) -> bool:
    """Whether the server has closed this connection."""
    try:
        return connection.recv(65536, socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_whoever_sends_slowly_is_sent_away_while_others_are_answered(monkeypatch):
    monkeypatch.setattr(listener, "REQUEST_TIME", 1.0)
    with serving() as server, contextlib.ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(50)]
        text = b"GET /state HTTP/1.1\r\nHost: localhost\r\nX: "
        begun = time.monotonic()
        sent = 0
        while not all(ended(connection) for connection in slow):
            assert time.monotonic() - begun < 20
            for connection in slow:
                with contextlib.suppress(OSError):
                    connection.send(text[sent : sent + 1] or b"x")
            sent += 1
            assert ask(server, "/state")[0] == 200
            time.sleep(0.05)


def test_a_body_that_never_comes_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(listener, "REQUEST_TIME", 1.0)
    with serving(token=TOKEN) as server:
        head = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000\r\n\r\ntoken="
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            connection.sendall(head)
            with contextlib.suppress(ConnectionError):
                assert connection.recv(65536) == b""
        assert ask(server, "/livez")[0] == 200


def test_whoever_reads_slowly_is_sent_away(monkeypatch):
    monkeypatch.setattr(listener, "REQUEST_TIME", 1.0)
    board = board_of("yard")
    board.told("yard", Preview(b"\xff\xd8" + bytes(20_000_000), time.time()))  # more than any buffer between us holds
    with serving(board) as server, socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(b"GET /cameras/yard/preview.jpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(2.5)
        assert ask(server, "/livez")[0] == 200
        got = 0
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(1 << 20):
                got += len(part)
        assert got < 20_000_000


def test_two_hundred_at_once_are_all_answered():
    board = board_of(*(f"camera {n}" for n in range(16)))
    with serving(board) as server, ThreadPoolExecutor(200) as pool:
        answers = pool.map(lambda n: ask(server, ("/state", "/metrics", "/livez", "/")[n % 4])[0], range(400))
        assert set(answers) == {200}


def test_more_connections_than_there_is_room_for_shut_nobody_out():
    with serving() as server, contextlib.ExitStack() as stack:
        idle = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20))
            for _ in range(listener.MOST_CONNECTIONS + 40)
        ]
        for _ in range(5):
            assert ask(server, "/state")[0] == 200
        assert sum(ended(connection) for connection in idle) >= 40


def test_many_requests_one_after_another_on_one_connection():
    with serving() as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        connection.request("GET", "/livez")
        connection.getresponse().read()
        own = connection.sock
        for _ in range(200):
            connection.request("GET", "/livez")
            assert connection.getresponse().read() == b"alive\n"
        assert connection.sock is own
        connection.close()
