"""Detections joined into tracks over time.

Association is in two stages after ByteTrack (Zhang et al. 2022, arXiv 2110.06864): strong detections first,
then weak ones for the tracks that are left, because a weak detection where somebody was is somebody.
Only a strong detection starts a track, and a track counts from its first sighting: nothing is held back.
A track's number means nothing outside this recording.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from redact.detections import KINDS, Detections
from redact.geometry import Boxes, as_boxes, grow, iou

Box = tuple[float, float, float, float]

MIN_OVERLAP = 0.05  # IoU of the boxes grown by REACH under which two are not the same thing
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

    def see(self, time: float, box: NDArray[np.float32]) -> None:
        elapsed = max(time - self.time, 1e-3)
        limit = MAX_SPEED * float(np.max(box[2:] - box[:2], initial=1.0))
        newest = np.clip((box - self.box) / elapsed, -limit, limit)
        self.velocity = (STEADY * newest + (1 - STEADY) * self.velocity).astype(np.float32)
        self.box, self.time = box, time


class Tracker:
    """Keeps the tracks of one recording.

    starts: lowest score, by kind, that starts a track. patience: seconds that an unseen track is kept for.
    """

    def __init__(self, starts: Mapping[str, float], patience: float) -> None:
        self._starts = np.array([starts.get(kind, 1.0) for kind in KINDS], dtype=np.float32)
        self._patience = patience
        self._tracks: list[_Track] = []
        self._count = 0

    def update(self, time: float, detections: Detections) -> list[Sighting]:
        """The detections of the frame at ``time`` seconds that belong to tracks, old and new."""
        self._tracks = [track for track in self._tracks if time - track.time <= self._patience]
        predicted = as_boxes([track.at(time) for track in self._tracks])
        kinds = np.array([track.kind for track in self._tracks], dtype=np.int8)
        strong = detections.scores >= self._starts[detections.kinds]
        owners = np.full(len(detections), -1)
        for stage in (strong, ~strong):
            rows, free = np.flatnonzero(stage), np.setdiff1d(np.arange(len(kinds)), owners)
            same = detections.kinds[rows, None] == kinds[None, free]
            for row, column in _pairs(detections.boxes[rows], predicted[free], same):
                owners[rows[row]] = free[column]
        sightings = []
        for row, owner in enumerate(owners):
            box = detections.boxes[row]
            if owner >= 0:
                track = self._tracks[owner]
                track.see(time, box)
            elif strong[row]:
                self._count += 1
                track = _Track(self._count, int(detections.kinds[row]), time, box)
                self._tracks.append(track)
            else:
                continue
            x1, y1, x2, y2 = (float(edge) for edge in box)
            sightings.append(
                Sighting(track.number, KINDS[track.kind], time, (x1, y1, x2, y2), float(detections.scores[row]))
            )
        return sightings

    def end(self) -> None:
        """End every track: what comes next is another scene."""
        self._tracks.clear()

    @property
    def busy(self) -> bool:
        """Whether any track is alive."""
        return bool(self._tracks)


def _pairs(boxes: Boxes, predicted: Boxes, same: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Best pairs first, each row and each column used once; ``same`` (N, M) says which may pair."""
    alike = np.where(same, iou(grow(boxes, REACH), grow(predicted, REACH)), 0)
    pairs: list[tuple[int, int]] = []
    while alike.size and alike.max() >= MIN_OVERLAP:
        row, column = np.unravel_index(np.argmax(alike), alike.shape)
        pairs.append((int(row), int(column)))
        alike[row, :] = 0
        alike[:, column] = 0
    return pairs
