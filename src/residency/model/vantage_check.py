"""What the test of an auditor's own vantage found: may its round-trip times carry anything, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from residency.model.network import Vantage


class Standing(StrEnum):
    """What the times of a vantage are worth."""

    PASSED = "passed"  # they prove
    UNTESTED = "untested"  # too few endpoints of known place: they support nothing
    VOID = "void"  # something answers faster than light could: they are not used at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """An endpoint of known place: who lists it where, how far that is at the least, and what time it answered in."""

    server_ip: str
    operator: str
    place: str
    least_km: float
    rtt_ms: float
    kind: str
    reach_km: float  # what light in vacuum does in that time, out and back

    @property
    def is_impossible(self) -> bool:
        """Did it answer sooner than light could have come back from there?"""
        return self.reach_km < self.least_km


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPath:
    """What a vantage's own traffic shows of its path: resolvers asked, proxies gone through, and what is unseen."""

    resolvers: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VantageCheck:
    """The test of one vantage, on one capture or several.

    `beyond_km` holds for each family of kinds ("tcp", "quic") how far the farthest control is that answered in honest
    time: a disc of a greater radius was not put to the test.
    """

    vantage: Vantage
    standing: Standing
    why: str
    endpoints: int
    controls: int
    operators: tuple[str, ...] = ()
    beyond_km: tuple[tuple[str, float], ...] = ()
    impossible: tuple[Control, ...] = ()
    path: OwnPath | None = None  # None where the vantage's own traffic is not at hand

    def covers(self, family: str, radius_km: float) -> bool:
        """Did the vantage pass its test, with a control beyond this radius that times of this family reached?"""
        return self.standing is Standing.PASSED and dict(self.beyond_km).get(family, 0.0) > radius_km
