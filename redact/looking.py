"""Frames with what was found in them: when to look, and looking."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from redact.cadence import Cadence
from redact.detections import Detections
from redact.frames import Frame
from redact.policy import Policy
from redact.polygons import Inside
from redact.scenes import Scenes

Search = Callable[[Frame], Detections]
DAMAGED = "damaged in the input"


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """A frame and what was found in it; detections is None where nobody looked. cut: a scene begins here."""

    frame: Frame
    detections: Detections | None
    cut: bool
    whole: str = ""


class Looking:
    """Decides for each frame whether to look, and looks. Frames come out one later than they went in.

    Both sides of a cut and the last frame are always looked at: there is no neighbour to fill them from.
    A damaged frame is never looked at, and is to be covered whole.
    """

    def __init__(self, search: Search, policy: Policy) -> None:
        self._search = search
        self._policy = policy
        self._scenes = Scenes()
        self._cadence = Cadence(policy)
        self._inside: Inside | None = None
        self._waiting: Looked | None = None
        self.looks = 0

    def push(self, frame: Frame, *, cut: bool = False) -> list[Looked]:
        """Take the next frame; give back the one before it, if any. cut: a scene begins, whatever it shows."""
        cut = self._scenes.cut(frame) or cut
        ready = self._release(look=cut)
        if frame.damaged:
            self._waiting = Looked(frame, None, cut, DAMAGED)
        else:
            due = self._cadence.due(frame, self._scenes.change) or cut
            self._waiting = Looked(frame, self._look(frame) if due else None, cut)
        return ready

    def slow(self, least: float) -> None:
        """Look no more often than every ``least`` seconds, cuts aside: there is no time for more."""
        self._cadence.least = least

    def flush(self) -> list[Looked]:
        """The last frame."""
        return self._release(look=True)

    def over(self, frames: Iterable[Frame]) -> Iterator[Looked]:
        """All of ``frames``, looked at."""
        for frame in frames:
            yield from self.push(frame)
        yield from self.flush()

    def _release(self, *, look: bool) -> list[Looked]:
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return []
        if look and waiting.detections is None and not waiting.whole:
            waiting = replace(waiting, detections=self._look(waiting.frame))
        return [waiting]

    def _look(self, frame: Frame) -> Detections:
        self.looks += 1
        found = self._search(frame)
        if self._policy.never and len(found):
            self._inside = self._inside or Inside(self._policy.never, frame.width, frame.height)
            found = found[~self._inside(found.boxes)]
        self._cadence.looked(frame, found=len(found) > 0)
        return found
