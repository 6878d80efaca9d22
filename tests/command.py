"""The command in this very process, for what cannot be put into another: a detector made up, a fault."""

from __future__ import annotations

import logging
import signal

from redact.cli import app
from redact.cli.console import guarded


def run(*words: object) -> int:
    """Exit status. Signal handlers and logging are afterwards as they were: a process of its own needs neither."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    logger = logging.getLogger("redact")
    logs = logger.handlers, logger.level, logger.propagate
    try:
        return guarded(lambda: app(list(map(str, words)), standalone_mode=False))
    finally:
        logger.handlers, logger.propagate = logs[0], logs[2]
        logger.setLevel(logs[1])
        for number, handler in handlers.items():
            signal.signal(number, handler)
