"""Plots for docs/benchmarks.md, all in one manner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

COLOURS = ("#1b6ca8", "#8ecae6", "#adb5bd", "#2a9d8f", "#b7e4c7", "#e9c46a", "#d1495b")


def grouped(
    path: Path, names: Sequence[str], series: Mapping[str, Sequence[float]], *, title: str, across: str, up: str
) -> None:
    """Bars side by side: for every name one of each series."""
    figure, axes = _axes(title, across, up)
    wide = 0.84 / len(series)
    for index, (label, values) in enumerate(series.items()):
        places = [place - 0.42 + wide * (index + 0.5) for place in range(len(names))]
        axes.bar(places, values, wide * 0.92, label=label, color=COLOURS[index % len(COLOURS)])
    axes.set_xticks(range(len(names)), names)
    _save(figure, axes, path)


def stacked(
    path: Path, names: Sequence[str], series: Mapping[str, Sequence[float]], *, title: str, across: str, up: str
) -> None:
    """Bars on top of each other: for every name the sum of all series."""
    figure, axes = _axes(title, across, up)
    base = [0.0] * len(names)
    for index, (label, values) in enumerate(series.items()):
        axes.bar(range(len(names)), values, 0.6, bottom=base, label=label, color=COLOURS[index % len(COLOURS)])
        base = [low + value for low, value in zip(base, values, strict=True)]
    axes.set_xticks(range(len(names)), names)
    _save(figure, axes, path)


def scattered(path: Path, points: Mapping[str, tuple[float, float]], *, title: str, across: str, up: str) -> None:
    """One named point each."""
    figure, axes = _axes(title, across, up)
    for index, (label, (x, y)) in enumerate(points.items()):
        axes.scatter(x, y, s=60, label=label, color=COLOURS[index % len(COLOURS)])
        axes.annotate(label, (x, y), xytext=(5, 4), textcoords="offset points", fontsize=8)
    _save(figure, axes, path, legend=False)


def lined(
    path: Path, places: Sequence[float], series: Mapping[str, Sequence[float]], *, title: str, across: str, up: str
) -> None:
    """A line for each series, from zero up."""
    figure, axes = _axes(title, across, up)
    for index, (label, values) in enumerate(series.items()):
        axes.plot(places, values, label=label, color=COLOURS[index % len(COLOURS)])
    axes.set_ylim(bottom=0)
    _save(figure, axes, path)


def _axes(title: str, across: str, up: str) -> tuple[Any, Any]:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4), dpi=110)
    axes.set_title(title, fontsize=11)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e5e5e5")
    axes.set_axisbelow(True)
    return figure, axes


def _save(figure: Any, axes: Any, path: Path, *, legend: bool = True) -> None:
    from matplotlib import pyplot

    if legend:
        axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figure.tight_layout()
    figure.savefig(path, metadata={"Software": None})
    pyplot.close(figure)
