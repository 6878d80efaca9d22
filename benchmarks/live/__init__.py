"""Cameras: how many a machine holds, how late a viewer sees, and how much memory each takes.

The cameras are GStreamer's RTSP server playing footage in real time; the sidecars are those of ``redact serve``, with
default settings and a recording each. Everything runs on the same cores, the server and the measuring too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.live.held import Held, held
from benchmarks.live.latency import latencies

TARGETS = {"720p15": 4, "1080p15": 2, "age_p99": 1.0, "megabytes": 350}
RATE = 15
CASES = (  # lines, cameras
    (720, 1),
    (720, 2),
    (720, 4),
    (720, 6),
    (1080, 1),
    (1080, 2),
    (1080, 3),
)
LOOKAHEADS = (0.0, 0.2, 0.4)


def measure(quick: bool) -> dict[str, Any]:
    """All figures of this benchmark."""
    if quick:
        rows = [held("sample", lines=240, rate=RATE, cameras=1, warm=6, seconds=8, quick=True)]
        return {"targets": TARGETS, "rows": rows, "latency": [latencies(0.4, lines=240, seconds=8)]}
    rows = [
        held(scene, lines=lines, rate=RATE, cameras=cameras, warm=20, seconds=60, quick=False)
        for scene in ("shop", "street")
        for lines, cameras in CASES
        if scene == "shop" or cameras <= (4 if lines == 720 else 2)
    ]
    return {
        "targets": TARGETS,
        "rows": rows,
        "latency": [latencies(lookahead, lines=720, seconds=30) for lookahead in LOOKAHEADS],
    }


def table(results: dict[str, Any]) -> str:
    """Markdown."""
    lines = [
        "| scene | cameras | age of the newest frame, median | 99th percentile | worst | frames dropped"
        " | covered whole | looks a second | cut back | memory of one | cores busy |",
        f"|{'---|' * 11}",
    ]
    for row in results["rows"]:
        seen = Held(**row)
        lines.append(
            f"| {seen.scene} | {seen.cameras} x {seen.lines}p{seen.rate} | {seen.age_median:.2f} s"
            f" | {seen.age_p99:.2f} s | {seen.age_worst:.2f} s | {seen.dropped:.1%} | {seen.whole:.1%}"
            f" | {seen.looks:.1f} | {seen.level:.1f} | {seen.megabytes:.0f} MB | {seen.cores:.2f} |"
        )
    lines += ["", "| lookahead | glass to glass, median | 99th percentile | pictures read |", "|---|---|---|---|"]
    lines += [
        f"| {1000 * row['lookahead']:.0f} ms | {1000 * row['median']:.0f} ms | {1000 * row['p99']:.0f} ms"
        f" | {row['pictures']} |"
        for row in results["latency"]
    ]
    return "\n".join(lines)


def plot(results: dict[str, Any], folder: Path) -> None:
    """docs/live-age.png: how old frames are, by load."""
    from benchmarks.plots import grouped

    rows = [Held(**row) for row in results["rows"] if row["scene"] == "shop"]
    grouped(
        folder / "live-age.png",
        [f"{row.cameras} x {row.lines}p" for row in rows],
        {"median": [row.age_median for row in rows], "99th percentile": [row.age_p99 for row in rows]},
        title="Age of the newest covered frame (shop, two cores)",
        across="cameras at 15 frames a second",
        up="seconds",
    )
