"""Calls in a process of their own, so that a crash or a hang is a result like any other."""

from __future__ import annotations

import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

_SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a call ended. value: what it returned. error: its traceback, "hung", or the signal that ended it."""

    value: Any = None
    error: str = ""


class Worker:
    """One process that takes one call at a time. A context manager; the process starts with the first call."""

    def __init__(self) -> None:
        self._process: Any = None
        self._pipe: Any = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def call(self, function: Callable[..., Any], *args: Any, limit: float = 60.0) -> Ended:
        """``function(*args)`` over there; limit: seconds after which it counts as hung and is killed."""
        if self._process is None or not self._process.is_alive():
            self._start()
        try:
            self._pipe.send((function, args))
            if not self._pipe.poll(limit):
                self._stop()
                return Ended(error=f"hung: not done after {limit:g} s")
            return Ended(*self._pipe.recv())
        except (EOFError, BrokenPipeError, ConnectionResetError):
            self._process.join()
            code = self._process.exitcode
            self._stop()
            name = signal.Signals(-code).name if code is not None and code < 0 else f"exit {code}"
            return Ended(error=f"died: {name}")

    def _start(self) -> None:
        self._stop()
        self._pipe, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_work, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
        self._process = None


def over(
    function: Callable[..., Any], cases: Iterable[tuple[Any, ...]], *, limit: float = 60.0, several: int = 1
) -> Iterator[Ended]:
    """``function`` of every case, in order, on all cores, ``several`` to each; each case within ``limit`` seconds."""
    cores = len(os.sched_getaffinity(0)) * several
    workers = [Worker() for _ in range(cores)]
    free = list(workers)

    def one(case: tuple[Any, ...]) -> Ended:
        worker = free.pop()
        try:
            return worker.call(function, *case, limit=limit)
        finally:
            free.append(worker)

    with ThreadPoolExecutor(cores) as pool:
        try:
            yield from pool.map(one, cases)
        finally:
            for worker in workers:
                worker.__exit__()


def _work(pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            function, args = pipe.recv()
        except EOFError:
            return
        try:
            told: tuple[Any, str] = (function(*args), "")
        except BaseException:
            told = (None, traceback.format_exc())
        pipe.send(told)
