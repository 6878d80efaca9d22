"""A clip looked at once on every frame, then settled again and again under other settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.clips import Clip, decoded
from redact.detect.tiles import Search
from redact.detections import Detections, Detector
from redact.frames import Frame
from redact.looking import Looking
from redact.policy import Policy
from redact.regions import Settled
from redact.timeline import Timeline


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """The frames of a clip and what a detector finds in each. starts: lowest score, by kind, that starts a track."""

    clip: Clip
    frames: Sequence[Frame]
    found: Mapping[int, Detections]
    starts: Mapping[str, float]

    @classmethod
    def of(cls, clip: Clip, detector: Detector, policy: Policy, frames: Sequence[Frame] = ()) -> Replay:
        """Look at every frame, or at those given, with the policy's scale and thresholds."""
        frames = frames or list(decoded(clip))
        search = Search(detector, policy, frames[0].width, frames[0].height)
        return cls(clip, frames, {frame.index: search(frame) for frame in frames}, search.starts)

    def settled(self, policy: Policy) -> tuple[list[Settled], int]:
        """Every frame with what ``policy`` covers in it, and how many frames it looked at."""
        kinds = policy.find
        looking = Looking(lambda frame: self.found[frame.index].only(kinds), policy)
        timeline = Timeline(policy, self.starts)
        items: list[Settled] = []
        for looked in looking.over(self.frames):
            items += timeline.push(looked.frame, looked.detections, cut=looked.cut, whole=looked.whole)
        return items + timeline.flush(), looking.looks
