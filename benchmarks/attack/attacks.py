"""The five attacks. Each answers the odds of several methods.

- *naive*: a recogniser trained by others compares covered faces with clear ones.
- *retrained*: attackers trained on covered pictures of the very people: linear discriminants on pixels and on the
  recogniser's vectors, a convolutional network.
- *restored*: Wiener's filter, an unsharp mask or a learned inverter first, then matching.
- *over time*: sixty frames of a moving face, laid upon each other by where it truly was, averaged or super-resolved.
- *surroundings*: the picture as it leaves the tool, attacked by what is beside the cover as well: hair, collar.

In the first four, all that tells people apart lies under the cover: around it is an empty scene.
"""

from __future__ import annotations

import numpy as np

from benchmarks.attack.coverings import Covering
from benchmarks.attack.gallery import Gallery, Methods
from benchmarks.attack.odds import Odds, odds
from benchmarks.attack.people import Luma
from benchmarks.attack.restored import Inverter, averaged, superresolved, unsharp, wiener
from benchmarks.attack.trained import discriminant, has_network, network, pixels
from redact.cover import Cover
from redact.policy import Policy
from redact.regions import Region

ATTACKS = ("naive", "retrained", "restored", "over time", "surroundings")
WHOLE = 1.0  # share of the cut-out that an attacker on the surroundings looks at


def attacked(gallery: Gallery, covering: Covering, *, quick: bool) -> dict[str, list[Odds]]:
    """All five, by name."""
    stills = gallery.covered(covering, hidden_only=True)
    probes = [stills[index] for index in np.flatnonzero(gallery.asked)]
    flat, vectors = pixels(stills), gallery.recogniser(stills)
    retrained = {
        "discriminant of pixels": gallery.learned(flat),
        "discriminant of vectors": gallery.learned(vectors),
    }
    if has_network() and not quick:
        retrained["network"] = gallery.learned(flat, how=network)
    return {
        "naive": gallery.odds({"recogniser": gallery.matched(probes)}),
        "retrained": gallery.odds(retrained),
        "restored": gallery.odds(_restored(gallery, stills, probes, covering.spread)),
        "over time": _over_time(gallery, covering),
        "surroundings": surroundings(gallery, covering),
    }


def _restored(gallery: Gallery, stills: list[Luma], probes: list[Luma], spread: float) -> Methods:
    known = np.flatnonzero(gallery.learnt)
    inverter = Inverter([stills[index] for index in known], [gallery.clear[index] for index in known])
    made = inverter(stills)
    return {
        "Wiener, recogniser": gallery.matched([wiener(cut, spread) for cut in probes]),
        "unsharp, recogniser": gallery.matched([unsharp(cut, spread) for cut in probes]),
        "inverter, recogniser": gallery.matched([made[index] for index in np.flatnonzero(gallery.asked)]),
        "inverter, discriminant of clear pixels": gallery.learned(pixels(made), on=pixels(gallery.clear)),
    }


def _over_time(gallery: Gallery, covering: Covering) -> list[Odds]:
    numbers, means, fine = [], [], []
    for number, shots in gallery.clips():
        covered = covering.covered(shots, gallery.track(number), hidden_only=True)
        numbers.append(number)
        means.append(averaged(shots, covered))
        fine.append(superresolved(shots, covered, covering.spread))
    person, known = gallery.person[numbers], gallery.known[numbers]
    asked = np.flatnonzero(~known)
    found = {}
    for name, cuts in (("average", means), ("super-resolved", fine)):
        rows = pixels(cuts)
        found[f"{name}, recogniser"] = gallery.matched([cuts[index] for index in asked])
        found[f"{name}, discriminant"] = discriminant(rows[known], person[known], rows[~known])
    return [odds(name, scores, person[~known], methods=len(found)) for name, scores in found.items()]


def surroundings(gallery: Gallery, covering: Covering) -> list[Odds]:
    """The attack on what is beside the cover."""
    stills = gallery.covered(covering, hidden_only=False)
    flat, vectors = pixels(stills, share=WHOLE), gallery.recogniser(stills, share=WHOLE)
    return gallery.odds(
        {
            "recogniser": gallery.matched([stills[index] for index in np.flatnonzero(gallery.asked)]),
            "discriminant of pixels": gallery.learned(flat),
            "discriminant of vectors": gallery.learned(vectors),
        }
    )


def outline(gallery: Gallery) -> list[Odds]:
    """Only the proportions: of the boxes that were detected, and of what is drawn over them."""
    from benchmarks.attack.coverings import settled

    policy = Policy(find=("face",))
    detected, drawn = [], []
    for shots in gallery.stills:
        for shot in shots:
            x1, y1, x2, y2 = shot.box
            detected.append(np.log((y2 - y1) / (x2 - x1)))
            mask = Cover(policy).mask(settled(shot, (Region("face", 1, shot.box, 0.9, "seen"),), 0))
            drawn.append(np.log(mask.any(1).sum() / mask.any(0).sum()))
    return gallery.odds(
        {
            "as detected": gallery.learned(np.array(detected, np.float32)[:, None]),
            "as drawn": gallery.learned(np.array(drawn, np.float32)[:, None]),
        }
    )
