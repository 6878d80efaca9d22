"""Who covers, for which request, and on what grounds: what a record says besides what was done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from redact.detections import KINDS

GROUNDS: tuple[str, ...] = (*KINDS, "always", "whole", "dropped")
"""What a reason can be given for: a kind, polygons always covered, frames covered whole, streams dropped."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is withheld. code: as an office numbers its exemptions. statute: the law that says so."""

    code: str = ""
    statute: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Custody:
    """operator: who answers for the run. reference: of the request. reasons: by ``GROUNDS``. All may be empty."""

    operator: str = ""
    reference: str = ""
    reasons: Mapping[str, Reason] = field(default_factory=dict)

    def reason(self, ground: str) -> Reason:
        """Why ``ground`` is withheld; an empty reason where none was given."""
        return self.reasons.get(ground, Reason())

    def json(self) -> dict[str, Any]:
        """As documents have it."""
        reasons = {name: {"code": item.code, "statute": item.statute} for name, item in self.reasons.items()}
        return {"operator": self.operator, "reference": self.reference, "reasons": reasons}
