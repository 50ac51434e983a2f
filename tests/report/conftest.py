"""Reports built by hand, with any text in every place that text can come from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.hostile import PAYLOADS

import residency
from residency.model.claim import (
    Activity,
    Claim,
    ClaimSource,
    Exemption,
    HostRule,
)
from residency.model.evidence import Assurance, Evidence, Kind, Snapshot, Statement
from residency.model.names import HostPattern
from residency.model.period import Period
from residency.model.place import Place
from residency.model.verdict import (
    ClaimResult,
    ClaimResults,
    Finding,
    Findings,
    InputRecord,
    Observed,
    Outcome,
    QuarantinedRecord,
    Reason,
    Report,
    Shares,
    Tally,
    Verdict,
    Where,
    Yield,
)
from residency.report import as_json
from residency.shipped import data_path

NOW = datetime(2026, 6, 1, 12, 0, 0, 250_000, tzinfo=UTC)
MakeReport = Callable[[str], Report]


def _finding(text: str, number: int, outcome: Outcome) -> Finding:
    seen = Observed(
        group=number,
        server_ip="20.1.1.1",
        server_form="native",
        server_port=443,
        proto="tcp",
        host=text,
        named_by="sni",
        answered=True,
        period=0,
        vantage=text,
        rtt_kind=None,
        records=1,
        flows=3,
        bytes_sent=1_234_567,
        bytes_received=None,
        sent_unknown=0,
        received_unknown=3,
        first=NOW,
        last=NOW,
    )
    said = Statement(
        kind=Kind.DECLARED,
        source="s1",
        author=text,
        says=text,
        places=frozenset({Place("US", provider_region="aws/us-east-1")}),
        listed=(date(2026, 6, 1), date(2026, 6, 1)),
    )
    struck = Evidence(statement=said, lineage=text, struck=text, echo=text, days_from_flow=3)
    return Finding(
        id=f"F-{number:012x}",
        claim="acme.eu",
        seen=seen,
        period=Period(None, None),
        role="data",
        outcome=outcome,
        missing_link=text,
        place=Where.OUTSIDE,
        assurance=Assurance.DECLARED,
        feasible=(Place("US", provider_region="aws/us-east-1"),),
        excluded=("CN",),
        rules=("R112", "R206"),
        evidence=(Evidence(statement=said, lineage=text, days_from_flow=0), struck),
        sides=("outside", "neither"),
        network="20.1.1.0/24",
    )


def build(text: str) -> Report:
    claim = Claim(
        id="acme.eu",
        statement=text,
        activity=Activity.STORAGE,
        vendor=text,
        allow=("EEA",),
        forbid=("HU",),
        subjects=("EEA",),
        parties=(text,),
        effective=Period(NOW, None),
        hosts=(HostRule(pattern=HostPattern("*.acme.example")),),
        exceptions=(
            Exemption(id="cdn", activity=Activity.STORAGE, hosts=(HostPattern("*.cdn.example"),), why=text),
            Exemption(id="caveat", activity=Activity.STORAGE, why=text),
        ),
        sources=(ClaimSource(url=text, published=date(2026, 1, 1), kind="first_party"),),
    )
    outcomes = {outcome: Tally() for outcome in Outcome}
    findings = [_finding(text, i, outcome) for i, outcome in enumerate(Outcome)]
    for finding in findings:
        outcomes[finding.outcome] += Tally.of(finding.seen)
    result = ClaimResult(
        claim=claim,
        could=Yield(could_violate=True, could_confirm=False, reasons=(Reason(rule="R331", text=text),)),
        verdict=Verdict.VIOLATED,
        assurance=Assurance.DECLARED,
        headline=f"violated (declared): {text}",
        reasons=(Reason(rule="R301", text=text),),
        outcomes=outcomes,
        coverage=Shares(flows=0.125, bytes_sent=None),
        unnamed=Tally(endpoints=1, flows=2),
        not_observed=text,
        as_connection=Verdict.INCONCLUSIVE,
        notes=(text,),
        file=text,
        line=7,
    )
    return Report(
        tool_version="1.2.3",
        as_of=NOW,
        headline=text,
        inputs=(
            InputRecord(
                path=text, sha256="0" * 64, format="csv", records=24, judged=24, out_of_scope=0, quarantined=0,
                duplicate=0, context=0,
            ),
        ),
        quarantine=(
            QuarantinedRecord(path=text, line=3, offset=None, reason=text, value=text),
            QuarantinedRecord(path="a.pcap", line=None, offset=24, reason="cut"),
        ),
        snapshots=(
            Snapshot(
                id="s1", kind="declared", name=text, author=text, built=date(2026, 6, 1), sha256="0" * 64, licence=text
            ),
        ),
        claims=ClaimResults([result]),
        findings=Findings(findings),
        warnings=(text,),
        first_seen=NOW,
        last_seen=NOW,
        options={"clients": text},
        rules={"R206": text},
    )  # fmt: skip


@pytest.fixture(scope="session")
def make_report() -> MakeReport:
    """Build a report whose every free text is the given one."""
    return build


# Beside the corpus, what is wide at a terminal.
HOSTILE = {**PAYLOADS, "plain": "plain.example", "wide": "界" * 300, "joined": "🧑\u200d🚀" * 50}


@pytest.fixture(params=list(HOSTILE.values()), ids=list(HOSTILE))
def hostile(request: pytest.FixtureRequest) -> str:
    """A text that an attacker put into the traffic, a claim or a path."""
    text: str = request.param
    return text


@pytest.fixture(scope="session")
def demo() -> dict[str, Any]:
    """The document of the shipped demonstration: all three verdicts."""
    folder = data_path("demo")
    report = residency.audit([folder / "claims.toml", "tiktok-clover"], folder / "composed-sample.csv", clients="EEA")
    document = as_json.document(report)
    for claim in document["claims"]:
        claim["file"] = Path(claim["file"]).name
    return document


@pytest.fixture
def plain() -> dict[str, Any]:
    """The document of a report with one finding of every outcome."""
    return as_json.document(build("plain.example"))


def many(count: int, **changes: Any) -> dict[str, Any]:
    """A document with so many findings, each of a host, an address and an id of its own."""
    document = as_json.document(build("plain.example"))
    first = document["findings"][0]
    document["findings"] = [
        {**first, "id": f"F-{n:012x}", "host": f"h{n}.example", "server_ip": f"20.{n >> 16}.{n >> 8 & 255}.{n & 255}"}
        | changes
        for n in range(count)
    ]
    return document


def poisoned(value: Any, text: str, key: str = "") -> Any:
    """Put `text` into every string of a saved report but the words that its forms are chosen by."""
    words = {"schema", "verdict", "outcome", "place", "for", "activity", "claim", "effective"}
    kept = words | {"as_of", "first_seen", "last_seen", "first", "last"}
    if isinstance(value, dict):
        return {name: poisoned(inner, text, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [poisoned(inner, text, key) for inner in value]
    return text if isinstance(value, str) and key not in kept else value
