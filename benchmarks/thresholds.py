"""What each pair of thresholds hides and wastes: for choosing ``start`` and ``extend`` in ``models/catalog.toml``."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.clips import PRIVATE, decoded, detector_name, labelled
from benchmarks.coverage import Coverage
from benchmarks.protection import masks
from benchmarks.replay import Replay
from benchmarks.truth import labels
from redact.detect import load_detector
from redact.detections import KINDS, Detections
from redact.policy import Policy

STARTS = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)
SHARES = (0.5, 0.7)  # of start, for extend
LOWEST = 0.25  # start with which the detector is asked once; extend is less by the catalog's ratio


def measure(quick: bool) -> dict[str, Any]:
    """All figures of this benchmark."""
    name = detector_name()
    detector, policy = load_detector(name), Policy()
    coverage = {(start, part): Coverage() for start in STARTS for part in SHARES}
    for clip in labelled(quick):
        truth, frames = labels(clip, PRIVATE / "truth"), list(decoded(clip))
        times, size = [frame.time for frame in frames], (frames[0].width, frames[0].height)
        replay = Replay.of(clip, detector, Policy(threshold=LOWEST), frames)
        for (start, part), found in coverage.items():
            settled, _ = _with(replay, start, start * part).settled(policy)
            found.add(clip, times, size, truth, masks(settled, policy))
    return {
        "detector": name,
        "rows": [
            {
                "start": start,
                "extend": round(start * part, 3),
                "needless": found.waste(),
                "face": found.summary("face"),
                "person": found.summary("person"),
            }
            for (start, part), found in coverage.items()
        ],
    }


def _with(replay: Replay, start: float, extend: float) -> Replay:
    found = {index: _above(rows, extend) for index, rows in replay.found.items()}
    return Replay(replay.clip, replay.frames, found, dict.fromkeys(KINDS, start))


def _above(rows: Detections, score: float) -> Detections:
    return rows[np.asarray(rows.scores >= score)]


def table(results: dict[str, Any]) -> str:
    """Markdown."""
    from benchmarks.protection import percent

    lines = [
        f"| {results['detector']}: start | extend | faces covered | face tracks never exposed | people covered |"
        " people never exposed | frame covered needlessly |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in results["rows"]:
        face, person = row["face"], row["person"]
        lines.append(
            f"| {row['start']:g} | {row['extend']:g} |"
            f" {percent(face['covered'])} | {percent(face['never_exposed'])} |"
            f" {percent(person['covered'])} | {percent(person['never_exposed'])} | {percent(row['needless'])} |"
        )
    return "\n".join(lines)
