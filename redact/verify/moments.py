"""Signs of people in single frames, joined into moments: when, where, how sure, and why they were left.

Why is told by time: what was covered here before and after and not now is a track gap; only before or only after, an
exit or an entry; neither, somebody who was missed. So each sign waits for ``AROUND`` seconds of what follows it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.frames import Frame
from redact.geometry import as_boxes, grow, iou
from redact.verify.verdict import MOST_MOMENTS, Moment, Reason

AROUND = 1.0  # seconds: as far as the policy's default reaches back and holds
GRID = 96  # cells across the longer side of the map of what is covered
MOST_PICTURES = 60  # that are kept for a contact sheet
_THUMB = 960  # longest side in pixels of a kept frame
_CROP = 240  # sides in pixels of a picture on the sheet
_APART = 0.5  # seconds between signs of one moment
_NEAR = 0.1  # IoU of boxes, grown by half, of one moment
_COVERED = 0.4  # share of a box that was covered, for somebody to have been covered there

Picture = NDArray[np.uint8]
Map = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Sign:
    """Somebody may be visible in one frame. reason: None where time will tell.

    before: whether the same track was covered earlier, or None where nobody knows; then the place tells.
    """

    index: int
    time: float
    kind: str
    box: tuple[float, float, float, float]
    score: float
    reason: Reason | None = None
    detail: str = ""
    before: bool | None = None


@dataclass(slots=True, eq=False)
class _Seen:
    index: int
    time: float
    covered: Map
    small: Picture
    scale: float


@dataclass(slots=True, eq=False)
class _Open:
    """A moment that may go on."""

    kind: str
    reason: Reason
    first: float
    last: float
    best: Sign
    latest: Sign
    frames: int = 1
    crop: Picture | None = None


@dataclass(slots=True)
class Moments:
    """Takes the signs of every frame, in order. moves: frames follow each other in time.

    found: the moments that ended, with pictures of the output for the best of them; complete after ``flush``.
    """

    moves: bool = True
    total: int = 0
    _found: list[tuple[Moment, Picture | None]] = field(default_factory=list)
    _open: list[_Open] = field(default_factory=list)
    _around: deque[_Seen] = field(default_factory=deque)
    _waiting: deque[Sign] = field(default_factory=deque)

    def add(self, frame: Frame, covered: Map, signs: list[Sign]) -> None:
        """The next frame of the output. covered: map of what is covered in it. signs: of it or of one before."""
        scale = min(1.0, _THUMB / max(frame.width, frame.height))
        size = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
        small = np.ascontiguousarray(frame.rgb(*size))
        self._around.append(_Seen(frame.index, frame.time, covered, small, scale))
        self._waiting.extend(signs)
        while self._waiting and (not self.moves or frame.time - self._waiting[0].time >= AROUND):
            self._take(self._waiting.popleft())
        oldest = min((sign.time for sign in self._waiting), default=frame.time) - AROUND
        while self._around[0].time < oldest or (not self.moves and len(self._around) > 1):
            self._around.popleft()
        self._end(frame.time)

    def flush(self) -> None:
        """Nothing more is coming."""
        while self._waiting:
            self._take(self._waiting.popleft())
        self._end(float("inf"))

    def ranked(self) -> list[tuple[Moment, Picture | None]]:
        """Moments, surest first, and what the output shows there."""
        return sorted(self._found, key=lambda item: (-item[0].score, item[0].time))[:MOST_MOMENTS]

    def _take(self, sign: Sign) -> None:
        reason = sign.reason or self._why(sign)
        for item in self._open:
            if item.kind == sign.kind and item.reason == reason and self._same(item.latest, sign):
                item.frames += sign.time != item.latest.time
                item.last, item.latest = max(item.last, sign.time), sign
                if sign.score > item.best.score:
                    item.best, item.crop = sign, self._crop(sign)
                return
        self._open.append(_Open(sign.kind, reason, sign.time, sign.time, sign, sign, crop=self._crop(sign)))

    def _same(self, one: Sign, other: Sign) -> bool:
        if (self.moves and other.time - one.time > _APART) or (not self.moves and one.index != other.index):
            return False
        return bool(iou(grow(as_boxes([one.box]), 1.5), grow(as_boxes([other.box]), 1.5))[0, 0] > _NEAR)

    def _why(self, sign: Sign) -> Reason:
        if not self.moves:
            return "missed"
        before = sign.before
        if before is None:
            before = any(seen.time < sign.time and _covered(seen, sign) for seen in self._around)
        after = any(seen.time > sign.time and _covered(seen, sign) for seen in self._around)
        return "track gap" if before and after else "entry or exit" if before or after else "missed"

    def _crop(self, sign: Sign) -> Picture | None:
        seen = next((seen for seen in self._around if seen.index == sign.index), None)
        if seen is None:
            return None
        x1, y1, x2, y2 = (edge * seen.scale for edge in sign.box)
        half = max(x2 - x1, y2 - y1, 24.0)  # twice the box, so that one sees where it is
        left, top = int((x1 + x2) / 2 - half), int((y1 + y2) / 2 - half)
        side = int(2 * half)
        padded = np.zeros((side, side, 3), np.uint8)
        height, width = seen.small.shape[:2]
        a, b, c, d = max(left, 0), max(top, 0), min(left + side, width), min(top + side, height)
        if a < c and b < d:
            padded[b - top : d - top, a - left : c - left] = seen.small[b:d, a:c]
        crop = cv2.resize(padded, (_CROP, _CROP), interpolation=cv2.INTER_LINEAR)
        zoom = _CROP / side
        corners = [(round((x - left) * zoom), round((y - top) * zoom)) for x, y in ((x1, y1), (x2, y2))]
        cv2.rectangle(crop, corners[0], corners[1], (255, 210, 0), 1)
        return np.asarray(crop, dtype=np.uint8)

    def _end(self, now: float) -> None:
        pending = self._waiting[0].time if self._waiting else now
        ended = [item for item in self._open if min(now, pending) - item.last > _APART or not self.moves]
        for item in ended:
            self._open.remove(item)
            best = item.best
            moment = Moment(
                best.time, best.index, item.first, item.last, item.frames, item.kind, best.box, best.score,
                item.reason, best.detail,
            )  # fmt: skip
            self.total += 1
            self._found.append((moment, item.crop))
        if ended and len(self._found) > 2 * MOST_MOMENTS:
            self._found = self.ranked()
        if ended and sum(crop is not None for _, crop in self._found) > 2 * MOST_PICTURES:
            ranked = self.ranked()
            self._found = [(m, crop if place < MOST_PICTURES else None) for place, (m, crop) in enumerate(ranked)]


def map_of(mask: Map) -> Map:
    """A mask of any size as a map of ``GRID`` cells: covered where most of a cell is."""
    height, width = mask.shape
    scale = GRID / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.5)


def _covered(seen: _Seen, sign: Sign) -> bool:
    width = seen.covered.shape[1]
    scale = width / (seen.small.shape[1] / seen.scale)
    x1, y1, x2, y2 = (edge * scale for edge in sign.box)
    left, top = max(int(x1), 0), max(int(y1), 0)
    part = seen.covered[top : max(int(np.ceil(y2)), top + 1), left : max(int(np.ceil(x2)), left + 1)]
    return bool(part.size) and float(part.mean()) >= _COVERED
