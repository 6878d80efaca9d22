"""Who may see the status page, and what browsers may do with it."""

from __future__ import annotations

import hashlib
import hmac
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from redact.errors import ConfigError

SHORTEST_TOKEN = 16  # signs; so many at random cannot be guessed over a network
COOKIE = "redact"
_KEPT = 30 * 24 * 3600  # seconds that a browser keeps its login: a month, for a tablet on a wall
_FORM_BYTES = 4096
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_OPEN_PATHS = frozenset({"/livez", "/login", "/page.css", "/icon.svg"})

_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """Lets a request through to ``app`` where it carries the token, or where none is asked for.

    On loopback any web page in a browser of this machine could ask in the user's name, through a name that it points
    here (DNS rebinding): so requests for other names than this machine's are refused. name: one more that is its.
    Raises ConfigError where a token is too short to be one.
    """

    def __init__(self, app: ASGIApp, *, token: str | None, loopback: bool, name: str) -> None:
        if token and len(token) < SHORTEST_TOKEN:
            raise ConfigError(
                f"http.token has {len(token)} signs and can be guessed",
                hint=f"at least {SHORTEST_TOKEN}, for example from: openssl rand -hex 16",
            )
        self._app = app
        self._token = token or None
        self._names = _LOCAL_NAMES | {name} if loopback else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As an ASGI application; anything but HTTP is not answered."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        answer = await self._refusal(request) or self._app
        await answer(scope, receive, _with_headers(send))

    async def _refusal(self, request: Request) -> Response | None:
        if self._names is not None and _name(request.headers.get("host", "")) not in self._names:
            return PlainTextResponse("Nothing is served under this name.\n", 421)
        path = request.scope["path"]
        if path == "/login":
            return await self._login(request)
        if path == "/" and "token" in request.query_params:
            return self._admitted(request.query_params["token"])
        if self._token is None or path in _OPEN_PATHS or self._knows_token(request.headers):
            return None
        if path == "/" and request.method in ("GET", "HEAD"):
            return RedirectResponse("login", 303)
        return PlainTextResponse("A token is asked for.\n", 401, {"www-authenticate": 'Bearer realm="redact"'})

    def _knows_token(self, headers: Headers) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self._is_token(given.strip()):
            return True
        return _same(_cookie(headers), self._ticket)

    async def _login(self, request: Request) -> Response | None:
        if self._token is None:
            return RedirectResponse("./", 303)
        if request.method != "POST":
            return None
        form = b""
        async for part in request.stream():
            form += part
            if len(form) > _FORM_BYTES:
                return PlainTextResponse("Too long.\n", 413, {"connection": "close"})
        given = parse_qs(form.decode("utf-8", "replace"), max_num_fields=10) if form.count(b"&") < 10 else {}
        return self._admitted(given.get("token", [""])[0].strip())

    def _admitted(self, given: str) -> Response:
        """Where a browser goes next; with the right token it takes a cookie along. The token stays in no address."""
        if self._token is None:
            return RedirectResponse("./", 303)
        if not self._is_token(given):
            return RedirectResponse("login?wrong", 303)
        answer = RedirectResponse("./", 303)
        answer.set_cookie(COOKIE, self._ticket, max_age=_KEPT, httponly=True, samesite="lax")
        return answer

    def _is_token(self, given: str) -> bool:
        return self._token is not None and _same(given, self._token)

    @property
    def _ticket(self) -> str:
        """What the cookie holds: only who has the token can make it, and the token cannot be had from it."""
        return hmac.new((self._token or "").encode(), b"redact status page", hashlib.sha256).hexdigest()


def _same(given: str, wanted: str) -> bool:
    """Compared in a time that tells neither where they differ nor how long the wanted one is."""
    one, other = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (given, wanted))
    return hmac.compare_digest(one, other)


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _name(host: str) -> str:
    """The name in a Host header, without its port."""
    name, colon, port = host.lower().rpartition(":")
    return name if colon and (port.isdigit() or not port) and not host.endswith("]") else host.lower()


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
        await send(message)

    return sending
