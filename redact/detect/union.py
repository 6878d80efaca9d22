"""Several detectors as one: whatever any of them finds is found.

Scores of different detectors do not mean the same (.3 is a usual threshold for one and .5 for another), so each
is first bent, kind by kind, by the straight lines through (0, 0), (its extend, ``EXTEND``), (its start, ``START``)
and (1, 1). After that one pair of thresholds serves all, and the order within each detector is as it was.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from redact.detect.traits import Traits, traits_of
from redact.detections import KINDS, Detections, Detector

START = 0.5
EXTEND = 0.2
_KNOTS = (0.0, EXTEND, START, 1.0)
_SAME = 0.45  # IoU above which two boxes of a kind are one thing


class Normalised:
    """A detector with scores bent so that ``START`` starts a track and ``EXTEND`` may prolong one."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._traits = traits_of(detector, detector.kinds)
        self.name = detector.name
        self.kinds = detector.kinds
        self.digest = str(getattr(detector, "digest", ""))
        self.traits = self._traits.with_scores(START, EXTEND)

    def lower(self, floor: float) -> None:
        """Have the detector answer bent scores down to ``floor`` too, if it can be asked to."""
        lower = getattr(self._detector, "lower", None)
        if lower is not None:
            lower(min(np.interp(floor, _KNOTS, self._knots(kind)) for kind in self.kinds))

    def _knots(self, kind: str) -> tuple[float, ...]:
        return (0.0, self._traits.extend[kind], self._traits.start[kind], 1.0)

    def detect(self, rgb: NDArray[np.uint8]) -> Detections:
        """As the detector's own, scores bent."""
        found = self._detector.detect(rgb)
        scores = found.scores.astype(np.float32)
        for kind in self.kinds:
            rows = found.kinds == KINDS.index(kind)
            # beyond 0..1 and NaN stay as they are: they are faults, and to be seen as such
            real = rows & (scores >= 0) & (scores <= 1)
            scores[real] = np.interp(scores[real], self._knots(kind), _KNOTS)
        return Detections(found.boxes, scores, found.kinds)


class Union:
    """Detectors joined: per kind, all that any of them finds, one box a thing.

    ``Search`` looks with each of ``members`` at the scale that suits it.
    """

    def __init__(self, detectors: list[Detector]) -> None:
        self.members = tuple(Normalised(detector) for detector in detectors)
        self.name = "+".join(member.name for member in self.members)
        found = {kind for member in self.members for kind in member.kinds}
        self.kinds = tuple(kind for kind in KINDS if kind in found)
        self.traits = Traits(dict.fromkeys(self.kinds, START), dict.fromkeys(self.kinds, EXTEND))

    def detect(self, rgb: NDArray[np.uint8]) -> Detections:
        """All detections of all members in ``rgb``, uint8 (height, width, 3). Raises DetectorError if one fails."""
        return Detections.join(member.detect(rgb) for member in self.members).merged(_SAME)


def members(detector: Detector) -> tuple[Detector, ...]:
    """The detectors that one is made of: itself, unless it is a union."""
    return detector.members if isinstance(detector, Union) else (detector,)


def models_of(detector: Detector) -> tuple[tuple[str, str], ...]:
    """(name, SHA-256 of its weights) of each detector that one is made of; "" for one that is no file."""
    return tuple((member.name, str(getattr(member, "digest", ""))) for member in members(detector))
