"""When answers change: the instants that no group of flows may span."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from residency.auditing.options import AuditOptions
from residency.limits import LIMITS
from residency.model.claim import Claim
from residency.model.period import midnight, moved, to_us
from residency.model.place import Gazetteer
from residency.sources.interface import Source


def cuts_us(
    claims: Sequence[Claim], gazetteer: Gazetteer, sources: Sequence[Source], options: AuditOptions
) -> list[int]:
    """Return the microseconds at which any answer could change, so that one group never spans two answers."""
    skew = options.clock_skew
    edges: set[datetime] = set()
    for claim in claims:
        own = claim.edges
        edges |= own | {moved(edge, s) for edge in claim.effective.edges for s in (skew, -skew)}
        edges |= gazetteer.edges((*claim.place_names, *options.clients))
    limits = [LIMITS.list_max_age_days, *([options.max_age_days] if options.max_age_days is not None else [])]
    for source in sources:
        built = (source.snapshot.built,) if source.snapshot.built else ()
        for day in {*source.snapshot.edges, *built}:
            edges.add(midnight(day))
            edges |= {moved(midnight(day), -timedelta(days=n)) for n in limits}
            edges |= {moved(midnight(day), timedelta(days=n + 1)) for n in limits}
    return sorted(to_us(edge) for edge in edges)
