"""A bench on which claims, endpoints and statements are put together by hand, without files or an engine."""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from residency.evaluate.judge import Entry, Judgement, is_certain_name, judge
from residency.evaluate.locate import Placement, Weighed, place_in, weigh
from residency.evaluate.outcome import Ruling, Terms
from residency.evaluate.scope import Groups, match_hosts, moments, select, surely_in_force
from residency.model.claim import Activity, Claim, Exemption, HostRule, NetworkRule, Role
from residency.model.evidence import Assurance, Kind, Statement
from residency.model.names import HostPattern
from residency.model.network import AddressBook, parse_address
from residency.model.period import to_us
from residency.model.place import Area, Gazetteer, Place
from residency.model.verdict import Observed

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
TODAY = NOW.date()
Row = tuple[Observed, Sequence[Statement]]


@dataclass(frozen=True)
class Bench:
    """Builders with honest defaults: a named, answered conversation today, evidence of today."""

    gazetteer: Gazetteer

    def places(self, codes: Iterable[str]) -> frozenset[Place]:
        return frozenset(self.gazetteer.place(code) if ":" in code else Place(code) for code in codes)

    def said(self, kind: Kind, *codes: str, author: str = "someone", **changes: Any) -> Statement:
        fields: dict[str, Any] = {
            "kind": kind,
            "source": f"{kind}-{author}",
            "author": author,
            "says": ",".join(codes),
            "places": self.places(codes),
            "lineage": author,
            "listed": None if kind is Kind.MEASURED else (TODAY, TODAY),
        }
        return Statement(**(fields | changes))

    def measured(self, *codes: str, author: str = "vantage", **changes: Any) -> Statement:
        return self.said(Kind.MEASURED, *codes, author=author, **changes)

    def declared(self, *codes: str, author: str = "aws", days: int = 0, **changes: Any) -> Statement:
        day = TODAY - timedelta(days=days)
        return self.said(Kind.DECLARED, *codes, author=author, **({"listed": (day, day)} | changes))

    def database(self, *codes: str, author: str = "dba", built: date = TODAY, **changes: Any) -> Statement:
        return self.said(Kind.DATABASE, *codes, author=author, **({"listed": (built, built)} | changes))

    def two(self, *codes: str) -> list[Statement]:
        return [self.database(*codes, author="dba"), self.database(*codes, author="dbb")]

    def network(self, kind: str, holder: str = "") -> Statement:
        return self.said(Kind.NETWORK, author="origins", network=kind, holder=holder)

    def registered(self, *codes: str) -> Statement:
        return self.said(Kind.REGISTRATION, *codes, author="ripe")

    def seen(self, ip: str = "20.1.1.1", **changes: Any) -> Observed:
        fields: dict[str, Any] = {
            "group": 0,
            "server_ip": ip,
            "server_form": "native",
            "server_port": 443,
            "proto": "tcp",
            "host": "api.acme.example",
            "named_by": "sni",
            "answered": True,
            "period": 0,
            "vantage": None,
            "rtt_kind": None,
            "records": 1,
            "flows": 1,
            "bytes_sent": 100,
            "bytes_received": 100,
            "sent_unknown": 0,
            "received_unknown": 0,
            "first": NOW,
            "last": NOW,
        }
        return Observed(**(fields | changes))

    def many(self, count: int, statements: Sequence[Statement], start: int = 0, **changes: Any) -> list[Row]:
        """Endpoints in as many different /24 networks."""
        ips = [f"20.{(start + i) // 250 + 1}.{(start + i) % 250}.1" for i in range(count)]
        return [(self.seen(ip, **changes), statements) for ip in ips]

    def claim(self, *hosts: str, role: Role | None = None, **changes: Any) -> Claim:
        patterns = hosts or ("*.acme.example", "acme.example")
        fields: dict[str, Any] = {
            "id": "acme.eu",
            "statement": "Data is processed in the EEA.",
            "activity": Activity.PROCESSING,
            "vendor": "Acme",
            "allow": ("EEA",),
            "parties": ("acme",),
            "hosts": tuple(HostRule(pattern=HostPattern.parse(p), role=role) for p in patterns),
        }
        return Claim(**(fields | changes))

    def exception(self, **changes: Any) -> Exemption:
        return Exemption(**({"id": "cdn", "activity": Activity.PROCESSING, "why": "stated"} | changes))

    def network_rule(self, cidr: str, **changes: Any) -> NetworkRule:
        return NetworkRule(cidr=ipaddress.ip_network(cidr), **changes)

    def weigh(self, *statements: Statement, ip: str = "20.1.1.1", **changes: Any) -> Weighed:
        days: dict[str, Any] = {"first": TODAY, "last": TODAY} | changes
        return weigh(statements, parse_address(ip), **days)

    def area(self, *names: str, at: datetime = NOW) -> Area:
        return self.gazetteer.area(names or ("EEA",), at)

    def area_of(self, claim: Claim, at: datetime) -> Area:
        allowed = self.gazetteer.area(claim.allow or ("WORLD",), at)
        return allowed - self.gazetteer.area(claim.forbid, at) if claim.forbid else allowed

    def locate(
        self,
        *statements: Statement,
        area: str = "EEA",
        without: Iterable[str] = (),
        ip: str = "20.1.1.1",
        **kw: Any,
    ) -> Placement:
        return place_in(self.weigh(*statements, ip=ip, **kw), self.area(area), frozenset(without))

    def judge(
        self,
        claim: Claim,
        rows: Sequence[Row],
        *,
        clients: tuple[str, ...] = (),
        rely_on: Iterable[str] = (),
        skew: timedelta = timedelta(0),
        floor: Assurance = Assurance.DATABASE,
        max_age_days: int | None = None,
    ) -> Judgement:
        """Hold a claim against endpoints as `residency.audit` does, from values alone."""
        edges = claim.edges | {e + s for e in claim.effective.edges for s in (skew, -skew)}
        edges |= self.gazetteer.edges((*claim.place_names, *clients))
        cuts = sorted(to_us(edge) for edge in edges)
        instants = moments(cuts)
        observed = [row[0] for row in rows]
        hosts = sorted({o.host for o in observed if o.host is not None})
        texts = sorted({o.server_ip for o in observed})
        groups = Groups(
            hosts=hosts,
            addresses=AddressBook(texts),
            asns=np.zeros(len(texts), dtype=np.int64),
            host_code=_ints(-1 if o.host is None else hosts.index(o.host) for o in observed),
            address_code=_ints(texts.index(o.server_ip) for o in observed),
            port=_ints(-1 if o.server_port is None else o.server_port for o in observed),
            period=_ints(bisect_right(cuts, to_us(o.first)) for o in observed),
            certain_name=np.array([is_certain_name(o.named_by) for o in observed], dtype=bool),
            flows=_ints(o.flows for o in observed),
            bytes_sent=_ints(o.bytes_sent or 0 for o in observed),
            bytes_received=_ints(o.bytes_received or 0 for o in observed),
        )
        scope = select(claim, groups, instants, match_hosts([claim], hosts)[claim.id], skew)
        entries = []
        for row, match in zip(scope.rows.tolist(), scope.matches, strict=True):
            seen, statements = rows[row]
            at, address = instants[int(groups.period[row])], parse_address(seen.server_ip)
            live = [e for e in claim.exceptions if at in e.effective]
            stated = bool(clients) and (
                not claim.subjects or self.gazetteer.area(clients, at) <= self.gazetteer.area(claim.subjects, at)
            )
            terms = Terms(
                claim=claim,
                at=at,
                area=self.area_of(claim, at),
                in_force=surely_in_force(claim.effective, at, skew),
                exceptions=tuple((e, self.gazetteer.area(e.places, at) if e.places else None) for e in live),
                subjects_stated=stated,
                floor=floor,
            )
            weighed = weigh(
                statements, address, first=seen.first.date(), last=seen.last.date(), max_age_days=max_age_days
            )
            entries.append(Entry(seen=seen, address=address, match=match, weighed=weighed, terms=terms))
        return judge(claim, entries, scope, groups, subjects_stated=bool(clients), rely_on=frozenset(rely_on))

    def rule(self, claim: Claim, seen: Observed, statements: Sequence[Statement], **options: Any) -> Ruling:
        """Return the ruling on one endpoint in scope."""
        (judged,) = self.judge(claim, [(seen, statements)], **options).judged
        return judged.ruling


def _ints(values: Iterable[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(list(values), dtype=np.int64)


@pytest.fixture(scope="session")
def bench(gazetteer: Gazetteer) -> Bench:
    """The bench over the shipped gazetteer."""
    return Bench(gazetteer)
