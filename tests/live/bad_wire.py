"""A network cable that a test can cut, and that loses packets when it is told to.

The camera's end is in a network namespace of its own; both ends are TUN devices, and this process carries the
packets between them. So TCP meets what it meets on a real bad cable, whatever the kernel was built with.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import random
import select
import struct
import subprocess
import threading
from collections.abc import Iterator

import pytest

HERE, THERE = "10.213.7.1", "10.213.7.2"
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_NEWNET = 0x40000000


class BadWire:
    """loss: share of packets that are lost, each way. space: name of the namespace of the far end."""

    def __init__(self, space: str, near: int, far: int) -> None:
        self.space = space
        self.loss = 0.0
        self.carried = self.lost = 0
        self._ends = near, far
        self._stop = threading.Event()
        self._random = random.Random(23)
        self._thread = threading.Thread(target=self._carry)
        self._thread.start()

    def cut(self) -> None:
        """Nothing arrives any more, and nobody is told."""
        self.loss = 1.0

    def mend(self) -> None:
        self.loss = 0.0

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        for end in self._ends:
            os.close(end)

    def _carry(self) -> None:
        near, far = self._ends
        while not self._stop.is_set():
            for end in select.select(self._ends, (), (), 0.1)[0]:
                packet = os.read(end, 65536)
                if self._random.random() < self.loss:
                    self.lost += 1
                    continue
                self.carried += 1
                with contextlib.suppress(OSError):
                    os.write(far if end == near else near, packet)


def _device(name: str) -> int:
    descriptor = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH", name.encode(), _IFF_TUN | _IFF_NO_PI))
    return descriptor


def _device_in(space: str, name: str) -> int:
    """A device in another namespace, made by a thread that has gone there."""
    made: list[int] = []

    def make() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        target = os.open(f"/run/netns/{space}", os.O_RDONLY)
        if libc.setns(target, _NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        os.close(target)
        made.append(_device(name))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    return made[0]


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


@contextlib.contextmanager
def bad_wire() -> Iterator[BadWire]:
    """A wire between this machine (HERE) and a namespace (THERE). Skips the test where there can be none."""
    space = f"redact{os.getpid()}"
    try:
        _run("ip", "netns", "add", space)
    except (OSError, subprocess.CalledProcessError) as error:
        words = getattr(error, "stderr", b"") or str(error).encode()
        pytest.skip(f"no network namespaces here: {words.decode().strip()}")
    try:
        try:
            near, far = _device("redactn"), _device_in(space, "redactf")
        except (OSError, IndexError) as error:
            pytest.skip(f"no TUN devices here: {error}")
        within = ("ip", "netns", "exec", space)
        _run("ip", "addr", "add", HERE, "peer", THERE, "dev", "redactn")
        _run("ip", "link", "set", "redactn", "up")
        _run(*within, "ip", "addr", "add", THERE, "peer", HERE, "dev", "redactf")
        _run(*within, "ip", "link", "set", "redactf", "up")
        _run(*within, "ip", "link", "set", "lo", "up")
        wire = BadWire(space, near, far)
        try:
            yield wire
        finally:
            wire.close()
    finally:
        subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)
