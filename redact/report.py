"""What a run did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from redact.custody import Custody
from redact.digests import FileDigest, tool
from redact.errors import SourceError
from redact.frames import VideoInfo
from redact.media.source import Source
from redact.media.streams import Dropped
from redact.policy import Encoding, Policy, digest, plain
from redact.regions import ORIGINS, Origin
from redact.tally import Stretch, Whole
from redact.timeline import TrackSummary
from redact.verify.verdict import Verdict

FORMAT = "redact-report"
VERSION = 1
_SLACK = 1.0  # seconds that sound may go on after the picture without a word
MOST_MOMENTS = 20  # moments of low confidence that are named; more than a person looks at


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one run did to one recording or picture. Times in seconds.

    models: (name, SHA-256) of the detector's weights, where it has any. duration: 0 for a picture that does not move.
    looks: frames that the detector saw; the timeline filled the others. regions: covered regions by origin.
    whole: frames covered whole, by reason; moments: the first of them. stretches: where and when tracks were covered.
    dropped: streams and metadata of the input
    that the output lacks. warnings: what a careful person should know of this run, in sentences.
    verdict: of the verification, where there was one; with findings in it the output is still called NAME.part.
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
    stretches: tuple[Stretch, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    warnings: tuple[str, ...] = ()
    verdict: Verdict | None = None

    @property
    def regions(self) -> Counter[Origin]:
        """Covered regions over all frames, by origin."""
        total: Counter[Origin] = Counter()
        for track in self.tracks:
            total += track.frames
        return total

    @property
    def covered(self) -> dict[int, tuple[float, float]]:
        """From when to when each track was covered, in seconds; empty for a picture that does not move."""
        spans: dict[int, tuple[float, float]] = {}
        for stretch in self.stretches if self.duration else ():
            first, last = spans.get(stretch.track, (stretch.first, stretch.last))
            spans[stretch.track] = (min(first, stretch.first), max(last, stretch.last))
        return spans

    @property
    def people(self) -> int:
        """Tracks of the kind that has most: a person seen with face and body counts once."""
        kinds = Counter(track.kind for track in self.tracks)
        return max(kinds.values(), default=0)

    def to_json(self) -> dict[str, Any]:
        """As docs/report.md has it: what was done, without a pixel and without the value of any metadata.

        Reads input and output again for their digests. Raises SourceError where one of them is gone by now.
        """
        policy = plain(self.policy)
        video = self.video
        return {
            "input": _digest_of(self.input),
            "output": _digest_of(self.output),
            "video": {
                "codec": video.codec,
                "width": video.width,
                "height": video.height,
                "pixel_format": video.pixel_format,
                "frame_rate": float(video.frame_rate) if video.frame_rate else None,
            },
            "frames": self.frames,
            "duration": round(self.duration, 6),
            "detector": {"name": self.detector, "models": [{"name": n, "sha256": d or None} for n, d in self.models]},
            "policy": policy,
            "policy_sha256": digest(policy),
            "encoding": plain(self.encoding),
            "regions": {origin: self.regions[origin] for origin in ORIGINS},
            "tracks": [_track(track, self.covered.get(track.number)) for track in self.tracks],
            "whole": {
                "frames": sum(self.whole.values()),
                "reasons": dict(self.whole),
                "moments": [asdict(moment) for moment in self.moments],
            },
            "look_at": [
                {
                    "time": round(track.lowest_time, 6),
                    "track": track.number,
                    "kind": track.kind,
                    "score": round(track.lowest_score, 4),
                }
                for track in sorted(self.tracks, key=lambda track: track.lowest_score)[:MOST_MOMENTS]
            ],
            "dropped": [asdict(item) for item in self.dropped],
            "warnings": list(self.warnings),
            **({} if self.verdict is None else {"verification": self.verdict.to_json()}),
            "timings": {
                "seconds": round(self.elapsed, 3),
                "frames_per_second": round(self.frames / max(self.elapsed, 1e-3), 2),
                "frames_looked_at": self.looks,
            },
        }

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


def document(
    runs: list[dict[str, Any]], failures: list[dict[str, str]], custody: Custody | None = None
) -> dict[str, Any]:
    """A report: runs as ``Result.to_json`` gives them, and inputs that ended without an output."""
    said = {"record": custody.json()} if custody is not None and custody != Custody() else {}
    return {
        "format": FORMAT,
        "version": VERSION,
        "tool": tool(),
        **said,
        "runs": runs,
        "failures": failures,
    }


def _digest_of(path: str) -> dict[str, Any]:
    try:
        return FileDigest.of(path).json()
    except OSError as error:
        raise SourceError(
            f"{path}: is gone before its digest could be taken ({error.strerror})", hint="run it again"
        ) from error


def _track(track: TrackSummary, covered: tuple[float, float] | None) -> dict[str, Any]:
    return {
        "track": track.number,
        "kind": track.kind,
        "first": round(track.first, 6),
        "last": round(track.last, 6),
        "covered": [round(time, 6) for time in covered] if covered else None,
        "frames": {origin: track.frames[origin] for origin in ORIGINS},
        "lowest_score": round(track.lowest_score, 4),
        "lowest_time": round(track.lowest_time, 6),
        "highest_score": round(track.highest_score, 4),
    }


def warnings_of(source: Source | None, policy: Policy, duration: float = 0.0) -> Iterator[str]:
    """What a careful person should know of a run, in sentences; complete once all frames were read.

    duration: seconds of video that went by, where there is a source.
    """
    if source is not None:
        damage = source.damage
        stated = source.info.duration
        if stated is not None and duration < stated - max(_SLACK, stated * 0.02) and not source.truncated:
            # behind damage a demuxer may find nothing more, and calls that the end
            yield f"the input says that it lasts {stated:.1f} s; {duration:.1f} s of video could be read"
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
