"""What was withheld in a run: tracks, polygons, whole frames and streams, when and how.

Made from the runs of a report, so it tells nothing that the report does not: no picture, no value of any metadata.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

_TOGETHER = 0.5  # seconds between frames covered whole that are one row
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """One thing that was withheld. Times in seconds, or None where it has none.

    what: track, always, whole or dropped. kind: of the track, or what was dropped. detail: the rest, in words.
    """

    what: str
    kind: str = ""
    track: int | None = None
    style: str = ""
    first: float | None = None
    last: float | None = None
    seen: int | None = None
    filled: int | None = None
    reached: int | None = None
    held: int | None = None
    lowest_score: float | None = None
    detail: str = ""

    @property
    def ground(self) -> str:
        """Under which of ``GROUNDS`` its reason stands."""
        return self.kind if self.what == "track" else self.what


def exemptions(run: Json) -> Iterator[Exemption]:
    """Everything that was withheld in a run, given as ``Result.to_json`` has it."""
    policy = run["policy"]
    for track in run["tracks"]:
        first, last = track.get("covered") or ((track["first"], track["last"]) if run["duration"] else (None, None))
        yield Exemption(
            what="track",
            kind=track["kind"],
            track=track["track"],
            style="solid" if track["kind"] == "plate" else policy["style"],  # as cover does
            first=first,
            last=last,
            lowest_score=track["lowest_score"],
            **{origin: track["frames"][origin] for origin in ("seen", "filled", "reached", "held")},
        )
    for polygon in policy["always"]:
        corners = ", ".join(f"{x:g} {y:g}" for x, y in polygon)
        yield Exemption(what="always", kind="polygon", style=policy["style"], detail=f"corners {corners}")
    yield from _whole(run)
    for item in run["dropped"]:
        yield Exemption(
            what="dropped",
            kind=item["kind"],
            detail=" ".join(part for part in (item["name"], item["detail"]) if part),
        )


def _whole(run: Json) -> Iterator[Exemption]:
    """Frames covered whole, neighbours of one reason together; beyond those known by time, how many more."""
    stretch: list[Json] = []
    moments = run["whole"]["moments"]
    for moment, after in pairwise([*moments, None]) if moments else ():
        stretch.append(moment)
        near = (
            after is not None and after["time"] - moment["time"] <= _TOGETHER and after["reason"] == moment["reason"]
        )
        if not near:
            count = f"{len(stretch)} frame{'' if len(stretch) == 1 else 's'}"
            first, last = (stretch[0]["time"], moment["time"]) if run["duration"] else (None, None)
            yield Exemption(
                what="whole", kind="whole frame", first=first, last=last, detail=f"{count}: {moment['reason']}"
            )
            stretch = []
    more = run["whole"]["frames"] - len(moments)
    if more > 0:
        yield Exemption(what="whole", kind="whole frame", detail=f"{more} more frames: see the report's reasons")
