"""Between Python, numpy and Arrow by the buffers themselves.

`pyarrow.array` and `Array.to_numpy` import pandas wherever it is installed, which costs an audit 0.3 s for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa


def strings(values: Sequence[str | None]) -> pa.Array:
    """Return a text column; None is null. Raises UnicodeEncodeError for lone surrogates."""
    import pyarrow as pa

    raw = [b"" if value is None else value.encode() for value in values]
    ends = np.cumsum([0, *map(len, raw)], dtype=np.int64)
    is_valid = np.array([value is not None for value in values], dtype=bool)
    bitmap = np.packbits(is_valid, bitorder="little")
    buffers = [pa.py_buffer(bitmap), pa.py_buffer(ends), pa.py_buffer(b"".join(raw))]
    return pa.Array.from_buffers(pa.large_string(), len(raw), buffers)


def integers(values: NDArray[np.int64]) -> pa.Array:
    """Return a column of 64-bit integers without nulls."""
    import pyarrow as pa

    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(np.ascontiguousarray(values, np.int64))])


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
