"""How often to look: what is covered, what is covered needlessly and how many frames are looked at."""

from __future__ import annotations

from typing import Any

from benchmarks.clips import PRIVATE, decoded, detector_name, labelled
from benchmarks.constants import replaced
from benchmarks.coverage import Coverage
from benchmarks.protection import masks
from benchmarks.replay import Replay
from benchmarks.truth import labels
from redact import cadence
from redact.detect import load_detector
from redact.policy import Policy

INTERVALS = (0.0, 0.04, 0.08, 0.12, 0.16, 0.24, 0.32)  # seconds between looks while somebody is there


def measure(quick: bool) -> dict[str, Any]:
    """All figures of this benchmark."""
    detector, policy, faces = load_detector(detector_name()), Policy(), Policy(find=("face",))
    coverage = {interval: Coverage() for interval in INTERVALS}
    alone = {interval: Coverage() for interval in INTERVALS}
    looks = dict.fromkeys(INTERVALS, 0)
    count = 0
    for clip in labelled(quick):
        truth, frames = labels(clip, PRIVATE / "truth"), list(decoded(clip))
        times, size = [frame.time for frame in frames], (frames[0].width, frames[0].height)
        replay = Replay.of(clip, detector, policy, frames)
        count += len(frames)
        for interval in INTERVALS:
            with replaced(cadence, BUSY_INTERVAL=interval, QUIET_INTERVAL=max(interval, cadence.QUIET_INTERVAL)):
                settled, looked = replay.settled(policy)
                settled_faces, _ = replay.settled(faces)
            looks[interval] += looked
            coverage[interval].add(clip, times, size, truth, masks(settled, policy))
            alone[interval].add(clip, times, size, truth, masks(settled_faces, faces))
    return {
        "frames": count,
        "constants": {"BUSY_INTERVAL": cadence.BUSY_INTERVAL, "QUIET_INTERVAL": cadence.QUIET_INTERVAL},
        "rows": [
            {
                "interval": interval,
                "looked_at": round(looks[interval] / count, 3),
                "needless": coverage[interval].waste(),
                "face": alone[interval].summary("face"),
                "person": coverage[interval].summary("person"),
            }
            for interval in INTERVALS
        ],
    }


def table(results: dict[str, Any]) -> str:
    """Markdown."""
    from benchmarks.protection import percent

    lines = [
        "| seconds between looks | frames looked at | --find face: faces covered | face tracks never exposed |"
        " people covered | people never exposed | frame covered needlessly |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in results["rows"]:
        name = "every frame" if not row["interval"] else f"{row['interval']:g}"
        face, person = row["face"], row["person"]
        lines.append(
            f"| {name} | {percent(row['looked_at'])} |"
            f" {percent(face['covered'])} | {percent(face['never_exposed'])} |"
            f" {percent(person['covered'])} | {percent(person['never_exposed'])} | {percent(row['needless'])} |"
        )
    return "\n".join(lines)
