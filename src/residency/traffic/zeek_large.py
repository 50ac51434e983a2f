"""Joins large conn and ssl logs by compiled loops, and leaves to the exact way whatever those do not judge.

1. The loops take all lines that they can read (`residency.traffic.zeek_quick`); the others are read exactly.
2. The texts of endpoints and names are read strictly, once each. What is none, and endpoints whose flows without a name
   an answer of DNS may name, are left.
3. The loops join what they took by uid. A uid that the exact way has a row of is left, with all of its rows.
4. The lines of all rows that are left are read exactly. The rest are flows, grouped, and context.

So each uid is joined either here or there, never by both, and it makes no difference by which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from residency.traffic import zeek_quick
from residency.traffic.engine import scalar, threads_of
from residency.traffic.plain import checked_sql
from residency.traffic.zeek_log import Plain

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    from numpy.typing import NDArray

    from residency.traffic.distinct import Distinct
    from residency.traffic.naming import Naming
    from residency.traffic.source import OpenFile
    from residency.traffic.zeek_quick.logs import LogFile, Taken

_MOST_BYTES = 1 << 40  # of all logs together
_MOST_INPUTS, _MOST_CUTS = 1 << 16, 1 << 24

_ENDPOINTS = """
CREATE OR REPLACE TEMP TABLE large_endpoints AS
SELECT id, input, period, answered, server_ip, CAST(server_port AS VARCHAR) AS server_port, proto,
  CAST(NULL AS VARCHAR) AS host, CAST(NULL AS VARCHAR) AS named_by, false AS int_address,
  CAST(NULL AS VARCHAR) AS reason, CAST(NULL AS VARCHAR) AS fault
FROM incoming"""
_NAMES = "CREATE OR REPLACE TEMP TABLE large_names AS SELECT id, text FROM incoming"
_GROUPS = """
INSERT INTO by_input BY NAME
SELECT CAST(e.input AS INTEGER) AS input, false AS int_address, e.server_ip, e.server_port, e.proto,
  h.canonical AS host, CASE WHEN h.canonical IS NOT NULL THEN 'sni' END AS named_by, e.answered,
  CAST(e.period AS INTEGER) AS period, sum(p.records) AS records, sum(p.records) AS flows,
  CASE WHEN sum(p.sent_unknown) < sum(p.records) THEN sum(p.sent) END AS bytes_sent,
  CASE WHEN sum(p.received_unknown) < sum(p.records) THEN sum(p.received) END AS bytes_received,
  sum(p.sent_unknown) AS sent_unknown, sum(p.received_unknown) AS received_unknown,
  min(p.first_us) AS first_us, max(p.last_us) AS last_us, 0 AS rtt_samples, 0 AS rtt_dropped, true AS is_good
FROM incoming p JOIN large_endpoints e ON e.id = p.endpoint
LEFT JOIN large_names n ON n.id = p.name LEFT JOIN seen_host h ON h.text = n.text
GROUP BY e.input, e.server_ip, e.server_port, e.proto, h.canonical, e.answered, e.period"""
_SUMS = ("records", "sent", "received", "sent_unknown", "received_unknown", "first_us", "last_us")

Store = Callable[[int, "OpenFile", Plain, "NDArray[np.int64]"], None]
"""Reads the lines of a log that start at some places exactly."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A log that waits until all others are read."""

    number: int
    file: OpenFile
    known: Plain
    place: int

    @property
    def lines(self) -> int:
        return self.file.scan.lines - len(self.known.header_lines)


class LargeLogs:
    """Conn and ssl logs that are joined together once everything else was read."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        distinct: Distinct,
        naming: Naming,
        cuts: Sequence[int],
        folder: str,
    ) -> None:
        self._con, self._distinct, self._naming, self._cuts = connection, distinct, naming, cuts
        self._folder = folder
        self.waiting: list[_Waiting] = []

    def are_worth_it(self, logs: Mapping[int, tuple[OpenFile, Plain]]) -> bool:
        """Are there so many lines, and can loops be compiled?"""
        lines = sum(file.scan.lines for file, _ in logs.values())
        size = sum(file.scan.size for file, _ in logs.values())
        is_within = size < _MOST_BYTES and max(logs, default=0) < _MOST_INPUTS and len(self._cuts) < _MOST_CUTS
        has_conn = any(known.log == "conn" for _, known in logs.values())
        return has_conn and lines >= zeek_quick.LEAST_LINES and is_within and zeek_quick.is_usable()

    def add(self, number: int, file: OpenFile, known: Plain) -> None:
        """Let a log wait."""
        place = self.waiting[-1].place + self.waiting[-1].file.scan.size if self.waiting else 0
        self.waiting.append(_Waiting(number, file, known, place))

    def logs(self) -> list[tuple[int, str]]:
        """Return the number of each log that waited, and which log it is."""
        return [(one.number, one.known.log) for one in self.waiting]

    def take(self, store: Store, exact_ids: str) -> dict[int, int] | None:
        """Join all logs, with `store` for what is left; return how many rows of each input are flows or context here.

        `exact_ids` is a query of the uids that the exact way has rows of. None where everything is left: what was
        stored is then to be forgotten. Raises HeaderChangedError likewise.
        """
        if not zeek_quick.is_usable():
            return None
        from residency.traffic.zeek_quick import logs

        files = [_log_file(one) for one in self.waiting]
        taken = logs.take(files, self._cuts, threads_of(self._con), self._folder)
        if taken is None:
            return None
        with taken:
            return self._join(taken, store, exact_ids)

    def _join(self, taken: Taken, store: Store, exact_ids: str) -> dict[int, int] | None:
        import numpy as np

        from residency.traffic.zeek_quick import keys

        self._store(taken.odd, store)
        of_endpoints, of_names = self._marks(taken)
        ids = keys.packed(self._con.sql(exact_ids).to_arrow_table().column(0))
        joined = taken.join(ids, of_endpoints, of_names)
        if joined is None:
            return None
        sums, left = joined
        self._store(left, store)
        self._group(sums)
        apart = np.sort(np.concatenate([taken.odd, left]))
        counts = {one.number: one.lines - len(part) for one, part in self._by_log(apart)}
        for one in self.waiting:
            if one.known.log == "conn" and counts[one.number] != self._grouped(one.number):
                raise AssertionError(f"{one.file.path}: rows were lost or counted twice in the join")
        return counts

    def _store(self, places: NDArray[np.int64], store: Store) -> None:
        for one, part in self._by_log(places):
            if len(part):
                store(one.number, one.file, one.known, part)

    def _by_log(self, places: NDArray[np.int64]) -> list[tuple[_Waiting, NDArray[np.int64]]]:
        """Return the sorted places of each log, from its own beginning."""
        import numpy as np

        starts = np.searchsorted(places, [one.place for one in self.waiting])
        ends = [*starts[1:], len(places)]
        return [
            (one, places[start:end] - one.place) for one, start, end in zip(self.waiting, starts, ends, strict=True)
        ]

    def _marks(self, taken: Taken) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Read the texts of endpoints and names, and say which of them are not for the loops."""
        from residency.traffic.zeek_quick import keys
        from residency.traffic.zeek_quick.join import LEFT, UNNAMED

        endpoints, names = keys.endpoints(taken.endpoints), keys.names(taken.names)
        for sql, table in ((_ENDPOINTS, endpoints), (_NAMES, names)):
            self._con.register("incoming", table)
            self._con.execute(sql)
            self._con.unregister("incoming")
        self._distinct.read("large_endpoints")
        self._distinct.hosts("SELECT text FROM large_names")
        self._distinct.hosts(
            "SELECT DISTINCT h.canonical AS text FROM large_names n JOIN seen_host h ON h.text = n.text"
        )
        bad_endpoints = f"SELECT id FROM ({checked_sql('large_endpoints')}) WHERE final IS NOT NULL"  # noqa: S608
        name = "SELECT n.id FROM large_names n JOIN seen_host h ON h.text = n.text"
        return (
            self._flags(len(endpoints), {LEFT: bad_endpoints, UNNAMED: self._naming.may_name_sql("large_endpoints")}),
            self._flags(
                len(names),
                {LEFT: f"{name} WHERE h.reason IS NOT NULL", UNNAMED: f"{name} WHERE h.canonical IS NULL"},
            ),
        )

    def _flags(self, count: int, queries: Mapping[int, str | None]) -> NDArray[np.uint8]:
        """Return one number for each id from 0 to `count`: the sum of the flags whose query has it."""
        import numpy as np

        flags = np.zeros(count + 1, np.uint8)
        for flag, query in queries.items():
            if query is not None:
                flags[[number for (number,) in self._con.execute(query).fetchall()]] |= flag
        return flags

    def _group(self, sums: NDArray[np.int64]) -> None:
        import numpy as np
        import pyarrow as pa

        from residency.arrow import integers
        from residency.traffic.zeek_quick.join import (
            FIRST,
            LAST,
            PAIR,
            RECEIVED,
            RECEIVED_UNKNOWN,
            RECORDS,
            SENT,
            SENT_UNKNOWN,
        )

        order = (RECORDS, SENT, RECEIVED, SENT_UNKNOWN, RECEIVED_UNKNOWN, FIRST, LAST)
        pair = sums[:, PAIR]
        columns = {"endpoint": pair >> 32, "name": pair & 0xFFFF_FFFF}
        columns |= {name: sums[:, place] for name, place in zip(_SUMS, order, strict=True)}
        table = pa.table([integers(np.ascontiguousarray(one)) for one in columns.values()], names=list(columns))
        self._con.register("incoming", table)
        self._con.execute(_GROUPS)
        self._con.unregister("incoming")
        self._con.execute("DROP TABLE large_endpoints; DROP TABLE large_names")

    def _grouped(self, number: int) -> int:
        return scalar(self._con, "SELECT sum(records) FROM by_input WHERE input = ?", [number])


def _log_file(one: _Waiting) -> LogFile:
    from residency.traffic.zeek_quick.logs import LogFile
    from residency.traffic.zeek_quick.rows import Fields

    at = one.known.columns.get
    fields = Fields(
        ts=at("ts", -1),
        uid=at("uid", -1),
        client=at("id.orig_h", -1),
        server=at("id.resp_h", -1),
        port=at("id.resp_p", -1),
        proto=at("proto", -1),
        sent=at("orig_bytes", -1),
        received=at("resp_bytes", -1),
        state=at("conn_state", -1),
        history=at("history", -1),
        name=at("server_name", -1),
    )
    return LogFile(
        file=one.file.scan.file,
        size=one.file.scan.size,
        first=one.known.first,
        lines=one.lines,
        is_conn=one.known.log == "conn",
        width=one.known.width,
        fields=fields,
        delimiter=one.known.separator,
        unset=one.known.unset,
        number=one.number,
        place=one.place,
    )
