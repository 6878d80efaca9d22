"""What the outside sees of the cameras: /livez, /readyz, /metrics and the status page.

Read only. Of pictures only covered previews are here; of addresses only what is left when secrets are masked.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from importlib import resources
from typing import Any

from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from redact.digests import tool
from redact.errors import ConfigError
from redact.live.board import Board, CameraBoard
from redact.live.guard import Guard
from redact.live.listener import Listener
from redact.live.metrics import registry
from redact.live.shown import shown, why_not, words

_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_WRONG = '<p class="wrong" role="alert">That is not the token.</p>'


@contextlib.contextmanager
def serve(board: Board, listen: str, token: str | None, ready: Callable[[], bool]) -> Iterator[Listener]:
    """Answer while the ``with`` lasts, in a thread. Raises ConfigError where ``listen`` cannot be, before anything.

    listen: HOST:PORT. token: asked of everybody where it is set, and must be set for anything but loopback.
    ready: whether the supervisor's loop still goes round.
    """
    with Listener(listen) as listener:
        if not listener.loopback and not token:
            raise ConfigError(
                f"http.listen: {listen} can be reached from other machines, and there is no token",
                hint="set http.token, for example to ${REDACT_TOKEN}, or listen on 127.0.0.1",
            )
        name = f"[{listener.address}]" if ":" in listener.address else listener.address
        guard = Guard(_Health(board, ready).app(), token=token, loopback=listener.loopback, name=name)
        listener.answer(guard)
        yield listener


class _Health:
    """The answers. They only read the board, which never waits for anything."""

    def __init__(self, board: Board, ready: Callable[[], bool]) -> None:
        self._board = board
        self._ready = ready
        self._registry = registry(board)
        self._files = {name: _file(name) for name in ("page.html", "page.css", "page.js", "icon.svg", "login.html")}

    def app(self) -> Starlette:
        """The routes. Starlette answers 404, 405 and HEAD."""
        return Starlette(
            routes=[
                Route("/livez", self._livez),
                Route("/readyz", self._readyz),
                Route("/metrics", self._metrics),
                Route("/state", self._state),
                Route("/cameras/{name:path}/preview.jpg", self._preview),
                Route("/login", self._login),
                Route("/", self._asset("page.html")),
                *(Route(f"/{name}", self._asset(name)) for name in ("page.css", "page.js", "icon.svg")),
            ]
        )

    async def _livez(self, _: Request) -> Response:
        alive = self._alive()
        return PlainTextResponse("alive\n" if alive else "the supervisor does not go on\n", 200 if alive else 503)

    async def _readyz(self, _: Request) -> Response:
        cameras = shown(self._board)
        reasons = {camera.name: why_not(camera) for camera in cameras}
        alive = self._alive()
        ready = alive and bool(cameras) and not any(reasons.values())
        said: dict[str, Any] = {
            "ready": ready,
            "reason": "" if cameras and alive else "no camera" if alive else "the supervisor does not go on",
            "cameras": {name: {"ready": not reason, "reason": reason} for name, reason in reasons.items()},
            "config_fault": words(self._board.config_fault),
        }
        return JSONResponse(said, 200 if ready else 503)

    async def _metrics(self, request: Request) -> Response:
        encode, kind = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(self._registry), headers={"content-type": kind})

    async def _state(self, _: Request) -> Response:
        now = time.time()
        return JSONResponse(
            {
                "version": tool(),
                "now": now,
                "alive": self._alive(),
                "config_fault": words(self._board.config_fault),
                "cameras": [_card(camera, now) for camera in shown(self._board)],
            }
        )

    async def _preview(self, request: Request) -> Response:
        wanted = request.path_params["name"]
        for camera in shown(self._board):
            if camera.name == wanted and camera.preview is not None:
                taken = {"x-taken": f"{camera.preview.taken:.3f}"}
                return Response(camera.preview.jpeg, media_type="image/jpeg", headers=taken)
        return PlainTextResponse("No picture.\n", 404)

    async def _login(self, request: Request) -> Response:
        wrong = "wrong" in request.query_params
        page = self._files["login.html"].decode().replace("<!-- wrong -->", _WRONG if wrong else "")
        return Response(page, 401 if wrong else 200, media_type="text/html")

    def _asset(self, name: str) -> Callable[[Request], Any]:
        content, kind = self._files[name], _TYPES[name.rpartition(".")[2]]

        async def answer(_: Request) -> Response:
            return Response(content, media_type=kind)

        return answer

    def _alive(self) -> bool:
        try:
            return bool(self._ready())
        except Exception:  # a supervisor that cannot say whether it goes on does not
            return False


def _card(camera: CameraBoard, now: float) -> dict[str, Any]:
    """One camera as the page draws it. Ages in seconds, so that a browser's wrong clock does no harm."""
    status, preview = camera.status, camera.preview
    card: dict[str, Any] = {
        "name": camera.name,
        "source": camera.source,
        "well": camera.well,
        "state": "starting",
        "reason": why_not(camera),
        "since": camera.since,
        "restarts": camera.restarts,
        "memory": camera.rss,
        "preview": None if preview is None else {"taken": preview.taken, "age": max(0.0, now - preview.taken)},
        "outputs": [],
    }
    if status is None:
        return card
    return card | {
        "state": status.state,
        "reason": status.reason,
        "width": status.width,
        "height": status.height,
        "age": status.age,
        "rate": status.rate,
        "level": status.level,
        "fault": status.fault,
        "fault_at": status.fault_at,
        "stored": status.stored,
        "frames": {
            "in": status.frames_in,
            "out": status.frames_out,
            "dropped": status.dropped,
            "slates": status.slates,
        },
        "whole": status.whole,
        "found": status.detections,
        "outputs": [{"name": o.name, "open": o.open, "fault": o.fault} for o in status.outputs],
    }


def _file(name: str) -> bytes:
    return resources.files("redact.live").joinpath("page", name).read_bytes()
