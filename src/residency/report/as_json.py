"""The report as a JSON document (`residency-report/1`, DESIGN section 7.5): keys sorted, times RFC 3339 UTC."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from residency.collector import collector_paused
from residency.model.claim import Claim, Exemption
from residency.model.evidence import Evidence, Snapshot
from residency.model.period import rfc3339
from residency.model.tables import evidence_facts, finding_facts
from residency.model.vantage_check import OwnPath, VantageCheck
from residency.model.verdict import (
    ClaimResult,
    Finding,
    InputRecord,
    QuarantinedRecord,
    Reason,
    Report,
    Shares,
    Tally,
)

SCHEMA = "residency-report/1"
_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=True, allow_nan=False)


@collector_paused()
def document(report: Report) -> dict[str, Any]:
    """Return the report as plain JSON values."""
    return {
        "schema": SCHEMA,
        "tool": {"name": "residency", "version": report.tool_version},
        "as_of": rfc3339(report.as_of),
        "headline": report.headline,
        "options": dict(report.options),
        "seen": {"first": _time(report.first_seen), "last": _time(report.last_seen)},
        "inputs": [_input(item) for item in report.inputs],
        "quarantine": [quarantined(item) for item in report.quarantine],
        "snapshots": [snapshot(s) for s in report.snapshots],
        "claims": [_claim(result) for result in report.claims],
        "findings": _findings(report),
        "warnings": list(report.warnings),
        "vantages": [vantage_check(check) for check in report.vantages],
        "rules": dict(report.rules),
    }


def dumps(doc: Mapping[str, Any]) -> str:
    """Return the document as text: sorted keys, ASCII only, one line an entry of each top-level list.

    Lines make two reports comparable by `diff`, and spare the slow encoder that `indent` needs.
    """
    parts = [f"{_compact(name)}: {_entries(doc[name])}" for name in sorted(doc)]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _entries(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return _compact(value)
    return "[\n" + ",\n".join(f"  {_compact(entry)}" for entry in value) + "\n]"


def _compact(value: Any) -> str:
    return _ENCODER.encode(value)


def quarantined(item: QuarantinedRecord) -> dict[str, Any]:
    """Return one quarantined record; `line` or `offset`, whichever is known."""
    place: dict[str, Any] = {"line": item.line} if item.offset is None else {"offset": item.offset}
    return {"path": item.path, **place, "reason": item.reason}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)


def _input(item: InputRecord) -> dict[str, Any]:
    return {
        "path": item.path,
        "sha256": item.sha256,
        "format": item.format,
        "records": item.records,
        "judged": item.judged,
        "out_of_scope": item.out_of_scope,
        "quarantined": item.quarantined,
        "duplicate": item.duplicate,
        "context": item.context,
    }


def snapshot(s: Snapshot) -> dict[str, Any]:
    """Return one version of a source."""
    return {
        "id": s.id,
        "kind": s.kind,
        "name": s.name,
        "author": s.author,
        "built": None if s.built is None else s.built.isoformat(),
        "sha256": s.sha256,
        "licence": s.licence,
        "attribution": s.attribution,
        "listed": [day.isoformat() for day in s.edges],
    }


def vantage_check(check: VantageCheck) -> dict[str, Any]:
    """Return the test of one vantage: what its times are worth, and the controls that say so."""
    where = check.vantage
    return {
        "name": where.name,
        "lat": where.lat,
        "lon": where.lon,
        "radius_km": where.radius_km,
        "standing": check.standing.value,
        "why": check.why,
        "endpoints": check.endpoints,
        "controls": check.controls,
        "operators": list(check.operators),
        "beyond_km": {family: round(km, 1) for family, km in check.beyond_km},
        "impossible": [
            {
                "server_ip": control.server_ip,
                "operator": control.operator,
                "place": control.place,
                "least_km": round(control.least_km, 1),
                "rtt_ms": control.rtt_ms,
                "rtt_kind": control.kind or None,
            }
            for control in check.impossible
        ],
        "path": None if check.path is None else _path(check.path),
    }


def _path(path: OwnPath) -> dict[str, Any]:
    return {"resolvers": list(path.resolvers), "proxies": list(path.proxies), "unseen": list(path.unseen)}


def _claim(result: ClaimResult) -> dict[str, Any]:
    claim = result.claim
    return {
        "id": claim.id,
        "file": result.file or None,
        "line": result.line,
        "vendor": claim.vendor,
        "statement": claim.statement,
        "activity": claim.activity.value,
        "modality": claim.modality.value,
        "allow": list(claim.allow),
        "forbid": list(claim.forbid),
        "subjects": list(claim.subjects),
        "parties": list(claim.parties),
        "effective": str(claim.effective),
        "complete": _time(claim.complete),
        "condition": claim.condition,
        "scope": _scope(claim),
        "exceptions": [_exception(item) for item in claim.exceptions],
        "could_violate": result.could.could_violate,
        "could_confirm": result.could.could_confirm,
        "could_reasons": [_reason(r) for r in result.could.reasons],
        "verdict": result.verdict.value,
        "assurance": result.assurance.value,
        "headline": result.headline,
        "reasons": [_reason(r) for r in result.reasons],
        "as_connection": None if result.as_connection is None else result.as_connection.value,
        "outcomes": {outcome.value: _tally(tally) for outcome, tally in result.outcomes.items()},
        "coverage": _shares(result.coverage) | {"asked": claim.coverage},
        "unnamed": _tally(result.unnamed),
        "not_observed": result.not_observed,
        "notes": list(result.notes),
        "sources": [
            {
                "url": s.url,
                "published": s.published.isoformat() if s.published else None,
                "kind": s.kind,
                "supports": s.supports,
            }
            for s in claim.sources
        ],
        "counter_evidence": [
            {"date": c.date.isoformat(), "by": c.by, "finding": c.finding, "url": c.url} for c in claim.counter_evidence
        ],
        "replies": [{"date": r.date.isoformat(), "by": r.by, "text": r.text} for r in claim.replies],
    }


def _scope(claim: Claim) -> dict[str, Any]:
    """Return what a claim speaks of: hosts, networks and origins, narrowed by ports where it names any."""
    return {
        "hosts": [
            {
                "pattern": rule.pattern.text,
                "role": None if rule.role is None else rule.role.value,
                "binding": rule.binding.value,
            }
            for rule in claim.hosts
        ],
        "networks": [
            {
                "cidr": str(rule.cidr),
                "role": None if rule.role is None else rule.role.value,
                "effective": str(rule.effective),
            }
            for rule in claim.networks
        ],
        "asns": list(claim.asns),
        "ports": list(claim.ports),
    }


def _exception(item: Exemption) -> dict[str, Any]:
    return {
        "id": item.id,
        "activity": item.activity.value,
        "hosts": [pattern.text for pattern in item.hosts],
        "networks": [str(network) for network in item.networks],
        "places": list(item.places),
        "effective": str(item.effective),
        "caveat": item.is_caveat,
        "why": item.why,
    }


def _reason(reason: Reason) -> dict[str, str]:
    return {"rule": reason.rule, "text": reason.text}


def _tally(tally: Tally) -> dict[str, int]:
    return {
        "endpoints": tally.endpoints,
        "flows": tally.flows,
        "bytes_sent": tally.bytes_sent,
        "bytes_received": tally.bytes_received,
    }


def _shares(shares: Shares) -> dict[str, float | None]:
    return {
        "flows": shares.flows,
        "bytes_sent": shares.bytes_sent,
        "bytes_received": shares.bytes_received,
    }


def _findings(report: Report) -> list[dict[str, Any]]:
    """Return the findings; many share a piece of evidence, which is written once."""
    written: dict[tuple[int, str], dict[str, Any]] = {}

    def write(item: Evidence, side: str) -> dict[str, Any]:
        key = (id(item), side)
        if key not in written:
            written[key] = evidence(item, side)
        return written[key]

    return [
        _finding(f) | {"evidence": [write(e, side) for e, side in zip(f.evidence, f.sides, strict=True)]}
        for f in report.findings
    ]


def _finding(f: Finding) -> dict[str, Any]:
    seen = f.seen
    times = {"first_seen": rfc3339(seen.first), "last_seen": rfc3339(seen.last)}
    return finding_facts(f) | {"period": str(f.period)} | times


def evidence(item: Evidence, side: str) -> dict[str, Any]:
    """Return one piece of evidence with the side on which it speaks."""
    s = item.statement
    return evidence_facts(item, side) | {
        "rate": s.rate,
        "excluded_by": [
            {"vantage": e.vantage, "rtt_ms": e.rtt_ms, "within_km": e.within_km, "excludes": list(e.excludes)}
            for e in s.exclusions
        ],
        "listed": None if s.listed is None else [day.isoformat() for day in s.listed],
    }
