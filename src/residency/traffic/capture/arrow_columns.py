"""Builds Arrow columns from their buffers: `pyarrow.array` imports all of pandas, where that is installed, to look at
what it is given, which takes longer than a capture of a hundred thousand packets."""

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


def booleans(values: NDArray[np.bool_], is_null: NDArray[np.bool_]) -> pa.Array:
    """Return a column of booleans."""
    import pyarrow as pa

    bits = pa.py_buffer(np.packbits(values, bitorder="little"))
    return pa.Array.from_buffers(pa.bool_(), len(values), [_validity(is_null), bits])


def texts(values: Sequence[str | None]) -> pa.Array:
    """Return a column of texts, None for null."""
    filled = [value or "" for value in values]
    joined = "".join(filled)
    data = joined.encode()
    if len(data) != len(joined):
        lengths = np.fromiter((len(value.encode()) for value in filled), np.int64, len(filled))
    else:
        lengths = np.fromiter(map(len, filled), np.int64, len(filled))
    is_null = np.array([value is None for value in values], np.bool_) if None in values else None
    return _strings(lengths, data, is_null)


def chosen_texts(words: Sequence[str | None], choice: NDArray[np.integer[Any]]) -> pa.Array:
    """Return a column of few words, chosen by number; None for null."""
    encoded = [(word or "").encode() for word in words]
    lengths = np.array([len(word) for word in encoded], np.int64)
    table = np.zeros((len(words), max(lengths)), np.uint8)
    for row, word in zip(table, encoded, strict=True):
        row[: len(word)] = np.frombuffer(word, np.uint8)
    is_used = np.arange(table.shape[1]) < lengths[choice][:, None]
    is_null = np.array([word is None for word in words], np.bool_)[choice]
    return _strings(lengths[choice], table[choice][is_used], is_null)


def lists_of_texts(values: Sequence[Sequence[str]]) -> pa.Array:
    """Return a column of lists of texts."""
    import pyarrow as pa

    lengths = np.fromiter(map(len, values), np.int64, len(values))
    inner = texts(list(chain.from_iterable(values)))
    buffers = [None, pa.py_buffer(_offsets(lengths))]
    return pa.Array.from_buffers(pa.list_(pa.string()), len(values), buffers, children=[inner])


def _strings(
    lengths: NDArray[np.int64], data: bytes | NDArray[np.uint8], is_null: NDArray[np.bool_] | None
) -> pa.Array:
    import pyarrow as pa

    buffers = [_validity(is_null), pa.py_buffer(_offsets(lengths)), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.string(), len(lengths), buffers)


def _offsets(lengths: NDArray[np.int64]) -> NDArray[np.int32]:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)


def _validity(is_null: NDArray[np.bool_] | None) -> pa.Buffer | None:
    import pyarrow as pa

    return None if is_null is None else pa.py_buffer(np.packbits(~is_null, bitorder="little"))
