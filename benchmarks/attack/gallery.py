"""Who is looked for: of each person the first half of the pictures is known, the second half is asked about."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.coverings import TRACKS, Covering
from benchmarks.attack.odds import Odds, odds
from benchmarks.attack.people import Luma, Portrait
from benchmarks.attack.recogniser import Recogniser, Vectors
from benchmarks.attack.scene import Box, Shot, moving, takes
from benchmarks.attack.trained import Rows, Scores, discriminant

CLIPS = 5  # clips of each person in each half, of as many pictures
Methods = dict[str, Scores]


class Gallery:
    """The portraits as stills and clips, and the clear faces that are known.

    person: (portraits,). known: whether a portrait is. Stills come portrait by portrait, ``owner`` and ``learnt`` say
    the same of them.
    """

    def __init__(self, portraits: Sequence[Portrait], boxes: Sequence[Box], recogniser: Recogniser) -> None:
        self.portraits, self.boxes, self.recogniser = portraits, boxes, recogniser
        self.person = np.array([portrait.person for portrait in portraits], dtype=np.int64)
        self.order = np.arange(len(portraits)) - np.searchsorted(self.person, self.person)
        self.half = int((self.person == 0).sum()) // 2
        self.known = self.order < self.half
        self.stills = [takes(portrait, box) for portrait, box in zip(portraits, boxes, strict=True)]
        count = len(self.stills[0])
        self.owner, self.learnt = np.repeat(self.person, count), np.repeat(self.known, count)
        self.first = np.arange(len(self.owner)) % count == 0
        self.clear = [shot.cut(shot.canvas) for shots in self.stills for shot in shots]
        self._tracks = np.random.default_rng(3).integers(1, TRACKS, len(portraits))
        self.templates = self._templates()

    def _templates(self) -> Vectors:
        """The mean vector of each person's known clear pictures: (people, dimensions)."""
        chosen = np.flatnonzero(self.learnt)
        vectors = self.recogniser([self.clear[index] for index in chosen])
        owner = self.owner[chosen]
        return np.stack([vectors[owner == person].mean(axis=0) for person in np.unique(owner)])

    def covered(self, covering: Covering, *, hidden_only: bool) -> list[Luma]:
        """All stills, covered, as cut-outs; each is a recording of its own: an attacker gathers many."""
        return [
            shot.cut(picture)
            for number, shots in enumerate(self.stills)
            for shot in shots
            for picture in covering.covered([shot], self.track(number), hidden_only=hidden_only)
        ]

    def clips(self) -> list[tuple[int, list[Shot]]]:
        """Portrait and its moving shots, of a few portraits of each person and half."""
        chosen = np.flatnonzero((self.order % self.half) < CLIPS)
        return [(int(number), moving(self.portraits[number], self.boxes[number])) for number in chosen]

    def track(self, number: int) -> int:
        """The track's number of a portrait, as good as any."""
        return int(self._tracks[number])

    def matched(self, probes: list[Luma]) -> Scores:
        """Cut-outs against the known clear faces by the recogniser."""
        return np.asarray(self.recogniser(probes) @ self.templates.T, dtype=np.float64)

    def learned(self, rows: Rows, *, on: Rows | None = None, how: Callable[..., Scores] = discriminant) -> Scores:
        """Rows of stills in question by an attacker trained on the known: on rows of the same kind, or on others."""
        train = rows if on is None else on
        return how(train[self.learnt], self.owner[self.learnt], rows[self.asked])

    @property
    def asked(self) -> NDArray[np.bool_]:
        """Which stills are in question: one of each portrait that is not known."""
        return np.asarray(self.first & ~self.learnt)

    def odds(self, found: Methods) -> list[Odds]:
        """Of methods that answered about ``asked``."""
        return [odds(name, scores, self.owner[self.asked], methods=len(found)) for name, scores in found.items()]
