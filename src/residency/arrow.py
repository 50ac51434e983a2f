"""Between Python, numpy and Arrow by the buffers themselves.

`pyarrow.array` and `Array.to_numpy` import pandas wherever it is installed, only to look at what they are given. That
costs an audit 0.3 s for nothing, more than a capture of a hundred thousand packets.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

Numbers = NDArray[np.int64] | NDArray[np.int32] | NDArray[np.float64]


def numbers(kind: pa.DataType, values: Numbers, is_null: NDArray[np.bool_] | None = None) -> pa.Array:
    """Return a column of `kind`, a type as wide as the values are."""
    import pyarrow as pa

    return pa.Array.from_buffers(kind, len(values), [_validity(is_null), pa.py_buffer(np.ascontiguousarray(values))])


def integers(values: NDArray[np.int64]) -> pa.Array:
    """Return a column of 64-bit integers without nulls."""
    import pyarrow as pa

    return numbers(pa.int64(), values.astype(np.int64, copy=False))


def booleans(values: NDArray[np.bool_], is_null: NDArray[np.bool_]) -> pa.Array:
    """Return a column of booleans."""
    import pyarrow as pa

    bits = pa.py_buffer(np.packbits(values, bitorder="little"))
    return pa.Array.from_buffers(pa.bool_(), len(values), [_validity(is_null), bits])


def texts(values: Sequence[str | None], *, is_large: bool = False) -> pa.Array:
    """Return a column of texts, None for null; `is_large` for over 2 GiB of them.

    Raises UnicodeEncodeError for lone surrogates.
    """
    filled = [value or "" for value in values]
    joined = "".join(filled)
    data = joined.encode()
    if len(data) != len(joined):
        lengths = np.fromiter((len(value.encode()) for value in filled), np.int64, len(filled))
    else:
        lengths = np.fromiter(map(len, filled), np.int64, len(filled))
    is_null = np.array([value is None for value in values], np.bool_) if None in values else None
    return _texts(lengths, data, is_null, is_large=is_large)


def chosen_texts(words: Sequence[str | None], choice: NDArray[np.integer[Any]]) -> pa.Array:
    """Return a column of few words, chosen by number; None for null."""
    encoded = [(word or "").encode() for word in words]
    lengths = np.array([len(word) for word in encoded], np.int64)
    table = np.zeros((len(words), max(lengths)), np.uint8)
    for row, word in zip(table, encoded, strict=True):
        row[: len(word)] = np.frombuffer(word, np.uint8)
    is_used = np.arange(table.shape[1]) < lengths[choice][:, None]
    is_null = np.array([word is None for word in words], np.bool_)[choice]
    return _texts(lengths[choice], table[choice][is_used], is_null)


def lists_of_texts(values: Sequence[Sequence[str]]) -> pa.Array:
    """Return a column of lists of texts."""
    import pyarrow as pa

    lengths = np.fromiter(map(len, values), np.int64, len(values))
    inner = texts(list(chain.from_iterable(values)))
    buffers = [None, pa.py_buffer(_offsets(lengths).astype(np.int32))]
    return pa.Array.from_buffers(pa.list_(pa.string()), len(values), buffers, children=[inner])


def as_numpy(column: Any, missing: int | None = None) -> NDArray[Any]:
    """Return the values of an Arrow array of integers or dates (as datetime64), nulls as `missing`.

    Raises ValueError for nulls where `missing` is None.
    """
    validity, values = column.buffers()
    dtype = np.dtype(f"{'u' if str(column.type).startswith('u') else 'i'}{column.type.bit_width // 8}")
    mine = slice(column.offset, column.offset + len(column))
    found: NDArray[Any] = np.frombuffer(values, dtype=dtype)[mine] if len(column) else np.zeros(0, dtype)
    if str(column.type) == "date32[day]":
        found = found.astype("datetime64[D]")
    if not column.null_count:
        return found
    if missing is None:
        raise ValueError("a null in a column that has none")
    is_valid = np.unpackbits(np.frombuffer(validity, np.uint8), bitorder="little")[mine].astype(bool)
    return np.where(is_valid, found, np.asarray(missing, dtype))


def _texts(
    lengths: NDArray[np.int64],
    data: bytes | NDArray[np.uint8],
    is_null: NDArray[np.bool_] | None,
    *,
    is_large: bool = False,
) -> pa.Array:
    import pyarrow as pa

    kind, offsets = (pa.large_string(), np.int64) if is_large else (pa.string(), np.int32)
    buffers = [_validity(is_null), pa.py_buffer(_offsets(lengths).astype(offsets)), pa.py_buffer(data)]
    return pa.Array.from_buffers(kind, len(lengths), buffers)


def _offsets(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _validity(is_null: NDArray[np.bool_] | None) -> pa.Buffer | None:
    import pyarrow as pa

    return None if is_null is None else pa.py_buffer(np.packbits(~is_null, bitorder="little"))
