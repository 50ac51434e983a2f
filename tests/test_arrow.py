"""Between Arrow and numpy, held against pyarrow's own (slower) ways."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from residency.arrow import as_numpy, integers, texts


@pytest.mark.parametrize("values", [[], ["a"], [None], ["", None, "ñ€😀", "x" * 100], [None] * 9 + ["z"]])
@pytest.mark.parametrize("is_large", [False, True])
def test_texts(values: list[str | None], *, is_large: bool) -> None:
    column = texts(values, is_large=is_large)
    assert column.type == (pa.large_string() if is_large else pa.string())
    assert column.to_pylist() == values
    column.validate(full=True)


def test_integers() -> None:
    values = np.array([-1, 0, 2**62], np.int64)
    assert integers(values).to_pylist() == values.tolist()
    assert integers(values[::2]).to_pylist() == [-1, 2**62]


@pytest.mark.parametrize("kind", [pa.uint8(), pa.int32(), pa.uint32(), pa.int64(), pa.uint64(), pa.date32()])
def test_as_numpy(kind: pa.DataType) -> None:
    column = pa.array([3, 1, 2, 250 if kind == pa.uint8() else 400], pa.int64()).cast(pa.int32()).cast(kind)
    for part in (column, column[1:3], column[:0]):
        np.testing.assert_array_equal(as_numpy(part), part.to_numpy(zero_copy_only=False))


def test_nulls_become_what_is_missing() -> None:
    column = pa.array([1, None, 3, None], pa.int32())
    assert as_numpy(column, -1).tolist() == [1, -1, 3, -1]
    assert as_numpy(column[1:], -1).tolist() == [-1, 3, -1]
    with pytest.raises(ValueError, match="null"):
        as_numpy(column)
