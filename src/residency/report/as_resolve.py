"""Resolved names as a JSON document (`residency-resolve/1`), as text and as CSV.

Answers of different vantages, subnets and rounds stand beside each other. A place is shown where the caller has looked
it up; it is that of the address by the sources at hand, whatever the name says.
"""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from residency.model.location import Location
from residency.model.resolution import DnsVantage, History, Lookup, LookupOutcome, Reply, Resolution
from residency.report.as_json import snapshot
from residency.report.as_text import table, to_text
from residency.report.medium import all_printable, cell

SCHEMA = "residency-resolve/1"
CSV_COLUMNS = (
    *("name", "vantage", "subnet", "round", "at", "outcome", "type", "answer", "ttl_s", "chain", "dnssec"),
    *("scope", "server", "countries", "detail"),
)
_STYLES = {"answer": "green", "nodata": "yellow", "nxdomain": "yellow", "non_public_answer": "bold red"}
_MOST_ADDRESSES = 8

Places = Mapping[str, Location]


def document(found: Resolution, places: Places | None = None) -> dict[str, Any]:
    """Return the lookups as plain JSON values; `places` are the locations of addresses, by their text."""
    return {
        "schema": SCHEMA,
        "tool": {"name": "residency", "version": found.tool_version},
        "types": list(found.types),
        "vantages": [_vantage(vantage) for vantage in found.vantages],
        "snapshots": [snapshot(s) for s in found.snapshots],
        "lookups": [_lookup(lookup) for lookup in found],
        "histories": [_history(history) for history in found.histories if history.sightings],
        "flux": list(found.flux),
        "split": list(found.split),
        "places": [_place(text, place) for text, place in sorted((places or {}).items())],
    }


def _vantage(vantage: DnsVantage) -> dict[str, Any]:
    servers = [str(server) for server in vantage.servers]
    return {"name": vantage.name, "servers": servers, "subnet": vantage.subnet or None}


def _lookup(lookup: Lookup) -> dict[str, Any]:
    return {
        "name": lookup.name,
        "given": lookup.given,
        "vantage": lookup.vantage,
        "subnet": lookup.subnet or None,
        "round": lookup.round,
        "at": lookup.at.isoformat(),
        "outcome": lookup.outcome.value,
        "detail": lookup.detail,
        "chain": [{"owner": a.owner, "target": a.target, "ttl_s": a.ttl_s} for a in lookup.chain],
        "addresses": [{"address": a.text, "ttl_s": a.ttl_s, "public": a.is_public} for a in lookup.addresses],
        "names": list(lookup.names),
        "ech": lookup.has_ech,
        "dnssec": lookup.dnssec.value,
        "replies": [_reply(reply) for reply in lookup.replies],
    }


def _reply(reply: Reply) -> dict[str, Any]:
    bindings = [
        {
            "priority": b.priority,
            "target": b.target,
            "ttl_s": b.ttl_s,
            "alpn": list(b.alpn),
            "port": b.port,
            "hints": list(b.hints),
            "ech": b.has_ech,
        }
        for b in reply.bindings
    ]
    return {
        "type": reply.type,
        "outcome": reply.outcome.value,
        "detail": reply.detail,
        "server": reply.server,
        "transport": reply.transport,
        "at": reply.at.isoformat(),
        "took_ms": round(reply.took_ms, 3),
        "scope": reply.scope or None,
        "dnssec": reply.dnssec.value,
        "bindings": bindings,
        "notes": list(reply.notes),
        "wire": base64.b64encode(reply.wire).decode("ascii"),
    }


def _history(history: History) -> dict[str, Any]:
    return {
        "name": history.name,
        "vantage": history.vantage,
        "flux": history.is_flux,
        "sightings": [
            {
                "address": s.address,
                "first_seen": s.first_seen.isoformat(),
                "last_seen": s.last_seen.isoformat(),
                "rounds": s.rounds,
                "min_ttl_s": s.min_ttl_s,
            }
            for s in history.sightings
        ],
    }


def _place(text: str, place: Location) -> dict[str, Any]:
    return {
        "address": text,
        "address_class": place.address.address_class.value,
        "anycast": place.anycast,
        "countries": list(place.countries),
        "sites": list(place.sites),
        "assurance": place.assurance.value,
    }


def render(doc: Mapping[str, Any], *, width: int = 80, colour: bool = False) -> str:
    """Return a table of all lookups, then what differs between rounds and vantages."""
    doc = all_printable(doc)
    places = {place["address"]: place for place in doc["places"]}
    has_rounds = any(lookup["round"] > 1 for lookup in doc["lookups"])
    made = table("name", "vantage", *(("round",) if has_rounds else ()), "outcome", "answer")
    for lookup in doc["lookups"]:
        row = [Text(lookup["name"]), Text(_from(lookup)), *([Text(str(lookup["round"]))] if has_rounds else [])]
        made.add_row(*row, Text(lookup["outcome"], _STYLES.get(lookup["outcome"], "red")), _answer(lookup, places))
    return to_text([made, *_remarks(doc)], width=width, colour=colour)


def _from(lookup: Mapping[str, Any]) -> str:
    vantage, subnet = lookup["vantage"], lookup["subnet"]
    return f"{vantage} ({subnet})" if subnet and subnet not in vantage else str(vantage)


def _answer(lookup: Mapping[str, Any], places: Mapping[str, Any]) -> Text:
    lines = [f"→ {alias['target']}  {alias['ttl_s']} s" for alias in lookup["chain"]]
    shown = lookup["addresses"][:_MOST_ADDRESSES]
    lines += [f"{a['address']}  {a['ttl_s']} s{_place_text(places.get(a['address']))}" for a in shown]
    if more := len(lookup["addresses"]) - len(shown):
        lines.append(f"and {more:,} more addresses (--format json has all)")
    lines += list(lookup["names"])
    for reply in lookup["replies"]:
        lines += [_binding_text(reply["type"], binding) for binding in reply["bindings"]]
        if reply["outcome"] not in ("answer", "nodata", lookup["outcome"]):
            lines.append(f"{reply['type']}: {reply['outcome']}" + (f", {reply['detail']}" if reply["detail"] else ""))
    if lookup["dnssec"] != "not validated":
        lines.append(f"DNSSEC: {lookup['dnssec']}")
    lines += [lookup["detail"]] if lookup["detail"] else []
    return Text("\n".join(lines))


def _place_text(place: Mapping[str, Any] | None) -> str:
    if place is None:
        return ""
    if place["anycast"] == "listed":
        return "  anycast: no single place"
    where = ", ".join(place["sites"][:2] or place["countries"][:4])
    return f"  {where} ({place['assurance']})" if where else "  place not known"


def _binding_text(kind: str, binding: Mapping[str, Any]) -> str:
    hints = f" hints {', '.join(binding['hints'][:4])}" if binding["hints"] else ""
    protocols = f" {','.join(binding['alpn'])}" if binding["alpn"] else ""
    ech = ", offers ECH: observers see an outer name only" if binding["ech"] else ""
    return f"{kind} {binding['priority']} {binding['target']}{protocols}{hints}{ech}"


def _remarks(doc: Mapping[str, Any]) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for history in doc["histories"]:
        if history["flux"]:
            lines.append(Text(f"{history['name']} from {history['vantage']} changes from round to round:", "yellow"))
            lines += [Padding(Text(_sighting(each)), (0, 0, 0, 2)) for each in history["sightings"]]
    for name in doc["split"]:
        lines.append(Text(f"{name}: vantages were given different addresses; none of them is the place of the name"))
    return lines


def _sighting(seen: Mapping[str, Any]) -> str:
    times = f"{seen['first_seen'][:19]} to {seen['last_seen'][:19]}"
    return f"{seen['address']}  in {seen['rounds']} rounds, {times}, TTL from {seen['min_ttl_s']} s"


def to_csv(found: Resolution, places: Places | None = None) -> str:
    """Return one row for each address, name or HTTPS record, and one for each lookup or reply without any."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for lookup in found:
        for row in _rows(lookup, places or {}):
            writer.writerow([cell(str(value)) for value in row])
    return out.getvalue()


def _rows(lookup: Lookup, places: Places) -> list[tuple[object, ...]]:
    head = (lookup.name, lookup.vantage, lookup.subnet, lookup.round, lookup.at.isoformat())
    if not lookup.replies:
        return [(*head, lookup.outcome.value, *("",) * 8, lookup.detail)]
    rows: list[tuple[object, ...]] = []
    for reply in lookup.replies:
        for answer, ttl_s in _answers(reply) or [("", "")]:
            place = places.get(answer)
            countries = " ".join(place.countries) if place else ""
            chain = " ".join(alias.target for alias in reply.chain)
            said = (reply.outcome.value, reply.type, answer, ttl_s, chain, reply.dnssec.value, reply.scope)
            rows.append((*head, *said, reply.server, countries, reply.detail))
    return rows


def _answers(reply: Reply) -> list[tuple[str, int | str]]:
    found: list[tuple[str, int | str]] = [(address.text, address.ttl_s) for address in reply.addresses]
    found += [(name, "") for name in reply.names]
    found += [(f"{b.priority} {b.target}" + (" ech" if b.has_ech else ""), b.ttl_s) for b in reply.bindings]
    if not found and reply.type == "CNAME" and reply.outcome is LookupOutcome.ANSWER:
        found += [(alias.target, alias.ttl_s) for alias in reply.chain]
    return found
