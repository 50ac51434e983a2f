"""A hash table from keys (some machine words each) to sums, that grows outside of compiled loops.

A key is compared in full; its hash only finds the place. Keys that crowd one place (chosen to, perhaps) end the
attempt rather than slow it down.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from residency.traffic.quick.words import U, inlined

FULL, CROWDED, MISSING = -1, -2, -4
HASH, LENGTH, HEAD = 0, 1, 2  # a record: hash, number of words of its key, the key, the sums
_MOST_PROBES = 512
_PLACE = U((1 << 40) - 1)
_RECORDS, _WORDS = 0, 1


class Table(NamedTuple):
    """`slots` hold some bits of a hash and the place of its record plus one; `numbers` are the same memory, signed."""

    slots: NDArray[np.uint64]
    words: NDArray[np.uint64]
    numbers: NDArray[np.int64]
    used: NDArray[np.int64]  # records, words
    sums: int


def new_table(records: int, words: int, sums: int) -> Table:
    """Return an empty table with room for `records` (a power of two) of `words` words together."""
    memory, slots = np.empty(words, np.uint64), np.empty(2 * records, np.uint64)
    slots.fill(0)
    return Table(slots, memory, memory.view(np.int64), np.zeros(2, np.int64), sums)


@inlined
def find(table: Table, keys: NDArray[np.uint64], start: int, length: int, h: np.uint64) -> Any:
    """Return the place of the record of a key, else MISSING or CROWDED."""
    slots, words = table.slots, table.words
    mask = U(len(slots) - 1)
    at, tag = h & mask, h & ~_PLACE
    for _ in range(_MOST_PROBES):
        slot = slots[at]
        if slot == U(0):
            return MISSING
        if (slot & ~_PLACE) == tag:
            place = np.int64(slot & _PLACE) - 1
            if words[place + LENGTH] == U(length) and _is_same(words, place + HEAD, keys, start, length):
                return place
        at = (at + U(1)) & mask
    return CROWDED


@njit(nogil=True, _nrt=False)
def find_or_add(table: Table, keys: NDArray[np.uint64], start: int, length: int, h: np.uint64) -> Any:
    """Return the place of the record of a key, with sums of 0 if it is new; FULL and CROWDED: nothing was done."""
    place = find(table, keys, start, length, h)
    return insert(table, keys, start, length, h) if place == MISSING else place


@inlined
def _is_same(one: NDArray[np.uint64], at: int, other: NDArray[np.uint64], start: int, length: int) -> bool:
    apart = U(0)
    for i in range(length):
        apart |= one[at + i] ^ other[start + i]
    return apart == U(0)


@njit(nogil=True, _nrt=False)
def insert(table: Table, keys: NDArray[np.uint64], start: int, length: int, h: np.uint64) -> Any:
    """Return the place of a new record with sums of 0, for a key that `find` does not find; FULL: nothing was done."""
    records, place = table.used[_RECORDS], table.used[_WORDS]
    after = place + HEAD + length + table.sums
    if 2 * (records + 1) > len(table.slots) or after + HEAD + 2 > len(table.words):
        return FULL
    mask = U(len(table.slots) - 1)
    at = h & mask
    while table.slots[at] != U(0):
        at = (at + U(1)) & mask
    words = table.words
    words[place + HASH] = h
    words[place + LENGTH] = U(length)
    for i in range(length):
        words[place + HEAD + i] = keys[start + i]
    for i in range(after - table.sums, after):
        words[i] = U(0)
    table.slots[at] = (h & ~_PLACE) | U(place + 1)
    table.used[_RECORDS] = records + 1
    table.used[_WORDS] = after
    return place


def grown(table: Table) -> Table:
    """Return the table with twice the room."""
    larger = new_table(len(table.slots), 2 * len(table.words), table.sums)
    used = table.used[_WORDS]
    larger.words[:used] = table.words[:used]
    larger.used[:] = table.used
    _place(larger.slots, larger.words, used, table.sums)
    return larger


@njit(nogil=True, cache=True, _nrt=False)
def _place(slots: NDArray[np.uint64], words: NDArray[np.uint64], used: int, sums: int) -> None:
    mask = U(len(slots) - 1)
    place: Any = 0
    while place < used:
        h = words[place + HASH]
        at = h & mask
        while slots[at] != U(0):
            at = (at + U(1)) & mask
        slots[at] = (h & ~_PLACE) | U(place + 1)
        place += HEAD + np.int64(words[place + LENGTH]) + sums
