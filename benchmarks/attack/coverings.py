"""Everything that is attacked: our covering as the product does it, and the defaults of others.

Theirs are made from a description of what they do, on the same boxes: a box blur of half the padded box in an
ellipse (deface), one sample for every 20 pixels (deface's mosaic), a box blur of half the picture (EgoBlur),
a box blur of 19 pixels (DashcamCleaner).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.people import Luma
from benchmarks.attack.scene import RATE, Box, Shot
from redact.cover import Cover
from redact.frames import Frame
from redact.policy import Policy
from redact.regions import Region, Settled

Group = Literal["control", "default", "weak", "peer"]
Mask = NDArray[np.bool_]
Drawn = Callable[[Luma, Box], tuple[Luma, Mask]]
CELLS = {"blur": (1, 3, 6), "mosaic": (1, 2, 3, 4, 5, 6, 12)}  # the same averages: blur is tried at fewer
TRACKS = 1000  # a track's number says how many were there before, nothing else


@dataclass(frozen=True, slots=True)
class Covering:
    """One way to cover. policy: ours, or drawn: another's, or neither: clear.

    spread: side of what one shown value averages, in heights of the face: what an attacker who knows the tool undoes.
    """

    name: str
    group: Group
    spread: float = 0.5
    policy: Policy | None = None
    drawn: Drawn | None = None

    def covered(self, shots: Sequence[Shot], track: int, *, hidden_only: bool) -> list[Luma]:
        """The shots of one recording, covered one after the other.

        hidden_only: what stays visible is the empty scene, so that all that tells people apart is under the cover.
        Otherwise all of the person is there, and everything that is not covered tells.
        """
        cover = Cover(self.policy) if self.policy is not None else None
        shown = []
        for index, shot in enumerate(shots):
            if cover is not None and self.policy is not None:
                shown.append(_ours(cover, self.policy, shot, track, index, hidden_only))
            elif self.drawn is not None:
                mask = self.drawn(shot.canvas, shot.box)[1]
                canvas = np.where(mask, shot.canvas, shot.empty) if hidden_only else shot.canvas
                shown.append(self.drawn(canvas, shot.box)[0])
            else:
                shown.append(shot.canvas)
        return shown


def _ours(cover: Cover, policy: Policy, shot: Shot, track: int, index: int, hidden_only: bool) -> Luma:
    """One frame through the product's own covering, on the planes of a YUV frame."""
    boxes = {"face": shot.box, "person": shot.person}
    regions = tuple(Region(kind, track + place, boxes[kind], 0.9, "seen") for place, kind in enumerate(policy.find))
    item = settled(shot, regions, index)
    luma, *chroma = (plane.samples for plane in item.frame.planes())
    luma[...] = np.where(cover.mask(item), shot.canvas, shot.empty) if hidden_only else shot.canvas
    for samples in chroma:
        samples[...] = 128
    return np.array(cover(item).frame.planes()[0].samples, dtype=np.uint8)


def settled(shot: Shot, regions: tuple[Region, ...], index: int) -> Settled:
    """An empty YUV frame of the shot's size with these regions."""
    height, width = shot.canvas.shape
    return Settled(Frame(av.VideoFrame(width, height, "yuv420p"), index, index, Fraction(1, RATE)), regions)


def coverings(quick: bool) -> list[Covering]:
    """All that is attacked with faces alone being covered: the control, our defaults, weaker ones, others'."""
    ours = [
        Covering(f"{style} (default)", "default", 0.25, Policy(find=("face",), style=style))
        for style in ("blur", "mosaic", "solid")
    ]
    weak = [
        Covering(
            f"{style}, {cells} cell{'s' if cells > 1 else ''} (weak)",
            "weak",
            1 / cells,
            Policy(find=("face",), style=style, cells=cells, allow_weak=True),
        )
        for style in ("blur", "mosaic")
        for cells in ((12,) if quick else CELLS[style])
    ]
    return [Covering("clear", "control", 0.01), *ours, *weak, *(_others() if not quick else _others()[:1])]


def growths(quick: bool) -> list[Covering]:
    """Covering the face alone, ever further around."""
    return [
        Covering(
            f"--find face --grow {grow:g}",
            "default",
            policy=Policy(find=("face",), style="solid", grow=grow, allow_weak=True),
        )
        for grow in ((0.7, 1.3) if quick else (0.7, 0.85, 1.0, 1.15, 1.3, 1.6))
    ]


def whole_people() -> list[Covering]:
    """The defaults as they are: faces and people."""
    return [
        Covering(f"{style}, --find face,person", "default", policy=Policy(style=style))
        for style in ("blur", "mosaic", "solid")
    ]


def _others() -> list[Covering]:
    return [
        Covering("deface, blur", "peer", 0.6, drawn=_deface_blur),
        Covering("deface, mosaic 20 px", "peer", 0.2, drawn=_deface_mosaic(20)),
        Covering("deface, mosaic 20 px, a face three times as large", "peer", 0.07, drawn=_deface_mosaic(20 / 3)),
        Covering("EgoBlur", "peer", 1.0, drawn=_egoblur),
        Covering("DashcamCleaner, 19 px", "peer", 0.17, drawn=_dashcam(19)),
        Covering("DashcamCleaner, 19 px, a face three times as large", "peer", 0.06, drawn=_dashcam(7)),
    ]


def _deface_blur(canvas: Luma, box: Box) -> tuple[Luma, Mask]:
    x1, y1, x2, y2 = _padded(box, 0.3, canvas)
    part = canvas[y1:y2, x1:x2]
    return _put(canvas, cv2.blur(part, ((x2 - x1) // 2, (y2 - y1) // 2)), (x1, y1, x2, y2), ellipse=True)


def _deface_mosaic(side: float) -> Drawn:
    def drawn(canvas: Luma, box: Box) -> tuple[Luma, Mask]:
        x1, y1, x2, y2 = _padded(box, 0.3, canvas)
        # the sample at the corner of each cell stands for all of it
        rows, columns = ((np.arange(count) // side * side).astype(int) for count in (y2 - y1, x2 - x1))
        part = canvas[y1:y2, x1:x2]
        return _put(canvas, part[rows][:, columns], (x1, y1, x2, y2), ellipse=False)

    return drawn


def _egoblur(canvas: Luma, box: Box) -> tuple[Luma, Mask]:
    height, width = canvas.shape
    blurred = cv2.blur(canvas, (width // 2, height // 2))
    x1, y1, x2, y2 = _padded(box, 0.0, canvas)
    return _put(canvas, blurred[y1:y2, x1:x2], (x1, y1, x2, y2), ellipse=True)


def _dashcam(side: int) -> Drawn:
    def drawn(canvas: Luma, box: Box) -> tuple[Luma, Mask]:
        x1, y1, x2, y2 = _padded(box, 0.0, canvas)
        return _put(canvas, cv2.blur(canvas, (side, side))[y1:y2, x1:x2], (x1, y1, x2, y2), ellipse=False)

    return drawn


def _padded(box: Box, share: float, canvas: Luma) -> tuple[int, int, int, int]:
    x, y = (box[2] - box[0]) * share, (box[3] - box[1]) * share
    height, width = canvas.shape
    return (
        max(round(box[0] - x), 0),
        max(round(box[1] - y), 0),
        min(round(box[2] + x), width),
        min(round(box[3] + y), height),
    )


def _put(
    canvas: Luma, part: NDArray[np.uint8], box: tuple[int, int, int, int], *, ellipse: bool
) -> tuple[Luma, Mask]:
    x1, y1, x2, y2 = box
    stencil = np.zeros(canvas.shape, np.uint8)
    if ellipse:
        cv2.ellipse(stencil, ((x1 + x2) // 2, (y1 + y2) // 2), ((x2 - x1) // 2, (y2 - y1) // 2), 0, 0, 360, 1, -1)
    else:
        stencil[y1:y2, x1:x2] = 1
    mask, shown = stencil > 0, canvas.copy()
    shown[y1:y2, x1:x2] = part
    return np.where(mask, shown, canvas), mask
