"""The one registry of report forms: each writes the JSON document for one medium, and says what that medium is.

A form is a pure function of the document. What it needs beside it (the width of a terminal, how much fits) stands in
a `Page`; where the result goes is the command's business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from residency.limits import LIMITS
from residency.report import as_json, as_junit, as_markdown, as_oscal, as_sarif, as_table, as_text

if TYPE_CHECKING:
    from residency.model.atlas import Atlas

Doc = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The medium a form is written for; `max_bytes` is what a step summary still has room for."""

    width: int = 80
    colour: bool = False
    max_bytes: int = LIMITS.max_step_summary_bytes
    atlas: Atlas | None = None  # land and names for forms that draw maps


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One form of a report: what it is for, its media type, and the function that writes it."""

    about: str
    media_type: str
    write: Callable[[Doc, Page], str | bytes]
    draws_maps: bool = False

    @property
    def is_binary(self) -> bool:
        """Does it write bytes, which no terminal can show?"""
        return not self.media_type.startswith("text/") and not self.media_type.endswith(("json", "xml"))

    def __call__(self, document: Doc, page: Page) -> str | bytes:
        return self.write(document, page)


def _html(document: Doc, page: Page) -> str:
    from residency.report.html.page import render

    return render(document, atlas=page.atlas)


FORMATS: Mapping[str, Form] = {
    "text": Form(
        about="for a terminal",
        media_type="text/plain",
        write=lambda document, page: as_text.render(document, width=page.width, colour=page.colour),
    ),
    "json": Form(
        about="everything; the other forms can be made from it",
        media_type="application/json",
        write=lambda document, _: as_json.dumps(document),
    ),
    "html": Form(
        about="one file for people: verdicts, maps, timelines, every finding with its evidence",
        media_type="text/html",
        write=_html,
        draws_maps=True,
    ),
    "markdown": Form(
        about="for a page or a comment, as GitHub reads it",
        media_type="text/markdown",
        write=lambda document, _: as_markdown.render(document),
    ),
    "github": Form(
        about="Markdown for a step summary of GitHub Actions: appended to $GITHUB_STEP_SUMMARY where that is set",
        media_type="text/markdown",
        write=lambda document, page: as_markdown.render(document, max_bytes=page.max_bytes),
    ),
    "csv": Form(
        about="the findings, for a spreadsheet",
        media_type="text/csv",
        write=lambda document, _: as_table.to_csv(document),
    ),
    "parquet": Form(
        about="the findings, typed, for DuckDB, pandas and the like",
        media_type="application/vnd.apache.parquet",
        write=lambda document, _: as_table.to_parquet(document),
    ),
    "sarif": Form(
        about="SARIF 2.1.0 for code scanning, at the lines of the claim file",
        media_type="application/sarif+json",
        write=lambda document, _: as_sarif.dumps(document),
    ),
    "junit": Form(
        about="JUnit XML: a test case for each claim",
        media_type="application/xml",
        write=lambda document, _: as_junit.render(document),
    ),
    "oscal": Form(
        about="OSCAL assessment results",
        media_type="application/oscal+json",
        write=lambda document, _: as_oscal.dumps(document),
    ),
}
