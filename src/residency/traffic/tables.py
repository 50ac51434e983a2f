"""Any table object -> an Arrow table that can be read twice, and the digest of its content.

What lies in memory is taken as it is, by its own buffers. What is a stream (it may be read only once, and may be larger
than memory) goes into a temporary file of Arrow's stream format, which is mapped into memory and read from there.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from residency.errors import InputError
from residency.traffic.engine import first_line

if TYPE_CHECKING:
    import pyarrow as pa

_STREAMS = ("fetch_arrow_reader", "sink_ipc", "to_reader", "scanner", "read_next_batch")
"""Members of streams: relations of DuckDB, frames that polars has yet to compute, scanners, datasets and readers."""

_HASHED_ROWS = 1 << 20  # at a time


def is_stream(table: Any) -> bool:
    """Can it perhaps be read only once? So is whatever offers a stream and cannot tell its length."""
    import pyarrow as pa

    if isinstance(table, pa.Table | pa.RecordBatch):
        return False
    kind = type(table)  # not the object: each column of a pandas frame is an attribute of it
    return any(hasattr(kind, name) for name in _STREAMS) or (
        hasattr(kind, "__arrow_c_stream__") and not hasattr(kind, "__len__")
    )


def to_arrow(table: Any, path: str) -> pa.Table:
    """Return any table object as an Arrow table in memory; raises InputError for what is none."""
    import pyarrow as pa

    if isinstance(table, pa.Table):
        return table
    with _seam(path):
        if is_stream(table):
            with tempfile.TemporaryDirectory(prefix="residency-", ignore_cleanup_errors=True) as folder:
                return spool(table, path, folder)
        if hasattr(table, "__arrow_c_stream__"):
            return pa.table(table)
        if hasattr(table, "__arrow_c_array__"):
            return pa.Table.from_batches([pa.record_batch(table)])
    raise InputError(f"a {type(table).__name__} is neither a path nor a table (Arrow, pandas, polars)", path=path)


def spool(stream: Any, path: str, folder: str) -> pa.Table:
    """Return a stream as a table that lies in a file of `folder`, mapped into memory."""
    import pyarrow as pa

    handle, file = tempfile.mkstemp(suffix=".arrow", dir=folder)
    os.close(handle)
    with _seam(path):
        if hasattr(stream, "sink_ipc"):
            return _computed(stream, path, file)
        with _reader(stream) as reader, pa.ipc.new_stream(file, reader.schema) as writer:
            for batch in reader:
                writer.write_batch(batch)
        return pa.ipc.open_stream(pa.memory_map(file)).read_all()


def _computed(lazy: Any, path: str, file: str) -> pa.Table:
    """Let polars write what it computes, piece by piece."""
    import pyarrow as pa
    from polars.exceptions import PolarsError

    try:
        lazy.sink_ipc(file, compression="uncompressed")
    except PolarsError as error:
        raise InputError(f"polars cannot compute it: {first_line(error)}", path=path) from error
    return pa.ipc.open_file(pa.memory_map(file)).read_all()


def _reader(stream: Any) -> pa.RecordBatchReader:
    import pyarrow as pa

    if hasattr(stream, "scanner"):
        stream = stream.scanner()
    if hasattr(stream, "to_reader"):
        return stream.to_reader()
    return stream if hasattr(stream, "read_next_batch") else pa.RecordBatchReader.from_stream(stream)


@contextmanager
def _seam(path: str) -> Iterator[None]:
    """Turn what Arrow, or the program behind a stream, raises into our error."""
    import pyarrow as pa

    try:
        yield
    except InputError:
        raise
    except (pa.ArrowException, OSError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"cannot be read as a table: {first_line(error)}", path=path) from error


def digest(table: pa.Table) -> str:
    """Return the sha256 of a table's Arrow stream, the same however it is cut into chunks and texts are encoded."""
    import pyarrow as pa

    class _Sink:
        closed = False

        def __init__(self) -> None:
            self.hash = hashlib.sha256()

        def write(self, data: bytes) -> int:
            self.hash.update(data)
            return len(data)

        def flush(self) -> None:
            return

        def close(self) -> None:
            return

    sink = _Sink()
    schema = pa.schema([(field.name, _plain(field.type)) for field in table.schema])
    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), schema) as writer:
        for start in range(0, table.num_rows, _HASHED_ROWS):
            piece = table.slice(start, _HASHED_ROWS)
            # Copied, even if it is whole: of a slice Arrow writes some bytes of its neighbours too.
            columns = [
                pa.concat_arrays([_as_plain(chunk, kind) for chunk in column.chunks])
                for column, kind in zip(piece.columns, schema.types, strict=True)
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
    return sink.hash.hexdigest()


def _plain(kind: pa.DataType) -> pa.DataType:
    """Return the type in which a column is hashed: a text is a text and an instant an instant, however held."""
    import pyarrow as pa

    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return pa.timestamp(kind.unit, "UTC")
    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    texts = (pa.string(), pa.large_string(), pa.string_view())
    return pa.large_string() if values in texts else kind


def _as_plain(chunk: pa.Array, kind: pa.DataType) -> pa.Array:
    import pyarrow as pa

    if pa.types.is_dictionary(chunk.type) and chunk.type != kind:
        chunk = pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(kind))
    return chunk.cast(kind)
