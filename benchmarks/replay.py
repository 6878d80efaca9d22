"""A clip looked at once on every frame, then settled again and again under other settings.

What was found is kept under ``benchmarks/results/private``, by clip, model and the code that looks, so that the
benchmarks after the first need no detector.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import redact
from benchmarks.clips import PRIVATE, Clip, decoded
from redact.detect import catalog
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
        kept = PRIVATE / "found" / f"{clip.name}-{_digest(detector, policy, clip)}.npz"
        if kept.exists():
            found = _read(kept)
        else:
            found = {frame.index: search(frame) for frame in frames}
            _write(kept, found)
        return cls(clip, frames, found, search.starts)

    def settled(self, policy: Policy) -> tuple[list[Settled], int]:
        """Every frame with what ``policy`` covers in it, and how many frames it looked at."""
        kinds = policy.find
        looking = Looking(lambda frame: self.found[frame.index].only(kinds), policy)
        timeline = Timeline(policy, self.starts)
        items: list[Settled] = []
        for looked in looking.over(self.frames):
            items += timeline.push(looked.frame, looked.detections, cut=looked.cut, whole=looked.whole)
        return items + timeline.flush(), looking.looks


def _digest(detector: Detector, policy: Policy, clip: Clip) -> str:
    """Of all that decides what is found: the file, the model, its record, the policy, the code that looks."""
    digest = hashlib.sha256(f"{clip.path} {clip.path.stat().st_size} {detector.name} {policy}".encode())
    record = catalog.catalog().get(detector.name)
    digest.update(repr(record).encode())
    for source in sorted((Path(redact.__file__).parent / "detect").glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def _write(path: Path, found: Mapping[int, Detections]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    joined = Detections.join(found.values())
    frames = np.repeat(list(found), [len(rows) for rows in found.values()])
    np.savez(path, every=list(found), frames=frames, boxes=joined.boxes, scores=joined.scores, kinds=joined.kinds)


def _read(path: Path) -> dict[int, Detections]:
    with np.load(path) as kept:
        rows = Detections(kept["boxes"], kept["scores"], kept["kinds"])
        every: Iterable[int] = kept["every"]
        return {int(index): rows[kept["frames"] == index] for index in every}
