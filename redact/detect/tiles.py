"""One look for faces and people over a whole frame: at which scales, in which tiles, and how the answers join.

The frame is seen first at the scale at which the smallest face wanted arrives at the smallest size that the
detector finds reliably. Where that picture is too large for one pass it is cut into overlapping tiles. Detectors of
small faces miss a face that fills the picture, and no tile holds a person larger than itself, so the frame is
seen again at a quarter of the scale, until one pass holds all of it and no face in it can be too large.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from redact.detect.traits import Traits, traits_of
from redact.detect.union import members
from redact.detections import KINDS, Detections, Detector
from redact.errors import ConfigError, DetectorError, RedactError
from redact.frames import Frame
from redact.geometry import area, overlap
from redact.policy import Policy

REDUCTION = 4  # each look at the frame is this many times smaller than the one before
_MOST_UPSCALING = 2.0  # beyond it a picture gains pixels and no information
_SMALL = 640  # longest side in pixels up to which a frame is not shrunk: that costs little and shows more
_BODY = 3  # a person is found reliably from three times the height of the smallest face on (benchmarks)
_SEAM = 1.25  # reserve on the overlap of tiles, for boxes drawn a little large
_EDGE = 2.0  # pixels; a box that ends this near to a tile's inner edge was cut by it
_SAME = 0.45  # IoU above which two boxes of a kind are one thing
_PART = 0.6  # share of a cut box that a whole one must cover to stand for it

Tile = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Look:
    """The frame scaled to width x height pixels, and the tiles (x1, y1, x2, y2) of it that are searched.

    seam: side in its pixels up to which every box lies wholly within a tile, wherever it is.
    """

    width: int
    height: int
    tiles: tuple[Tile, ...]
    seam: int


def plan(width: int, height: int, min_face: float, traits: Traits, *, people: bool = True) -> tuple[Look, ...]:
    """The looks at a frame of width x height pixels that find faces of ``min_face`` pixels and more, finest first.

    people: whether persons are looked for too; their boxes are larger, so tiles overlap more.
    """
    scale = min(traits.smallest_face / min_face, _MOST_UPSCALING)
    scale = max(scale, min(1.0, _SMALL / max(width, height)))
    need = math.ceil(REDUCTION * _SEAM * traits.smallest_face * (_BODY if people else 1))
    seam = min(need, traits.largest_input // 2)
    # a multiple shrinks exactly, and six times as fast
    wide, tall = (max(1, round(side * scale / REDUCTION)) * REDUCTION for side in (width, height))
    looks = []
    while True:
        tiles = tuple(_tiles(wide, tall, traits.largest_input, seam))
        looks.append(Look(wide, tall, tiles, seam if len(tiles) > 1 else max(wide, tall)))
        if len(tiles) == 1 and min(wide, tall) <= traits.largest_face:
            return tuple(looks)
        wide, tall = -(-wide // REDUCTION), -(-tall // REDUCTION)


def _tiles(width: int, height: int, largest: int, seam: int) -> Iterator[Tile]:
    for top, bottom in _spans(height, largest, seam):
        for left, right in _spans(width, largest, seam):
            yield left, top, right, bottom


def _spans(length: int, largest: int, seam: int) -> Iterator[tuple[int, int]]:
    """Equal spans of at most ``largest`` that cover 0..length, neighbours sharing ``seam`` or more."""
    if length <= largest:
        yield 0, length
        return
    count = -(-(length - seam) // (largest - seam))
    size = -(-(length + (count - 1) * seam) // count)
    for index in range(count):
        start = index * (length - size) // (count - 1)
        yield start, start + size


class Search:
    """One detection pass over a frame: every look of every joined detector, as one answer.

    starts: kind → lowest score that starts a track. extends: kind → lowest score that may prolong one; nothing
    under it is answered. Raises ConfigError where the detector cannot find what the policy wants covered.
    """

    def __init__(self, detector: Detector, policy: Policy, width: int, height: int) -> None:
        missing = [kind for kind in policy.find if kind not in detector.kinds]
        if missing:
            raise ConfigError(
                f"detector {detector.name} does not find: {', '.join(missing)}",
                hint=f"--find {','.join(detector.kinds)}, or join one that does: --detector {detector.name}+NAME",
            )
        traits = traits_of(detector, detector.kinds)
        self.starts = {kind: policy.threshold or traits.start[kind] for kind in policy.find}
        self.extends = {kind: self.starts[kind] * traits.extend[kind] / traits.start[kind] for kind in policy.find}
        self._parts: list[tuple[Detector, tuple[Look, ...]]] = []
        for part in members(detector):
            kinds = [kind for kind in policy.find if kind in part.kinds]
            if kinds:
                looks = plan(width, height, policy.min_face, traits_of(part, part.kinds), people="person" in kinds)
                self._parts.append((part, looks))
                lower = getattr(part, "lower", None)
                if lower is not None:
                    lower(min(self.extends[kind] for kind in kinds))
        self._lowest = np.array([self.extends.get(kind, np.inf) for kind in KINDS], dtype=np.float32)

    def __call__(self, frame: Frame) -> Detections:
        """Detections of the policy's kinds in frame pixels, one a thing. Raises DetectorError for nonsense."""
        parts, cuts = [], []
        for detector, looks in self._parts:
            for found, cut in _looked(frame, detector, looks):
                wanted = found.scores >= self._lowest[found.kinds]
                parts.append(found[wanted])
                cuts.append(cut[wanted])
        return _joined(Detections.join(parts), np.concatenate(cuts))

    def describe(self) -> str:
        """The looks at a frame, in words."""
        sizes = [
            f"{look.width}x{look.height}" + (f" in {len(look.tiles)} tiles" if len(look.tiles) > 1 else "")
            for _, looks in self._parts
            for look in looks
        ]
        return " and ".join(sizes)


def _looked(
    frame: Frame, detector: Detector, looks: tuple[Look, ...]
) -> Iterator[tuple[Detections, NDArray[np.bool_]]]:
    """What the detector finds in every tile of every look, in frame pixels, and which boxes a tile's edge cut."""
    picture: NDArray[np.uint8] | None = None
    for look in looks:
        picture = frame.rgb(look.width, look.height) if picture is None else _shrunk(picture, look.width, look.height)
        scale_x, scale_y = frame.width / look.width, frame.height / look.height
        for tile in look.tiles:
            left, top, right, bottom = tile
            found = _asked(detector, picture[top:bottom, left:right])
            cut = _cut(found, tile, look)
            yield found.moved(scale_x, scale_y, left * scale_x, top * scale_y), cut


def _asked(detector: Detector, rgb: NDArray[np.uint8]) -> Detections:
    try:
        return detector.detect(rgb).checked(rgb.shape[1], rgb.shape[0])
    except RedactError:
        raise
    except Exception as error:  # a detector may be anybody's; whatever it raises, nothing may be shown
        words = " ".join(str(error).split())[:200] or type(error).__name__
        raise DetectorError(f"detector {detector.name} failed: {words}") from error


def _shrunk(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """The picture averaged down; by halves while it can be, which OpenCV does six times as fast."""
    import cv2

    while (picture.shape[1], picture.shape[0]) != (width, height):
        half = (picture.shape[1] // 2, picture.shape[0] // 2)
        size = (
            half
            if (half[0] * 2, half[1] * 2) == picture.shape[1::-1] and half >= (width, height)
            else (width, height)
        )
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return picture


def _cut(found: Detections, tile: Tile, look: Look) -> NDArray[np.bool_]:
    """Which boxes end at an edge of the tile that is not an edge of the frame; ``found`` in pixels of the tile."""
    left, top, right, bottom = tile
    low = found.boxes[:, :2] <= _EDGE
    high = found.boxes[:, 2:] >= np.array([right - left, bottom - top], dtype=np.float32) - _EDGE
    inner = np.array([left > 0, top > 0]), np.array([right < look.width, bottom < look.height])
    return np.asarray(((low & inner[0]) | (high & inner[1])).any(axis=1))


def _joined(found: Detections, cut: NDArray[np.bool_]) -> Detections:
    """One box a thing, and the cut boxes that no whole one of their kind stands for: each piece is to be covered."""
    whole, pieces = found[~cut].merged(_SAME), found[cut]
    shared = overlap(pieces.boxes, whole.boxes) / np.maximum(area(pieces.boxes), np.float32(1e-9))[:, None]
    same = pieces.kinds[:, None] == whole.kinds[None, :]
    return Detections.join([whole, pieces[~((shared >= _PART) & same).any(axis=1)]])
