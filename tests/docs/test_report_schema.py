"""docs/report.schema.json is up to date, and real reports validate against it, also with no key beyond it."""

from __future__ import annotations

import json
import runpy
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import residency
from residency.report import as_json
from residency.shipped import data_path

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCHEMA: dict[str, Any] = json.loads((DOCS / "report.schema.json").read_text(encoding="utf-8"))
CLAIM = """\
schema = "residency/1"
vendor = "Acme"
[[claim]]
id = "acme.eu"
statement = "In the EEA."
activity = "storage"
allow = ["EEA"]
subjects = ["EEA"]
hosts = ["*.acme.example"]
"""
ROWS = """\
ts,client_ip,server_ip,server_port,proto,bytes_sent,bytes_received,host,rtt_ms,rtt_kind
2026-10-20T08:00:00Z,192.168.1.7,3.248.10.20,443,tcp,1,2,a.acme.example,1.5,tls
2026-10-20T08:00:00Z,192.168.1.7,3.3.2.10,,,,,b.acme.example,,
2026-10-20T08:00:00Z,192.168.1.7,10.0.0.1,443,tcp,1,0,c.acme.example,,
2026-10-20T08:00:00,192.168.1.7,3.3.2.10,443,tcp,1,2,b.acme.example,,
"""


def closed(schema: Any) -> Any:
    """The schema with no key beyond it allowed: what this version writes is all described."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict):
        found.setdefault("additionalProperties", False)
    return found


def faults(document: Any, schema: Any) -> list[str]:
    """What a validator says, with the place."""
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(document)]


@pytest.fixture(scope="module", params=["demo", "mixed"])
def document(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A real report, as it is read back from its file."""
    if request.param == "demo":
        demo = data_path("demo")
        report = residency.audit([demo / "claims.toml", "tiktok-clover"], demo / "composed-sample.csv", clients="EEA")
    else:
        folder = tmp_path_factory.mktemp("report")
        (folder / "claims.toml").write_text(CLAIM)
        (folder / "flows.csv").write_text(ROWS)
        pinned = residency.MemorySource.of("database", "b", {"3.3.2.0/24": "US"}, built=date(2026, 10, 1))
        report = residency.audit(
            [folder / "claims.toml"], folder / "flows.csv", sources=[pinned], max_age_days=90, sampling=10
        )
    return json.loads(as_json.dumps(as_json.document(report)))


def test_the_file_is_up_to_date() -> None:
    build = runpy.run_path(str(DOCS / "build_report_schema.py"))
    assert (DOCS / "report.schema.json").read_text(encoding="utf-8") == build["text"]()


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_real_report_is_valid_and_wholly_described(document: Any) -> None:
    assert document["findings"]
    assert document["quarantine"]
    assert faults(document, SCHEMA) == []
    assert faults(document, closed(SCHEMA)) == []


def test_a_later_version_may_add_keys(document: Any) -> None:
    assert faults(document | {"signature": "…"}, SCHEMA) == []


@pytest.mark.parametrize("key", sorted(SCHEMA["required"]))
def test_a_report_without_a_key_is_refused(document: Any, key: str) -> None:
    assert faults({name: value for name, value in document.items() if name != key}, SCHEMA)


def test_a_word_that_is_no_verdict_is_refused(document: Any) -> None:
    spoiled = json.loads(json.dumps(document))
    spoiled["claims"][0]["verdict"] = "compliant"
    assert faults(spoiled, SCHEMA)
