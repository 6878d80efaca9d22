"""How far to cover around what was not looked at: each margin tried at other values, the others as they are."""

from __future__ import annotations

from typing import Any

from benchmarks.clips import PRIVATE, decoded, detector_name, labelled
from benchmarks.constants import replaced
from benchmarks.coverage import Coverage
from benchmarks.protection import masks
from benchmarks.replay import Replay
from benchmarks.truth import labels
from redact import timeline
from redact.detect import load_detector
from redact.policy import Policy

VALUES: dict[str, tuple[float, ...]] = {
    "DRIFT_BETWEEN": (0.0, 0.15, 0.6),
    "DRIFT_BEYOND": (0.0, 0.15, 0.6),
    "DRIFT_UNKNOWN": (0.0, 0.3, 1.2),
    "MAX_DRIFT": (0.1, 0.2, 0.8),
    "NEIGHBOUR": (0.0, 0.6),
}
"""Constant of ``redact.timeline`` → values tried besides the one in use."""


def measure(quick: bool) -> dict[str, Any]:
    """All figures of this benchmark."""
    detector, policy, faces = load_detector(detector_name()), Policy(), Policy(find=("face",))
    now = {name: getattr(timeline, name) for name in VALUES}
    tries: list[dict[str, float]] = [{}]
    tries += [{name: value} for name, values in VALUES.items() for value in values if value != now[name]]
    coverage = [(Coverage(), Coverage()) for _ in tries]
    for clip in labelled(quick):
        truth, frames = labels(clip, PRIVATE / "truth"), list(decoded(clip))
        times, size = [frame.time for frame in frames], (frames[0].width, frames[0].height)
        replay = Replay.of(clip, detector, policy, frames)
        for change, (found, alone) in zip(tries, coverage, strict=True):
            with replaced(timeline, **change):
                settled, _ = replay.settled(policy)
                settled_faces, _ = replay.settled(faces)
            found.add(clip, times, size, truth, masks(settled, policy))
            alone.add(clip, times, size, truth, masks(settled_faces, faces))
    return {
        "constants": now,
        "rows": [
            {
                "change": change,
                "needless": found.waste(),
                "needless_face": alone.waste(),
                "face": alone.summary("face"),
                "person": found.summary("person"),
            }
            for change, (found, alone) in zip(tries, coverage, strict=True)
        ],
    }


def table(results: dict[str, Any]) -> str:
    """Markdown."""
    from benchmarks.protection import percent

    lines = [
        "| | --find face: faces covered | face tracks never exposed | frame covered needlessly |"
        " default: people covered | people never exposed | frame covered needlessly |",
        "|---|---|---|---|---|---|---|",
    ]
    now = ", ".join(f"{name} {value:g}" for name, value in results["constants"].items())
    for row in results["rows"]:
        face, person = row["face"], row["person"]
        words = ", ".join(f"{name} {value:g}" for name, value in row["change"].items()) or f"as it is: {now}"
        lines.append(
            f"| {words} | {percent(face['covered'])} | {percent(face['never_exposed'])} |"
            f" {percent(row['needless_face'])} |"
            f" {percent(person['covered'])} | {percent(person['never_exposed'])} | {percent(row['needless'])} |"
        )
    return "\n".join(lines)
