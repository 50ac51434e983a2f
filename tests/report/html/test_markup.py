"""Elements: what is observed is escaped in text and attributes, whatever it is."""

from __future__ import annotations

import pytest
from markupsafe import Markup
from tests.report.html.conftest import Outline

from residency.report.html.markup import el, joined, link, number, shown, table
from residency.report.medium import printable


def test_the_empty_cases() -> None:
    assert el("p") == "<p></p>"
    assert el("p", None, "") == "<p></p>"
    assert shown(None) == ""
    assert joined([]) == ""
    assert el("br") == "<br>"


def test_attributes() -> None:
    made = el("input", type="text", class_="a b", aria_label="x", hidden=True, value=None, checked=False, size=3)
    assert made == '<input type="text" class="a b" aria-label="x" hidden size="3">'


def test_markup_is_kept_and_all_else_is_escaped() -> None:
    assert el("p", Markup("<b>ours</b>"), "<b>theirs</b>") == "<p><b>ours</b>&lt;b&gt;theirs&lt;/b&gt;</p>"
    assert joined(["a&b", Markup("<br>"), 3], " ") == "a&amp;b <br> 3"


def test_an_observed_text_adds_no_element_and_comes_back_as_the_reader_is_to_see_it(hostile: str) -> None:
    outline = Outline(el("p", hostile, title=hostile))
    assert outline.elements == [("p", {"title": printable(hostile)})]
    assert "".join(outline.texts) == printable(hostile)


@pytest.mark.parametrize("url", ["https://a.example/b?c=d&e", "http://a.example", "HTTPS://A.example"])
def test_http_addresses_are_links_that_tell_nobody_where_they_were_followed(url: str) -> None:
    assert Outline(link(url)).elements == [("a", {"href": url, "rel": "noopener noreferrer"})]
    assert Outline(link(url, "there")).text == "there"


@pytest.mark.parametrize(
    "url",
    [
        *("", "javascript:alert(1)", "data:text/html,x", " https://a.example", "java\tscript:x", "//a.example"),
        *("https:a", "https://a.example/\u202e", "https://a\n.example", "vbscript:x", "file:///etc/passwd"),
    ],
)
def test_other_addresses_are_text(url: str) -> None:
    assert Outline(link(url)).elements == []


def test_a_table_has_a_caption_and_headings_of_columns_and_rows() -> None:
    outline = Outline(table("Things", ("Name", "Count"), [["<a>", number(1_234)], ["b", number(None)]]))
    assert outline.all("th", scope="col") == [{"scope": "col"}] * 2
    assert outline.all("th", scope="row") == [{"scope": "row"}] * 2
    assert outline.all("td", class_="n") == [{"class": "n"}] * 2
    assert outline.texts == ["Things", "Name", "Count", "<a>", "1,234", "b", "–"]
