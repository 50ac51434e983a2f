"""Gather round-trip times: from the groups of the traffic by the auditor's vantages, from files, from `--live`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from residency.auditing.measuring import AUDITOR, Ask, Measurements, Seen
from residency.model.evidence import Snapshot, Statement
from residency.model.latency import Latency
from residency.model.network import Address, Addresses, Vantage, as_label, parse_address
from residency.model.period import from_us
from residency.model.place import Gazetteer
from residency.model.vantage_check import OwnPath
from residency.sources.interface import Asked, Source
from residency.sources.latency import RttFile

_COLUMNS = ("group_id", "server_ip", "vantage", "rtt_kind", "min_rtt_ms", "rtt_samples", "first_us", "last_us")
OWN = "own-times"
_NAMED = 3


def measurements(
    seen: Sequence[Seen],
    *,
    sources: Sequence[Source],
    gazetteer: Gazetteer,
    day: date,
    parties: frozenset[str] = frozenset(),
    named_places: Sequence[str] = (),
    paths: Mapping[str, OwnPath] | None = None,
    files: Sequence[RttFile] = (),
    snapshots: Sequence[Snapshot] = (),
    notes: Sequence[str] = (),
) -> Measurements:
    """Put times together with what tests them; `day` is asked about for times that bear no date."""
    from residency.sources.borders import shipped_geography

    days = {one.address.text: one.days[0] for one in reversed(seen) if one.days}
    return Measurements(
        seen=seen,
        ask=_asker(sources, days, day),
        gazetteer=gazetteer,
        geography=shipped_geography(),
        parties=parties,
        named_places=tuple(named_places),
        paths=paths or {},
        snapshots=(*snapshots, *(file.snapshot for file in files)),
        aliases={address: name for file in files for address, name in file.aliases},
        notes=(*notes, *(note for file in files for note in _file_notes(file))),
    )


def times_of_traffic(table: Any, vantages: Sequence[Vantage]) -> tuple[list[Seen], tuple[str, ...]]:
    """Return the times in the reader's table by the vantages that saw them, and notes on vantages that nobody stated.

    A single vantage without a name speaks for all flows; else a flow's own `vantage` names it, and a flow that names
    none belongs to the only vantage given.
    """
    import pyarrow.compute as pc

    if not vantages:
        return [], ()
    timed = table.select(list(_COLUMNS)).filter(pc.is_valid(table["min_rtt_ms"]))
    by_name = {vantage.name: vantage for vantage in vantages}
    only = vantages[0] if len(vantages) == 1 else None
    addresses: dict[str, Address] = {}
    found, strangers = [], set[str]()
    for row in timed.to_pylist():
        name = row["vantage"]
        vantage = by_name.get(name) if name is not None else only
        if vantage is None and only is not None and not only.name:
            vantage = only
        if vantage is None:
            strangers.add(name or "(none)")
            continue
        text = row["server_ip"]
        address = addresses.setdefault(text, addresses.get(text) or parse_address(text))
        if address.is_locatable:
            found.append(_of_row(row, vantage, address))
    return found, _stranger_notes(strangers)


def times_of_files(files: Sequence[RttFile], *, labels: bool) -> tuple[list[Seen], tuple[str, ...]]:
    """Return the times of files; names and labels only where they are asked for: no flow can be told by them.

    Times to a vantage by its name are kept in any case: they are the mesh.
    """
    found, left = [], 0
    vantages = {one.vantage.name for file in files for one in file.latencies}
    for file in files:
        for one in file.latencies:
            if one.is_address or labels or one.target in vantages:
                found.append(_of_latency(one, file.snapshot.id))
            else:
                left += 1
    note = f"--rtt: {left} times are of names or labels; flows are told by address (locate reads the others)"
    return found, (note,) if left else ()


def times_of_live(latencies: Sequence[Latency], day: date) -> list[Seen]:
    """Return what was measured just now; each is a vantage's own, as if it stood in the traffic."""
    seen = [_of_latency(one, OWN) for one in latencies]
    return [_on(one, number, day) for number, one in enumerate(seen)]


def own_snapshot(
    vantages: Sequence[Vantage], evidence: str, name: str = "round-trip times in this traffic"
) -> Snapshot:
    """Return the version of the times of one's own: its hash covers the vantages and what `evidence` names."""
    told = repr([(v.name, v.lat, v.lon, v.radius_km) for v in vantages]) + evidence
    return Snapshot(
        id=OWN,
        kind="measured",
        name=name,
        author=AUDITOR,
        built=None,
        sha256=hashlib.sha256(told.encode()).hexdigest(),
        licence="the auditor's own",
        lineage=AUDITOR,
    )


def _asker(sources: Sequence[Source], days: Mapping[str, date], day: date) -> Ask:
    def ask(addresses: Sequence[Address]) -> Sequence[tuple[Statement, ...]]:
        asked = Asked(sources, Addresses(addresses), [days.get(address.text, day) for address in addresses])
        return [tuple(asked.said(codes)) for codes in asked.codes]

    return ask


def _of_row(row: Mapping[str, Any], vantage: Vantage, address: Address) -> Seen:
    return Seen(
        vantage=vantage,
        address=address,
        kind=row["rtt_kind"] or "",
        rtt_ms=row["min_rtt_ms"],
        samples=row["rtt_samples"],
        source=OWN,
        row=row["group_id"],
        days=(from_us(row["first_us"]).date(), from_us(row["last_us"]).date()),
    )


def _of_latency(one: Latency, source: str) -> Seen:
    return Seen(
        vantage=one.vantage,
        address=parse_address(one.target) if one.is_address else as_label(one.target),
        kind=one.kind.value,
        rtt_ms=one.rtt_ms,
        samples=one.samples,
        source=source,
        days=(one.at.date(), one.at.date()) if one.at else None,
    )


def _on(one: Seen, row: int, day: date) -> Seen:
    return replace(one, row=row, days=(day, day))


def _file_notes(file: RttFile) -> list[str]:
    if not file.refused:
        return []
    shown = "; ".join(f"{r.number}: {r.reason} ({r.value})" for r in file.refused[:_NAMED])
    more = f" and {len(file.refused) - _NAMED} more" if len(file.refused) > _NAMED else ""
    return [f"{file.path}: {len(file.refused)} of {file.rows} rows set aside: {shown}{more}"]


def _stranger_notes(strangers: set[str]) -> tuple[str, ...]:
    if not strangers:
        return ()
    named = ", ".join(sorted(strangers)[:_NAMED])
    return (f"round-trip times of vantages that were not stated are not used: {named}; state them with --vantage",)
