"""Tables whose rows are read where they lie, part by part: what a part comes to, and how all of them become one input.

1. `read_parts` runs where the rows are: it reads them with this package's own engine, as strictly as a local table.
2. Whoever spread the work (`residency.spark`) adds up what has the same `KEYS`, as `SUMS`, `FIRST` and `LAST` say.
3. `load_parts` takes the result as one input.

Rows never leave their place: a part is the sums of its distinct keys as written, and the records it put aside.
"""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from residency.errors import InputError, LimitError, ResidencyError, UsageError
from residency.limits import LIMITS
from residency.traffic.aggregate import BY_INPUT
from residency.traffic.distinct import Distinct
from residency.traffic.engine import connect, scalar, seam
from residency.traffic.naming import Naming
from residency.traffic.plain import Loader
from residency.traffic.records import ReadOptions, Tally
from residency.traffic.tables import digest
from residency.traffic.typed_format import TableSource

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_GROUP_KEYS = {
    "server_ip": "VARCHAR",
    "server_port": "VARCHAR",
    "proto": "VARCHAR",
    "host": "VARCHAR",
    "named_by": "VARCHAR",
    "answered": "BOOLEAN",
    "period": "INTEGER",
    "vantage": "VARCHAR",
    "rtt_kind": "VARCHAR",
}
KEYS = {"what": "VARCHAR", **_GROUP_KEYS, "reason": "VARCHAR", "value": "VARCHAR"}
"""What tells the rows of parts apart. `what` is one of `flows`, `quarantined`, `duplicate`, `failed`."""
SUMS = {
    "records": "BIGINT",
    **dict.fromkeys(("flows", "bytes_sent", "bytes_received", "sent_unknown", "received_unknown"), "DECIMAL(38, 0)"),
    "rtt_samples": "BIGINT",
    "rtt_dropped": "BIGINT",
}
FIRST = {"first_us": "BIGINT", "min_rtt_ms": "DOUBLE"}
LAST = {"last_us": "BIGINT"}
COLUMNS = {**KEYS, **SUMS, **FIRST, **LAST}
"""The columns of a part and their SQL types. DECIMAL(38, 0) holds what DuckDB sums up as HUGEINT."""

_CHUNK_BYTES = 64 << 20  # so much is read at a time: enough for few SQL statements a row, little beside an executor


class Spread(ABC):
    """A table that lies elsewhere."""

    format: str

    @abstractmethod
    def empty(self) -> pa.Table:
        """Return the columns without rows; raises InputError for what can be no flow table."""

    @abstractmethod
    def parts(self, cuts_us: Sequence[int], options: ReadOptions) -> pa.Table:
        """Return what `read_parts` came to wherever rows are, added up by `KEYS`."""


# -- where the rows are ----------------------------------------------------------------------------------------------


def read_parts(
    batches: Iterable[pa.RecordBatch], *, cuts_us: Sequence[int], options: ReadOptions
) -> Iterator[pa.RecordBatch]:
    """Read the rows of one part and return what they come to, as batches with the columns `COLUMNS`.

    Rows of one `flow_id` must all be in one part; the first good one counts. An error of this package becomes a row
    `failed`, for between machines only values survive as they are: `load_parts` raises it again.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="residency-", dir=options.temp_dir) as folder:
            connection = connect(options, folder)
            try:
                yield from _read(connection, batches, cuts_us, options, folder)
            finally:
                connection.close()
    except ResidencyError as error:
        yield from failed(error)


def _read(
    connection: duckdb.DuckDBPyConnection,
    batches: Iterable[pa.RecordBatch],
    cuts_us: Sequence[int],
    options: ReadOptions,
    folder: str,
) -> Iterator[pa.RecordBatch]:
    connection.execute(BY_INPUT)
    distinct = Distinct(connection)
    loader = Loader(connection, distinct, Naming(connection, distinct), cuts_us, options.time_unit, folder)
    duplicates = 0
    for number, chunk in enumerate(_chunks(batches)):
        tally = Tally(path="", format="table")
        loader.take(number, TableSource(chunk, "", connection), tally)
        duplicates += tally.duplicate
    with seam("", "adding up a part"):
        found = connection.sql(_PART, params=[LIMITS.max_value_characters + 1, duplicates]).to_arrow_table()
    yield from found.to_batches()


def _typed(values: dict[str, str]) -> str:
    return ", ".join(f"CAST({values.get(name, 'NULL')} AS {kind}) AS {name}" for name, kind in COLUMNS.items())


_FLOWS = _typed(
    {"what": "'flows'", **{name: name for name in _GROUP_KEYS}}
    | {name: f"sum({name})" for name in SUMS}
    | {name: f"min({name})" for name in FIRST}
    | {name: f"max({name})" for name in LAST}
)
# One character more than is shown, so that a longer value still shows that it was cut.
_ASIDE = _typed({"what": "'quarantined'", "reason": "reason", "value": "left(value, ?)", "records": "count(*)"})
_DUPLICATE = _typed({"what": "'duplicate'", "records": "duplicates"})
_PART = f"""
SELECT {_FLOWS} FROM by_input GROUP BY {", ".join(_GROUP_KEYS)}
UNION ALL SELECT {_ASIDE} FROM quarantine GROUP BY ALL
UNION ALL SELECT {_DUPLICATE} FROM (SELECT ? AS duplicates) WHERE duplicates > 0"""  # noqa: S608 - constants only


def _chunks(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Return tables of some size: batches are often of 10,000 rows, and each table costs several statements."""
    import pyarrow as pa

    waiting: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        waiting.append(batch)
        size += batch.nbytes
        if size >= _CHUNK_BYTES:
            yield pa.Table.from_batches(waiting)
            waiting, size = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting)


def failed(error: ResidencyError) -> Iterator[pa.RecordBatch]:
    """Return the row that tells of an error which stopped a part."""
    import pyarrow as pa

    row = {"what": "failed", "reason": type(error).__name__, "value": error.what, "records": 1}
    yield pa.RecordBatch.from_pylist([row], part_schema())


def part_schema() -> pa.Schema:
    """Return the columns of a part as Arrow has them."""
    import pyarrow as pa

    types = {
        "VARCHAR": pa.string(),
        "BOOLEAN": pa.bool_(),
        "INTEGER": pa.int32(),
        "BIGINT": pa.int64(),
        "DOUBLE": pa.float64(),
        "DECIMAL(38, 0)": pa.decimal128(38, 0),
    }
    return pa.schema([(name, types[kind]) for name, kind in COLUMNS.items()])


# -- where they come together ----------------------------------------------------------------------------------------

_ERRORS = {kind.__name__: kind for kind in (InputError, LimitError, UsageError)}

_NOT_PERIOD = ", ".join(name for name in KEYS if name != "period")
_IDENTITY = f"""
SELECT {_NOT_PERIOD}, {", ".join(f"CAST(sum({name}) AS {kind}) AS {name}" for name, kind in SUMS.items())},
  {", ".join(f"min({name}) AS {name}" for name in FIRST)}, {", ".join(f"max({name}) AS {name}" for name in LAST)}
FROM incoming GROUP BY {_NOT_PERIOD}
ORDER BY {", ".join(f"{name} NULLS FIRST" for name in KEYS if name != "period")}"""  # noqa: S608 - constants only

_FLOWS_COLUMNS = ", ".join(name for name in COLUMNS if name not in ("what", "reason", "value"))
_LOAD_FLOWS = f"""
INSERT INTO by_input (input, int_address, {_FLOWS_COLUMNS}, is_good)
SELECT ?, ?, {_FLOWS_COLUMNS}, true FROM incoming WHERE what = 'flows'"""  # noqa: S608 - constants only
_LOAD_ASIDE = """
INSERT INTO quarantine SELECT ?, NULL, NULL, reason, value
FROM incoming, LATERAL (SELECT unnest(range(CAST(records AS BIGINT)))) WHERE what = 'quarantined'"""


def load_parts(
    connection: duckdb.DuckDBPyConnection, number: int, parts: pa.Table, *, is_int: bool, tally: Tally
) -> None:
    """Load what all parts of an input came to; `is_int` says that addresses are integers.

    The input's sha256 is of what was read, without the periods that claims cut it into: the same rows have the same
    digest however they were spread. Raises the error that stopped any part.
    """
    connection.register("incoming", parts)
    try:
        with seam(tally.path, "adding up its parts"):
            _raise_failure(connection, tally.path)
            tally.sha256 = digest(connection.sql(_IDENTITY).to_arrow_table())
            connection.execute(_LOAD_FLOWS, [number, is_int])
            connection.execute(_LOAD_ASIDE, [number])
            count = "SELECT sum(records) FROM incoming WHERE what = ?"
            tally.flows_rows = scalar(connection, count, ["flows"])
            tally.quarantined = scalar(connection, count, ["quarantined"])
            tally.duplicate = scalar(connection, count, ["duplicate"])
    finally:
        connection.unregister("incoming")
    tally.records = tally.flows_rows + tally.quarantined + tally.duplicate


def _raise_failure(connection: duckdb.DuckDBPyConnection, path: str) -> None:
    failed = "SELECT reason, value FROM incoming WHERE what = 'failed' ORDER BY reason, value LIMIT 1"
    for kind, what in connection.execute(failed).fetchall():
        raise _ERRORS.get(kind, InputError)(what, path=path)
