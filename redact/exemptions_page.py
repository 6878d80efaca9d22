"""The exemption log as one page: no script, nothing from elsewhere, made to be printed and read aloud."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from importlib import resources
from string import Template
from typing import Any

from redact.custody import GROUNDS, Custody
from redact.detections import KINDS
from redact.digests import tool
from redact.exemptions import Exemption
from redact.shown_text import shown

Json = dict[str, Any]
_GROUND_WORDS = {
    "face": "Faces",
    "person": "People",
    "plate": "Number plates",
    "always": "Areas always covered",
    "whole": "Frames covered whole",
    "dropped": "Streams and metadata dropped",
}
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200)
_TICKS = 6
_ALT = "When each track was covered; the table has the same in numbers"
_LANE, _BAR, _BAND = 15, 11, 20  # heights in pixels: of a lane, of the bar in it, of the line above a kind's lanes
_THIN = (7, 5)  # the first two where lanes are many
_MANY = 40
_WIDE = 5.0  # percent of the width from which a bar has room for its number


def page(runs: Sequence[tuple[Json, list[Exemption]]], failures: list[dict[str, str]], custody: Custody) -> str:
    """The whole page. runs: each as ``Result.to_json`` has it, with what was withheld in it."""
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    tracks = sum(len(run["tracks"]) for run, _ in runs)
    facts = {
        "Operator": _text(custody.operator) if custody.operator else "",
        "Reference": _text(custody.reference) if custody.reference else "",
        "Made": made,
        "Recordings": str(len(runs)),
        "Tracks covered": str(tracks),
        "Frames covered whole": str(sum(run["whole"]["frames"] for run, _ in runs)),
        "Streams dropped": str(sum(len(run["dropped"]) for run, _ in runs)),
        "Ended without output": str(len(failures)) if failures else "",
    }
    template = Template(resources.files("redact").joinpath("exemptions.html").read_text(encoding="utf-8"))
    reference = f" · {shown(custody.reference)}" if custody.reference else ""
    return template.substitute(
        title=escape(f"Exemption log{reference}"),
        heading=f"Exemption log{escape(reference)}",
        facts="\n".join(_fact(name, value) for name, value in facts.items() if value),
        reasons=_reasons(custody),
        runs="\n".join(_run(number, run, items, custody) for number, (run, items) in enumerate(runs, 1)),
        failures=_failures(failures),
        tool=_text(tool()),
        made=made,
    )


def clock(seconds: float | None) -> str:
    """0:01:02.500, as players show it, to the millisecond; empty without a time."""
    if seconds is None:
        return ""
    whole = round(seconds * 1000)
    return f"{whole // 3_600_000}:{whole // 60_000 % 60:02}:{whole // 1000 % 60:02}.{whole % 1000:03}"


def _run(number: int, run: Json, items: list[Exemption], custody: Custody) -> str:
    tracks = [item for item in items if item.what == "track"]
    always = [item for item in items if item.what == "always"]
    whole = [item for item in items if item.what == "whole"]
    dropped = [item for item in items if item.what == "dropped"]
    parts = [
        f'<section aria-labelledby="run-{number}">',
        f'<h2 id="run-{number}">{_text(run["output"]["name"])}</h2>',
        _files(run),
        _warnings(run["warnings"]),
        _timeline(run, items, number) if run["duration"] else "",
        _tracks(tracks, run, custody),
        _always(always, run, custody),
        _whole(whole, custody),
        _dropped(dropped, custody),
        "</section>",
    ]
    return "\n".join(part for part in parts if part)


def _files(run: Json) -> str:
    video, policy = run["video"], run["policy"]
    length = f"{clock(run['duration'])}, " if run["duration"] else ""
    frames = f"{run['frames']} frame{'' if run['frames'] == 1 else 's'}"
    detector = ", ".join(_text(model["name"]) for model in run["detector"]["models"]) or _text(
        run["detector"]["name"]
    )
    facts = {
        "Original": f"{_text(run['input']['name'])}<small>{_digest(run['input'])}</small>",
        "Covered": f"{_text(run['output']['name'])}<small>{_digest(run['output'])}</small>",
        "Length": f"{length}{frames}, {video['width']} × {video['height']}",
        "Covering": f"{_text(', '.join(policy['find']) or 'polygons only')}; style {_text(policy['style'])}",
        "Detector": detector,
        "Settings": f"<code>{run['policy_sha256']}</code>",
    }
    if "ledger" in run:
        facts["Ledger"] = f"record {run['ledger']['number']}<small><code>{run['ledger']['sha256']}</code></small>"
    rows = "\n".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts.items())
    return f'<dl class="files">\n{rows}\n</dl>'


def _digest(file: Json) -> str:
    return f"{file['bytes']:,} bytes, SHA-256 <code>{file['sha256']}</code>"


def _warnings(warnings: list[str]) -> str:
    if not warnings:
        return ""
    return '<ul class="warn">' + "".join(f"<li>{_text(warning)}</li>" for warning in warnings) + "</ul>"


def _tracks(tracks: list[Exemption], run: Json, custody: Custody) -> str:
    if not tracks:
        return '<h3>Tracks</h3><p class="none">Nobody was found.</p>'
    times = {track["track"]: track for track in run["tracks"]}
    moves = bool(run["duration"])
    rows = []
    for item in tracks:
        found = times[item.track]
        cells = [
            f'<th scope="row"><span class="dot {item.kind}"></span>{item.kind} {item.track}</th>',
            *([_cell("from", clock(item.first), "t"), _cell("to", clock(item.last), "t")] if moves else []),
            _cell("style", item.style),
            _cell("seen", item.seen, "n"),
            _cell("filled", item.filled, "n"),
            _cell("before", item.reached, "n"),
            _cell("after", item.held, "n"),
            _cell("lowest score", f"{item.lowest_score:.2f}{_at(found, moves)}", "n"),
            _reason(item, custody),
        ]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    span = '<th scope="colgroup" colspan="2">Covered</th>' if moves else ""
    times_heads = '<th scope="col">from</th><th scope="col">to</th>' if moves else ""
    return f"""<table>
<caption>Tracks</caption>
<thead>
<tr><th rowspan="2" scope="col">Track</th>{span}<th rowspan="2" scope="col">Style</th>
<th scope="colgroup" colspan="4" class="n">Frames</th>
<th rowspan="2" scope="col" class="n">Lowest score</th><th rowspan="2" scope="col">Reason</th></tr>
<tr>{times_heads}<th scope="col" class="n">seen</th><th scope="col" class="n">filled</th>
<th scope="col" class="n">before</th><th scope="col" class="n">after</th></tr>
</thead>
<tbody>
{chr(10).join(rows)}
</tbody>
</table>"""


def _at(track: Json, moves: bool) -> str:
    return f"<small>at {clock(track['lowest_time'])}</small>" if moves else ""


def _always(items: list[Exemption], run: Json, custody: Custody) -> str:
    if not items:
        return ""
    rows = "".join(
        f'<tr><th scope="row">area {number}</th><td>{_map(polygon, run["video"])}</td>'
        f"<td>{_text(item.detail)}</td>{_cell('style', item.style)}{_reason(item, custody)}</tr>"
        for number, (item, polygon) in enumerate(zip(items, run["policy"]["always"], strict=True), 1)
    )
    heads = ("Area", "Where", "Corners, in fractions of width and height", "Style", "Reason")
    return _table("Covered from beginning to end", heads, rows)


def _whole(items: list[Exemption], custody: Custody) -> str:
    rows = "".join(
        f'<tr><th scope="row" class="t">{clock(item.first) or "–"}</th>{_cell("to", clock(item.last), "t")}'
        f"<td>{_text(item.detail)}</td>{_reason(item, custody)}</tr>"
        for item in items
    )
    return _table("Frames covered whole", ("From", "To", "Why", "Reason"), rows) if rows else ""


def _dropped(items: list[Exemption], custody: Custody) -> str:
    rows = "".join(
        f'<tr><th scope="row">{_text(item.kind)}</th><td class="wide">{_text(item.detail) or "–"}</td>'
        f"{_reason(item, custody)}</tr>"
        for item in items
    )
    return _table("Dropped", ("What", "Names, never values", "Reason"), rows) if rows else ""


def _table(caption: str, heads: Iterable[str], rows: str) -> str:
    columns = "".join(f'<th scope="col">{head}</th>' for head in heads)
    return (
        f"<table>\n<caption>{caption}</caption>\n<thead><tr>{columns}</tr></thead>\n<tbody>{rows}</tbody>\n</table>"
    )


def _reasons(custody: Custody) -> str:
    rows = "".join(
        f'<tr><th scope="row">{_GROUND_WORDS[ground]}</th>{_cell("code", _text(custody.reasons[ground].code))}'
        f'<td class="wide">{_text(custody.reasons[ground].statute)}</td></tr>'
        for ground in GROUNDS
        if ground in custody.reasons
    )
    return _table("Grounds", ("What", "Code", "Statute"), rows) if rows else ""


def _reason(item: Exemption, custody: Custody) -> str:
    reason = custody.reason(item.ground)
    statute = f"<small>{_text(reason.statute)}</small>" if reason.statute else ""
    return f'<td class="wide">{_text(reason.code) or ("" if statute else "–")}{statute}</td>'


def _failures(failures: list[dict[str, str]]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{_text(failure["input"])}</th><td>{_text(failure["error"])}</td></tr>'
        for failure in failures
    )
    if not rows:
        return ""
    return f"<section>{_table('Ended without output', ('Original', 'Error'), rows)}</section>"


def _map(polygon: list[list[float]], video: Json) -> str:
    width, height = 160.0, 160.0 * video["height"] / max(video["width"], 1)
    points = " ".join(f"{x * width:.1f},{y * height:.1f}" for x, y in polygon)
    return (
        f'<svg class="map" viewBox="0 0 {width:g} {height:.1f}" role="img" aria-label="the area in the frame">'
        f'<polygon class="always" points="{points}"/></svg>'
    )


def _timeline(run: Json, items: list[Exemption], number: int) -> str:
    """Who was covered when, as bars in percent of the width: readable on a phone as on paper."""
    timed = [item for item in items if item.first is not None and item.last is not None]
    begin, end = _axis(run, timed)
    tracks = [item for item in timed if item.what == "track"]
    whole = [item for item in timed if item.what == "whole"]
    found = {track["track"]: track for track in run["tracks"]}

    def at(seconds: float) -> float:
        return round(100 * (min(max(seconds, begin), end) - begin) / (end - begin), 3)

    lanes = {kind: _lanes([item for item in tracks if item.kind == kind]) for kind in KINDS}
    thin = sum(map(len, lanes.values())) > _MANY
    lane, bar = _THIN if thin else (_LANE, _BAR)
    y = _BAND
    marks = []
    for kind in KINDS:
        if not lanes[kind]:
            continue
        count = sum(map(len, lanes[kind]))
        marks.append(
            f'<text x="0" y="{y - 6}">{_GROUND_WORDS[kind]}: {count} track{"" if count == 1 else "s"}</text>'
        )
        for row in lanes[kind]:
            for item in row:
                marks.append(_bar(item, found[item.track], y, bar, at, thin))
            y += lane
        y += _BAND
    if run["policy"]["always"]:
        marks.append(f'<text x="0" y="{y - 6}">Areas always covered: {len(run["policy"]["always"])}</text>')
        marks.append(f'<rect class="always around" x="0" y="{y}" width="100%" height="{bar}" rx="2"/>')
        y += lane + _BAND
    if whole:
        marks.append(f'<text x="0" y="{y - 6}">Frames covered whole: {run["whole"]["frames"]}</text>')
        for item in whole:
            first, last = at(item.first or 0.0), at(item.last or 0.0)
            marks.append(
                f'<rect class="whole" x="{first}%" y="{y}" width="{max(last - first, 0.3):.3f}%" height="{bar}">'
                f"<title>{clock(item.first)} to {clock(item.last)}</title></rect>"
            )
        y += lane + _BAND
    if not marks:
        return ""
    height = y
    ticks = "".join(_tick(time, at(time), height) for time in _times(begin, end))
    return f"""<figure>
<svg class="plot" width="100%" height="{height + 6}" role="img" aria-label="{_ALT}">
{ticks}
{chr(10).join(marks)}
</svg>
<figcaption>{_legend(lanes, thin)}</figcaption>
</figure>"""


def _bar(item: Exemption, track: Json, y: int, height: int, at: Any, thin: bool) -> str:
    first, last = at(item.first), at(item.last)
    seen, gone = at(track["first"]), at(track["last"])
    said = f"{item.kind} {item.track}: {clock(item.first)} to {clock(item.last)}"
    parts = [
        f"<g><title>{said}</title>",
        f'<rect class="{item.kind} around" x="{first}%" y="{y}" width="{max(last - first, 0.3):.3f}%" '
        f'height="{height}" rx="2"/>',
        f'<rect class="{item.kind}" x="{seen}%" y="{y}" width="{max(gone - seen, 0.3):.3f}%" '
        f'height="{height}" rx="2"/>',
    ]
    if not thin:
        low = at(track["lowest_time"])
        parts.append(f'<line class="low" x1="{low}%" x2="{low}%" y1="{y}" y2="{y + height}"/>')
        if gone - seen >= _WIDE:  # beside the mark where that stands at the beginning
            left = low if low - seen < _WIDE / 2 else seen
            parts.append(f'<text class="number" x="{left}%" dx="4" y="{y + height - 2}">{item.track}</text>')
    parts.append("</g>")
    return "".join(parts)


def _axis(run: Json, timed: list[Exemption]) -> tuple[float, float]:
    """From where to where: a part of a recording keeps the recording's times."""
    first = min((item.first or 0.0 for item in timed), default=0.0)
    last = max((item.last or 0.0 for item in timed), default=0.0)
    begin = first if last > run["duration"] * 1.001 + 1 else 0.0
    return begin, max(begin + run["duration"], last)


def _times(begin: float, end: float) -> list[float]:
    step = next((step for step in _STEPS if (end - begin) / step <= _TICKS), _STEPS[-1])
    first = -(-begin // step)
    return [round((first + index) * step, 3) for index in range(int((end - first * step) / step + 1e-6) + 1)]


def _tick(time: float, at: float, height: int) -> str:
    whole = round(time * 1000)
    minutes, seconds = whole // 60_000, whole % 60_000 / 1000
    hours = f"{minutes // 60}:{minutes % 60:02}" if minutes >= 60 else str(minutes)
    said = f"{hours}:{seconds:02.0f}" if not seconds % 1 else f"{hours}:{seconds:04.1f}"
    anchor = "start" if at < 3 else "end" if at > 96 else "middle"
    return (
        f'<line class="tick" x1="{at}%" x2="{at}%" y1="0" y2="{height - 12}"/>'
        f'<text x="{at}%" y="{height + 2}" text-anchor="{anchor}">{said}</text>'
    )


def _lanes(items: list[Exemption]) -> list[list[Exemption]]:
    """Tracks in as few rows as need not overlap."""
    rows: list[list[Exemption]] = []
    for item in sorted(items, key=lambda item: item.first or 0.0):
        for row in rows:
            if (row[-1].last or 0.0) <= (item.first or 0.0):
                row.append(item)
                break
        else:
            rows.append([item])
    return rows


def _legend(lanes: dict[str, list[list[Exemption]]], thin: bool) -> str:
    kind = next((kind for kind in KINDS if lanes[kind]), None)
    if kind is None:
        return ""
    seen = f'<rect class="{kind}" width="22" height="11" rx="2"/>'
    around = f'<rect class="{kind} around" width="22" height="11" rx="2"/>'
    parts = [_sign(seen, "first to last sighting"), _sign(around, "covered before and after")]
    if not thin:
        low = '<rect class="gap" x="10" width="2" height="11"/>'
        parts.append(_sign(seen + low, "least certain: look here"))
    return "".join(parts)


def _sign(drawing: str, words: str) -> str:
    return f'<span><svg width="22" height="11" aria-hidden="true">{drawing}</svg> {words}</span>'


def _fact(name: str, value: str) -> str:
    return f"<div><dt>{name}</dt><dd>{value}</dd></div>"


def _cell(name: str, value: object, kind: str = "") -> str:
    given = f' class="{kind}"' if kind else ""
    return f'<td{given} data-name="{name}">{"–" if value in (None, "") else value}</td>'


def _text(text: str) -> str:
    """Text from elsewhere: never markup, and never turning the text around it."""
    return f"<bdi>{escape(shown(text))}</bdi>" if text else ""
