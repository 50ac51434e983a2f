"""Joins Zeek's logs of all inputs into flows, and accounts for each row of each log.

conn              one flow a row; the same (uid, ts) again is a duplicate
ssl, quic, http   name the conn of their uid (context); without one, a flow of unknown bytes, one a uid
dns               context; its answers name flows of any input (`residency.traffic.naming`)
every other log   context
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from residency.errors import shorten
from residency.traffic.aggregate import group_rows
from residency.traffic.columns import Kind, plan_columns
from residency.traffic.engine import quoted, scalar
from residency.traffic.plain import ALL_COLUMNS, STAGED, checked_sql
from residency.traffic.records import Rejected, Tally
from residency.traffic.zeek_large import LargeLogs
from residency.traffic.zeek_log import FIELDS, LISTS, HeaderChangedError, Plain, plain, read_json, read_lines, read_tsv
from residency.traffic.zeek_sql import ANSWERS, FLOWS, NAME_ROWS, NAMED, ORPHANS, host_of, twins

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    from numpy.typing import NDArray

    from residency.traffic.distinct import Distinct
    from residency.traffic.flow_rows import FlowRows
    from residency.traffic.naming import Naming
    from residency.traffic.source import OpenFile

_RENAMED = {
    "id.orig_h": "client_ip",
    "id.resp_h": "server_ip",
    "id.resp_p": "server_port",
    "orig_bytes": "bytes_sent",
    "resp_bytes": "bytes_received",
    "host": "raw_host",
}
_IDS = "SELECT DISTINCT uid FROM ({}) WHERE uid IS NOT NULL".format(  # noqa: S608
    " UNION ALL ".join(f"SELECT uid FROM raw_{log}" for log in FIELDS if log != "dns")  # noqa: S608
)
_OURS = ("ts", "client_ip", "server_ip", "server_port", "proto", "bytes_sent", "bytes_received")


def renamed(field: str) -> str:
    """Return our name for a field of Zeek's."""
    return _RENAMED.get(field, field)


class Zeek:
    """Collects the rows of all logs, then joins them."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        distinct: Distinct,
        naming: Naming,
        cuts: Sequence[int],
        folder: str,
        rows: FlowRows | None = None,
    ) -> None:
        self._con, self._distinct, self._naming, self._cuts = connection, distinct, naming, cuts
        self._rows = rows
        self._large = LargeLogs(connection, distinct, naming, cuts, folder)
        self._logs: set[str] = set()
        self._has_tables = False
        self._inputs: list[int] = []

    def large(self, files: Mapping[int, OpenFile]) -> dict[int, Plain]:
        """Return the TSV logs, by number, that had better wait for `finish`, which joins them by compiled loops."""
        if self._rows is not None:
            return {}
        found = {number: known for number, file in files.items() if (known := plain(file)) is not None}
        return found if self._large.are_worth_it({number: (files[number], found[number]) for number in found}) else {}

    def wait(self, number: int, file: OpenFile) -> None:
        """Let a log wait for `finish`."""
        known = plain(file)
        if known is None:
            raise AssertionError("only what is plain can wait")
        self._large.add(number, file, known)

    def took(self, number: int, logs: Iterable[str]) -> None:
        """Know of an input that it is a log of Zeek with rows of these kinds, read now or in a former run."""
        self._inputs.append(number)
        self._logs.update(logs)

    def add(self, number: int, file: OpenFile, tally: Tally, *, is_json: bool) -> set[str]:
        """Read one log into the raw tables and return the kinds of its rows; `took` tells of them afterwards."""
        rejected: list[Rejected] = []
        logs: set[str] = set()
        unknown = 0
        for rows in (read_json if is_json else read_tsv)(file, rejected):
            tally.records += rows.count
            unknown += 0 if rows.log else rows.count
            if rows.table is None:
                tally.context += rows.count
            else:
                self._store(number, rows.log, rows.table)
                logs.add(rows.log)
        tally.records += len(rejected)
        self._reject(number, rejected, file, tally)
        if unknown:
            tally.warnings.append(
                f"{unknown} rows of a log that neither fields nor file name tell; nothing was read from it"
            )
        _say_empty(tally)
        return logs

    def _store(self, number: int, log: str, table: object) -> None:
        self._make_tables()
        columns = ", ".join(quoted(one) for one in FIELDS[log])
        self._con.register("incoming", table)
        self._con.execute(f"INSERT INTO raw_{log} SELECT ?, line, {columns} FROM incoming", [number])  # noqa: S608
        self._con.unregister("incoming")

    def _make_tables(self) -> None:
        if self._has_tables:
            return
        for name, fields in FIELDS.items():
            columns = ", ".join(f"{quoted(renamed(one))} VARCHAR{'[]' if one in LISTS else ''}" for one in fields)
            self._con.execute(f"CREATE TABLE IF NOT EXISTS raw_{name} (input INTEGER, line BIGINT, {columns})")
        self._has_tables = True

    def _reject(self, number: int, rejected: Sequence[Rejected], file: OpenFile, tally: Tally) -> None:
        scan = file.scan
        is_cut = not scan.ends_with_newline and tally.incomplete is None
        for one in rejected:
            reason = one.reason
            if is_cut and one.line == scan.lines:
                reason, tally.incomplete = f"truncated last line: {reason}", "the last line is cut"
            self._con.execute(
                "INSERT INTO quarantine VALUES (?, ?, ?, ?, ?)",
                [number, one.line, one.offset, reason, shorten(one.value)],
            )

    def prepare(self) -> None:
        """Check the rows of dns and hand their answers over: what may name flows of any input."""
        if self._logs:
            self._make_tables()
            self._check("dns")
            self._naming.add_rows(ANSWERS)

    def finish(self, tallies: Sequence[Tally]) -> None:
        """Check all other rows, join what names by uid, name and group the flows, and fill in the logs' counts."""
        if self._logs:
            counts = self._take_large(tallies)
            for log in FIELDS:
                if log != "dns":
                    self._check(log)
            for sql in (NAME_ROWS, NAMED, ORPHANS, FLOWS):
                self._con.execute(sql)
            self._naming.name("zeek_flows", "true")
            self._distinct.hosts("SELECT DISTINCT host AS text FROM zeek_flows")
            self._group()
            if self._rows is not None:
                self._rows.take("(SELECT *, CAST(NULL AS VARCHAR) AS flow_id FROM zeek_flows)")
            for number, log in self._large.logs():
                tallies[number].records += counts.get(number, 0)
                tallies[number].context += counts.get(number, 0) if log != "conn" else 0
                _say_empty(tallies[number])
        for number in self._inputs:
            self._count(number, tallies[number])

    def _take_large(self, tallies: Sequence[Tally]) -> Mapping[int, int]:
        """Join the logs that waited; return how many rows of each need no further look, if any."""
        if not self._large.waiting:
            return {}

        def store(number: int, file: OpenFile, known: Plain, places: NDArray[np.int64]) -> None:
            rejected: list[Rejected] = []
            for rows in read_lines(file, known, places, rejected):
                tallies[number].records += rows.count
                self._store(number, rows.log, rows.table)
            tallies[number].records += len(rejected)
            self._reject(number, rejected, file, tallies[number])

        with suppress(HeaderChangedError):
            counts = self._large.take(store, _IDS)
            if counts is not None:
                return counts
        self._read_exactly(tallies)
        return {}

    def _read_exactly(self, tallies: Sequence[Tally]) -> None:
        """Read the logs that waited like all others, and forget what was stored of them."""
        numbers = [one.number for one in self._large.waiting]
        for table in (*(f"raw_{log}" for log in FIELDS if log != "dns"), "quarantine", "by_input"):
            self._con.execute(f"DELETE FROM {table} WHERE list_contains(?, input)", [numbers])  # noqa: S608
        for one in self._large.waiting:
            tallies[one.number].records = 0
            self._logs |= self.add(one.number, one.file, tallies[one.number], is_json=False)
        self._large.waiting.clear()

    def _check(self, log: str) -> None:
        """Type one log's rows, give each bad one its reason, and mark repeated ones."""
        present = [name for name in _OURS if name in {renamed(field) for field in FIELDS[log]}]
        plan = plan_columns(dict.fromkeys(present, Kind.TEXT), "s")
        values = {**plan.values, "host": host_of(log), "named_by": "CAST(NULL AS VARCHAR)"}
        typed = ", ".join(f"{expression} AS {name}" for name, expression in values.items())
        self._con.execute(
            f"CREATE OR REPLACE TEMP TABLE stage AS SELECT * EXCLUDE ({', '.join(present)}), {typed}, "  # noqa: S608
            f"false AS int_address, {plan.reason} AS reason, {plan.fault} AS fault FROM raw_{log}"
        )
        self._distinct.read("stage", "reason IS NULL")
        # What a dns row asks for is no flow's host yet: a name that is none makes no bad record.
        checked = checked_sql("stage", with_hosts=log != "dns")
        self._con.execute(
            f"CREATE TABLE {log}_rows AS SELECT *, final IS NULL AND {twins(log)} AS is_duplicate FROM ({checked})"  # noqa: S608
        )
        self._con.execute(
            f"INSERT INTO quarantine SELECT input, line, NULL, final, final_fault FROM {log}_rows "  # noqa: S608
            "WHERE final IS NOT NULL"
        )
        self._con.execute(f"DROP TABLE raw_{log}; DROP TABLE stage")

    def _group(self) -> None:
        for number in self._inputs:
            source = f"(SELECT * FROM zeek_flows WHERE input = {number:d})"  # noqa: S608
            self._con.execute(group_rows(source, STAGED, "true", self._cuts, ALL_COLUMNS), [number, False])

    def _count(self, number: int, tally: Tally) -> None:
        tally.quarantined = scalar(self._con, "SELECT count(*) FROM quarantine WHERE input = ?", [number])
        tally.flows_rows = scalar(self._con, "SELECT sum(records) FROM by_input WHERE input = ?", [number])
        if not self._logs:
            return
        for log in FIELDS:
            mine = f"FROM {log}_rows WHERE input = ?"
            tally.duplicate += scalar(self._con, f"SELECT count(*) {mine} AND is_duplicate", [number])
            if log != "conn":
                tally.context += scalar(
                    self._con,
                    f"SELECT count(*) {mine} AND final IS NULL AND NOT is_duplicate",
                    [number],
                )
        tally.context -= scalar(self._con, "SELECT count(*) FROM orphans WHERE input = ?", [number])
        tally.say_duplicates()


def _say_empty(tally: Tally) -> None:
    if not tally.records:
        tally.warnings.append("no rows, only a header")
