"""Claims: what an organisation declares, as checked values (files are read in `residency.claims`)."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from residency.model.names import HostPattern
from residency.model.period import ALWAYS, Period
from residency.model.shown import Shown

if TYPE_CHECKING:
    from residency.model.place import Area, Gazetteer

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=4096)
def party_key(name: str) -> str:
    """Return the form in which parties and authors are compared: "Acme Inc." and acme-inc are one."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c)).lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or name.strip().lower()


# Authors of lists, and the names under which their organisation may stand among a claim's parties.
OWNERS: Mapping[str, frozenset[str]] = {
    "aws": frozenset({"aws", "amazon", "amazon-com", "amazon-web-services"}),
    "azure": frozenset({"azure", "microsoft", "microsoft-azure", "github"}),
    "gcp": frozenset({"gcp", "google", "google-cloud", "google-cloud-platform", "alphabet"}),
    "oracle": frozenset({"oracle", "oracle-cloud", "oracle-cloud-infrastructure"}),
    "github": frozenset({"github", "microsoft", "azure", "microsoft-azure"}),
    "db-ip": frozenset({"db-ip", "dbip"}),
}


class Activity(StrEnum):
    """What is declared to happen in the area."""

    CONNECTION = "connection"
    PROCESSING = "processing"
    TELEMETRY = "telemetry"
    TRANSIT = "transit"
    STORAGE = "storage"
    ACCESS = "access"
    BACKUP = "backup"
    SUPPORT = "support"
    OWNERSHIP = "ownership"
    OVERSIGHT = "oversight"

    @property
    def is_observable(self) -> bool:
        """Can traffic show anything of it?"""
        return self not in (
            Activity.ACCESS,
            Activity.BACKUP,
            Activity.SUPPORT,
            Activity.OWNERSHIP,
            Activity.OVERSIGHT,
        )


class Modality(StrEnum):
    """How firmly it is declared."""

    ABSOLUTE = "absolute"
    DEFAULT = "default"
    MIGRATING = "migrating"


class Role(StrEnum):
    """What a host or network is for."""

    DATA = "data"
    STORAGE = "storage"
    API = "api"
    APP = "app"
    EDGE = "edge"
    TELEMETRY = "telemetry"
    CDN = "cdn"
    AUTH = "auth"
    CONTROL_PLANE = "control_plane"


class Binding(StrEnum):
    """How it is known that a host belongs to the claim."""

    DOCUMENTED = "documented"
    OBSERVED = "observed"
    LABEL = "label"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRule:
    """One host pattern of a claim's scope."""

    pattern: HostPattern
    role: Role | None = None
    binding: Binding = Binding.DOCUMENTED
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRule:
    """One network of a claim's scope, within its dates."""

    cidr: Network
    role: Role | None = None
    places: tuple[str, ...] = ()
    effective: Period = ALWAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """A stated exception (`[[claim.exception]]`); without hosts, networks and places it is a caveat."""

    id: str
    activity: Activity
    hosts: tuple[HostPattern, ...] = ()
    networks: tuple[Network, ...] = ()
    places: tuple[str, ...] = ()
    effective: Period = ALWAYS
    why: str = ""

    @property
    def is_caveat(self) -> bool:
        """Does it name nothing that an endpoint could match?"""
        return not (self.hosts or self.networks or self.places)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimSource:
    """Who said so, where and when."""

    url: str
    published: date | None = None
    kind: str = ""
    supports: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterEvidence:
    """A dated fact from elsewhere that stands against the claim; printed, never changing a verdict."""

    date: date
    by: str
    finding: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The vendor's dated answer; printed, never changing a verdict."""

    date: date
    by: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A worked case of a pack: given, expected verdict, and why."""

    name: str
    given: str
    expect: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Shown):
    """One declared statement about where something happens, with its scope and its parties.

    `complete` is when a `migrating` promise is said to be fulfilled; `subjects` is whose data is meant.
    """

    id: str
    statement: str
    activity: Activity
    vendor: str = ""
    allow: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()
    modality: Modality = Modality.ABSOLUTE
    complete: datetime | None = None
    parties: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    condition: str = ""
    data_in: tuple[str, ...] = ()
    data_out: tuple[str, ...] = ()
    observable: str = ""
    notes: str = ""
    effective: Period = ALWAYS
    coverage: float = 0.95
    hosts: tuple[HostRule, ...] = ()
    networks: tuple[NetworkRule, ...] = ()
    asns: tuple[int, ...] = ()
    ports: tuple[int, ...] = ()
    exceptions: tuple[Exemption, ...] = ()
    sources: tuple[ClaimSource, ...] = ()
    counter_evidence: tuple[CounterEvidence, ...] = ()
    replies: tuple[Reply, ...] = ()
    cases: tuple[Case, ...] = ()

    @property
    def own_authors(self) -> frozenset[str]:
        """The parties in `party_key` form, with the lists that their organisations publish (Amazon: aws)."""
        own = frozenset(party_key(party) for party in self.parties)
        return own | {author for author, names in OWNERS.items() if names & own}

    @property
    def covers_every_flow(self) -> bool:
        """Is its scope `hosts = ["*"]`?"""
        return any(rule.pattern.is_everything for rule in self.hosts)

    @property
    def is_forbid_only(self) -> bool:
        """Does it only say where not?"""
        return bool(self.forbid) and not self.allow

    @property
    def forbids_any_place(self) -> bool:
        """Is it `connection` with `forbid = ["WORLD"]`: no location is needed?"""
        return self.activity is Activity.CONNECTION and "WORLD" in self.forbid

    @property
    def place_names(self) -> tuple[str, ...]:
        """Every place or set that its verdict can depend on."""
        of_rules = [p for e in self.exceptions for p in e.places]
        return (*self.allow, *self.forbid, *self.subjects, *of_rules)

    @property
    def edges(self) -> frozenset[datetime]:
        """The instants at which the claim itself answers differently."""
        periods = [
            self.effective,
            *(n.effective for n in self.networks),
            *(e.effective for e in self.exceptions),
        ]
        found = {edge for period in periods for edge in period.edges}
        return frozenset(found | ({self.complete} if self.complete else set()))


def claim_area(claim: Claim, gazetteer: Gazetteer, at: datetime) -> Area:
    """Return the area of a claim at `at`: `allow` (else WORLD) minus `forbid`."""
    allowed = gazetteer.area(claim.allow or ("WORLD",), at)
    return allowed - gazetteer.area(claim.forbid, at) if claim.forbid else allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack(Shown):
    """A claim file: its claims, and the line on which each of their keys stands (for errors and SARIF)."""

    claims: tuple[Claim, ...]
    path: str
    name: str = ""
    vendor: str = ""
    as_of: date | None = None
    sha256: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)  # "claim[0].allow" -> 12
    warnings: tuple[str, ...] = ()

    def line_of(self, claim: str) -> int | None:
        """Return the line on which the claim with this id begins; None where the file does not tell."""
        numbers = [number for number, listed in enumerate(self.claims) if listed.id == claim]
        return self.lines.get(f"claim[{numbers[0]}]") if numbers else None
