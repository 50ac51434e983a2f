"""The documentation site: it builds strictly, has every public name, and no page loads anything from elsewhere."""

from __future__ import annotations

import http.server
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

import residency

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = "/usr/bin/chromium"
# What a browser fetches by itself. Links that a reader may follow are not among it.
_LOADED = re.compile(
    r'<(?:script|img|iframe|source|video|audio|embed|object)\b[^>]*?\b(?:src|data)="?([^" >]+)'
    r'|<link\b(?=[^>]*\brel="?(?:stylesheet|icon|preload|preconnect|prefetch|dns-prefetch|modulepreload))'
    r'[^>]*?\bhref="?([^" >]+)'
)
_STYLE = re.compile(r"""(?:url\(\s*["']?|@import\s+["'])([^"')]+)""")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly: a link or an anchor that leads nowhere, or a page that no menu names, fails."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """The site on loopback."""

    class Silent(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def is_elsewhere(target: str) -> bool:
    """Does an address lead off the site?"""
    return re.match(r"(?:[a-z][a-z0-9+.-]*:)?//", target, re.IGNORECASE) is not None


def test_every_page_is_there_and_no_script_of_ours_is(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    expected = {page.with_name("index.html") if page.stem == "README" else page for page in pages}
    assert expected <= {path.relative_to(site) for path in site.rglob("*.html")}
    assert not list(site.rglob("*.py"))


def test_the_reference_has_every_public_name_once(site: Path) -> None:
    found = [
        name
        for page in (site / "reference").glob("*.html")
        for name in re.findall(r'<h2 id="residency\.(\w+)', page.read_text(encoding="utf-8"))
    ]
    assert sorted(found) == sorted(set(residency.__all__) - {"__version__"})
    assert "residency.__version__" in (site / "reference" / "index.html").read_text(encoding="utf-8")


def test_no_list_or_table_is_read_as_prose(site: Path) -> None:
    """MkDocs needs a blank line before a list and a table, where other readers of Markdown do not."""
    for page in site.rglob("*.html"):
        swallowed = re.search(r"<p>[^<]*(?:\n|>)(?:[-*] |\d+\. |\|)", page.read_text(encoding="utf-8"))
        assert swallowed is None, (page.name, swallowed and swallowed[0])


def test_no_page_and_no_style_names_anything_elsewhere_to_load(site: Path) -> None:
    seen = 0
    for page in site.rglob("*.html"):
        targets = [a or b for a, b in _LOADED.findall(page.read_text(encoding="utf-8"))]
        assert not [target for target in targets if is_elsewhere(target)], page
        seen += len(targets)
    for style in site.rglob("*.css"):
        targets = _STYLE.findall(style.read_text(encoding="utf-8"))
        assert not [target for target in targets if is_elsewhere(target)], style
    assert seen > 100


@pytest.mark.parametrize(
    ("html", "is_found"),
    [
        ('<script src="https://cdn.example/x.js"></script>', True),
        ("<link rel=stylesheet href=//fonts.example/x.css>", True),
        ('<link href="https://fonts.example" rel="preconnect" crossorigin>', True),
        ('<img alt="" src="http://192.0.2.1/x.png">', True),
        ('<a href="https://db-ip.com">IP Geolocation by DB-IP</a>', False),
        ('<link rel="icon" href="assets/images/favicon.png">', False),
    ],
)
def test_what_a_browser_would_load_is_told_from_links(html: str, is_found: bool) -> None:
    assert any(is_elsewhere(a or b) for a, b in _LOADED.findall(html)) is is_found


def search(page: Page, word: str) -> None:
    """Type a word, again where the page's scripts did not listen yet, until something is found."""
    page.wait_for_load_state("networkidle")
    found = page.locator(".md-search-result__item")
    for _ in range(20):
        page.fill("input[name=query]", "")
        page.locator("input[name=query]").press_sequentially(word)
        with suppress(PlaywrightTimeoutError):
            found.first.wait_for(state="attached", timeout=5_000)
            return
    raise AssertionError(f"the search finds nothing of {word}")


def test_a_browser_asks_nobody_else_and_has_nothing_to_complain_of(address: str) -> None:
    asked: list[str] = []
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(color_scheme="dark")
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        for name in ("index.html", "tutorial.html", "reference/index.html", "howto/ci-gate.html"):
            page.goto(address + name)
            assert page.evaluate("document.body.dataset.mdColorScheme") == "slate"
        search(page, "violated")
        browser.close()
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
    assert complaints == []
    assert len(asked) > 4
