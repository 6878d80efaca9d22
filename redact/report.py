"""What a run did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from redact.frames import VideoInfo
from redact.media.streams import Dropped
from redact.policy import Encoding, Policy
from redact.regions import Origin
from redact.timeline import TrackSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one run did to one recording. Times in seconds.

    looks: frames that the detector saw; the timeline filled the others. regions: covered regions by origin.
    whole: frames covered whole, by reason. dropped: streams and metadata of the input that the output lacks.
    warnings: what a careful person should know of this run, in sentences.
    """

    input: str
    output: str
    video: VideoInfo
    policy: Policy
    encoding: Encoding
    detector: str
    frames: int
    looks: int
    duration: float
    elapsed: float
    tracks: tuple[TrackSummary, ...]
    whole: Counter[str] = field(default_factory=Counter)
    dropped: tuple[Dropped, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def regions(self) -> Counter[Origin]:
        """Covered regions over all frames, by origin."""
        total: Counter[Origin] = Counter()
        for track in self.tracks:
            total += track.frames
        return total

    @property
    def people(self) -> int:
        """Tracks of the kind that has most: a person seen with face and body counts once."""
        kinds = Counter(track.kind for track in self.tracks)
        return max(kinds.values(), default=0)

    def summary(self) -> str:
        """One line for a person."""
        found = Counter(track.kind for track in self.tracks)
        words = ", ".join(_count(found[kind], kind) for kind in self.policy.find if found[kind]) or "nobody found"
        sound = [item for item in self.dropped if item.kind == "audio"]
        parts = [
            f"{self.output}: {_count(self.frames, 'frame')} ({self.duration:.1f} s)",
            f"covered {words}" if self.tracks else words,
        ]
        if self.whole:
            parts.append(f"{_count(sum(self.whole.values()), 'frame')} covered whole")
        if sound:
            parts.append("sound dropped (--audio keep keeps it)")
        parts.append(f"{self.elapsed:.1f} s, {self.frames / max(self.elapsed, 1e-3):.0f} frames/s")
        return " · ".join(parts)


def _count(number: int, word: str) -> str:
    many = {"person": "people"}.get(word, f"{word}s")
    return f"{number} {word if number == 1 else many}"
