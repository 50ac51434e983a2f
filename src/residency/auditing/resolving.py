"""Where `resolve` meets the other wings: places of resolved addresses, and recorded answers that name flows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from residency.model.evidence import Snapshot
from residency.model.network import parse_address
from residency.sources.interface import Source

if TYPE_CHECKING:
    import pyarrow as pa

    from residency.model.location import Location
    from residency.model.resolution import Resolution


def places_of(found: Resolution, sources: Sequence[Source]) -> dict[str, Location]:
    """Return the location of each public address that was answered, on the day that it was; by its text."""
    texts = list(dict.fromkeys(text for item in found for text in item.endpoints))
    if not texts:
        return {}
    from residency.auditing.locating import Locator, Wanted, parse_day

    day = max(item.at for item in found).date()
    locator = Locator(sources=sources, within=(), min_assurance="database", max_age_days=None, day=parse_day(day))
    located = locator.locate([Wanted(text, parse_address(text)) for text in texts])
    return {item.target: item for item in located}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAnswers:
    """Answers of recordings, as the reader takes them, and the snapshots that they are of."""

    batches: tuple[pa.RecordBatch, ...]
    snapshots: tuple[Snapshot, ...]


def recorded_answers(paths: Sequence[str | PathLike[str]]) -> RecordedAnswers:
    """Return the public addresses in recordings as answers of no client in particular.

    The clients may have been given others: so a flow named by them is named by a shared answer, which never violates.
    Raises InputError for a recording that is damaged.
    """
    if not paths:
        return RecordedAnswers(batches=(), snapshots=())
    from residency.resolve.recorded import read_recording

    found = [read_recording(Path(path)) for path in paths]
    snapshots = dict.fromkeys(snapshot for recording in found for snapshot in recording.snapshots)
    batches = (_batch(recording) for recording in found)
    return RecordedAnswers(
        batches=tuple(batch for batch in batches if batch.num_rows),
        snapshots=tuple(sorted(snapshots, key=lambda s: (s.id, s.sha256))),
    )


def _batch(recording: Resolution) -> pa.RecordBatch:
    import pyarrow as pa

    from residency.model.resolution import LookupOutcome
    from residency.traffic.conversion import answer_schema

    rows = [
        {"ts": reply.at, "host": lookup.name, "address": address.text, "ttl_s": float(address.ttl_s), "line": number}
        for number, lookup in enumerate(recording, 2)
        for reply in lookup.replies
        if reply.outcome is LookupOutcome.ANSWER
        for address in reply.addresses
    ]
    return pa.RecordBatch.from_pylist(rows, schema=answer_schema())
