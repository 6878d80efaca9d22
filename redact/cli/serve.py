"""``redact serve``: many cameras, as a file describes them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from redact.cli.console import DONE, Quiet, Verbose
from redact.cli.live import log_events, need_live


def serve(
    config: Annotated[Path, typer.Option("-c", "--config", help="The configuration.")] = Path("redact.yml"),
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Cover cameras for months: what redact.yml says, applied anew when the file changes or HUP comes.

    redact serve -c redact.yml
    """
    need_live()
    from redact.live.board import Board
    from redact.live.config import load
    from redact.live.service import Running
    from redact.live.supervisor import Supervisor

    log_events(quiet, verbose)
    service = load(config, os.environ)
    board = Board()
    supervisor = Supervisor(board)
    supervisor.apply(service.cameras)
    Running(board, supervisor, service.http, path=config).run()
    return DONE
