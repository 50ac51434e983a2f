"""Which round-trip times would decide a claim: where a vantage must stand, what it must time, how soon it answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from residency.model.place import Spot


class Would(StrEnum):
    """What a short time would do for the claim."""

    CONFIRM = "confirm"
    CONTRADICT = "contradict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One endpoint to be timed, and the finding that it is about; at most `max_rtt_ms` decides."""

    server_ip: str
    server_port: int | None
    finding: str
    would: Would
    max_rtt_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """Where vantages must stand: within `within_km` of the spot, two of different networks."""

    spot: Spot
    within_km: float
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hopeless:
    """An endpoint that no time can decide, and why."""

    server_ip: str
    finding: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimPlan:
    """The fewest measurements that could decide one claim.

    `unplaced` are endpoints of which nobody says where they are: times from many places must find that out first.
    """

    claim: str
    statement: str
    stations: tuple[Station, ...]
    unplaced: tuple[Target, ...] = ()
    hopeless: tuple[Hopeless, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidingTime:
    """A round-trip time from a spot that would decide one endpoint; the further off a vantage stands, the shorter.

    `one_vantage_ms` for the auditor's own tested vantage (light in vacuum), `two_vantages_ms` for two independent ones.
    """

    spot: Spot
    would: Would
    one_vantage_ms: float
    two_vantages_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingPlan:
    """What times could say of one finding: at the endpoint's likeliest place, and where one shows it inside soonest.

    None where no time could; `why_not` says why the likeliest place has none.
    """

    likely: DecidingTime | None
    inside: DecidingTime | None
    why_not: str = ""
