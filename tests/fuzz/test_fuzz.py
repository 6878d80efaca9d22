"""Two thousand bent inputs a run: no crash, no hang, no uncovered frame.

The cases are the same in every run; ``REDACT_FUZZ=20000`` tries that many, ``REDACT_FUZZ_SEED=7`` others. What was
found once stays in ``findings/`` and is tried first.
"""

from __future__ import annotations

import base64
import json
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.faults.crew import Worker
from tests.fuzz import checks
from tests.fuzz.cases import KINDS

CASES = int(os.environ.get("REDACT_FUZZ", "2000"))
SEED = int(os.environ.get("REDACT_FUZZ_SEED", "0"))
FINDINGS = Path(__file__).parent / "findings"
KEEP = os.environ.get("REDACT_FUZZ_KEEP")  # a folder for the smallest case of every failure


@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", KINDS)
def test_nothing_crashes_hangs_or_is_left_uncovered(name):
    kind = KINDS[name]
    ends: Counter[str] = Counter()
    with Worker() as worker:

        @seed(SEED)
        @settings(
            max_examples=round(CASES * kind.share),
            database=None,
            derandomize=False,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        )
        @given(kind.arguments())
        def tried(arguments):
            end = worker.call(kind.check, *arguments, limit=checks.SECONDS)
            if end.error and KEEP:
                (Path(KEEP) / f"{name}.json").write_text(
                    json.dumps(
                        {
                            "check": kind.check.__name__,
                            "arguments": [
                                {"base64": base64.b64encode(item).decode()} if isinstance(item, bytes) else item
                                for item in arguments
                            ],
                        }
                    )
                )
            assert end.error == "", end.error[-3000:]
            ends[end.value] += 1

        tried()
    assert kind.must <= set(ends), f"the cases reach nothing: {ends}"


@pytest.mark.parametrize("path", sorted(FINDINGS.glob("*.json")), ids=lambda path: path.stem)
def test_what_was_found_once(path):
    said = json.loads(path.read_text())
    arguments = [base64.b64decode(item["base64"]) if isinstance(item, dict) else item for item in said["arguments"]]
    with Worker() as worker:
        assert worker.call(getattr(checks, said["check"]), *arguments, limit=checks.SECONDS).error == ""


def test_the_checks_see_what_they_look_for():
    clip, document = checks.document()
    with Worker() as worker:  # they take memory away from the process they run in
        seen = worker.call(checks._rendered, "r.json", document, [[(0.0, 0.0, 20.0, 20.0)]] * checks.FRAMES)
        assert "AssertionError" in seen.error
        assert "clear" in seen.error
        assert worker.call(checks.regions, document).value == "covered"
        assert worker.call(checks.media, "a.avi", clip.read_bytes()).value == "covered"
        assert worker.call(checks.media, "a.avi", b"").value == "refused"
    assert checks._within([(0, 0), (1, 0), (1, 1), (0, 1)], 4, 3).all()
