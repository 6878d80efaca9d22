"""What a second detector sees in the output, and which of it is somebody and not a covered shape.

A covered body still looks like a body, so a detection counts only where its pixels are clear. How that is known:
by the regions, by comparing with the input, or, without either, by the picture's own detail: covers have none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from redact.detections import KINDS, Detections, Detector
from redact.frames import Frame
from redact.geometry import as_boxes, iou, overlap
from redact.policy import Policy
from redact.polygons import Inside
from redact.verify.again import Again
from redact.verify.channels import channels
from redact.verify.detail import Mask, fine, fine_size
from redact.verify.moments import Map, Sign, map_of
from redact.verify.verdict import ALARM

LISTED = 0.5  # bent score from which a sight is listed: the detector itself would start a track there
CLEAR_PART = 0.5  # share of a box that must be clear; a body half behind a covered one is covered by half
OWN_DETAIL = (
    1.2  # levels, median over a box: of a covered shape less than 0.8 was measured, of a clear face 1.5 or more
)
_FEW = 5.0  # pixels of a cell, below which the edges of cells are everywhere and own detail tells nothing
_HEAD = (0.2, 0.0, 0.8, 0.25)  # of a standing person's box: where a face would be
_SAME = 0.3  # IoU of the same person seen in input and output, of whom covers may hide a part
_HINT = 0.4  # bent score of a face that, on a clear person, is a face


class Sights:
    """Looks at frames of one output, in order. looks: pictures that the detector was shown so far.

    soft: what it saw where nothing but the picture's own lack of detail says that it is covered.
    """

    def __init__(self, detector: Detector, policy: Policy, every: int) -> None:
        self._detector = detector
        self._policy = policy
        self._every = every
        self.soft = 0
        self._again: dict[tuple[int, int], Again] = {}
        self._inside: dict[tuple[int, int], Inside] = {}

    @property
    def looks(self) -> int:
        return sum(again.looks for again in self._again.values())

    def look(self, frame: Frame) -> Detections | None:
        """What is to be seen in one frame, anywhere; None where this frame is not looked at. Raises DetectorError."""
        return self.look_at(frame) if frame.index % self._every == 0 else None

    def signs(
        self,
        frame: Frame,
        found: Detections | None,
        covered: Mask | None,
        known: list[Sign],
        before: Callable[[], Detections] | None = None,
    ) -> tuple[list[Sign], Map]:
        """(signs, map of what is covered) of one frame. found: what ``look`` saw. covered: pixels, where known.

        known: signs that comparing found; what the detector sees in the same place is no second sign. before: looks
        at the input's frame, where it is there; asked only when something is to be alarmed about.
        """
        clear = [sign for sign in known if sign.reason is None]
        map = map_of(np.zeros((frame.height, frame.width), bool) if covered is None else covered)
        for sign in clear:  # it should be covered, and is not
            _erase(map, sign, frame)
        if found is None:
            return known, map
        parts = self._clear_parts(frame, found, covered)
        if covered is None:
            blobs = found.boxes[parts == 0]
            self.soft += int(((found.scores >= LISTED) & (parts == 0)).sum())
            for x1, y1, x2, y2 in blobs * (map.shape[1] / frame.width):
                map[max(int(y1), 0) : int(y2) + 1, max(int(x1), 0) : int(x2) + 1] = True
        seen = self._clear(frame, found, parts, known)
        if before is not None and covered is not None and any(sign.score >= ALARM for sign in seen):
            seen = self._doubted(frame, seen, before(), covered)
        return [*known, *seen], map

    def look_at(self, frame: Frame) -> Detections:
        """What is to be seen in any frame, of output or input. Raises DetectorError."""
        size = frame.width, frame.height
        if size not in self._again:
            self._again[size] = Again(self._detector, self._policy, *size)
            self._inside[size] = Inside(self._policy.never, *size)
        found = self._again[size](frame)
        if self._policy.never and len(found):
            found = found[~self._inside[size](found.boxes)]
        return found

    def _clear(self, frame: Frame, found: Detections, parts: np.ndarray, known: list[Sign]) -> list[Sign]:
        taken = as_boxes([sign.box for sign in known])
        signs = []
        for row in np.flatnonzero((found.scores >= LISTED) & (parts >= CLEAR_PART)):
            kind, score = KINDS[found.kinds[row]], float(found.scores[row])
            x1, y1, x2, y2 = (float(edge) for edge in found.boxes[row])
            box = (max(x1, 0.0), max(y1, 0.0), min(x2, float(frame.width)), min(y2, float(frame.height)))
            if len(taken) and overlap(as_boxes([box]), taken).max() > 0.5 * (box[2] - box[0]) * (box[3] - box[1]):
                continue
            if kind in self._policy.find or (kind == "face" and "person" in self._policy.find):
                signs.append(Sign(frame.index, frame.time, kind, box, min(score, 1.0)))
                continue
            hint = _face_within(found, box, parts)
            if hint is not None:
                words = "a person whose face is clear, and not surely seen"
                signs.append(
                    Sign(
                        frame.index,
                        frame.time,
                        "face",
                        hint,
                        score * 0.8,
                        "person without a face region",
                        words,
                    )
                )
            else:
                words = "a person without a covered face; perhaps seen from behind"
                low = min(score * 0.6, ALARM - 0.01)
                signs.append(Sign(frame.index, frame.time, kind, box, low, "person without a face region", words))
        return signs

    def _doubted(self, frame: Frame, seen: list[Sign], before: Detections, covered: Mask) -> list[Sign]:
        """The signs; those of shapes that covers make up are listed, and no alarm.

        Somebody who is clear in the output is seen in the input, too, about as large, and beside what was covered.
        """
        sure = before[before.scores >= LISTED]
        clear = sure.boxes[self._clear_parts(frame, sure, covered) >= CLEAR_PART]
        words = "seen about a cover, and not in the input"
        return [
            sign
            if sign.score < ALARM or (iou(as_boxes([sign.box]), clear) >= _SAME).any()
            else replace(sign, score=ALARM - 0.01, detail=words)
            for sign in seen
        ]

    def _clear_parts(self, frame: Frame, found: Detections, covered: Mask | None) -> np.ndarray:
        """For each detection the share of its box that is clear, (N,)."""
        parts = np.zeros(len(found), np.float32)
        sums = None
        if covered is not None:
            sums = cv2.integral((~covered).astype(np.uint8))
        luma = channels(frame)[0] if covered is None else None
        for row, box in enumerate(found.boxes):
            x1, y1 = max(int(box[0]), 0), max(int(box[1]), 0)
            x2, y2 = min(int(np.ceil(box[2])), frame.width), min(int(np.ceil(box[3])), frame.height)
            if x1 >= x2 or y1 >= y2:
                continue
            if sums is not None:
                inside = sums[y2, x2] - sums[y1, x2] - sums[y2, x1] + sums[y1, x1]
                parts[row] = float(inside) / ((x2 - x1) * (y2 - y1))
            elif luma is not None:
                face = KINDS[found.kinds[row]] == "face"
                cell = (max(x2 - x1, y2 - y1) if face else min(x2 - x1, y2 - y1)) / 6
                detail = np.abs(fine(luma.levels(x1, y1, x2, y2), fine_size(cell)))
                parts[row] = 1.0 if cell < _FEW or float(np.median(detail)) >= OWN_DETAIL else 0.0
        return parts


def _face_within(
    found: Detections, person: tuple[float, float, float, float], parts: np.ndarray
) -> tuple[float, float, float, float] | None:
    """The surest clear face, seen or half seen, where a person's head is."""
    x1, y1, x2, y2 = person
    left, top = x1 + _HEAD[0] * (x2 - x1), y1 + _HEAD[1] * (y2 - y1)
    right, bottom = x1 + _HEAD[2] * (x2 - x1), y1 + _HEAD[3] * (y2 - y1)
    middle = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    inside = (middle >= (left, top)).all(1) & (middle <= (right, bottom)).all(1)
    rows = np.flatnonzero(
        inside & (found.kinds == KINDS.index("face")) & (found.scores >= _HINT) & (parts >= CLEAR_PART)
    )
    if not len(rows):
        return None
    a, b, c, d = (float(edge) for edge in found.boxes[rows[np.argmax(found.scores[rows])]])
    return a, b, c, d


def _erase(map: Map, sign: Sign, frame: Frame) -> None:
    scale = map.shape[1] / frame.width
    x1, y1, x2, y2 = (edge * scale for edge in sign.box)
    map[max(int(y1), 0) : int(np.ceil(y2)), max(int(x1), 0) : int(np.ceil(x2))] = False
