"""Faults, put into any function of the package while a job runs.

The functions are found by looking at the package, so that new code is at once among them.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import os
import pkgutil
import resource
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import redact

Wrap = Callable[[Callable[..., Any]], Callable[..., Any]]


class Fault(RuntimeError):
    """The fault that a test put in."""


def modules() -> list[ModuleType]:
    """Every module of the package whose extras are installed."""
    found = []
    for item in pkgutil.walk_packages(redact.__path__, "redact."):
        if item.name == "redact.__main__":
            continue
        with contextlib.suppress(ImportError):
            found.append(importlib.import_module(item.name))
    return found


def _owners() -> Iterator[tuple[str, Any, str]]:
    """(name, class or module, attribute) of every function and method that the package defines."""
    for module in modules():
        for name, value in list(vars(module).items()):
            if getattr(value, "__module__", None) != module.__name__:
                continue
            if isinstance(value, type):
                for inner, member in list(vars(value).items()):
                    plain = _plain(member)
                    if plain is not None and plain.__code__.co_filename == module.__file__:
                        yield f"{module.__name__}.{name}.{inner}", value, inner
            else:
                plain = _plain(value)
                if plain is not None and plain.__code__.co_filename == module.__file__:
                    yield f"{module.__name__}.{name}", module, name


def _plain(member: Any) -> Any:
    """The function inside a method, property, cached function or context manager; None where there is none."""
    if isinstance(member, (staticmethod, classmethod)):
        member = member.__func__
    if isinstance(member, property):
        member = member.fget
    member = inspect.unwrap(member) if callable(member) else member
    return member if inspect.isfunction(member) else None


def _wrapped(member: Any, wrap: Wrap) -> Any:
    if isinstance(member, (staticmethod, classmethod)):
        return type(member)(wrap(member.__func__))
    if isinstance(member, property):
        assert member.fget is not None
        return property(wrap(member.fget))
    return wrap(member)


@functools.cache
def functions() -> dict[str, tuple[Any, str]]:
    """Every function and method of the package by its full name."""
    return {name: (owner, attribute) for name, owner, attribute in _owners()}


def answers(name: str) -> str:
    """What the function says that it returns."""
    owner, attribute = functions()[name]
    return str(_plain(vars(owner)[attribute]).__annotations__.get("return", ""))


@contextlib.contextmanager
def replaced(name: str, wrap: Wrap) -> Iterator[None]:
    """The function of that name wrapped, wherever a module has taken it from where it is defined."""
    owner, attribute = functions()[name]
    member = vars(owner)[attribute]
    new = _wrapped(member, wrap)
    places = [(owner, attribute)]
    if isinstance(owner, ModuleType):
        for module in list(sys.modules.values()):
            if getattr(module, "__name__", "").partition(".")[0] in ("redact", "tests"):
                places += [(module, key) for key, value in list(vars(module).items()) if value is member]
    try:
        for place, key in places:
            setattr(place, key, new)
        yield
    finally:
        for place, key in places:
            setattr(place, key, member)


@contextlib.contextmanager
def counted() -> Iterator[Counter[str]]:
    """Counts calls of every function of the package."""
    calls: Counter[str] = Counter()

    def counting(name: str) -> Wrap:
        def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(function)
            def call(*args: Any, **named: Any) -> Any:
                calls[name] += 1
                return function(*args, **named)

            @functools.wraps(function)
            def items(*args: Any, **named: Any) -> Iterator[Any]:
                for item in function(*args, **named):
                    calls[name] += 1
                    yield item

            return items if inspect.isgeneratorfunction(function) else call

        return wrap

    with contextlib.ExitStack() as stack:
        for name in functions():
            stack.enter_context(replaced(name, counting(name)))
        yield calls


def _raise(function: Callable[..., Any], args: Any, named: Any) -> Any:
    raise Fault("put in by a test")


def _memory(function: Callable[..., Any], args: Any, named: Any) -> Any:
    raise MemoryError("put in by a test")


def _late(function: Callable[..., Any], args: Any, named: Any) -> Any:
    function(*args, **named)
    raise Fault("put in by a test, after the work was done")


def _garbage(function: Callable[..., Any], args: Any, named: Any) -> Any:
    function(*args, **named)
    return object()


def _nothing(function: Callable[..., Any], args: Any, named: Any) -> Any:
    function(*args, **named)
    return None


def _slow(function: Callable[..., Any], args: Any, named: Any) -> Any:
    time.sleep(0.3)
    return function(*args, **named)


def _hang(function: Callable[..., Any], args: Any, named: Any) -> Any:
    time.sleep(1e6)


def _kill(function: Callable[..., Any], args: Any, named: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(1e6)  # the system needs a moment; not one more line may run


def _full(function: Callable[..., Any], args: Any, named: Any) -> Any:
    """From here on the system gives no more memory."""
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + 4096, resource.RLIM_INFINITY))
    return function(*args, **named)


FAULTS: dict[str, Callable[..., Any]] = {
    "raise": _raise,
    "late": _late,
    "memory": _memory,
    "garbage": _garbage,
    "nothing": _nothing,
    "slow": _slow,
    "hang": _hang,
    "kill": _kill,
    "full": _full,
}
"""What happens at a call of a function, or at an item of a generator: raise · raise after the work · MemoryError ·
answer an object of no use · answer None · sleep · sleep for ever · kill -9 · from here on no memory from the system
(RLIMIT_AS)."""


class Injection:
    """hit: whether the fault has happened."""

    def __init__(self) -> None:
        self.hit = False


@contextlib.contextmanager
def injected(name: str, fault: str, call: int, *, stays: bool = False) -> Iterator[Injection]:
    """A fault at the ``call``-th call, from 1, of a function, or at that item of a generator; with ``stays`` at every
    one from there on."""
    injection = Injection()
    lock = threading.Lock()
    count = 0

    def due() -> bool:
        nonlocal count
        with lock:
            count += 1
            now = count == call or (stays and count > call)
        injection.hit = injection.hit or now
        return now

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def faulty(*args: Any, **named: Any) -> Any:
            return FAULTS[fault](function, args, named) if due() else function(*args, **named)

        @functools.wraps(function)
        def generated(*args: Any, **named: Any) -> Iterator[Any]:
            for item in function(*args, **named):
                if fault == "late":
                    yield item
                    if due():
                        raise Fault("put in by a test, after an item")
                else:
                    yield FAULTS[fault](lambda item=item: item, (), {}) if due() else item

        return generated if inspect.isgeneratorfunction(function) else faulty

    with replaced(name, wrap):
        yield injection
