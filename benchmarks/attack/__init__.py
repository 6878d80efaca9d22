"""Can people be told apart under the cover? Every style against five attacks, beside weaker settings and other tools.

Forty people, ten pictures each (ORL); what the attacks are, ``attacks.py`` says. Without footage a few drawn people
stand in: that shows that the suite runs, and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.attack.attacks import ATTACKS, attacked, outline, surroundings
from benchmarks.attack.coverings import Covering, coverings, growths, whole_people
from benchmarks.attack.gallery import Gallery
from benchmarks.attack.odds import CONFIDENCE, Odds
from benchmarks.attack.people import portraits
from benchmarks.attack.recogniser import Recogniser
from benchmarks.attack.scene import faces
from benchmarks.clips import detector_name
from redact.detect import load_detector

_GALLERIES: dict[bool, tuple[Gallery, int]] = {}


def measure(quick: bool) -> dict[str, Any]:
    """All figures of this benchmark."""
    rows = list(_spread(_row, range(len(coverings(quick))), quick))
    gallery, seen = _gallery(quick)
    return {
        "people": len(gallery.templates),
        "pictures": len(gallery.portraits),
        "seen_by_detector": seen,
        "recogniser": gallery.recogniser.name,
        "confidence": CONFIDENCE,
        "rows": rows,
        "growth": list(_spread(_growth, range(len(growths(quick))), quick)),
        "whole_people": list(_spread(_whole, range(len(whole_people())), quick)),
        "outline": [found.plain() for found in outline(gallery)],
    }


def _spread(
    work: Callable[[int, bool], dict[str, Any]], items: Sequence[int], quick: bool
) -> Iterator[dict[str, Any]]:
    """Work on every item, on as many processes as there are cores, results in order."""
    if quick:
        yield from (work(item, quick) for item in items)
        return
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for found in pool.map(work, items, [quick] * len(items)):
            print(_said(found), flush=True)
            yield found


def _said(found: dict[str, Any]) -> str:
    attacks = found.get("attacks", {"surroundings": found})
    return f"{found['name']}: " + ", ".join(f"{name} {100 * best['rank1']:.1f} %" for name, best in attacks.items())


def _gallery(quick: bool) -> tuple[Gallery, int]:
    if quick not in _GALLERIES:
        people = portraits(quick)
        boxes, seen = faces(people, None if quick else load_detector(detector_name(), threads=1))
        _GALLERIES[quick] = Gallery(people, boxes, Recogniser()), seen
    return _GALLERIES[quick]


def _row(index: int, quick: bool) -> dict[str, Any]:
    covering = coverings(quick)[index]
    found = attacked(_gallery(quick)[0], covering, quick=quick)
    return {"name": covering.name, "group": covering.group} | {
        "attacks": {name: _best(methods) for name, methods in found.items()}
    }


def _growth(index: int, quick: bool) -> dict[str, Any]:
    return _around(growths(quick)[index], quick)


def _whole(index: int, quick: bool) -> dict[str, Any]:
    return _around(whole_people()[index], quick)


def _around(covering: Covering, quick: bool) -> dict[str, Any]:
    return {"name": covering.name, **_best(surroundings(_gallery(quick)[0], covering))}


def _best(found: list[Odds]) -> dict[str, Any]:
    """An attack's strongest method, and all of them."""
    best = max(found, key=lambda method: (method.broken, method.rank1))
    return {**best.plain(), "methods": [method.plain() for method in found]}


def table(results: dict[str, Any]) -> str:
    """Markdown."""
    rows = results["rows"]
    lines = [
        f"| | {' | '.join(ATTACKS)} | verdict |",
        f"|---|{'---|' * (len(ATTACKS) + 1)}",
    ]
    for row in rows:
        cells = [_cell(row["attacks"][name]) for name in ATTACKS]
        lines.append(f"| {row['name']} | {' | '.join(cells)} | {_verdict(list(row['attacks'].values()))} |")
    around = [
        "| beside the cover | surroundings | verdict |",
        "|---|---|---|",
        *(
            f"| {row['name']} | {_cell(row)} | {_verdict([row])} |"
            for row in (*results["growth"], *results["whole_people"])
        ),
        *(
            f"| proportions of a face {row['method']} | {_cell(row)} | {_verdict([row])} |"
            for row in results["outline"]
        ),
    ]
    asked, later = rows[0]["attacks"]["naive"]["probes"], rows[0]["attacks"]["over time"]["probes"]
    words = (
        f"Rank-1 with its {100 * results['confidence']:.0f} % interval, and the area under the curve of verification."
        f" Chance is {100 / results['people']:.1f} % and .50. {results['people']} people, {results['pictures']}"
        f" pictures, half of them known; {asked} pictures and {later} clips asked about. A cell is the strongest of"
        f" its methods, its interval wide enough for as many tries; bold is better than chance. The recogniser is"
        f" {results['recogniser']}; the detector found {results['seen_by_detector']} of the faces."
    )
    return "\n".join([*lines, "", *around, "", words])


def _cell(best: dict[str, Any]) -> str:
    """The strongest method in a few characters."""
    share = f"{100 * best['rank1']:.1f} % [{100 * best['low']:.1f}, {100 * best['high']:.1f}]"
    area = f"{best['auc']:.2f}".removeprefix("0")
    return f"**{share}** {area}" if best["broken"] else f"{share} {area}"


def _verdict(attacks: list[dict[str, Any]]) -> str:
    return "told apart" if any(best["broken"] for best in attacks) else "chance"


def plot(results: dict[str, Any], folder: Path) -> list[Path]:
    """The strongest rank-1 of every covering, by attack."""
    from benchmarks.plots import grouped

    rows = [
        row
        for row in results["rows"]
        if (row["group"] != "weak" or "6 cell" in row["name"]) and "three times" not in row["name"]
    ]
    series = {name: [100 * row["attacks"][name]["rank1"] for row in rows] for name in ATTACKS}
    names = [
        row["name"]
        .replace(", ", "\n")
        .replace(" (", "\n(")
        .replace("DashcamC", "Dashcam-\nC")
        .replace("EgoBlur", "Ego-\nBlur")
        .replace(" 20 px", "\n20 px")
        .replace("(default)", "default")
        for row in rows
    ]
    path = folder / "attack.png"
    grouped(path, names, series, title="Who is told apart under the cover", across="", up="% named right, chance 2.5")
    return [path]
