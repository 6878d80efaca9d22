"""Run the whole matrix and put its table into docs/assurance.md: python -m tests.faults."""

from __future__ import annotations

import re
import sys
from collections import Counter, defaultdict

from tests.faults.cells import Cell, failing, first_seen, sweep
from tests.faults.inject import functions
from tests.faults.jobs import JOBS
from tests.faults.mutations import PAGE
from tests.faults.steps import STEPS, step_of

FAULTS = ("raise", "late", "memory", "garbage", "nothing")


def table(ends: dict[tuple[str, str], Counter[str]]) -> str:
    """A row a step: cells by how they ended, for each fault."""
    lines = [f"| step | {' | '.join(FAULTS)} |", f"|---|{'---|' * len(FAULTS)}"]
    for step in STEPS:
        cells = [ends[step.name, fault] for fault in FAULTS]
        if any(cells):
            words = [f"{found['no output']} · {found['covered']}" for found in cells]
            lines.append(f"| {step.name} | {' | '.join(words)} |")
    return "\n".join([*lines, "", "Cells that ended with *no output* · *covered whole*."])


def main() -> int:
    """Exit status: 0 where every cell ended as it must."""
    ends: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    bad = 0
    for job in JOBS:
        cells: list[Cell] = sweep(job, FAULTS, frozenset(functions()) - first_seen()[job])
        for cell, end in failing(cells):
            if end.error:
                bad += 1
                sys.stdout.write(f"{cell}: {end.error.strip().splitlines()[-1]}\n")
            ends[str(step_of(cell.function)), cell.fault][end.value or "bad"] += 1
        sys.stdout.write(f"{job}: {len(cells)} cells\n")
        sys.stdout.flush()
    sys.stdout.write(f"{sum(sum(found.values()) for found in ends.values())} cells, {bad} bad\n")
    if not bad:
        begin, end = "<!-- matrix -->", "<!-- /matrix -->"
        inside = f"{begin}\n{table(ends)}\n{end}"
        text = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(re.sub(f"{begin}.*{end}", lambda _: inside, text, flags=re.DOTALL), encoding="utf-8")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
