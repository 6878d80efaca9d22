"""What verification found: moments to look at, faults of the file, and what could not be checked."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from redact.digests import FileDigest, tool

FORMAT = "redact-verdict"
VERSION = 1

# Scores of 0.5 and more would start a track in that detector. On covered outputs of 9 clips the highest score of what
# a person then found to be nobody was 0.64 (docs/verify.md); everybody who really was left clear stood above it.
ALARM = 0.65
MOST_MOMENTS = 200  # that are named, the highest first; all are counted

Reason = Literal[
    "missed",
    "track gap",
    "entry or exit",
    "person without a face region",
    "covered too weakly",
    "partly clear",
    "colour left",
]
REASONS: tuple[Reason, ...] = get_args(Reason)

FaultKind = Literal[
    "left over",
    "trailing bytes",
    "frame missing",
    "frame repeated",
    "frame added",
    "duration differs",
    "times differ",
    "changed outside",
    "size differs",
    "damaged",
    "unchanged",
]
FAULTS: tuple[FaultKind, ...] = get_args(FaultKind)


@dataclass(frozen=True, slots=True)
class Moment:
    """A stretch of the output in which somebody may be visible.

    time, index: of the frame in which it is plainest. first, last: seconds; seen in ``frames`` frames of them.
    box: x1 y1 x2 y2 in pixels of that frame. score: 0..1, from ``ALARM`` on it is a finding. detail: in words.
    """

    time: float
    index: int
    first: float
    last: float
    frames: int
    kind: str
    box: tuple[float, float, float, float]
    score: float
    reason: Reason
    detail: str = ""

    @property
    def alarm(self) -> bool:
        return self.score >= ALARM


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with the file itself. time: seconds, where it has one. count: how often."""

    kind: FaultKind
    detail: str
    time: float | None = None
    count: int = 1

    def __str__(self) -> str:
        at = "" if self.time is None else f" at {self.time:.2f} s"
        often = "" if self.count == 1 else f" ({self.count} times)"
        return f"{self.kind}{at}: {self.detail}{often}"


@dataclass(frozen=True, slots=True)
class Compared:
    """What comparing with the input measured. frames: pairs. exact: outside the regions every sample is the same.

    psnr, worst_psnr: decibels outside the covered parts, over all and in the worst frame; None where all is covered.
    """

    frames: int
    exact: bool
    psnr: float | None
    worst_psnr: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one verification says of one output. Times in seconds.

    independence: in words, how much the second detector has in common with the one that looked first.
    looks: pictures that it was shown. total: moments before the list was cut. unchecked: what was not looked at.
    """

    output: FileDigest
    against: FileDigest | None
    regions: FileDigest | None
    detector: str
    independence: str
    frames: int
    looks: int
    duration: float
    elapsed: float
    moments: tuple[Moment, ...]
    faults: tuple[Fault, ...]
    models: tuple[tuple[str, str], ...] = ()
    compared: Compared | None = None
    total: int = 0
    unchecked: tuple[str, ...] = field(default=())

    @property
    def alarms(self) -> tuple[Moment, ...]:
        """The moments that are findings."""
        return tuple(moment for moment in self.moments if moment.alarm)

    @property
    def found(self) -> bool:
        """Whether the output should not be shown to anybody before somebody has looked."""
        return bool(self.faults or self.alarms)

    def to_json(self) -> dict[str, Any]:
        """As docs/verify.md has it: no pixel, no folder, and of metadata only names."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "tool": tool(),
            "found": self.found,
            "output": self.output.json(),
            "against": None if self.against is None else self.against.json(),
            "regions": None if self.regions is None else self.regions.json(),
            "detector": {
                "name": self.detector,
                "independence": self.independence,
                "models": [{"name": name, "sha256": digest or None} for name, digest in self.models],
            },
            "threshold": ALARM,
            "frames": self.frames,
            "duration": round(self.duration, 6),
            "moments": [
                {
                    "time": round(moment.time, 6),
                    "index": moment.index,
                    "first": round(moment.first, 6),
                    "last": round(moment.last, 6),
                    "frames": moment.frames,
                    "kind": moment.kind,
                    "box": [round(edge, 1) for edge in moment.box],
                    "score": round(moment.score, 4),
                    "reason": moment.reason,
                    "detail": moment.detail,
                    "alarm": moment.alarm,
                }
                for moment in self.moments
            ],
            "moments_in_all": self.total,
            "faults": [asdict(fault) for fault in self.faults],
            "compared": None if self.compared is None else asdict(self.compared),
            "unchecked": list(self.unchecked),
            "timings": {
                "seconds": round(self.elapsed, 3),
                "frames_per_second": round(self.frames / max(self.elapsed, 1e-3), 2),
                "pictures_looked_at": self.looks,
            },
        }

    def summary(self) -> str:
        """One line for a person."""
        rate = f"{self.elapsed:.1f} s, {self.frames / max(self.elapsed, 1e-3):.0f} frames/s"
        amount = f"{self.frames} frame{'' if self.frames == 1 else 's'}"
        if not self.found:
            below = f" · {self.total} below the threshold" if self.total else ""
            return f"{self.output.name}: {amount} · nothing found by {self.detector}{below} · {rate}"
        parts = []
        if self.alarms:
            parts.append(f"{len(self.alarms)} moment{'' if len(self.alarms) == 1 else 's'} to look at")
        if self.faults:
            parts.append(f"{len(self.faults)} fault{'' if len(self.faults) == 1 else 's'} of the file")
        return f"{self.output.name}: {amount} · {', '.join(parts)} · {rate}"
