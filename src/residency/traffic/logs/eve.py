"""Suricata's EVE log: one JSON object a line, an event each.

flow             a flow; the same flow_id and timestamp again is a duplicate
tls, quic, http  name the flow of their flow_id (context); without one, a flow of unknown bytes, one a flow_id
dns              context; its answers name flows (versions 1, 2 and 3 of the event)
every other      context (alert, fileinfo, anomaly, netflow, stats …)

Rotated files of one sensor are joined: all EVE inputs stand in tables of the one database, and the join is made when
the first of them is asked for its flows. Event format: https://docs.suricata.io/en/latest/output/eve/eve-json-format.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from residency.limits import LIMITS
from residency.traffic.columns import LAST_US, Kind, plan_columns
from residency.traffic.engine import scalar, seam
from residency.traffic.logs.staging import (
    LogConversion,
    answer_batches,
    flow_batches,
    has_payload,
    moment,
    read_hosts,
    stage_json,
)

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from residency.traffic.source import OpenFile

# Our name -> the keys that lead to it.
_COLUMNS = {
    "logged": ("timestamp",),
    "flow_id": ("flow_id",),
    "kind": ("event_type",),
    "src_ip": ("src_ip",),
    "src_port": ("src_port",),
    "dest_ip": ("dest_ip",),
    "dest_port": ("dest_port",),
    "proto": ("proto",),
    "tx_id": ("tx_id",),
    "bytes_sent": ("flow", "bytes_toserver"),
    "bytes_received": ("flow", "bytes_toclient"),
    "packets_received": ("flow", "pkts_toclient"),
    "started": ("flow", "start"),
    "ended": ("flow", "end"),
    "sni": ("tls", "sni"),
    "tls_version": ("tls", "version"),
    "quic_sni": ("quic", "sni"),
    "hostname": ("http", "hostname"),
    "status": ("http", "status"),
    "dns_type": ("dns", "type"),
    "dns_id": ("dns", "id"),
    "rrname": ("dns", "rrname"),
    "rrtype": ("dns", "rrtype"),
    "rdata": ("dns", "rdata"),
    "ttl": ("dns", "ttl"),
    "dns_queries": ("dns", "queries"),
    "dns_answers": ("dns", "answers"),
    "dns_grouped": ("dns", "grouped"),
}
_READ = "('flow', 'tls', 'quic', 'http', 'dns')"
_LINK_BYTES = 18  # Suricata counts whole frames: Ethernet and one VLAN tag


def is_eve(keys: set[str]) -> bool:
    """Are these the keys of EVE events?"""
    return "event_type" in keys and "timestamp" in keys


class EveConversion(LogConversion):
    """One EVE file; its events are joined with those of the other EVE inputs."""

    def __init__(self, file: OpenFile, connection: duckdb.DuckDBPyConnection) -> None:
        super().__init__(file, connection)
        connection.execute("CREATE TABLE IF NOT EXISTS eve_sources (source INTEGER)")
        self._source = scalar(connection, "SELECT count(*) FROM eve_sources")
        connection.execute("INSERT INTO eve_sources VALUES (?)", [self._source])
        with seam(file.path, "reading its events"):
            stage_json(file, connection, "eve_text", _COLUMNS, self)
            read_hosts(connection, "eve_hosts", f"SELECT {_HOST} AS text FROM eve_text WHERE kind <> 'dns'")  # noqa: S608
            self.context = scalar(connection, f"SELECT count(*) FROM eve_text WHERE kind NOT IN {_READ}")  # noqa: S608
            connection.execute(_STORE, [self._source])
            bad = f"source = {self._source:d} AND reason IS NOT NULL"
            self.reject(connection, f"SELECT line, reason, fault FROM eve_raw WHERE {bad} ORDER BY line")  # noqa: S608
            connection.execute("DROP TABLE eve_text; DROP TABLE eve_hosts")
        self.mark_cut_line(file)

    def flows(self) -> Iterator[pa.RecordBatch]:
        """Yield the flows, and the names that no flow event stands for."""
        for sql in _JOIN:
            self._con.execute(sql)
        mine = f"FROM eve_events WHERE source = {self._source:d}"
        self.duplicate = scalar(self._con, f"SELECT count(*) {mine} AND is_twin")
        rows = scalar(self._con, f"SELECT count(*) FROM eve_flows WHERE source = {self._source:d}")  # noqa: S608
        self.context += scalar(self._con, f"SELECT count(*) {mine} AND NOT is_twin") - rows
        yield from flow_batches(self._con, f"SELECT * FROM eve_flows WHERE source = {self._source:d} ORDER BY line")  # noqa: S608

    def answers(self) -> Iterator[pa.RecordBatch]:
        """Yield the addresses that clients got."""
        yield from answer_batches(self._con, f"SELECT * FROM ({_ANSWERS}) WHERE source = {self._source:d}")  # noqa: S608


_HOST = """
CASE kind WHEN 'tls' THEN sni WHEN 'quic' THEN quic_sni
  WHEN 'http' THEN regexp_replace(hostname, '^([^:\\[\\]]*|\\[[^\\]]*\\]):[0-9]*$', '\\1') END"""


def _quick_time(column: str, exactly: str) -> str:
    """Return SQL for a time that is first tried in Suricata's own form, then read `exactly`."""
    shape = " OR ".join(f"{column} LIKE '____-__-__T__:__:__.______{sign}____'" for sign in "+-")
    return f"coalesce(CASE WHEN {shape} THEN epoch_us(TRY_CAST({column} AS TIMESTAMPTZ)) END, {exactly})"


_PLAN = plan_columns(dict.fromkeys(("ts", "bytes_sent", "bytes_received", "server_ip"), Kind.TEXT), "s")
_END = plan_columns({"ts": Kind.TEXT, "server_ip": Kind.TEXT}, "s").values["ts_us"].replace('"ts"', "ended")
_PORTS = " OR ".join(
    f"({port} IS NOT NULL AND coalesce(TRY_CAST({port} AS BIGINT) NOT BETWEEN 0 AND 65535, true))"
    for port in ("src_port", "dest_port")
)
_FIELDS = """
  line BIGINT, reason VARCHAR, fault VARCHAR, kind VARCHAR, flow_id VARCHAR, logged VARCHAR, ts_us BIGINT,
  ended_us BIGINT, src_ip VARCHAR, src_port INTEGER, dest_ip VARCHAR, dest_port INTEGER, proto VARCHAR, sent BIGINT,
  received BIGINT, packets_received BIGINT, host VARCHAR, replied BOOLEAN, detail VARCHAR, dns_type VARCHAR,
  dns_id VARCHAR, rrname VARCHAR, rrtype VARCHAR, rdata VARCHAR, ttl VARCHAR, dns_queries VARCHAR, dns_answers VARCHAR,
  dns_grouped VARCHAR"""
_TABLE = f"CREATE TABLE IF NOT EXISTS eve_raw (source INTEGER, {_FIELDS})"
# The reasons are asked of rows that look bad only: patterns cost more than all the rest.
_LOOKS_GOOD = f"""
  kind IS NOT NULL AND ts_us BETWEEN 0 AND {LAST_US - 1} AND server_ip IS NOT NULL AND why IS NULL
  AND (bytes_sent IS NULL OR sent >= 0 AND NOT contains(bytes_sent, '.'))
  AND (bytes_received IS NULL OR received >= 0 AND NOT contains(bytes_received, '.'))
  AND (kind <> 'flow' OR ended_us IS NULL OR ended_us >= ts_us) AND NOT coalesce({_PORTS}, true)"""
_STORE = f"""
{_TABLE};
INSERT INTO eve_raw
SELECT ?, line, CASE WHEN NOT coalesce({_LOOKS_GOOD}, false) THEN
    CASE WHEN kind IS NULL THEN 'event_type: not there' WHEN {_PLAN.reason} IS NOT NULL THEN {_PLAN.reason}
      WHEN {_PORTS} THEN 'server_port: not a port from 0 to 65535'
      WHEN kind = 'flow' AND ended_us < ts_us THEN 'flow.end: before the start' ELSE why END END,
  CASE WHEN NOT coalesce({_LOOKS_GOOD}, false) THEN coalesce({_PLAN.fault}, name) END,
  kind, flow_id, logged, ts_us, CASE WHEN kind = 'flow' THEN ended_us END, src_ip, TRY_CAST(src_port AS INTEGER),
  dest_ip, TRY_CAST(dest_port AS INTEGER), lower(proto), CASE WHEN kind = 'flow' THEN sent END,
  CASE WHEN kind = 'flow' THEN received END, TRY_CAST(packets_received AS BIGINT), host,
  CASE WHEN (kind = 'tls' AND tls_version NOT IN ('', 'UNDETERMINED')) OR (kind = 'http' AND status IS NOT NULL)
       THEN true END,
  CASE WHEN kind = 'http' THEN tx_id
       WHEN kind = 'dns' THEN concat_ws(' ', dns_type, dns_id, tx_id, rrname, rrtype, rdata, dns_queries) END,
  dns_type, dns_id, rrname, rrtype, rdata, ttl, dns_queries, dns_answers, dns_grouped
FROM (
  SELECT t.*, {_quick_time("ts", _PLAN.values["ts_us"])} AS ts_us, TRY_CAST(bytes_sent AS BIGINT) AS sent,
    TRY_CAST(bytes_received AS BIGINT) AS received, {_quick_time("ended", _END)} AS ended_us,
    h.canonical AS host, h.text AS name, h.reason AS why
  FROM (SELECT *, coalesce(CASE WHEN kind = 'flow' THEN started END, logged) AS ts, dest_ip AS server_ip,
          {_HOST} AS raw_host FROM eve_text WHERE kind IS NULL OR kind IN {_READ}) t
  LEFT JOIN eve_hosts h ON h.text = t.raw_host)"""  # noqa: S608

# Few rows share a hash with another: only those are sorted to find out which came first.
_IDENTITY = "kind, flow_id, logged, detail"
_TWINS = f"""
CREATE TABLE IF NOT EXISTS eve_twins AS
SELECT source, line FROM (
  SELECT source, line, row_number() OVER (PARTITION BY {_IDENTITY} ORDER BY source, line) AS turn FROM eve_raw
  WHERE reason IS NULL AND flow_id IS NOT NULL AND hash({_IDENTITY}) IN (
    SELECT hash({_IDENTITY}) AS key FROM eve_raw WHERE reason IS NULL AND flow_id IS NOT NULL
    GROUP BY key HAVING count(*) > 1))
WHERE turn > 1"""  # noqa: S608
_EVENTS = """
CREATE VIEW IF NOT EXISTS eve_events AS
SELECT r.*, t.line IS NOT NULL AS is_twin,
  CASE WHEN src_ip < dest_ip THEN src_ip || ' ' || dest_ip ELSE dest_ip || ' ' || src_ip END AS pair
FROM eve_raw r LEFT JOIN eve_twins t ON t.source = r.source AND t.line = r.line WHERE r.reason IS NULL"""
# A flow_id may come again after days: it counts together with its two addresses.
_RANK = "CASE kind WHEN 'tls' THEN 0 WHEN 'quic' THEN 1 ELSE 2 END"
_NAMED = f"""
CREATE TABLE IF NOT EXISTS eve_named AS
SELECT flow_id, pair, arg_min(host, place) AS host, arg_min(kind, place) AS kind, bool_or(replied) AS replied
FROM (SELECT *, ({_RANK}, host IS NULL, ts_us, source, line) AS place FROM eve_events
      WHERE kind IN ('tls', 'quic', 'http') AND NOT is_twin AND flow_id IS NOT NULL AND host IS NOT NULL)
GROUP BY flow_id, pair"""  # noqa: S608
_NAMED_BY = "CASE {kind} WHEN 'tls' THEN 'sni' ELSE {kind} END"
_SERVER_FIRST = f"""
  kind = 'quic' AND src_port < {LIMITS.first_ephemeral_port} AND dest_port >= {LIMITS.first_ephemeral_port}"""
_PAYLOAD = has_payload("received", "packets_received", "proto", "dest_ip", link_bytes=_LINK_BYTES)
_FLOWS = f"""
CREATE TABLE IF NOT EXISTS eve_flows AS
SELECT f.source, f.line, {moment("f.ts_us")} AS ts, {moment("f.ended_us")} AS ended, f.src_ip AS client_ip,
  f.src_port AS client_port, f.dest_ip AS server_ip, f.dest_port AS server_port, f.proto, f.sent AS bytes_sent,
  f.received AS bytes_received, n.host,
  CASE WHEN n.host IS NOT NULL THEN {_NAMED_BY.format(kind="n.kind")} END AS named_by,
  coalesce(n.replied, {_PAYLOAD}) AS answered, CAST(1 AS BIGINT) AS flows
FROM eve_events f LEFT JOIN eve_named n ON n.flow_id = f.flow_id AND n.pair = f.pair
WHERE f.kind = 'flow' AND NOT f.is_twin
UNION ALL
SELECT source, line, {moment("ts_us")}, NULL, CASE WHEN {_SERVER_FIRST} THEN dest_ip ELSE src_ip END,
  CASE WHEN {_SERVER_FIRST} THEN dest_port ELSE src_port END,
  CASE WHEN {_SERVER_FIRST} THEN src_ip ELSE dest_ip END,
  CASE WHEN {_SERVER_FIRST} THEN src_port ELSE dest_port END, proto, NULL, NULL, host,
  CASE WHEN host IS NOT NULL THEN {_NAMED_BY.format(kind="kind")} END, any_reply, 1
FROM (
  SELECT *, bool_or(replied) OVER (PARTITION BY alone) AS any_reply,
    row_number() OVER (PARTITION BY alone ORDER BY host IS NULL, {_RANK}, ts_us, source, line) AS turn
  FROM (SELECT e.*, coalesce(e.flow_id || ' ' || e.pair, e.source || ':' || e.line) AS alone
        FROM eve_events e ANTI JOIN (SELECT flow_id, pair FROM eve_events WHERE kind = 'flow' AND NOT is_twin) f
          ON f.flow_id = e.flow_id AND f.pair = e.pair
        WHERE e.kind IN ('tls', 'quic', 'http') AND NOT e.is_twin))
WHERE turn = 1"""  # noqa: S608
_JOIN = (_TWINS, _EVENTS, _NAMED, _FLOWS)

# Version 1 logs each record alone: its name is that of the query with the same flow and id, for it may be an alias's.
_RECORDS = '[{"rrtype": "VARCHAR", "rdata": "VARCHAR", "ttl": "VARCHAR"}]'
_ANSWERS = f"""
WITH dns AS (
  SELECT *, CASE WHEN src_port = 53 AND dest_port <> 53 THEN dest_ip ELSE src_ip END AS client_ip FROM eve_events
  WHERE kind = 'dns' AND NOT is_twin AND dest_port NOT IN (5353, 5355) AND src_port NOT IN (5353, 5355)),
queries AS (
  SELECT flow_id, dns_id, any_value(rrname ORDER BY ts_us) AS asked FROM dns
  WHERE dns_type IN ('query', 'request') GROUP BY flow_id, dns_id),
replies AS (
  SELECT d.*, coalesce(json_extract_string(d.dns_queries, '$[0].rrname'),
      CASE WHEN d.rdata IS NOT NULL THEN q.asked END, d.rrname) AS asked
  FROM dns d LEFT JOIN queries q ON q.flow_id = d.flow_id AND q.dns_id = d.dns_id
  WHERE d.dns_type IN ('answer', 'response')),
listed AS (
  SELECT * EXCLUDE (answer), answer.rrtype AS kind_, answer.rdata AS address, answer.ttl AS life FROM (
    SELECT *, unnest(from_json(dns_answers, '{_RECORDS}')) AS answer
    FROM replies WHERE json_type(dns_answers) = 'ARRAY')),
grouped AS (
  SELECT *, unnest(list_concat(from_json(dns_grouped -> 'A', '["VARCHAR"]'),
      from_json(dns_grouped -> 'AAAA', '["VARCHAR"]'))) AS address
  FROM replies WHERE dns_answers IS NULL AND json_type(dns_grouped) = 'OBJECT'),
every AS (
  SELECT source, line, ts_us, client_ip, asked, address, life FROM listed WHERE kind_ IN ('A', 'AAAA')
  UNION ALL
  SELECT source, line, ts_us, client_ip, asked, address, NULL FROM grouped
  UNION ALL
  SELECT source, line, ts_us, client_ip, asked, rdata, ttl FROM replies
  WHERE rrtype IN ('A', 'AAAA') AND rdata IS NOT NULL)
SELECT source, {moment("ts_us")} AS ts, client_ip, asked AS host, address,
  coalesce(TRY_CAST(life AS DOUBLE), {LIMITS.assumed_dns_ttl_s}) AS ttl_s, line
FROM every WHERE address IS NOT NULL AND client_ip IS NOT NULL"""  # noqa: S608
