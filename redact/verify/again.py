"""Looking again: which second detector, and every frame at two scales and both ways round."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from redact.detect import catalog, load_detector
from redact.detect.tiles import Search
from redact.detect.union import Union, models_of
from redact.detections import Detections, Detector
from redact.errors import ConfigError
from redact.frames import Frame
from redact.policy import Policy

_FINER = 0.75  # of the smallest face, in the mirrored view: sizes that fall between the first view's grids
_SAME = 0.45  # IoU above which both views saw one thing
_OTHERS = ("yunet_n", "yolox_nano")  # made by others from other pictures: the most independent that the catalog has
_OURS = ("guard-m", "guard-s")  # shipped; made from the same pictures as each other


@dataclass(frozen=True, slots=True)
class Second:
    """A second detector. independence: what it has in common with the first, in words."""

    detector: Detector
    independence: str


def second(name: str | Detector | None, first: str, policy: Policy) -> Second:
    """The detector called ``name``; without a name the most independent of ``first`` that is on this machine.

    Nothing is fetched. Raises ModelError and ConfigError as ``load_detector`` does.
    """
    used = {part.strip() for part in first.split("+")}
    if name is not None and not isinstance(name, str):
        return Second(name, "unknown: it was handed in by the caller")
    chosen = name or _choice(used, policy.find)
    detector = load_detector(chosen, device=policy.device)
    mine = {part.strip() for part in chosen.split("+")}
    if mine <= used:
        words = f"none: {first} found what was covered; what it misses, it misses again"
    elif mine & used:
        words = f"partly: {', '.join(sorted(mine & used))} has looked before"
    elif mine <= set(_OTHERS):
        words = "other weights, trained by others on other pictures"
    elif mine & set(_OTHERS):
        words = "partly trained by others on other pictures; guard shares its training with the default detector"
    elif mine & {*_OURS, "seed"}:
        words = "other weights of this project: trained on the same pictures, so blind spots are shared"
    else:
        words = "unknown to the catalog"
    return Second(detector, words)


def _choice(used: set[str], find: tuple[str, ...]) -> str:
    here = [name for name in _OTHERS if name not in used and _present(name)]
    found = {kind for name in here for kind in catalog.record(name).kinds}
    ours = next((name for name in _OURS if name not in used), _OURS[0])
    wanted = {"face", *find} & {"face", "person"}
    names = here if wanted <= found else [*here, ours]
    if "plate" in find:
        names.append("lpd_yunet")
    return "+".join(names)


def _present(name: str) -> bool:
    return any(finding.name == name and finding.state == "ok" for finding in catalog.check())


class Again:
    """Looks at frames of one size. kinds: what is looked for. looks: pictures that the detector was shown so far.

    Scores are bent (``detect.union``): 0.5 would start a track in that detector, 0.2 may prolong one.
    """

    def __init__(self, detector: Detector, policy: Policy, width: int, height: int) -> None:
        bent = detector if isinstance(detector, Union) else Union([detector])
        # a face tells of a person and a person of a face, whichever of them was covered
        people = ("face", "person") if {"face", "person"} & set(policy.find) else ()
        self.kinds = tuple(kind for kind in dict.fromkeys((*people, *policy.find)) if kind in bent.kinds)
        missing = [kind for kind in policy.find if kind not in bent.kinds]
        if missing:
            raise ConfigError(
                f"detector {bent.name} does not find: {', '.join(missing)}",
                hint=f"join one that does: --with {bent.name}+NAME",
            )
        looking = replace(policy, find=self.kinds, threshold=None, never=(), always=())
        finer = replace(looking, min_face=max(4, round(policy.min_face * _FINER)))
        self._plain = Search(bent, looking, width, height)
        self._mirrored = Search(bent, finer, width, height)
        self.looks = 0

    def __call__(self, frame: Frame) -> Detections:
        """Whatever either view shows, in frame pixels. Raises DetectorError."""
        self.looks += 2
        rgb = frame.rgb(frame.width, frame.height)
        turned = Frame(np.ascontiguousarray(rgb[:, ::-1, ::-1]), frame.index, frame.pts, frame.time_base)
        plain, found = self._plain(frame), self._mirrored(turned)
        boxes = found.boxes.copy()
        boxes[:, [0, 2]] = frame.width - found.boxes[:, [2, 0]]
        return Detections.join([plain, Detections(boxes, found.scores, found.kinds)]).merged(_SAME)


__all__ = ["Again", "Second", "models_of", "second"]
