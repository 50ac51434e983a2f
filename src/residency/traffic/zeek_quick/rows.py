"""Compiled loops over the lines of conn and ssl logs: each row becomes a few words of its partition.

What a row has in common with many others, its endpoint or its server name, becomes a number: that of its record in a
table. What it has for itself are its uid, its time, its bytes, and where its line starts in all files together.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from residency.traffic.quick.cells import ODD, period_of, read_epoch
from residency.traffic.quick.rows import NO, UNSAID, YES, spell
from residency.traffic.quick.table import HEAD, Table, find_or_add
from residency.traffic.quick.words import U, folded, hashed, prefetch
from residency.traffic.zeek_quick.cells import (
    HIGH,
    NOT_TOLD,
    first_bytes,
    has_byte,
    is_address,
    is_unset,
    read_count,
    read_id,
    read_port,
)
from residency.traffic.zeek_quick.marks import cut, end_of_line

CONN_WORDS, SSL_WORDS = 5, 3
UID, OF_SSL, TS, OF_CONN, BYTES = 0, 2, 2, 3, 4  # words of a row; OF_… are a number and a place
PLACE_BITS = 40
MOST_NUMBERED = (1 << 24) - 1
FULL_PARTITION, FULL_ODD, LONG = -10, -11, -12
INPUT_BITS, PERIOD_BITS, PORT_BITS, ANSWERED_BITS = 16, 24, 16, 2
MOST_LINE = 1 << 16
BATCH, KEY_WORDS = 64, 33
_MOST_NAME, _MOST_HISTORY, _MOST_ADDRESS = 255, 64, 64
_HASH, _PAREN, _BACKSLASH, _D = 35, 40, 92, 100
_ONE, _OTHER = U(0x243F6A8885A308D3), U(0x9E3779B97F4A7C15)


class Fields(NamedTuple):
    """Which cell of a line is what, -1 for one that the log does not have."""

    ts: int
    uid: int
    client: int
    server: int
    port: int
    proto: int
    sent: int
    received: int
    state: int
    history: int
    name: int


class Log(NamedTuple):
    """What is the same for all lines of a log."""

    fields: Fields
    delimiter: np.uint8
    unset: np.uint8
    number: int  # of its input
    cuts: NDArray[np.int64]


class Batch(NamedTuple):
    """Rows that wait until the memory of their keys' records was asked for, which would take most of the time."""

    rows: NDArray[np.uint64]
    keys: NDArray[np.uint64]
    hashes: NDArray[np.uint64]
    numbers: NDArray[np.int64]  # words of the key, where the line starts
    used: NDArray[np.int64]


def new_batch() -> Batch:
    """Return an empty batch."""
    rows, keys = np.zeros((BATCH, CONN_WORDS), np.uint64), np.zeros((BATCH, KEY_WORDS), np.uint64)
    return Batch(rows, keys, np.zeros(BATCH, np.uint64), np.zeros((BATCH, 2), np.int64), np.zeros(1, np.int64))


class Out(NamedTuple):
    """Where rows go: `rows[partition, row, word]`, `counts` of each partition, and where lines start that are odd."""

    rows: NDArray[np.uint64]
    counts: NDArray[np.int64]
    odd: NDArray[np.int64]
    used: NDArray[np.int64]  # odd lines


@njit(nogil=True, _nrt=False)
def partition_of(one: np.uint64, two: np.uint64, partitions: int) -> Any:
    """Return the partition of a uid; the upper bits of its hash, for tables use the lower ones."""
    return np.int64(hash_of(one, two) >> U(44)) & (partitions - 1)


@njit(nogil=True, _nrt=False)
def hash_of(one: np.uint64, two: np.uint64) -> Any:
    """Return the hash of a uid."""
    return folded(folded(one ^ _ONE, _OTHER) ^ two, _ONE)


@njit(nogil=True, _nrt=False)
def _answered(
    data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], log: Log, received: int
) -> Any:
    """Say whether the server answered, by what `zeek_sql.FLOWS` has for it; ODD for a cell that needs a closer look."""
    history, state = log.fields.history, log.fields.state
    sent_by_server, has_history = False, False
    if history >= 0 and not is_unset(data, starts[history], ends[history], log.unset):
        has_history = True
        start, end = starts[history], ends[history]
        if end - start < 1 or end - start > _MOST_HISTORY or data[start] == _PAREN:
            return ODD
        for at in range(start, end, 8):
            word = first_bytes(data, at, min(8, end - at))
            if word & HIGH != U(0):
                return ODD
            sent_by_server = sent_by_server or has_byte(word, _D)
    word = U(0)
    if state >= 0 and not is_unset(data, starts[state], ends[state], log.unset):
        start, end = starts[state], ends[state]
        if end - start < 1 or end - start > 8 or data[start] == _PAREN:
            return ODD
        word = first_bytes(data, start, end - start)
    if sent_by_server or (received > 0 and received != NOT_TOLD):
        return YES
    if word == _OTH and has_history and _is_upper(data, starts[history], ends[history]):
        return UNSAID
    if received == 0 or word in (_S0, _REJ, _RSTOS0, _SH):
        return NO
    return UNSAID


def _word(text: str) -> np.uint64:
    return U(int.from_bytes(text.encode(), "little"))


_OTH, _S0, _REJ, _RSTOS0, _SH = (_word(state) for state in ("OTH", "S0", "REJ", "RSTOS0", "SH"))


@njit(nogil=True, _nrt=False)
def _is_upper(data: NDArray[np.uint8], start: int, end: int) -> bool:
    """Has ASCII text no small letters?"""
    is_upper = True
    for at in range(start, end):
        is_upper = is_upper and not 97 <= data[at] <= 122
    return is_upper


@njit(nogil=True, _nrt=False)
def _client_is_good(data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], log: Log) -> bool:
    client = log.fields.client
    if client < 0 or is_unset(data, starts[client], ends[client], log.unset):
        return True
    return bool(is_address(data, starts[client], ends[client]))


@njit(nogil=True, _nrt=False)
def _conn_row(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    log: Log,
    key: NDArray[np.uint64],
    row: NDArray[np.uint64],
) -> Any:
    """Write a row of conn, without number and place, and the key of its endpoint; return how many words that has."""
    fields = log.fields
    start, end = starts[fields.uid], ends[fields.uid]
    if is_unset(data, start, end, log.unset) or not read_id(data, start, end, row, UID):
        return ODD
    ts = read_epoch(data, starts[fields.ts], ends[fields.ts])
    sent = read_count(data, starts[fields.sent], ends[fields.sent], log.unset)
    received = read_count(data, starts[fields.received], ends[fields.received], log.unset)
    port = read_port(data, starts[fields.port], ends[fields.port])
    if ts < 0 or sent < 0 or received < 0 or port < 0 or not _client_is_good(data, starts, ends, log):
        return ODD
    start, end = starts[fields.proto], ends[fields.proto]
    is_word = 0 < end - start <= 8 and data[start] != _PAREN and not is_unset(data, start, end, log.unset)
    answered = _answered(data, starts, ends, log, received)
    if not is_word or answered < 0:
        return ODD
    proto = first_bytes(data, start, end - start)
    start, end = starts[fields.server], ends[fields.server]
    is_address_like = 1 < end - start <= _MOST_ADDRESS and data[start] != _PAREN
    if (proto & HIGH) != U(0) or not is_address_like:
        return ODD
    first = (U(log.number) << U(PERIOD_BITS)) | U(period_of(ts, log.cuts))
    key[0] = (((first << U(PORT_BITS)) | U(port)) << U(ANSWERED_BITS)) | U(answered)
    key[1] = proto
    row[TS] = U(ts)
    row[BYTES] = (U(sent) << U(32)) | U(received)
    return spell(data, start, end, key, 2)


@njit(nogil=True, _nrt=False)
def _ssl_row(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    log: Log,
    key: NDArray[np.uint64],
    row: NDArray[np.uint64],
) -> Any:
    """Write a row of ssl, without number and place, and its name as a key; return how many words that has."""
    fields = log.fields
    start, end = starts[fields.uid], ends[fields.uid]
    if is_unset(data, start, end, log.unset) or not read_id(data, start, end, row, UID):
        return ODD
    is_good = read_epoch(data, starts[fields.ts], ends[fields.ts]) >= 0
    is_good = is_good and read_port(data, starts[fields.port], ends[fields.port]) >= 0
    is_good = is_good and is_address(data, starts[fields.server], ends[fields.server])
    if not is_good or not _client_is_good(data, starts, ends, log):
        return ODD
    if fields.name < 0 or is_unset(data, starts[fields.name], ends[fields.name], log.unset):
        return 0
    start, end = starts[fields.name], ends[fields.name]
    if end - start < 1 or end - start > _MOST_NAME or data[start] == _PAREN:
        return ODD
    length = spell(data, start, end, key, 0)
    for i in range(length):
        if has_byte(key[i], _BACKSLASH):
            return ODD
    return length


@njit(nogil=True, _nrt=False)
def _empty(batch: Batch, is_conn: bool, table: Table, offset: int, out: Out) -> tuple[int, int]:
    """Write out all rows; return (line, status), negative where that line and those after it were not."""
    rows = batch.used[0]
    batch.used[0] = 0
    words, numbered_at = (CONN_WORDS, OF_CONN) if is_conn else (SSL_WORDS, OF_SSL)
    slots, mask = table.slots, U(len(table.slots) - 1)
    for i in range(rows):
        record = np.int64(slots[batch.hashes[i] & mask] & U((1 << 40) - 1)) - 1
        if record >= 0:
            prefetch(table.words, record)
            prefetch(table.words, record + 7)
    for i in range(rows):
        row, length, line = batch.rows[i], batch.numbers[i, 0], batch.numbers[i, 1]
        partition = partition_of(row[UID], row[UID + 1], len(out.counts))
        count = out.counts[partition]
        if count == out.rows.shape[1]:
            return line, FULL_PARTITION
        number: Any = 0
        if length > 0:
            record = find_or_add(table, batch.keys[i], 0, length, batch.hashes[i])
            if record < 0:
                return line, record
            at = record + HEAD + length
            if table.numbers[at] == 0:
                table.numbers[at] = table.used[0]
            number = table.numbers[at]
        row[numbered_at] = (U(number) << U(PLACE_BITS)) | U(offset + line)
        for j in range(words):
            out.rows[partition, count, j] = row[j]
        out.counts[partition] = count + 1
    return 0, 0


@njit(nogil=True, _nrt=False)
def _stopped(
    batch: Batch, is_conn: bool, table: Table, offset: int, out: Out, line: int, status: int
) -> tuple[int, int]:
    """Write out what waits; return where reading stops and why: at `line`, unless a row that waited stops it before."""
    earlier, why = _empty(batch, is_conn, table, offset, out)
    if why >= 0:
        return line, status
    while out.used[0] > 0 and out.odd[out.used[0] - 1] >= offset + earlier:
        out.used[0] -= 1  # it comes again
    return earlier, why


@njit(nogil=True, cache=True, _nrt=False)
def take_lines(
    data: NDArray[np.uint8],
    begin: int,
    stop: int,
    limit: int,
    offset: int,
    log: Log,
    is_conn: bool,
    table: Table,
    batch: Batch,
    out: Out,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> tuple[int, int]:
    """Take every line that starts in `begin`..`stop`; return where it stopped and a status, negative if early.

    `offset` is where `data` starts in all files together. Bytes up to `limit` are there, and SPARE more. `starts` and
    `ends` are memory for the cells of a line.
    """
    at = begin
    while at < stop:
        after = cut(data, at, limit, log.delimiter, ends)
        length: Any = ODD
        waiting = batch.used[0]
        if after > 0 and data[at] != _HASH:
            starts[0] = at
            for i in range(1, len(ends)):
                starts[i] = ends[i - 1] + 1
            row, key = batch.rows[waiting], batch.keys[waiting]
            if is_conn:
                length = _conn_row(data, starts, ends, log, key, row)
            else:
                length = _ssl_row(data, starts, ends, log, key, row)
        if length >= 0:
            h = hashed(batch.keys[waiting], 0, length)
            batch.hashes[waiting] = h
            batch.numbers[waiting, 0], batch.numbers[waiting, 1] = length, at
            batch.used[0] = waiting + 1
            prefetch(table.slots, np.int64(h & U(len(table.slots) - 1)))
            if waiting + 1 == BATCH:
                line, status = _stopped(batch, is_conn, table, offset, out, after, 0)
                if status < 0:
                    return line, status
        else:
            after = end_of_line(data, at, limit)
            if after < 0 or after - at > MOST_LINE:
                return _stopped(batch, is_conn, table, offset, out, at, LONG)
            if out.used[0] == len(out.odd):
                return _stopped(batch, is_conn, table, offset, out, at, FULL_ODD)
            out.odd[out.used[0]] = offset + at
            out.used[0] += 1
        at = after
    return _stopped(batch, is_conn, table, offset, out, at, 0)
