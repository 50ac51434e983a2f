"""Reports to look at: the demo, one of a thousand endpoints with round-trip times, and a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import residency
from residency.model.atlas import Atlas
from residency.report import as_json
from residency.report.html.page import render
from residency.sources.atlas import shipped_atlas

if TYPE_CHECKING:
    from playwright.sync_api import Browser

Doc = dict[str, Any]
Render = Callable[[Doc], str]

# Networks that operators publish for one region each, with honest times from Frankfurt (ms).
NETWORKS = {
    "3.5.136": 1.0,  # aws/eu-central-1
    "1.178.5": 95.0,  # aws/us-east-1
    "34.118.244": 1.1,  # gcp/europe-west3
    "136.23.64": 92.0,  # gcp/us-east4
    "132.145.112": 225.0,  # oracle/ap-tokyo-1
}
CLAIM = """
schema = "residency/1"
vendor = "Acme"
[[claim]]
id = "acme.eu"
statement = "All connections end in Germany, \\u003cwherever\\u003e they begin."
activity = "connection"
allow = ["DE"]
forbid = ["JP"]
hosts = ["*.acme.example", "never.acme.example"]
[[claim.exception]]
id = "tokyo"
places = ["JP"]
effective = { from = 2026-10-01 }
why = "a drill"
[[claim.source]]
url = "https://acme.example/where"
kind = "first_party"
[[claim.reply]]
date = 2026-11-05
by = "Acme"
text = "We are looking into it."
"""


class Outline(HTMLParser):
    """The elements of a page with their attributes, in order, and its text outside of style and script."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside not in ("style", "script"):
            self.texts.append(data)

    @property
    def tags(self) -> list[str]:
        return [tag for tag, _ in self.elements]

    @property
    def text(self) -> str:
        return "\n".join(self.texts)

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [found for name, found in self.elements if name == tag and wanted.items() <= found.items()]


@pytest.fixture(scope="session")
def atlas() -> Atlas:
    """The shipped atlas."""
    return shipped_atlas()


@pytest.fixture(scope="session")
def rendered(atlas: Atlas) -> Render:
    """Return the page of a document as the command writes it."""
    return lambda document: render(document, atlas=atlas)


@pytest.fixture(scope="session")
def demo(project: Path) -> Doc:
    """The document of the demo."""
    folder = project / "data" / "demo"
    report = residency.audit([folder / "claims.toml", "tiktok-clover"], [folder / "composed-sample.csv"], clients="EEA")
    return as_json.document(report)


@pytest.fixture(scope="session")
def thousand(tmp_path_factory: pytest.TempPathFactory) -> Doc:
    """The document of an audit of a thousand endpoints in three countries, timed from Frankfurt."""
    folder = tmp_path_factory.mktemp("thousand")
    rows = [
        f"2026-11-{day:02}T{number % 24:02}:00:00Z,192.0.2.7,{net}.{number + 1},443,tcp,{100 * (number + 1)},9,"
        f"h{number}.{index}.acme.example,{rtt},tls"
        for index, (net, rtt) in enumerate(NETWORKS.items())
        for number in range(200)
        for day in (1, 2, 3)
    ]
    header = "ts,client_ip,server_ip,server_port,proto,bytes_sent,bytes_received,host,rtt_ms,rtt_kind"
    (folder / "flows.csv").write_text("\n".join([header, *rows, "not a row"]) + "\n", encoding="utf-8")
    (folder / "claims.toml").write_text(CLAIM, encoding="utf-8")
    report = residency.audit(folder / "claims.toml", folder / "flows.csv", vantage="50.11,8.68,±10,Frankfurt")
    return as_json.document(report)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A real browser, without a screen."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is not installed (.ci/install-tools brings it)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()
