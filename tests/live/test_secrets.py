"""Secrets are filled in where they belong and survive in no text, however it quotes them."""

import html
import json
import string
from urllib.parse import quote, quote_plus, unquote, urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from redact.errors import ConfigError
from redact.live import secrets
from redact.live.secrets import mask, remember, resolve
from redact.media.addresses import MASK

PRINTABLE = st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="*")
SECRETS = st.text(PRINTABLE, min_size=secrets.SHORTEST, max_size=24)
HOST = st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,5})?(:[0-9]{1,4})?", fullmatch=True)


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch):
    monkeypatch.setattr(secrets, "_known", frozenset())
    monkeypatch.setattr(secrets, "_forms", ())


def forget():
    secrets._known, secrets._forms = frozenset(), ()


@given(SECRETS, SECRETS, HOST)
def test_a_login_may_hold_any_sign(user, password, host):
    assume(":" not in user)
    address = resolve(f"rtsp://${{CAM_USER}}:${{CAM_PASS}}@{host}/x", {"CAM_USER": user, "CAM_PASS": password})
    parts = urlsplit(address)
    assert unquote(parts.username) == user
    assert unquote(parts.password) == password
    assert parts.netloc.rpartition("@")[2] == host
    assert parts.path == "/x"


def test_where_a_value_is_encoded_and_where_not():
    environ = {"LOGIN": "admin:p@ss:word", "PASS": "a&b#c", "PATH_": "Streaming/Channels/101", "URL": "rtsp://h/a@b"}
    assert resolve("rtsp://${LOGIN}@h/", environ) == "rtsp://admin:p%40ss:word@h/"
    assert resolve("http://h/mjpg?user=a&password=${PASS}", environ) == "http://h/mjpg?user=a&password=a%26b%23c"
    assert resolve("rtsp://h/${PATH_}", environ) == "rtsp://h/Streaming/Channels/101"
    assert resolve("${URL}", environ) == "rtsp://h/a@b"
    assert resolve("cost $$5, $x, 5$", environ) == "cost $5, $x, 5$"
    assert resolve("$${PASS}", environ) == "${PASS}"


def test_a_credential_is_a_file_where_the_environment_has_none(tmp_path):
    (tmp_path / "cam.pass").write_text("from file\n")
    (tmp_path / "BOTH").write_text("file")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path), "BOTH": "environment"}
    assert resolve("${cam.pass}", environ) == "from file"
    assert resolve("${BOTH}", environ) == "environment"
    assert mask("it is from%20file") == f"it is {MASK}"


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"two\nlines", b"", b"x" * (secrets.LARGEST + 1)])
def test_a_credential_that_is_no_line_of_text_is_refused(tmp_path, content):
    (tmp_path / "NAME").write_bytes(content)
    with pytest.raises(ConfigError, match="NAME"):
        resolve("${NAME}", {"CREDENTIALS_DIRECTORY": str(tmp_path)})


@pytest.mark.parametrize("text", ["${GONE}", "rtsp://u:${GONE}@h/", "a ${HERE} ${GONE}", "${EMPTY}${GONE}"])
def test_a_missing_variable_is_named(text):
    with pytest.raises(ConfigError, match=r"GONE|EMPTY") as caught:
        resolve(text, {"HERE": "here-it-is", "EMPTY": ""})
    assert "here-it-is" not in f"{caught.value}{caught.value.hint}"
    assert caught.value.hint


@pytest.mark.parametrize("text", ["${}", "${", "${a b}", "${../etc/passwd}", "${X:-default}", "${.hidden}", "${a/b}"])
def test_what_names_no_variable_is_refused(text):
    with pytest.raises(ConfigError, match="names no variable"):
        resolve(text, {"CREDENTIALS_DIRECTORY": "/etc"})


def test_a_line_break_is_refused_without_repeating_it():
    with pytest.raises(ConfigError, match="NAME") as caught:
        resolve("${NAME}", {"NAME": "hunter2\nhunter3"})
    assert "hunter" not in str(caught.value) + caught.value.hint


def partly(data, secret):
    """A secret with some of its signs percent-encoded, once or twice, and in either case."""
    signs = []
    for sign in secret:
        encoded = "".join(f"%{byte:02X}" for byte in sign.encode())
        signs.append(data.draw(st.sampled_from([sign, encoded, encoded.lower(), encoded.replace("%", "%25")])))
    return "".join(signs)


FORMS = (
    lambda secret: secret,
    quote,
    quote_plus,
    lambda secret: quote(secret, safe=""),
    lambda secret: quote(quote(secret, safe=""), safe=""),
    lambda secret: json.dumps(secret)[1:-1],
    lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
    lambda secret: repr(secret)[1:-1],
    lambda secret: ascii(secret)[1:-1],
    html.escape,
)


@given(SECRETS, st.text(max_size=20), st.text(max_size=20), st.data())
def test_no_secret_survives_masking(secret, before, after, data):
    forget()
    resolve("${NAME}", {"NAME": secret})
    for form in FORMS:
        quoted = form(secret)
        masked = mask(f"{before}{quoted}{after}")
        assert quoted not in masked or quoted in before + MASK or quoted in MASK + after
    quoted = partly(data, secret)
    masked = mask(f"«{quoted}»")
    assert quoted not in masked
    assert MASK in masked


@given(st.lists(SECRETS, min_size=1, max_size=4), st.data())
def test_secrets_that_overlap_are_all_masked(values, data):
    forget()
    remember(values)
    text = "".join(data.draw(st.lists(st.sampled_from([*values, *(value[1:] for value in values), "x"]), max_size=8)))
    masked = mask(text)
    assert not any(value in masked for value in values)
    assert mask(masked) == masked


PASSWORD = st.text(st.sampled_from(string.ascii_letters + string.digits + "/:@?#%&=+$!'(),;[]~^|\\"), min_size=1)


@given(
    st.sampled_from(["rtsp", "rtsps", "http", "https", "srt", "udp", "RTSP", "made-up+scheme"]),
    st.sampled_from(["://", ":/", "%3A%2F%2F", "%253a%252f%252f"]),
    PASSWORD.map(lambda text: f"Qz7{text}7zQ"),
    HOST,
    st.sampled_from(["", " ", "cannot open '", '{"source": "', "(", "x="]),
)
def test_the_login_of_any_address_is_masked(scheme, slashes, password, host, before):
    masked = mask(f"{before}{scheme}{slashes}admin:{password}@{host}/path: refused")
    assert "Qz7" not in masked or "7zQ" not in masked
    assert "admin" not in masked
    assert f"@{host}/path" in masked


def test_the_rest_of_a_text_stays():
    for text in (
        "yard: rtsp://10.0.0.5:554/Streaming/Channels/101?transportmode=unicast: no frame for 20 s",
        "3 frames dropped at 12:30:45, keyframes=3, passed=2",
        "/var/lib/redact/yard/2026/11/23/10-30-00.mp4",
        "C:\\recordings, 1920x1080 @ 15",
    ):
        assert mask(text) == text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("rtsp://u:p@h/a and http://v:w@i/b", "rtsp://***@h/a and http://***@i/b"),
        ("u:p@10.0.0.5 says no", "***@10.0.0.5 says no"),
        ("http://h/?token=abc&x=1", "http://h/?token=***&x=1"),
        ("http://h/?x=1&Access_Token=abc", "http://h/?x=1&Access_Token=***"),
        ("cgi?loginuse=admin&loginpas=hunter2", "cgi?loginuse=***&loginpas=***"),
        ("srt://h:9?passphrase=abcdefghij&streamid=publish:a:u:p", "srt://h:9?passphrase=***&streamid=***"),
        ("to%3Fapikey%3Dabc", "to%3Fapikey%3D***"),
        ("Authorization: Digest username=a, response=0123", "Authorization:***"),
    ],
)
def test_places_of_secrets(text, masked):
    assert mask(text) == masked


def test_a_password_written_into_an_address_is_masked_alone_too():
    resolve("rtsp://admin:hunt%40r2@h/", {})
    assert mask("401 for hunt@r2, Basic YWRtaW46aHVudEByMg==") == f"401 for {MASK}, Basic {MASK}"


@given(st.text())
def test_any_text_can_be_masked(text):
    assert isinstance(mask(text), str)


def test_long_texts_are_masked_in_reasonable_steps():
    for text in ("a" * 200_000, "pass" * 50_000, "://" * 50_000, "a:" * 50_000, "%25" * 50_000 + "3A"):
        mask(text)
