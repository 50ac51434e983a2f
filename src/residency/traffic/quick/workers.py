"""Shares the parts of one input among threads, each with tables of its own, and joins what they found."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from residency.traffic.quick.result import OddError, as_columns, distinct_texts, merged, run_to_end
from residency.traffic.quick.rows import SUMS, Batch, new_batch
from residency.traffic.quick.table import Table, grown, new_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

T = TypeVar("T")
_FIRST_ROOM = (1 << 15, 1 << 20)
_MOST_CLIENTS = 1 << 22
_MOST_ODD = 10_000  # lines of a thread
_MOST_WORDS = 1 << 25  # 256 MiB a thread; DuckDB groups what is larger, and spills


@dataclass(slots=True)
class Worker:
    """The tables of one thread."""

    batch: Batch = field(default_factory=new_batch)
    groups: Table = field(default_factory=lambda: new_table(*_FIRST_ROOM, SUMS))
    clients: Table = field(default_factory=lambda: new_table(1 << 8, 1 << 12, 0))
    odd: list[tuple[int, int]] = field(default_factory=list)

    def run(
        self, step: Callable[[int], tuple[int, int]], begin: int, end_of: Callable[[int], tuple[int, int, int]]
    ) -> None:
        """Repeat a compiled loop to its end, with more room wherever it stops for want of it.

        Lines that it does not judge are left to the exact readers: `end_of` tells where the next one starts, and which
        bytes of the input this one is. Raises OddError for too many.
        """

        def skip(at: int) -> int:
            after, first, last = end_of(at)
            self.odd.append((first, last))
            if len(self.odd) > _MOST_ODD:
                raise OddError
            return after

        run_to_end(step, begin, self._grow, skip)

    def _grow(self) -> None:
        """Make room where it is short; a loop that stops says only that some table is full."""
        if self.clients.used[0] > _MOST_CLIENTS or len(self.groups.words) >= _MOST_WORDS:
            raise OddError
        if _is_short(self.groups):
            self.groups = grown(self.groups)
        if _is_short(self.clients):
            self.clients = grown(self.clients)


def _is_short(table: Table) -> bool:
    return 4 * int(table.used[0]) > len(table.slots) or 2 * int(table.used[1]) > len(table.words)


@dataclass(frozen=True, slots=True)
class Found:
    """The groups of an input as columns of `by_input`, and the texts of clients that are no plain IPv4 addresses.

    `odd` are the bytes, from and up to, of each line that is in no group.
    """

    groups: pa.Table
    clients: pa.Array
    odd: list[tuple[int, int]]


def by_turns(workers: Sequence[T], parts: int, work: Callable[[T, int], None]) -> None:
    """Let each worker, in a thread of its own, take parts 0, 1, … by turns; the first error ends all."""
    turns, is_over = count(), False

    def run(worker: T) -> None:
        nonlocal is_over
        try:
            while not is_over and (turn := next(turns)) < parts:
                work(worker, turn)
        except BaseException:
            is_over = True  # nobody needs the rest
            raise

    with ThreadPoolExecutor(len(workers), thread_name_prefix="residency-rows") as pool:
        running = [pool.submit(run, worker) for worker in workers]
        try:
            for one in running:
                one.result()
        except BaseException:
            is_over = True
            raise


def share(
    parts: int,
    threads: int,
    begin: Callable[[Worker], Callable[[int], None]],
    names: Sequence[str],
) -> Found | None:
    """Let `threads` take parts 0, 1, … by turns, each with the function that `begin` makes for it.

    None where a part holds anything that compiled loops do not judge.
    """
    workers = [Worker() for _ in range(max(1, min(threads, parts)))]
    try:
        by_turns([begin(worker) for worker in workers], parts, lambda take, part: take(part))
        groups = as_columns(merged([worker.groups for worker in workers]), names)
        odd = sorted(span for worker in workers for span in worker.odd)
        return Found(groups, distinct_texts(worker.clients for worker in workers), odd)
    except OddError:
        return None
