"""Whatever speaks Arrow is traffic: without a copy where it lies in memory, by way of a file where it is a stream."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from tests.traffic.conftest import Read, read

from residency.errors import InputError
from residency.traffic import spooled
from residency.traffic.tables import is_stream, spool, to_arrow

ROWS = 500


def table(rows: int = ROWS) -> pa.Table:
    seconds = [datetime.fromtimestamp(1_780_272_000 + row, UTC) for row in range(rows)]
    return pa.table(
        {
            "ts": pa.array(seconds, pa.timestamp("us", "UTC")),
            "server_ip": [f"81.2.69.{row % 7}" for row in range(rows)],
            "server_port": pa.array([443] * rows, pa.int32()),
            "bytes_sent": pa.array(range(rows), pa.int64()),
            "host": [None if row % 5 == 0 else f"a-name-longer-than-twelve-{row % 3}.example" for row in range(rows)],
        }
    )


class Capsule:
    """An object that only has the C stream interface, as nanoarrow's or another library's might; read once."""

    def __init__(self, whole: pa.Table) -> None:
        self._reader: pa.RecordBatchReader | None = whole.to_reader(max_chunksize=64)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        if self._reader is None:
            raise RuntimeError("this stream was read before")
        reader, self._reader = self._reader, None
        return reader.__arrow_c_stream__()


class OneArray:
    """An object that only has the C array interface: one record batch."""

    def __init__(self, whole: pa.Table) -> None:
        [self._batch] = whole.combine_chunks().to_batches()

    def __arrow_c_array__(self, requested_schema: object = None) -> object:
        return self._batch.__arrow_c_array__()


def dataset(folder: Path) -> ds.Dataset:
    pq.write_table(table().slice(0, 200), folder / "1.parquet")
    pq.write_table(table().slice(200), folder / "2.parquet")
    return ds.dataset(folder)


def relation(connection: duckdb.DuckDBPyConnection) -> Any:
    whole = table()  # noqa: F841 - DuckDB reads it by name
    connection.execute("CREATE TABLE flows AS SELECT * FROM whole")
    return connection.sql("SELECT * FROM flows ORDER BY ts")


IN_MEMORY: dict[str, Callable[[], Any]] = {
    "arrow": lambda: table(),
    "batch": lambda: table().combine_chunks().to_batches()[0],
    "chunks": lambda: pa.concat_tables([table().slice(0, 7), table().slice(7)]),
    "array": lambda: OneArray(table()),
    "polars": lambda: pl.DataFrame(table()),
    "polars, categories": lambda: pl.DataFrame(table()).with_columns(pl.col("host").cast(pl.Categorical)),
    "pandas": lambda: table().to_pandas(),
    "pandas, of Arrow": lambda: table().to_pandas(types_mapper=pd.ArrowDtype),
}
STREAMS: dict[str, Callable[[Path], Any]] = {
    "reader": lambda folder: table().to_reader(max_chunksize=100),
    "capsule": lambda folder: Capsule(table()),
    "dataset": dataset,
    "scanner": lambda folder: dataset(folder).scanner(columns=table().column_names),
    "lazy polars": lambda folder: pl.DataFrame(table()).lazy(),
    "duckdb": lambda folder: relation(duckdb.connect()),
    "duckdb, the shared one": lambda folder: duckdb.from_arrow(table()),
}


@pytest.fixture(scope="module")
def expected() -> Read:
    return read([table()])


@pytest.mark.parametrize("kind", IN_MEMORY)
def test_a_table_in_memory(kind: str, expected: Read) -> None:
    one = IN_MEMORY[kind]()
    assert not is_stream(one)
    result = read([one])
    assert result.groups == expected.groups
    if not kind.startswith("pandas"):  # which has its own ideas of times and gaps
        assert result.one.sha256 == expected.one.sha256


@pytest.mark.parametrize("kind", STREAMS)
def test_a_stream_can_be_read_twice(kind: str, expected: Read, tmp_path: Path) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    stream = STREAMS[kind](folder)
    assert is_stream(stream)
    with spooled([stream], str(tmp_path)) as given:
        for _ in range(2):
            result = read(given)
            assert result.groups == expected.groups
            assert result.one.sha256 == expected.one.sha256
    assert sorted(tmp_path.iterdir()) == [folder]  # nothing is left behind


@pytest.mark.parametrize("kind", STREAMS)
def test_a_stream_that_is_read_directly(kind: str, expected: Read, tmp_path: Path) -> None:
    assert read([STREAMS[kind](tmp_path)]).groups == expected.groups


def addresses(column: pa.ChunkedArray) -> set[int]:
    return {buffer.address for chunk in column.chunks for buffer in chunk.buffers() if buffer is not None}


def test_what_lies_in_memory_is_not_copied() -> None:
    whole = table()
    assert to_arrow(whole, "") is whole
    batch = whole.combine_chunks().to_batches()[0]
    for one in (batch, OneArray(whole)):
        taken = to_arrow(one, "")
        batch = one if isinstance(one, pa.RecordBatch) else one._batch
        assert addresses(taken["host"]) == addresses(pa.chunked_array([batch["host"]]))


def test_frames_are_taken_by_their_buffers() -> None:
    seconds = np.arange(ROWS, dtype=np.int64)
    frame = pd.DataFrame({"bytes_sent": seconds, "ts": pd.to_datetime(seconds, unit="s", utc=True)}, copy=False)
    assert frame["bytes_sent"].to_numpy().ctypes.data in addresses(to_arrow(frame, "")["bytes_sent"])
    gc.collect()
    before = pa.total_allocated_bytes()
    taken = to_arrow(frame, "")
    assert (pa.total_allocated_bytes(), len(taken)) == (before, ROWS)

    polar = pl.DataFrame(table())
    gc.collect()
    before = pa.total_allocated_bytes()
    taken = to_arrow(polar, "")
    assert pa.total_allocated_bytes() == before
    assert addresses(taken["host"]) == addresses(pa.table(polar)["host"])


def test_a_stream_takes_no_memory_of_arrow(tmp_path: Path) -> None:
    one = table(1000).combine_chunks().to_batches()[0]
    count = 400

    def batches() -> Iterator[pa.RecordBatch]:
        for _ in range(count):
            yield one

    gc.collect()
    before = pa.total_allocated_bytes()
    mapped = spool(pa.RecordBatchReader.from_batches(one.schema, batches()), "", str(tmp_path))
    assert mapped.nbytes > 20_000_000
    assert pa.total_allocated_bytes() - before < mapped.nbytes / 20
    assert len(mapped) == count * len(one)


def test_a_relation_of_a_connection_that_is_in_use(expected: Read) -> None:
    connection = duckdb.connect()
    one = relation(connection)
    connection.execute("BEGIN")
    connection.execute("INSERT INTO flows SELECT * FROM flows LIMIT 0")
    pending = connection.cursor().execute("SELECT * FROM range(10000000)")
    assert read([one]).groups == expected.groups
    assert pending.fetchone() == (0,)
    connection.execute("COMMIT")
    assert read([connection.sql("FROM flows"), connection.sql("FROM flows")]).inputs[1].duplicate == ROWS


def test_a_column_is_no_member_of_a_stream() -> None:
    assert not is_stream(pd.DataFrame({"scanner": [1], "sink_ipc": [2]}))


def test_what_breaks_is_an_error_with_a_name(tmp_path: Path) -> None:
    def broken() -> Iterator[pa.RecordBatch]:
        yield table().to_batches()[0]
        raise ValueError("the well is dry")

    failing = duckdb.connect().sql(
        "SELECT CASE WHEN i > 5000 THEN error('boom') ELSE i END AS ts FROM range(9999) t(i)"
    )
    lazy = pl.LazyFrame({"ts": [1]}).select(pl.col("server_ip"))
    reader = pa.RecordBatchReader.from_batches(table().schema, broken())
    for stream, what in ((failing, "boom"), (lazy, "polars cannot compute it"), (reader, "the well is dry")):
        with pytest.raises(InputError, match=what) as caught, spooled([table(), stream], str(tmp_path)):
            pass
        assert caught.value.path == "<table 2>"
    once = Capsule(table())
    read([once])
    with pytest.raises(InputError, match="was read before"):
        read([once])
    with pytest.raises(InputError, match="cannot be read as a table"):
        read([pa.chunked_array([[1, 2]])])
