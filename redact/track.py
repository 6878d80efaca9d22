"""Detections joined into tracks over time.

Association is in two stages after ByteTrack (Zhang et al. 2022, arXiv 2110.06864): strong detections first,
then weak ones for the tracks that are left, because a weak detection where somebody was is somebody.
Only a strong detection starts a track, and a track counts from its first sighting: nothing is held back. When one
starts, weak detections that lead up to it become its sightings too: somebody walking out of the dark is faint first.
A track's number means nothing outside this recording.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from redact.detections import KINDS, Detections
from redact.geometry import Boxes, as_boxes, grow, iou

Box = tuple[float, float, float, float]

MIN_OVERLAP = 0.1  # IoU of the boxes grown by REACH under which two are not the same thing
MIN_OVERLAP_WEAK = 0.4  # the same for a weak detection, which is worth believing only where somebody is expected
REACH = 1.6  # a face may move by half its width between detections: compare boxes grown this far
STEADY = 0.5  # weight of the newest movement in a track's velocity
MAX_SPEED = 6.0  # box sides a second; faster is a wrong association (walking past close by is about 4)
COAST = 0.5  # seconds that a velocity is believed without a sighting


class Sighting(NamedTuple):
    """One detection, told whose it is. box: x1 y1 x2 y2 in frame pixels. time: seconds."""

    track: int
    kind: str
    time: float
    box: Box
    score: float


@dataclass(slots=True)
class _Track:
    number: int
    kind: int
    time: float
    box: NDArray[np.float32]
    velocity: NDArray[np.float32] = field(default_factory=lambda: np.zeros(4, np.float32))

    def at(self, time: float) -> NDArray[np.float32]:
        moved = self.box + self.velocity * np.float32(min(time - self.time, COAST))
        return np.asarray(moved, dtype=np.float32)

    def sighting(self, time: float, box: NDArray[np.float32], score: float) -> Sighting:
        x1, y1, x2, y2 = (float(edge) for edge in box)
        return Sighting(self.number, KINDS[self.kind], time, (x1, y1, x2, y2), score)

    def see(self, time: float, box: NDArray[np.float32]) -> None:
        elapsed = max(time - self.time, 1e-3)
        limit = MAX_SPEED * float(np.max(box[2:] - box[:2], initial=1.0))
        newest = np.clip((box - self.box) / elapsed, -limit, limit)
        self.velocity = (STEADY * newest + (1 - STEADY) * self.velocity).astype(np.float32)
        self.box, self.time = box, time


class Tracker:
    """Keeps the tracks of one recording.

    starts: lowest score, by kind, that starts a track. patience: seconds that an unseen track is kept for.
    memory: seconds that weak detections are remembered for, should they turn out to lead up to a track.
    """

    def __init__(self, starts: Mapping[str, float], patience: float, memory: float = 0.0) -> None:
        self._starts = np.array([starts.get(kind, 1.0) for kind in KINDS], dtype=np.float32)
        self._patience = patience
        self._memory = memory
        self._faint: deque[tuple[float, Detections]] = deque()
        self._tracks: list[_Track] = []
        self._count = 0

    def update(self, time: float, detections: Detections) -> list[Sighting]:
        """The detections that belong to tracks, old and new: those of the frame at ``time`` seconds, and before them
        those of earlier frames, within ``memory``, that turn out to lead up to a track that starts now."""
        self._tracks = [track for track in self._tracks if time - track.time <= self._patience]
        while self._faint and time - self._faint[0][0] > self._memory:
            self._faint.popleft()
        strong = detections.scores >= self._starts[detections.kinds]
        owners = self._owners(time, detections, strong)
        sightings = []
        for row in np.flatnonzero(strong | (owners >= 0)):
            box = detections.boxes[row]
            if owners[row] >= 0:
                track = self._tracks[owners[row]]
                track.see(time, box)
            else:
                self._count += 1
                track = _Track(self._count, int(detections.kinds[row]), time, box)
                sightings += self._lead_up(track)
                self._tracks.append(track)
            sightings.append(track.sighting(time, box, float(detections.scores[row])))
        if self._memory:
            self._faint.append((time, detections[~strong & (owners < 0)]))
        return sightings

    def _owners(self, time: float, detections: Detections, strong: NDArray[np.bool_]) -> NDArray[np.intp]:
        """For each detection the index of the track that it continues, or -1; strong ones choose first."""
        predicted = as_boxes([track.at(time) for track in self._tracks])
        kinds = np.array([track.kind for track in self._tracks], dtype=np.int8)
        owners = np.full(len(detections), -1, dtype=np.intp)
        for stage, least in ((strong, MIN_OVERLAP), (~strong, MIN_OVERLAP_WEAK)):
            rows, free = np.flatnonzero(stage), np.setdiff1d(np.arange(len(kinds)), owners)
            same = detections.kinds[rows, None] == kinds[None, free]
            for row, column in _pairs(detections.boxes[rows], predicted[free], same, least):
                owners[rows[row]] = free[column]
        return owners

    def _lead_up(self, track: _Track) -> list[Sighting]:
        """The remembered weak detections that lead up to a track that has just started, oldest first."""
        sightings: list[Sighting] = []
        later = track.box[None]
        for index in range(len(self._faint) - 1, -1, -1):
            time, faint = self._faint[index]
            pairs = _pairs(faint.boxes, later, (faint.kinds == track.kind)[:, None], MIN_OVERLAP_WEAK)
            if not pairs:
                continue
            row = pairs[0][0]
            later = faint.boxes[row][None]
            sightings.insert(0, track.sighting(time, faint.boxes[row], float(faint.scores[row])))
            self._faint[index] = (time, faint[np.arange(len(faint)) != row])
        return sightings

    def end(self) -> None:
        """End every track: what comes next is another scene."""
        self._tracks.clear()
        self._faint.clear()

    @property
    def busy(self) -> bool:
        """Whether any track is alive."""
        return bool(self._tracks)


def _pairs(boxes: Boxes, predicted: Boxes, same: NDArray[np.bool_], least: float) -> list[tuple[int, int]]:
    """Best pairs first, each row and column used once, overlapping by ``least``; ``same`` (N, M): which may pair."""
    alike = np.where(same, iou(grow(boxes, REACH), grow(predicted, REACH)), 0)
    pairs: list[tuple[int, int]] = []
    while alike.size and alike.max() >= least:
        row, column = np.unravel_index(np.argmax(alike), alike.shape)
        pairs.append((int(row), int(column)))
        alike[row, :] = 0
        alike[:, column] = 0
    return pairs
