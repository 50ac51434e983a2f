"""Takes the groups out of a table again: texts, numbers and sums, as columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from residency.arrow import booleans, integers, numbers
from residency.traffic.quick.cells import ODD
from residency.traffic.quick.rows import (
    FIRST,
    LAST,
    LENGTH_BITS,
    NULL_LENGTH,
    RECEIVED,
    RECORDS,
    SENT,
    SENT_UNKNOWN,
    SUMS,
    UNSAID,
    YES,
    merge,
)
from residency.traffic.quick.table import FULL, HEAD, LENGTH, Table, grown

if TYPE_CHECKING:
    import pyarrow as pa

_PERIOD, _LENGTHS, _TEXT = 0, 1, 2  # words of a key


class OddError(Exception):
    """Something that compiled loops do not judge: the exact readers must look."""


def _refuse(_: int) -> int:
    raise OddError


def run_to_end(
    step: Callable[[int], tuple[int, int]],
    begin: int,
    grow: Callable[[], None],
    skip: Callable[[int], int] = _refuse,
) -> None:
    """Repeat a compiled loop from where it stopped, with more room each time, to its end; raises OddError.

    `skip` takes note of what is odd and returns where to go on.
    """
    at, status = step(begin)
    while status in (FULL, ODD):
        if status == FULL:
            grow()
        else:
            at = skip(at)
        at, status = step(at)
    if status < 0:
        raise OddError


def merged(tables: Sequence[Table]) -> Table:
    """Return one table with the groups of all; raises OddError."""
    kept = [max(tables, key=lambda table: int(table.used[0]))]

    def grow() -> None:
        kept[0] = grown(kept[0])

    def join(table: Table) -> None:
        run_to_end(lambda at: merge(table, at, kept[0]), 0, grow)

    largest = kept[0]
    for table in tables:
        if table is not largest:
            join(table)
    return kept[0]


def as_columns(table: Table, names: Sequence[str]) -> pa.Table:
    """Return the groups as columns of `by_input`, `names` being those of the key columns; raises OddError."""
    import pyarrow as pa

    count = int(table.used[0])
    heads, sums = np.empty((count, 2), np.int64), np.empty((count, SUMS), np.int64)
    places = np.empty(count, np.int64)
    _lay_out(table, places, heads, sums)
    answered = heads[:, _PERIOD] & 3
    columns: dict[str, Any] = {
        name: _key_column(table, places, heads[:, _LENGTHS], number) for number, name in enumerate(names)
    }
    columns["answered"] = booleans(answered == YES, answered == UNSAID)
    columns["period"] = integers(heads[:, _PERIOD] >> 2)
    records = sums[:, RECORDS]
    unknown = {"bytes_sent": sums[:, SENT_UNKNOWN], "bytes_received": np.where(answered == UNSAID, records, 0)}
    for name, place in (("bytes_sent", SENT), ("bytes_received", RECEIVED)):
        columns[name] = numbers(pa.int64(), sums[:, place], unknown[name] == records)
    columns["records"] = integers(records)
    columns["sent_unknown"] = integers(unknown["bytes_sent"])
    columns["received_unknown"] = integers(unknown["bytes_received"])
    columns["first_us"], columns["last_us"] = integers(sums[:, FIRST]), integers(sums[:, LAST])
    return pa.table(list(columns.values()), names=list(columns))


def distinct_texts(tables: Iterable[Table]) -> pa.Array:
    """Return the texts that tables with one word of length before each text hold; raises OddError."""
    import pyarrow as pa

    found = []
    for table in tables:
        count = int(table.used[0])
        places = np.empty(count, np.int64)
        _lay_out(table, places, np.empty((count, 2), np.int64), np.empty((count, 0), np.int64))
        lengths = table.numbers[places + HEAD]
        found.append(_texts(table, places + HEAD + 1, lengths, np.zeros(count, np.bool_)))
    return pa.concat_arrays(found)


def _key_column(table: Table, places: NDArray[np.int64], lengths: NDArray[np.int64], number: int) -> pa.Array:
    mask = (1 << LENGTH_BITS) - 1
    sizes = [(lengths >> (LENGTH_BITS * i)) & mask for i in range(number + 1)]
    at = places + HEAD + _TEXT
    for size in sizes[:-1]:
        at = at + np.where(size == NULL_LENGTH, 0, (size + 7) // 8)
    is_null = sizes[-1] == NULL_LENGTH
    return _texts(table, at, np.where(is_null, 0, sizes[-1]), is_null)


def _texts(table: Table, at: NDArray[np.int64], lengths: NDArray[np.int64], is_null: NDArray[np.bool_]) -> pa.Array:
    import pyarrow as pa

    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    data = np.empty(int(offsets[-1]), np.uint8)
    copy_texts(table.words.view(np.uint8), 8 * at, offsets, data)
    validity = pa.py_buffer(np.packbits(~is_null, bitorder="little"))
    buffers = [validity, pa.py_buffer(offsets), pa.py_buffer(data)]
    column = pa.Array.from_buffers(pa.large_string(), len(lengths), buffers)
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:  # not UTF-8
        raise OddError from error
    return column


@njit(nogil=True, cache=True, _nrt=False)
def _lay_out(table: Table, places: NDArray[np.int64], heads: NDArray[np.int64], sums: NDArray[np.int64]) -> None:
    """Write where each record is, the first two words of its key, and its sums."""
    place = 0
    for i in range(len(places)):
        places[i] = place
        length = table.numbers[place + LENGTH]
        heads[i, 0] = table.numbers[place + HEAD]
        heads[i, 1] = table.numbers[place + HEAD + 1]
        for j in range(sums.shape[1]):
            sums[i, j] = table.numbers[place + HEAD + length + j]
        place += HEAD + length + table.sums


@njit(nogil=True, cache=True, _nrt=False)
def copy_texts(
    source: NDArray[np.uint8], places: NDArray[np.int64], offsets: NDArray[np.int64], data: NDArray[np.uint8]
) -> None:
    """Copy the texts that start at these bytes of `source` to where `offsets` says in `data`."""
    for i in range(len(places)):
        for j in range(offsets[i + 1] - offsets[i]):
            data[offsets[i] + j] = source[places[i] + j]
