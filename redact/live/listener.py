"""One HTTP listener in a thread of its own: silent, and bounded in time, size and number of connections."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import re
import socket
import threading
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from redact.errors import ConfigError

REQUEST_TIME = 10.0  # seconds for a request and its answer; a preview of 50 KB takes 4 s at 100 kbit/s
MOST_CONNECTIONS = 256  # a quarter of the 1024 files that a process may open on most systems
HEADER_BYTES = 16 * 1024  # chosen: twice what common web servers let one header have
_IDLE = 5  # seconds that a connection waits for its next request
_END = 2  # seconds that answers being sent may take when the listener closes
_EXAMPLE = "for example 127.0.0.1:9110"

# without any handler logging would print on stderr whatever uvicorn warns of
logging.getLogger("uvicorn").addHandler(logging.NullHandler())


class Listener:
    """Listens from its making on, and answers inside its ``with``. Raises ConfigError where it cannot listen.

    listen: HOST:PORT; port 0 is any free one. address, port: where it listens. loopback: whether only this machine
    can reach it. url: what a browser on this machine opens.
    """

    def __init__(self, listen: str) -> None:
        self._listen = listen
        host, port = _parsed(listen)
        family, self.address = _resolved(listen, host, port)
        self.loopback = ipaddress.ip_address(self.address.split("%")[0]).is_loopback
        both = self.address == "::" and socket.has_dualstack_ipv6()
        try:
            self._socket = socket.create_server((self.address, port), family=family, backlog=128, dualstack_ipv6=both)
        except OSError as error:
            raise ConfigError(f"http.listen: {listen}: {_words(error)}", hint=_hint(error)) from error
        self.port: int = self._socket.getsockname()[1]
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Its address for a browser on this machine."""
        any_address = ipaddress.ip_address(self.address.split("%")[0]).is_unspecified
        host = "127.0.0.1" if any_address else self.address
        return f"http://[{host}]:{self.port}/" if ":" in host else f"http://{host}:{self.port}/"

    def answer(self, app: ASGIApp) -> None:
        """Start answering with ``app``, in a thread."""
        config = uvicorn.Config(
            app,
            loop="asyncio",
            http=_Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,  # the address of a request may hold the token
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_IDLE,
            timeout_graceful_shutdown=_END,
            h11_max_incomplete_event_size=HEADER_BYTES,
        )
        self._server = uvicorn.Server(config)
        # a daemon: a listener that will not end must not keep the supervisor from ending
        self._thread = threading.Thread(target=self._run, args=(self._server,), name="http", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(_END + 1.0)
        self._socket.close()

    def _run(self, server: uvicorn.Server) -> None:
        try:
            server.run(sockets=[self._socket])
        except Exception:
            logging.getLogger(__name__).exception("the status page has ended; the cameras go on")


class _Connection(H11Protocol):
    """A connection that ends when a request takes too long, and that gives way when there are too many."""

    waits_since = 0.0
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > MOST_CONNECTIONS:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._late is not None:
            self._late.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        self._wait()
        super().on_response_complete()

    @property
    def stage(self) -> int:
        """0: every request was answered. 1: none has come whole. 2: one is being answered."""
        if self.cycle is None:
            return 1
        return 0 if self.cycle.response_complete else 2

    def _wait(self) -> None:
        """From now on the next request has its time."""
        if self._late is not None:
            self._late.cancel()
        self.waits_since = self.loop.time()
        self._late = self.loop.call_later(REQUEST_TIME, self.transport.abort)

    def _make_room(self) -> None:
        """End the one that is least missed: answered already, or else still asking, and of these the oldest."""
        others: list[Any] = [other for other in self.connections if other is not self]
        longest = min(others, key=lambda other: (other.stage, other.waits_since))
        self.connections.discard(longest)
        longest.transport.abort()


def _parsed(listen: str) -> tuple[str, int]:
    match = re.fullmatch(r"(?:\[([^\]]+)\]|([^:\[\]]*)):(\d{1,5})", listen.strip())
    if match is None or int(match[3]) > 65535:
        raise ConfigError(f"http.listen: {listen!r} is not HOST:PORT", hint=_EXAMPLE)
    host = match[1] or match[2]
    return ("0.0.0.0" if host in ("", "*") else host), int(match[3])


def _resolved(listen: str, host: str, port: int) -> tuple[socket.AddressFamily, str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"http.listen: {listen}: no address of that name", hint=_EXAMPLE) from error
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    return found[0][0], str(found[0][4][0])


def _words(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "something else listens there already"
    return (error.strerror or str(error)).lower()


def _hint(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "stop the other program (another redact?), or give http.listen another port"
    if error.errno == errno.EACCES:
        return "ports below 1024 are for root; use a higher one"
    return f"use an address of this machine, {_EXAMPLE}"
