"""The JSON document: its shape, its order, its times, and hostile text that round-trips."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from residency.model.evidence import Assurance
from residency.model.verdict import Outcome, Verdict
from residency.report import as_json

if TYPE_CHECKING:
    from tests.report.conftest import MakeReport

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")
CONTRACT = {
    "inputs": {"path", "sha256", "format", "records", "judged", "out_of_scope", "quarantined", "duplicate", "context"},
    "snapshots": {"id", "kind", "name", "author", "built", "sha256", "licence"},
    "claims": {
        *("id", "statement", "activity", "could_violate", "could_confirm", "verdict", "assurance", "headline"),
        *("reasons", "as_connection", "outcomes", "coverage", "unnamed", "not_observed"),
    },
    "findings": {
        *("id", "claim", "server_ip", "server_port", "host", "named_by", "role", "period", "vantage", "outcome"),
        *("missing_link", "place", "assurance", "countries", "sites", "excluded", "flows", "bytes_sent"),
        *("bytes_received", "first_seen", "last_seen", "min_rtt_ms", "rtt_kind", "rules", "evidence"),
    },
}
EVIDENCE = {"kind", "source", "author", "says", "countries", "for", "lineage", "struck", "days_from_flow"}
TALLY = {"endpoints", "flows", "bytes_sent", "bytes_received"}


@pytest.fixture
def document(make_report: MakeReport) -> dict[str, Any]:
    return as_json.document(make_report("plain"))


def test_the_contract_is_held(document: dict[str, Any]) -> None:
    assert document["schema"] == "residency-report/1"
    assert set(document["tool"]) == {"name", "version"}
    for part, keys in CONTRACT.items():
        assert document[part]
        for item in document[part]:
            assert keys <= set(item), part
    for finding in document["findings"]:
        assert all(set(e) >= EVIDENCE for e in finding["evidence"])
        assert finding["place"] in ("inside", "outside", "unknown")
        assert {e["for"] for e in finding["evidence"]} <= {"inside", "outside", "neither"}
        assert all(isinstance(e["struck"], bool) for e in finding["evidence"])
    for claim in document["claims"]:
        assert set(claim["outcomes"]) == {o.value for o in Outcome}
        assert all(set(tally) == TALLY for tally in claim["outcomes"].values())
        assert set(claim["coverage"]) >= {"flows", "bytes_sent", "bytes_received"}
        assert claim["verdict"] in list(Verdict)
        assert claim["assurance"] in list(Assurance)


def test_a_quarantined_record_has_its_line_or_its_offset(document: dict[str, Any]) -> None:
    first, second = document["quarantine"]
    assert (first["line"], "offset" in first) == (3, False)
    assert (second["offset"], "line" in second) == (24, False)
    assert all("value" not in item for item in document["quarantine"])


def test_it_validates_against_the_published_schema(document: dict[str, Any], project: Path) -> None:
    schema = json.loads((project / "docs" / "report.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(json.loads(as_json.dumps(document)))


@pytest.mark.parametrize("part", sorted(CONTRACT))
def test_the_schema_refuses_what_is_missing(document: dict[str, Any], project: Path, part: str) -> None:
    schema = json.loads((project / "docs" / "report.schema.json").read_text(encoding="utf-8"))
    for key in sorted(CONTRACT[part]):
        broken = json.loads(as_json.dumps(document))
        del broken[part][0][key]
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft202012Validator(schema).validate(broken)


def test_keys_are_sorted_and_the_text_is_ascii_with_one_newline(document: dict[str, Any]) -> None:
    text = as_json.dumps(document)
    assert text.isascii()
    assert text.endswith("}\n")

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        assert [k for k, _ in items] == sorted(k for k, _ in items)
        return dict(items)

    json.loads(text, object_pairs_hook=pairs)


def strings(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from strings(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner, key)
    elif isinstance(value, str):
        yield key, value


def test_times_are_rfc3339_in_utc(document: dict[str, Any]) -> None:
    times = [v for k, v in strings(document) if k in ("as_of", "first_seen", "last_seen", "first", "last")]
    assert len(times) > 10
    assert all(MOMENT.fullmatch(t) for t in times)


def test_nothing_that_json_cannot_say_is_written(document: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        as_json.dumps(document | {"as_of": float("nan")})


def test_hostile_text_round_trips(make_report: MakeReport, hostile: str) -> None:
    text = as_json.dumps(as_json.document(make_report(hostile)))
    assert text.isascii()
    assert not any(ord(c) < 32 and c != "\n" for c in text)
    read = json.loads(text)
    assert read["claims"][0]["statement"] == hostile
    assert read["findings"][0]["host"] == hostile
    assert read["inputs"][0]["path"] == hostile
    assert read["warnings"] == [hostile]
