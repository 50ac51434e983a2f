"""What holds for every page: one heading, links that lead somewhere, the words of the design, no em dashes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from residency.evaluate.rules import RULES

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
IDS = [str(path.relative_to(DOCS)) for path in PAGES]
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_NOT_OUR_WORDS = ("compliant", "compliance", "confidence", "score", "simply", "powerful", "seamless", "leverage")


def prose(path: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", path.read_text(encoding="utf-8"))


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as most site builders make them, and of its names from docstrings."""
    names = re.findall(r"^::: (\S+)$", prose(path), re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", prose(path), re.MULTILINE)
    return {*names, *(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)}


def test_every_page_of_the_plan_is_there() -> None:
    planned = "index why tutorial claim-file verdicts data limits formats dependencies cli"
    assert {path.stem for path in PAGES} >= set(planned.split())


def test_the_index_leads_to_every_page_and_schema() -> None:
    linked = set(_LINK.findall(prose(DOCS / "index.md")))
    files = {path.name for path in DOCS.glob("*.md")} | {path.name for path in DOCS.glob("*.schema.json")}
    assert files - {"index.md"} <= linked


@pytest.mark.parametrize("path", PAGES, ids=IDS)
def test_a_page_has_one_top_heading_first(path: Path) -> None:
    text = prose(path)
    assert text.startswith("# ")
    assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1


@pytest.mark.parametrize("path", PAGES, ids=IDS)
def test_links_within_the_docs_lead_somewhere(path: Path) -> None:
    for target in _LINK.findall(prose(path)):
        if re.match(r"https?://", target):
            continue
        name, _, anchor = target.partition("#")
        there = (path.parent / name) if name else path
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


@pytest.mark.parametrize("path", PAGES, ids=IDS)
def test_a_page_uses_our_words_and_no_em_dash(path: Path) -> None:
    text = re.sub(r"`[^`]*`", "", prose(path))
    assert "—" not in text
    found = [word for word in _NOT_OUR_WORDS if re.search(rf"\b{word}s?\b", text, re.IGNORECASE)]
    assert not found


@pytest.mark.parametrize("path", PAGES, ids=IDS)
def test_the_rules_that_a_page_names_exist(path: Path) -> None:
    assert set(re.findall(r"\bR[0-9]{3}\b", prose(path))) <= set(RULES)
