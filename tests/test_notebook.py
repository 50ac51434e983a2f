"""Values in a notebook: the hooks that frontends call, and maps that are drawn without a browser and a network."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Page, sync_playwright

import residency
from residency import notebook
from residency.errors import UsageError
from residency.model.claim import Claim, Pack
from residency.model.location import Location, Locations
from residency.model.resolution import Lookup, Resolution
from residency.model.shown import Shown
from residency.model.verdict import ClaimResult, ClaimResults, Finding, Findings, Report
from residency.resolve import resolve

DEMO = Path(__file__).resolve().parents[1] / "data" / "demo"
_MOST_BYTES = 500_000
_PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def report() -> Report:
    return residency.audit(DEMO / "claims.toml", DEMO / "composed-sample.csv", clients="EEA")


@pytest.fixture(scope="module")
def located() -> Locations:
    return residency.locate(["3.5.64.21", "104.16.51.111"], within="EEA", as_of="2026-06-15")


class Printer:
    """What IPython hands to `_repr_pretty_`."""

    def __init__(self) -> None:
        self.written = ""

    def text(self, text: str) -> None:
        self.written += text


def test_every_value_of_the_list_shows_itself(report: Report, located: Locations) -> None:
    values: list[Any] = [report, report.findings, report.findings[0], report.claims, report.claims[0]]
    values += [report.claims[0].claim, residency.load_pack(DEMO / "claims.toml"), located, located[0], resolve(())]
    kinds = (Report, Findings, Finding, ClaimResults, ClaimResult, Claim, Pack, Locations, Location, Resolution)
    assert tuple(map(type, values)) == kinds
    for value in values:
        html = value._repr_html_()
        assert html.startswith('<div class="residency-view">')
        assert "http" not in html
        printer = Printer()
        value._repr_pretty_(printer, cycle=False)
        assert printer.written == value._repr_markdown_()


def test_each_class_has_the_hook_for_plain_text_as_its_own() -> None:
    kinds = (Report, Findings, Finding, ClaimResults, ClaimResult, Claim, Pack, Locations, Location, Lookup, Resolution)
    assert [kind for kind in kinds if not issubclass(kind, Shown) or "_repr_pretty_" not in vars(kind)] == []


def test_the_report_tells_its_verdicts(report: Report) -> None:
    text = report._repr_markdown_()
    assert "**violated** (declared, isolated) **shop.telemetry-in-eu**: One of 10 conversations" in text
    assert "| shop.orders-in-eea | inside | 3 | 19 | 244 kB | 61 kB |" in text


def test_the_same_report_shows_the_same(report: Report) -> None:
    again = residency.audit(DEMO / "claims.toml", DEMO / "composed-sample.csv", clients="EEA")
    assert again._repr_html_() == report._repr_html_()
    assert again.map().to_dict() == report.map().to_dict()


def test_a_private_and_an_anycast_address_have_no_place() -> None:
    text = residency.locate(["10.0.0.7", "104.16.51.111"], as_of="2026-06-15")._repr_markdown_()
    assert "| 10.0.0.7 | none (private) |" in text
    assert "| 104.16.51.111 | no single place (anycast) |" in text
    assert "speaks for" not in text  # no area was asked about, so there are no sides


def test_a_map_is_small_and_holds_its_land(report: Report) -> None:
    drawn = report.map("shop.telemetry-in-eu")
    text = json.dumps(drawn.to_dict())
    assert len(text) < _MOST_BYTES
    assert "topojson" in text
    assert '"url"' not in text
    assert repr(drawn) == "<1 residency map>"


def test_a_report_with_two_claims_has_two_maps(report: Report) -> None:
    assert repr(report.map()) == "<2 residency maps>"
    assert [panel["title"]["text"] for panel in report.map().to_dict()["vconcat"]] == [
        "shop.telemetry-in-eu: violated",
        "shop.orders-in-eea: consistent",
    ]
    with pytest.raises(KeyError):
        report.map("no.such")


def test_a_map_is_saved_as_a_picture_without_a_browser(report: Report, tmp_path: Path) -> None:
    drawn = report.map("shop.telemetry-in-eu")
    drawn.save(tmp_path / "m.svg")
    drawn.save(tmp_path / "m.png")
    assert (tmp_path / "m.png").read_bytes().startswith(_PNG)
    marks = [
        element.get("aria-label") or ""
        for element in ElementTree.parse(tmp_path / "m.svg").iter()
        if (element.get("aria-roledescription") or "") in ("point", "circle")
    ]
    # Bytes decide the size; the place, its side and who says so are in the tooltip's text.
    assert any("outside" in mark for mark in marks)
    assert any("inside" in mark for mark in marks)


def test_a_viewer_gets_the_chart_and_a_picture(located: Locations) -> None:
    bundle = located.map()._repr_mimebundle_()
    assert bundle["text/plain"] == "<1 residency map>"
    assert base64.b64decode(bundle["image/png"]).startswith(_PNG)
    (chart,) = (value for kind, value in bundle.items() if kind.startswith("application/vnd.vegalite"))
    assert chart["vconcat"]


def test_one_location_has_a_map(located: Locations) -> None:
    assert located[1].map().to_dict()["vconcat"][0]["title"]["text"] == "104.16.51.111"


def test_nothing_else_has_a_map() -> None:
    with pytest.raises(TypeError, match="no map of int"):
        notebook.draw(3)


def test_a_missing_altair_is_named_with_its_extra(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("residency.report.map_chart", "altair"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.delattr("residency.report.map_chart", raising=False)
    monkeypatch.setitem(sys.modules, "altair", None)
    with pytest.raises(UsageError, match=r'\.map\(\) needs the extra `map`: .*"residency\[map\]"'):
        report.map()


def test_auditing_and_showing_load_no_altair_and_no_pandas() -> None:
    code = f"""
import sys, residency
found = residency.locate("3.5.64.21", as_of="2026-06-15")
found._repr_html_(), found.to_arrow()
print(sorted({{"altair", "vl_convert", "IPython", "polars"}} & set(sys.modules)))
assert {str(DEMO)!r}
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A page of a real browser that is told of everything that is asked of the network."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser.new_page(viewport={"width": 900, "height": 600})
        browser.close()


def test_in_a_browser_nothing_runs_and_nothing_is_fetched(page: Page, report: Report) -> None:
    attack = "<img src=x onerror=alert(1)></style><script>alert(2)</script>\u202e'\"><svg onload=alert(3)>"
    claim = replace(report.claims[0].claim, statement=attack, notes=attack)
    shown = [replace(report, warnings=(attack,)), replace(report.claims[0], claim=claim, notes=(attack,)), claim]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: asked.append(dialog.message))
    page.set_content("".join(value._repr_html_() for value in shown))
    page.wait_for_timeout(100)
    assert asked == []
    assert page.locator("img, script, svg").count() == 0
    assert page.locator(".rv-mark:visible").count() > 5


def test_a_map_in_a_browser_needs_no_network_and_tells_who_says_so(page: Page, report: Report, tmp_path: Path) -> None:
    report.map("shop.telemetry-in-eu").save(tmp_path / "m.html", inline=True)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "m.html").as_uri())
    page.locator("svg path[aria-label*='aws/us-east-1']").hover()
    page.locator("#vg-tooltip-element.visible").wait_for()
    told = page.locator("#vg-tooltip-element").inner_text()
    assert "b.metrics.shop.example" in told
    assert "aws" in told
    assert asked == [(tmp_path / "m.html").as_uri()]
