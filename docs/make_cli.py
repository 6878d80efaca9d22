"""Writes docs/cli.md from what the commands say to --help: python docs/make_cli.py."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

from redact.cli import app

COMMANDS = (
    "",
    "file",
    "detect",
    "render",
    "verify",
    "stream",
    "serve",
    "ledger",
    "ledger check",
    "ledger key",
    "models",
    "models list",
    "models fetch",
    "models check",
    "config",
    "config check",
    "config show",
    "config schema",
    "config example",
    "doctor",
)
WIDTH = "100"  # columns
HEAD = """# Command line

Made from what the commands say to `--help` by `python docs/make_cli.py`; a test keeps the two alike.

Exit status: 0 done · 1 an input failed: nothing is left behind for it, the others go on · 2 usage · 3 verification
found something · 130 interrupted. An error is one `error:` line and one `hint:` line on stderr; `-v` adds where it
came from.
"""


def help_of(command: str) -> str:
    """What ``redact COMMAND --help`` prints."""
    said = io.StringIO()
    before = {name: os.environ.get(name) for name in ("COLUMNS", "TERMINAL_WIDTH")}
    os.environ.update(dict.fromkeys(before, WIDTH))
    try:
        with contextlib.redirect_stdout(said):
            app([*command.split(), "--help"], prog_name="redact", standalone_mode=False)
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    return "\n".join(line.rstrip() for line in said.getvalue().strip().splitlines())


def reference() -> str:
    """The whole page."""
    return HEAD + "".join(f"\n## {f'redact {name}'.strip()}\n\n```\n{help_of(name)}\n```\n" for name in COMMANDS)


if __name__ == "__main__":
    Path(__file__).with_name("cli.md").write_text(reference(), encoding="utf-8")
