"""Whatever goes wrong in whatever step: no output, or an output that is covered whole.

The matrix is made of what the package itself does: every function that a job calls, times every kind of fault, at
its first call, half way, and from the second call on. Faults that end or block a process are put in once a step.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import redact
from tests.clips import picture
from tests.faults.cells import Cell, calls, ended, failures, first_seen, sweep
from tests.faults.crew import Ended, Worker, over
from tests.faults.inject import functions, injected, replaced
from tests.faults.jobs import JOBS, clear, verdict
from tests.faults.steps import STEPS, step_of

CALLED = ("raise", "late", "memory", "garbage", "nothing")


@pytest.fixture(scope="module")
def called() -> dict[str, frozenset[str]]:
    """For each job the functions that it calls when all is well."""
    return {job: frozenset(calls(job)) for job in JOBS}


def test_every_function_that_a_job_calls_belongs_to_a_step(called):
    strange = {name for names in called.values() for name in names if step_of(name) is None}
    assert strange == set(), "give them a row in tests/faults/steps.py"


def test_every_step_is_a_step_of_some_job(called):
    used = {step_of(name) for names in called.values() for name in names}
    assert [step.name for step in STEPS if step.name not in used] == []
    every = set().union(*called.values())
    assert [step.at for step in STEPS if f"redact.{step.at}" not in every] == []


def test_the_suite_sees_a_face(tmp_path):
    assert clear(picture(0, 96, 64))
    with injected("redact.cover.Cover.__call__", "nothing", 10**9):
        pass  # never happens: the job runs as it should
    for name, job in JOBS.items():
        folder = tmp_path / name
        folder.mkdir()
        job.inputs(folder)
        inputs = {path.name for path in folder.iterdir()}
        out, warned = job.run(folder)
        assert warned == ()
        assert verdict(job, folder, inputs, out, True, killed=False) == "covered"


@pytest.mark.parametrize("job", [name for name, job in JOBS.items()])
def test_the_suite_sees_a_face_that_a_broken_cover_leaves(tmp_path, job):
    from redact.frames import RedactedFrame

    def bare(function):
        return lambda self, settled: RedactedFrame(settled.frame)

    JOBS[job].inputs(tmp_path)
    inputs = {path.name for path in tmp_path.iterdir()}
    # pages and arrays are put together from the mask, not from the frame
    with replaced("redact.cover.Cover.__call__", bare):
        try:
            out, done = JOBS[job].run(tmp_path)[0], True
        except RuntimeError:  # what is looked at again is withheld
            assert JOBS[job].withholds
            out, done = [], False
    with pytest.raises(AssertionError, match=r"face|beacon"):
        verdict(JOBS[job], tmp_path, inputs, out, done, killed=False)


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("fault", CALLED)
def test_a_fault_in_any_function(job, fault):
    # a function that several jobs call is tried in the first of them; REDACT_FAULTS=all tries it in each
    skip = frozenset() if os.environ.get("REDACT_FAULTS") == "all" else frozenset(functions()) - first_seen()[job]
    cells = sweep(job, [fault], skip)
    assert list(failures(cells)) == []


def _ends(cell: Cell, folder: Path) -> tuple[bool, str]:
    """Run the job in ``folder`` and leave there what it leaves; (whether it says that it is done, what it warned)."""
    with injected(cell.function, cell.fault, cell.call, stays=cell.stays):
        try:
            return True, " ".join(JOBS[cell.job].run(folder)[1])
        except BaseException as error:
            return False, str(error)


def _fresh(job: str, folder: Path) -> set[str]:
    JOBS[job].inputs(folder)
    return {path.name for path in folder.iterdir()}


def _at_steps(called: dict[str, frozenset[str]], fault: str) -> list[Cell]:
    """A cell for every step, in the first job that has it and writes files."""
    cells = {}
    for name, job in JOBS.items():
        for step in STEPS:
            function = f"redact.{step.at}"
            if (job.outputs or job.check) and function in called[name] and step.name not in cells:
                cells[step.name] = Cell(name, function, fault, 2 if calls(name)[function] > 2 else 1)
    return list(cells.values())


def _left(called: dict[str, frozenset[str]], fault: str, place: Path, limit: float) -> Iterator[tuple[Cell, Ended]]:
    """How the fault ended in each step. What it left is at most a covered part, and the next run works despite it.

    limit: seconds for each; until something hangs a job takes a tenth of one.
    """
    cells = _at_steps(called, fault)
    folders = [place / str(number) for number in range(len(cells))]
    inputs = []
    for cell, folder in zip(cells, folders, strict=True):
        folder.mkdir()
        inputs.append(_fresh(cell.job, folder))
    ends = list(over(_ends, list(zip(cells, folders, strict=True)), limit=limit))
    for cell, folder, given, end in zip(cells, folders, inputs, ends, strict=True):
        job = JOBS[cell.job]
        done = end.value is not None and end.value[0] and not end.value[1]
        verdict(job, folder, given, [], done, killed=True)
        yield cell, end
        out, warned = job.run(folder)
        assert warned == ()
        assert verdict(job, folder, given, out, True, killed=False) == "covered"


def test_kill_in_any_step(called, tmp_path):
    """kill -9 from within each step."""
    for cell, end in _left(called, "kill", tmp_path, 60):
        assert end.error == "died: SIGKILL", cell


def test_hang_in_any_step(called, tmp_path):
    """Each step blocked for ever, and the process then killed: nothing took its name."""
    for cell, end in _left(called, "hang", tmp_path, 4):
        assert end.error.startswith("hung") or cell.job == "camera", cell  # a camera goes on, dark


def test_no_memory_in_any_step(called, tmp_path):
    """From each step on the system gives no more memory: whether the run fails, dies or gets by, nothing is clear."""
    ends = [end.error or end.value for _, end in _left(called, "full", tmp_path, 30)]
    assert any(end != (True, "") for end in ends), "memory never ran out"


def test_slow_in_any_step(called):
    """Every step slower than all others, in turn: the same output, since the others wait."""
    ends = list(over(ended, [(cell,) for cell in _at_steps(called, "slow")]))
    assert {end.error for end in ends} == {""}
    assert {end.value for end in ends} == {"covered"}


def test_a_detector_that_hangs_is_given_up_and_leaves_nothing(tmp_path, monkeypatch):
    """The one step that may hang for ever without anybody at fault has a limit of its own."""
    from redact import pipeline

    monkeypatch.setitem(pipeline.settle.__wrapped__.__kwdefaults__, "timeout", 0.3)
    monkeypatch.setattr(pipeline, "_PATIENCE", 0.3)
    for name in ("file", "steps", "picture", "animation"):
        folder = tmp_path / name
        folder.mkdir()
        inputs = _fresh(name, folder)

        def block(function):
            return lambda *args: time.sleep(2)

        with replaced("redact.detect.tiles.Search.__call__", block), pytest.raises(redact.DetectorError):
            JOBS[name].run(folder)
        assert verdict(JOBS[name], folder, inputs, [], False, killed=False) == "no output"


HANGING = [step for step in STEPS if step.name in ("demux", "look", "cover", "encode", "commit")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("step", HANGING, ids=lambda step: step.name)
def test_the_command_ends_when_it_is_asked_to_while_a_step_hangs(tmp_path, step, number):
    """Ctrl-C once, and again for what cannot be waited for: nothing took its name."""
    inputs = _fresh("command", tmp_path)
    context = multiprocessing.get_context("spawn")
    run = context.Process(target=_ends, args=(Cell("command", f"redact.{step.at}", "hang"), tmp_path))
    run.start()
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("*.part")) and step.name != "demux" and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(2.0 if step.name == "demux" else 0.5)
    for _ in range(2):
        os.kill(run.pid, number)
        run.join(8)
        if run.exitcode is not None:
            break
    assert run.exitcode is not None, "it cannot be ended"
    verdict(JOBS["command"], tmp_path, inputs, [], False, killed=True)


def test_a_thread_that_dies_without_a_word(tmp_path):
    """It once ended the output instead, which then took its name with half of its frames."""
    for function in ("_Ahead._work", "_Ahead._put", "_Behind._work"):
        cell = Cell("file", f"redact.pipeline.{function}", "memory", 1, stays=True)
        folder = tmp_path / function
        folder.mkdir()
        inputs = _fresh("file", folder)
        with _quiet_threads():
            done, said = _ends(cell, folder)
        assert (done, "ended early" in said) == (False, True)
        assert verdict(JOBS["file"], folder, inputs, [], False, killed=False) == "no output"


@contextlib.contextmanager
def _quiet_threads() -> Iterator[None]:
    """pytest takes what ends a thread for a failure of the test, which here it is not."""
    before, threading.excepthook = threading.excepthook, lambda _: None
    try:
        yield
    finally:
        threading.excepthook = before


def test_a_file_is_not_closed_under_the_thread_that_uses_it(tmp_path):
    """Leaving early once took FFmpeg's memory away from under a thread, which ended the process."""
    for function, call in (("_Behind.__exit__", 1), ("_Behind._put", 12), ("_Ahead._read", 1)):
        folder = tmp_path / function
        folder.mkdir()
        inputs = _fresh("file", folder)
        with Worker() as worker:
            end = worker.call(_ends, Cell("file", f"redact.pipeline.{function}", "raise", call), folder)
        assert end.error == ""
        assert verdict(JOBS["file"], folder, inputs, [], False, killed=False) == "no output"
