"""Names flows by the DNS answers of any input: same client, answer before the flow, within its life plus a grace.

1. Answers are collected from all inputs, then read strictly: clients and addresses in canonical form.
2. The answers of one client for one address are cut into segments of time that do not overlap, each with the latest
   name that is alive then, and whether several are.
3. Each unnamed flow looks up the one segment that it begins in. So the work grows with answers plus flows, not with
   their product.

Where several names gave the address at that time, the flow is `dns_shared`: at most adverse. So is one that only a log
which does not tell who asked (a proxy's) has a name for; a client's own answers go before those.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from residency.limits import LIMITS
from residency.traffic.engine import has_table, scalar, seam

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from residency.traffic.distinct import Distinct

_TABLES = """
CREATE TABLE IF NOT EXISTS raw_answers (
  input INTEGER, line BIGINT, ts_us BIGINT, client_ip VARCHAR, host VARCHAR, address VARCHAR, ttl_s DOUBLE)"""
_LOOKS_LIKE_ADDRESS = "regexp_full_match(text, '[0-9A-Fa-f:.]*[:.][0-9A-Fa-f:.]*')"
_BATCH = 100_000
_ANYBODY = "''"
_STATED = -1  # the number of the input that stated answers come from: none
_STATED_ADDRESSES = f"""
SELECT DISTINCT a.canonical AS address FROM raw_answers r JOIN seen_address a ON a.text = r.address AND NOT a.is_int
WHERE r.input = {_STATED} AND a.canonical IS NOT NULL"""  # noqa: S608

# An answer of a client that is no address names nothing; one without client ('') names any client's flows.
_ANSWERS = f"""
CREATE TABLE answers AS
SELECT DISTINCT coalesce(c.canonical, '') AS client, a.canonical AS address, h.canonical AS host, r.ts_us AS from_us,
  r.ts_us + CAST(least(greatest(coalesce(r.ttl_s, 0), 0), {LIMITS.max_dns_ttl_s}) * 1e6 AS BIGINT)
    + {LIMITS.dns_grace_s * 1_000_000} AS until_us
FROM raw_answers r
JOIN seen_address a ON a.text = r.address AND NOT a.is_int AND a.canonical IS NOT NULL
JOIN seen_host h ON h.text = r.host AND h.canonical IS NOT NULL
LEFT JOIN seen_address c ON c.text = r.client_ip AND NOT c.is_int
WHERE r.ts_us IS NOT NULL AND (r.client_ip IS NULL OR c.canonical IS NOT NULL)"""  # noqa: S608

_ANSWER_KEYS = """
CREATE TABLE answer_keys AS
SELECT client, address, min(host) = max(host) AS has_one_name FROM answers GROUP BY client, address"""

# Where only one name ever gave an address, its answers are islands of time.
_ISLANDS = """
CREATE TABLE segments AS
WITH marked AS (
  SELECT client, address, host, from_us, until_us,
    coalesce(from_us > 1 + max(until_us) OVER (
      PARTITION BY client, address ORDER BY from_us ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), true) AS is_new
  FROM answers SEMI JOIN (SELECT client, address FROM answer_keys WHERE has_one_name) USING (client, address)),
numbered AS (
  SELECT *, count(*) FILTER (is_new) OVER (
    PARTITION BY client, address ORDER BY from_us ROWS UNBOUNDED PRECEDING) AS island FROM marked),
islands AS (
  SELECT client, address, any_value(host) AS host, min(from_us) AS from_us, max(until_us) AS until_us
  FROM numbered GROUP BY client, address, island)
SELECT client, address, from_us, host, false AS is_shared FROM islands
UNION ALL SELECT client, address, until_us + 1, NULL, false FROM islands"""

_SHARED = """
SELECT client, address, from_us, until_us, host FROM answers
SEMI JOIN (SELECT client, address FROM answer_keys WHERE NOT has_one_name) USING (client, address)
ORDER BY client, address, from_us, until_us, host"""

_UNNAMED_GROUPS = """
SELECT count(*) FROM by_input b JOIN seen_address a ON a.text = b.server_ip AND a.is_int = b.int_address
LEFT JOIN seen_host h ON h.text = b.host
WHERE b.input = ? AND h.canonical IS NULL AND a.canonical IN (SELECT address FROM answered_addresses)"""


# Unnamed flows to addresses that a stated answer gave, but not while it lived.
_LEFT_UNNAMED = """
SELECT coalesce(sum(b.flows), 0) FROM by_input b
JOIN seen_address a ON a.text = b.server_ip AND a.is_int = b.int_address
WHERE b.host IS NULL AND a.canonical IN (SELECT address FROM stated_addresses)"""


class Naming:
    """Collects answers, cuts them into segments, and names the flows of tables."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, distinct: Distinct) -> None:
        self._con, self._distinct = connection, distinct
        self._has_segments = False
        self._has_any_client = False
        self._has_stated = False
        if not has_table(connection, "segments"):  # a job that is resumed has its tables, whole or not yet begun
            connection.execute(_TABLES)

    def add(self, number: int, batches: Iterable[pa.RecordBatch]) -> None:
        """Take the answers of one input, as batches of `conversion.answer_schema()`."""
        for batch in batches:
            with seam("", "keeping answers"):
                self._con.register("incoming", batch)
                self._con.execute(
                    "INSERT INTO raw_answers SELECT ?, line, epoch_us(ts), client_ip, host, address, ttl_s "
                    "FROM incoming",
                    [number],
                )
                self._con.unregister("incoming")

    def add_rows(self, query: str) -> None:
        """Take the answers that a query of this package yields, with the columns of `raw_answers`."""
        self._con.execute(f"INSERT INTO raw_answers {query}")

    def add_stated(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Take answers that no input holds: recorded by the auditor, at another place than the clients'."""
        self.add(_STATED, batches)

    def count_left_unnamed(self) -> int:
        """Return how many unnamed flows went to an address of a stated answer while it did not live."""
        return scalar(self._con, _LEFT_UNNAMED) if self._has_stated and self._has_segments else 0

    def collect(self) -> None:
        """Read all answers strictly; `cut` comes next, in a transaction of its own where there are any."""
        if not scalar(self._con, "SELECT count(*) FROM raw_answers"):
            return
        texts = "SELECT DISTINCT address AS text FROM raw_answers UNION SELECT DISTINCT client_ip FROM raw_answers"
        self._distinct.addresses(f"SELECT text FROM ({texts}) WHERE {_LOOKS_LIKE_ADDRESS}")  # noqa: S608
        self._distinct.hosts("SELECT DISTINCT host AS text FROM raw_answers")
        for sql in (_ANSWERS, _ANSWER_KEYS, _ISLANDS):
            self._con.execute(sql)
        self._distinct.hosts("SELECT DISTINCT host AS text FROM answers")
        self._con.execute(f"CREATE TABLE stated_addresses AS {_STATED_ADDRESSES}")

    def cut(self) -> None:
        """Cut the answers into segments, in steps that a second connection may read."""
        if not has_table(self._con, "answers"):
            return
        self._add_shared()
        self._con.execute("DROP TABLE raw_answers; DROP TABLE answers; DROP TABLE answer_keys")
        self._con.execute("CREATE TABLE answered_addresses AS SELECT DISTINCT address FROM segments")

    def look(self) -> None:
        """See what `cut` left, now or in a run before this one; flows can be named after that."""
        if not has_table(self._con, "segments"):
            return
        self._has_segments = scalar(self._con, "SELECT count(*) FROM segments") > 0
        self._has_any_client = scalar(self._con, "SELECT count(*) FROM segments WHERE client = ''") > 0
        self._has_stated = scalar(self._con, "SELECT count(*) FROM stated_addresses") > 0

    def _add_shared(self) -> None:
        import pyarrow as pa

        cursor = self._con.cursor()
        try:
            rows = _rows(cursor.execute(_SHARED))
            for chunk in _chunks(cut_segments(rows)):
                columns = zip(*((s.client, s.address, s.from_us, s.host, s.is_shared) for s in chunk), strict=True)
                names = ["client", "address", "from_us", "host", "is_shared"]
                table = pa.table([pa.array(list(column)) for column in columns], names=names)
                self._con.register("incoming", table)
                self._con.execute("INSERT INTO segments SELECT * FROM incoming")
                self._con.unregister("incoming")
        finally:
            cursor.close()

    def may_name(self, number: int, *, has_clients: bool) -> bool:
        """Has an input that is grouped in `by_input` unnamed flows to an address that an answer gave?"""
        if not self._has_segments or not (has_clients or self._has_any_client):
            return False
        return scalar(self._con, _UNNAMED_GROUPS, [number]) > 0

    def may_name_sql(self, table: str) -> str | None:
        """Return a query of each `id` of a table whose `server_ip` (read by `Distinct`) an answer gave, if any did."""
        if not self._has_segments:
            return None
        return (
            f"SELECT t.id FROM {table} t JOIN seen_address a ON a.text = t.server_ip AND NOT a.is_int "  # noqa: S608
            "WHERE a.canonical IN (SELECT address FROM answered_addresses)"
        )

    def name(self, table: str, where: str, *, has_integer_clients: bool = False) -> None:
        """Fill `host` and `named_by` of the unnamed rows of a table that satisfy `where`.

        The table has `ts_us`, `client_ip`, `server_ip` (read by `Distinct`), `int_address`, `host`, `named_by`.
        """
        if not self._has_segments:
            return
        self._con.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE unnamed AS
            SELECT t.rowid AS place, t.ts_us, t.client_ip, a.canonical AS address
            FROM {table} t JOIN seen_address a ON a.text = t.server_ip AND a.is_int = t.int_address
            WHERE ({where}) AND a.canonical IN (SELECT address FROM answered_addresses)
              AND (t.host IS NULL OR t.host IN (SELECT text FROM seen_host WHERE canonical IS NULL))"""  # noqa: S608
        )
        texts = "SELECT DISTINCT client_ip AS text FROM unnamed"
        if has_integer_clients:
            self._distinct.integer_addresses(texts)
        else:
            self._distinct.addresses(texts)
        self._con.execute(_looked_up(has_integer_clients, self._has_any_client))
        self._con.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE {table} AS
            SELECT t.* REPLACE (coalesce(d.host, t.host) AS host, coalesce(d.named_by, t.named_by) AS named_by)
            FROM {table} t LEFT JOIN by_dns d ON d.place = t.rowid"""  # noqa: S608
        )
        self._con.execute("DROP TABLE unnamed; DROP TABLE by_dns")


def _looked_up(has_integer_clients: bool, has_any_client: bool) -> str:
    """Return SQL for the name of each unnamed flow that has one: its client's own answers, then anybody's."""

    def found(client: str) -> str:
        return f"""
        SELECT u.place, s.host, s.is_shared, {client} <> '' AS is_own
        FROM unnamed u LEFT JOIN seen_address c ON c.text = u.client_ip AND c.is_int = {has_integer_clients}
        ASOF JOIN segments s ON s.client = {client} AND s.address = u.address AND s.from_us <= u.ts_us
        WHERE s.host IS NOT NULL"""  # noqa: S608

    every = found("coalesce(c.canonical, '-')") + (f" UNION ALL {found(_ANYBODY)}" if has_any_client else "")
    return f"""
    CREATE OR REPLACE TEMP TABLE by_dns AS
    SELECT place, arg_max(host, is_own) AS host,
      CASE WHEN bool_or(is_shared) OR min(host) <> max(host) OR NOT bool_or(is_own) THEN 'dns_shared'
           ELSE 'dns' END AS named_by
    FROM ({every}) GROUP BY place"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Segment:
    """From `from_us` to the next segment of this client and address: the latest living name, None for none."""

    client: str
    address: str
    from_us: int
    host: str | None
    is_shared: bool


Answer = tuple[str, str, int, int, str]
"""Client, address, first and last microsecond of its life, host."""


def cut_segments(answers: Iterable[Answer]) -> Iterator[Segment]:
    """Cut answers, sorted by client, address and beginning, into segments that do not overlap.

    Each answer enters and leaves the heaps once: n answers take O(n log n), however they overlap.
    """
    alive = _Alive("", "")
    for client, address, from_us, until_us, host in answers:
        if (client, address) != (alive.client, alive.address):
            yield from alive.end(None)
            alive = _Alive(client, address)
        yield from alive.end(from_us)
        alive.begin(from_us, until_us, host)
    yield from alive.end(None)


class _Alive:
    """The answers of one client for one address that live at the time reached, and what was last said of it."""

    def __init__(self, client: str, address: str) -> None:
        self.client, self.address = client, address
        self._ends: list[tuple[int, str]] = []
        self._latest: list[tuple[int, _Backwards, int]] = []
        self._hosts: Counter[str] = Counter()
        self._pending: int | None = None
        self._said: tuple[str | None, bool] = (None, False)

    def begin(self, from_us: int, until_us: int, host: str) -> None:
        heapq.heappush(self._ends, (until_us, host))
        heapq.heappush(self._latest, (-from_us, _Backwards(host), until_us))
        self._hosts[host] += 1
        self._pending = from_us

    def end(self, now_us: int | None) -> Iterator[Segment]:
        """Let time pass up to `now_us` (None: to the end); yield the segments that began before it."""
        if self._pending is not None and self._pending != now_us:
            yield from self._say(self._pending)
            self._pending = None
        while self._ends and (now_us is None or self._ends[0][0] + 1 < now_us):
            at = self._ends[0][0] + 1
            self._drop(at)
            yield from self._say(at)
        if now_us is not None:
            self._drop(now_us)

    def _drop(self, now_us: int) -> None:
        while self._ends and self._ends[0][0] < now_us:
            _, host = heapq.heappop(self._ends)
            self._hosts[host] -= 1
            if not self._hosts[host]:
                del self._hosts[host]
        while self._latest and self._latest[0][2] < now_us:
            heapq.heappop(self._latest)

    def _say(self, at_us: int) -> Iterator[Segment]:
        host = self._latest[0][1].text if self._latest else None
        said = (host, len(self._hosts) > 1)
        if said != self._said:
            self._said = said
            yield Segment(self.client, self.address, at_us, *said)


@dataclass(frozen=True, slots=True)
class _Backwards:
    """A text that sorts the other way round: of answers at one instant the greatest name counts."""

    text: str

    def __lt__(self, other: _Backwards) -> bool:
        return self.text > other.text


def _rows(cursor: duckdb.DuckDBPyConnection) -> Iterator[Answer]:
    while rows := cursor.fetchmany(_BATCH):
        yield from rows


def _chunks(segments: Iterable[Segment]) -> Iterator[list[Segment]]:
    chunk: list[Segment] = []
    for segment in segments:
        chunk.append(segment)
        if len(chunk) >= _BATCH:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
