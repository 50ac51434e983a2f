"""Many names at once: bounded concurrency, one deadline for all, and exactly one outcome for each.

A name is asked for its first type alone: a name that does not exist, or whose aliases run in a circle, has nothing of
any other type either (RFC 8020), and a server that is silent is not asked thrice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from residency.model.resolution import DnsVantage, Lookup, LookupOutcome, Reply
from residency.resolve.names import Question
from residency.resolve.outcomes import combine
from residency.resolve.query import Servers

_O = LookupOutcome
_ENDS_A_NAME = frozenset({_O.NXDOMAIN, _O.CNAME_LOOP, _O.TIMEOUT, _O.REFUSED})
_TRIES_THE_NEXT = frozenset({_O.TIMEOUT, _O.SERVFAIL, _O.REFUSED, _O.LAME, _O.MALFORMED, _O.TRUNCATED})

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One lookup to be made."""

    question: Question
    vantage: DnsVantage
    round: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulk:
    """What is common to all lookups of a run."""

    types: tuple[str, ...]
    concurrency: int
    servers: Servers
    progress: Progress | None = None

    async def run(self, tasks: Sequence[Task], until: float) -> list[Lookup]:
        """Make all lookups before `until`, a time of the running loop; return them in the order of the tasks."""
        found: list[Lookup | None] = [None] * len(tasks)
        todo = iter(enumerate(tasks))
        workers = [
            asyncio.ensure_future(self._work(todo, found, until)) for _ in range(min(self.concurrency, len(tasks)))
        ]
        if workers:
            await self._finish(workers, until)
        return [lookup or _late(task) for lookup, task in zip(found, tasks, strict=True)]

    async def _finish(self, workers: Sequence[asyncio.Future[None]], until: float) -> None:
        """Wait for the workers, stop those that are late, and raise what one of them raised."""
        loop = asyncio.get_running_loop()
        try:
            await asyncio.wait(workers, timeout=max(until - loop.time(), 0.0), return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for worker in workers:
                worker.cancel()
            ends = await asyncio.gather(*workers, return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException) and not isinstance(end, asyncio.CancelledError):
                raise end

    async def _work(self, todo: Iterator[tuple[int, Task]], found: list[Lookup | None], until: float) -> None:
        for number, task in todo:
            found[number] = await self._look_up(task, until)
            if self.progress is not None:
                self.progress(task.question.name, (number + 1) / len(found))

    async def _look_up(self, task: Task, until: float) -> Lookup:
        question = task.question
        if question.fault:
            return make_lookup(task, (), datetime.now(UTC))
        types = ("PTR",) if question.is_reverse else self.types
        first = await self._ask(task, types[0], until)
        replies = [first]
        if first.outcome not in _ENDS_A_NAME:
            replies += await asyncio.gather(*(self._ask(task, type_, until) for type_ in types[1:]))
        return make_lookup(task, tuple(replies), first.at)

    async def _ask(self, task: Task, type_: str, until: float) -> Reply:
        """Ask the vantage's servers in turn until one answers; the last one's reply counts where none does."""
        servers, vantage = task.vantage.servers, task.vantage
        for server in servers[:-1]:
            reply = await self.servers.ask(server, task.question.name, type_, vantage.subnet, until)
            if reply.outcome not in _TRIES_THE_NEXT:
                return reply
        return await self.servers.ask(servers[-1], task.question.name, type_, vantage.subnet, until)


def make_lookup(task: Task, replies: tuple[Reply, ...], at: datetime) -> Lookup:
    """Return the lookup that these replies make; one without replies was never asked."""
    question = task.question
    outcome = combine(reply.outcome for reply in replies) if replies else _O.INVALID_NAME
    detail = question.fault or next((r.detail for r in replies if r.outcome is outcome and r.detail), "")
    return replace(without_replies(task, at, outcome, detail), replies=replies)


def without_replies(task: Task, at: datetime, outcome: LookupOutcome, detail: str) -> Lookup:
    """Return the lookup of a name that nobody answered, with the outcome that it has."""
    return Lookup(
        name=task.question.name,
        given=task.question.given,
        vantage=task.vantage.name,
        subnet=task.vantage.subnet,
        round=task.round,
        at=at,
        outcome=outcome,
        detail=detail,
    )


def _late(task: Task) -> Lookup:
    if task.question.fault:
        return make_lookup(task, (), datetime.now(UTC))
    return without_replies(task, datetime.now(UTC), _O.TIMEOUT, "the deadline of the whole run passed first")
