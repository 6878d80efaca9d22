"""One cell of the matrix: a job, a function, a fault; and how it ended."""

from __future__ import annotations

import functools
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults.crew import Ended, over
from tests.faults.inject import answers, counted, injected
from tests.faults.jobs import JOBS, Shown, verdict

LIMIT = 30.0  # seconds for one cell, which takes a tenth of one when nothing hangs


@dataclass(frozen=True, slots=True)
class Cell:
    """call: at which call of the function, from 1. stays: at every call from there on."""

    job: str
    function: str
    fault: str
    call: int = 1
    stays: bool = False

    def __str__(self) -> str:
        return f"{self.job}: {self.fault} in {self.function}, call {self.call}{' on' if self.stays else ''}"


def calls(job: str) -> Counter[str]:
    """How often the job, when all is well, calls each function of the package."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        JOBS[job].inputs(folder)
        with counted() as found:
            JOBS[job].run(folder)
    return found


def ended(cell: Cell) -> str:
    """ "no output" or "covered"; raises AssertionError for anything else."""
    job = JOBS[cell.job]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        job.inputs(folder)
        inputs = {path.name for path in folder.iterdir()}
        out: list[Shown] = []
        done = False
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with injected(cell.function, cell.fault, cell.call, stays=cell.stays) as injection:
                try:
                    out, warned = job.run(folder)
                    done = not warned
                except BaseException as error:
                    out = getattr(error, "out", [])
        assert injection.hit or cell.job == "camera", "the function was not called"  # a camera does not wait for it
        keeper = cell.function.rpartition(".")[2] in KEEPERS
        return verdict(job, folder, inputs, out, done, killed=keeper)


KEEPERS = ("abort", "__exit__", "__enter__", "__init__", "begun", "_close", "open_sink")
"""What opens files and cleans up after them: where it fails itself a covered part may stay, as after a kill."""
OWN_WORD = {
    "redact.looking.Looking._look": "None is how Looking says that nobody looked",
    "redact.timeline._region": "its caller says None for nobody",
    "redact.cover.Cover._things": "nothing to cover",
}
"""Private functions whose caller knows a None of its own: no fault from outside can put one there, only a wrong line
of theirs, and those are what the mutation check breaks."""


def _may_answer(function: str, fault: str) -> bool:
    """Whether what the fault answers is a right answer by type: any object is true, and None may mean nothing."""
    said = answers(function)
    if fault == "garbage":
        return "bool" in said
    return fault == "nothing" and ("None" in said or "bool" in said or function in OWN_WORD)


def sweep(job: str, faults: Iterable[str], skip: frozenset[str] = frozenset()) -> list[Cell]:
    """Cells for every function that the job calls: at the first call, half way, and from the second on."""
    cells = []
    for function, count in calls(job).items():
        if function in skip:
            continue
        for fault in faults:
            if _may_answer(function, fault):
                continue
            cells.append(Cell(job, function, fault))
            if count > 1:
                cells.append(Cell(job, function, fault, 2, stays=True))
            if count > 3 and job != "camera":  # a camera takes the time that its pictures take
                cells.append(Cell(job, function, fault, count // 2))
    return cells


def failures(cells: list[Cell]) -> Iterator[str]:
    """What went otherwise than it may."""
    for cell, end in failing(cells):
        if end.error:
            yield f"{cell}: {end.error.strip().splitlines()[-1]}"


def failing(cells: list[Cell]) -> Iterator[tuple[Cell, Ended]]:
    """Every cell and how it ended."""
    several = 3 if any(cell.job == "camera" for cell in cells) else 1  # cameras wait most of the time
    ends = over(ended, [(cell,) for cell in cells], limit=LIMIT, several=several)
    yield from zip(cells, ends, strict=True)


@functools.cache
def first_seen() -> dict[str, frozenset[str]]:
    """For each job the functions that no job before it calls."""
    seen: set[str] = set()
    fresh = {}
    for job in JOBS:
        called = set(calls(job))
        fresh[job] = frozenset(called - seen)
        seen |= called
    return fresh
