"""The entry: `resolve`, and `aresolve` for a running event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TypeVar

from residency._version import __version__
from residency.errors import UsageError, shorten
from residency.limits import LIMITS
from residency.model.resolution import DnsVantage, Resolution
from residency.resolve.bulk import Bulk, Progress
from residency.resolve.dnssec import read_anchors
from residency.resolve.names import Question, read_questions, read_types
from residency.resolve.query import Manner, Servers
from residency.resolve.recorded import read_recording, write_recording
from residency.resolve.rounds import run_rounds
from residency.resolve.snapshots import snapshots_of
from residency.resolve.vantages import read_vantages

T = TypeVar("T")
DEFAULT_TYPES = ("A", "AAAA", "HTTPS")


def resolve(
    names: str | Iterable[str] = (),
    *,
    servers: Sequence[str] = (),
    vantages: Sequence[str | DnsVantage] = (),
    types: Sequence[str] = DEFAULT_TYPES,
    rounds: int = 1,
    interval_s: float = 0.0,
    deadline_s: float | None = None,
    concurrency: int = 100,
    max_per_second: int | None = None,
    mixed_case: bool = False,
    ca_file: str | PathLike[str] | None = None,
    anchors: str | PathLike[str] | None = None,
    record: str | PathLike[str] | None = None,
    replay: str | PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Resolution:
    """Look names up, each with exactly one outcome for each vantage and round; uses the network unless replayed.

    `names` are host names, taken as complete, or addresses, whose names are asked for (PTR). Each of `servers` is a
    vantage of its own: an address, or SCHEME://[HOST@]ADDRESS[:PORT] with udp, tcp, tls, https or quic; `vantages` add
    a name and a client subnet ("dublin=9.9.9.9,192.0.2.0/24"); the system's servers are asked where neither is given.
    `deadline_s` covers everything (default: a minute, and the pauses between rounds); names that are not done by then
    have the outcome `timeout`. `max_per_second` is for each server (default: 500, without bound on loopback).
    `ca_file` replaces the system's certificate authorities. `anchors` is a file of DS or DNSKEY records: the signatures
    of answers below them are checked here. `record` keeps the messages in a file; `replay` answers
    from such a file and sends nothing (without names: all of it).

    Raises UsageError for what cannot be asked as stated, InputError for a damaged recording.
    """
    plan = _plan(
        names,
        *(servers, vantages, types, rounds, interval_s, deadline_s, concurrency),
        manner=_manner(max_per_second, mixed_case, ca_file, anchors),
        progress=progress,
    )
    if replay is not None:
        return _kept(_replayed(Path(replay), plan.questions), record)
    return _kept(_run(plan.run), record)


async def aresolve(
    names: str | Iterable[str] = (),
    *,
    servers: Sequence[str] = (),
    vantages: Sequence[str | DnsVantage] = (),
    types: Sequence[str] = DEFAULT_TYPES,
    rounds: int = 1,
    interval_s: float = 0.0,
    deadline_s: float | None = None,
    concurrency: int = 100,
    max_per_second: int | None = None,
    mixed_case: bool = False,
    ca_file: str | PathLike[str] | None = None,
    anchors: str | PathLike[str] | None = None,
    record: str | PathLike[str] | None = None,
    replay: str | PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Resolution:
    """Do what `resolve` does, in a running event loop; reading and writing recordings does not yield to it."""
    plan = _plan(
        names,
        *(servers, vantages, types, rounds, interval_s, deadline_s, concurrency),
        manner=_manner(max_per_second, mixed_case, ca_file, anchors),
        progress=progress,
    )
    if replay is not None:
        return _kept(_replayed(Path(replay), plan.questions), record)
    return _kept(await plan.run(), record)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """A run that was checked."""

    questions: tuple[Question, ...]
    stated: tuple[Sequence[str], Sequence[str | DnsVantage]]
    types: tuple[str, ...]
    rounds: int
    interval_s: float
    deadline_s: float
    concurrency: int
    manner: Manner
    progress: Progress | None

    async def run(self) -> Resolution:
        """Look everything up."""
        vantages = read_vantages(*self.stated)
        servers = Servers(self.manner)
        bulk = Bulk(types=self.types, concurrency=self.concurrency, servers=servers, progress=self.progress)
        until = asyncio.get_running_loop().time() + self.deadline_s
        try:
            found = await run_rounds(
                bulk, self.questions, vantages, rounds=self.rounds, interval_s=self.interval_s, until=until
            )
        finally:
            await servers.close()
        return Resolution(
            items=tuple(found),
            vantages=vantages,
            types=self.types,
            snapshots=snapshots_of(found, vantages),
            tool_version=__version__,
        )


def _plan(
    names: str | Iterable[str],
    servers: Sequence[str],
    vantages: Sequence[str | DnsVantage],
    types: Sequence[str],
    rounds: int,
    interval_s: float,
    deadline_s: float | None,
    concurrency: int,
    *,
    manner: Manner,
    progress: Progress | None,
) -> _Plan:
    if not 1 <= rounds <= LIMITS.max_rounds:
        raise UsageError(f"rounds: a number from 1 to {LIMITS.max_rounds:,}")
    if not 1 <= concurrency <= LIMITS.max_dns_at_once:
        raise UsageError(f"concurrency: a number from 1 to {LIMITS.max_dns_at_once:,}")
    if deadline_s is None:
        deadline_s = LIMITS.dns_deadline_s + (rounds - 1) * interval_s
    if not (0 <= interval_s < 1e9 and 0 < deadline_s < 1e9):
        raise UsageError("interval and deadline: seconds, not negative")
    return _Plan(
        questions=read_questions(names),
        stated=(servers, vantages),
        types=read_types([types] if isinstance(types, str) else types),
        rounds=rounds,
        interval_s=interval_s,
        deadline_s=deadline_s,
        concurrency=concurrency,
        manner=manner,
        progress=progress,
    )


def _manner(
    max_per_second: int | None,
    mixed_case: bool,
    ca_file: str | PathLike[str] | None,
    anchors: str | PathLike[str] | None,
) -> Manner:
    if max_per_second is not None and max_per_second < 1:
        raise UsageError("max_per_second: a number from 1")
    return Manner(
        ca_file=None if ca_file is None else Path(ca_file),
        anchors=None if anchors is None else read_anchors(Path(anchors)),
        mixes_case=mixed_case,
        max_per_second=max_per_second,
    )


def _replayed(path: Path, questions: Sequence[Question]) -> Resolution:
    """Return what a recording holds of these names, in its order; all of it where none is named."""
    recording = read_recording(path)
    if not questions:
        return recording
    wanted = {question.name for question in questions}
    missing = sorted(wanted - {lookup.name for lookup in recording})
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UsageError(f"`{shorten(missing[0])}`{more} is not in the recording", path=path)
    items = tuple(lookup for lookup in recording if lookup.name in wanted)
    return replace(recording, items=items, snapshots=snapshots_of(items, recording.vantages))


def _kept(resolution: Resolution, record: str | PathLike[str] | None) -> Resolution:
    if record is not None:
        write_recording(Path(record), resolution)
    return resolution


def _run(make: Callable[[], Coroutine[None, None, T]]) -> T:
    """Run a coroutine to its end, also where an event loop already runs in this thread (a notebook)."""
    found: list[T] = []

    async def inside() -> None:
        # Nothing is returned: at the end of a run asyncio has the task's result printed, and throws the text away.
        found.append(await make())

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(inside())
    else:
        with ThreadPoolExecutor(max_workers=1) as other:
            other.submit(lambda: asyncio.run(inside())).result()
    return found[0]
