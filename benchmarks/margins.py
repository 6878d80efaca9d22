"""How far to cover around what was not looked at: each margin tried at other values, the others as they are."""

from __future__ import annotations

from typing import Any

from benchmarks.clips import PRIVATE, decoded, labelled
from benchmarks.constants import replaced
from benchmarks.coverage import Coverage
from benchmarks.protection import masks
from benchmarks.replay import Replay
from benchmarks.truth import labels
from redact import timeline
from redact.detect import load_detector
from redact.policy import Policy

VALUES: dict[str, tuple[float, ...]] = {
    "DRIFT_BETWEEN": (0.0, 0.15, 0.3, 0.5, 1.0),
    "DRIFT_BEYOND": (0.0, 0.15, 0.3, 0.6, 1.0),
    "DRIFT_UNKNOWN": (0.0, 0.3, 0.6, 1.0, 1.5),
    "MAX_DRIFT": (0.1, 0.2, 0.4, 0.75, 1.5),
    "NEIGHBOUR": (0.0, 0.15, 0.3, 0.6),
}
_POLICIES = {"default": Policy()}


def measure(quick: bool) -> dict[str, Any]:
    """All figures of this benchmark."""
    detector = load_detector()
    tries = [(name, value) for name, values in VALUES.items() for value in values]
    coverage = {(policy, *one): Coverage() for policy in _POLICIES for one in tries}
    for clip in labelled(quick):
        truth, frames = labels(clip, PRIVATE / "truth"), list(decoded(clip))
        times, size = [frame.time for frame in frames], (frames[0].width, frames[0].height)
        replay = Replay.of(clip, detector, Policy(), frames)
        for words, policy in _POLICIES.items():
            for name, value in tries:
                with replaced(timeline, **{name: value}):
                    settled, _ = replay.settled(policy)
                coverage[words, name, value].add(clip, times, size, truth, masks(settled, policy))
    return {
        "constants": {name: getattr(timeline, name) for name in VALUES},
        "rows": [
            {
                "policy": policy,
                "name": name,
                "value": value,
                "needless": found.waste(),
                "face": found.summary("face"),
                "person": found.summary("person"),
            }
            for (policy, name, value), found in coverage.items()
        ],
    }


def table(results: dict[str, Any]) -> str:
    """Markdown."""
    from benchmarks.protection import percent

    lines = [
        "| policy | margin | value | faces covered | face tracks never exposed | people covered |"
        " people never exposed | frame covered needlessly |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in results["rows"]:
        face, person = row["face"], row["person"]
        mark = "**" if results["constants"][row["name"]] == row["value"] else ""
        lines.append(
            f"| {row['policy']} | {row['name']} | {mark}{row['value']:g}{mark} | {percent(face['covered'])} |"
            f" {percent(face['never_exposed'])} | {percent(person['covered'])} | {percent(person['never_exposed'])} |"
            f" {percent(row['needless'])} |"
        )
    return "\n".join(lines)
