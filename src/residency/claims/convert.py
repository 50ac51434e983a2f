"""A checked claim file as the frozen values of `model.claim`."""

from __future__ import annotations

import ipaddress

from residency.claims import schema
from residency.model.claim import (
    Case,
    Claim,
    ClaimSource,
    CounterEvidence,
    Exemption,
    HostRule,
    NetworkRule,
    Reply,
    party_key,
)
from residency.model.names import HostPattern
from residency.model.period import ALWAYS, Period


def to_claim(table: schema.ClaimTable, file_vendor: str) -> Claim:
    """Build the claim; `file_vendor` is the vendor of claims that name none."""
    vendor = table.vendor or file_vendor
    parties = table.parties or ((vendor,) if vendor.strip() else ())
    return Claim(
        id=table.id,
        statement=table.statement,
        activity=table.activity,
        vendor=vendor,
        allow=table.allow,
        forbid=table.forbid,
        modality=table.modality,
        complete=table.complete,
        parties=tuple(dict.fromkeys(party_key(party) for party in parties)),
        subjects=table.subjects,
        condition=table.condition,
        data_in=table.data_in,
        data_out=table.data_out,
        observable=table.observable,
        notes=table.notes,
        effective=_period(table.effective),
        coverage=table.coverage,
        hosts=_hosts(table),
        networks=tuple(_network(n) for n in table.network),
        asns=table.asns,
        ports=table.ports,
        exceptions=tuple(_exemption(e, table) for e in table.exception),
        sources=tuple(_source(s) for s in table.source),
        counter_evidence=tuple(
            CounterEvidence(date=c.date, by=c.by, finding=c.finding, url=c.url) for c in table.counter_evidence
        ),
        replies=tuple(Reply(date=r.date, by=r.by, text=r.text) for r in table.reply),
        cases=tuple(Case(name=c.name, given=c.given, expect=str(c.expect), because=c.because) for c in table.case),
    )


def _period(table: schema.PeriodTable | None) -> Period:
    return ALWAYS if table is None else Period(table.start, table.end)


def _hosts(table: schema.ClaimTable) -> tuple[HostRule, ...]:
    short = [HostRule(pattern=HostPattern.parse(text)) for text in table.hosts]
    long = [
        HostRule(pattern=HostPattern.parse(h.pattern), role=h.role, binding=h.binding, places=h.places)
        for h in table.host
    ]
    return (*short, *long)


def _network(table: schema.NetworkTable) -> NetworkRule:
    return NetworkRule(
        cidr=ipaddress.ip_network(table.cidr),
        role=table.role,
        places=table.places,
        effective=_period(table.effective),
    )


def _exemption(table: schema.ExceptionTable, claim: schema.ClaimTable) -> Exemption:
    return Exemption(
        id=table.id,
        activity=table.activity or claim.activity,
        hosts=tuple(HostPattern.parse(text) for text in table.hosts),
        networks=tuple(ipaddress.ip_network(text) for text in table.networks),
        places=table.places,
        effective=_period(table.effective),
        why=table.why,
    )


def _source(table: schema.SourceTable) -> ClaimSource:
    return ClaimSource(url=table.url, published=table.published, kind=str(table.kind or ""), supports=table.supports)
