"""``redact ledger``: whether a ledger stands, and keys to sign with."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from redact.cli.console import DONE, FOUND
from redact.cli.reports import Json

ledger = typer.Typer(help="Check a ledger of runs, and make keys to sign it with.", no_args_is_help=True)


@ledger.command()
def check(
    path: Annotated[Path, typer.Argument(metavar="ledger", help="A file that --ledger wrote.", show_default=False)],
    report: Annotated[
        Path | None, typer.Option(help="A report whose runs must be in the ledger.", metavar="R.json")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(help="Public key that every record must be signed with.", metavar="PUB.pem")
    ] = None,
    files: Annotated[
        Path | None,
        typer.Option(help="Folder in which every output must be as it was written.", metavar="FOLDER"),
    ] = None,
    as_json: Json = False,
) -> int:
    """Say whether every record fits the one before it, and name the first that does not.

    redact ledger check runs.jsonl --report report.json --key office.pub.pem
    """
    from redact.ledger_check import check_ledger
    from redact.shown_text import shown
    from redact.signature import Verifier

    checked = check_ledger(path, verifier=Verifier(key) if key else None, report=report, folder=files)
    if as_json:
        print(json.dumps(dataclasses.asdict(checked), indent=2))
        return FOUND if checked.findings else DONE
    count = f"{checked.records} record{'' if checked.records == 1 else 's'}"
    span = f", {checked.first} to {checked.last}" if checked.records else ""
    print(f"{path}: {count}{span}")
    for finding in checked.findings:
        print(f"FOUND {shown(str(finding))}")
    if checked.findings:
        return FOUND
    if checked.records:
        print(f"every record fits the one before it; the last is {checked.head}")
    if checked.signed and not key:
        print(f"{checked.signed} of {checked.records} are signed, which --key checks")
    return DONE


@ledger.command()
def key(
    path: Annotated[Path, typer.Argument(metavar="NEW.pem", help="Where the private key goes.", show_default=False)],
) -> int:
    """Make a pair of Ed25519 keys: NEW.pem to sign with, for you alone, and NEW.pub.pem for whoever checks."""
    from redact.signature import make_pair

    public = make_pair(path)
    print(f"{path}: private key, keep it to yourself")
    print(f"{public}: public key, give it to whoever checks")
    return DONE
