"""The status page in a real browser: what it shows, what it says aloud, and that it keeps to itself."""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytest.importorskip("starlette", reason='pip install "redact[live]"')

from redact.live.health import serve  # noqa: E402
from redact.live.status import SCHEDULED, OutputStatus  # noqa: E402
from tests.live.boards import PUBLISH, Board, board_of, jpeg, live, telling  # noqa: E402

CHROMIUM = Path("/usr/bin/chromium")
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
ARGS += ["--disable-component-update", "--disable-sync"]
TOKEN = "correct-horse-battery-staple"
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1440, "height": 900}
RED, GREEN = (200, 30, 30), (30, 160, 60)

LOST = live(state="lost", reason="no frame for 20 s", rate=0.0, fault="the camera hung up", fault_at=time.time())
COVERED = live(state="covered", reason="the detector does not answer")
FULL_DISK = live(outputs=(PUBLISH, OutputStatus("recordings", False, "no space left on device")))


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    sync_api.expect.set_options(timeout=15_000)
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser):
    """``opened(server)`` → the page in a browser that notes whatever it asks for and complains of."""
    with contextlib.ExitStack() as stack:

        def open_page(server, *, path="", viewport=None, quiet=True, **how):
            context = browser.new_context(viewport=viewport or DESKTOP, **how)
            stack.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(15_000)
            asked, wrong = [], []
            page.on("request", lambda request: asked.append(request.url))
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on(
                "console",
                lambda message: (
                    wrong.append(f"{message.text} {message.location}") if message.type == "error" else None
                ),
            )
            page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
            page.asked, page.wrong = asked, wrong
            page.goto(server.url + path)
            if quiet:
                stack.callback(lambda: wrong and pytest.fail(f"the page complained: {wrong}"))
            return page

        yield open_page


@contextlib.contextmanager
def shown(said, pictures=None, *, token=None, listen="127.0.0.1:0"):
    """A server whose cameras go on saying what is in ``said``."""
    board = board_of(*said)
    with telling(board, said, pictures), serve(board, listen, token, lambda: True) as server:
        yield server


def card(page, name):
    return page.get_by_role("article", name=name, exact=True)


def expect(what):
    """What is expected of a locator or a page; a loaded machine takes its time."""
    return sync_api.expect(what)


def until(condition, seconds=15.0):
    """Waits for something that no locator can wait for."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


# ---- states


def test_a_camera_goes_down_and_comes_back(opened):
    said = {"yard": live(), "door": live()}
    with shown(said, {"yard": jpeg(), "door": jpeg()}) as server:
        page = opened(server)
        page.evaluate(
            """() => {
              window.spoken = [];
              const speaker = document.getElementById("spoken");
              new MutationObserver(() => window.spoken.push(speaker.textContent)).observe(speaker, {childList: true});
            }"""
        )
        expect(page.locator("#summary")).to_have_text("All 2 cameras are well")
        expect(card(page, "yard").locator(".state")).to_have_text("Live")

        said["yard"] = LOST
        begun = time.monotonic()
        expect(card(page, "yard").locator(".state")).to_have_text("Lost")
        until(lambda: "needs a look" in page.title())
        assert time.monotonic() - begun < 5  # a loaded machine; it asks once a second
        expect(card(page, "yard")).to_contain_text("No frame for 20 s.")
        expect(card(page, "yard")).to_contain_text("The camera hung up.")
        expect(card(page, "yard").locator("[data-fact=rate]")).to_have_text("–")
        expect(card(page, "door").locator(".state")).to_have_text("Live")
        expect(page.locator("#summary")).to_contain_text("1 of 2 cameras needs a look")
        page.wait_for_timeout(2500)

        said["yard"] = live()
        expect(card(page, "yard").locator(".state")).to_have_text("Live")
        expect(page.locator("#summary")).to_have_text("All 2 cameras are well")
        # said aloud: each change once, and nothing of the camera that did not change
        spoken = [text.replace("\u2068", "").replace("\u2069", "") for text in page.evaluate("window.spoken")]
        assert spoken == ["yard: Lost. No frame for 20 s.", "yard: Live. Covered pictures go out."]


@pytest.mark.parametrize(
    ("status", "word", "sentence", "icon", "summary"),
    [
        (live(), "Live", "Covered pictures go out.", "good", "The camera is well"),
        (FULL_DISK, "Live", "1 output takes no pictures.", "warn", "The camera needs a look"),
        (COVERED, "Covered whole", "The detector does not answer.", "warn", "The camera needs a look"),
        (live(state="covered", reason=SCHEDULED), "Covered whole", "at this hour.", "covered", "The camera is well"),
        (LOST, "Lost", "No frame for 20 s.", "bad", "The camera needs a look"),
        (live(state="starting", reason="connecting"), "Starting", "Connecting.", "wait", "1 camera is starting"),
        (live(state="stopped", reason="it failed"), "Stopped", "It failed.", "off", "The camera needs a look"),
        (live(state="gibberish"), "Lost", "cannot be understood.", "bad", "The camera needs a look"),
    ],
    ids=["live", "disk full", "covered", "scheduled", "lost", "starting", "stopped", "garbage"],
)
def test_every_state_has_its_word_and_icon(opened, status, word, sentence, icon, summary):
    with shown({"yard": status}, {"yard": jpeg()}) as server:
        page = opened(server)
        yard = card(page, "yard")
        expect(yard.locator(".state")).to_have_text(word)
        expect(yard.locator(".sentence")).to_contain_text(sentence)
        expect(yard.locator(".state use")).to_have_attribute("href", f"#icon-{icon}")
        expect(page.locator("#summary")).to_have_text(summary)
        for output in status.outputs if status.state != "gibberish" else ():
            expect(yard.locator(".outputs")).to_contain_text(output.name)
            expect(yard.locator(".outputs")).to_contain_text(output.fault or "takes pictures")


def test_numbers_of_a_camera(opened):
    board = board_of("yard")
    board.started("yard", 2)
    board.started("yard", 3)
    with telling(board, {"yard": live(level=2)}), serve(board, "127.0.0.1:0", None, lambda: True) as server:
        page = opened(server)
        yard = card(page, "yard")
        expect(yard.locator("[data-fact=level]")).to_have_text("Cut back (2)")
        expect(yard.locator("[data-fact=restarts]")).to_have_text("2")
        expect(yard.locator("[data-fact=rate]")).to_have_text("15.0")
        expect(yard.locator("[data-fact=age]")).to_have_text(re.compile(r"^\d\.\d\ss$"))
        yard.get_by_text("More numbers").click()
        expect(yard.locator(".numbers")).to_contain_text("Covered whole: before the first detection5")
        expect(yard.locator(".numbers")).to_contain_text("1,200")


def test_a_refused_configuration_is_shown(opened):
    board = board_of("yard")
    board.config_fault = "redact.yml:7: <b>sorce</b> is not known"
    with telling(board, {"yard": live()}), serve(board, "127.0.0.1:0", None, lambda: True) as server:
        page = opened(server)
        expect(page.locator("#notice")).to_contain_text("redact.yml:7: <b>sorce</b> is not known")
        board.config_fault = ""
        expect(page.locator("#notice")).to_be_hidden()


def test_a_supervisor_that_hangs_is_shown(opened):
    alive = True
    board = board_of("yard")
    with telling(board, {"yard": live()}), serve(board, "127.0.0.1:0", None, lambda: alive) as server:
        page = opened(server)
        expect(page.locator("#alarm")).to_be_empty()
        alive = False
        expect(page.locator("#alarm")).to_contain_text("The supervisor does not go on")


def test_cameras_come_and_go_with_the_configuration(opened):
    said = {"yard": live()}
    board = board_of("yard")
    with telling(board, said), serve(board, "127.0.0.1:0", None, lambda: True) as server:
        page = opened(server)
        expect(page.get_by_role("article")).to_have_count(1)
        board.add("door", "")
        board.started("door", 2)
        said["door"] = live()
        expect(card(page, "door").locator(".state")).to_have_text("Live")
        expect(page.locator("#spoken")).to_contain_text("door")
        del said["yard"]
        time.sleep(0.5)
        board.remove("yard")
        expect(page.get_by_role("article")).to_have_count(1)
        expect(card(page, "door")).to_be_visible()


def test_no_camera(opened):
    with serve(Board(), "127.0.0.1:0", None, lambda: True) as server:
        page = opened(server)
        expect(page.locator(".empty").last).to_contain_text("No camera is set up")
        expect(page.locator("#pause")).to_be_hidden()


# ---- the server


def test_a_server_that_is_gone_and_comes_back(opened):
    board = board_of("yard")
    with telling(board, {"yard": live()}, {"yard": jpeg()}):
        with serve(board, "127.0.0.1:0", None, lambda: True) as server:
            page = opened(server, quiet=False)
            expect(page.locator("#summary")).to_have_text("The camera is well")
            expect(card(page, "yard").locator("canvas")).to_be_visible()
        expect(page.locator("#alarm")).to_contain_text("redact does not answer since")
        assert page.locator("#alarm").get_attribute("role") == "alert"
        expect(card(page, "yard").locator(".state")).to_have_text("Was live")
        expect(card(page, "yard").locator("[data-fact=rate]")).to_have_text("–")
        expect(card(page, "yard").locator(".stamp")).to_contain_text("Old picture, from")
        expect(card(page, "yard").locator("canvas")).to_have_css("filter", re.compile("grayscale"))
        assert page.title() == "No answer · redact"
        with serve(board, f"127.0.0.1:{server.port}", None, lambda: True):
            expect(card(page, "yard").locator(".state")).to_have_text("Live")
            expect(page.locator("#alarm")).to_be_empty()
            expect(page.locator("#spoken")).to_have_text("redact answers again.")
            expect(card(page, "yard").locator(".stamp")).to_be_hidden()


def test_a_server_that_never_answers(browser, opened):
    """It accepts and is silent, as when the machine is out of memory."""
    board = board_of("yard")
    with telling(board, {"yard": live()}), serve(board, "127.0.0.1:0", None, lambda: True) as server:
        page = opened(server, quiet=False)
        expect(card(page, "yard").locator(".state")).to_have_text("Live")
        page.route("**/state", lambda route: None)
        expect(page.locator("#alarm")).to_contain_text("redact does not answer since")


def test_nonsense_from_the_server_counts_as_no_answer(opened):
    board = board_of("yard")
    with telling(board, {"yard": live()}), serve(board, "127.0.0.1:0", None, lambda: True) as server:
        page = opened(server, quiet=False)
        expect(card(page, "yard").locator(".state")).to_have_text("Live")
        page.route("**/state", lambda route: route.fulfill(status=200, body="<html>a proxy's error page"))
        expect(page.locator("#alarm")).to_contain_text("redact does not answer since")


# ---- pictures

_PIXEL = """canvas => Array.from(
  canvas.getContext("2d").getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data).slice(0, 3)"""


def color_of(page, name) -> tuple[int, ...]:
    return tuple(card(page, name).locator("canvas").evaluate(_PIXEL))


def near(one, other) -> bool:
    return all(abs(a - b) < 12 for a, b in zip(one, other, strict=True))


def test_the_picture_moves(opened):
    pictures = {"yard": jpeg(RED)}
    with shown({"yard": live()}, pictures) as server:
        page = opened(server)
        expect(card(page, "yard").locator("canvas")).to_be_visible()
        until(lambda: near(color_of(page, "yard"), RED))
        pictures["yard"] = jpeg(GREEN)
        until(lambda: near(color_of(page, "yard"), GREEN))
        pictures["yard"] = jpeg(RED)
        until(lambda: near(color_of(page, "yard"), RED))
        assert card(page, "yard").locator("canvas").get_attribute("aria-label") == "Covered picture of yard"


def test_a_picture_that_stands_still_turns_grey_and_says_since_when(opened):
    pictures = {"yard": jpeg(RED)}
    with shown({"yard": live()}, pictures) as server:
        page = opened(server)
        yard = card(page, "yard")
        expect(yard.locator("canvas")).to_be_visible()
        expect(yard.locator(".stamp")).to_be_hidden()
        pictures.clear()
        expect(yard.locator(".stamp")).to_contain_text(re.compile(r"Old picture, from .*\d+\ss ago"))
        expect(yard.locator("canvas")).to_have_css("filter", re.compile("grayscale"))
        assert yard.locator("canvas").get_attribute("aria-label") == "Old picture of yard"
        pictures["yard"] = jpeg(GREEN)
        expect(yard.locator(".stamp")).to_be_hidden()
        expect(yard.locator("canvas")).to_have_css("filter", "none")


def test_no_picture_is_said(opened):
    with shown({"yard": LOST}) as server:
        yard = card(opened(server), "yard")
        expect(yard.locator(".blank")).to_have_text("No picture")
        expect(yard.locator("canvas")).to_be_hidden()


def test_a_picture_that_is_none_does_no_harm(opened):
    pictures = {"yard": b"no picture at all"}
    with shown({"yard": live()}, pictures) as server:
        page = opened(server)
        expect(card(page, "yard").locator(".blank")).to_be_visible()
        page.wait_for_timeout(1500)
        pictures["yard"] = jpeg(GREEN)
        until(lambda: near(color_of(page, "yard"), GREEN))


def test_who_wants_no_motion_gets_still_pictures(opened):
    pictures = {"yard": jpeg(RED)}
    with shown({"yard": live()}, pictures) as server:
        page = opened(server, reduced_motion="reduce")
        yard = card(page, "yard")
        until(lambda: near(color_of(page, "yard"), RED))
        pictures["yard"] = jpeg(GREEN)
        expect(yard.locator(".stamp")).to_contain_text("Paused. Picture from")
        page.wait_for_timeout(2500)
        assert near(color_of(page, "yard"), RED)
        page.get_by_role("button", name="Play pictures").click()
        until(lambda: near(color_of(page, "yard"), GREEN))
        expect(yard.locator(".stamp")).to_be_hidden()
        page.get_by_role("button", name="Pause pictures").click()
        expect(yard.locator(".stamp")).to_contain_text("Paused")


# ---- names, sizes, hands and ears

STRANGE = ["<script>alert(1)</script>", "\"quotes\" & 'more'", "<img src=x onerror=alert(1)>", "حديقة خلفية (1)"]
STRANGE += ["a" * 200, "../../etc", "${7*7} {{7*7}}", "\u202egnp.exe", "line\nbreak", "%00%2e", "__proto__", "ﷺ" * 30]


def test_strange_names_stay_text(opened):
    said = dict.fromkeys(STRANGE, live()) | {STRANGE[0]: LOST, STRANGE[3]: LOST}
    pictures = {name: jpeg() for name in STRANGE if "\n" not in name}  # a line break is in no path
    with shown(said, pictures) as server:
        page = opened(server)
        expect(page.get_by_role("article")).to_have_count(len(STRANGE))
        assert page.locator("h3").evaluate_all("all => all.map(one => one.textContent)") == STRANGE
        expect(page.locator("#summary")).to_contain_text(STRANGE[0])
        assert page.locator(".card script, .card img[onerror], #summary script").count() == 0
        said[STRANGE[1]] = LOST
        expect(page.locator("#spoken")).to_contain_text(STRANGE[1])
        page.locator(".card").nth(2).scroll_into_view_if_needed()
        expect(page.locator(".card").nth(2).locator("canvas")).to_be_visible()


@pytest.mark.parametrize("number", [0, 1, 2, 4, 16])
@pytest.mark.parametrize("width", [320, 390, 768, 1440, 2560])
def test_nothing_sticks_out(opened, number, width):
    names = ["a very long name of a camera at the far end of the yard " * 3, *(f"camera {n}" for n in range(1, 16))]
    said = {name: (LOST if n % 3 == 0 else live()) for n, name in enumerate(names[:number])}
    with shown(said) as server:
        page = opened(server, viewport={"width": width, "height": 800})
        expect(page.get_by_role("article")).to_have_count(number)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        out = page.locator(".card *").evaluate_all(
            """all => all.filter(one => {
              const edge = one.closest(".card").getBoundingClientRect().right + 1;
              return one.getBoundingClientRect().right > edge;
            }).map(one => one.outerHTML)"""
        )
        assert out == []


def test_text_twice_as_large_still_fits(opened):
    with shown({"yard": LOST, "door": live()}) as server:
        page = opened(server, viewport=PHONE)
        expect(page.get_by_role("article")).to_have_count(2)
        page.evaluate("document.documentElement.style.setProperty('font-size', '200%')")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_whatever_can_be_touched_is_large_enough(opened, viewport):
    with shown({"a": LOST, "b": COVERED, "c": live()}, {"c": jpeg()}) as server:
        page = opened(server, viewport=viewport)
        expect(page.get_by_role("article")).to_have_count(3)
        page.locator(".skip").focus()
        sizes = page.locator("a:visible, button:visible, summary:visible, input:visible").evaluate_all(
            "all => all.map(one => [one.outerHTML.slice(0, 80), one.getBoundingClientRect().width, "
            "one.getBoundingClientRect().height])"
        )
        assert len(sizes) >= 6
        assert [one for one in sizes if one[1] < 44 or one[2] < 44] == []


def test_everything_by_keyboard(opened):
    with shown({"yard": live(), "door": LOST}) as server:
        page = opened(server)
        expect(page.get_by_role("article")).to_have_count(2)

        def focused():
            return page.evaluate("document.activeElement.textContent.trim()")

        page.keyboard.press("Tab")
        assert focused() == "Skip to the cameras"
        assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
        page.keyboard.press("Tab")
        assert focused() == "Pause pictures"
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
        page.keyboard.press("Space")
        expect(page.get_by_role("button", name="Play pictures")).to_be_focused()
        page.keyboard.press("Tab")
        assert focused() == "door"
        page.keyboard.press("Enter")  # to the card that needs a look
        assert page.evaluate("document.activeElement.querySelector('h3').textContent") == "door"
        page.keyboard.press("Tab")
        assert focused() == "More numbers"
        page.keyboard.press("Enter")
        expect(card(page, "door").locator("details")).to_have_attribute("open", "")
        page.wait_for_timeout(2500)  # the page goes on writing; focus and what was opened stay
        assert focused() == "More numbers"
        expect(card(page, "door").locator("details")).to_have_attribute("open", "")


def test_landmarks_and_headings(opened):
    with shown({"yard": live(), "door": LOST}, {"yard": jpeg()}) as server:
        page = opened(server)
        expect(page.get_by_role("article")).to_have_count(2)
        for role in ("banner", "main", "contentinfo"):
            expect(page.get_by_role(role)).to_have_count(1)
        expect(page.get_by_role("heading", level=1)).to_have_text("redact")
        expect(page.get_by_role("heading", level=3)).to_have_text(["yard", "door"])
        expect(page.locator("#spoken")).to_have_attribute("role", "status")
        assert page.locator("html").get_attribute("lang") == "en"


# ---- axe


@pytest.fixture(scope="module")
def axe():
    place = os.environ.get("REDACT_AXE")
    if not place:
        pytest.skip("REDACT_AXE does not name axe.min.js (npm pack axe-core)")
    return Path(place).read_text(encoding="utf-8")


def violations(page, axe):
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert len(found["passes"]) > 10  # it did look
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_axe_finds_nothing(opened, axe, scheme, viewport):
    said = {
        "live": live(),
        "disk full": FULL_DISK,
        "covered": COVERED,
        "scheduled": live(state="covered", reason=SCHEDULED),
        "lost": LOST,
        "starting": live(state="starting", reason="connecting"),
        "stopped": live(state="stopped", reason="it failed"),
    }
    board = board_of(*said)
    board.config_fault = "redact.yml:7: sorce is not known"
    pictures = {"live": jpeg(), "covered": jpeg()}
    with telling(board, said, pictures):
        with serve(board, "127.0.0.1:0", None, lambda: True) as server:
            page = opened(server, viewport=viewport, color_scheme=scheme, quiet=False)
            expect(page.get_by_role("article")).to_have_count(len(said))
            expect(card(page, "live").locator("canvas")).to_be_visible()
            card(page, "live").get_by_text("More numbers").click()
            assert violations(page, axe) == []
        expect(page.locator("#alarm")).to_contain_text("does not answer")
        assert violations(page, axe) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_where_there_is_no_camera_and_at_the_door(opened, axe, scheme):
    with serve(Board(), "127.0.0.1:0", None, lambda: True) as server:
        page = opened(server, color_scheme=scheme, quiet=False)
        expect(page.locator(".empty").last).to_be_visible()
        assert violations(page, axe) == []
    with serve(Board(), "127.0.0.1:0", TOKEN, lambda: True) as server:
        page = opened(server, color_scheme=scheme, quiet=False, path="login?wrong")
        expect(page.get_by_role("alert")).to_have_text("That is not the token.")
        assert violations(page, axe) == []


# ---- the way in, and nothing outside


def test_the_token_by_hand(opened):
    with shown({"yard": live()}, token=TOKEN, listen="0.0.0.0:0") as server:
        page = opened(server, quiet=False)
        expect(page).to_have_title("Log in · redact")
        expect(page.get_by_label("Token")).to_be_focused()
        page.keyboard.type("wrong-wrong-wrong-wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text("That is not the token.")
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Show the cameras").click()
        expect(card(page, "yard").locator(".state")).to_have_text("Live")
        assert TOKEN not in page.url
        assert page.evaluate("document.cookie") == ""  # no script can read it
        page.context.clear_cookies()
        expect(page).to_have_title("Log in · redact")


def test_the_token_in_a_link(opened):
    with shown({"yard": live()}, token=TOKEN, listen="0.0.0.0:0") as server:
        page = opened(server, path=f"?token={TOKEN}")
        expect(card(page, "yard").locator(".state")).to_have_text("Live")
        assert TOKEN not in page.url
        assert TOKEN not in page.evaluate("document.referrer + JSON.stringify(performance.getEntries())")


def test_nothing_is_asked_of_anybody_else(opened):
    with shown({"yard": live(), "door": LOST}, {"yard": jpeg()}) as server:
        page = opened(server)
        expect(card(page, "yard").locator("canvas")).to_be_visible()
        page.wait_for_timeout(2500)
        assert any("/preview.jpg" in url for url in page.asked)
        assert [url for url in page.asked if not url.startswith(server.url)] == []
        assert page.evaluate(
            "performance.getEntriesByType('resource').every(e => e.name.startsWith(location.origin))"
        )
        # and nobody could make it: the browser itself refuses
        refused = page.evaluate("fetch('https://example.org/').then(() => 'sent', () => 'refused')")
        assert refused == "refused"
        assert any("Content Security Policy" in text for text in page.wrong)
        page.wrong.clear()
