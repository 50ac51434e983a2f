"""From a saved report to the measurements that would decide its open claims; reads the report's JSON, sends nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from residency.evaluate.physics import KM_PER_MS, Bound
from residency.evaluate.plan import Candidate, plan_claim
from residency.evaluate.rules import LINK_LIST_DATE, LINK_NETWORKS, ONLY_PARTIES
from residency.model.geography import Geography
from residency.model.measurement_plan import ClaimPlan, DecidingTime, FindingPlan, Would
from residency.model.place import Area, Gazetteer, Place, Spot
from residency.sources.borders import shipped_geography
from residency.sources.gazetteer import shipped_gazetteer

_EVIDENCE_LINKS = frozenset({LINK_LIST_DATE, LINK_NETWORKS})  # those that a measurement would supply
_SAID_KINDS = ("declared", "database", "hostname")
_COUNTED = ("inside", "doubtful", "unknown", "adverse")
_COUNTRIES_TRIED = 12  # the largest in the area, to find where a time decides most easily


def plan_report(document: Mapping[str, Any]) -> tuple[ClaimPlan, ...]:
    """Return a plan for every inconclusive claim that traffic could decide, in the report's order.

    `document` is the JSON of a report (`residency-report/1`). Raises KeyError, TypeError or ValueError where the
    document is damaged.
    """
    gazetteer, geography = shipped_gazetteer(), shipped_geography()
    at = datetime.fromisoformat(document["as_of"])
    plans = []
    for claim in document["claims"]:
        if claim["verdict"] != "inconclusive" or not (claim["could_violate"] or claim["could_confirm"]):
            continue
        findings = [f for f in document["findings"] if f["claim"] == claim["id"] and f["outcome"] in _COUNTED]
        alone = any(reason["rule"] == ONLY_PARTIES for reason in claim["reasons"])
        candidates = [_candidate(f, alone, gazetteer, geography) for f in findings]
        area = _area(claim, gazetteer, at)
        plans.append(
            plan_claim(claim["id"], claim["statement"], area, claim["coverage"]["asked"], candidates, geography)
        )
    return tuple(plans)


def plan_finding(document: Mapping[str, Any], finding: Mapping[str, Any]) -> FindingPlan:
    """Return the times that would decide one finding of a report.

    Raises KeyError, TypeError or ValueError where the document is damaged.
    """
    gazetteer, geography = shipped_gazetteer(), shipped_geography()
    claim = next(claim for claim in document["claims"] if claim["id"] == finding["claim"])
    area = _area(claim, gazetteer, datetime.fromisoformat(document["as_of"]))

    def decide(likely: tuple[tuple[Place, Spot], ...]) -> ClaimPlan:
        alone = replace(_candidate(finding, False, gazetteer, geography), may_accuse=True, likely=likely)
        return plan_claim(claim["id"], claim["statement"], area, 1.0, [alone], geography)

    likely = decide(_likely(finding["evidence"], gazetteer, geography))
    spots = [(place, _middle(place.part or place.country, geography)) for place in _largest_inside(area, geography)]
    tried = [_deciding(decide(((place, spot),))) for place, spot in spots if spot is not None]
    inside = [time for time in tried if time is not None and time.would is Would.CONFIRM]
    return FindingPlan(
        likely=_deciding(likely),
        inside=max(inside, key=lambda time: time.two_vantages_ms, default=None),
        why_not=likely.hopeless[0].why if likely.hopeless else "",
    )


def _deciding(plan: ClaimPlan) -> DecidingTime | None:
    if not plan.stations:
        return None
    station = plan.stations[0]
    most_ms = station.targets[0].max_rtt_ms
    vacuum_ms = most_ms * KM_PER_MS[Bound.FIBRE] / KM_PER_MS[Bound.VACUUM]
    would = station.targets[0].would
    return DecidingTime(spot=station.spot, would=would, one_vantage_ms=vacuum_ms, two_vantages_ms=most_ms)


def _largest_inside(area: Area, geography: Geography) -> list[Place]:
    """Return the places of most land that are wholly in the area, the largest first."""
    inside, _ = geography.relations(area)
    sizes = np.bincount(geography.cells.code, minlength=len(inside)) * inside
    largest = np.argsort(-sizes, kind="stable")[:_COUNTRIES_TRIED]
    return [geography.places[n] for n in largest.tolist() if sizes[n]]


def _area(claim: Mapping[str, Any], gazetteer: Gazetteer, at: datetime) -> Area:
    allowed = gazetteer.area(claim["allow"] or ("WORLD",), at)
    return allowed - gazetteer.area(claim["forbid"], at) if claim["forbid"] else allowed


def _candidate(finding: Mapping[str, Any], only_parties: bool, gazetteer: Gazetteer, geography: Geography) -> Candidate:
    linked = set(finding["rules"])
    missing = {rule for rule in linked if rule.startswith("R22")}
    return Candidate(
        finding=finding["id"],
        server_ip=finding["server_ip"],
        server_port=finding["server_port"],
        weights=(finding["flows"], finding["bytes_sent"] or 0, finding["bytes_received"] or 0),
        likely=_likely(finding["evidence"], gazetteer, geography),
        counts_inside=finding["outcome"] == "inside" and not only_parties,
        may_accuse=finding["outcome"] == "adverse" and bool(missing) and missing <= _EVIDENCE_LINKS,
    )


def _likely(
    evidence: Sequence[Mapping[str, Any]], gazetteer: Gazetteer, geography: Geography
) -> tuple[tuple[Place, Spot], ...]:
    """Return where the endpoint may be: regions and sites that evidence names, else the middle of a country."""
    told = sorted((e for e in evidence if e["kind"] in _SAID_KINDS), key=lambda e: _SAID_KINDS.index(e["kind"]))
    found: dict[Place, Spot] = {}
    for item in told:
        named = [gazetteer.place(site) for site in item["sites"] if _is_known(site, gazetteer)]
        for place in named:
            spot = gazetteer.spot(place)
            if spot is not None and spot.lat is not None and spot.lon is not None:
                found.setdefault(place, spot)
        if not named:
            for code in item["countries"]:
                middle = _middle(code, geography)
                if middle is not None:
                    found.setdefault(Place(code), middle)
    return tuple(found.items())


def _is_known(site: str, gazetteer: Gazetteer) -> bool:
    kind, _, name = site.partition(":")
    return name in (gazetteer.sites if kind == "site" else gazetteer.regions)


def _middle(code: str, geography: Geography) -> Spot | None:
    """Return a point on a country's land near the middle of it."""
    if code not in geography.codes:
        return None
    cells = geography.cells
    mine = np.flatnonzero(cells.code == geography.codes.index(code))
    lat, lon = np.radians(cells.lat[mine]), np.radians(cells.lon[mine])
    units = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
    nearest = mine[int(np.argmax(units @ units.mean(axis=0)))]
    return Spot(country=code, lat=float(cells.lat[nearest]), lon=float(cells.lon[nearest]), radius_km=0.0)
