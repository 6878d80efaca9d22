"""``python -m benchmarks [NAME...] [--quick]``: measure, and keep figures, tables and plots.

A full run writes ``benchmarks/results/NAME.json``, its plots into ``docs/`` and its table into
``docs/benchmarks.md``, between the comments that carry its name. A quick one uses the samples, prints its table and
keeps nothing.
"""

from __future__ import annotations

import argparse
import importlib
import json
from typing import Any

from benchmarks.clips import ROOT, footage
from benchmarks.machine import stamp

NAMES = {
    "hot_loop": "milliseconds a frame and step at 720p, 1080p and 4K, 8 and 10 bit",
    "transcode": "whole runs against a plain transcode and deface; memory; import time",
    "scenes": "cuts found and cuts imagined",
    "cadence": "how often to look",
    "margins": "how far to cover around what was not looked at",
    "thresholds": "what each pair of thresholds hides and wastes",
    "codecs": "how near to transparent the encoders are, how fast and how small",
    "protection": "how much of what is labelled is hidden",
    "attack": "who is told apart under the cover",
    "live": "cameras held, glass to glass, memory of one",
    "outages": "how soon a fault around a camera is told and healed, and what came out meanwhile",
    "soak": "an hour of reconnects: does anything grow",
}
RESULTS = ROOT / "benchmarks" / "results"
DOCS = ROOT / "docs"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure redact.", epilog="Without a name: list them.")
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--quick", action="store_true", help="on the samples alone, in seconds, for a look")
    options = parser.parse_args()
    if not options.names:
        for name, words in NAMES.items():
            print(f"{name:<12} {words}")
    for name in options.names:
        run(name, quick=options.quick)


def run(name: str, *, quick: bool) -> None:
    """Measure one benchmark and print its table."""
    if not quick and footage() is None:
        raise SystemExit(f"{name}: there is no footage (REDACT_FOOTAGE); --quick uses the samples")
    module: Any = importlib.import_module(f"benchmarks.{name}")
    results = {"machine": stamp(), "quick": quick, **module.measure(quick)}
    table = f"{module.table(results)}\n\n{_footer(results['machine'])}"
    print(f"## {name}\n\n{table}\n")
    if quick:
        return
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(results, indent=1) + "\n")
    if hasattr(module, "plot"):
        module.plot(results, DOCS)
    page = DOCS / "benchmarks.md"
    if page.exists():
        page.write_text(_inserted(page.read_text(), name, table))


def _footer(machine: dict[str, Any]) -> str:
    return (
        f"*Measured on {machine['day']} with detector `{machine['detector']}`, ONNX Runtime"
        f" {machine['packages']['onnxruntime']}, PyAV {machine['packages']['av']}, Python {machine['python']},"
        f" {machine['cores']} cores of {machine['processor']}.*"
    )


def _inserted(page: str, name: str, table: str) -> str:
    """The page with the table between ``<!-- name -->`` and ``<!-- /name -->``, if it has these comments."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    if start not in page or end not in page:
        return page
    before, rest = page.split(start, 1)
    return f"{before}{start}\n{table}\n{end}{rest.split(end, 1)[1]}"


if __name__ == "__main__":
    main()
