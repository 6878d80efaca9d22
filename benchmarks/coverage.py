"""How much of what is labelled is covered, and how much else."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.clips import Clip
from benchmarks.truth import Label, Labels
from redact.geometry import as_boxes, grow
from redact.geometry import clip as clipped

Mask = NDArray[np.bool_]
COVERED = 0.9  # share of a labelled box from which it counts as covered
BINS = ((8, 16), (16, 32), (32, 64), (64, 10_000))  # heights in pixels
MARGIN = {"face": 1.3, "person": 1.1}  # what the default covers around a perfect box is not needless


@dataclass(frozen=True, slots=True)
class Seen:
    """One labelled box in one frame. share: of it that is covered, 0..1. time in seconds."""

    clip: str
    group: str
    index: int
    time: float
    label: Label
    share: float

    @property
    def covered(self) -> bool:
        """Whether nobody would be recognised."""
        return self.share >= COVERED

    @property
    def height(self) -> float:
        """Of the labelled box in pixels."""
        return self.label.box[3] - self.label.box[1]


@dataclass(slots=True)
class Coverage:
    """All labelled boxes of some clips under one setting. needless: for each frame, share covered beside them."""

    seen: list[Seen] = field(default_factory=list)
    needless: list[float] = field(default_factory=list)

    def add(
        self, clip: Clip, times: Sequence[float], size: tuple[int, int], labels: Labels, mask: Callable[[int], Mask]
    ) -> None:
        """Compare one clip. times: of its frames. size: width, height. mask: index → covered pixels of that frame."""
        for index, rows in labels.items():
            if index >= len(times):
                continue
            covered = mask(index)
            for label in rows:
                x1, y1, x2, y2 = _edges(label, size)
                part = covered[y1:y2, x1:x2]
                if part.size:
                    self.seen.append(Seen(clip.name, clip.group, index, times[index], label, float(part.mean())))
            if clip.complete:
                self.needless.append(float((covered & ~_wanted(rows, size)).mean()))

    def of(self, kind: str) -> list[Seen]:
        """The boxes of one kind."""
        return [seen for seen in self.seen if seen.label.kind == kind]

    def summary(self, kind: str) -> dict[str, Any]:
        """Figures of one kind. Runs in seconds, shares 0..1; None where nothing is labelled."""
        seen = self.of(kind)
        tracks = _tracks(seen)
        return {
            "boxes": len(seen),
            "covered": share(one.covered for one in seen),
            "by_height": {
                f"{low}-{high}" if high < 1000 else f"{low}+": {
                    "boxes": sum(low <= one.height < high for one in seen),
                    "covered": share(one.covered for one in seen if low <= one.height < high),
                }
                for low, high in BINS
            },
            "tracks": len(tracks),
            "never_exposed": share(all(one.covered for one in track) for track in tracks),
            "longest_exposed": round(max((_longest(track) for track in tracks), default=0.0), 2),
            "mean_exposed": round(float(np.mean([_longest(track) for track in tracks])), 3) if tracks else None,
        }

    def waste(self) -> float:
        """Mean share of a frame that is covered although nobody labelled is there."""
        return round(float(np.mean(self.needless)), 4) if self.needless else 0.0

    def worst(self, kind: str, count: int) -> list[Seen]:
        """The largest boxes that stayed open, at most one for each track."""
        bare = [one for one in self.of(kind) if not one.covered]
        picked: dict[tuple[str, int], Seen] = {}
        for one in sorted(bare, key=lambda one: -one.height * (1 - one.share)):
            picked.setdefault((one.clip, one.label.track), one)
        return list(picked.values())[:count]


def share(values: Iterable[bool]) -> float | None:
    """Share of true values, or None of none."""
    given = list(values)
    return round(sum(given) / len(given), 4) if given else None


def _edges(label: Label, size: tuple[int, int]) -> tuple[int, int, int, int]:
    box = clipped(as_boxes(label.box), *size)[0]
    x1, y1, x2, y2 = (round(float(edge)) for edge in box)
    return x1, y1, x2, y2


def _wanted(rows: Sequence[Label], size: tuple[int, int]) -> Mask:
    wanted = np.zeros((size[1], size[0]), dtype=bool)
    for label in rows:
        grown = grow(as_boxes(label.box), MARGIN[label.kind])
        x1, y1, x2, y2 = (int(edge) for edge in clipped(grown, *size)[0])
        wanted[y1 : y2 + 1, x1 : x2 + 1] = True
    return wanted


def _tracks(seen: Iterable[Seen]) -> list[list[Seen]]:
    tracks: dict[tuple[str, int], list[Seen]] = defaultdict(list)
    for one in seen:
        tracks[one.clip, one.label.track].append(one)
    return [sorted(track, key=lambda one: one.time) for track in tracks.values()]


def _longest(track: Sequence[Seen]) -> float:
    """The longest time in seconds in which a track was labelled and open."""
    steps = [after.time - before.time for before, after in itertools.pairwise(track)]
    usual = float(np.median(steps)) if steps else 0.04
    longest = run = 0.0
    for index, one in enumerate(track):
        step = min(steps[index], 2 * usual) if index < len(steps) else usual
        run = 0.0 if one.covered else run + step
        longest = max(longest, run)
    return longest
