"""A real Chromium opens the page: nothing fails, nothing leaves it, and it can be used, read, printed and carried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.report.html.conftest import Doc, Render

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

VISIBLE = "rows => rows.filter(row => row.checkVisibility()).map(row => row.id)"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class Opened:
    """One page in one window, with what it complained about and asked for."""

    def __init__(self, browser: Browser, path: Path, **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def shown(self) -> list[str]:
        """The ids of the findings that can be seen, in order."""
        found: list[str] = self.page.eval_on_selector_all("#findings-table > tbody", VISIBLE)
        return found


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, rendered: Render, demo: Doc, thousand: Doc) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    for name, document in (("demo", demo), ("thousand", thousand)):
        (folder / f"{name}.html").write_text(rendered(document), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in ("demo", "thousand")}


@pytest.fixture(scope="module", params=["demo", "thousand"])
def opened(request: pytest.FixtureRequest, chromium: Browser, files: dict[str, Path]) -> Iterator[Opened]:
    found = Opened(chromium, files[request.param], viewport={"width": 1280, "height": 800})
    yield found
    found.context.close()


@pytest.fixture
def big(chromium: Browser, files: dict[str, Path]) -> Iterator[Opened]:
    found = Opened(chromium, files["thousand"])
    yield found
    found.context.close()


def test_nothing_is_complained_about_and_nothing_else_is_asked_for(opened: Opened) -> None:
    assert opened.complaints == []
    assert opened.requests == [opened.page.url]
    assert opened.page.evaluate(OVERFLOW) == 0


def test_the_policy_is_in_force(chromium: Browser, files: dict[str, Path]) -> None:
    found = Opened(chromium, files["demo"])
    found.page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=\"data:image/gif;base64,R0lGODlhAQABAAAAACw=\">"
        '<p id="told" style="position: fixed" onclick="window.ran = 1">\')'
    )
    found.page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 2'}))"
    )
    found.page.evaluate("document.getElementById('told').click()")
    assert found.page.evaluate("window.ran") is None
    assert found.page.evaluate("getComputedStyle(document.getElementById('told')).position") == "static"
    refused = [text for text in found.complaints if "Content Security Policy" in text]
    assert {
        kind for kind in ("image", "style", "script", "event handler") if any(kind in text for text in refused)
    } == {*("image", "style", "script", "event handler")}
    found.context.close()


def test_the_first_screen_says_the_verdict_why_how_sure_and_what_was_not_looked_at(opened: Opened) -> None:
    opened.page.evaluate("scrollTo(0, 0)")
    for selector in ("h1", ".card .word", ".card .why", "text=How sure", "text=Not looked at"):
        box = opened.page.locator(selector).first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < 800


def test_the_map_shows_what_the_document_says(big: Opened, thousand: Doc) -> None:
    marks = big.page.eval_on_selector_all(
        ".map .mark[data-place]", "marks => marks.map(m => [m.dataset.place, Number(m.dataset.endpoints)])"
    )
    drawn: Counter[str] = Counter()
    for place, endpoints in marks:
        drawn[place] += endpoints
    assert drawn == Counter(f["place"] for f in thousand["findings"])
    boxes = [big.page.locator(".map .mark").nth(n).bounding_box() for n in range(len(marks))]
    assert all(box is not None and box["width"] >= 6 for box in boxes)
    paint = "uses => uses.map(use => [use.getBoundingClientRect().width > 5, getComputedStyle(use).fill])"
    shades = big.page.eval_on_selector_all(".area.in use", paint)
    assert [wide for wide, _ in shades] == [True]  # Germany
    assert shades[0][1] != big.page.evaluate("getComputedStyle(document.querySelector('.land')).fill")


def test_the_table_filters(big: Opened, thousand: Doc) -> None:
    outcomes = Counter(f["outcome"] for f in thousand["findings"])
    assert len(big.shown()) == 1_000
    big.page.select_option("#f-outcome", "excused")
    assert len(big.shown()) == outcomes["excused"] == 200
    big.page.fill("#f-text", "h17.4.ACME")
    (only,) = big.shown()
    assert only == next(f["id"] for f in thousand["findings"] if f["host"] == "h17.4.acme.example")
    assert big.page.inner_text("#f-count") == "1 of 1,000 shown"
    big.page.fill("#f-text", "nowhere at all")
    assert big.shown() == []
    big.page.fill("#f-text", "")
    big.page.select_option("#f-outcome", "")
    assert len(big.shown()) == 1_000


def test_the_table_filters_by_claim(chromium: Browser, files: dict[str, Path], demo: Doc) -> None:
    found = Opened(chromium, files["demo"])
    claims = Counter(f["claim"] for f in demo["findings"])
    for claim, count in claims.items():
        found.page.select_option("#f-claim", label=claim)
        ids = {f["id"] for f in demo["findings"] if f["claim"] == claim}
        assert set(found.shown()) == ids
        assert len(found.shown()) == count
    found.context.close()


def test_the_table_sorts_by_numbers_and_words_and_says_so(big: Opened, thousand: Doc) -> None:
    sent = {f["id"]: f["bytes_sent"] for f in thousand["findings"]}
    host = {f["id"]: f["host"] for f in thousand["findings"]}
    headings = big.page.locator("#findings-table thead th")
    button = headings.get_by_role("button", name="Sent")
    button.focus()
    big.page.keyboard.press("Enter")
    assert [sent[i] for i in big.shown()] == sorted(sent.values())
    assert headings.nth(5).get_attribute("aria-sort") == "ascending"
    big.page.keyboard.press("Enter")
    assert [sent[i] for i in big.shown()] == sorted(sent.values(), reverse=True)
    assert headings.nth(5).get_attribute("aria-sort") == "descending"
    headings.get_by_role("button", name="Endpoint").click()
    assert [host[i] for i in big.shown()] == sorted(host.values())
    assert headings.nth(5).get_attribute("aria-sort") is None


def test_a_finding_opens_to_its_chain_with_the_words_of_its_rules(opened: Opened) -> None:
    first = opened.page.locator("#findings-table > tbody").first
    first.locator("summary").click()
    for title in ("Seen", "Held against", "Evidence", "Place", "Rules", "Outcome", "What would change it"):
        assert first.locator("li b", has_text=title).is_visible()
    assert "every link of a contradiction holds" in first.locator("li", has_text="Rules").inner_text()
    first.locator("summary").click()
    assert not first.locator("ol").is_visible()


def test_a_link_to_a_finding_opens_it(chromium: Browser, files: dict[str, Path], demo: Doc) -> None:
    finding = demo["findings"][-1]["id"]
    found = Opened(chromium, files["demo"])
    found.page.goto(f"{files['demo'].as_uri()}#{finding}")
    found.page.reload()
    assert found.page.locator(f"#{finding} ol").is_visible()
    found.context.close()


def test_without_scripts_everything_can_be_read(chromium: Browser, files: dict[str, Path], demo: Doc) -> None:
    found = Opened(chromium, files["demo"], java_script_enabled=False)
    rows = found.page.locator("#findings-table > tbody")
    assert rows.count() == len(demo["findings"])
    assert all(rows.nth(n).is_visible() for n in range(rows.count()))
    assert not found.page.locator("#filter").is_visible()
    rows.first.locator("summary").click()
    assert rows.first.get_by_text("What would change it").is_visible()
    assert found.page.locator("#findings-table thead button").count() == 0
    found.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_told_from_the_page_in_light_and_in_dark(
    chromium: Browser, files: dict[str, Path], scheme: Any
) -> None:
    found = Opened(chromium, files["demo"], color_scheme=scheme)
    colours = "[document.body, ...document.querySelectorAll('h1, .word, .facts, .why, td, dt, dd, caption, .o')]"
    shades = found.page.evaluate(f"{colours}.map(e => getComputedStyle(e).color)")
    paper = found.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (luminance(paper) > 0.5) == (scheme == "light")
    assert min(contrast(shade, paper) for shade in shades) >= 4.5  # WCAG 2.2, 1.4.3
    found.context.close()


def luminance(colour: str) -> float:
    """Relative luminance of rgb(r, g, b), WCAG 2.2."""
    channels = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", ["demo", "thousand"])
def test_on_a_phone_the_page_does_not_scroll_sideways(chromium: Browser, files: dict[str, Path], name: str) -> None:
    found = Opened(chromium, files[name], viewport={"width": 390, "height": 844})
    assert found.page.evaluate(OVERFLOW) == 0
    found.page.locator("#findings-table > tbody summary").first.click()
    assert found.page.evaluate(OVERFLOW) == 0
    found.context.close()


def test_on_paper_the_findings_and_the_maps_in_words_are_there_and_controls_are_not(
    chromium: Browser, files: dict[str, Path]
) -> None:
    found = Opened(chromium, files["demo"])
    found.page.emulate_media(media="print")
    assert not found.page.locator("#filter").is_visible()
    assert not found.page.locator("nav").is_visible()
    assert found.page.locator("#findings-table > tbody").first.is_visible()
    words = found.page.locator("details.print table").first.bounding_box()
    assert words is not None
    assert words["height"] > 20
    assert found.page.pdf(format="A4").startswith(b"%PDF-")
    found.context.close()


def test_the_keyboard_reaches_the_claims_and_the_tables(chromium: Browser, files: dict[str, Path]) -> None:
    found = Opened(chromium, files["demo"])
    found.page.keyboard.press("Tab")
    assert found.page.evaluate("document.activeElement.textContent") == "Skip to the claims"
    assert found.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    names = found.page.evaluate("[...document.querySelectorAll('[role=region]')].map(e => [e.tabIndex, e.ariaLabel])")
    assert names
    assert all(index == 0 and label for index, label in names)
    found.context.close()
