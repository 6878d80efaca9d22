"""One recording or picture, from file to covered file."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from redact.detect import load_detector
from redact.detect.tiles import Search
from redact.detect.union import models_of
from redact.detections import Detector
from redact.looking import Looking
from redact.media.encoders import choose, muxer_of
from redact.media.images import is_picture
from redact.media.sink import open_sink
from redact.media.source import open_source
from redact.picture import plan_picture, redact_picture
from redact.pipeline import settle, write
from redact.policy import Encoding, Policy
from redact.report import Result, warnings_of
from redact.tally import Progress, Tally
from redact.timeline import Timeline
from redact.verify import Gate, Run

Path = str | os.PathLike[str]


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
    verify: bool = False,
) -> Result:
    """Cover every face and person of a video or picture file and write the result to another file.

    input, output: paths; the output's suffix chooses the container. What the input's suffix calls a picture goes to
    ``redact_picture``, for which encoding, start and end mean nothing. policy: what to cover and how. encoding: how
    the output is written. overwrite: replace an existing output. start, end: seconds of the input to keep.
    detector: any ``Detector``; by default the policy's. progress: called after every covered frame. verify: look at
    the output with a second detector before it takes its name; where that finds something, ``Result.verdict`` says
    what, and the output stays ``NAME.part``.

    Raises SourceError, DetectorError, ModelError, SinkError or ConfigError; then there is no output file.
    """
    if is_picture(input):
        return redact_picture(
            input, output, policy=policy, overwrite=overwrite, detector=detector, progress=progress, verify=verify
        )
    began = time.monotonic()
    policy, encoding = policy or Policy(), encoding or Encoding()
    detector = detector or load_detector(policy.detector, device=policy.device)
    run = Run(input, policy=policy, first=detector.name, start=start, end=end, audio=encoding.audio)
    gate = Gate(run, output) if verify else None
    with (
        open_source(input, start=start, end=end, audio=encoding.audio) as source,
        open_sink(output, source.info, encoding, source=source, overwrite=overwrite) as sink,
    ):
        search = Search(detector, policy, source.info.width, source.info.height)
        looking = Looking(search, policy)
        timeline = Timeline(policy, search.starts)
        tally = Tally(source.info.frames, timeline.counts, progress)
        with settle(source, looking, timeline) as frames:
            write(tally.over(frames if gate is None else gate.remembering(frames)), sink, policy)
        sink.commit(gate)
    return Result(
        input=os.fspath(input),
        output=os.fspath(output if gate is None else gate.output),
        video=source.info,
        policy=policy,
        encoding=encoding,
        detector=detector.name,
        models=models_of(detector),
        frames=tally.frames,
        looks=looking.looks,
        duration=tally.duration,
        elapsed=time.monotonic() - began,
        tracks=tuple(sorted(timeline.tracks, key=lambda track: track.number)),
        whole=tally.whole,
        moments=tuple(tally.moments),
        stretches=tuple(tally.stretches),
        dropped=tuple(source.dropped),
        warnings=tuple(warnings_of(source, policy, tally.duration)),
        verdict=None if gate is None else gate.verdict,
    )


def plan(input: Path, output: Path, *, policy: Policy | None = None, encoding: Encoding | None = None) -> list[str]:
    """What ``redact_file`` would do, in lines for a person; nothing is written. Raises as ``redact_file`` does."""
    if is_picture(input):
        return plan_picture(input, output, policy=policy)
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
