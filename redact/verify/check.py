"""One verification, from files to verdict."""

from __future__ import annotations

import filecmp
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from redact.detect.union import models_of
from redact.detections import Detector
from redact.digests import FileDigest
from redact.errors import ConfigError, DetectorError
from redact.frames import Frame
from redact.media.images import is_picture
from redact.policy import Audio, Policy
from redact.regions import Settled
from redact.regions_file import RegionsReader
from redact.verify.again import Second, second
from redact.verify.compare import Comparison
from redact.verify.detail import Mask
from redact.verify.expected import Expected, Pair, Remembered, joined, paired
from redact.verify.faults import Faults
from redact.verify.footage import Footage, opened
from redact.verify.leftovers import leftovers
from redact.verify.moments import Moments, Picture, Sign
from redact.verify.sights import Sights
from redact.verify.verdict import Compared, Moment, Verdict

T = TypeVar("T")
AnyPath = str | os.PathLike[str]
LOOK_TIMEOUT = 240.0  # seconds for one frame: four times as long as for covering, for it is looked at several times
_NO_REGIONS = "what was to be covered: name the file of redact detect with --regions"
_NO_INPUT = "whether the rest is as it was, and every frame there: name the input with --against"


@dataclass(frozen=True, slots=True)
class Run:
    """What is known of the run that made an output.

    against: its input. regions: what it covered, frame by frame. policy: how. first: its detector's name.
    start, end: seconds of the input that it kept. audio: whether sound was kept on purpose.
    """

    against: AnyPath | None = None
    regions: Iterable[Expected] | None = None
    policy: Policy = field(default_factory=Policy)
    first: str = Policy().detector
    start: float | None = None
    end: float | None = None
    audio: Audio = "drop"


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """A verdict, and its moments with what the output shows there, surest first, for a contact sheet."""

    verdict: Verdict
    pictures: tuple[tuple[Moment, Picture | None], ...] = field(repr=False)


def verify_file(
    output: AnyPath,
    *,
    against: AnyPath | None = None,
    regions: AnyPath | None = None,
    detector: Detector | str | None = None,
    policy: Policy | None = None,
    every: int = 1,
    start: float | None = None,
    end: float | None = None,
    audio: Audio = "drop",
    progress: Callable[[int, int | None], None] | None = None,
) -> Checked:
    """Look for whoever may still be visible in a covered recording or picture, and for what it tells besides.

    against: its input; start, end: the seconds of it that were kept. regions: the file of ``detect_file`` that it was
    made from. detector: a second one, or its name; by default the most independent that is on this machine. policy:
    what was to be covered and how far around; its ``find`` and ``never`` are the regions file's where there is one.
    every: the detector looks at every so many-th frame; comparing misses none. progress: told of frames done and all.
    Raises SourceError, RegionsError, DetectorError, ModelError or ConfigError.
    """
    policy = policy or Policy()
    picture = is_picture(output)
    if against is not None and is_picture(against) != picture:
        raise ConfigError("one of the two is a picture and the other a video", hint="name the input of this output")
    digest = None
    with ExitStack() as stack:
        first, told = policy.detector, None
        if regions is not None:
            reader = stack.enter_context(RegionsReader(regions))
            if against is not None and Path(against).is_file():
                reader.check(against)
            policy, first = reader.header.covering(policy), reader.header.detector
            start = reader.header.start if start is None else start
            end = reader.header.end if end is None else end
            digest, told = FileDigest.of(regions), _told(reader)
        run = Run(against, told, policy, first, start, end, audio)
        checked = _verified(Path(output), run, second(detector, first, policy), picture, every, progress)
    return replace(checked, verdict=replace(checked.verdict, regions=digest))


def _verified(
    path: Path,
    run: Run,
    looker: Second,
    picture: bool,
    every: int,
    progress: Callable[[int, int | None], None] | None,
) -> Checked:
    began = time.monotonic()
    if every < 1:
        raise ConfigError(f"every: {every} is out of range", hint="1 looks at every frame")
    _distinct(path, run.against)
    faults, moments = Faults(), Moments()
    with ExitStack() as stack:
        footage = stack.enter_context(opened(path, picture=picture))
        source = None
        if run.against is not None:
            source = stack.enter_context(opened(run.against, picture=picture, start=run.start, end=run.end))
            if filecmp.cmp(path, run.against, shallow=False):
                faults.add("unchanged", "the output is the input, to the byte")
        moments.moves = footage.moves
        wanted = joined(run.regions, None if source is None else source.frames)
        comparison = Comparison(run.policy, exact=_exact(footage, source))
        sights = Sights(looker.detector, run.policy, every)
        checking = _Checking(comparison, sights, moments, faults)
        slack = _slack(footage, source)
        for pair in paired(wanted, footage.frames, slack=slack, moves=footage.moves):
            checking.take(pair)
            if progress is not None and pair.frame is not None:
                progress(checking.frames, footage.info.frames)
        moments.flush()
        if footage.lasts and source is not None and source.lasts:
            checking.check_duration(slack)
        if footage.broken:
            faults.add("damaged", footage.broken)
        if source is not None and source.broken and not faults.any("frame missing"):
            checking.unchecked.append(f"the part of the input that cannot be read: {source.broken}")
    for fault in leftovers(path, picture=picture, audio=run.audio):
        faults.put(fault)
    ranked = moments.ranked()
    outside = comparison.outside
    compared = None
    if source is not None:
        compared = Compared(outside.frames, outside.exact and outside.frames > 0, outside.psnr, outside.worst)
    unchecked = [*checking.unchecked]
    if run.regions is None:
        unchecked.append(_NO_REGIONS)
    if run.against is None:
        unchecked.append(_NO_INPUT)
    if sights.soft:
        unchecked.append(f"{sights.soft} sights without detail: covered, or clear and out of focus; --against tells")
    if every > 1:
        unchecked.append(f"people in {every - 1} of {every} frames: --every {every}")
    verdict = Verdict(
        output=FileDigest.of(path),
        against=None if run.against is None else FileDigest.of(run.against),
        regions=None,
        detector=looker.detector.name,
        independence=looker.independence,
        frames=checking.frames,
        looks=sights.looks,
        duration=checking.duration if footage.moves else 0.0,
        elapsed=time.monotonic() - began,
        moments=tuple(moment for moment, _ in ranked),
        faults=tuple(faults),
        models=models_of(looker.detector),
        compared=compared,
        total=moments.total,
        unchecked=tuple(unchecked),
    )
    return Checked(verdict, tuple(ranked))


class Gate:
    """Stands between a complete output and its name: hand it to a sink's ``commit``.

    output: where the file is in the end: by its name, or still ``NAME.part``. verdict: once it was called.
    Raises ModelError when made, if the second detector cannot be loaded.
    """

    def __init__(self, run: Run, output: AnyPath) -> None:
        self._remembered = Remembered()
        self._run = replace(run, regions=self._remembered)
        self._second = second(None, run.first, run.policy)
        self.output = output
        self.verdict: Verdict | None = None

    def remembering(self, frames: Iterable[Settled]) -> Iterator[Settled]:
        """The same frames; what was covered in them is kept for the check."""
        return self._remembered.over(frames)

    def __call__(self, part: Path) -> bool:
        """Whether the output may take its name. Raises as ``verify_file`` does."""
        verdict = _verified(part, self._run, self._second, is_picture(self.output), 1, None).verdict
        if verdict.found:
            self.output = part
        else:
            verdict = replace(verdict, output=replace(verdict.output, name=Path(self.output).name))
        self.verdict = verdict
        return not verdict.found


class _Checking:
    """Takes pairs of frames, in order, and hands on what they show."""

    def __init__(self, comparison: Comparison, sights: Sights, moments: Moments, faults: Faults) -> None:
        self._comparison = comparison
        self._sights = sights
        self._moments = moments
        self._faults = faults
        self.frames = 0
        self.duration = 0.0
        self._last: tuple[Frame, Frame | None] | None = None  # of output and input
        self._step = 0.0  # seconds between the last two frames
        self.unchecked: list[str] = []

    def take(self, pair: Pair) -> None:
        expected, frame = pair.expected, pair.frame
        if frame is None:
            assert expected is not None
            self._faults.add("frame missing", "the input has a frame here", expected.time)
            return
        # the detector and the comparison both leave the interpreter to others
        looking = _ask(lambda: self._sights.look(frame))
        self.frames += 1
        self.duration = _end(frame)
        if expected is None:
            self._faults.add("frame added", "the input has no frame here", frame.time)
            expected = Expected(frame.time, None)
        covered: Mask | None
        signs: list[Sign] = []
        if expected.frame is None:
            covered = self._comparison.mask(expected, frame)
        elif _size(expected.frame) != _size(frame):
            self._faults.add("size differs", f"{_size(frame)} instead of {_size(expected.frame)} pixels", frame.time)
            covered = None
        else:
            seen = self._comparison(expected, frame)
            covered, signs = seen.covered, seen.signs
            if seen.repeated:
                self._faults.add("frame repeated", "the picture of the frame before is shown again", frame.time)
            elif seen.changed:
                self._faults.add("changed outside", seen.changed, frame.time)
        input = expected.frame
        before = None if input is None else lambda: _answer(_ask(lambda: self._sights.look_at(input)))
        signs, known = self._sights.signs(frame, _answer(looking), covered, signs, before)
        self._moments.add(frame, known, signs)
        if self._last is not None:
            self._step = frame.time - self._last[0].time
        self._last = frame, expected.frame

    def check_duration(self, slack: float) -> None:
        """After the last frame: it is to be shown for as long as that of the input, but for one frame's time."""
        output, input = self._last or (None, None)
        if output is None or input is None or abs(_end(input) - _end(output)) <= slack + self._step:
            return
        detail = f"it ends at {_end(output):.3f} s, its input at {_end(input):.3f} s"
        self._faults.add("duration differs", detail, output.time)


def _ask(look: Callable[[], T]) -> Future[T]:
    """Look in a thread that may be left behind: a detector may hang for ever."""
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(look())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, name="redact-verify", daemon=True).start()
    return future


def _answer(looking: Future[T]) -> T:
    try:
        return looking.result(LOOK_TIMEOUT)
    except TimeoutError:
        raise DetectorError(
            f"the second detector has not answered for {LOOK_TIMEOUT:g} s",
            hint="try another one: --with NAME, or --device cpu",
        ) from None


def _end(frame: Frame) -> float:
    return frame.time + float(frame.duration * frame.time_base)


def _slack(output: Footage, input: Footage | None) -> float:
    """Seconds by which times may differ for the containers' sake; never so many that a frame passes for another."""
    rates = [float(item.info.frame_rate) for item in (output, input) if item is not None and item.info.frame_rate]
    coarsest = max(output.tick, 0.0 if input is None else input.tick) * 1.01
    return coarsest if output.counts or not rates else min(coarsest, 0.5 / max(rates))


def _told(reader: RegionsReader) -> Iterator[Expected]:
    tick = reader.header.time_base
    for record in reader:
        yield Expected(float(record.pts * tick), None, record.regions, record.whole)


def _exact(output: Footage, input: Footage | None) -> bool:
    return output.lossless and input is not None and output.mode == input.mode


def _size(frame: Frame) -> str:
    return f"{frame.width}x{frame.height}"


def _distinct(output: Path, against: AnyPath | None) -> None:
    if against is None or not os.path.exists(against):
        return
    if output.exists() and output.samefile(against):
        raise ConfigError(f"{output}: is its own input", hint="name the input that it was made from with --against")
