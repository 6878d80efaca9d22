"""What is covered, how, and how far around: the one definition of every name, default, range and help text.

The command line, configuration files and the library all read the fields below. Times are in seconds,
sizes in pixels of the upright frame, polygons in fractions of its width and height.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Literal

from redact.detections import KINDS
from redact.errors import ConfigError

Style = Literal["blur", "mosaic", "solid"]
Shape = Literal["ellipse", "box"]
Audio = Literal["drop", "keep"]
Polygon = tuple[tuple[float, float], ...]

SAFE_CELLS = 0  # averages across a face that are shown: even one tells who it is (benchmarks/attack)
SAFE_GROW_ALONE = 1.6  # where faces are covered and bodies are not: the first at chance (benchmarks/attack)
SAFE_GROW = 1.3  # at 1.15 one in four is named by what is beside the cover, at 1.3 one in twelve (benchmarks/attack)
LIVE_LOOKAHEAD = 0.4  # seconds; a camera's default: what a viewer waits longer, and most first sightings need less
STYLES: tuple[Style, ...] = ("blur", "mosaic", "solid")
SHAPES: tuple[Shape, ...] = ("ellipse", "box")
CODECS: tuple[str, ...] = ("h264", "hevc", "vp9", "av1", "ffv1")


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of one setting besides its type: help text, range, choices."""

    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


def _setting(
    default: Any, help: str, *, low: float | None = None, high: float | None = None, choices: tuple[str, ...] = ()
) -> Any:
    return field(default=default, metadata={"setting": Setting(help, low, high, choices)})


def settings(kind: type[Policy] | type[Encoding]) -> Mapping[str, tuple[Setting, Any]]:
    """Name → (setting, default) of every field of ``Policy`` or ``Encoding``."""
    return {item.name: (item.metadata["setting"], item.default) for item in dataclasses.fields(kind)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is covered, how, and how far around. Raises ConfigError where a value cannot be."""

    find: tuple[str, ...] = _setting(("face", "person"), "What to cover.", choices=KINDS)
    detector: str = _setting(
        "guard-s", "Detector: a name from the catalog, a path to an ONNX file, or several joined by '+'."
    )
    device: str = _setting(
        "auto",
        "Where the detector runs.",
        choices=("auto", "cpu", "cuda", "openvino", "coreml", "directml"),
    )
    threshold: float | None = _setting(
        None, "Lowest score that starts a track, instead of the catalog's for that detector.", low=0.01, high=0.99
    )
    min_face: int = _setting(16, "Smallest face to find, in pixels of height.", low=4, high=1000)
    every: int | None = _setting(
        None, "Detect on every N-th frame; auto: as often as movement needs.", low=1, high=100
    )
    lookahead: float = _setting(
        1.0, "Seconds that covering reaches back before a first sighting and waits to fill gaps.", low=0.0, high=10.0
    )
    hold: float = _setting(1.0, "Seconds that covering stays after a last sighting.", low=0.0, high=30.0)
    style: Style = _setting("blur", "How a region looks.", choices=STYLES)
    color: str = _setting("#000000", "Colour of the solid style, #RRGGBB.")
    shape: Shape = _setting("ellipse", "Shape drawn over a face.", choices=SHAPES)
    grow: float | None = _setting(
        None,
        "How many times as wide and high as the face the covered part is; default: 1.3, 1.6 where bodies stay clear.",
        low=0.5,
        high=5.0,
    )
    cells: int = _setting(
        SAFE_CELLS,
        "Averages across a face that blur and mosaic show of it. 0: none, only the scene's tone; more is weak.",
        low=0,
        high=64,
    )
    always: tuple[Polygon, ...] = _setting((), "Polygon X,Y,X,Y,... in 0..1 that is always covered.")
    never: tuple[Polygon, ...] = _setting(
        (), "Polygon X,Y,X,Y,... in 0..1 in which what lies wholly inside stays clear (a poster, a screen)."
    )
    allow_weak: bool = _setting(False, "Allow settings that may leave people recognisable.")

    def __post_init__(self) -> None:
        for name, (setting, _) in settings(Policy).items():
            _check(name, setting, getattr(self, name))
        if not self.find and not self.always:
            raise ConfigError("nothing to cover", hint="name at least one of face, person in --find")
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", self.color):
            raise ConfigError(f"color {self.color[:60]!r} is not #RRGGBB", hint="for example --color '#202020'")
        for polygon in (*self.always, *self.never):
            _check_polygon(polygon)
        if self.weaknesses() and not self.allow_weak:
            raise ConfigError(
                f"too weak to hide a person: {', '.join(self.weaknesses())}",
                hint="use the default, or --allow-weak if people may stay recognisable",
            )

    def weaknesses(self) -> tuple[str, ...]:
        """Settings weaker than the safe floor, in words; empty when the policy is safe."""
        weak = []
        if self.style != "solid" and self.cells > SAFE_CELLS:
            weak.append(f"{self.cells} cells across a face show averages of it (safe: {SAFE_CELLS})")
        if self.reach < self._safe_reach:
            alone = " where bodies stay visible" if self._safe_reach > SAFE_GROW else ""
            weak.append(f"grow {self.reach:g} (at least {self._safe_reach:g}{alone})")
        return tuple(weak)

    @property
    def reach(self) -> float:
        """``grow``, or what it is where nobody said it."""
        return self._safe_reach if self.grow is None else self.grow

    @property
    def _safe_reach(self) -> float:
        return SAFE_GROW_ALONE if "face" in self.find and "person" not in self.find else SAFE_GROW

    def grow_of(self, kind: str) -> float:
        """Growth factor for a kind: bodies and plates grow a third as far, their boxes being larger or tighter."""
        return self.reach if kind == "face" else 1 + (self.reach - 1) / 3

    def rgb(self) -> tuple[int, int, int]:
        """The solid colour as (red, green, blue), 0..255."""
        return (int(self.color[1:3], 16), int(self.color[3:5], 16), int(self.color[5:7], 16))


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How the output is written. Raises ConfigError where a value cannot be."""

    codec: str | None = _setting(None, "Video codec of the output; default: the input's.", choices=CODECS)
    crf: int | None = _setting(
        None, "Quality, lower is better; default: near transparent for the codec.", low=0, high=63
    )
    preset: str | None = _setting(None, "Encoder's preset, slower is smaller; default: fast.")
    audio: Audio = _setting(
        "drop", "Sound: a voice identifies, so it is dropped unless kept.", choices=("drop", "keep")
    )

    def __post_init__(self) -> None:
        for name, (setting, _) in settings(Encoding).items():
            _check(name, setting, getattr(self, name))


def parse_polygon(text: str) -> Polygon:
    """'0,0,0.3,0,0.3,0.4' → its corners. Raises ConfigError."""
    try:
        values = [float(part) for part in text.replace(" ", "").split(",")]
    except ValueError:
        raise ConfigError(f"polygon {text[:60]!r} is not numbers", hint="X,Y,X,Y,X,Y,... each 0..1") from None
    if len(values) % 2:
        raise ConfigError(f"polygon {text[:60]!r} has an x without a y", hint="X,Y,X,Y,X,Y,... each 0..1")
    polygon = tuple(zip(values[::2], values[1::2], strict=True))
    _check_polygon(polygon)
    return polygon


def _check_polygon(polygon: Polygon) -> None:
    if len(polygon) < 3:
        raise ConfigError("a polygon needs three corners or more", hint="X,Y,X,Y,X,Y,... each 0..1")
    if not all(0 <= value <= 1 for corner in polygon for value in corner):
        raise ConfigError("a polygon leaves the picture", hint="corners are fractions of width and height, 0..1")


def _check(name: str, setting: Setting, value: Any) -> None:
    if value is None or isinstance(value, bool):
        return
    for item in value if isinstance(value, tuple) else (value,):
        if setting.choices and item not in setting.choices:
            raise ConfigError(f"{name}: {str(item)[:60]!r} is not known", hint=f"one of {', '.join(setting.choices)}")
        if isinstance(item, (int, float)):
            low = -math.inf if setting.low is None else setting.low
            high = math.inf if setting.high is None else setting.high
            if not low <= item <= high:
                raise ConfigError(f"{name}: {item:g} is out of range", hint=f"from {low:g} to {high:g}")


COVERING: tuple[str, ...] = ("style", "color", "shape", "grow", "cells", "always", "allow_weak")
"""Settings of ``Policy`` that say how regions are covered; all others say how they are found."""


def plain(bundle: Policy | Encoding) -> dict[str, Any]:
    """Every setting by name as JSON has it. Of a detector's path only the file's name: folders tell of people."""
    values = {item.name: getattr(bundle, item.name) for item in dataclasses.fields(bundle)}
    if "detector" in values:
        values["detector"] = "+".join(PurePath(part).name for part in values["detector"].split("+"))
    if isinstance(bundle, Policy):
        values["grow"] = bundle.reach
    plain: dict[str, Any] = json.loads(json.dumps(values))
    return plain


def digest(values: Mapping[str, Any]) -> str:
    """SHA-256 of settings as ``plain`` gives them, in any order."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
