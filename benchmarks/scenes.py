"""Cuts found and cuts imagined, for several thresholds. The true cuts were listed by looking at the frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.clips import SAMPLES, decoded, footage
from benchmarks.constants import replaced
from redact import scenes

_SHORT = {17, 41, 66, 90, 138, 184, 185, 233, 282, 316, 364, 388}  # 184 is a shot of one frame
CUTS: dict[str, set[int]] = {
    "deface_net_kappa.mp4": {125},
    "deface_net_short-sd_480_270_24fps.mp4": _SHORT,
    "deface_net_short_640_360_24fps.mp4": _SHORT,
    "deface_net_very_short_480p.mp4": {3, 33},
    "other_short_hamilton_clip.mp4": {20, 82, 211},
    "lobby.mp4": {210},
}
"""File → frames with which a scene begins; a clip that is not here has none."""

CHANGES = (8.0, 12.0, 16.0, 20.0, 24.0)
TIMES = (2.0, 3.0, 4.5, 6.0, 9.0)
LIMIT = 600  # frames of each clip


def measure(quick: bool) -> dict[str, Any]:
    """All figures of this benchmark."""
    missed = {(change, times): 0 for change in CHANGES for times in TIMES}
    wrong = dict(missed)
    frames_seen, cuts_known = 0, 0
    now: dict[str, Any] = {}
    for path in _clips(quick):
        frames = list(decoded(path, LIMIT))
        true = CUTS.get(path.name, set())
        frames_seen, cuts_known = frames_seen + len(frames), cuts_known + len(true)
        for change, times in missed:
            with replaced(scenes, CHANGE=change, TIMES_MOVEMENT=times):
                found = _found(frames)
            missed[change, times] += len(true - found)
            wrong[change, times] += len(found - true)
        found = _found(frames)
        if found != true:
            now[path.name] = {"missed": sorted(true - found), "wrong": sorted(found - true)}
    return {
        "frames": frames_seen,
        "cuts": cuts_known,
        "constants": {"CHANGE": scenes.CHANGE, "TIMES_MOVEMENT": scenes.TIMES_MOVEMENT},
        "faults": now,
        "grid": [
            {
                "change": change,
                "times_movement": times,
                "missed": missed[change, times],
                "wrong": wrong[change, times],
            }
            for change, times in missed
        ],
    }


def _clips(quick: bool) -> Iterator[Path]:
    yield SAMPLES / "lobby.mp4"
    folder = footage()
    if quick or folder is None:
        return
    for path in sorted((folder / "video").rglob("*")):
        if path.is_file() and path.suffix not in (".txt", ".json"):
            yield path


def _found(frames: list[Any]) -> set[int]:
    eye = scenes.Scenes()
    return {frame.index for frame in frames if eye.cut(frame)}


def table(results: dict[str, Any]) -> str:
    """Markdown."""
    cells = {(row["change"], row["times_movement"]): row for row in results["grid"]}
    lines = [
        f"| CHANGE \\ TIMES_MOVEMENT | {' | '.join(f'{times:g}' for times in TIMES)} |",
        f"|---|{'---|' * len(TIMES)}",
    ]
    for change in CHANGES:
        row = [cells[change, times] for times in TIMES]
        lines.append(f"| {change:g} | {' | '.join(_pair(one) for one in row)} |")
    lines += ["", f"Cuts missed + cuts imagined, of {results['cuts']} cuts in {results['frames']} frames."]
    return "\n".join(lines)


def _pair(row: dict[str, int]) -> str:
    return f"{row['missed']} + {row['wrong']}"
