"""Joins the rows of one partition by uid, in compiled loops, and adds each flow to the sums of its endpoint and name.

A uid is joined here if one row of conn and at most one of ssl have it, and nothing about it is for the exact readers.
All rows of any other uid are left to those: so no uid is ever joined by both.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from residency.traffic.quick.words import U
from residency.traffic.zeek_quick.cells import NOT_TOLD
from residency.traffic.zeek_quick.rows import BYTES, OF_CONN, OF_SSL, PLACE_BITS, TS, UID, hash_of

CROWDED, NO_ROOM = -1, -2
PAIR, RECORDS, SENT, RECEIVED, SENT_UNKNOWN, RECEIVED_UNKNOWN, FIRST, LAST = range(8)
PAIR_WORDS = 8
LEFT, UNNAMED = 1, 2  # what may be said of an endpoint: its rows are left, or those without a name; of a name likewise
_MOST_PROBES = 512
_PLACE = U((1 << PLACE_BITS) - 1)
_HALF = U(32)


class Pairs(NamedTuple):
    """Sums of pairs of endpoint and name: `slots` hold places in `rows` plus one."""

    slots: NDArray[np.int32]
    rows: NDArray[np.int64]
    used: NDArray[np.int64]


def new_pairs(room: int) -> Pairs:
    """Return an empty table with room for that many pairs, a power of two."""
    return Pairs(np.zeros(2 * room, np.int32), np.zeros((room, PAIR_WORDS), np.int64), np.zeros(1, np.int64))


def grown_pairs(pairs: Pairs) -> Pairs:
    """Return the table with twice the room."""
    larger = new_pairs(2 * len(pairs.rows))
    used = int(pairs.used[0])
    larger.rows[:used] = pairs.rows[:used]
    larger.used[0] = used
    _place(larger)
    return larger


@njit(nogil=True, _nrt=False)
def _slot_of(pair: np.int64, mask: int) -> Any:
    h = U(pair) * U(0x9E3779B97F4A7C15)
    return np.int64(h >> _HALF) & mask


@njit(nogil=True, cache=True, _nrt=False)
def _place(pairs: Pairs) -> None:
    mask = len(pairs.slots) - 1
    for i in range(pairs.used[0]):
        at = _slot_of(pairs.rows[i, PAIR], mask)
        while pairs.slots[at] != 0:
            at = (at + 1) & mask
        pairs.slots[at] = i + 1


@njit(nogil=True, cache=True, _nrt=False)
def renumber(rows: NDArray[np.uint64], word: int, numbers: NDArray[np.int64]) -> None:
    """Give each row, in place, the number that all threads share for what one of them numbered by itself."""
    for i in range(len(rows)):
        mine = np.int64(rows[i, word] >> U(PLACE_BITS))
        rows[i, word] = (U(numbers[mine]) << U(PLACE_BITS)) | (rows[i, word] & _PLACE)


@njit(nogil=True, _nrt=False)
def _find(slots: NDArray[np.int32], conn: NDArray[np.uint64], one: np.uint64, two: np.uint64) -> Any:
    """Return the row of a uid, or -1 minus the slot where it would stand; CROWDED in a row of its own is far below."""
    mask = len(slots) - 1
    at = np.int64(hash_of(one, two) & U(mask))
    for _ in range(_MOST_PROBES):
        row = np.int64(slots[at]) - 1
        if row < 0:
            return -1 - at
        if conn[row, UID] == one and conn[row, UID + 1] == two:
            return row
        at = (at + 1) & mask
    return -1 - len(slots)


@njit(nogil=True, cache=True, _nrt=False)
def match(
    conn: NDArray[np.uint64],
    ssl: NDArray[np.uint64],
    exact: int,
    of_endpoints: NDArray[np.uint8],
    of_names: NDArray[np.uint8],
    slots: NDArray[np.int32],
    is_left: NDArray[np.uint8],
    names: NDArray[np.int32],
    rows: NDArray[np.int32],
    places: NDArray[np.int64],
) -> Any:
    """Find the name of each row of conn; write the places of all rows that are left and return how many, or CROWDED.

    The last `exact` rows of conn are only uids that the exact readers have. `is_left` and `names` (-1 for none) are of
    rows of conn, `rows` of rows of ssl.
    """
    slots[:] = 0
    count = len(conn)
    for i in range(count):
        is_left[i] = 1 if i >= count - exact or of_endpoints[conn[i, OF_CONN] >> U(PLACE_BITS)] & LEFT else 0
        names[i] = -1
        found = _find(slots, conn, conn[i, UID], conn[i, UID + 1])
        if found >= 0:
            is_left[found] = 1
            is_left[i] = 1
        elif found < -len(slots):
            return CROWDED
        else:
            slots[-1 - found] = i + 1
    for j in range(len(ssl)):
        found = _find(slots, conn, ssl[j, UID], ssl[j, UID + 1])
        if found < -len(slots):
            return CROWDED
        rows[j] = max(found, -1)
        if found >= 0:
            number = np.int64(ssl[j, OF_SSL] >> U(PLACE_BITS))
            if names[found] >= 0 or of_names[number] & LEFT:
                is_left[found] = 1
            names[found] = number
    left = 0
    for i in range(count - exact):
        is_named = names[i] > 0 and not of_names[names[i]] & UNNAMED
        if not is_named and of_endpoints[conn[i, OF_CONN] >> U(PLACE_BITS)] & UNNAMED:
            is_left[i] = 1
        if is_left[i]:
            places[left] = np.int64(conn[i, OF_CONN] & _PLACE)
            left += 1
    for j in range(len(ssl)):
        if rows[j] < 0 or is_left[rows[j]]:
            places[left] = np.int64(ssl[j, OF_SSL] & _PLACE)
            left += 1
    return left


@njit(nogil=True, cache=True, _nrt=False)
def add_up(
    conn: NDArray[np.uint64],
    begin: int,
    end: int,
    is_left: NDArray[np.uint8],
    names: NDArray[np.int32],
    pairs: Pairs,
) -> tuple[int, int]:
    """Add the rows `begin`..`end` of conn that are not left to their pairs; return where it stopped, and why."""
    for i in range(begin, end):
        if is_left[i]:
            continue
        endpoint = np.int64(conn[i, OF_CONN] >> U(PLACE_BITS))
        place = _pair(pairs, (endpoint << 32) | max(names[i], 0))
        if place < 0:
            return i, NO_ROOM
        ts, sums = np.int64(conn[i, TS]), pairs.rows[place]
        sent, received = np.int64(conn[i, BYTES] >> _HALF), np.int64(conn[i, BYTES] & U(NOT_TOLD))
        if sums[RECORDS] == 0:
            sums[FIRST] = ts
            sums[LAST] = ts
        sums[RECORDS] += 1
        sums[FIRST] = min(sums[FIRST], ts)
        sums[LAST] = max(sums[LAST], ts)
        if sent == NOT_TOLD:
            sums[SENT_UNKNOWN] += 1
        else:
            sums[SENT] += sent
        if received == NOT_TOLD:
            sums[RECEIVED_UNKNOWN] += 1
        else:
            sums[RECEIVED] += received
    return end, 0


@njit(nogil=True, _nrt=False)
def _pair(pairs: Pairs, pair: int) -> Any:
    """Return the place of a pair, made where it is new; NO_ROOM where it cannot be."""
    mask = len(pairs.slots) - 1
    at = _slot_of(pair, mask)
    while True:
        place = np.int64(pairs.slots[at]) - 1
        if place < 0:
            break
        if pairs.rows[place, PAIR] == pair:
            return place
        at = (at + 1) & mask
    used = pairs.used[0]
    if used == len(pairs.rows):
        return NO_ROOM
    pairs.slots[at] = used + 1
    pairs.rows[used, PAIR] = pair
    pairs.used[0] = used + 1
    return used
