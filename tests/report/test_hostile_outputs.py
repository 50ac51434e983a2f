"""Each of a hundred hostile texts, everywhere a text can come from, through every form.

For each medium: what would be active is not there, and the medium's own parser gives the text back, or its visible
escape. `build` puts the text into hosts, evidence (PTR and RDAP text), claims (statement, reply, source, file), paths,
sources, warnings and options at once.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pyarrow.parquet as pq
import pytest
from lxml import etree
from markdown_it import MarkdownIt
from rich.cells import cell_len
from tests.hostile import PAYLOADS
from tests.report.conftest import build, poisoned
from trestle.oscal.assessment_results import AssessmentResults

from residency.report import as_json, as_locate, as_sarif
from residency.report.explain import explanation
from residency.report.formats import FORMATS, Page
from residency.report.medium import printable

SCHEMAS = Path(__file__).with_name("schemas")
SARIF = jsonschema.Draft4Validator(json.loads((SCHEMAS / "sarif-schema-2.1.0.json").read_text(encoding="utf-8")))
JUNIT = etree.XMLSchema(etree.parse(SCHEMAS / "junit-10.xsd"))
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
LEADS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def one_line_each(text: str) -> None:
    assert all(line.isprintable() for line in text.split("\n"))


def text(written: str, payload: str) -> None:
    one_line_each(written)
    assert all(cell_len(line) <= 80 for line in written.split("\n"))
    squeezed = re.sub(r"\s", "", written)
    assert re.sub(r"\s", "", printable(payload, 60))[:30] in squeezed


def exact_json(written: str, payload: str) -> None:
    document = json.loads(written)
    assert document["claims"][0]["statement"] == payload
    assert document["claims"][0]["file"] == (payload or None)
    assert document["claims"][0]["exceptions"][0]["why"] == payload
    assert document["findings"][0]["host"] == payload
    assert document["findings"][0]["evidence"][0]["says"] == payload
    assert document["inputs"][0]["path"] == payload
    assert document == json.loads(as_json.dumps(as_json.document(build(payload))))


def markdown(written: str, payload: str) -> None:
    told = printable(payload) or "(no name)"
    assert any(told.replace("|", "\\x7c")[:150] in span for span in harmless_markdown(written))


def harmless_markdown(written: str) -> list[str]:
    """The code spans of a text in which nothing else is active."""
    one_line_each(written)
    spans, kinds = [], set()
    for block in MARKDOWN.parse(written):
        kinds.add(block.type.removesuffix("_open").removesuffix("_close"))
        for token in block.children or []:
            kinds.add(token.type)
            if token.type == "code_inline":
                spans.append(token.content)
            elif token.type == "text":
                # What GitHub would still make a link or a mention of in plain text: none of it may be there.
                assert not re.search(r"[@<>\[\]|`$\\]|://|www\.|#\d|[0-9a-f]{7}", token.content), token.content
    assert kinds <= {
        *("inline", "heading", "paragraph", "blockquote", "bullet_list", "ordered_list", "list_item", "table"),
        *("thead", "tbody", "tr", "th", "td", "text", "code_inline", "strong", "strong_open", "strong_close"),
        "softbreak",
    }
    return spans


def spreadsheet(written: str, payload: str) -> None:
    rows = list(csv.DictReader(io.StringIO(written, newline="")))
    assert len(rows) == 8
    for row in rows:
        for cell in row.values():
            assert cell.isprintable()
            assert not cell.lstrip().startswith(LEADS)
        assert row["host"].removeprefix("'").replace("\\x3b", ";") == printable(payload)
        evidence = json.loads(row["evidence"].removeprefix("'"))
        assert evidence[0]["says"] == payload

    for cut in csv.reader(io.StringIO(written, newline=""), delimiter=";"):  # as where the comma is the decimal sign
        assert not [cell for cell in cut if cell.strip(' "').startswith(LEADS)]


def parquet(written: bytes, payload: str) -> None:
    rows = pq.read_table(io.BytesIO(written)).to_pylist()
    assert len(rows) == 8
    expected = payload.encode("utf-8", "backslashreplace").decode()
    assert rows[0]["host"] == expected
    assert rows[0]["evidence"][0]["says"] == expected


def sarif(written: str, payload: str) -> None:
    assert written.isascii()
    log = json.loads(written)
    assert not [error.message for error in SARIF.iter_errors(log)]
    run = log["runs"][0]
    hosts = [result["properties"]["host"] for result in run["results"] if "properties" in result]
    assert payload in hosts
    for message in messages(log):
        assert message.isprintable()
        assert not re.search(r"(?<!\\)(?:\\\\)*[\[\]]", message)
        assert "{" not in message.replace("{{", "")
    uris = [
        place["physicalLocation"]["artifactLocation"]["uri"]
        for r in run["results"]
        for place in r["locations"]
        if payload
    ]
    assert all(re.fullmatch(r"(file://)?[A-Za-z0-9%._~/-]*", uri) for uri in uris)


def messages(value: Any) -> list[str]:
    """Every message of a SARIF log."""
    if isinstance(value, list):
        return [text for item in value for text in messages(item)]
    if not isinstance(value, dict):
        return []
    own = [value["text"]] if isinstance(value.get("text"), str) else []
    return own + [text for item in value.values() for text in messages(item)]


def junit(written: str, payload: str) -> None:
    one_line_each(written)
    JUNIT.assertValid(etree.fromstring(written.encode()))
    root = ElementTree.fromstring(written)
    failure = root.find(".//failure")
    assert failure is not None
    assert failure.get("message") == f"violated (declared): {printable(payload)}"
    assert printable(payload) in "".join(root.itertext())
    assert {element.tag for element in root.iter()} == {
        *("testsuites", "testsuite", "properties", "property", "testcase", "failure", "system-out"),
    }


def oscal(written: str, payload: str) -> None:
    assert written.isascii()
    body = json.loads(written)["assessment-results"]
    AssessmentResults.model_validate(body)
    observation = body["results"][0]["observations"][1]
    told = {prop["name"]: prop["value"] for prop in observation["props"]}
    assert told.get("host", "") == printable(payload).strip()
    assert printable(payload) in observation["description"]


class Markup(HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def page(written: str, payload: str) -> None:
    plain, found = Markup(), Markup()
    plain.feed(str(FORMATS["html"](as_json.document(build("plain.example")), Page())))
    found.feed(written)
    assert found.tags <= plain.tags
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    assert not [
        value for name, value in found.attributes if value.strip().lower().startswith(("javascript:", "data:text"))
    ]


CHECKS: Mapping[str, Callable[[Any, str], None]] = {
    "text": text,
    "json": exact_json,
    "markdown": markdown,
    "github": markdown,
    "csv": spreadsheet,
    "parquet": parquet,
    "sarif": sarif,
    "junit": junit,
    "oscal": oscal,
    "html": page,
}


def test_every_form_has_a_check() -> None:
    assert set(FORMATS) <= set(CHECKS)


@pytest.fixture(scope="module", params=list(PAYLOADS.values()), ids=list(PAYLOADS))
def payload(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.mark.parametrize("name", FORMATS)
def test_a_form_obeys_nothing_and_loses_nothing(payload: str, name: str) -> None:
    CHECKS[name](FORMATS[name](as_json.document(build(payload)), Page()), payload)


@pytest.mark.parametrize("text", [PAYLOADS[name] for name in ("img", "link", "mention", "cdata-end", "osc-8", "nul")])
def test_a_saved_report_that_somebody_else_wrote_is_as_harmless(text: str) -> None:
    document = poisoned(json.loads(as_json.dumps(as_json.document(build("plain.example")))), text)
    for name in ("markdown", "github", "junit", "csv", "sarif", "oscal", "parquet"):
        written = FORMATS[name](document, Page())
        if isinstance(written, str):
            one_line_each(written.replace("\r\n", "\n"))
    harmless_markdown(str(FORMATS["markdown"](document, Page())))
    JUNIT.assertValid(etree.fromstring(str(FORMATS["junit"](document, Page())).encode()))


def test_an_explanation_as_json_keeps_every_text(payload: str) -> None:
    document = as_json.document(build(payload))
    told = json.loads(as_json.dumps(explanation(document, "F-000000000000", {})))
    assert told["finding"]["host"] == payload
    assert told["claim"]["statement"] == payload
    assert all(command.isprintable() for command in told["commands"])


def test_a_located_target_is_told_in_plain_lines(payload: str) -> None:
    evidence = as_json.document(build(payload))["findings"][0]["evidence"]
    target = {
        **dict.fromkeys(("target", "host", "server_ip"), payload),
        "address_class": "public",
        "address_form": "native",
        "anycast": "listed",
        "assurance": "declared",
        "countries": ["US"],
        "sites": [payload],
        "excluded": ["CN"],
        "place": "outside",
        "verdict": "violated",
        "reasons": [],
        "rules": ["R112"],
        "evidence": evidence,
    }
    document = {
        "within": ["EEA"],
        "snapshots": [],
        "targets": [target],
        "warnings": [payload],
        "refused": [{"line": 1, "target": payload, "reason": payload}],
    }
    one_line_each(as_locate.render(document, {"R112": "a rule"}, width=80))


def test_a_uri_of_a_claim_file() -> None:
    assert as_sarif.uri("claims/acme eu.toml") == "claims/acme%20eu.toml"
    assert as_sarif.uri("/srv/a.toml") == "file:///srv/a.toml"
    assert as_sarif.uri("javascript:alert(1)") == "javascript%3Aalert%281%29"
