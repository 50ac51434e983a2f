"""Evidence: one source's statement on one endpoint, with its author, date and lineage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from residency.model.place import Place, Spot


class Kind(StrEnum):
    """The kinds of evidence, strongest first (DESIGN section 5)."""

    MEASURED = "measured"
    CALIBRATED = "calibrated"
    DECLARED = "declared"
    DATABASE = "database"
    HOSTNAME = "hostname"
    REGISTRATION = "registration"
    NETWORK = "network"


class Weakness(StrEnum):
    """Why a measurement supports and does not prove."""

    EARLY_ANSWER = "early answer possible: something in the path can answer a SYN or a ping"
    SAMPLES = "fewer than three samples"
    VANTAGE = "the vantage has not passed its test that far"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One version of one source: what it is, who stands behind it, when it was built, and its bytes."""

    id: str
    kind: str
    name: str
    author: str
    built: date | None
    sha256: str
    licence: str
    lineage: str = ""
    max_age_days: int | None = None
    attribution: str = ""
    source: str = ""
    edges: tuple[date, ...] = ()  # the days at which its answers can change (dated lists)
    is_unverified: bool = False  # nobody stated the sha256 of its bytes: damage that it does not show is not excluded


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """What the round-trip time of one vantage excludes: countries, parts, or places of a finite list (`aws/eu-west-1`).

    Each place is named once, with the vantage whose disc it misses by most.
    """

    vantage: str
    rtt_ms: float
    within_km: float
    excludes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a source says of an address, before it is weighed; many addresses share one statement.

    `places` are the feasible places; empty where it names none ("held by Amazon", "an anycast service").
    `listed` is the span of days on which the source is known to have said so; outside it the
    statement is stretched in time and its distance from the flow is printed.
    """

    kind: Kind
    source: str  # Snapshot.id
    author: str
    says: str
    places: frozenset[Place] = frozenset()
    lineage: str = ""
    listed: tuple[date, date] | None = None
    stable: bool = False  # measured never to move between regions (AWS EC2)
    anycast: bool = False  # has no single place
    network: str = ""  # cloud | hosting | cdn: what kind of network holds the address
    holder: str = ""  # who runs the list or network, where known (aws, azure, …)
    rate: float | None = None  # `calibrated`: the stated error rate
    proves: bool = True  # may it carry a verdict? `measured`: tls, quic, app or several vantages; a list: has a date
    prefix_since: date | None = None  # first day the prefix is known to be listed, where it is newer than the list
    weakness: Weakness | None = None  # why a measurement does not prove
    exclusions: tuple[Exclusion, ...] = ()  # `measured`: which vantage set the bound that excludes each place
    spot: Spot | None = None  # position ± km that it names within its place (city databases); never proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A statement as weighed for one endpoint and one period.

    `struck` holds the reason why it is shown but not counted, `struck_by` on whose word; `echo` says whom it repeats
    (`list:aws`, `registration`); `days_from_flow` is the distance between statement and flow.
    """

    statement: Statement
    days_from_flow: int | None = None
    struck: str = ""
    struck_by: frozenset[str] = frozenset()  # whose word struck it, in `party_key` form
    echo: str = ""
    lineage: str = ""

    @property
    def kind(self) -> Kind:
        """The statement's kind."""
        return self.statement.kind

    @property
    def counts(self) -> bool:
        """Does it count for a place: not struck, and naming one?"""
        return not self.struck and bool(self.statement.places)


class Assurance(StrEnum):
    """How well a place is known, strongest first."""

    MEASURED = "measured"
    CALIBRATED = "calibrated"
    DECLARED = "declared"
    CORROBORATED = "corroborated"
    DATABASE = "database"
    NONE = "none"
    NOT_NEEDED = "no location needed"

    @property
    def rank(self) -> int:
        """A number that grows with strength; `none` is 0."""
        return _RANKS[self]


def authors_of(evidence: Iterable[Evidence], assurance: Assurance) -> tuple[str, ...]:
    """Return whose word a place of this assurance rests on; an echo only where nobody says it first hand."""
    kind = Kind.DATABASE if assurance is Assurance.CORROBORATED else assurance.value
    said = [e for e in evidence if e.counts and e.kind == kind]
    own = [e for e in said if not e.echo] or said
    return tuple(dict.fromkeys(e.statement.author for e in own))


def has_proving_times(evidence: Iterable[Evidence]) -> bool:
    """Do round-trip times that prove stand among the evidence? Else what they exclude is excluded only if they hold."""
    return any(e.kind is Kind.MEASURED and e.counts and e.statement.proves for e in evidence)


_RANKS: Mapping[Assurance, int] = {
    Assurance.NOT_NEEDED: 6,
    Assurance.MEASURED: 5,
    Assurance.CALIBRATED: 4,
    Assurance.DECLARED: 3,
    Assurance.CORROBORATED: 2,
    Assurance.DATABASE: 1,
    Assurance.NONE: 0,
}
