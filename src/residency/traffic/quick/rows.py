"""From the cells of rows to the sums of their groups, in compiled loops, some rows at a time.

Rows wait in a batch until the memory of their groups was asked for: waiting for memory would take most of the time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from residency.limits import LIMITS
from residency.traffic.quick.cells import ODD, is_quad, period_of, read_count, read_epoch, read_zulu
from residency.traffic.quick.grammar import ADDRESS, is_no, is_no_address
from residency.traffic.quick.table import HEAD, LENGTH, MISSING, Table, find, find_or_add, insert
from residency.traffic.quick.words import ALL, U, hashed, inlined, load, prefetch

RECORDS, SENT, RECEIVED, SENT_UNKNOWN, FIRST, LAST = range(6)
SUMS = 6
NO, YES, UNSAID = range(3)
NULL_LENGTH = 1023  # and what is as long is looked at closely
LENGTH_BITS = 10
MOST_KEYS = 6
BATCH = 32
MOST_LINE = LIMITS.max_line_bytes
_KEY_WORDS = 2 + MOST_KEYS * (NULL_LENGTH // 8 + 1)
_MOST_SUM = 1 << 62
_TS, _SENT, _RECEIVED, _LINE, _START, _SIZE = range(6)


class Shape(NamedTuple):
    """Which cell is what; -1 for a column that is not there."""

    ts: int
    is_epoch: bool
    client: int
    sent: int
    received: int
    keys: NDArray[np.int64]
    kinds: NDArray[np.int64]  # of the texts of keys (`grammar`)
    cuts: NDArray[np.int64]


class Batch(NamedTuple):
    """Rows that wait: their numbers, the hashes of their keys, and the keys one after the other.

    `texts` are the same memory as `keys`, byte by byte.
    """

    numbers: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    keys: NDArray[np.uint64]
    texts: NDArray[np.uint8]
    used: NDArray[np.int64]  # rows, words of keys


def new_batch() -> Batch:
    """Return an empty batch."""
    numbers = np.zeros((BATCH, 8), np.int64)
    keys = np.zeros(2 * _KEY_WORDS + BATCH * 32, np.uint64)
    return Batch(numbers, np.zeros(BATCH, np.uint64), keys, keys.view(np.uint8), np.zeros(2, np.int64))


@inlined
def spell(data: NDArray[np.uint8], start: int, end: int, words: NDArray[np.uint64], to: int) -> int:
    """Write the words of a text to `words` from `to` on and return where they end; the last is filled with zeros."""
    at = start
    while end - at > 8:
        words[to] = load(data, at)
        to += 1
        at += 8
    if at < end:
        words[to] = load(data, at) & (ALL >> U(8 * (8 - (end - at))))
        to += 1
    return to


@inlined
def _count(data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], column: int) -> int:
    """Return the number in a cell, -1 for null, ODD."""
    if column < 0 or ends[column] < starts[column]:
        return -1
    return read_count(data, starts[column], ends[column])


@inlined
def client_status(
    data: NDArray[np.uint8], start: int, end: int, keys: NDArray[np.uint64], at: int, clients: Table
) -> int:
    """Keep a client's text that is no plain IPv4 address: it is held against the grammar later, once."""
    if end < start or is_quad(data, start, end):
        return 0
    if end - start >= NULL_LENGTH:
        return ODD
    keys[at] = U(end - start)
    length = spell(data, start, end, keys, at + 1) - at
    h = hashed(keys, at, length)
    place = find(clients, keys, at, length, h)
    if place == MISSING:
        if is_no_address(data, start, end - start):
            return ODD
        place = insert(clients, keys, at, length, h)
    return min(place, 0)


@inlined
def wait_row(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    line: int,
    shape: Shape,
    batch: Batch,
    groups: Table,
    clients: Table,
) -> int:
    """Put a row into the batch; a negative status says that it was not.

    `starts` and `ends` are of its cells; a null ends before it starts.
    """
    start, end = starts[shape.ts], ends[shape.ts]
    ts = read_epoch(data, start, end) if shape.is_epoch else read_zulu(data, start, end)
    sent = _count(data, starts, ends, shape.sent)
    received = _count(data, starts, ends, shape.received)
    address = shape.keys[0]
    if ts < 0 or sent == ODD or received == ODD or ends[address] < starts[address]:
        return ODD
    keys, begin = batch.keys, batch.used[1]
    if shape.client >= 0:
        status = client_status(data, starts[shape.client], ends[shape.client], keys, begin, clients)
        if status < 0:
            return status
    answered = UNSAID if received < 0 else (YES if received > 0 else NO)
    keys[begin] = (U(period_of(ts, shape.cuts)) << U(2)) | U(answered)
    lengths, to = U(0), begin + 2
    for i in range(len(shape.keys)):
        start, end = starts[shape.keys[i]], ends[shape.keys[i]]
        size = end - start
        if size >= NULL_LENGTH:
            return ODD
        if size < 0:
            size = NULL_LENGTH
        else:
            to = spell(data, start, end, keys, to)
        lengths |= U(size) << U(LENGTH_BITS * i)
    keys[begin + 1] = lengths
    return put(batch, groups, ts, sent, received, line, to - begin)


@inlined
def put(batch: Batch, groups: Table, ts: int, sent: int, received: int, line: int, size: int) -> int:
    """Append a row whose key of `size` words stands at the end of the batch's keys already."""
    row, begin = batch.used[0], batch.used[1]
    h = hashed(batch.keys, begin, size)
    numbers = batch.numbers
    numbers[row, _TS], numbers[row, _SENT], numbers[row, _RECEIVED] = ts, sent, received
    numbers[row, _LINE], numbers[row, _START], numbers[row, _SIZE] = line, begin, size
    batch.hashes[row] = h
    batch.used[0] = row + 1
    batch.used[1] = begin + size
    prefetch(groups.slots, np.int64(h & U(len(groups.slots) - 1)))
    return 0


@inlined
def is_full(batch: Batch) -> bool:
    """Must it be emptied before the next row?"""
    return batch.used[0] >= BATCH or batch.used[1] + _KEY_WORDS + NULL_LENGTH // 8 + 2 > len(batch.keys)


@inlined
def empty(batch: Batch, groups: Table, kinds: NDArray[np.int64]) -> tuple[int, int]:
    """Add all rows to their groups; return (line, status), negative where that line and those after it were not."""
    rows = batch.used[0]
    batch.used[0] = 0
    batch.used[1] = 0
    slots, words, mask = groups.slots, groups.words, U(len(groups.slots) - 1)
    for row in range(rows):
        near = np.int64(slots[batch.hashes[row] & mask] & U((1 << 40) - 1)) - 1
        if near >= 0:
            prefetch(words, near)
            prefetch(words, near + 8)
            prefetch(words, near + 16)
    for row in range(rows):
        numbers = batch.numbers[row]
        start, size, h = numbers[_START], numbers[_SIZE], batch.hashes[row]
        place = find(groups, batch.keys, start, size, h)
        if place == MISSING:
            place = ODD if _is_odd(batch, start, kinds) else insert(groups, batch.keys, start, size, h)
        if place < 0:
            return numbers[_LINE], place
        at = place + HEAD + groups.numbers[place + LENGTH]
        status = add(groups.numbers, at, numbers[_TS], numbers[_SENT], numbers[_RECEIVED])
        if status < 0:
            return numbers[_LINE], status
    return 0, 0


@njit(nogil=True, _nrt=False)
def _is_odd(batch: Batch, start: int, kinds: NDArray[np.int64]) -> bool:
    """Is a text of the key at `start` certainly none of its kind?"""
    lengths = batch.keys[start + 1]
    at: Any = 8 * (start + 2)
    for i in range(len(kinds)):
        size = np.int64((lengths >> U(LENGTH_BITS * i)) & U(NULL_LENGTH))
        if size == NULL_LENGTH:
            continue
        is_quad_at_hand = kinds[i] == ADDRESS and is_quad(batch.texts, at, at + size)
        if not is_quad_at_hand and is_no(kinds[i], batch.texts, at, size):
            return True
        at += (size + 7) // 8 * 8
    return False


@njit(nogil=True, _nrt=False)
def stopped(batch: Batch, groups: Table, kinds: NDArray[np.int64], line: int, status: int) -> tuple[int, int]:
    """Empty the batch and return where reading stops and why: at `line`, unless a row that waited stops it before."""
    earlier, why = empty(batch, groups, kinds)
    return (earlier, why) if why < 0 else (line, status)


@inlined
def add(sums: NDArray[np.int64], at: int, ts: int, sent: int, received: int) -> int:
    """Add one record to the sums at `at`; a count below 0 is not told. ODD, with nothing added, for sums too large."""
    total_sent, total_received = sums[at + SENT] + max(sent, 0), sums[at + RECEIVED] + max(received, 0)
    if total_sent >= _MOST_SUM or total_received >= _MOST_SUM:
        return ODD
    if sums[at + RECORDS] == 0:
        sums[at + FIRST] = ts
        sums[at + LAST] = ts
    sums[at + FIRST] = min(sums[at + FIRST], ts)
    sums[at + LAST] = max(sums[at + LAST], ts)
    sums[at + RECORDS] += 1
    sums[at + SENT] = total_sent
    sums[at + RECEIVED] = total_received
    sums[at + SENT_UNKNOWN] += 1 if sent < 0 else 0
    return 0


@njit(nogil=True, cache=True, _nrt=False)
def merge(source: Table, begin: int, groups: Table) -> tuple[int, int]:
    """Add the groups of `source` from the record at `begin` on; return where it stopped and why, 0 at the end."""
    place = begin
    while place < source.used[1]:
        length = source.numbers[place + LENGTH]
        found = find_or_add(groups, source.words, place + HEAD, length, source.words[place])
        if found < 0:
            return place, found
        status = _join(source.numbers, place + HEAD + length, groups.numbers, found + HEAD + length)
        if status < 0:
            return place, status
        place += HEAD + length + source.sums
    return place, 0


@inlined
def _join(more: NDArray[np.int64], m: int, sums: NDArray[np.int64], at: int) -> int:
    if sums[at + SENT] + more[m + SENT] >= _MOST_SUM or sums[at + RECEIVED] + more[m + RECEIVED] >= _MOST_SUM:
        return ODD
    is_new = sums[at + RECORDS] == 0
    sums[at + FIRST] = more[m + FIRST] if is_new else min(sums[at + FIRST], more[m + FIRST])
    sums[at + LAST] = more[m + LAST] if is_new else max(sums[at + LAST], more[m + LAST])
    for i in (RECORDS, SENT, RECEIVED, SENT_UNKNOWN):
        sums[at + i] += more[m + i]
    return 0
