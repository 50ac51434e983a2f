"""`Traffic`: what reading gave, as distinct endpoints and an account of every record."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from residency.errors import UsageError, shorten
from residency.traffic.engine import seam
from residency.traffic.flow_rows import FlowRows
from residency.traffic.groups import build_groups, fetch_groups, fetch_hosts, fetch_records
from residency.traffic.records import InputSummary, Quarantined

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray


class Traffic:
    """Distinct endpoints of all inputs, and an account of every record.

    Owns a DuckDB connection and temporary files: use it as a context manager, or call `close`. What is kept in a
    workspace stays there.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: str, temporary: str) -> None:
        self._con: duckdb.DuckDBPyConnection | None = connection
        self._folder, self._temporary = folder, temporary
        self.inputs: tuple[InputSummary, ...] = ()
        self.warnings: tuple[str, ...] = ()
        self.rows: FlowRows | None = None
        self._is_grouped = False

    def __enter__(self) -> Traffic:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the engine and remove what is temporary; a workspace stays."""
        if self._con is not None:
            self._con.close()
            self._con = None
            shutil.rmtree(self._temporary, ignore_errors=True)

    @property
    def _open(self) -> duckdb.DuckDBPyConnection:
        if self._con is None:
            raise UsageError("this traffic was closed; read it again")
        return self._con

    def hosts(self, containing: str = "", ending: Sequence[str] = ("",)) -> Iterator[str]:
        """Yield every distinct host name of flows and logs that contains a text, sorted; there may be millions.

        Only those with one of the endings.
        """
        return fetch_hosts(self._open, containing, ending)

    def groups(self, hosts: Sequence[str] | None = None) -> pa.Table:
        """Return the distinct endpoints, sorted by their key; `group_id` counts from 0 in that order.

        With `hosts` only those of these hosts and the unnamed ones are there: the rest need not be made.
        """
        with seam(self._folder, "grouping endpoints"):
            build_groups(self._open, hosts)
            self._is_grouped = True
            return fetch_groups(self._open)

    def first_last_us(self) -> tuple[int, int] | None:
        """Return the times of the first and the last flow in microseconds, or None without flows."""
        row = self._open.cursor().execute("SELECT min(first_us), max(last_us) FROM by_input").fetchone()
        return None if row is None or row[0] is None else (int(row[0]), int(row[1]))

    def flow_table(self) -> pa.Table:
        """Return one row a flow, named and in order; only where reading was told to keep rows."""
        return self._kept.to_arrow()

    def write_flows(self, path: str, form: str) -> None:
        """Write the flow table as `parquet`, `csv` or `ndjson`; raises UsageError where it cannot be written."""
        self._kept.write(path, form, self._folder)

    @property
    def _kept(self) -> FlowRows:
        if self.rows is None or self._con is None:
            raise UsageError("no rows were kept of this traffic; read it with keep_rows")
        return self.rows

    def quarantine(self) -> Iterator[Quarantined]:
        """Yield every record that was put aside, by input and then by line."""
        cursor = self._open.cursor()
        columns = "input, line, byte_offset, reason, value"
        cursor.execute(f"SELECT {columns} FROM quarantine ORDER BY {columns}")  # noqa: S608
        while rows := cursor.fetchmany(1_000):
            for number, line, byte_offset, reason, value in rows:
                yield Quarantined(
                    path=self.inputs[number].path,
                    line=line,
                    offset=byte_offset,
                    reason=shorten(reason, 200),
                    value=shorten(value or ""),
                )

    def records_by_input(self, judged: NDArray[np.int64]) -> list[tuple[int, int]]:
        """Return (records in the groups `judged` of the last call of `groups`, the others) for each input."""
        if not self._is_grouped:
            self.groups()
        found = fetch_records(self._open, len(self.inputs), judged)
        return [(mine, item.flows_rows - mine) for mine, item in zip(found, self.inputs, strict=True)]
