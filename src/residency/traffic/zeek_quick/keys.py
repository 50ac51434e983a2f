"""Endpoints, names and ids between the tables of compiled loops and columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from residency.arrow import booleans, integers
from residency.traffic.quick.result import copy_texts
from residency.traffic.quick.rows import UNSAID, YES
from residency.traffic.quick.table import FULL, HEAD, LENGTH, Table, find_or_add, grown
from residency.traffic.quick.words import SPARE, U
from residency.traffic.zeek_quick.cells import read_id
from residency.traffic.zeek_quick.rows import ANSWERED_BITS, PERIOD_BITS, PORT_BITS, partition_of

if TYPE_CHECKING:
    import pyarrow as pa

_WORD = 8


def shared(tables: Sequence[Table]) -> tuple[Table, list[NDArray[np.int64]]] | None:
    """Return one table with the keys of all, and for each table the number there of every number here; None if full."""
    largest = max(tables, key=lambda table: int(table.used[0]))
    kept, found = largest, []
    for table in tables:
        numbers = np.arange(int(table.used[0]) + 1, dtype=np.int64)
        if table is not largest:
            place = 0
            while True:
                place, status = _join(table, place, kept, numbers)
                if status == 0:
                    break
                if status != FULL:
                    return None
                kept = grown(kept)
        found.append(numbers)
    return kept, found


@njit(nogil=True, cache=True, _nrt=False)
def _join(source: Table, begin: int, table: Table, numbers: NDArray[np.int64]) -> tuple[int, int]:
    place = begin
    while place < source.used[1]:
        length = source.numbers[place + LENGTH]
        found = find_or_add(table, source.words, place + HEAD, length, source.words[place])
        if found < 0:
            return place, found
        at = found + HEAD + length
        if table.numbers[at] == 0:
            table.numbers[at] = table.used[0]
        numbers[source.numbers[place + HEAD + length]] = table.numbers[at]
        place += HEAD + length + source.sums
    return place, 0


def endpoints(table: Table) -> pa.Table:
    """Return the endpoints in the order of their numbers, from 1, with the number of their input."""
    import pyarrow as pa

    heads, text = _columns(table, 2)
    first = heads[:, 0]
    answered = first & ((1 << ANSWERED_BITS) - 1)
    port = (first >> ANSWERED_BITS) & ((1 << PORT_BITS) - 1)
    rest = first >> (ANSWERED_BITS + PORT_BITS)
    columns = {
        "id": integers(np.arange(1, len(heads) + 1)),
        "input": integers(rest >> PERIOD_BITS),
        "period": integers(rest & ((1 << PERIOD_BITS) - 1)),
        "server_port": integers(port),
        "answered": booleans(answered == YES, answered == UNSAID),
        "proto": _short_texts(heads[:, 1]),
        "server_ip": text,
    }
    return pa.table(list(columns.values()), names=list(columns))


def names(table: Table) -> pa.Table:
    """Return the names in the order of their numbers, from 1."""
    import pyarrow as pa

    heads, text = _columns(table, 0)
    return pa.table([integers(np.arange(1, len(heads) + 1)), text], names=["id", "text"])


def packed(texts: pa.ChunkedArray) -> NDArray[np.uint64]:
    """Return the ids of a column without nulls in two words each, but for those that no compiled loop takes."""
    import pyarrow as pa

    found = [np.empty((0, 2), np.uint64)]
    for chunk in texts.cast(pa.large_string()).chunks:
        _, offsets, data = chunk.buffers()
        at = np.frombuffer(offsets, np.int64)[chunk.offset : chunk.offset + len(chunk) + 1]
        memory = np.concatenate([np.frombuffer(data or b"", np.uint8), np.zeros(SPARE, np.uint8)])
        words = np.empty((len(chunk), 2), np.uint64)
        found.append(words[: _pack(memory, at, words.reshape(-1))])
    return np.concatenate(found)


@njit(nogil=True, cache=True, _nrt=False)
def _pack(data: NDArray[np.uint8], offsets: NDArray[np.int64], words: NDArray[np.uint64]) -> Any:
    count = 0
    for i in range(len(offsets) - 1):
        if read_id(data, offsets[i], offsets[i + 1], words, 2 * count):
            count += 1
    return count


def by_partition(ids: NDArray[np.uint64], partitions: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return ids sorted by partition, and where each partition starts."""
    turns = np.empty(len(ids), np.int64)
    _partitions(ids, turns, partitions)
    order = np.argsort(turns, kind="stable")
    return ids[order], np.searchsorted(turns[order], np.arange(partitions + 1))


@njit(nogil=True, cache=True, _nrt=False)
def _partitions(ids: NDArray[np.uint64], turns: NDArray[np.int64], partitions: int) -> None:
    for i in range(len(ids)):
        turns[i] = partition_of(ids[i, 0], ids[i, 1], partitions)


def _columns(table: Table, heads: int) -> tuple[NDArray[np.int64], pa.Array]:
    """Return the first `heads` words of each key, and the text that the rest of them are."""
    import pyarrow as pa

    count = int(table.used[0])
    first, places = np.empty((count, heads), np.int64), np.empty(count, np.int64)
    offsets = np.zeros(count + 1, np.int64)
    _lay_out(table, first, places, offsets[1:])
    np.cumsum(offsets, out=offsets)
    data = np.empty(int(offsets[-1]), np.uint8)
    copy_texts(table.words.view(np.uint8), places, offsets, data)
    column = pa.Array.from_buffers(pa.large_string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(data)])
    return first, column


def _short_texts(words: NDArray[np.int64]) -> pa.Array:
    """Return texts of up to eight bytes that stand in a number each."""
    import pyarrow as pa

    table = np.ascontiguousarray(words).view(np.uint8).reshape(-1, _WORD)
    offsets = np.zeros(len(words) + 1, np.int64)
    np.cumsum((table != 0).sum(axis=1), out=offsets[1:])
    data = np.ascontiguousarray(table[table != 0])
    return pa.Array.from_buffers(pa.large_string(), len(words), [None, pa.py_buffer(offsets), pa.py_buffer(data)])


@njit(nogil=True, cache=True, _nrt=False)
def _lay_out(table: Table, first: NDArray[np.int64], places: NDArray[np.int64], lengths: NDArray[np.int64]) -> None:
    """Write the heads of each key, at which byte its text starts and how many bytes that has."""
    place, heads = 0, first.shape[1]
    for i in range(len(places)):
        length = table.numbers[place + LENGTH]
        for j in range(heads):
            first[i, j] = table.numbers[place + HEAD + j]
        places[i] = 8 * (place + HEAD + heads)
        last = table.words[place + HEAD + length - 1]
        size = 8 * (length - heads)
        while size > 0 and last >> U(56) == U(0):
            last <<= U(8)
            size -= 1
        lengths[i] = size
        place += HEAD + length + table.sums
