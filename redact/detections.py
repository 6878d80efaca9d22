"""What a detector answers: arrays that belong together, one row a detection."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from redact.errors import DetectorError
from redact.geometry import Boxes, as_boxes, nms

KINDS: tuple[str, ...] = ("face", "person", "plate")
"""The kinds of thing that can be covered; ``Detections.kinds`` holds indices into this tuple."""

_FARTHEST = 4.0  # a box that reaches this many frame sides away from the frame is a fault, not a face


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Detections in one picture.

    boxes: float32 (N, 4), x1 y1 x2 y2 in pixels of that picture. scores: float32 (N,), 0..1.
    kinds: int8 (N,), indices into ``KINDS``. Indexing with a boolean or integer array selects rows.
    """

    boxes: Boxes
    scores: NDArray[np.float32]
    kinds: NDArray[np.int8]

    @classmethod
    def none(cls) -> Detections:
        """No detections."""
        return cls(as_boxes([]), np.zeros(0, np.float32), np.zeros(0, np.int8))

    @classmethod
    def of(cls, boxes: object, scores: object, kinds: Iterable[str] | str) -> Detections:
        """From nested sequences; ``kinds`` one name for all rows or a name a row."""
        rows = as_boxes(boxes)
        names = [kinds] * len(rows) if isinstance(kinds, str) else list(kinds)
        codes = np.array([KINDS.index(name) for name in names], dtype=np.int8)
        return cls(rows, np.asarray(scores, dtype=np.float32).reshape(-1), codes)

    @classmethod
    def join(cls, parts: Iterable[Detections]) -> Detections:
        """All rows of all parts, in order."""
        rows = list(parts)
        if not rows:
            return cls.none()
        return cls(
            np.concatenate([part.boxes for part in rows]),
            np.concatenate([part.scores for part in rows]),
            np.concatenate([part.kinds for part in rows]),
        )

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.intp] | slice) -> Detections:
        return Detections(self.boxes[rows], self.scores[rows], self.kinds[rows])

    def only(self, kinds: Iterable[str]) -> Detections:
        """The rows of the named kinds."""
        return self[np.isin(self.kinds, [KINDS.index(kind) for kind in kinds])]

    def moved(self, scale_x: float, scale_y: float, left: float = 0.0, top: float = 0.0) -> Detections:
        """Rows mapped to another picture: coordinates times the scales, then shifted."""
        scale = np.array([scale_x, scale_y, scale_x, scale_y], dtype=np.float32)
        shift = np.array([left, top, left, top], dtype=np.float32)
        return Detections((self.boxes * scale + shift).astype(np.float32), self.scores, self.kinds)

    def merged(self, threshold: float) -> Detections:
        """Rows left by non-maximum suppression within each kind, best score first."""
        rows = [
            np.flatnonzero(self.kinds == kind)[
                nms(self.boxes[self.kinds == kind], self.scores[self.kinds == kind], threshold)
            ]
            for kind in np.unique(self.kinds)
        ]
        return self[np.concatenate(rows)] if rows else self

    def checked(self, width: int, height: int) -> Detections:
        """These detections if they can be true of a picture of this size in pixels.

        Raises DetectorError for shapes that do not belong together, NaN, infinity, scores outside 0..1,
        unknown kinds, boxes inside out and boxes far outside the picture: nonsense is a fault, never "nobody".
        """
        count = len(self.boxes)
        if self.boxes.shape != (count, 4) or self.scores.shape != (count,) or self.kinds.shape != (count,):
            raise DetectorError(
                f"the detector answered arrays of shapes {self.boxes.shape}, {self.scores.shape}, {self.kinds.shape}"
            )
        if not count:
            return self
        if not (np.isfinite(self.boxes).all() and np.isfinite(self.scores).all()):
            raise DetectorError("the detector answered boxes or scores that are not numbers")
        if self.scores.min() < 0 or self.scores.max() > 1.001:
            raise DetectorError("the detector answered scores outside 0..1")
        if self.kinds.min() < 0 or self.kinds.max() >= len(KINDS):
            raise DetectorError("the detector answered a kind that does not exist")
        if (self.boxes[:, 2:] < self.boxes[:, :2]).any():
            raise DetectorError("the detector answered boxes that are inside out")
        reach = _FARTHEST * max(width, height)
        if np.abs(self.boxes).max() > reach + max(width, height):
            raise DetectorError("the detector answered boxes far outside the picture")
        return self


class Detector(Protocol):
    """Finds faces, people or plates in one picture. Made by ``redact.load_detector`` or by anybody."""

    @property
    def name(self) -> str:
        """Short name for reports."""
        ...

    @property
    def kinds(self) -> tuple[str, ...]:
        """Which of ``KINDS`` it can find."""
        ...

    def detect(self, rgb: NDArray[np.uint8]) -> Detections:
        """Detections in ``rgb``, uint8 (height, width, 3), boxes in its pixels, all scores it has reason for."""
        ...
