"""Shares the blocks of logs among threads, and then their partitions: what they found is a `Taken`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from residency.traffic.quick.table import FULL, Table, grown, new_table
from residency.traffic.quick.words import SPARE
from residency.traffic.quick.workers import by_turns
from residency.traffic.zeek_quick import join, keys
from residency.traffic.zeek_quick.rows import (
    CONN_WORDS,
    FULL_ODD,
    FULL_PARTITION,
    MOST_LINE,
    MOST_NUMBERED,
    OF_CONN,
    OF_SSL,
    SSL_WORDS,
    UID,
    Fields,
    Log,
    Out,
    new_batch,
    take_lines,
)
from residency.traffic.zeek_quick.spill import Spill

_BLOCK = 2 << 20
_BUFFER = 12 << 20  # bytes of rows that a thread holds before they are written, for each kind of log
_ROWS_OF_PARTITION = 1 << 17
_MOST_PARTITIONS = 1 << 10
_FIRST_ROOM = (1 << 14, 1 << 17)  # of a table: records, words
_FIRST_PAIRS = 1 << 14
_ROOM_FOR_ODD = 1 << 12
_MOST_WORDS = 1 << 25  # of a table: 256 MiB a thread
_MOST_PAIRS = 1 << 22  # likewise
_MOST_UNEVEN = 16  # times as many rows as a partition should have
_MOST_ODD_SHARE = 0.25


class GiveUpError(Exception):
    """Something that compiled loops do not judge: the exact readers must read all logs."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """One log: `first` is the byte after its header, `place` where it starts in all files together."""

    file: str
    size: int
    first: int
    lines: int
    is_conn: bool
    width: int
    fields: Fields
    delimiter: int
    unset: int
    number: int
    place: int

    def log(self, cuts: NDArray[np.int64]) -> Log:
        """Return what is the same for all of its lines."""
        return Log(self.fields, np.uint8(self.delimiter), np.uint8(self.unset), self.number, cuts)


class _Rows:
    """The rows of one thread and one kind of log."""

    def __init__(self, folder: str, name: str, partitions: int, words: int) -> None:
        room = max(1, _BUFFER // (8 * words * partitions))
        self.spill = Spill(folder, name, partitions, words)
        self.table = new_table(*_FIRST_ROOM, 1)
        rows = np.empty((partitions, room, words), np.uint64)
        self.out = Out(rows, np.zeros(partitions, np.int64), np.empty(_ROOM_FOR_ODD, np.int64), np.zeros(1, np.int64))
        self.odd: list[NDArray[np.int64]] = []

    def flush(self, least: int) -> None:
        """Write out the partitions that hold `least` rows or more."""
        out = self.out
        for partition in np.flatnonzero(out.counts >= max(least, 1)):
            self.spill.append(int(partition), out.rows[partition, : out.counts[partition]])
            out.counts[partition] = 0

    def drain(self) -> int:
        """Take the odd lines out; return how many there were."""
        taken = int(self.out.used[0])
        self.odd.append(self.out.odd[:taken].copy())
        self.out.used[0] = 0
        return taken

    def make_room(self, status: int) -> None:
        """Make room where a loop stopped for want of it; raises GiveUpError for any other reason."""
        if status == FULL_PARTITION:
            self.flush(self.out.rows.shape[1] // 2)
        elif status == FULL_ODD:
            self.drain()
        elif status == FULL and len(self.table.words) < _MOST_WORDS and self.table.used[0] < MOST_NUMBERED // 2:
            self.table = grown(self.table)
        else:
            raise GiveUpError


class _Worker:
    """One thread: memory for a block, and the rows of both kinds."""

    def __init__(self, folder: str, turn: int, partitions: int, cuts: NDArray[np.int64]) -> None:
        self._memory = bytearray(_BLOCK + MOST_LINE + SPARE)
        self._data, self._cuts = np.frombuffer(self._memory, np.uint8), cuts
        self._batch = new_batch()
        self.conn = _Rows(folder, f"conn_{turn}", partitions, CONN_WORDS)
        self.ssl = _Rows(folder, f"ssl_{turn}", partitions, SSL_WORDS)

    def take(self, one: LogFile, part: int) -> None:
        """Take the lines that start in one block of a log."""
        offset, at, stop, limit = self._read(one, part)
        rows, log = self.conn if one.is_conn else self.ssl, one.log(self._cuts)
        starts, ends = np.zeros(one.width, np.int64), np.zeros(one.width, np.int64)
        place = one.place + offset
        while True:
            to = (rows.table, self._batch, rows.out)
            at, status = take_lines(self._data, at, stop, limit, place, log, one.is_conn, *to, starts, ends)
            if status == 0:
                return
            rows.make_room(status)

    def _read(self, one: LogFile, part: int) -> tuple[int, int, int, int]:
        """Read a block and the rest of its last line; return where it is, where its first line starts, and its ends."""
        begin = one.first + part * _BLOCK
        offset = begin - 1 if part else begin  # the byte before says whether a line starts with the block
        memory = memoryview(self._memory)[: _BLOCK + MOST_LINE]
        with open(one.file, "rb", buffering=0) as file:
            file.seek(offset)
            limit = 0
            while limit < len(memory) and (got := file.readinto(memory[limit:])):
                limit += got
        stop = min(begin + _BLOCK, one.size) - offset
        if offset + limit >= one.size:
            limit = one.size - offset
            if self._memory[limit - 1] != 10:
                self._memory[limit] = 10
                limit += 1
        at = self._memory.find(b"\n", 0, limit) + 1 if part else 0
        if part and not at:
            raise GiveUpError
        return offset, at, stop, limit

    def finish(self) -> None:
        """Write out what is left."""
        for rows in (self.conn, self.ssl):
            rows.drain()
            rows.flush(1)


def take(logs: Sequence[LogFile], cuts: Sequence[int], threads: int, folder: str) -> Taken | None:
    """Take every line of some logs; None where that cannot be. Rows wait in files of `folder`."""
    lines = sum(one.lines for one in logs)
    partitions = 1
    while partitions < _MOST_PARTITIONS and partitions * _ROWS_OF_PARTITION < lines // 2:
        partitions *= 2
    blocks = [(one, part) for one in logs for part in range(-(-(one.size - one.first) // _BLOCK))]
    workers = [_Worker(folder, turn, partitions, np.array(cuts, np.int64)) for turn in range(threads)]
    taken = Taken(workers, partitions, lines)
    try:
        by_turns(workers, len(blocks), lambda worker, turn: worker.take(*blocks[turn]))
        for worker in workers:
            worker.finish()
        taken.agree()
    except GiveUpError:
        taken.close()
        return None
    except BaseException:
        taken.close()
        raise
    return taken


@dataclass(slots=True)
class _Joiner:
    """One thread of the join."""

    pairs: join.Pairs = field(default_factory=lambda: join.new_pairs(_FIRST_PAIRS))
    left: list[NDArray[np.int64]] = field(default_factory=list)


class Taken:
    """The rows of all logs in partitions, with the endpoints and names that they speak of by number.

    `odd` are the places of lines that are in no partition.
    """

    def __init__(self, workers: list[_Worker], partitions: int, lines: int) -> None:
        self._workers, self._partitions, self._lines = workers, partitions, lines
        self.odd: NDArray[np.int64] = np.empty(0, np.int64)
        self.endpoints: Table
        self.names: Table
        self._numbers: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []

    def __enter__(self) -> Taken:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the files of rows go."""
        for worker in self._workers:
            worker.conn.spill.close()
            worker.ssl.spill.close()

    def agree(self) -> None:
        """Give what threads numbered by themselves one number; raises GiveUpError where there is too much."""
        workers = self._workers
        self.odd = np.sort(np.concatenate([odd for one in workers for odd in (*one.conn.odd, *one.ssl.odd)]))
        if len(self.odd) > _MOST_ODD_SHARE * self._lines:
            raise GiveUpError
        spills = [spill for one in workers for spill in (one.conn.spill, one.ssl.spill)]
        if (
            sum(spill.count(part) for spill in spills for part in range(self._partitions)) + len(self.odd)
            != self._lines
        ):
            raise AssertionError("lines were lost or taken twice")
        found = []
        for tables in ([one.conn.table for one in workers], [one.ssl.table for one in workers]):
            shared = keys.shared(tables)
            if shared is None or int(shared[0].used[0]) >= MOST_NUMBERED:
                raise GiveUpError
            found.append(shared)
        (self.endpoints, of_conn), (self.names, of_ssl) = found
        self._numbers = list(zip(of_conn, of_ssl, strict=True))

    def join(
        self, exact: NDArray[np.uint64], of_endpoints: NDArray[np.uint8], of_names: NDArray[np.uint8]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
        """Join all partitions; return rows of sums (`join.PAIR` …) and the places of all rows that are left.

        `exact` are the ids, two words each, that the exact readers have rows of; `of_endpoints` and `of_names` say by
        number what may not be judged here. None where that cannot be; a pair may come several times.
        """
        ids, starts = keys.by_partition(exact, self._partitions)
        joiners = [_Joiner() for _ in self._workers]

        def work(joiner: _Joiner, partition: int) -> None:
            mine = ids[starts[partition] : starts[partition + 1]]
            self._join(joiner, partition, mine, of_endpoints, of_names)

        try:
            by_turns(joiners, self._partitions, work)
        except GiveUpError:
            return None
        sums = np.concatenate([one.pairs.rows[: one.pairs.used[0]] for one in joiners])
        return sums, np.sort(np.concatenate([np.empty(0, np.int64), *(left for one in joiners for left in one.left)]))

    def _join(
        self,
        joiner: _Joiner,
        partition: int,
        exact: NDArray[np.uint64],
        of_endpoints: NDArray[np.uint8],
        of_names: NDArray[np.uint8],
    ) -> None:
        conn = self._rows(partition, [one.conn.spill for one in self._workers], OF_CONN, 0, len(exact))
        ssl = self._rows(partition, [one.ssl.spill for one in self._workers], OF_SSL, 1, 0)
        if len(exact):
            conn[-len(exact) :] = 0
            conn[-len(exact) :, UID : UID + 2] = exact
        slots = np.empty(1 << (2 * len(conn)).bit_length(), np.int32)
        is_left, names = np.empty(len(conn), np.uint8), np.empty(len(conn), np.int32)
        rows, places = np.empty(len(ssl), np.int32), np.empty(len(conn) + len(ssl), np.int64)
        left = join.match(conn, ssl, len(exact), of_endpoints, of_names, slots, is_left, names, rows, places)
        if left < 0:
            raise GiveUpError
        joiner.left.append(places[:left].copy())
        at, end = 0, len(conn) - len(exact)
        while True:
            at, status = join.add_up(conn, at, end, is_left, names, joiner.pairs)
            if status == 0:
                return
            if len(joiner.pairs.rows) >= _MOST_PAIRS:
                raise GiveUpError
            joiner.pairs = join.grown_pairs(joiner.pairs)

    def _rows(self, partition: int, spills: list[Spill], word: int, kind: int, more: int) -> NDArray[np.uint64]:
        """Read one partition, with the numbers that all threads share, and room for `more` rows after it."""
        counts = [spill.count(partition) for spill in spills]
        if sum(counts) > _MOST_UNEVEN * max(self._lines // self._partitions, _ROWS_OF_PARTITION):
            raise GiveUpError
        rows = np.empty((sum(counts) + more, spills[0].words), np.uint64)
        at = 0
        for spill, size, numbers in zip(spills, counts, self._numbers, strict=True):
            spill.read(partition, rows[at : at + size])
            join.renumber(rows[at : at + size], word, numbers[kind])
            at += size
        return rows
