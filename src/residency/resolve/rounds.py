"""Repeated rounds: the same questions again after an interval, so that rotation and flux show."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from residency.model.resolution import DnsVantage, Lookup
from residency.resolve.bulk import Bulk, Task
from residency.resolve.names import Question


async def run_rounds(
    bulk: Bulk,
    questions: Sequence[Question],
    vantages: Sequence[DnsVantage],
    *,
    rounds: int,
    interval_s: float,
    until: float,
) -> list[Lookup]:
    """Make all lookups of all rounds; rounds begin `interval_s` apart, or as soon as the one before has ended."""
    loop = asyncio.get_running_loop()
    found: list[list[Lookup]] = []
    for number in range(1, rounds + 1):
        began = loop.time()
        tasks = [Task(question=q, vantage=v, round=number) for q in questions for v in vantages]
        found.append(await bulk.run(tasks, until))
        pause_s = min(began + interval_s, until) - loop.time()
        if number < rounds and pause_s > 0:
            await asyncio.sleep(pause_s)
    return [lookup for same in zip(*found, strict=True) for lookup in same]
