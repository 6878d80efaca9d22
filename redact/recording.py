"""One recording, from file to covered file."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from redact.detect import load_detector
from redact.detect.tiles import Search
from redact.detections import Detector
from redact.looking import Looking
from redact.media.encoders import choose, muxer_of
from redact.media.sink import open_sink
from redact.media.source import Source, open_source
from redact.pipeline import settle, write
from redact.policy import Encoding, Policy
from redact.regions import Settled
from redact.report import Result
from redact.timeline import Timeline

Path = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. total: frames expected, or None. found: tracks so far, by kind."""

    frames: int
    total: int | None
    found: Counter[str]


def redact_file(
    input: Path,
    output: Path,
    *,
    policy: Policy | None = None,
    encoding: Encoding | None = None,
    overwrite: bool = False,
    start: float | None = None,
    end: float | None = None,
    detector: Detector | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Cover every face and person of a video file and write the result to another file.

    input, output: paths; the output's suffix chooses the container. policy: what to cover and how. encoding: how
    the output is written. overwrite: replace an existing output. start, end: seconds of the input to keep.
    detector: any ``Detector``; by default the policy's. progress: called after every covered frame.

    Raises SourceError, DetectorError, ModelError, SinkError or ConfigError; then there is no output file.
    """
    began = time.monotonic()
    policy, encoding = policy or Policy(), encoding or Encoding()
    detector = detector or load_detector(policy.detector, device=policy.device)
    with (
        open_source(input, start=start, end=end, audio=encoding.audio) as source,
        open_sink(output, source.info, encoding, source=source, overwrite=overwrite) as sink,
    ):
        search = Search(detector, policy, source.info.width, source.info.height)
        looking = Looking(search, policy)
        timeline = Timeline(policy, search.starts)
        tally = _Tally(source, timeline, progress)
        with settle(source, looking, timeline) as frames:
            write(tally.over(frames), sink, policy)
        sink.commit()
    return Result(
        input=os.fspath(input),
        output=os.fspath(output),
        video=source.info,
        policy=policy,
        encoding=encoding,
        detector=detector.name,
        frames=tally.frames,
        looks=looking.looks,
        duration=tally.duration,
        elapsed=time.monotonic() - began,
        tracks=tuple(sorted(timeline.tracks, key=lambda track: track.number)),
        whole=tally.whole,
        dropped=tuple(source.dropped),
        warnings=tuple(_warnings(source, policy)),
    )


def plan(input: Path, output: Path, *, policy: Policy | None = None, encoding: Encoding | None = None) -> list[str]:
    """What ``redact_file`` would do, in lines for a person; nothing is written. Raises as ``redact_file`` does."""
    policy, encoding = policy or Policy(), encoding or Encoding()
    with open_source(input, audio=encoding.audio) as source:
        info = source.info
        muxer = muxer_of(os.path.splitext(output)[1])
        choice = choose(encoding, info.codec, info.pixel_format, info.width, info.height, muxer)
        search = Search(load_detector(policy.detector, device=policy.device), policy, info.width, info.height)
        rate = f"{float(info.frame_rate):.4g} frames/s" if info.frame_rate else "variable frame rate"
        length = f"{info.duration:.1f} s" if info.duration else "unknown length"
        return [
            f"{os.fspath(input)} → {os.fspath(output)}",
            f"  input: {info.codec} {info.width}x{info.height} {info.stored_pixel_format}, {rate}, {length}",
            f"  output: {choice.codec} {choice.pixel_format} in {muxer}",
            f"  detector: {policy.detector}, looks at {search.describe()}",
            *(f"  would drop: {item}" for item in source.dropped),
        ]


def _warnings(source: Source, policy: Policy) -> Iterator[str]:
    """What a careful person should know of a run."""
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


class _Tally:
    """Counts what goes by."""

    def __init__(self, source: Source, timeline: Timeline, progress: Callable[[Progress], None] | None) -> None:
        self._total = source.info.frames
        self._timeline = timeline
        self._progress = progress
        self.frames = 0
        self.whole: Counter[str] = Counter()
        self._first: float | None = None
        self._last = 0.0

    @property
    def duration(self) -> float:
        """Seconds of video that went by."""
        return self._last - (self._first or 0.0)

    def over(self, frames: Iterable[Settled]) -> Iterator[Settled]:
        for item in frames:
            self.frames += 1
            if item.whole:
                self.whole[item.whole] += 1
            frame = item.frame
            self._first = frame.time if self._first is None else self._first
            self._last = frame.time + float(frame.duration * frame.time_base)
            yield item
            if self._progress is not None:
                self._progress(Progress(self.frames, self._total, Counter(self._timeline.counts)))
