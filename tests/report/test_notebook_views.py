"""What values show in a notebook: every kind has a view, nothing observed becomes markup, cuts are said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from residency.model.claim import Pack
from residency.model.evidence import Evidence, Kind
from residency.model.verdict import Findings, Outcome, Report, Tally
from residency.report import notebook_html, notebook_markdown
from residency.report.medium import printable
from residency.report.notebook_view import view
from residency.report.view import Card, Grid, Mark, Tone, View, explained

MakeReport = Callable[[str], Report]
_ALLOWED = {"div", "style", "p", "b", "table", "caption", "thead", "tbody", "tr", "th", "td"}


class Fragment(HTMLParser):
    """The tags, attributes and texts of a fragment."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1] != "style":
            self.texts.append(data)


def shown(report: Report) -> list[View]:
    pack = Pack(claims=tuple(r.claim for r in report.claims), path=report.headline, warnings=report.warnings)
    values = (report, report.findings, report.findings[0], report.claims, report.claims[0], pack, pack.claims[0])
    return [view(value) for value in values]


def test_an_empty_view_is_its_title() -> None:
    nothing = View(title="nothing")
    assert Fragment(notebook_html.render(nothing)).texts == ["nothing"]
    assert notebook_markdown.render(nothing) == "**nothing**\n"


def test_a_table_without_rows_is_left_out() -> None:
    empty = View(title="t", grids=(Grid(caption="gone", heads=("a",), rows=()),))
    assert "gone" not in notebook_html.render(empty)
    assert "gone" not in notebook_markdown.render(empty)


def test_what_has_no_view_is_an_error() -> None:
    with pytest.raises(TypeError, match="no view of int"):
        view(3)


def test_each_kind_of_text_of_a_view_is_written() -> None:
    everything = View(
        title="the title",
        cards=(Card(mark=Mark("not_carrying"), title="acme.eu", detail="declared", text="why"),),
        lines=("a line",),
        grids=(Grid(caption="Things", heads=("name", "flows"), rows=(("a", "12"),), numbers=frozenset({"flows"})),),
        notes=("a note",),
    )
    texts = Fragment(notebook_html.render(everything)).texts
    wanted = ["the title", "not carrying", "acme.eu", "declared", "why", "a line", "Things", "name", "12", "a note"]
    assert [text for text in wanted if not any(text in found for found in texts)] == []
    assert notebook_markdown.render(everything) == (
        "**the title**\n\n**not carrying** (declared) **acme.eu**: why\n\na line\n\n"
        "Things:\n\n| name | flows |\n|---|---:|\n| a | 12 |\n\n- a note\n"
    )


def test_numbers_stand_right() -> None:
    grid = Grid(caption="", heads=("flows",), rows=(("1",),), numbers=frozenset({"flows"}))
    html = notebook_html.render(View(title="", grids=(grid,)))
    assert '<th scope="col" class="rv-number">flows</th>' in html
    assert '<td class="rv-number">1</td>' in html


@pytest.mark.parametrize(
    ("word", "tone"),
    [("violated", Tone.BAD), ("consistent", Tone.GOOD), ("inconclusive", Tone.OPEN), ("excused", Tone.PLAIN)],
)
def test_colour_follows_the_word(word: str, tone: Tone) -> None:
    assert Mark(word).tone is tone


def test_rules_are_explained_and_an_unknown_one_says_so() -> None:
    made = explained(View(title="t", rules=("R1", "R2")), {"R1": "one."})
    assert made.rules == ()
    assert made.grids[-1].rows == (("R1", "one."), ("R2", "(unknown rule)"))


def test_a_report_shows_its_verdict_outcomes_and_findings(make_report: MakeReport) -> None:
    report = make_report("plain")
    made = view(report)
    assert made.title == "residency audit: 24 records, 2026-06-01 to 2026-06-01; judged as of 2026-06-01"
    assert [(str(card.mark), card.title, card.detail, card.text) for card in made.cards] == [
        ("violated", "acme.eu", "declared", "plain")
    ]
    outcomes, findings = made.grids
    assert len(outcomes.rows) == len(Outcome)
    assert [str(row[4]) for row in findings.rows] == [outcome.value.replace("_", " ") for outcome in Outcome]
    assert "warning: plain" in made.notes


def test_outcomes_that_nothing_has_are_left_out(make_report: MakeReport) -> None:
    (result,) = make_report("x").claims
    one = replace(result, outcomes={**dict.fromkeys(Outcome, Tally()), Outcome.INSIDE: Tally(endpoints=1, flows=2)})
    assert [str(row[1]) for row in view(one).grids[0].rows] == ["inside"]


def test_many_findings_are_cut_and_the_cut_is_said(make_report: MakeReport) -> None:
    report = make_report("x")
    many = Findings(tuple(report.findings) * 40)
    grid = view(replace(report, findings=many)).grids[1]
    assert len(grid.rows) == 10
    assert grid.caption == "Findings (10 of 320; .findings.to_pandas() has all)"
    assert {str(row[4]) for row in grid.rows} == {"violating"}  # the worst first


def test_a_finding_shows_its_evidence_and_what_is_missing(make_report: MakeReport) -> None:
    made = view(make_report("plain").findings[1])
    assert made.lines[0] == "3 conversations with plain (named by sni) at 20.1.1.1 port 443"
    assert made.lines[1] == "adverse; place outside (US), assurance declared"
    assert made.lines[2:] == (
        "missing link: plain",
        "round-trip times prove nothing; if they held, they would exclude: CN",
    )
    assert [row[-1] for row in made.grids[0].rows] == ["counts", "struck: plain; echo of plain"]
    assert made.rules == ("R112", "R206")


def test_times_that_prove_exclude(make_report: MakeReport) -> None:
    finding = make_report("x").findings[0]
    said = replace(finding.evidence[0].statement, kind=Kind.MEASURED)
    timed = replace(finding, evidence=(Evidence(statement=said),), sides=("outside",))
    assert "round-trip times exclude: CN" in view(timed).lines


def test_no_text_becomes_markup_in_html(make_report: MakeReport, hostile: str) -> None:
    for made in shown(make_report(hostile)):
        html = notebook_html.render(made)
        assert html.isprintable()
        fragment = Fragment(html)
        assert fragment.open == []
        assert set(fragment.tags) <= _ALLOWED
        assert fragment.attributes <= {"class", "scope"}


def test_texts_come_back_from_html(make_report: MakeReport, hostile: str) -> None:
    texts = Fragment(notebook_html.render(view(make_report(hostile)))).texts
    assert printable(f"warning: {hostile}", 400) in texts


def test_no_text_becomes_markup_in_markdown(make_report: MakeReport, hostile: str) -> None:
    for made in shown(make_report(hostile)):
        for line in notebook_markdown.render(made).splitlines():
            assert line.isprintable()
            bare = line.replace("\\\\", "").replace("\\<", "").replace("\\[", "").replace("\\`", "").replace("\\]", "")
            assert not set(bare) & set("<[]`")
            assert "javascript:" not in line
            assert "https://" not in line


def test_a_pipe_makes_no_column(make_report: MakeReport) -> None:
    lines = notebook_markdown.render(view(make_report("a|b\\|c").findings)).splitlines()
    widths = {line.replace("\\\\", "").replace("\\|", "").count("|") for line in lines if line.startswith("|")}
    assert widths == {11}
