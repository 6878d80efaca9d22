"""The two halves of a run: finding what is to be covered, and covering what a file says."""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from redact.cover import Cover
from redact.detect import load_detector
from redact.detect.tiles import Search
from redact.detect.union import models_of
from redact.detections import Detector
from redact.digests import FileDigest
from redact.errors import ConfigError, RegionsError
from redact.exports import EXPORTS, Export, export_path
from redact.frames import Frame, VideoInfo
from redact.looking import DAMAGED, Looking
from redact.media.image_sink import PictureSink
from redact.media.images import Page, Picture, is_picture
from redact.media.sink import open_sink
from redact.media.source import Source, open_source
from redact.mot import MotRegions, is_mot
from redact.picture import PageJob, kept
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
    """Find everybody in a recording or picture and write where they are to a regions file; no pixel is written.

    exports: names of ``exports.EXPORTS`` to write beside it. The other arguments are those of ``redact_file``.
    Raises SourceError, DetectorError, ModelError, SinkError or ConfigError; then there is no file.
    """
    began = time.monotonic()
    policy = policy or Policy()
    names = tuple(dict.fromkeys(exports))
    unknown = [name for name in names if name not in EXPORTS]
    if unknown:
        raise ConfigError(f"no export is called {unknown[0]!r}", hint=f"one of {', '.join(EXPORTS)}")
    detector = detector or load_detector(policy.detector, device=policy.device)
    with ExitStack() as stack:
        looked = _looked(stack, input, policy, detector, start, end)
        models = models_of(detector)
        header = Header.of(FileDigest.of(input), looked.info, policy, detector.name, models, start=start, end=end)
        inputs = [Path(input)]
        writers: list[Export] = [
            stack.enter_context(RegionsWriter(regions, header, overwrite=overwrite, inputs=inputs))
        ]
        for name in names:
            target = export_path(regions, name)
            writers.append(stack.enter_context(EXPORTS[name][1](target, overwrite=overwrite, inputs=inputs)))
        tally = Tally(looked.info.frames, looked.counts, progress)
        for item in tally.over(looked.settled):
            for writer in writers:
                writer.write(item)
        for writer in reversed(writers):  # the regions file last: where it is, all is
            writer.commit(tally.duration)
    return Result(
        input=os.fspath(input),
        output=os.fspath(regions),
        video=looked.info,
        policy=policy,
        encoding=Encoding(),
        detector=detector.name,
        models=models,
        frames=tally.frames,
        looks=looked.looks(),
        duration=tally.duration if looked.moves else 0.0,
        elapsed=time.monotonic() - began,
        tracks=tuple(sorted(looked.tracks, key=lambda track: track.number)),
        whole=tally.whole,
        moments=tuple(tally.moments),
        stretches=tuple(tally.stretches),
        warnings=tuple(warnings_of(looked.source, policy, tally.duration)),
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
    """Cover what a regions file, or a MOT file, says of a recording or picture.

    policy: its settings of ``COVERING`` are used; how things were found is the file's word. Of a MOT file nothing
    tells which recording it belongs to, so only its frame numbers are checked.
    Raises RegionsError, SourceError, SinkError or ConfigError; then there is no output file.
    """
    began = time.monotonic()
    policy, encoding = policy or Policy(), encoding or Encoding()
    tracks = _Tracks()
    with ExitStack() as stack:
        reader = None if is_mot(regions) else stack.enter_context(RegionsReader(regions))
        if reader is not None:
            if Path(input).is_file():
                reader.check(input)
            policy = reader.header.covering(policy)
        source: Source | None = None
        if is_picture(input):
            picture = stack.enter_context(Picture(input))
            info, dropped, moves = picture.info, picture.dropped, picture.animated
            page_sink = stack.enter_context(PictureSink(output, picture, overwrite=overwrite))
            tally = Tally(info.frames, tracks.counts, progress)
            waiting: deque[Page] = deque()
            cover = Cover(policy)
            told = _told(kept(picture, waiting), info, Path(input), regions, reader)
            for item in tally.over(tracks.over(told)):
                if not moves:
                    cover = Cover(policy)  # nothing is held from one page to the next
                page_sink.write(cover(item), waiting.popleft(), cover.mask(item))
            page_sink.commit()
        else:
            start, end = (reader.header.start, reader.header.end) if reader else (None, None)
            source = stack.enter_context(open_source(input, start=start, end=end, audio=encoding.audio))
            info, dropped, moves = source.info, source.dropped, True
            sink = stack.enter_context(open_sink(output, info, encoding, source=source, overwrite=overwrite))
            tally = Tally(info.frames, tracks.counts, progress)
            told = _told(source, info, Path(input), regions, reader)
            write(tally.over(tracks.over(told)), sink, policy)
            sink.commit()
    header = reader.header if reader else None
    return Result(
        input=os.fspath(input),
        output=os.fspath(output),
        video=info,
        policy=policy,
        encoding=encoding,
        detector=header.detector if header else "none: a MOT file",
        models=header.models if header else (),
        frames=tally.frames,
        looks=0,
        duration=tally.duration if moves else 0.0,
        elapsed=time.monotonic() - began,
        tracks=tuple(sorted(tracks.summaries.values(), key=lambda track: track.number)),
        whole=tally.whole,
        moments=tuple(tally.moments),
        stretches=tuple(tally.stretches),
        dropped=tuple(dropped),
        warnings=tuple(warnings_of(source, policy, tally.duration)),
    )


@dataclass(slots=True)
class _Looked:
    """A recording or picture being looked through. moves: its frames follow each other in time."""

    info: VideoInfo
    settled: Iterator[Settled]
    counts: Counter[str]
    tracks: list[TrackSummary]
    looks: Callable[[], int]
    source: Source | None = None
    moves: bool = True


def _looked(
    stack: ExitStack, input: AnyPath, policy: Policy, detector: Detector, start: float | None, end: float | None
) -> _Looked:
    if is_picture(input):
        picture = stack.enter_context(Picture(input))
        job = PageJob(policy, detector)
        settled = job.settled((page.frame for page in picture), animated=picture.animated)
        return _Looked(picture.info, settled, job.counts, job.tracks, lambda: job.looks, moves=picture.animated)
    source = stack.enter_context(open_source(input, start=start, end=end))
    search = Search(detector, policy, source.info.width, source.info.height)
    looking, timeline = Looking(search, policy), Timeline(policy, search.starts)
    frames = stack.enter_context(settle(source, looking, timeline))
    return _Looked(source.info, frames, timeline.counts, timeline.tracks, lambda: looking.looks, source)


def _told(
    frames: Iterable[Frame], info: VideoInfo, input: Path, regions: AnyPath, reader: RegionsReader | None
) -> Iterator[Settled]:
    """Every frame with what the file says of it. Raises RegionsError where the two do not go together."""
    hint = f"it is of another recording: run redact detect on {input.name}"
    if reader is None:
        yield from _told_by_mot(frames, MotRegions(regions, info.width, info.height), hint)
        return
    header = reader.header
    if (header.width, header.height, header.time_base) != (info.width, info.height, info.time_base):
        raise RegionsError(f"{reader.path}: is about frames of another size or time", hint=hint)
    records = iter(reader)
    for frame in frames:
        record = next(records, None)
        if record is None or record.pts != frame.pts:
            raise RegionsError(f"{reader.path}: does not know frame {frame.index}", hint=hint)
        yield Settled(frame, record.regions, record.whole or (DAMAGED if frame.damaged else ""))
    if next(records, None) is not None:
        raise RegionsError(f"{reader.path}: has more frames than the recording", hint=hint)


def _told_by_mot(frames: Iterable[Frame], rows: MotRegions, hint: str) -> Iterator[Settled]:
    count = 0
    for frame in frames:
        count = frame.index + 1
        yield Settled(frame, rows.at(frame.index), DAMAGED if frame.damaged else "")
    if rows.last >= count:
        raise RegionsError(f"{rows.path}: names frame {rows.last + 1} of a recording of {count}", hint=hint)


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
