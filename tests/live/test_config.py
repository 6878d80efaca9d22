"""redact.yml: what it may say, every fault with its line, the environment over it, and one kind of error."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from redact.errors import ConfigError
from redact.live.config import Camera, Service, load, read
from redact.live.keys import CameraKeys, Defaults, Http, Record, schema_of_file
from redact.live.overrides import variable_of
from redact.live.secrets import mask
from redact.live.written import effective, reference, spelled
from redact.media.live_encoder import CRF, PRESET
from redact.policy import LIVE_LOOKAHEAD, Policy, settings
from redact.yaml_file import DEEPEST, LARGEST, parse_value

ROOT = Path(__file__).parents[2]
ISSUE = """\
http: {listen: "127.0.0.1:9110"}          # /livez /readyz /metrics and the status page
defaults: {find: [face, person], style: blur, lookahead: 400ms, on_detector_error: cover}
cameras:
  yard:
    source: rtsp://${CAM_USER}:${CAM_PASS}@10.0.0.5/Streaming/Channels/101
    publish: rtsp://127.0.0.1:8554/yard    # a URL or a list of them
    record: {path: /var/lib/redact, segment: 60s, keep: 7d, keep_size: 200GB}
    hls: {path: /run/redact/hls}
    always: [[0.0, 0.0, 0.3, 0.0, 0.3, 0.4, 0.0, 0.4]]
"""
LOGIN = {"CAM_USER": "admin", "CAM_PASS": "hunter2/@:"}


@pytest.fixture
def said(tmp_path):
    """``said(text, NAME=value, ...)`` → what a file of that text and those variables say together."""

    def reading(text: str, **environ: str):
        path = tmp_path / "redact.yml"
        path.write_text(text, encoding="utf-8")
        return read(path, environ)

    return reading


def faults(reading) -> list[str]:
    assert reading.service is None
    assert all(fault.hint and "\n" not in f"{fault}{fault.hint}" for fault in reading.faults)
    return [re.sub(r"^\S*/", "", str(fault)) for fault in reading.faults]


def one(reading) -> str:
    (fault,) = reading.faults
    assert fault.hint
    return f"{fault} ({fault.hint})"


def camera(keys: str, **environ: str) -> str:
    return "cameras:\n  yard:\n    source: /dev/video0\n" + "".join(f"    {line}\n" for line in keys.splitlines())


def test_the_shape_of_the_issue(said):
    service = said(ISSUE, **LOGIN).service
    assert isinstance(service, Service)
    yard = service.cameras["yard"]
    assert yard.source == "rtsp://admin:hunter2%2F%40%3A@10.0.0.5/Streaming/Channels/101"
    assert yard.publish == ("rtsp://127.0.0.1:8554/yard",)
    assert (yard.record.segment, yard.record.keep, yard.record.keep_size) == (60.0, 7 * 86400.0, 200 * 10**9)
    assert yard.policy == Policy(
        lookahead=0.4, always=(((0.0, 0.0), (0.3, 0.0), (0.3, 0.4), (0.0, 0.4)),), style="blur"
    )
    assert yard.on_detector_error == "cover"


def test_a_camera_goes_to_its_worker_and_comes_back_the_same(said):
    text = ISSUE + '    schedule: {outside: ["mon-fri 08:00-18:00"], timezone: Europe/Vienna}\n    token_of: x\n'
    yard = said(text.replace("    token_of: x\n", ""), **LOGIN).service.cameras["yard"]
    assert Camera.model_validate_json(yard.model_dump_json()) == yard
    assert yard.secrets == ("admin", "hunter2/@:")
    assert "hunter2" not in repr(yard) + str(yard)
    assert "hunter2" not in mask(f"cannot open {yard.source}, password hunter2/@:")


def test_models_are_frozen(said):
    service = said(ISSUE, **LOGIN).service
    with pytest.raises(ValueError, match="frozen"):
        service.cameras["yard"].source = "x"


def test_defaults_come_from_where_they_are_defined():
    for name, (setting, default) in settings(Policy).items():
        field = Defaults.model_fields[name]
        assert field.get_default() == (LIVE_LOOKAHEAD if name == "lookahead" else default), name
        assert field.description.startswith(setting.help), name
        schema = Defaults.model_json_schema()["properties"][name]
        if setting.choices:
            assert set(setting.choices) == set(schema.get("enum") or schema["items"]["enum"])
    assert (Defaults().crf, Defaults().preset) == (CRF, PRESET)
    assert Camera(name="a", source="b").policy == Policy(lookahead=LIVE_LOOKAHEAD)


def test_a_camera_overrides_defaults_key_by_key(said):
    service = said(
        """\
defaults:
  style: solid
  record: {path: /rec, segment: 10m, keep: 7d}
  hls: {path: "/run/{name}"}
  publish: rtsp://127.0.0.1:8554/{name}
cameras:
  a: {source: a.mp4, record: {keep: 1d}}
  b: {source: b.mp4, style: blur, record: null, publish: [rtsp://h/x, rtsp://i/x], lookahead: 0s}
"""
    ).service
    a, b = service.cameras["a"], service.cameras["b"]
    assert (a.record.path, a.record.segment, a.record.keep) == ("/rec", 600.0, 86400.0)
    assert (a.policy.style, b.policy.style) == ("solid", "blur")
    assert (a.hls.path, b.hls.path) == ("/run/a", "/run/b")
    assert a.publish == ("rtsp://127.0.0.1:8554/a",)
    assert b.publish == ("rtsp://h/x", "rtsp://i/x")
    assert b.record is None
    assert b.policy.lookahead == 0.0


def test_every_fault_is_named_with_its_line(said):
    reading = said(
        """\
htp: 1
http:
  listen: here
  tokn: x
defaults:
  styl: blur
  style: smudge
  color: #202020
  grow: 9
  record: {segment: 1:30}
cameras:
  yard:
    source: rtsp://${GONE}@10.0.0.5/
    publish: http://h/yard
    hls: {}
    schedule: {outside: [12:00], timezone: UTC}
    on_detector_error: no
  a__b:
    source: 5
    cells: 3.5
    loop: on
    find: [face, dog]
  c: x
"""
    )
    found = faults(reading)
    for line, words in (
        (1, "htp: no such key"),
        (3, "http.listen: 'here' is not HOST:PORT"),
        (4, "http.tokn: no such key"),
        (6, "defaults.styl: no such key"),
        (7, "defaults.style: 'smudge' is not known"),
        (8, "defaults.color: is empty"),
        (9, "defaults.grow: 9 is out of range"),
        (10, "defaults.record.segment: '1:30' is no duration"),
        (13, "cameras.yard.source: GONE is not set"),
        (14, "cameras.yard.publish: http://h/yard: cannot be published to"),
        (15, "cameras.yard.hls.path: is missing"),
        (16, "cameras.yard.schedule: '12:00' are no hours"),
        (17, "cameras.yard.on_detector_error: 'no' is not known"),
        (18, "cameras.a__b: is no name of a camera"),
        (19, "cameras.a__b.source: 5 is not text"),
        (20, "cameras.a__b.cells: 3.5 is not a whole number"),
        (21, "cameras.a__b.loop: 'on' is not true or false"),
        (22, "cameras.a__b.find[1]: 'dog' is not known"),
        (23, "cameras.c: is not a mapping"),
    ):
        assert any(fault.startswith(f"redact.yml:{line}: {words}") for fault in found), (line, words, found)
    assert len([fault for fault in found if "defaults.style" in fault]) == 1  # once, not once a camera
    hints = {fault.text: fault.hint for fault in reading.faults}
    assert "did you mean http?" in hints["no such key"] or "did you mean style?" in {f.hint for f in reading.faults}


@pytest.mark.parametrize(
    ("key", "near"),
    [("stile", "style"), ("look-ahead", "lookahead"), ("Publish", "publish"), ("on_error", "on_detector_error")],
)
def test_an_unknown_key_is_refused_with_the_nearest(said, key, near):
    assert one(said(camera(f"{key}: x"))).endswith(f"({f'did you mean {near}?'})")


@pytest.mark.parametrize("value", ["clear", "ignore", "true", "null", "[cover]", "0"])
def test_there_is_no_third_thing_to_do_when_detection_fails(said, value):
    assert "on_detector_error" in one(said(camera(f"on_detector_error: {value}")))


def test_weak_settings_need_consent_here_too(said):
    found = one(said(camera("style: mosaic\ncells: 12")))
    assert "redact.yml:5: cameras.yard.cells" in found
    assert "allow_weak" in found
    assert "--" not in found
    assert said(camera("style: mosaic\ncells: 12\nallow_weak: true")).service


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("lookahead: 400", "out of range"),
        ("lookahead: 400 parsecs", "no duration"),
        ("record: {path: /r, keep_size: 200}", "out of range"),
        ("record: {path: /r, keep_size: a lot}", "no size"),
        ("record: {path: /r, keep: 1s}", "out of range"),
        ("record: {path: /}", "no folder"),
        ("always: [[0, 0, 1, 0, 1]]", "x without a y"),
        ("always: [[0, 0, 1, 0, 1, 7]]", "leaves the picture"),
        ("always: [[0, 0, 1, 0, x, 1]]", "not numbers"),
        ("always: 5", "not a list"),
        ("color: 202020", "quotes"),
        ("source2: x", "no such key"),
        ("crf: 23.5", "whole number"),
        ("crf: true", "whole number"),
        ("max_memory: 1MB", "out of range"),
        ("find: []", "nothing to cover"),
        ("transport: quic", "one of tcp, udp"),
        ("publish: '-'", "cannot be published"),
        ("publish: rtsp://", "cannot be published"),
        ("publish: rtsp://h:port/x", "cannot be published"),
        ("publish: [rtsp://h/x, rtsp://h/x]", "twice"),
        ("schedule: {outside: [8:00-9:00]}", "timezone"),
        ("schedule: {outside: 8:00-9:00, timezone: UTC}", "not a list"),
        ("schedule: {outside: [8:00-9:00], timezone: UTC, cover: faces}", "everything"),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(said, keys, words):
    found = one(said(camera(keys)))
    assert words in found
    assert "redact.yml:4: cameras.yard" in found


@pytest.mark.parametrize(
    "source", ["ftp://h/x", "rtsp://", "udp://h", "rtsp://h:x/", "", "rtsp://h/a b", "rtsp://u:p/w@h/"]
)
def test_what_is_no_camera_is_refused(said, source):
    assert "cameras.yard.source" in one(said(f"cameras: {{yard: {{source: {json.dumps(source)}}}}}"))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("cameras:\n\tyard: 1", 2),
        ("cameras:\n  yard: {source: a}\n  yard: {source: b}", 3),
        ("a: &x 1\n", 1),
        ("cameras: &x [*x, *x]", 1),
        ("cameras: !!python/object/apply:os.system [x]", 1),
        ("cameras: {}\n---\ncameras: {}", 2),
        ("cameras:\n  yard: 'x", 2),
        ("cameras: {\n\n", 3),
        ("? [a]\n: b", 1),
        ("a: |\n  x\n  y\n", 1),
        ('\n\na: "\\0"', 3),
        ("x: " + "[" * (DEEPEST + 1), 1),
    ],
)
def test_what_is_no_plain_yaml_is_one_error_with_its_line(said, text, line):
    assert f"redact.yml:{line}: " in one(said(text))


@pytest.mark.parametrize(
    "content", [b"\x00\x01\x02", b"\xff\xfea\x00", b"\x89PNG\r\n\x1a\n", b"a: b\xff", b"#" * (LARGEST + 1)]
)
def test_what_is_no_text_is_one_error(tmp_path, content):
    path = tmp_path / "redact.yml"
    path.write_bytes(content)
    one(read(path, {}))


@pytest.mark.parametrize("name", ["gone.yml", "folder"])
def test_a_file_that_cannot_be_read_is_one_error(tmp_path, name):
    (tmp_path / "folder").mkdir()
    assert name in one(read(tmp_path / name, {}))


@pytest.mark.parametrize(
    "text", ["", "# nothing", "cameras:", "cameras: {}", "http: {}", "5", "[]", "cameras: [a]", "null"]
)
def test_without_cameras_nothing_runs(said, text):
    assert said(text).service is None


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("on", "on"), ("off", "off"), ("no", "no"), ("yes", "yes"), ("y", "y"), ("12:00", "12:00"), ("1:30", "1:30"),
        ("017", "017"), ("1_000", "1_000"), ("0x10", "0x10"), ("2026-11-23", "2026-11-23"), (".inf", ".inf"),
        ("1e3", 1000.0), ("true", True), ("False", False), ("~", None), ("", None), ("7", 7), ("-1.5", -1.5),
        ("'7'", "7"), ("<<", "<<"),
    ],
)  # fmt: skip
def test_a_value_means_what_it_looks_like(scalar, value):
    found = parse_value(f"key: {scalar}", "x")[0]["key"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("listen", ["0.0.0.0:9110", ":9110", "*:9110", "[::]:9110", "10.0.0.1:80", "nas:9110"])
def test_a_page_that_others_can_reach_needs_a_token(said, listen):
    text = camera("") + f'http: {{listen: "{listen}"}}'
    assert "no token" in one(said(text))
    assert said(text, REDACT_HTTP__TOKEN="1234567890123456").service


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "localhost:9110", "[::1]:9110", "127.8.0.1:9110"])
def test_a_page_on_this_machine_needs_none(said, listen):
    assert said(camera("") + f'http: {{listen: "{listen}"}}').service


# -- two cameras at once


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "{a: {source: x, publish: rtsp://h/p}, b: {source: y, publish: 'rtsp://u:p@H:554/p/'}}",
            "a publishes there too",
        ),
        ("{a: {source: x, hls: {path: /run/r}}, b: {source: y, hls: {path: /run/../run/r}}}", "a writes there too"),
        ("{a: {source: x, record: {path: /rec}}, b: {source: y, hls: {path: /rec/a/live}}}", "a writes there too"),
        ("{a: {source: x, record: {path: /rec}, hls: {path: /rec/a}}}", "its recordings go there too"),
        ("{a: {source: 'rtsp://u:p@h/p', publish: rtsp://h:554/p}}", "is the source itself"),
        ("{a: {source: rtsp://localhost:8554/p, publish: rtsp://127.0.0.1:8554/p}}", "is the source itself"),
        ("{a: {source: /rec/a/x.mp4, record: {path: /rec}}}", "holds the source itself"),
        ("{front-door: {source: x}, front_door: {source: y}}", "too much like front-door"),
        ("{Yard: {source: x}, yard: {source: y}}", "too much like Yard"),
    ],
)
def test_cameras_in_each_others_way_are_refused(said, text, words):
    found = one(said(f"cameras: {text}"))
    assert words in found
    assert "u:p" not in found


def test_cameras_beside_each_other_are_fine(said):
    assert said(
        """\
defaults: {record: {path: /rec}, hls: {path: "/run/{name}"}, publish: "rtsp://h/{name}"}
cameras: {a: {source: x}, b: {source: y}, c: {source: rtsp://h/a, publish: rtsp://h/c}}
"""
    ).service


# -- the environment


def every_key():
    for section, kind in (("http", Http), ("defaults", Defaults), ("cameras", CameraKeys)):
        for name in kind.model_fields:
            yield (section, "yard", name) if section == "cameras" else (section, name)
    yield from (("cameras", "yard", "record", name) for name in Record.model_fields)
    yield from (("cameras", "yard", "schedule", name) for name in ("outside", "timezone", "cover"))


SPELLED = {
    "listen": "127.0.0.1:9", "token": "1234567890123456", "transport": "udp", "loop": "true", "publish": "rtsp://h/x",
    "record": "{path: /r}", "hls": "{path: /h}", "crf": "30", "preset": "fast", "on_detector_error": "stop",
    "schedule": "{outside: ['8:00-9:00'], timezone: UTC}", "no_frame": "9s", "max_age": "2500ms",
    "max_memory": "500MB",
    "find": "face,plate", "detector": "seed", "device": "cpu", "threshold": "0.5", "min_face": "20", "every": "3",
    "lookahead": "1s", "hold": "2", "style": "solid", "color": "#123456", "shape": "box", "grow": "1.5", "cells": "0",
    "always": "[[0, 0, 1, 0, 1, 1]]", "never": "[[0, 0, 1, 0, 1, 1]]", "allow_weak": "true", "source": "/dev/video1",
    "path": "/r", "segment": "10s", "keep": "2d", "keep_size": "2GB", "container": "mkv", "outside": "['7:00-9:00']",
    "timezone": "Europe/Vienna", "cover": "everything",
}  # fmt: skip


@pytest.mark.parametrize("keys", list(every_key()), ids=lambda keys: ".".join(keys))
def test_every_key_can_be_said_by_the_environment(said, keys):
    below = "record: {path: /other}\nschedule: {outside: ['1:00-2:00'], timezone: UTC}"
    text = camera(below if keys[0] == "cameras" else "")
    before = said(text)
    assert before.service
    variable = variable_of(keys)
    after = said(text, **{variable: SPELLED[keys[-1]]})
    assert after.service, after.faults
    where = after.http if keys[0] == "http" else after.cameras["yard"]
    path = keys[1:] if keys[0] != "cameras" else keys[2:]
    if path[-1] != "source" or keys[0] == "cameras":
        assert where.origins[path].place == variable
    if keys[-1] not in ("cells", "cover", "record", "hls", "schedule"):
        assert after.service != before.service


def test_the_environment_may_make_a_camera_and_beats_the_file(said):
    service = said(
        "cameras: {front-door: {source: x.mp4, style: blur}}",
        REDACT_CAMERAS__FRONT_DOOR__STYLE="solid",
        REDACT_CAMERAS__BACK_YARD__SOURCE="rtsp://${U}:${P}@h/",
        REDACT_DEFAULTS__HOLD="3s",
        REDACT_MODELS="/elsewhere",
        U="me",
        P="p w",
    ).service
    assert service.cameras["front-door"].policy.style == "solid"
    assert service.cameras["back_yard"].source == "rtsp://me:p%20w@h/"
    assert {camera.policy.hold for camera in service.cameras.values()} == {3.0}


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("REDACT_CAMERAS__YARD__STIL", "x", "did you mean style?"),
        ("REDACT_CAMERAS__YARD", "x", "names no key"),
        ("REDACT_CAMERAS__YARD__STYLE__DEEP", "x", "no keys below"),
        ("REDACT_CAMERAS__YARD__STYLE", "smudge", "one of blur"),
        ("REDACT_CAMERAS__YARD__STYLE", "", "is empty"),
        ("REDACT_CAMERAS__YARD__RECORD", "[", "expected"),
        ("REDACT_CAMERAS__YARD__ALWAYS", "0,0,1", "not a list"),
        ("REDACT_HTTP__LISTEN", "nowhere", "not HOST:PORT"),
        ("REDACT_HTTP__TOKEN", "short", "too short"),
    ],
)
def test_a_variable_that_cannot_be_is_named(said, variable, value, words):
    found = one(said(camera(""), **{variable: value}))
    assert found.startswith(variable)
    assert words in found


# -- nothing but ConfigError

KEYS = st.sampled_from(
    ["http", "defaults", "cameras", "yard", "source", "record", "path", "always", "style", "schedule", "x y", ""]
)
TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["${X}", "$", "rtsp://[", "1s"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def refused_or_read(path: Path, environ: dict[str, str]) -> None:
    with contextlib.suppress(ConfigError):
        service = load(path, environ)
        assert Service.model_validate_json(service.model_dump_json()) == service


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_bytes_make_anything_but_one_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.yml"
    path.write_bytes(content)
    refused_or_read(path, {})


@given(TREES)
def test_no_values_make_anything_but_one_error(tmp_path_factory, tree):
    path = tmp_path_factory.getbasetemp() / "tree.yml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    refused_or_read(path, {"X": "y"})


@given(st.data())
def test_no_value_of_a_key_makes_anything_but_one_error(tmp_path_factory, data):
    keys = data.draw(st.dictionaries(st.sampled_from(sorted(CameraKeys.model_fields)), TREES, max_size=4))
    path = tmp_path_factory.getbasetemp() / "keys.yml"
    path.write_text(json.dumps({"defaults": keys, "cameras": {"yard": {"source": "x"} | keys}}), encoding="utf-8")
    refused_or_read(path, {"X": "y"})


@given(
    st.dictionaries(
        st.lists(
            st.sampled_from(["cameras", "http", "defaults", "yard", "record", "style", "always", "path", "é", ""]),
            max_size=4,
        ).map(lambda parts: "REDACT_" + "__".join(parts).upper()),
        st.text(max_size=20),
        max_size=3,
    )
)
def test_no_environment_makes_anything_but_one_error(tmp_path_factory, environ):
    path = tmp_path_factory.getbasetemp() / "environment.yml"
    path.write_text("cameras: {yard: {source: x}}")
    refused_or_read(path, environ)


# -- what is shipped and shown


def test_the_shipped_file_is_what_the_program_says_and_is_good():
    written = (ROOT / "redact.yml").read_text(encoding="utf-8")
    assert written == reference(), "run redact config example > redact.yml"
    service = load(ROOT / "redact.yml", {})
    assert (ROOT / service.cameras["lobby"].source).exists()
    plain = service.cameras["lobby"].model_copy(update={"name": "a", "source": "b", "loop": False})
    assert plain == Camera(name="a", source="b")  # every value that it writes is the default


def test_the_shipped_file_has_every_key_and_its_commented_ones_are_good(tmp_path):
    text = (ROOT / "redact.yml").read_text(encoding="utf-8")
    for kind in (Http, CameraKeys, Record):
        for name in kind.model_fields:
            assert f"{name}:" in text
    lines = text.splitlines()
    body = [
        line for line in lines[next(i for i, line in enumerate(lines) if not line.startswith("#")) :] if line.strip()
    ]

    def bare(line: str) -> str:
        inner = line.lstrip()
        if not inner.startswith("# "):
            return line
        indent = line[: len(line) - len(inner)]
        rest = inner[2:]
        deeper = rest[: len(rest) - len(rest.lstrip())]
        while rest.lstrip().startswith("# "):
            rest = deeper + rest.lstrip()[2:]
        key = rest.lstrip().split(":")[0]
        known = {"record", "hls", "schedule", "yard", "gate", "path", "outside", "timezone", "cover"}
        known |= {*Http.model_fields, *CameraKeys.model_fields, *Record.model_fields}
        return indent + rest if key in known and ": " in rest + " " else ""

    path = tmp_path / "redact.yml"
    path.write_text("\n".join(filter(None, map(bare, body))), encoding="utf-8")
    environ = {"CAM_USER": "u", "CAM_PASS": "p", "REDACT_TOKEN": "0123456789abcdef"}
    service = load(path, environ)
    assert {"lobby", "yard", "gate"} == set(service.cameras)
    assert service.http.token
    assert service.cameras["lobby"].record.keep == 7 * 86400
    assert service.cameras["gate"].policy.style == "solid"


def test_the_schema_takes_what_the_program_takes(said):
    schema = schema_of_file()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for text in (ISSUE, (ROOT / "redact.yml").read_text(encoding="utf-8")):
        assert list(validator.iter_errors(parse_value(text, "x")[0])) == []
    for wrong in (
        "htp: 1",
        "cameras: {yard: {}}",
        camera("on_detector_error: clear"),
        camera("grow: 9"),
        camera("lookahead: x"),
    ):
        assert list(validator.iter_errors(parse_value(wrong, "x")[0])), wrong


def test_what_is_shown_reads_back_and_tells_no_secret(said, tmp_path):
    reading = said(ISSUE, **LOGIN, REDACT_HTTP__TOKEN="s3cret-s3cret-s3cret", REDACT_CAMERAS__YARD__STYLE="solid")
    lines = list(effective(reading))
    text = "\n".join(lines)
    assert "hunter2" not in text
    assert "s3cret" not in text
    assert any("style: solid" in line and line.endswith("# REDACT_CAMERAS__YARD__STYLE") for line in lines)
    assert any("find: [face, person]" in line and line.endswith("redact.yml:2") for line in lines)
    assert any("segment: 1m" in line and line.endswith("redact.yml:7") for line in lines)
    assert any("container: mp4" in line and line.endswith("# default") for line in lines)
    again = said(text.replace("token: ***", "token: null"))
    yard, first = again.service.cameras["yard"], reading.service.cameras["yard"]
    assert yard.model_copy(update={"source": first.source, "secrets": first.secrets}) == first


@given(TREES)
def test_what_is_spelled_reads_back(tree):
    def finite(value):
        if isinstance(value, list):
            return all(map(finite, value))
        if isinstance(value, dict):
            return all(
                isinstance(key, str) and key.isalpha() and key.isascii() and finite(inner)
                for key, inner in value.items()
            )
        return value is None or isinstance(value, bool) or (isinstance(value, str) and value.isprintable())

    if finite(tree):
        assert parse_value(f"key: {spelled(tree)}", "x")[0]["key"] == tree


def run(*arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith("REDACT_")} | environ
    environ["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, "-m", "redact", "config", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environ, timeout=120)


def test_the_commands(tmp_path):
    (tmp_path / "redact.yml").write_text(ISSUE)
    good = run("check", cwd=tmp_path, **LOGIN)
    assert (good.returncode, good.stdout, good.stderr) == (0, "redact.yml: good, 1 camera\n", "")
    bad = run("check", "redact.yml", cwd=tmp_path)
    assert bad.returncode == 2
    assert bad.stderr.count("error: redact.yml:5: cameras.yard.source: CAM_USER is not set") == 1
    shown = run("show", cwd=tmp_path, **LOGIN)
    assert shown.returncode == 0
    assert "hunter2" not in shown.stdout
    assert run("show", cwd=tmp_path).returncode == 2
    assert json.loads(run("schema", cwd=tmp_path).stdout) == json.loads(json.dumps(schema_of_file()))
    (tmp_path / "redact.yml").write_text(run("example", cwd=tmp_path).stdout)
    assert run("check", cwd=tmp_path).returncode == 0
    assert run("check", "gone.yml", cwd=tmp_path).returncode == 2
