"""The worked examples of docs/verdicts.md come out as written, on published addresses or pinned evidence."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import residency
from residency.evaluate.rules import RULES
from residency.shipped import manifest

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "verdicts.md").read_text(encoding="utf-8")
TUTORIAL = (DOCS / "tutorial.md").read_text(encoding="utf-8")
IRELAND, VIRGINIA, EDGE, OFFICE = "3.248.10.20", "3.3.2.10", "3.10.17.130", "185.1.2.3"
APP = "app.acme.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One flow under one claim: what the rule's section says, in figures."""

    rule: str
    ip: str = IRELAND
    outcome: str = ""
    verdict: str = ""
    host: str | None = APP
    claim: str = 'activity = "processing"\nallow = ["EEA"]'
    scope: str = 'hosts = ["*.acme.example", "mcs16-normal-useastred.tiktokw.eu"]'
    more: str = ""
    day: str = "2026-10-20"
    row: dict[str, Any] = field(default_factory=dict)
    beside: tuple[dict[str, Any], ...] = ()
    pinned: tuple[dict[str, Any], ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


def pin(kind: str, author: str, ip: str, *countries: str, **more: Any) -> dict[str, Any]:
    """One pinned source with one statement."""
    said = {"address": ip, "countries": list(countries), **more}
    return {"id": f"{kind}-{author}", "kind": kind, "author": author, "built": "2026-10-01", "statements": [said]}


TWO = (pin("database", "a", OFFICE, "US"), pin("database", "b", OFFICE, "US"))
ALONE: dict[str, Any] = {"embedded": False}
STORAGE = 'activity = "storage"\nallow = ["EEA"]'
BAN = 'activity = "connection"\nforbid = ["WORLD"]'
OTHERS = tuple({"server_ip": f"185.{100 + n // 250}.{n % 250}.1", "host": APP} for n in range(39))
INSIDE = tuple(pin("declared", f"d{n}", row["server_ip"], "IE") for n, row in enumerate(OTHERS))


def role(name: str, host: str = APP) -> str:
    """A scope of one host with a role."""
    return f'[[claim.host]]\npattern = "{host}"\nrole = "{name}"'


EXAMPLES = [
    Example(rule="R101", ip="10.0.0.5", outcome="unknown"),
    Example(rule="R102", ip="2002:3f8:a14::1", outcome="inside"),
    Example(rule="R103", ip=EDGE, outcome="unknown"),
    Example(
        rule="R110",
        ip=OFFICE,
        claim='activity = "processing"\nallow = ["NO"]',
        pinned=(pin("measured", "mesh", OFFICE, "DE", "FR", "NL"),),
        options=ALONE,
        outcome="violating",
    ),
    Example(
        rule="R111",
        ip=OFFICE,
        pinned=(pin("calibrated", "mesh", OFFICE, "FR", "BE", rate=0.001),),
        options=ALONE,
        outcome="inside",
    ),
    Example(rule="R112", outcome="inside"),
    Example(rule="R114", ip=OFFICE, pinned=TWO, options=ALONE),
    Example(
        rule="R115",
        ip="71.18.56.40",
        claim='activity = "processing"\nallow = ["IE", "NO"]',
        outcome="inside",
        verdict="consistent",
    ),
    Example(
        rule="R116",
        ip=OFFICE,
        pinned=(pin("database", "a", OFFICE, "IE"), pin("database", "c", OFFICE, "US")),
        options=ALONE,
        outcome="unknown",
    ),
    Example(rule="R117", ip=VIRGINIA, verdict="violated"),
    Example(
        rule="R118",
        ip=OFFICE,
        claim='activity = "processing"\nallow = ["DE"]',
        pinned=(pin("database", "a", OFFICE, "FR"), pin("registration", "ripe", OFFICE, "FR")),
        options=ALONE,
        outcome="unknown",
    ),
    Example(rule="R119", ip="3.2.112.9", day="2026-10-20"),
    Example(
        rule="R120",
        ip=OFFICE,
        pinned=(pin("measured", "mesh", OFFICE, "IE", "GB"), pin("database", "a", OFFICE, "US")),
        options=ALONE,
        outcome="unknown",
    ),
    Example(rule="R121", options={"max_age_days": 90}),
    Example(rule="R122", options=ALONE, outcome="unknown"),
    Example(
        rule="R123",
        ip=OFFICE,
        pinned=(pin("database", "a", OFFICE, "US"), pin("network", "o", OFFICE, network="hosting")),
        options=ALONE,
        outcome="unknown",
    ),
    Example(rule="R124", ip="3.40.0.9", outcome="unknown"),
    Example(
        rule="R125",
        ip=OFFICE,
        pinned=(pin("measured", "mesh", OFFICE, "DE", proves=False),),
        options=ALONE,
        outcome="unknown",
    ),
    *(
        Example(
            rule=rule,
            ip=OFFICE,
            pinned=(pin("measured", "mesh", OFFICE, "DE", proves=False, weakness=weakness),),
            options=ALONE,
            outcome="unknown",
        )
        for rule, weakness in (("R127", "vantage"), ("R128", "samples"))
    ),
    Example(
        rule="R126",
        ip=OFFICE,
        day="2026-10-30",
        pinned=(pin("declared", "holder", OFFICE, "US"),),
        options=ALONE,
        verdict="violated",
    ),
    Example(rule="R201", ip=VIRGINIA, row={"bytes_received": 0}, outcome="unanswered"),
    Example(
        rule="R202",
        ip=VIRGINIA,
        host="a.cdn.acme.example",
        more='[[claim.exception]]\nid = "cdn"\nhosts = ["*.cdn.acme.example"]',
        outcome="excused",
    ),
    Example(rule="R203", ip=VIRGINIA, claim=STORAGE, scope=role("auth"), outcome="not_carrying"),
    Example(rule="R204", outcome="inside", verdict="consistent"),
    Example(
        rule="R205",
        ip="71.18.56.40",
        options={"min_assurance": "declared"},
        outcome="unknown",
    ),
    Example(rule="R206", ip=VIRGINIA, outcome="violating", verdict="violated"),
    Example(rule="R207", ip=VIRGINIA, more='subjects = ["EEA"]', outcome="adverse"),
    Example(rule="R208", ip=OFFICE, pinned=TWO[:1], options=ALONE, outcome="doubtful"),
    Example(rule="R209", ip=EDGE, outcome="unknown"),
    Example(rule="R210", ip="10.0.0.5", outcome="unknown"),
    Example(rule="R211", beside=({"host": None},)),
    Example(
        rule="R212",
        ip=EDGE,
        host="img.acme.example",
        claim=STORAGE,
        verdict="inconclusive",
        outcome="not_carrying",
    ),
    Example(
        rule="R220",
        ip=VIRGINIA,
        more="effective = { from = 2026-01-01 }",
        row={"ts": "2026-01-01T00:00:03Z"},
        options={"clock_skew_s": 5},
        outcome="adverse",
    ),
    Example(
        rule="R221",
        ip=VIRGINIA,
        day="2024-12-10",
        more='modality = "migrating"\ncomplete = 2025-01-01',
        outcome="adverse",
    ),
    Example(rule="R222", ip=VIRGINIA, row={"named_by": "dns_shared"}, outcome="adverse"),
    Example(rule="R223", ip=VIRGINIA, claim=STORAGE, outcome="adverse", verdict="inconclusive"),
    Example(rule="R224", ip=VIRGINIA, row={"bytes_received": None}, outcome="adverse"),
    Example(rule="R225", ip=VIRGINIA, more='subjects = ["EEA"]', outcome="adverse"),
    Example(rule="R226", ip=VIRGINIA, more='[[claim.exception]]\nid = "support-cases"', outcome="adverse"),
    Example(
        rule="R227",
        ip=OFFICE,
        day="2026-11-20",
        pinned=(pin("declared", "holder", OFFICE, "US"),),
        options=ALONE,
        outcome="adverse",
    ),
    Example(rule="R228", ip=OFFICE, pinned=(*TWO, *INSIDE), beside=OTHERS, options=ALONE, outcome="adverse"),
    Example(
        rule="R229",
        ip=VIRGINIA,
        scope='[[claim.host]]\npattern = "mcs16-normal-useastred.tiktokw.eu"\nbinding = "label"',
        host="mcs16-normal-useastred.tiktokw.eu",
        outcome="adverse",
    ),
    Example(rule="R301", ip=VIRGINIA, verdict="violated"),
    Example(rule="R302", verdict="consistent"),
    Example(rule="R310", claim='activity = "access"\nforbid = ["CN"]', verdict="inconclusive"),
    Example(rule="R311", day="2026-05-20", more="effective = { from = 2026-06-01 }", verdict="inconclusive"),
    Example(rule="R312", ip=VIRGINIA, claim=STORAGE, verdict="inconclusive"),
    Example(rule="R313", row={"flows": 70}, beside=({"server_ip": EDGE, "flows": 30},), verdict="inconclusive"),
    Example(rule="R314", row={"bytes_received": 0}, outcome="unanswered", verdict="inconclusive"),
    Example(
        rule="R315",
        row={"flows": 97, "bytes_sent": 9700, "bytes_received": 9700},
        beside=({"server_ip": OFFICE, "host": "files.acme.example", "flows": 3},),
        pinned=(pin("declared", "holder", IRELAND, "IE"), pin("database", "a", OFFICE, "US")),
        options=ALONE,
        verdict="inconclusive",
    ),
    Example(rule="R316", more='parties = ["aws"]', verdict="inconclusive"),
    Example(rule="R317", claim='activity = "storage"\nforbid = ["CN"]', verdict="inconclusive"),
    Example(rule="R318", row={"bytes_sent": None}, verdict="consistent"),
    Example(
        rule="R319",
        claim=BAN,
        scope='hosts = ["tiktok.com"]',
        row={"flows": 60},
        beside=({"host": None, "server_ip": VIRGINIA, "flows": 40},),
        verdict="inconclusive",
    ),
    Example(
        rule="R320",
        claim=BAN,
        scope='hosts = ["tiktok.com"]',
        row={"flows": 99, "bytes_sent": 99, "bytes_received": 99},
        beside=({"host": None, "server_ip": VIRGINIA, "flows": 1, "bytes_sent": 1, "bytes_received": 1},),
        verdict="consistent",
    ),
    Example(rule="R321", more='parties = ["aws"]', options={"rely_on": "aws"}, verdict="consistent"),
    Example(rule="R330", more='modality = "migrating"', verdict="consistent"),
    Example(rule="R331", claim='activity = "storage"\nforbid = ["CN"]', verdict="inconclusive"),
]


def claim_file(example: Example) -> str:
    """The claim of an example: what belongs to the claim itself before its tables."""
    parts = [example.claim, example.scope, example.more]
    parts.sort(key=lambda part: part.startswith("[["))
    head = 'schema = "residency/1"\nvendor = "Acme"\n[[claim]]\nid = "acme"\nstatement = "As declared."\n'
    return head + "\n".join(parts)


def flows(example: Example) -> Any:
    """The flows of an example as a table: the one it is about first."""
    import pyarrow as pa

    plain = {
        "ts": f"{example.day}T08:00:00Z",
        "client_ip": "192.168.1.7",
        "server_ip": example.ip,
        "server_port": 443,
        "proto": "tcp",
        "bytes_sent": 1000,
        "bytes_received": 1000,
        "host": example.host,
        "named_by": None,
        "flows": 1,
    }
    schema = pa.schema([(name, pa.int64() if isinstance(v, int) else pa.string()) for name, v in plain.items()])
    return pa.Table.from_pylist([plain | row for row in (example.row, *example.beside)], schema=schema)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.rule)
def test_an_example_comes_out_as_the_page_says(example: Example, tmp_path: Path) -> None:
    path = tmp_path / "claims.toml"
    path.write_text(claim_file(example), encoding="utf-8")
    sources = residency.MemorySource.from_json({"sources": list(example.pinned)})
    report = residency.audit(path, flows(example), sources=sources, **example.options)
    result = report.result("acme")
    found = [f for f in report.findings if f.seen.server_ip == example.ip and f.seen.host == example.host]
    shown = {rule for f in report.findings for rule in f.rules}
    shown |= {reason.rule for reason in (*result.reasons, *result.could.reasons)}
    assert example.rule in shown, result.headline
    if example.outcome:
        assert [f.outcome.value for f in found] == [example.outcome], [f.rules for f in found]
    if example.verdict:
        assert result.verdict.value == example.verdict, result.headline


def test_every_rule_has_an_example_here() -> None:
    assert sorted(example.rule for example in EXAMPLES) == sorted(RULES)


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.outcome], ids=lambda example: example.rule)
def test_the_section_names_the_outcome(example: Example) -> None:
    section = re.split(rf"^### {example.rule} ", PAGE, flags=re.MULTILINE)[1].partition("\n##")[0]
    words = {example.outcome, example.outcome.replace("_", " ")}
    assert any(word in section for word in words) or example.outcome == "unknown"


def test_the_database_is_as_old_as_the_pages_say() -> None:
    built = manifest()["dbip-country-v4"].snapshot.built
    assert built is not None
    age = (date(2026, 10, 20) - built).days
    assert f"{age} days apart" in PAGE
    assert f"built {age} days before the flows" in " ".join(TUTORIAL.split())
