"""One picture, page by page, from file to covered file; and one array."""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from redact.cover import Cover
from redact.detect import load_detector
from redact.detect.tiles import Search
from redact.detect.union import models_of
from redact.detections import Detector
from redact.errors import ConfigError
from redact.frames import Frame
from redact.looking import Looking
from redact.media.image_sink import PictureSink, format_of
from redact.media.images import Page, Picture
from redact.pipeline import settle
from redact.policy import Encoding, Policy
from redact.regions import Settled
from redact.report import Result, warnings_of
from redact.tally import Progress, Tally
from redact.timeline import Timeline, TrackSummary
from redact.verify import Gate, Run


def redact_picture(
    input: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    policy: Policy | None = None,
    overwrite: bool = False,
    detector: Detector | None = None,
    progress: Callable[[Progress], None] | None = None,
    verify: bool = False,
) -> Result:
    """Cover every face and person of a picture file, of all its pages, or of an animation.

    input, output: paths; the output's suffix chooses the format, and the input's quality and mode are kept where it
    is the same. The other arguments are those of ``redact_file``. Raises as that does; then there is no output file.
    """
    began = time.monotonic()
    policy = policy or Policy()
    detector = detector or load_detector(policy.detector, device=policy.device)
    gate = Gate(Run(input, policy=policy, first=detector.name), output) if verify else None
    with Picture(input) as picture, PictureSink(output, picture, overwrite=overwrite) as sink:
        job = PageJob(policy, detector)
        tally = Tally(picture.count, job.counts, progress)
        waiting: deque[Page] = deque()
        settled = job.settled(kept(picture, waiting), animated=picture.animated)
        for item in tally.over(settled if gate is None else gate.remembering(settled)):
            sink.write(job.cover(item), waiting.popleft(), job.cover.mask(item))
        sink.commit(gate)
    return Result(
        input=os.fspath(input),
        output=os.fspath(output if gate is None else gate.output),
        video=picture.info,
        policy=policy,
        encoding=Encoding(),
        detector=detector.name,
        models=models_of(detector),
        frames=tally.frames,
        looks=job.looks,
        duration=tally.duration if picture.animated else 0.0,
        elapsed=time.monotonic() - began,
        tracks=tuple(sorted(job.tracks, key=lambda track: track.number)),
        whole=tally.whole,
        moments=tuple(tally.moments),
        stretches=tuple(tally.stretches),
        dropped=picture.dropped,
        warnings=tuple(warnings_of(None, policy)),
        verdict=None if gate is None else gate.verdict,
    )


def plan_picture(
    input: str | os.PathLike[str], output: str | os.PathLike[str], *, policy: Policy | None = None
) -> list[str]:
    """What ``redact_picture`` would do, in lines for a person; nothing is written. Raises as that does."""
    policy = policy or Policy()
    with Picture(input) as picture:
        info = picture.info
        search = Search(load_detector(policy.detector, device=policy.device), policy, info.width, info.height)
        return [
            f"{os.fspath(input)} → {os.fspath(output)}",
            f"  input: {info.codec} {info.width}x{info.height} {info.stored_pixel_format}, "
            f"{picture.count} {'frames' if picture.animated else 'pages'}",
            f"  output: {format_of(output).lower()}",
            f"  detector: {policy.detector}, looks at {search.describe()}",
            *(f"  would drop: {item}" for item in picture.dropped),
        ]


def redact_image(
    image: NDArray[np.uint8], *, policy: Policy | None = None, detector: Detector | None = None
) -> NDArray[np.uint8]:
    """A covered copy of one picture.

    image: uint8 (height, width, 3) in B, G, R order, or (height, width) grey; left as it is. For several, load a
    detector once and pass it. Raises ConfigError for an array that is no picture, DetectorError and ModelError.
    """
    policy = policy or Policy()
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)) or not image.size:
        raise ConfigError(
            f"an array of shape {image.shape}, {image.dtype} is no picture",
            hint="uint8 (height, width, 3) in B, G, R order, or (height, width)",
        )
    grey = image.ndim == 2
    bgr = np.repeat(image[:, :, None], 3, axis=2) if grey else np.array(image, order="C")
    job = PageJob(policy, detector or load_detector(policy.detector, device=policy.device))
    for item in job.settled([Frame(bgr, 0, 0, Fraction(1))], animated=False):
        mask = job.cover.mask(item)
        job.cover(item)
    # a tint is drawn in each channel: grey takes one of them
    return np.where(mask, bgr[:, :, 1], image) if grey else bgr


def kept(picture: Picture, waiting: deque[Page]) -> Iterator[Frame]:
    """The frames of a picture, while its pages wait for them to be settled."""
    for page in picture:
        waiting.append(page)
        yield page.frame


class PageJob:
    """Settles frames that follow each other in time, or pages that have nothing to do with each other.

    cover: for the page that was settled last. counts: tracks by kind, and tracks, looks: complete at the end.
    """

    def __init__(self, policy: Policy, detector: Detector) -> None:
        self._policy = policy
        self._detector = detector
        self.cover = Cover(policy)
        self.counts: Counter[str] = Counter()
        self.tracks: list[TrackSummary] = []
        self.looks = 0

    def settled(self, frames: Iterable[Frame], *, animated: bool) -> Iterator[Settled]:
        """Every frame with all that is to be covered in it. Raises DetectorError."""
        if animated:
            yield from self._together(frames)
            return
        for frame in frames:
            self.cover = Cover(self._policy)  # nothing is held from one page to the next
            yield from self._together([frame])

    def _together(self, frames: Iterable[Frame]) -> Iterator[Settled]:
        frames = iter(frames)
        first = next(frames)
        search = Search(self._detector, self._policy, first.width, first.height)
        looking, timeline = Looking(search, self._policy), Timeline(self._policy, search.starts)
        with settle(_from(first, frames), looking, timeline) as settled:
            yield from settled
        self.looks += looking.looks
        self.counts.update(timeline.counts)
        before = len(self.tracks)
        for track in timeline.tracks:
            track.number += before
        self.tracks += timeline.tracks


def _from(first: Frame, others: Iterator[Frame]) -> Iterator[Frame]:
    yield first
    yield from others
