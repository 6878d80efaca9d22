"""Covering frames in somebody else's loop: OpenCV arrays or PyAV frames in, the same covered out, a little later."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Generic, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from redact.cover import Cover
from redact.detect import load_detector
from redact.detect.tiles import Search
from redact.detections import Detector
from redact.errors import ConfigError, DetectorError
from redact.frames import PIXEL_FORMATS, Frame
from redact.looking import Looking
from redact.policy import Policy
from redact.regions import Settled
from redact.timeline import Timeline

if TYPE_CHECKING:
    import av

Picture = TypeVar("Picture", "NDArray[np.uint8]", "av.VideoFrame")
_TICKS = Fraction(1, 1_000_000)


class Redactor(Generic[Picture]):
    """Covers one recording or stream, frame by frame.

    policy: what to cover and how; ``lookahead`` seconds of frames are held back. frame_rate: frames a second, for
    frames that carry no time of their own. detector: any ``Detector``; by default the policy's.

    ::

        redactor = redact.Redactor(redact.Policy(find=("face",)), frame_rate=30)
        for frame in camera:
            for covered in redactor.push(frame):
                show(covered)
        for covered in redactor.flush():
            show(covered)

    Raises ConfigError and ModelError when made; DetectorError from ``push`` and ``flush``, after which nothing
    more comes out.
    """

    def __init__(
        self, policy: Policy | None = None, *, frame_rate: float = 25.0, detector: Detector | None = None
    ) -> None:
        if frame_rate <= 0:
            raise ConfigError(f"frame_rate {frame_rate:g} is not a number of frames a second")
        self.policy = policy or Policy()
        self._detector = detector or load_detector(self.policy.detector, device=self.policy.device)
        self._step = Fraction(1 / frame_rate).limit_denominator(100_000)
        self._broken = False
        self._count = 0
        self._last = -1
        self._size: tuple[int, int, str] | None = None
        self._cover = Cover(self.policy)
        self._looking: Looking | None = None
        self._timeline: Timeline | None = None

    def push(self, frame: Picture, time: float | None = None) -> list[Picture]:
        """Take the next frame; give back those that are covered now, oldest first.

        frame: uint8 (height, width, 3) in B, G, R order, which is copied, or an ``av.VideoFrame`` in a pixel format
        of ``redact.frames.PIXEL_FORMATS``, which is covered in place. time: seconds, growing; by default that of
        the ``av.VideoFrame``, or counted at ``frame_rate``. Every frame has the size of the first.
        """
        taken = self._framed(frame, time)
        looking, timeline = self._steps(taken)
        settled = []
        with self._closing():
            for item in looking.push(taken):
                settled += timeline.push(item.frame, item.detections, cut=item.cut, whole=item.whole)
            return self._covered(settled)

    def flush(self) -> list[Picture]:
        """The frames still held back, covered; the next ``push`` starts another recording."""
        looking, timeline = self._looking, self._timeline
        if looking is None or timeline is None:
            return []
        with self._closing():
            settled = []
            for item in looking.flush():
                settled += timeline.push(item.frame, item.detections, cut=item.cut, whole=item.whole)
            covered = self._covered(settled + timeline.flush())
        self._looking = self._timeline = self._size = None
        self._count, self._last = 0, -1
        self._cover = Cover(self.policy)
        return covered

    def _covered(self, settled: list[Settled]) -> list[Picture]:
        # what comes out is the kind of picture that went in
        return [cast(Picture, self._cover(item).frame.picture) for item in settled]

    @contextmanager
    def _closing(self) -> Iterator[None]:
        """After a fault no frame comes out any more: what was to cover it is lost."""
        if self._broken:
            raise DetectorError("this Redactor failed before", hint="make a new one")
        self._broken = True
        yield
        self._broken = False

    def _steps(self, frame: Frame) -> tuple[Looking, Timeline]:
        if self._looking is None or self._timeline is None:
            search = Search(self._detector, self.policy, frame.width, frame.height)
            self._looking = Looking(search, self.policy)
            self._timeline = Timeline(self.policy, search.starts)
        return self._looking, self._timeline

    def _framed(self, picture: Picture, time: float | None) -> Frame:
        if isinstance(picture, np.ndarray):
            if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
                raise ConfigError(
                    f"a frame of shape {picture.shape}, {picture.dtype} cannot be covered",
                    hint="uint8 (height, width, 3) in B, G, R order, or an av.VideoFrame",
                )
            taken: NDArray[np.uint8] | av.VideoFrame = picture.copy()  # the caller's camera reuses its buffer
        else:
            taken = picture
            if time is None and picture.pts is not None and picture.time_base is not None:
                time = float(picture.pts * picture.time_base)
        if time is None:
            time = float(self._count * self._step)
        pts = max(round(time / _TICKS), self._last + 1)
        frame = Frame(taken, self._count, pts, _TICKS)
        if frame.pixel_format not in PIXEL_FORMATS:
            raise ConfigError(
                f"pixel format {frame.pixel_format} cannot be covered in place",
                hint=f"reformat to one of {', '.join(PIXEL_FORMATS)}",
            )
        shape = (frame.width, frame.height, frame.pixel_format)
        if self._size not in (None, shape):
            raise ConfigError("the frames changed their size or pixel format", hint="flush, then go on")
        self._size, self._last = shape, pts
        self._count += 1
        return frame
