"""Compiled loops over columns that have types, as Parquet files and tables in memory have them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from residency.traffic.quick.cells import ODD, period_of
from residency.traffic.quick.rows import (
    LENGTH_BITS,
    NO,
    NULL_LENGTH,
    NUMBER_LENGTH,
    UNSAID,
    YES,
    Batch,
    client_status,
    empty,
    is_full,
    put,
    stopped,
)
from residency.traffic.quick.table import Table
from residency.traffic.quick.words import ALL, U, peek8, peek32, peek64

NULL = -1


class Keys(NamedTuple):
    """The key columns by addresses: Arrow's own memory, which the caller has checked and holds.

    Text i of a column is the bytes `offsets[c]` to `offsets[c + 1]` of its `data`, which `ends` where no more may be
    read; c is its choice, i where `choices` is 0. Where `offsets` is 0 the choices are numbers. NULL is null.
    """

    data: NDArray[np.int64]
    ends: NDArray[np.int64]
    offsets: NDArray[np.int64]
    choices: NDArray[np.int64]


@njit(nogil=True, _nrt=False)
def _spell(at: int, end: int, limit: int, words: NDArray[np.uint64], to: int) -> int:
    """Write the words of the bytes at an address as `rows.spell` does those of an array."""
    while end - at >= 8:
        words[to] = peek64(at)
        to += 1
        at += 8
    if at < end:
        words[to] = peek64(at) & (ALL >> U(8 * (8 - (end - at)))) if at + 8 <= limit else _rest(at, end)
        to += 1
    return to


@njit(nogil=True, _nrt=False)
def _rest(start: int, end: int) -> np.uint64:
    """Return fewer than eight bytes as a number, where the memory may end after them."""
    word = U(0)
    for at in range(end - 1, start - 1, -1):
        word = (word << U(8)) | peek8(at)
    return word


@njit(nogil=True, cache=True, _nrt=False)
def take_columns(
    begin: int,
    ts: NDArray[np.int64],
    sent: NDArray[np.int64],
    received: NDArray[np.int64],
    keys: Keys,
    cuts: NDArray[np.int64],
    batch: Batch,
    groups: Table,
) -> tuple[int, int]:
    """Take every row from `begin` on; return where it stopped and a negative status if early.

    A column of counts that is not there has no rows; NULL is null.
    """
    words = batch.keys
    for i in range(begin, len(ts)):
        got = received[i] if len(received) else NULL
        answered = UNSAID if got < 0 else (YES if got > 0 else NO)
        at = batch.used[1]
        words[at] = (U(period_of(ts[i], cuts)) << U(2)) | U(answered)
        lengths, to = U(0), at + 2
        for column in range(len(keys.data)):
            choice = peek32(keys.choices[column] + 4 * i) if keys.choices[column] else i
            offsets = keys.offsets[column]
            if choice < 0:
                size = NULL_LENGTH
            elif offsets == 0:
                words[to] = U(choice)
                to += 1
                size = NUMBER_LENGTH
            else:
                start, end = peek32(offsets + 4 * choice), peek32(offsets + 4 * choice + 4)
                size = end - start
                if size >= NUMBER_LENGTH:
                    return stopped(batch, groups, i, ODD)
                to = _spell(keys.data[column] + start, keys.data[column] + end, keys.ends[column], words, to)
            lengths |= U(size) << U(LENGTH_BITS * column)
        words[at + 1] = lengths
        put(batch, groups, ts[i], sent[i] if len(sent) else NULL, got, i, to - at)
        if is_full(batch):
            row, status = empty(batch, groups)
            if status < 0:
                return row, status
    return stopped(batch, groups, len(ts), 0)


@njit(nogil=True, cache=True, _nrt=False)
def keep_clients(
    begin: int,
    count: int,
    data: NDArray[np.uint8],
    offsets: NDArray[np.int32],
    is_null: NDArray[np.bool_],
    key: NDArray[np.uint64],
    clients: Table,
) -> tuple[int, int]:
    """Keep every text from `begin` on that is no plain IPv4 address; return where it stopped and a negative status."""
    for i in range(begin, count):
        if len(is_null) == 0 or not is_null[i]:
            status = client_status(data, np.int64(offsets[i]), np.int64(offsets[i + 1]), key, 0, clients)
            if status < 0:
                return i, status
    return count, 0
