"""The exemption log: it says what was withheld and why, as a table and as a page that asks for nothing."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from redact.custody import Custody, Reason
from redact.errors import ConfigError
from redact.exemption_log import COLUMNS, ExemptionLog, table
from redact.exemptions import exemptions
from redact.exemptions_page import page
from redact.shown_text import shown
from tests.clips import make_clip
from tests.test_cli import failed_cleanly
from tests.test_cli import redact as command

ROOT = Path(__file__).parents[2]
CHROMIUM = "/usr/bin/chromium"
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
QUIET += ["--disable-sync", "--no-first-run"]
HOSTILE = "<script>alert(1)</script>\"'&amp;\n\r\u202egpj.exe\u2066<img src=http://example.org/x onerror=alert(2)>"
CUSTODY = Custody(
    operator="M. Okafor",
    reference="2026-0113",
    reasons={"face": Reason("6(C)", "5 U.S.C. 552(b)(6)"), "whole": Reason("D", "damaged"), "dropped": Reason("VOX")},
)
ALWAYS = [[[0.7, 0.0], [1.0, 0.0], [1.0, 0.35]]]


def track(number: int, kind: str, first: float, last: float) -> dict[str, Any]:
    frames = {"seen": 20, "filled": 10, "reached": 5, "held": 7}
    return {
        "track": number, "kind": kind, "first": first + 0.5, "last": last - 0.5, "covered": [first, last],
        "frames": frames, "lowest_score": 0.25, "lowest_time": first + 0.7, "highest_score": 0.9,
    }  # fmt: skip


def run_of(name: str = "lobby.mp4", tracks: int = 3, duration: float = 10.0) -> dict[str, Any]:
    """A run as a report has it."""
    kinds = ("face", "person", "plate")
    file = {"name": name, "bytes": 1234, "sha256": "ab" * 32}
    moments = [{"index": index, "time": index / 25, "reason": "damaged"} for index in (3, 4, 5, 60)]
    return {
        "input": file, "output": file,
        "video": {"codec": "h264", "width": 640, "height": 360, "pixel_format": "yuv420p", "frame_rate": 25.0},
        "frames": 250, "duration": duration, "detector": {"name": "guard-s", "models": []},
        "policy": {"find": ["face", "person"], "style": "solid", "always": ALWAYS}, "policy_sha256": "cd" * 32,
        "encoding": {}, "regions": {}, "look_at": [], "timings": {},
        "tracks": [track(i + 1, kinds[i % 3], i % 7, min(i % 7 + 3, duration)) for i in range(tracks)],
        "whole": {"frames": 130, "reasons": {"damaged": 130}, "moments": moments},
        "dropped": [{"kind": "audio", "name": "aac", "detail": ""}], "warnings": ["weak setting"],
    }  # fmt: skip


def html(run: dict[str, Any], custody: Custody = CUSTODY, failures: tuple[dict[str, str], ...] = ()) -> str:
    return page([(run, list(exemptions(run)))], list(failures), custody)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_everything_that_was_withheld_is_a_row():
    rows = rows_of(table([run_of()], [{"input": "bad.mp4", "error": "SourceError"}], CUSTODY))
    assert [row["what"] for row in rows] == ["track"] * 3 + ["always"] + ["whole"] * 3 + ["dropped", "failed"]
    face = rows[0]
    assert (face["kind"], face["first_seconds"], face["last_seconds"], face["style"]) == ("face", "0", "3", "solid")
    assert (face["frames_seen"], face["frames_filled"], face["frames_reached"], face["frames_held"]) == (
        "20", "10", "5", "7",
    )  # fmt: skip
    assert (face["reason_code"], face["statute"], face["operator"]) == ("6(C)", "5 U.S.C. 552(b)(6)", "M. Okafor")
    assert rows[1]["reason_code"] == ""  # nobody gave one for people
    whole = [row for row in rows if row["what"] == "whole"]
    assert [row["detail"][:2] for row in whole] == ["3 ", "1 ", "12"]  # 126 more than are known by time
    assert (whole[0]["first_seconds"], whole[0]["reason_code"]) == ("0.12", "D")
    assert rows[-1]["detail"] == "no output: SourceError"
    assert set(rows[0]) == set(COLUMNS)


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", " =", "＝"])
def test_no_cell_is_a_formula(sign):
    evil = f'{sign}HYPERLINK("http://example.org","x")'
    custody = Custody(operator=evil, reference=evil, reasons={"face": Reason(evil, evil)})
    text = table([run_of(evil)], [{"input": evil, "error": "SourceError"}], custody)
    cells = [cell for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"))) for cell in row]
    assert not [cell for cell in cells if cell.strip()[:1] in tuple("=+-@＝＋－＠")]
    assert sum(cell == f"'{evil}" for cell in cells) > 10


def test_hostile_names_stay_in_their_cell():
    text = table([run_of(HOSTILE)], [], Custody(operator=HOSTILE))
    rows = rows_of(text)
    assert len(rows) == 8
    assert all(row["input"] == shown(HOSTILE) for row in rows)
    assert "\u202e" not in text
    assert "⟨U+202E⟩" in text
    assert text.count("\r\n") == len(text.splitlines()) == 9


def test_names_that_are_no_unicode_are_shown():
    name = b"a\xff.mp4".decode(errors="surrogateescape")
    table([run_of(name)], [], CUSTODY).encode()
    html(run_of(name)).encode()


def test_it_tells_nothing_that_the_report_does_not(tmp_path):
    policy = tmp_path / "p.yml"
    policy.write_text("record: {operator: Jo, reasons: {face: {code: 6}}}\n")
    said = ["--policy", policy, "--duration", "1"]
    for suffix in (".csv", ".html"):
        log = tmp_path / f"log{suffix}"
        run = command(
            "file", ROOT / "samples" / "streams.mkv", "-o", tmp_path / f"o{suffix}.mkv", "--log", log, *said
        )
        assert run.returncode == 0, run.stderr
        text = log.read_text(encoding="utf-8")
        for value in ("Hopper", "Collins", "+38.", "+40.", str(tmp_path), str(ROOT)):
            assert value not in text
        assert "subtitle" in text
        assert "base64" not in text


def test_by_command(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", 5, codec="libx264")
    failed_cleanly(command("file", clip, "-o", tmp_path / "o.mp4", "--log", tmp_path / "log.txt"), 2)
    (tmp_path / "log.csv").write_text("precious")
    failed_cleanly(command("file", clip, "-o", tmp_path / "o.mp4", "--log", tmp_path / "log.csv"), 1)
    assert (tmp_path / "log.csv").read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "log.csv"]
    with pytest.raises(ConfigError, match=r"\.csv or \.html"):
        ExemptionLog(tmp_path / "log", CUSTODY)


def test_pictures_have_no_times():
    run = run_of("a.jpg", duration=0.0)
    for item in run["tracks"]:
        item["covered"] = None
    rows = rows_of(table([run], [], CUSTODY))
    assert {row["first_seconds"] for row in rows} == {""}
    text = html(run)
    assert "<figure>" not in text
    assert 'data-name="from"' not in text


# ---- in a browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    if not Path(CHROMIUM).exists():
        pytest.skip("chromium is not here")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def shown_page(browser, tmp_path):
    """``shown_page(text, **settings)`` → the page open in a browser, with every request and word it made."""
    contexts = []

    def opened(text: str, **settings: Any) -> Any:
        path = tmp_path / "log.html"
        path.write_text(text, encoding="utf-8")
        context = browser.new_context(**settings)
        contexts.append(context)
        page = context.new_page()
        page.requests, page.words = [], []
        page.on("request", lambda request: page.requests.append(request.url))
        page.on("console", lambda message: page.words.append(message.text))
        page.on("pageerror", lambda error: page.words.append(str(error)))
        page.on("dialog", lambda dialog: page.words.append(dialog.message))
        page.goto(path.as_uri())
        assert page.requests == [path.as_uri()]
        return page

    yield opened
    for context in contexts:
        context.close()


def test_it_asks_for_nothing_and_needs_no_script(shown_page):
    text = html(run_of(), failures=({"input": "bad.mp4", "error": "SourceError"},))
    page = shown_page(text, java_script_enabled=False)
    assert page.locator("h1").inner_text() == "Exemption log · 2026-0113"
    assert page.locator("script, link, img, iframe, object, embed, video, audio, [src], [href]").count() == 0
    assert re.findall(r"url\(|@import|https?:", text) == []
    assert page.words == []


def test_hostile_names_stay_text(shown_page):
    custody = Custody(operator=HOSTILE, reference=HOSTILE, reasons={"face": Reason(HOSTILE, HOSTILE)})
    run = run_of(HOSTILE)
    run["warnings"] = [HOSTILE]
    run["dropped"] = [{"kind": "audio", "name": HOSTILE, "detail": HOSTILE}]
    page = shown_page(html(run, custody, ({"input": HOSTILE, "error": HOSTILE},)))
    assert page.locator("script, img").count() == 0
    assert page.words == []
    assert page.requests[1:] == []
    assert page.locator("h2").inner_text() == shown(HOSTILE)
    assert page.title() == f"Exemption log · {shown(HOSTILE)}"
    assert "\u202e" not in page.content()
    turned = page.evaluate(
        "[...document.querySelectorAll('*')].filter(e => getComputedStyle(e).direction != 'ltr').length"
    )
    assert turned == 0


@pytest.mark.parametrize(("width", "tracks"), [(1280, 3), (390, 3), (320, 60)])
def test_it_fits_wide_and_narrow(shown_page, width, tracks):
    name = "a-very-long-name-of-a-recording-" * 5 + ".mp4"
    page = shown_page(html(run_of(name, tracks=tracks)), viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    figure = page.locator("figure svg.plot").bounding_box()
    for bar in page.locator("svg.plot rect").all():
        box = bar.bounding_box()
        assert box["x"] >= figure["x"] - 1
        assert box["x"] + box["width"] <= figure["x"] + figure["width"] + 1
    assert page.locator("table:has(caption:text-is('Tracks')) tbody tr").count() == tracks


def test_bars_stand_where_the_times_say(shown_page):
    page = shown_page(html(run_of(tracks=1)), viewport={"width": 1280, "height": 800})
    plot = page.locator("svg.plot").bounding_box()
    around, seen = (page.locator(f"svg.plot g rect:nth-of-type({n})").bounding_box() for n in (1, 2))
    assert around["x"] == pytest.approx(plot["x"], abs=1)
    assert around["width"] == pytest.approx(plot["width"] * 0.3, abs=1)  # 0 to 3 of 10 seconds
    assert seen["x"] - plot["x"] == pytest.approx(plot["width"] * 0.05, abs=1)
    assert seen["width"] == pytest.approx(plot["width"] * 0.2, abs=1)


def test_a_part_of_a_recording_keeps_its_times(shown_page):
    run = run_of(tracks=0)
    run["tracks"] = [track(1, "face", 92.0, 97.0)]
    run["whole"] = {"frames": 0, "reasons": {}, "moments": []}
    page = shown_page(html(run))
    assert "1:32" in page.locator("svg.plot").text_content()
    assert page.locator("svg.plot g rect").first.bounding_box()["width"] > 100


def test_tables_can_be_read_aloud(shown_page):
    page = shown_page(html(run_of()))
    for found in page.locator("table").all():
        assert found.locator("caption").count() == 1
        assert found.locator("thead th:not([scope])").count() == 0
        assert found.locator("tbody tr").count() == found.locator("tbody th[scope=row]").count()
    assert page.locator("svg.plot").get_attribute("aria-label")
    assert page.locator("html").get_attribute("lang") == "en"
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(e => +e.tagName[1])")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


LUMINANCE = """
([element, kind]) => {
  const channels = getComputedStyle(element)[kind].match(/[0-9.]+/g).slice(0, 3).map(v => {
    v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_by_day_and_by_night(shown_page, scheme):
    page = shown_page(html(run_of()), color_scheme=scheme)
    body = page.locator("body").element_handle()
    paper = page.evaluate(LUMINANCE, [body, "backgroundColor"])
    assert (paper > 0.9) == (scheme == "light")
    for selector, kind, least in (
        ("body", "color", 7),
        (".lead", "color", 4.5),
        ("rect.face", "fill", 3),
        ("rect.person", "fill", 3),
    ):
        ink = page.evaluate(LUMINANCE, [page.locator(selector).first.element_handle(), kind])
        contrast = (max(paper, ink) + 0.05) / (min(paper, ink) + 0.05)
        assert contrast >= least, (selector, contrast)


def test_it_prints_on_paper(shown_page):
    page = shown_page(html(run_of(tracks=40)), color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    body = page.locator("body").element_handle()
    assert page.evaluate(LUMINANCE, [body, "backgroundColor"]) > 0.9  # white, whatever the screen is
    assert page.locator(".hands").is_visible()
    pdf = page.pdf(prefer_css_page_size=True)
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 5
    width, height = map(float, re.search(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", pdf).groups())
    assert (round(width), round(height)) == (842, 595)  # A4, landscape


def test_a_log_of_a_real_run(shown_page, tmp_path):
    out = tmp_path / "o.mp4"
    run = command(
        "file", ROOT / "samples" / "lobby.mp4", "-o", out, "--duration", "3", "--log", tmp_path / "l.html",
        "--report", tmp_path / "r.json", "--ledger", tmp_path / "l.jsonl",
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    report = json.loads((tmp_path / "r.json").read_text())["runs"][0]
    page = shown_page((tmp_path / "l.html").read_text(encoding="utf-8"))
    assert page.locator("svg.plot g").count() == len(report["tracks"]) > 0
    text = page.locator("main").inner_text()
    for digest in (report["input"]["sha256"], report["output"]["sha256"], report["ledger"]["sha256"]):
        assert digest in text
