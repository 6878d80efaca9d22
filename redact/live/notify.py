"""Tells systemd how the service is (``Type=notify``), where it asks for that; see sd_notify(3)."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Mapping


class Notify:
    """Speaks to the socket that ``NOTIFY_SOCKET`` names; says nothing where there is none."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        if self._address.startswith("@"):
            self._address = "\0" + self._address[1:]
        usec = environ.get("WATCHDOG_USEC", "")
        mine = environ.get("WATCHDOG_PID") in (None, "", str(os.getpid()))
        self._every = int(usec) / 2e6 if usec.isdigit() and mine else 0.0
        self._last = 0.0

    def ready(self) -> None:
        """Everything runs, under the newest configuration."""
        self._say("READY=1")

    def reloading(self) -> None:
        """The configuration is being read again."""
        self._say(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The end has begun."""
        self._say("STOPPING=1")

    def alive(self) -> None:
        """The loop goes round; call it as often as you like."""
        now = time.monotonic()
        if self._every and now - self._last >= self._every:
            self._last = now
            self._say("WATCHDOG=1")

    def _say(self, words: str) -> None:
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.sendto(words.encode(), self._address)
