"""Verdicts, outcomes, findings and the report: what an audit says, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from residency.model import tables
from residency.model.claim import Claim
from residency.model.evidence import Assurance, Evidence, Snapshot
from residency.model.period import Period
from residency.model.place import Place, countries_of, sites_of
from residency.model.shown import Mapped, Shown
from residency.model.tables import EvidenceTable, Tabular
from residency.model.vantage_check import VantageCheck

if TYPE_CHECKING:
    from collections.abc import Iterator


class Verdict(StrEnum):
    """The three values. They do not fit in two: a verdict has no truth value."""

    CONSISTENT = "consistent"
    VIOLATED = "violated"
    INCONCLUSIVE = "inconclusive"

    def __bool__(self) -> bool:
        raise TypeError("a verdict has three values; compare it with Verdict.CONSISTENT, VIOLATED or INCONCLUSIVE")


class Where(StrEnum):
    """Where an endpoint lies in relation to a claim's area."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """What became of one endpoint; each has exactly one."""

    VIOLATING = "violating"
    ADVERSE = "adverse"
    DOUBTFUL = "doubtful"
    UNKNOWN = "unknown"
    INSIDE = "inside"
    EXCUSED = "excused"
    NOT_CARRYING = "not_carrying"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One distinct endpoint as seen: the group of flows that share every part of the key (DESIGN section 4).

    `bytes_*` are None where no flow of the group told them; `sent_unknown` counts the flows that did not.
    """

    group: int
    server_ip: str
    server_form: str
    server_port: int | None
    proto: str | None
    host: str | None
    named_by: str | None
    answered: bool | None
    period: int
    vantage: str | None
    rtt_kind: str | None
    records: int
    flows: int
    bytes_sent: int | None
    bytes_received: int | None
    sent_unknown: int
    received_unknown: int
    first: datetime
    last: datetime
    min_rtt_ms: float | None = None
    rtt_samples: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Endpoints, flows and bytes that share an outcome."""

    endpoints: int = 0
    flows: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            endpoints=self.endpoints + other.endpoints,
            flows=self.flows + other.flows,
            bytes_sent=self.bytes_sent + other.bytes_sent,
            bytes_received=self.bytes_received + other.bytes_received,
        )

    @classmethod
    def of(cls, seen: Observed) -> Tally:
        """Return the tally of one endpoint; unknown bytes count as none."""
        return cls(
            endpoints=1,
            flows=seen.flows,
            bytes_sent=seen.bytes_sent or 0,
            bytes_received=seen.bytes_received or 0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Shares of flows and bytes in [0, 1]; None where the denominator is zero or unknown."""

    flows: float | None = None
    bytes_sent: float | None = None
    bytes_received: float | None = None

    def __iter__(self) -> Iterator[float | None]:
        return iter((self.flows, self.bytes_sent, self.bytes_received))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A rule that decided something, in words."""

    rule: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(Shown):
    """One claim held against one endpoint."""

    id: str
    claim: str
    seen: Observed
    period: Period
    role: str | None
    outcome: Outcome
    missing_link: str | None
    place: Where
    assurance: Assurance
    feasible: tuple[Place, ...]
    excluded: tuple[str, ...]
    rules: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    sides: tuple[str, ...]  # for each evidence: inside | outside | neither
    network: str = ""  # the /24 or /48 of the address

    @property
    def countries(self) -> tuple[str, ...]:
        """The feasible countries, sorted."""
        return countries_of(self.feasible)

    @property
    def sites(self) -> tuple[str, ...]:
        """The feasible sites and provider regions, sorted."""
        return sites_of(self.feasible)


@dataclass(frozen=True, slots=True, kw_only=True)
class Yield:
    """What a claim could give at all, before any traffic is looked at."""

    could_violate: bool
    could_confirm: bool
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopePreview:
    """What a claim would speak of in given traffic, by host, and what it could yield."""

    claim: Claim
    could: Yield
    hosts: Mapping[str, Tally]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimResult(Shown):
    """The verdict on one claim with all that it stands on."""

    claim: Claim
    could: Yield
    verdict: Verdict
    assurance: Assurance
    headline: str
    reasons: tuple[Reason, ...]
    outcomes: Mapping[Outcome, Tally]
    coverage: Shares
    unnamed: Tally
    not_observed: str
    as_connection: Verdict | None = None
    notes: tuple[str, ...] = ()
    file: str = ""  # the claim file as given, or the name of a shipped pack; empty where the claim came from neither
    line: int | None = None  # where the claim begins in it

    @property
    def id(self) -> str:
        """The claim's id."""
        return self.claim.id


@dataclass(frozen=True, slots=True, kw_only=True)
class InputRecord:
    """One input and where each of its records went: records = the sum of the other five counts."""

    path: str
    sha256: str
    format: str
    records: int
    judged: int
    out_of_scope: int
    quarantined: int
    duplicate: int
    context: int

    def __post_init__(self) -> None:
        parts = self.judged + self.out_of_scope + self.quarantined + self.duplicate + self.context
        if parts != self.records:
            raise ValueError(f"{self.path}: {self.records} records, but {parts} are accounted for")


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedRecord:
    """A record that could not be judged: where it stands, why, and its text cut short (never in a report)."""

    path: str
    line: int | None
    offset: int | None
    reason: str
    value: str = ""


class Findings(Tabular, Shown, tuple[Finding, ...]):
    """The findings of a report, in order of claim and id; also a table."""

    __slots__ = ()

    def by_id(self, finding: str) -> Finding:
        """Return the finding with this id or a unique beginning of it; raises KeyError."""
        found = [f for f in self if f.id == finding] or [f for f in self if f.id.startswith(finding)]
        if len(found) != 1:
            raise KeyError(finding)
        return found[0]

    @property
    def evidence(self) -> EvidenceTable:
        """Every piece of evidence, one row each, by `finding` and `claim`."""
        said = ((f, e, side) for f in self for e, side in zip(f.evidence, f.sides, strict=True))
        return EvidenceTable(("finding", "claim"), tuple(((f.id, f.claim), e, side) for f, e, side in said))

    def _columns(self) -> Mapping[str, str]:
        return tables.FINDING_COLUMNS

    def _rows(self) -> tables.Rows:
        return map(tables.finding_row, self)


class ClaimResults(Tabular, Shown, tuple[ClaimResult, ...]):
    """The verdicts of a report, one for each claim, in order of their ids; also a table."""

    __slots__ = ()

    def _columns(self) -> Mapping[str, str]:
        return tables.claim_columns(outcome.value for outcome in Outcome)

    def _rows(self) -> tables.Rows:
        return map(tables.claim_row, self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Mapped):
    """The answer of one audit; the same inputs, data and version give the same bytes."""

    tool_version: str
    as_of: datetime
    headline: str
    inputs: tuple[InputRecord, ...]
    quarantine: tuple[QuarantinedRecord, ...]
    snapshots: tuple[Snapshot, ...]
    claims: ClaimResults
    findings: Findings
    warnings: tuple[str, ...] = ()
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    pack_as_of: date | None = None
    vantages: tuple[VantageCheck, ...] = ()
    rules: Mapping[str, str] = field(default_factory=dict)  # the sentence of every rule that decided something

    def __bool__(self) -> bool:
        raise TypeError("three values do not fit in two; use report.verdict(claim_id)")

    def verdict(self, claim: str) -> Verdict:
        """Return the verdict on one claim; raises KeyError for an id that is not in the report."""
        return self.result(claim).verdict

    def result(self, claim: str) -> ClaimResult:
        """Return all that is said of one claim; raises KeyError for an id that is not in the report."""
        for result in self.claims:
            if result.id == claim:
                return result
        raise KeyError(claim)

    def findings_of(self, claim: str) -> Findings:
        """Return the findings of one claim."""
        return Findings(f for f in self.findings if f.claim == claim)

    def map(self, claim: str | None = None) -> Any:
        """Return an altair chart of where the endpoints are, a map for each claim or for one; needs the extra `map`.

        It draws what has one country, at its site, its provider region or the middle of the country, and says how many
        endpoints it cannot draw. `.save("map.png")` and `.svg` need no browser and no network. Raises UsageError
        where altair is not installed, KeyError for a claim that is not in the report.
        """
        return self._draw(claim)

    @property
    def exit_code(self) -> int:
        """1 any violated, 3 some inconclusive that could have been confirmed, else 0 (DESIGN section 7.2)."""
        if any(r.verdict is Verdict.VIOLATED for r in self.claims):
            return 1
        open_ = any(r.verdict is Verdict.INCONCLUSIVE and r.could.could_confirm for r in self.claims)
        return 3 if open_ else 0
