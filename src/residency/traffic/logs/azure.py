"""Flow logs of Azure: of network security groups (NSG, versions 1 and 2) and of virtual networks (VNet).

    {"records": [{…, "properties": {"flows": [{"flows": [{"mac": …, "flowTuples": ["…"]}]}]}}]}               NSG
    {"records": [{…, "macAddress": …, "flowRecords": {"flows": [{"flowGroups": [{"flowTuples": ["…"]}]}]}}]}  VNet

A tuple is a record here. Documents, arrays of their records, and one record a line are read.

- The source of a tuple opened the conversation, whatever the direction says: it tells (I, O) whether the interface that
  was logged is the server's or the client's. So the source is the client.
- State B begins a conversation, C and E add what passed since the tuple before it, E ends it: the tuples of one
  interface, addresses, ports and direction from a B to the next, or to an E, are one flow, all but the first context.
  B has no counts. What has no B (it stands in the file of the hour before) is a flow from its first tuple on.
- Denied: nothing was let through, so zero bytes and unanswered. So are VNet tuples that were dropped for want of
  encryption (NX_NOT_ACCEPTED); the other states of encryption change nothing.
- The same tuple again at the same interface is a duplicate: each list of rules that a flow passed may log it.
- Bytes count the headers, of Ethernet too. So whether the server sent payload follows from bytes against packets; in
  between it is not known. Version 1 has no counts.

https://learn.microsoft.com/azure/network-watcher/nsg-flow-logs-overview, …/vnet-flow-logs-overview
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from residency.traffic.columns import LAST_US
from residency.traffic.engine import scalar, seam
from residency.traffic.logs.conversations import capped_sum
from residency.traffic.logs.documents import Element, elements
from residency.traffic.logs.staging import (
    LogConversion,
    flow_batches,
    has_payload,
    insert_table,
    is_bad_count,
    moment,
    whole,
)

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from residency.traffic.source import OpenFile

_BATCH_ROWS = 50_000
_LINK_BYTES = 18  # Ethernet and one VLAN tag
_Row = tuple[int, int, str | None, bool, str]


def is_azure_log(head: bytes) -> bool:
    """Does a text begin with records of such a log?"""
    return head.lstrip()[:1] in (b"{", b"[") and any(
        key in head
        for key in (b'"flowTuples"', b'"FlowLogFlowEvent"', b'"NetworkSecurityGroupFlowEvent"', b'"flowRecords"')
    )


class AzureConversion(LogConversion):
    """One flow log."""

    def __init__(self, file: OpenFile, connection: duckdb.DuckDBPyConnection) -> None:
        super().__init__(file, connection)
        self._tuples = 0

    def flows(self) -> Iterator[pa.RecordBatch]:
        """Yield a row for each conversation."""
        con = self._con
        with seam(self._file.path, "reading its tuples"):
            self._stage()
            self.records = self._tuples + self.context + len(self.rejected)
            con.execute(_TYPED)
            con.execute("DROP TABLE azure_text")
            self.reject(con, "SELECT line, reason, text FROM azure_typed WHERE reason IS NOT NULL ORDER BY place")
            con.execute(_FLOWS)
        self.duplicate = scalar(con, "SELECT count(*) FROM azure_typed WHERE reason IS NULL AND is_twin")
        self.context += scalar(con, "SELECT coalesce(sum(tuples - 1), 0) FROM azure_flows")
        yield from flow_batches(con, "SELECT * FROM azure_flows ORDER BY line, place")

    def _stage(self) -> None:
        """Keep the tuples of all records; a record without any is context."""
        self._con.execute(_TABLE)
        rows: list[_Row] = []
        for element in elements(self._file, self, ("records",)):
            try:
                found = list(_tuples_of(element))
            except ValueError as error:
                self.rejected.append(element.rejected(str(error)))
                continue
            self.context += not found
            rows += [(element.line, self._tuples + place, *one) for place, one in enumerate(found)]
            self._tuples += len(found)
            if len(rows) >= _BATCH_ROWS:
                self._insert(rows)
        self._insert(rows)

    def _insert(self, rows: list[_Row]) -> None:
        import pyarrow as pa

        if rows:
            kinds = (pa.int64(), pa.int64(), pa.string(), pa.bool_(), pa.string())
            names = ("line", "place", "interface", "is_vnet", "text")
            arrays = [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), kinds, strict=True)]
            insert_table(self._con, "azure_text", pa.table(arrays, names=names))
            rows.clear()


def _tuples_of(element: Element) -> Iterator[tuple[str | None, bool, str]]:
    """Yield (interface, is it a VNet's log?, tuple); raises ValueError with the key that is not what it should be."""
    value = element.value
    if "flowRecords" in value:
        for acl in _list(_dict(value, "flowRecords"), "flows"):
            for group in _list(acl, "flowGroups"):
                yield from ((_name(value, "macAddress"), True, one) for one in _texts(group))
    elif "properties" in value:
        for rule in _list(_dict(value, "properties"), "flows"):
            for nic in _list(rule, "flows"):
                yield from ((_name(nic, "mac"), False, one) for one in _texts(nic))


def _dict(found: Any, key: str) -> Any:
    inner = found.get(key)
    if not isinstance(inner, dict):
        raise ValueError(f"{key}: not a JSON object")
    return inner


def _list(found: Any, key: str) -> list[Any]:
    """Return the objects of a list; a list that is absent is empty."""
    inner = found.get(key) or []
    if not isinstance(inner, list) or not all(isinstance(one, dict) for one in inner):
        raise ValueError(f"{key}: not a list of JSON objects")
    return inner


def _name(found: Any, key: str) -> str | None:
    inner = found.get(key)
    return inner if isinstance(inner, str) and inner.isascii() else None


def _texts(found: Any) -> list[str]:
    inner = found.get("flowTuples") or []
    if not isinstance(inner, list) or not all(type(one) is str for one in inner):
        raise ValueError("flowTuples: not a list of texts")
    return [one if one.isascii() else one.encode("utf-8", "backslashreplace").decode() for one in inner]


_TABLE = """
CREATE OR REPLACE TEMP TABLE azure_text (
  line BIGINT, place BIGINT, interface VARCHAR, is_vnet BOOLEAN, text VARCHAR)"""
_COUNTS = {"sent_packets": 10, "sent": 11, "received_packets": 12, "received": 13}
_BEFORE_MS = 100_000_000_000  # in milliseconds this is 1973: seconds would look like it, and be read as 1970
_BAD = (
    ("CASE WHEN is_vnet THEN n <> 13 ELSE n NOT IN (8, 13) END", "a flow tuple of another number of fields"),
    (f"us IS NULL OR (is_vnet AND t < {_BEFORE_MS})", "the time is no number of the unit that this log has"),
    (f"us >= {LAST_US}", "the time is after 2200"),
    ("direction NOT IN ('I', 'O')", "the direction is neither I nor O"),
    ("NOT is_vnet AND decision NOT IN ('A', 'D')", "the decision is neither A nor D"),
    ("state NOT IN ('B', 'C', 'E', 'D')", "the state is none of B, C, E, D"),
    ("proto IS NULL", "not a protocol"),
    *((f"coalesce({name} NOT BETWEEN 0 AND 65535, true)", f"{name}: not a port") for name in ("sport", "dport")),
    *((is_bad_count(f"text_{name}", name), f"{name}: not an integer from 0 to 2^62 - 1") for name in _COUNTS),
)
_TYPED = f"""
CREATE OR REPLACE TEMP TABLE azure_typed AS
WITH split AS (SELECT *, len(p) AS n FROM (SELECT *, string_split(text, ',') AS p FROM azure_text)),
named AS (
  SELECT line, place, interface, is_vnet, text, n, {whole("p[1]")} AS t, p[2] AS src, p[3] AS dst,
    {whole("p[4]")} AS sport, {whole("p[5]")} AS dport, p[7] AS direction, p[8] AS decision,
    CASE WHEN is_vnet THEN p[8] ELSE nullif(p[9], '') END AS state,
    CASE WHEN p[6] = 'T' THEN 'tcp' WHEN p[6] = 'U' THEN 'udp' WHEN p[6] = '6' THEN 'tcp' WHEN p[6] = '17' THEN 'udp'
         WHEN {whole("p[6]")} BETWEEN 0 AND 255 THEN p[6] END AS proto,
    CASE WHEN is_vnet THEN p[8] = 'D' OR p[9] = 'NX_NOT_ACCEPTED' ELSE p[8] = 'D' END AS is_denied,
    {", ".join(f"nullif(p[{at}], '') AS text_{name}" for name, at in _COUNTS.items())}
  FROM split),
counted AS (
  SELECT *, {", ".join(f"{whole(f'text_{name}')} AS {name}" for name in _COUNTS)},
    CASE WHEN t BETWEEN 0 AND {LAST_US} THEN CASE WHEN is_vnet THEN t * 1000 ELSE least(t, {LAST_US}) * 1000000 END END
      AS us
  FROM named)
SELECT *, row_number() OVER (PARTITION BY is_vnet, interface, text ORDER BY place) > 1 AS is_twin,
  CASE {" ".join(f"WHEN {bad} THEN '{why}'" for bad, why in _BAD)} END AS reason
FROM counted"""  # noqa: S608

_WHOSE = "is_vnet, interface, src, dst, sport, dport, proto, direction, is_denied"
_RECEIVED = has_payload("bytes_received", "received_packets", "proto", "server_ip", link_bytes=_LINK_BYTES)


def _total(name: str) -> str:
    """Sum what C and E tell: B has no counts, though zeros may stand there."""
    return capped_sum(f"CASE WHEN state <> 'B' THEN {name} END")


_FLOWS = f"""
CREATE OR REPLACE TEMP TABLE azure_flows AS
WITH begun AS (
  SELECT *, is_denied OR state IS NULL OR state = 'B' OR coalesce(lag(state) OVER w = 'E', true) AS is_first
  FROM azure_typed WHERE reason IS NULL AND NOT is_twin
  WINDOW w AS (PARTITION BY {_WHOSE} ORDER BY us, place)),
turned AS (
  SELECT *, sum(CAST(is_first AS INTEGER)) OVER (PARTITION BY {_WHOSE} ORDER BY us, place) AS turn FROM begun),
joined AS (
  SELECT {_WHOSE}, turn, count(*) AS tuples, min(place) AS place, arg_min(line, place) AS line, min(us) AS start_us,
    max(us) AS end_us, {_total("sent")} AS sent, {_total("received")} AS received,
    {_total("received_packets")} AS received_packets
  FROM turned GROUP BY {_WHOSE}, turn),
shaped AS (
  SELECT line, place, tuples, {moment("start_us")} AS ts, {moment("end_us")} AS ended, src AS client_ip,
    CAST(sport AS INTEGER) AS client_port, dst AS server_ip, CAST(dport AS INTEGER) AS server_port, proto, is_denied,
    CASE WHEN is_denied THEN 0 ELSE sent END AS bytes_sent, received_packets,
    CASE WHEN is_denied THEN 0 ELSE received END AS bytes_received, CAST(1 AS BIGINT) AS flows
  FROM joined)
SELECT *, CASE WHEN is_denied THEN false ELSE {_RECEIVED} END AS answered FROM shaped"""  # noqa: S608
