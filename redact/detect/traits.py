"""What has been measured of a detector, as far as looking through a frame with it depends on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Traits:
    """Sizes in pixels of the picture given to ``detect``, scores in 0..1.

    start: kind → lowest score that starts a track. extend: kind → lowest score that may prolong one.
    smallest_face, largest_face: heights between which faces are found reliably; of a detector of people only,
    a seventh of the person's height; of plates, the plate's. largest_input: longest side of one picture.
    """

    start: Mapping[str, float]
    extend: Mapping[str, float]
    smallest_face: float = 16.0
    largest_face: float = 200.0
    largest_input: int = 1536

    def with_scores(self, start: float, extend: float) -> Traits:
        """The same with one pair of thresholds for every kind."""
        return replace(self, start=dict.fromkeys(self.start, start), extend=dict.fromkeys(self.extend, extend))


def traits_of(detector: object, kinds: tuple[str, ...]) -> Traits:
    """The detector's own ``traits``; for one made elsewhere without any, cautious ones for its kinds."""
    traits = getattr(detector, "traits", None)
    if isinstance(traits, Traits):
        return traits
    return Traits(dict.fromkeys(kinds, 0.5), dict.fromkeys(kinds, 0.2))
