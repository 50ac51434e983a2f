"""When answers change: the instants that no group of flows may span.

Hard ones always cut: dates of claims, exceptions and memberships, and the days on which lists were taken. Soft
ones are the ends of the time rule (35 days and --max-age around a listing). Each matters only to an endpoint
whose own statement ends there, and cutting by all of them multiplies the groups; so they cut in a second
reading, if an endpoint of the first is found to span one of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache

from residency.auditing.options import AuditOptions
from residency.limits import LIMITS
from residency.model.claim import Claim
from residency.model.evidence import Kind, Snapshot
from residency.model.period import midnight, moved, to_us
from residency.model.place import Gazetteer
from residency.sources.interface import Source


def cuts_us(
    claims: Sequence[Claim], gazetteer: Gazetteer, sources: Sequence[Source], options: AuditOptions, *, soft: bool
) -> list[int]:
    """Return the microseconds at which answers could change, soft ones where asked for."""
    skew = options.clock_skew
    edges: set[datetime] = set()
    for claim in claims:
        own = claim.edges
        edges |= own | {moved(edge, s) for edge in claim.effective.edges for s in (skew, -skew)}
        edges |= gazetteer.edges((*claim.place_names, *options.clients))
    for source in sources:
        edges |= {midnight(day) for day in source.snapshot.edges}
        if soft:
            edges |= _soft_edges(source.snapshot, options.max_age_days)
    return sorted(to_us(edge) for edge in edges)


def _soft_edges(snapshot: Snapshot, max_age_days: int | None) -> set[datetime]:
    built = {snapshot.built} if snapshot.built else set()
    found: set[datetime] = set()
    for day in set(snapshot.edges) | built:
        found |= time_rule_ends(day, day, snapshot.kind == Kind.DECLARED, max_age_days)
    return found


@lru_cache(maxsize=4096)
def time_rule_ends(since: date, until: date, is_list: bool, max_age_days: int | None) -> frozenset[datetime]:
    """Return the instants at which a statement listed from `since` to `until` comes into its limits and leaves them."""
    limits = [LIMITS.list_max_age_days] if is_list else []
    limits += [max_age_days] if max_age_days is not None else []
    starts = (moved(midnight(since), -timedelta(days=limit)) for limit in limits)
    ends = (moved(midnight(until), timedelta(days=limit + 1)) for limit in limits)
    return frozenset([*starts, *ends])
