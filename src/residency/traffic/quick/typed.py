"""Groups columns that have types: Parquet files row group by row group, tables in memory batch by batch."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from residency.arrow import as_numpy
from residency.traffic.columns import LAST_US
from residency.traffic.quick.columns import NULL, Keys, keep_clients, take_columns
from residency.traffic.quick.result import OddError
from residency.traffic.quick.workers import Found, Worker, share
from residency.traffic.records import TIME_UNITS

_KEYS = ("server_ip", "server_port", "proto", "host", "named_by", "vantage")
_ROWS = 1 << 17
_NOTHING = np.zeros(0, np.int64)
_MOST_COUNT = 1 << 61


@dataclass(frozen=True, slots=True)
class Columns:
    """Our names of columns -> those of the table; `time_unit` is of whole numbers, `cuts` of periods."""

    names: Mapping[str, str]
    numeric: frozenset[str]
    time_unit: str
    cuts: Sequence[int]

    def key_names(self) -> list[str]:
        """Return the names of the key columns in the order of their cells in a key."""
        return [name for name in _KEYS if name in self.names]


def group_parquet(file: str, columns: Columns, threads: int) -> Found | None:
    """Group a Parquet file; None where a closer look is needed. Raises pyarrow's exceptions for a broken one."""
    metadata = pq.read_metadata(file)
    coded = _coded(
        metadata, [columns.names[name] for name in (*columns.key_names(), "client_ip") if name in columns.names]
    )
    wanted = list(dict.fromkeys(columns.names.values()))

    def begin(worker: Worker) -> Callable[[int], None]:
        reader = pq.ParquetFile(file, metadata=metadata, read_dictionary=coded, pre_buffer=False)

        def part(number: int) -> None:
            batches = reader.iter_batches(batch_size=_ROWS, row_groups=[number], columns=wanted, use_threads=False)
            _take(worker, columns, batches)

        return part

    return share(metadata.num_row_groups, threads, begin, columns.key_names(), columns.numeric)


def group_table(table: pa.Table, columns: Columns, threads: int) -> Found | None:
    """Group a table in memory; None where a closer look is needed."""
    batches = table.select(list(dict.fromkeys(columns.names.values()))).to_batches(max_chunksize=_ROWS)

    def begin(worker: Worker) -> Callable[[int], None]:
        def part(number: int) -> None:
            _take(worker, columns, _checked(batches[number]))

        return part

    return share(len(batches), threads, begin, columns.key_names(), columns.numeric)


def _checked(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Yield a batch once it is known that its offsets stay within its memory, for the loops follow them."""
    batch.validate(full=True)
    yield batch


def _coded(metadata: pq.FileMetaData, names: Sequence[str]) -> list[str]:
    """Return those columns of texts whose values the file holds once each, in its first row group."""
    if not metadata.num_row_groups:
        return []
    group = metadata.row_group(0)
    found = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    is_text = {n: c.physical_type == "BYTE_ARRAY" for n, c in found.items()}
    return [n for n in names if n in found and is_text[n] and any("DICTIONARY" in e for e in found[n].encodings)]


def _take(worker: Worker, columns: Columns, batches: Iterable[pa.RecordBatch]) -> None:
    try:
        for batch in batches:
            _take_batch(worker, columns, batch)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise OddError from error


def _take_batch(worker: Worker, columns: Columns, batch: pa.RecordBatch) -> None:
    def column(name: str) -> Any:
        return batch.column(columns.names[name])

    ts = _times(column("ts"), columns.time_unit)
    counts = [_counts(column(name)) if name in columns.names else _NOTHING for name in ("bytes_sent", "bytes_received")]
    if "client_ip" in columns.names:
        _keep_clients(worker, column("client_ip"))
    if column("server_ip").null_count:
        raise OddError
    held: list[Any] = []
    found = [
        _numbers(column(n), held) if n in columns.numeric else _texts(column(n), held) for n in columns.key_names()
    ]
    keys = Keys(*(np.array(part, np.int64) for part in zip(*found, strict=True)))
    cuts = np.array(columns.cuts, np.int64)
    worker.run(lambda at: take_columns(at, ts, *counts, keys, cuts, worker.batch, worker.groups), 0)
    del held  # the memory that `keys` speaks of


def _times(column: Any, unit: str) -> NDArray[np.int64]:
    """Return microseconds, all in range; raises OddError."""
    kind = column.type
    if column.null_count:
        raise OddError
    values = as_numpy(column.cast(pa.int64()))
    scale = TIME_UNITS[kind.unit if pa.types.is_timestamp(kind) else unit]
    if len(values) and (values.min() < 0 or values.max() >= (LAST_US // scale if scale else LAST_US * 1000)):
        raise OddError
    return _own(values * scale if scale else values // 1000)


def _counts(column: Any) -> NDArray[np.int64]:
    """Return counts with NULL for null; raises OddError for what is none."""
    values = as_numpy(column.cast(pa.int64()), missing=0)
    if len(values) and (values.min() < 0 or values.max() >= _MOST_COUNT):
        raise OddError
    if column.null_count:
        values = np.where(_is_null(column), NULL, values)
    return _own(values)


def _own(values: NDArray[Any]) -> NDArray[np.int64]:
    """Return an array of one type for the loops, which are compiled anew for another one."""
    return np.require(values, np.int64, ("C", "W"))


def _numbers(column: Any, held: list[Any]) -> tuple[int, int, int, int]:
    """Return (data, end, offsets, choices) of a column of small whole numbers."""
    values = as_numpy(column.cast(pa.int32()), missing=0)
    if len(values) and values.min() < 0:
        raise OddError
    return 0, 0, 0, _held(np.where(_is_null(column), NULL, values) if column.null_count else values, held)


def _texts(column: Any, held: list[Any]) -> tuple[int, int, int, int]:
    """Return (data, end, offsets, choices) of a column of texts."""
    choices = 0
    texts = column
    if pa.types.is_dictionary(column.type):
        texts = column.dictionary
        indices = as_numpy(column.indices.cast(pa.int32()), missing=NULL)
        is_inside = not len(indices) or int(indices.max()) < len(texts)
        if texts.null_count or not is_inside or np.count_nonzero(indices < 0) != column.indices.null_count:
            raise OddError
        choices = _held(indices, held)
    elif column.null_count:
        choices = _held(np.where(_is_null(column), NULL, np.arange(len(column))), held)
    data, offsets = _memory(texts, held)
    return data.address, data.address + data.size, offsets.__array_interface__["data"][0], choices


def _memory(texts: Any, held: list[Any]) -> tuple[Any, NDArray[np.int32]]:
    """Return the bytes of a column of texts and where each starts, the end of the last one included."""
    texts = texts if pa.types.is_string(texts.type) else texts.cast(pa.string())
    _, places, data = texts.buffers()
    if data is None or not data.size:
        data, offsets = pa.py_buffer(bytes(8)), np.zeros(len(texts) + 1, np.int32)
    else:
        offsets = np.frombuffer(places, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    held += [texts, data, offsets]
    return data, offsets


def _held(values: NDArray[Any], held: list[Any]) -> int:
    array = np.ascontiguousarray(values, np.int32)
    held.append(array)
    return int(array.__array_interface__["data"][0])


def _is_null(column: Any) -> NDArray[np.bool_]:
    bits = np.unpackbits(np.frombuffer(column.buffers()[0], np.uint8), bitorder="little")
    return bits[column.offset : column.offset + len(column)] == 0


def _keep_clients(worker: Worker, column: Any) -> None:
    """Keep the texts of clients that need a look; of a coded column each distinct one is seen once."""
    texts = column.dictionary if pa.types.is_dictionary(column.type) else column
    held: list[Any] = []
    data, offsets = _memory(texts, held)
    is_null = _is_null(texts) if texts.null_count else np.zeros(0, np.bool_)
    memory = np.ctypeslib.as_array((ctypes.c_uint8 * data.size).from_address(data.address))
    key = np.zeros(256, np.uint64)
    places = np.require(offsets, np.int32, ("C", "W"))
    worker.run(lambda at: keep_clients(at, len(texts), memory, places, is_null, key, worker.clients), 0)
