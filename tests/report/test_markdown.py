"""Markdown: its order, its escapes, its cuts, and the step summary's limit."""

from __future__ import annotations

from typing import Any

import pytest
from markdown_it import MarkdownIt
from tests.report.conftest import many

from residency.report import as_markdown
from residency.report.as_markdown import code

MARKDOWN = MarkdownIt("commonmark").enable("table")


def test_the_verdicts_stand_first_then_what_was_not_looked_at(demo: dict[str, Any]) -> None:
    text = as_markdown.render(demo)
    assert text.startswith("# residency: 6 claims: 1 violated, 3 inconclusive, 2 consistent\n")
    places = [text.index(part) for part in ("**violated** (declared, isolated)", "**Not looked at**", "## violated: ")]
    assert places == sorted(places)
    assert "`b.metrics.shop.example` at `3.5.16.8`, which Amazon" in text


def test_tables_have_as_many_cells_in_each_row(demo: dict[str, Any]) -> None:
    rows = [line for line in as_markdown.render(demo).splitlines() if line.startswith("|")]
    assert len(rows) > 20
    tables = [token for token in MARKDOWN.parse(as_markdown.render(demo)) if token.type == "table_open"]
    assert len(tables) == 1 + 4 + 4 + 2  # verdicts; outcomes and findings of four claims; inputs, sources


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("", "` `"),
        ("a", "`a`"),
        ("a`b", "``a`b``"),
        ("`", "`` ` ``"),
        ("a``b`", "``` a``b` ```"),
        (" a", "`  a `"),
        ("a\nb", "`a\\x0ab`"),
        ("a|b", "`a|b`"),
    ],
)
def test_a_code_span_holds_anything(text: str, span: str) -> None:
    assert code(text) == span
    (token,) = MARKDOWN.parseInline(span)[0].children or []
    assert token.type == "code_inline"


def test_a_code_span_in_a_table_has_no_pipe_and_an_end() -> None:
    assert code("a|b", in_table=True) == "`a\\x7cb`"
    assert len(code("x" * 1_000, in_table=True)) == 202


def test_a_long_list_of_findings_is_cut_and_says_so() -> None:
    text = as_markdown.render(many(60))
    assert text.count("| `F-") == 50
    assert "and 10 more findings;" in text


def test_a_step_summary_fits_and_says_what_did_not() -> None:
    document = many(20)
    claims = [document["claims"][0] | {"id": f"c{n}", "notes": ["word " * 400]} for n in range(40)]
    whole = as_markdown.render(document | {"claims": claims})
    cut = as_markdown.render(document | {"claims": claims}, max_bytes=20_000)
    assert len(whole) > 40_000
    assert 10_000 < len(cut.encode()) <= 20_000
    assert "of this report did not fit here" in cut
    assert "`c39`" in cut  # every verdict is in the table, whatever is cut below it
    assert len(as_markdown.render(document | {"claims": claims}, max_bytes=0).encode()) <= 512
