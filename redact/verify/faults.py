"""Faults of a file, counted by kind: one line for a thousand frames that are wrong in the same way."""

from __future__ import annotations

from collections.abc import Iterator

from redact.verify.verdict import Fault, FaultKind

_SHIFT = 5  # frames both missing and added, from which on it is their times that are wrong


class Faults:
    """Collects faults in the order in which they were found first."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Fault] = {}

    def add(self, kind: FaultKind, detail: str, time: float | None = None) -> None:
        """One more; its time and detail are kept if it is the first of its kind."""
        known = self._found.get((kind, ""))
        if known is None:
            self._found[kind, ""] = Fault(kind, detail, time)
        else:
            self._found[kind, ""] = Fault(kind, known.detail, known.time, known.count + 1)

    def put(self, fault: Fault) -> None:
        """One that is known as a whole."""
        self._found[fault.kind, fault.detail] = fault

    def any(self, kind: FaultKind) -> bool:
        """Whether one of this kind was found."""
        return any(found == kind for found, _ in self._found)

    def __iter__(self) -> Iterator[Fault]:
        missing, added = self._found.get(("frame missing", "")), self._found.get(("frame added", ""))
        if missing and added and min(missing.count, added.count) >= _SHIFT:
            detail = f"{missing.count} frames of the input have none at their time, {added.count} the other way"
            yield Fault("times differ", detail, missing.time, max(missing.count, added.count))
        for fault in self._found.values():
            if fault not in (missing, added) or not (missing and added and min(missing.count, added.count) >= _SHIFT):
                yield fault
