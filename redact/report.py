"""What a run did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from redact.frames import VideoInfo
from redact.media.source import Source
from redact.media.streams import Dropped
from redact.policy import Encoding, Policy
from redact.regions import Origin
from redact.tally import Whole
from redact.timeline import TrackSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one run did to one recording or picture. Times in seconds.

    models: (name, SHA-256) of the detector's weights, where it has any. duration: 0 for a picture that does not move.
    looks: frames that the detector saw; the timeline filled the others. regions: covered regions by origin.
    whole: frames covered whole, by reason; moments: the first of them. dropped: streams and metadata of the input
    that the output lacks. warnings: what a careful person should know of this run, in sentences.
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
    models: tuple[tuple[str, str], ...] = ()
    whole: Counter[str] = field(default_factory=Counter)
    moments: tuple[Whole, ...] = ()
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
        still = not self.duration
        amount = (
            _count(self.frames, "picture") if still else f"{_count(self.frames, 'frame')} ({self.duration:.1f} s)"
        )
        parts = [
            f"{self.output}: {amount}",
            f"covered {words}" if self.tracks else words,
        ]
        if self.whole:
            parts.append(f"{_count(sum(self.whole.values()), 'frame')} covered whole")
        if sound:
            parts.append("sound dropped (--audio keep keeps it)")
        rate = "" if still else f", {self.frames / max(self.elapsed, 1e-3):.0f} frames/s"
        parts.append(f"{self.elapsed:.1f} s{rate}")
        return " · ".join(parts)


def warnings_of(source: Source | None, policy: Policy) -> Iterator[str]:
    """What a careful person should know of a run, in sentences; complete once all frames were read."""
    if source is not None:
        damage = source.damage
        if source.truncated:
            yield "the input ends early or cannot be read to its end; the output ends with it"
        if damage.lost_packets:
            yield f"{damage.lost_packets} packets of the input could not be decoded and are missing in the output"
        if damage.damaged_frames:
            yield f"{damage.damaged_frames} frames are damaged in the input and were covered whole"
        if damage.repaired_times:
            yield f"{damage.repaired_times} frames had no time of their own or a wrong one, which was mended"
    for text in policy.weaknesses():
        yield f"weak setting, people may be recognisable: {text}"


def _count(number: int, word: str) -> str:
    many = {"person": "people"}.get(word, f"{word}s")
    return f"{number} {word if number == 1 else many}"
