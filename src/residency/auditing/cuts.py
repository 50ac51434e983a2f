"""When answers change: the instants that no group of flows may span."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from residency.auditing.options import AuditOptions
from residency.limits import LIMITS
from residency.model.claim import Claim
from residency.model.evidence import Kind, Snapshot
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
    for source in sources:
        edges |= _source_edges(source.snapshot, options.max_age_days)
    return sorted(to_us(edge) for edge in edges)


def _source_edges(snapshot: Snapshot, max_age_days: int | None) -> set[datetime]:
    """Return when a source's word changes: its lists and their time rule; a database only ages with --max-age."""
    built = {snapshot.built} if snapshot.built else set()
    lists = set(snapshot.edges) | (built if snapshot.kind == Kind.DECLARED else set())
    edges = {midnight(day) for day in lists}
    aged = [(day, LIMITS.list_max_age_days) for day in lists]
    if max_age_days is not None:
        aged += [(day, max_age_days) for day in lists | built]
    for day, limit in aged:
        edges |= {moved(midnight(day), -timedelta(days=limit)), moved(midnight(day), timedelta(days=limit + 1))}
    return edges
