"""The two halves of a run: finding what is to be covered, and covering what a file says."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from redact.detect import load_detector
from redact.detect.tiles import Search
from redact.detect.union import models_of
from redact.detections import Detector
from redact.digests import FileDigest
from redact.errors import ConfigError, RegionsError, SourceError
from redact.exports import EXPORTS, Export, export_path
from redact.looking import DAMAGED, Looking
from redact.media.images import is_picture
from redact.media.sink import open_sink
from redact.media.source import Source, open_source
from redact.mot import MotRegions, is_mot
from redact.pipeline import settle, write
from redact.policy import Encoding, Policy
from redact.regions import Settled
from redact.regions_file import Header, RegionsReader, RegionsWriter
from redact.report import Result, warnings_of
from redact.tally import Progress, Tally
from redact.timeline import Timeline, TrackSummary

AnyPath = str | os.PathLike[str]


def detect_file(
    input: AnyPath,
    regions: AnyPath,
    *,
    policy: Policy | None = None,
    exports: Iterable[str] = (),
    overwrite: bool = False,
    start: float | None = None,
    end: float | None = None,
    detector: Detector | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Find everybody in a recording and write where they are to a regions file; no picture is written.

    exports: names of ``exports.EXPORTS`` to write beside it. The other arguments are those of ``redact_file``.
    Raises SourceError, DetectorError, ModelError, SinkError or ConfigError; then there is no file.
    """
    began = time.monotonic()
    policy = policy or Policy()
    names = tuple(dict.fromkeys(exports))
    unknown = [name for name in names if name not in EXPORTS]
    if unknown:
        raise ConfigError(f"no export is called {unknown[0]!r}", hint=f"one of {', '.join(EXPORTS)}")
    _refuse_picture(input)
    detector = detector or load_detector(policy.detector, device=policy.device)
    with open_source(input, start=start, end=end) as source, ExitStack() as stack:
        header = Header.of(
            FileDigest.of(input), source.info, policy, detector.name, models_of(detector), start=start, end=end
        )
        inputs = [Path(input)]
        writers: list[Export] = [
            stack.enter_context(RegionsWriter(regions, header, overwrite=overwrite, inputs=inputs))
        ]
        for name in names:
            target = export_path(regions, name)
            writers.append(stack.enter_context(EXPORTS[name][1](target, overwrite=overwrite, inputs=inputs)))
        search = Search(detector, policy, source.info.width, source.info.height)
        looking, timeline = Looking(search, policy), Timeline(policy, search.starts)
        tally = Tally(source.info.frames, timeline.counts, progress)
        with settle(source, looking, timeline) as frames:
            for item in tally.over(frames):
                for writer in writers:
                    writer.write(item)
        for writer in reversed(writers):  # the regions file last: where it is, all is
            writer.commit(tally.duration)
    return Result(
        input=os.fspath(input),
        output=os.fspath(regions),
        video=source.info,
        policy=policy,
        encoding=Encoding(),
        detector=detector.name,
        models=models_of(detector),
        frames=tally.frames,
        looks=looking.looks,
        duration=tally.duration,
        elapsed=time.monotonic() - began,
        tracks=tuple(sorted(timeline.tracks, key=lambda track: track.number)),
        whole=tally.whole,
        moments=tuple(tally.moments),
        warnings=tuple(warnings_of(source, policy, tally.duration)),
    )


def render_file(
    input: AnyPath,
    regions: AnyPath,
    output: AnyPath,
    *,
    policy: Policy | None = None,
    encoding: Encoding | None = None,
    overwrite: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Cover what a regions file, or a MOT file, says of a recording.

    policy: its settings of ``COVERING`` are used; how things were found is the file's word. Of a MOT file nothing
    tells which recording it belongs to, so only its frame numbers are checked.
    Raises RegionsError, SourceError, SinkError or ConfigError; then there is no output file.
    """
    began = time.monotonic()
    policy, encoding = policy or Policy(), encoding or Encoding()
    _refuse_picture(input)
    with ExitStack() as stack:
        reader = None if is_mot(regions) else stack.enter_context(RegionsReader(regions))
        if reader is not None:
            if Path(input).is_file():
                reader.check(input)
            policy = reader.header.covering(policy)
        start, end = (reader.header.start, reader.header.end) if reader else (None, None)
        source = stack.enter_context(open_source(input, start=start, end=end, audio=encoding.audio))
        told = _told(source, reader) if reader else _told_by_mot(source, regions)
        sink = stack.enter_context(open_sink(output, source.info, encoding, source=source, overwrite=overwrite))
        tracks = _Tracks()
        tally = Tally(source.info.frames, tracks.counts, progress)
        write(tally.over(tracks.over(told)), sink, policy)
        sink.commit()
    header = reader.header if reader else None
    return Result(
        input=os.fspath(input),
        output=os.fspath(output),
        video=source.info,
        policy=policy,
        encoding=encoding,
        detector=header.detector if header else "none: a MOT file",
        models=header.models if header else (),
        frames=tally.frames,
        looks=0,
        duration=tally.duration,
        elapsed=time.monotonic() - began,
        tracks=tuple(sorted(tracks.summaries.values(), key=lambda track: track.number)),
        whole=tally.whole,
        moments=tuple(tally.moments),
        dropped=tuple(source.dropped),
        warnings=tuple(warnings_of(source, policy, tally.duration)),
    )


def _told(source: Source, reader: RegionsReader) -> Iterator[Settled]:
    """Every frame with what the regions file says of it. Raises RegionsError where the two do not go together."""
    header = reader.header
    info = source.info
    if (header.width, header.height, header.time_base) != (info.width, info.height, info.time_base):
        raise RegionsError(f"{reader.path}: is about frames of another size or time", hint=_other(source))
    records = iter(reader)
    for frame in source:
        record = next(records, None)
        if record is None or record.pts != frame.pts:
            raise RegionsError(f"{reader.path}: does not know frame {frame.index}", hint=_other(source))
        yield Settled(frame, record.regions, record.whole or (DAMAGED if frame.damaged else ""))
    if next(records, None) is not None:
        raise RegionsError(f"{reader.path}: has more frames than the recording", hint=_other(source))


def _told_by_mot(source: Source, path: AnyPath) -> Iterator[Settled]:
    rows = MotRegions(path, source.info.width, source.info.height)
    count = 0
    for frame in source:
        count = frame.index + 1
        yield Settled(frame, rows.at(frame.index), DAMAGED if frame.damaged else "")
    if rows.last >= count:
        raise RegionsError(
            f"{os.fspath(path)}: names frame {rows.last + 1} of a recording of {count}", hint=_other(source)
        )


def _other(source: Source) -> str:
    return f"it is of another recording: run redact detect on {source.path.name}"


def _refuse_picture(path: AnyPath) -> None:
    if is_picture(path):
        raise SourceError(
            f"{os.fspath(path)}: a picture is not covered in two steps", hint="redact file covers it in one"
        )


class _Tracks:
    """The tracks that regions add up to."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.summaries: dict[int, TrackSummary] = {}

    def over(self, frames: Iterable[Settled]) -> Iterator[Settled]:
        for item in frames:
            for region in item.regions:
                at = item.frame.time
                track = self.summaries.get(region.track)
                if track is None:
                    track = TrackSummary(region.track, region.kind, at, at, region.score, region.score, at)
                    self.summaries[region.track] = track
                    self.counts[region.kind] += 1
                if region.origin == "seen":
                    if not track.frames["seen"]:
                        track.first = track.lowest_time = at  # until here it was reached back
                    track.last = at
                    track.highest_score = max(track.highest_score, region.score)
                    if region.score < track.lowest_score:
                        track.lowest_score, track.lowest_time = region.score, at
                track.frames[region.origin] += 1
            yield item
