"""How well an attack does: rank-1 and verification, each with the interval that chance would have to lie in."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.trained import Scores

CONFIDENCE = 0.99  # of each interval, shared out among the methods of an attack
RESAMPLED = 400


@dataclass(frozen=True, slots=True)
class Odds:
    """One method. rank1: share of probes whose likeliest person is the right one. auc: of same against different.

    low, high: exact binomial interval of rank1. auc_low, auc_high: bootstrap over people.
    """

    method: str
    probes: int
    chance: float
    rank1: float
    low: float
    high: float
    auc: float
    auc_low: float
    auc_high: float

    @property
    def broken(self) -> bool:
        """Whether people are told apart better than by chance."""
        return self.low > self.chance or self.auc_low > 0.5

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(self).items()
        } | {"broken": self.broken}


def odds(method: str, scores: Scores, people: NDArray[np.int64], *, methods: int) -> Odds:
    """scores: (probes, people). people: who each probe is. methods: how many are tried in this attack."""
    from scipy.stats import beta

    count, classes = scores.shape
    error = (1 - CONFIDENCE) / methods
    top = scores >= scores.max(axis=1, keepdims=True)
    # who is as likely as others is guessed among them
    hits = float((top[np.arange(count), people] / top.sum(axis=1)).sum())
    low = float(beta.ppf(error / 2, hits, count - hits + 1)) if hits > 0 else 0.0
    high = float(beta.ppf(1 - error / 2, hits + 1, count - hits)) if hits < count else 1.0
    auc, auc_low, auc_high = _auc(scores, people, error)
    return Odds(method, count, 1 / classes, hits / count, low, high, auc, auc_low, auc_high)


def _auc(scores: Scores, people: NDArray[np.int64], error: float) -> tuple[float, float, float]:
    classes = scores.shape[1]
    same = np.zeros(scores.shape, dtype=bool)
    same[np.arange(len(people)), people] = True
    _, place = np.unique(scores.ravel(), return_inverse=True)

    def area(weight: NDArray[np.float64]) -> float:
        spread = np.repeat(weight[people], classes)
        right = np.bincount(place, np.where(same.ravel(), spread, 0))
        wrong = np.bincount(place, np.where(same.ravel(), 0, spread))
        below = np.cumsum(wrong) - wrong
        return float((right * (below + wrong / 2)).sum() / (right.sum() * wrong.sum()))

    rng = np.random.default_rng(0)
    drawn = [
        area(np.bincount(rng.integers(0, classes, classes), minlength=classes).astype(np.float64))
        for _ in range(RESAMPLED)
    ]
    # a normal interval: its tails are finer than a few hundred draws could show
    from scipy.stats import norm

    centre, reach = area(np.ones(classes)), float(np.std(drawn)) * float(norm.ppf(1 - error / 2))
    return centre, centre - reach, centre + reach
