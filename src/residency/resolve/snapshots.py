"""The snapshot of each vantage: who answered, when, and a digest of all that was received."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date

from residency.model.evidence import Snapshot
from residency.model.resolution import DnsVantage, Lookup


def snapshots_of(lookups: Iterable[Lookup], vantages: Sequence[DnsVantage]) -> tuple[Snapshot, ...]:
    """Return one snapshot a vantage; its sha256 is over the messages received, in the order of the lookups."""
    digests = {vantage.name: hashlib.sha256() for vantage in vantages}
    first: dict[str, date | None] = dict.fromkeys(digests)
    for lookup in lookups:
        day = lookup.at.date()
        known = first[lookup.vantage]
        first[lookup.vantage] = day if known is None else min(known, day)
        for reply in lookup.replies:
            digests[lookup.vantage].update(reply.wire)
    return tuple(
        Snapshot(
            id=f"dns:{vantage.name}",
            kind="dns",
            name=f"answers to {vantage.name}" + (f" for client subnet {vantage.subnet}" if vantage.subnet else ""),
            author=", ".join(str(server) for server in vantage.servers),
            built=first[vantage.name],
            sha256=digests[vantage.name].hexdigest(),
            licence="",
        )
        for vantage in vantages
    )
