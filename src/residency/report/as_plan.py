"""A plan of measurements as JSON, as requests to RIPE Atlas, and as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from residency.model.measurement_plan import ClaimPlan, Station, Target
from residency.report.medium import printable

SCHEMA = "residency-plan/1"
_PROBES, _SCATTERED_PROBES, _PACKETS = 5, 20, 5


def document(plans: Sequence[ClaimPlan]) -> dict[str, Any]:
    """Return the plan as plain JSON values, with the requests to RIPE Atlas (which nobody has sent)."""
    return {"schema": SCHEMA, "claims": [_claim(plan) for plan in plans], "ripe_atlas": atlas_requests(plans)}


def atlas_requests(plans: Sequence[ClaimPlan]) -> list[dict[str, Any]]:
    """Return bodies for RIPE Atlas, POST /api/v2/measurements/: one for each place where probes must stand.

    Atlas chooses probes by country, not by distance: pick those within reach by hand, or ask for more than needed.
    """
    found = []
    for plan in plans:
        for station in plan.stations:
            probes = {"type": "country", "value": station.spot.country, "requested": _PROBES}
            found.append(_request(plan, station.targets, probes))
        if plan.unplaced:
            found.append(_request(plan, plan.unplaced, {"type": "area", "value": "WW", "requested": _SCATTERED_PROBES}))
    return found


def render(plans: Sequence[ClaimPlan]) -> str:
    """Return the plan as text."""
    if not plans:
        return "Nothing to measure: no claim is open that traffic could decide.\n"
    lines = []
    for plan in plans:
        lines.append(f"{printable(plan.claim)}: {printable(plan.statement)}")
        lines += [f"  {line}" for station in plan.stations for line in _station_lines(station)]
        if plan.unplaced:
            count = len(plan.unplaced)
            lines.append(f"  nobody says where {_endpoints(count)} stand; time from many places first:")
            lines += [f"    {target.server_ip}" for target in plan.unplaced]
        lines += [f"  {h.server_ip}: no time can decide it: {h.why}" for h in plan.hopeless]
        lines += [f"  {plan.note}"] if plan.note else []
    lines.append("Nothing was sent. A time decides where the vantage is tested or two independent ones agree.")
    return "\n".join(lines) + "\n"


def _station_lines(station: Station) -> list[str]:
    spot = station.spot
    where = f"{spot.city}, {spot.country}" if spot.city else f"{spot.country} ({spot.lat:.1f}, {spot.lon:.1f})"
    lines = [f"two vantages of different networks within {station.within_km:,.0f} km of {where}, timing:"]
    for target in station.targets:
        port = "" if target.server_port is None else f" port {target.server_port}"
        short = f"{target.max_rtt_ms:.1f} ms or less would {target.would.value}"
        lines.append(f"  {target.server_ip}{port}: {short} ({target.finding})")
    return lines


def _endpoints(count: int) -> str:
    return "one endpoint" if count == 1 else f"{count} endpoints"


def _claim(plan: ClaimPlan) -> dict[str, Any]:
    return {
        "claim": plan.claim,
        "statement": plan.statement,
        "stations": [
            {
                "country": s.spot.country,
                "city": s.spot.city,
                "lat": s.spot.lat,
                "lon": s.spot.lon,
                "within_km": round(s.within_km, 1),
                "targets": [_target(t) for t in s.targets],
            }
            for s in plan.stations
        ],
        "unplaced": [_target(t) for t in plan.unplaced],
        "hopeless": [{"server_ip": h.server_ip, "finding": h.finding, "why": h.why} for h in plan.hopeless],
        "note": plan.note,
    }


def _target(target: Target) -> dict[str, Any]:
    return {
        "server_ip": target.server_ip,
        "server_port": target.server_port,
        "finding": target.finding,
        "would": target.would.value,
        "max_rtt_ms": round(target.max_rtt_ms, 2) or None,
    }


def _request(plan: ClaimPlan, targets: Sequence[Target], probes: dict[str, Any]) -> dict[str, Any]:
    """Return one-off pings of every address, and TLS handshakes where the port is 443."""
    definitions: list[dict[str, Any]] = []
    for ip in sorted({t.server_ip for t in targets}):
        common = {"af": 6 if ":" in ip else 4, "target": ip, "description": f"residency plan {plan.claim}"}
        definitions.append({"type": "ping", "packets": _PACKETS, **common})
        if any(t.server_port == 443 for t in targets if t.server_ip == ip):
            definitions.append({"type": "sslcert", "port": 443, **common})
    return {"definitions": definitions, "probes": [probes], "is_oneoff": True}
