"""``redact models``: the detectors that can be named."""

from __future__ import annotations

from typing import Annotated

import typer

from redact.cli.console import DONE, FAILED

models = typer.Typer(help="List, fetch and check detector models.", no_args_is_help=True)


@models.command("list")
def list_models() -> int:
    """List the models that can be named with --detector."""
    from redact.detect.catalog import catalog, check

    states = {finding.name: finding.state for finding in check()}
    for name, record in catalog().items():
        where = "shipped" if record.shipped else "fetched" if states[name] == "ok" else "not fetched"
        print(f"{name:<14} {','.join(record.kinds):<12} {where:<12} {record.licence}")
    return DONE


@models.command()
def fetch(
    names: Annotated[list[str], typer.Argument(help="Names from `redact models list`.", show_default=False)],
) -> int:
    """Download models from their origin into the user's cache and verify them."""
    from redact.detect import catalog

    for name in names:
        print(f"{name}: {catalog.fetch(name)}")
    return DONE


@models.command()
def check() -> int:
    """Verify the digest of every model that is here."""
    from redact.detect import catalog

    findings = catalog.check()
    for finding in findings:
        print(f"{finding.name:<14} {finding.state:<8} {finding.detail}".rstrip())
    return FAILED if any(finding.state == "bad" for finding in findings) else DONE
