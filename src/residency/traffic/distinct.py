"""Reads the distinct texts of key columns strictly, once each, into lookup tables.

`seen_address(text, is_int, canonical, form, reason)`, `seen_host(text, canonical, reason)` and
`seen_word(kind, text, canonical, reason)` (ports, protocols, how named) are joined to whatever holds the texts.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from residency.arrow import texts
from residency.model.names import HostNameError, normalise_host
from residency.model.network import parse_address
from residency.traffic.columns import NAMED_BY, V4
from residency.traffic.engine import scalar

if TYPE_CHECKING:
    import duckdb

TABLES = """
CREATE TABLE IF NOT EXISTS seen_address (text VARCHAR, is_int BOOLEAN, canonical VARCHAR, form VARCHAR, reason VARCHAR);
CREATE TABLE IF NOT EXISTS seen_host (text VARCHAR, canonical VARCHAR, reason VARCHAR);
CREATE TABLE IF NOT EXISTS seen_port (text VARCHAR, canonical INTEGER, reason VARCHAR);
CREATE TABLE IF NOT EXISTS seen_proto (text VARCHAR, canonical VARCHAR, reason VARCHAR);
CREATE TABLE IF NOT EXISTS seen_named_by (text VARCHAR, canonical VARCHAR, reason VARCHAR);
"""

TABLE_OF = {
    "server_ip": "seen_address",
    "server_port": "seen_port",
    "proto": "seen_proto",
    "host": "seen_host",
    "named_by": "seen_named_by",
}
"""Which lookup table has the texts of a key column; the first with a reason says what is wrong with a row."""

_PROTOCOLS = {1: "icmp", 2: "igmp", 6: "tcp", 17: "udp", 41: "ipv6", 47: "gre", 50: "esp", 51: "ah", 58: "icmp6",
              132: "sctp"}  # fmt: skip
PLAIN_HOST = r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{0,62}[a-z]"
# A dotted quad without leading zeros is its own canonical text. So is global unicast IPv6 as RFC 5952 writes it: lower
# case, no leading zeros, one `::` for two groups or more (so at most six others), no other group of zeros. What begins
# with 200 may be Teredo or 6to4, which the strict reader tells apart.
_GROUP = "[1-9a-f][0-9a-f]{0,3}"
_PLAIN_V6 = f"2(?:0[1-9a-f][0-9a-f]|[1-9a-f][0-9a-f]{{2}})(?::{_GROUP}){{0,4}}::{_GROUP}(?::{_GROUP}){{0,4}}"
_IS_PLAIN_ADDRESS = (
    f"regexp_full_match(text, '{V4}') OR (regexp_full_match(text, '{_PLAIN_V6}') "
    "AND strlen(text) - strlen(replace(text, ':', '')) <= 6)"
)
_BATCH = 100_000
_PROTO = re.compile(r"[a-z][a-z0-9_.+/-]{0,31}")


class Distinct:
    """Fills the lookup tables from relations that hold texts."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        connection.execute(TABLES)
        self._texts("seen_named_by", f"SELECT unnest({list(NAMED_BY)}) AS text", read_named_by)

    def read(self, relation: str, where: str = "true", *, is_small: bool = False) -> None:
        """Read every text of `relation` (a table of this package) that was not seen before.

        `is_small` says that it has few rows: of them one query asks for all texts, since it is queries that cost.
        """
        if is_small:
            self._read_few(relation, where)
            return
        for is_int in (False, True):
            found = f"SELECT DISTINCT server_ip AS text FROM {relation} WHERE {where}"  # noqa: S608
            self._addresses(f"{found} AND int_address = {is_int}", is_int)
        self._hosts(f"SELECT DISTINCT host AS text FROM {relation} WHERE {where}")  # noqa: S608
        self._texts("seen_port", f"SELECT DISTINCT server_port AS text FROM {relation} WHERE {where}", read_port)  # noqa: S608
        self._texts("seen_proto", f"SELECT DISTINCT proto AS text FROM {relation} WHERE {where}", read_proto)  # noqa: S608
        words = f"SELECT DISTINCT named_by AS text FROM {relation} WHERE {where}"  # noqa: S608
        self._texts("seen_named_by", words, read_named_by)

    def _read_few(self, relation: str, where: str) -> None:
        """Read all texts of a small relation in Python."""
        kinds = "server_ip AS text, CAST(int_address AS INTEGER) AS kind", "host, 2", "server_port, 3", "proto, 4"
        texts = " UNION ALL ".join(f"SELECT {one} FROM few" for one in (*kinds, "named_by, 5"))  # noqa: S608
        seen = f"({_SEEN_TEXTS})"
        found = self._connection.execute(
            f"WITH few AS MATERIALIZED (SELECT * FROM {relation} WHERE {where}) SELECT DISTINCT text, kind "  # noqa: S608
            f"FROM ({texts}) q WHERE text IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {seen} s "
            "WHERE s.text = q.text AND s.kind = q.kind)"
        ).fetchall()
        fresh: dict[int, list[str]] = {}
        for text, kind in found:
            fresh.setdefault(kind, []).append(text)
        for is_int, read in enumerate((read_address, read_integer_address)):
            self._insert_addresses([(text, bool(is_int), *read(text)) for text in fresh.get(is_int, ())])
        for kind, (table, reader) in _READERS.items():
            self._insert_texts(table, [(text, *reader(text)) for text in fresh.get(kind, ())])

    def has_faults(self) -> bool:
        """Was any text read that is not what its column asks for?"""
        every = " UNION ALL ".join(f"SELECT reason FROM {table}" for table in TABLE_OF.values())  # noqa: S608
        return scalar(self._connection, f"SELECT count(reason) FROM ({every})") > 0  # noqa: S608

    def faults(self, *, is_int: bool) -> dict[str, str]:
        """Return queries of the texts that are not what their column asks for, by column, where there are any.

        `is_int` says that addresses are held as integers.
        """
        of_kind = {"server_ip": f" AND is_int = {is_int}"}
        queries = {
            column: f"SELECT text FROM {table} WHERE reason IS NOT NULL{of_kind.get(column, '')}"  # noqa: S608
            for column, table in TABLE_OF.items()
        }
        return {c: query for c, query in queries.items() if scalar(self._connection, f"SELECT count(*) FROM ({query})")}  # noqa: S608

    def _hosts(self, query: str) -> None:
        """Read host names; plain lower-case ones are their own normal form, and only the rest needs Python."""
        is_plain = f"regexp_full_match(text, '{PLAIN_HOST}') AND strlen(text) <= 253 AND NOT contains(text, 'xn--')"
        rest = self._take_plain(_unseen(query, "seen_host"), is_plain, "seen_host", "text, text, NULL")
        self._texts("seen_host", rest, read_host)

    def _take_plain(self, query: str, is_plain: str, table: str, row: str) -> str:
        """Insert what is its own canonical text as `row` of a table; return the query of the rest."""
        looked_at = f"SELECT text, {is_plain} AS is_plain FROM ({query})"  # noqa: S608
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE fresh AS {looked_at}")
        self._connection.execute(f"INSERT INTO {table} SELECT {row} FROM fresh WHERE is_plain")  # noqa: S608
        return "SELECT text FROM fresh WHERE NOT is_plain"

    def hosts(self, query: str) -> None:
        """Read the texts of a query with one column `text` as host names."""
        self._hosts(query)

    def addresses(self, query: str) -> None:
        """Read the texts of a query with one column `text` as addresses."""
        self._addresses(query, False)

    def integer_addresses(self, query: str) -> None:
        """Read the texts of a query with one column `text` as IPv4 addresses held as integers."""
        self._addresses(query, True)

    def _addresses(self, query: str, is_int: bool) -> None:
        """Read addresses; most are their own canonical text, and only the rest needs Python."""
        rest = _unseen(query, "seen_address", f" AND s.is_int = {is_int}")
        if not is_int:
            rest = self._take_plain(rest, _IS_PLAIN_ADDRESS, "seen_address", "text, false, text, 'native', NULL")
        read = read_integer_address if is_int else read_address
        for fresh in self._batches(rest):
            rows = [(text, is_int, *read(text)) for text in fresh]
            self._insert_addresses(rows)

    def _texts(self, table: str, query: str, read: Callable[[str], tuple[object, str | None]]) -> None:
        for fresh in self._batches(_unseen(query, table)):
            self._insert_texts(table, [(text, *read(text)) for text in fresh])

    def _insert_addresses(self, rows: Iterable[tuple[object, ...]]) -> None:
        self._insert("seen_address", ("text", "is_int", "canonical", "form", "reason"), rows)

    def _insert_texts(self, table: str, rows: Iterable[tuple[object, ...]]) -> None:
        self._insert(table, ("text", "canonical", "reason"), rows)

    def _batches(self, query: str) -> Iterator[list[str]]:
        """Yield the texts of a query in pieces of bounded size: there may be millions."""
        found = self._connection.sql(query).to_arrow_table().column(0)
        for start in range(0, len(found), _BATCH):
            yield found.slice(start, _BATCH).to_pylist()

    def _insert(self, table: str, names: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> None:
        """Insert rows as texts, which the table's own types are cast from."""
        import pyarrow as pa

        columns = list(zip(*rows, strict=True))
        if not columns:
            return
        arrays = [texts([None if v is None else str(v) for v in column], is_large=True) for column in columns]
        self._connection.register("incoming", pa.table(arrays, names=list(names)))
        self._connection.execute(f"INSERT INTO {table} SELECT * FROM incoming")  # noqa: S608
        self._connection.unregister("incoming")


def _unseen(query: str, table: str, more: str = "") -> str:
    """Return SQL for the texts of `query` that a lookup table does not hold yet."""
    return (
        f"SELECT text FROM ({query}) q WHERE text IS NOT NULL "  # noqa: S608
        f"AND NOT EXISTS (SELECT 1 FROM {table} s WHERE s.text = q.text{more})"
    )


def read_address(text: str) -> tuple[str | None, str | None, str | None]:
    """Return (canonical text, form, reason)."""
    if text[:1] == "2" and ":" in text and not text.startswith("200"):
        # Plain global unicast, most of all IPv6: the C library's canonical text is that of RFC 5952 as well.
        try:
            return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, text)), "native", None
        except OSError:
            pass  # the strict reader says why
    try:
        address = parse_address(text)
    except ValueError as error:
        return None, None, f"server_ip: {error}"
    return address.text, address.form.value, None


def read_integer_address(text: str) -> tuple[str | None, str | None, str | None]:
    """Return (canonical text, form, reason) of an IPv4 address held as an integer."""
    value = int(text) if text.isdigit() else -1
    if not 0 <= value < 2**32:
        return None, None, "server_ip: an integer that is no IPv4 address"
    return str(ipaddress.IPv4Address(value)), "native", None


def read_host(text: str) -> tuple[str | None, str | None]:
    """Return (normal form or None for an address, reason)."""
    if not text.strip():
        return None, None
    try:
        return normalise_host(text), None
    except HostNameError as error:
        return None, f"host: {error}"


def read_port(text: str) -> tuple[int | None, str | None]:
    """Return (port, reason); `443.0` is read as 443, since tables with gaps hold ports as floats."""
    stripped = text.strip()
    whole, point, zeros = stripped.partition(".")
    if whole.isascii() and whole.isdigit() and len(whole) <= 9 and not zeros.strip("0") and int(whole) <= 65_535:
        return int(whole), None
    del point
    return None, "server_port: not a port from 0 to 65535"


def read_proto(text: str) -> tuple[str | None, str | None]:
    """Return (lower-case name, reason); numbers become the protocol's name where it is a common one."""
    word = text.strip().lower()
    if word.isascii() and word.isdigit() and len(word) <= 3 and int(word) <= 255:
        return _PROTOCOLS.get(int(word), str(int(word))), None
    if _PROTO.fullmatch(word):
        return word, None
    return None, "proto: neither a protocol's name nor its number"


def read_named_by(text: str) -> tuple[str | None, str | None]:
    """Return (how a host was named, reason)."""
    word = text.strip().lower()
    return (word, None) if word in NAMED_BY else (None, f"named_by: none of {', '.join(NAMED_BY)}")


_READERS: dict[int, tuple[str, Callable[[str], tuple[object, str | None]]]] = {
    2: ("seen_host", read_host),
    3: ("seen_port", read_port),
    4: ("seen_proto", read_proto),
    5: ("seen_named_by", read_named_by),
}
"""Key columns but addresses by a number of their own: where their texts are kept, and who reads them."""
_SEEN_TEXTS = " UNION ALL ".join(
    ["SELECT text, CAST(is_int AS INTEGER) AS kind FROM seen_address"]
    + [f"SELECT text, {kind} FROM {table}" for kind, (table, _) in _READERS.items()]  # noqa: S608
)
