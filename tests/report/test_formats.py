"""The registry: every form says what it is, and writes what it says, the same bytes each time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from residency.report import as_json
from residency.report.formats import FORMATS, Form, Page


def test_the_forms_are_these() -> None:
    wanted = ["text", "json", "markdown", "github", "csv", "parquet", "sarif", "junit", "oscal"]
    assert [name for name in FORMATS if name != "html"] == wanted


@pytest.mark.parametrize("name", FORMATS)
def test_a_form_says_what_it_is_and_writes_that(name: str, plain: dict[str, Any]) -> None:
    form = FORMATS[name]
    written = form(plain, Page())
    assert form.about
    assert form.is_binary == isinstance(written, bytes) == (name == "parquet")
    assert written == form(plain, Page())


@pytest.mark.parametrize("name", FORMATS)
def test_a_saved_report_gives_the_same_form_as_a_fresh_one(name: str, demo: dict[str, Any]) -> None:
    saved = json.loads(as_json.dumps(demo))
    assert FORMATS[name](saved, Page()) == FORMATS[name](demo, Page())


@pytest.mark.parametrize("name", FORMATS)
def test_a_report_of_an_earlier_version_can_be_written(name: str, demo: dict[str, Any]) -> None:
    earlier = json.loads(as_json.dumps(demo))
    del earlier["rules"]
    for claim in earlier["claims"]:
        for key in ("file", "line", "exceptions"):
            del claim[key]
    assert FORMATS[name](earlier, Page())


@pytest.mark.parametrize("name", FORMATS)
def test_a_report_without_findings_or_claims_can_be_written(name: str, plain: dict[str, Any]) -> None:
    for emptied in (["findings"], ["findings", "claims", "inputs", "snapshots", "quarantine", "warnings"]):
        written = FORMATS[name](plain | {key: [] for key in emptied}, Page())
        assert written


def test_what_is_text_and_what_is_not() -> None:
    def is_binary(media_type: str) -> bool:
        return Form(about="x", media_type=media_type, write=lambda document, page: "").is_binary

    assert [is_binary(m) for m in ("text/csv", "application/sarif+json", "application/xml")] == [False] * 3
    assert is_binary("application/vnd.apache.parquet")
