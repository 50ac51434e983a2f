"""Loads one input of plain flow rows into `by_input` and `quarantine`.

For large inputs, first compiled loops (`residency.traffic.quick`) where they are installed. Then the fast way: one pass
of DuckDB's own reader. If every record came through either way and all distinct addresses and names are sound, that is
all. A few bad rows that can be found again are read exactly by themselves. Otherwise, or where answers of DNS may name
flows of it, the input is read once more, exactly: numbered rows go into a stage table, each with its reason if it has
one, and what is sound is named and grouped from there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from residency.errors import InputError, shorten
from residency.limits import LIMITS
from residency.traffic import quick
from residency.traffic.aggregate import bad_rows, group_all, group_rows
from residency.traffic.columns import (
    KNOWN_CLIENTS,
    LAST_US,
    NAIVE,
    WEAKENING,
    Kind,
    Plan,
    client_check,
    likely_time,
    plan_columns,
    quick_kinds,
)
from residency.traffic.distinct import TABLE_OF
from residency.traffic.engine import scalar, seam, threads_of
from residency.traffic.records import Rejected, Tally
from residency.traffic.source import NumberedSource, QuickSource

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from residency.traffic.distinct import Distinct
    from residency.traffic.flow_rows import FlowRows
    from residency.traffic.naming import Naming
    from residency.traffic.source import FlowSource, Relation

TABLES = """
CREATE TABLE IF NOT EXISTS quarantine (input INTEGER, line BIGINT, byte_offset BIGINT, reason VARCHAR, value VARCHAR);
CREATE TABLE IF NOT EXISTS flow_ids (flow_id VARCHAR);
"""
GOOD = "final IS NULL AND NOT is_duplicate"
_BAD_CLIENTS = "bad_clients"
_ODD_SUMS = " OR ".join(
    [
        f"first_us < 0 OR last_us >= {LAST_US}",
        *(f"{name} >= {2**53}" for name in ("flows", "bytes_sent", "bytes_received")),
    ]
)
_MOST_BAD_ROWS = 10_000  # of which each is asked for by its number
_SAMPLED_ROWS = 200_000
_FEW_ROWS = 10_000
_LEARN_FROM = 20_000  # rows; fewer are checked sooner than their clients are learnt
_NOT_QUICK = frozenset({"answered", "rtt_ms", "rtt_kind", "flows", "flow_id"})


def checked_sql(table: str, *, with_hosts: bool = True) -> str:
    """Return SQL for `table` with `final` (its reason, or that of a key column's text) and `final_fault`."""
    columns = [column for column in TABLE_OF if with_hosts or column != "host"]
    more = {"server_ip": " AND server_ip_.is_int = s.int_address"}
    reasons = ", ".join(f"{column}_.reason" for column in columns)
    faults = " ".join(f"WHEN {column}_.reason IS NOT NULL THEN s.{column}" for column in columns)
    joins = " ".join(
        f"LEFT JOIN {TABLE_OF[column]} {column}_ ON {column}_.text = s.{column}{more.get(column, '')}"
        for column in columns
    )
    return (
        f"SELECT s.*, coalesce(s.reason, {reasons}) AS final, "  # noqa: S608
        f"CASE WHEN s.reason IS NOT NULL THEN s.fault {faults} END AS final_fault FROM {table} s {joins}"
    )


class Loader:
    """Loads plain inputs one after the other; the order decides which `flow_id` came first."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        distinct: Distinct,
        naming: Naming,
        cuts: Sequence[int],
        time_unit: str,
        folder: str,
        rows: FlowRows | None = None,
        start_over: Callable[[], None] = lambda: None,
    ) -> None:
        self._start_over = start_over
        self._con, self._distinct, self._naming, self._rows = connection, distinct, naming, rows
        self._cuts, self._unit, self._folder = cuts, time_unit, folder
        connection.execute(TABLES)

    def take(self, number: int, source: FlowSource, tally: Tally, *, is_unterminated: bool = False) -> None:
        """Read the rows of one input, or of a part of one; `is_unterminated` says that the last line has no end."""
        if not self.take_fast(number, source, tally, is_unterminated=is_unterminated):
            self.take_exact(number, source, tally, is_unterminated=is_unterminated)

    def take_exact(self, number: int, source: FlowSource, tally: Tally, *, is_unterminated: bool) -> None:
        """Read rows the exact way: numbered, each with its reason if it has one."""
        self._load_exact(number, source, source.kinds["server_ip"] is Kind.INTEGER, tally, is_unterminated)

    def take_fast(self, number: int, source: FlowSource, tally: Tally, *, is_unterminated: bool = False) -> bool:
        """Read rows the fast way, if all of them can be; else nothing is read, and False returned."""
        is_int = source.kinds["server_ip"] is Kind.INTEGER
        if self.is_exact_only(source):
            return False
        tally.records = source.records
        is_taken = self._load_quick(number, source, tally, is_unterminated=is_unterminated)
        if not is_taken and not self._load_fast(number, source, is_int, tally):
            return False
        tally.flows_rows = scalar(self._con, "SELECT sum(records) FROM by_input WHERE input = ?", [number])
        return True

    def is_exact_only(self, source: FlowSource) -> bool:
        """Does an input need each of its rows by itself: to be kept, or to be told from duplicates?"""
        return self._rows is not None or "flow_id" in source.kinds

    def conclude(self, number: int, source: FlowSource, tally: Tally) -> None:
        """Say what is weak about an input that was read whole; raises InputError where it is none at all."""
        tally.warnings += [text for name, text in WEAKENING.items() if name not in source.kinds]
        if tally.records == 0:
            tally.warnings.append("no rows, only a header")
        tally.say_duplicates()
        if tally.quarantined:
            self._refuse_naive(number, tally)

    def _load_quick(self, number: int, source: FlowSource, tally: Tally, *, is_unterminated: bool) -> bool:
        if source.records < quick.LEAST_RECORDS or source.kinds.keys() & _NOT_QUICK:
            return False
        if not isinstance(source, QuickSource) or not quick.is_usable():
            return False
        found = source.quick(self._cuts, self._unit, threads_of(self._con))
        if found is None or self._count_bad(found.clients):
            return False
        self._con.register("incoming", found.groups)
        names = ", ".join(found.groups.column_names)
        self._con.execute(
            f"INSERT INTO by_input BY NAME SELECT {names}, CAST(? AS INTEGER) AS input, false AS int_address, "  # noqa: S608
            "records AS flows, 0 AS rtt_samples, 0 AS rtt_dropped, true AS is_good FROM incoming",
            [number],
        )
        self._con.unregister("incoming")
        if not self._stands(number, source, apart=len(found.odd)):
            return self._take_back(number)
        if found.odd:
            self._read_odd_lines(number, source, found.odd, tally, is_unterminated=is_unterminated)
        return True

    def _read_odd_lines(
        self, number: int, source: QuickSource, odd: Sequence[tuple[int, int]], tally: Tally, *, is_unterminated: bool
    ) -> None:
        """Read lines the exact way that compiled loops left, and give what is put aside its line of the input."""
        target = os.path.join(self._folder, "odd_lines")
        part, lines = source.lines(odd, target)
        is_cut = is_unterminated and source.whole is not None and odd[-1][1] >= source.whole.end
        self._take_apart(number, source, part, len(odd), tally, is_unterminated=is_cut)
        self._con.execute(
            "UPDATE quarantine SET line = CAST($lines AS BIGINT[])[line] WHERE input = $number",
            {"lines": lines, "number": number},
        )
        os.unlink(target)

    def _take_apart(
        self, number: int, source: FlowSource, part: FlowSource, rows: int, tally: Tally, *, is_unterminated: bool
    ) -> None:
        """Read the exact way what is in no group yet: `part`, some rows of the source."""
        self.take_exact(number, part, tally, is_unterminated=is_unterminated)
        tally.records += source.records - rows

    def _count_bad(self, clients: pa.Array) -> int:
        """Return how many texts are no addresses."""
        import pyarrow as pa

        self._con.register("incoming", pa.table({"client_ip": clients}))
        bad = scalar(self._con, f"SELECT count(*) FROM incoming WHERE {client_check(Kind.TEXT).bad}")  # noqa: S608
        self._con.unregister("incoming")
        return bad

    def _load_fast(self, number: int, source: FlowSource, is_int: bool, tally: Tally) -> bool:
        kinds = quick_kinds(source.kinds, source.first_time, self._unit, keep_text=source.keep_text)
        relation = source.fast(kinds)
        if relation is None or source.records == 0:
            return False
        each_client = not source.is_columnar or source.records <= _FEW_ROWS
        is_learnt = each_client and source.records >= _LEARN_FROM and kinds.get("client_ip") is Kind.TEXT
        plan = plan_columns(kinds, self._unit, with_clients=each_client, known_clients=is_learnt, trusted=True)
        good = f"{source.fast_condition} AND {plan.good}"
        likely = likely_time(source.first_time, self._unit)
        try:
            with seam(tally.path, "reading its rows"), self._objects(relation):
                if is_learnt:
                    self._learn_clients(relation)
                if not each_client:
                    good += self._no_bad_client(relation, kinds)
                sql = group_all(relation.sql, plan, good, self._cuts, frozenset(source.kinds), likely)
                self._con.execute(sql, [number, is_int, *relation.values])
            if self._stands(number, source):
                return True
            if isinstance(source, NumberedSource) and self._read_bad_rows(number, source, kinds, plan, good, tally):
                return True
        except InputError:
            self._start_over()
        return self._take_back(number)

    def _take_back(self, number: int) -> bool:
        """Forget the groups of an input; return False, for nothing of it was read then."""
        self._con.execute("DELETE FROM by_input WHERE input = ?", [number])
        return False

    def _read_bad_rows(
        self, number: int, source: NumberedSource, kinds: Mapping[str, Kind], plan: Plan, good: str, tally: Tally
    ) -> bool:
        """Keep the groups of good rows, and read exactly the rows of all others; False if they cannot be told."""
        mine = "FROM by_input WHERE input = ?"
        has_odd_sums = scalar(self._con, f"SELECT count(*) {mine} AND is_good AND ({_ODD_SUMS})", [number]) > 0
        if has_odd_sums or self._may_name(number, source):
            return False
        self._distinct.read("by_input", f"input = {number:d} AND is_good")
        faults = self._distinct.faults(is_int=source.kinds["server_ip"] is Kind.INTEGER)
        relation = source.numbered(kinds)
        is_any_bad = scalar(self._con, f"SELECT count(*) {mine} AND NOT is_good", [number]) > 0
        sql = bad_rows(relation.sql, plan, good if is_any_bad else "true", faults)
        with seam(tally.path, "looking for its bad rows"):
            found = self._con.execute(f"{sql} LIMIT {_MOST_BAD_ROWS + 1}", [*relation.values]).fetchall()
        among = "".join(f" OR {column} IN ({query})" for column, query in faults.items())
        is_bad = f"(NOT is_good{among})"
        if scalar(self._con, f"SELECT sum(records) {mine} AND {is_bad}", [number]) != len(found):
            return False  # there are more of them, or others
        if not found:
            return False
        self._con.execute(f"DELETE {mine} AND {is_bad}", [number])
        part = source.only(sorted(line for (line,) in found))
        self._take_apart(number, source, part, len(found), tally, is_unterminated=False)
        return True

    def _stands(self, number: int, source: FlowSource, *, apart: int = 0) -> bool:
        """Are the groups of an input all there is to say, but for `apart` rows?"""
        return self._is_whole(number, source.records - apart, source) and not self._may_name(number, source)

    def _may_name(self, number: int, source: FlowSource) -> bool:
        return self._naming.may_name(number, has_clients="client_ip" in source.kinds)

    def _learn_clients(self, relation: Relation) -> None:
        """Keep the good client addresses of the first rows, so that most later rows need only be looked up."""
        bad = client_check(Kind.TEXT).bad
        self._con.execute(
            f"CREATE OR REPLACE TEMP TABLE {KNOWN_CLIENTS} AS SELECT DISTINCT client_ip AS text FROM "  # noqa: S608
            f"(SELECT client_ip FROM {relation.sql} LIMIT {_SAMPLED_ROWS}) WHERE client_ip IS NOT NULL AND NOT ({bad})",
            list(relation.values),
        )

    def _no_bad_client(self, relation: Relation, kinds: Mapping[str, Kind]) -> str:
        """Look at the distinct client addresses; return what a good row has to satisfy beside its checks."""
        if "client_ip" not in kinds:
            return ""
        bad = client_check(kinds["client_ip"]).bad
        # A WHERE would be pushed below DISTINCT and look at every row.
        self._con.execute(
            f"CREATE OR REPLACE TEMP TABLE {_BAD_CLIENTS} AS SELECT unnest(list(CAST(client_ip AS VARCHAR)) "  # noqa: S608
            f"FILTER ({bad})) AS text FROM (SELECT DISTINCT client_ip FROM {relation.sql})",
            list(relation.values),
        )
        if not scalar(self._con, f"SELECT count(*) FROM {_BAD_CLIENTS}"):  # noqa: S608
            return ""
        return f" AND coalesce(CAST(client_ip AS VARCHAR) NOT IN (SELECT text FROM {_BAD_CLIENTS}), true)"  # noqa: S608

    def _is_whole(self, number: int, records: int, source: FlowSource) -> bool:
        """Did that many records come through with sound keys?"""
        odd = f"NOT is_good OR {_ODD_SUMS} OR ({source.suspicious or 'false'})"
        counts = f"SELECT coalesce(sum(records), 0), count(*) FILTER ({odd}) FROM by_input WHERE input = ?"  # noqa: S608
        if self._con.execute(counts, [number]).fetchall() != [(records, 0)]:
            return False
        self._distinct.read("by_input", f"input = {number:d}", is_small=records <= _FEW_ROWS)
        if not self._distinct.has_faults():
            return True
        table = "(SELECT *, NULL AS reason, NULL AS fault FROM by_input)"
        checked = checked_sql(table)
        return not scalar(
            self._con,
            f"SELECT count(*) FROM ({checked}) WHERE input = ? AND final IS NOT NULL",  # noqa: S608
            [number],
        )

    def _load_exact(self, number: int, source: FlowSource, is_int: bool, tally: Tally, is_unterminated: bool) -> None:
        plan = plan_columns(source.exact_kinds, self._unit)
        self._stage(source, plan, is_int, tally)
        self._distinct.read("stage", "reason IS NULL")
        self._con.execute(f"CREATE OR REPLACE TEMP TABLE checked AS {checked_sql('stage')}")
        self._drop_duplicates(plan)
        has_integer_clients = source.exact_kinds.get("client_ip") is Kind.INTEGER
        self._naming.name("checked", GOOD, has_integer_clients=has_integer_clients)
        if self._rows is not None:
            good = f"(SELECT * FROM checked WHERE {GOOD})"  # noqa: S608
            self._rows.take(good, source.extras, has_integer_clients=has_integer_clients)
        rejected = list(source.rejected)
        tally.records = scalar(self._con, "SELECT count(*) FROM checked") + len(rejected)
        tally.duplicate += scalar(self._con, "SELECT count(*) FROM checked WHERE is_duplicate")
        sql = group_rows("checked", STAGED, GOOD, self._cuts, ALL_COLUMNS)
        self._con.execute(sql, [number, is_int])
        self._con.execute(
            "INSERT INTO quarantine SELECT ?, line, NULL, final, final_fault FROM checked WHERE final IS NOT NULL",
            [number],
        )
        self._reject(number, rejected)
        self._mark_cut_line(number, source, tally, is_unterminated)
        tally.quarantined = scalar(self._con, "SELECT count(*) FROM quarantine WHERE input = ?", [number])
        tally.flows_rows = scalar(self._con, "SELECT sum(records) FROM by_input WHERE input = ?", [number])
        self._con.execute("DROP TABLE stage; DROP TABLE checked")

    def _stage(self, source: FlowSource, plan: Plan, is_int: bool, tally: Tally) -> None:
        relation = source.exact()
        values = ", ".join(f"{expression} AS {name}" for name, expression in plan.values.items())
        extras = "".join(f", {name}" for name in source.extras)
        with seam(tally.path, "reading its rows"), self._objects(relation):
            self._con.execute(
                f"CREATE OR REPLACE TEMP TABLE stage AS SELECT line, {values}, CAST(? AS BOOLEAN) AS int_address, "  # noqa: S608
                f"{plan.reason} AS reason, {plan.fault} AS fault{extras} FROM {relation.sql}",
                [is_int, *relation.values],
            )

    def _drop_duplicates(self, plan: Plan) -> None:
        """Mark later rows of a `flow_id` (in this and earlier inputs) among the good ones."""
        if not plan.has_flow_id:
            self._con.execute("ALTER TABLE checked ADD COLUMN is_duplicate BOOLEAN DEFAULT false")
            return
        self._con.execute(
            """
            CREATE OR REPLACE TEMP TABLE checked AS
            SELECT *, final IS NULL AND flow_id IS NOT NULL AND (
              row_number() OVER (PARTITION BY flow_id, final IS NULL ORDER BY line) > 1
              OR flow_id IN (SELECT flow_id FROM flow_ids)) AS is_duplicate
            FROM checked"""
        )
        self._con.execute(
            "INSERT INTO flow_ids SELECT flow_id FROM checked "
            "WHERE final IS NULL AND NOT is_duplicate AND flow_id IS NOT NULL"
        )

    def _reject(self, number: int, rejected: Sequence[Rejected]) -> None:
        if rejected:
            self._con.executemany(
                "INSERT INTO quarantine VALUES (?, ?, ?, ?, ?)",
                [
                    (number, one.line, one.offset, one.reason, shorten(one.value, LIMITS.max_value_characters))
                    for one in rejected
                ],
            )

    def _mark_cut_line(self, number: int, source: FlowSource, tally: Tally, is_unterminated: bool) -> None:
        """Say of a bad last line without line end that it was cut, and of the file that it is incomplete."""
        if not is_unterminated or tally.incomplete:
            return
        last = scalar(
            self._con,
            "SELECT max(line) FROM (SELECT line FROM checked UNION ALL SELECT line FROM quarantine WHERE input = ?)",
            [number],
        )
        cut = "UPDATE quarantine SET reason = 'truncated last line: ' || reason WHERE input = ? AND line = ?"
        if scalar(self._con, "SELECT count(*) FROM quarantine WHERE input = ? AND line = ?", [number, last]):
            self._con.execute(cut, [number, last])
            tally.incomplete = "the last line is cut"
        del source

    def _refuse_naive(self, number: int, tally: Tally) -> None:
        naive = scalar(self._con, "SELECT count(*) FROM quarantine WHERE input = ? AND reason = ?", [number, NAIVE])
        if naive and not tally.flows_rows and naive + tally.duplicate == tally.records:
            raise InputError("no time in it has an offset; write times with Z or ±HH:MM", path=tally.path)

    @contextmanager
    def _objects(self, relation: Relation) -> Iterator[None]:
        """Make the Python objects of a relation known to DuckDB for as long as it is read."""
        import duckdb

        for name, value in relation.objects.items():
            self._con.register(name, value)
        try:
            yield
        except BaseException:
            with suppress(duckdb.Error, RuntimeError):  # an error may have ended the transaction, and with it the view
                self._forget(relation)
            raise
        self._forget(relation)

    def _forget(self, relation: Relation) -> None:
        for name in relation.objects:
            self._con.unregister(name)


STAGED = {
    **{
        name: name for name in ("ts_us", "server_ip", "server_port", "proto", "host", "named_by", "vantage", "answered")
    },
    **{name: name for name in ("bytes_sent", "bytes_received", "flows", "rtt_ms", "rtt_kind", "rtt_dropped")},
}
ALL_COLUMNS = frozenset(STAGED) - {"ts_us", "rtt_dropped"} | {"ts"}
