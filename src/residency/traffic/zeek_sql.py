"""The SQL that joins Zeek's logs: names by uid, flows without a conn, answers of DNS.

A uid is joined over all inputs. Where several rows name one uid, ssl goes before quic before http, then the
earliest. Names by DNS are given over all inputs by `residency.traffic.naming`.
"""

from __future__ import annotations

_TWIN_KEYS = {
    "conn": "uid, ts_us",
    "ssl": "uid, ts_us",
    "quic": "uid, ts_us",
    "http": "uid, ts_us, trans_depth, method, raw_host, uri",
    "dns": "uid, ts_us, trans_id, query, qtype",
}


def twins(log: str) -> str:
    """Return the condition that a row repeats an earlier one (overlapping rotated logs)."""
    keys = _TWIN_KEYS[log]
    return f"uid IS NOT NULL AND row_number() OVER (PARTITION BY final IS NULL, {keys} ORDER BY input, line) > 1"


def host_of(log: str) -> str:
    """Return the expression of the name that a row of this log carries."""
    if log in ("ssl", "quic"):
        return "server_name"
    if log == "http":
        # CONNECT asks a proxy for `uri`; a port is no part of a name.
        stated = "coalesce(raw_host, CASE WHEN upper(method) = 'CONNECT' THEN uri END)"
        return f"regexp_replace({stated}, '^([^:\\[\\]]*|\\[[^\\]]*\\]):[0-9]*$', '\\1')"
    return "query" if log == "dns" else "CAST(NULL AS VARCHAR)"


def _name_rows(log: str, kind: str, rank: int, replied: str) -> str:
    return f"""
    SELECT r.input, r.line, r.uid, r.ts_us, r.client_ip, r.server_ip, r.server_port, '{kind}' AS kind, {rank} AS rank,
      h.canonical AS host, {replied} AS replied
    FROM {log}_rows r LEFT JOIN seen_host h ON h.text = r.host
    WHERE r.final IS NULL AND NOT r.is_duplicate"""  # noqa: S608


NAME_ROWS = "CREATE TABLE name_rows AS " + " UNION ALL ".join(
    [
        _name_rows(
            "ssl", "sni", 0, "CASE WHEN upper(established) IN ('T', 'TRUE') OR cipher IS NOT NULL THEN true END"
        ),
        _name_rows("quic", "quic", 1, "CAST(NULL AS BOOLEAN)"),
        _name_rows("http", "http", 2, "CASE WHEN status_code IS NOT NULL THEN true END"),
    ]
)

NAMED = """
CREATE TABLE named AS
SELECT uid, arg_min(host, place) AS host, arg_min(kind, place) AS kind
FROM (SELECT *, (rank, ts_us, input, line) AS place FROM name_rows WHERE uid IS NOT NULL AND host IS NOT NULL)
GROUP BY uid"""

ORPHANS = """
CREATE TABLE orphans AS
SELECT input, line, uid, ts_us, client_ip, server_ip, server_port, kind, host, any_reply AS replied FROM (
  SELECT *, bool_or(replied) OVER (PARTITION BY coalesce(uid, input || ' ' || line)) AS any_reply,
    row_number() OVER (PARTITION BY coalesce(uid, input || ' ' || line)
                       ORDER BY host IS NULL, rank, ts_us, input, line) AS turn
  FROM name_rows
  WHERE uid IS NULL OR uid NOT IN (SELECT uid FROM conn_rows WHERE final IS NULL AND uid IS NOT NULL))
WHERE turn = 1"""

# mDNS and LLMNR answer for the local link only.
ANSWERS = """
SELECT input, line, ts_us, client_ip, host, answer, TRY_CAST(ttl AS DOUBLE)
FROM (SELECT input, line, client_ip, host, ts_us, unnest(answers) AS answer, unnest("TTLs") AS ttl FROM dns_rows
      WHERE final IS NULL AND NOT is_duplicate AND coalesce(server_port, '') NOT IN ('5353', '5355')
        AND (qtype IS NULL OR qtype IN ('1', '28')))
WHERE client_ip IS NOT NULL AND answer IS NOT NULL"""

FLOWS = """
CREATE TEMP TABLE zeek_flows AS
SELECT c.input, c.line, c.ts_us, c.client_ip, c.server_ip, c.server_port, c.proto, n.host, n.kind AS named_by,
  CAST(NULL AS VARCHAR) AS vantage, false AS int_address,
  CASE WHEN c.bytes_received > 0 OR contains(c.history, 'd') THEN true
       WHEN c.conn_state = 'OTH' AND c.history = upper(c.history) THEN NULL -- begun before, and one way only was seen
       WHEN c.bytes_received = 0 OR c.conn_state IN ('S0', 'REJ', 'RSTOS0', 'SH') THEN false END AS answered,
  c.bytes_sent, c.bytes_received, CAST(1 AS BIGINT) AS flows,
  CAST(NULL AS DOUBLE) AS rtt_ms, CAST(NULL AS VARCHAR) AS rtt_kind, false AS rtt_dropped
FROM conn_rows c LEFT JOIN named n ON n.uid = c.uid
WHERE c.final IS NULL AND NOT c.is_duplicate
UNION ALL
SELECT o.input, o.line, o.ts_us, o.client_ip, o.server_ip, o.server_port,
  CASE o.kind WHEN 'quic' THEN 'udp' ELSE 'tcp' END, o.host, CASE WHEN o.host IS NOT NULL THEN o.kind END, NULL,
  false, o.replied, NULL, NULL, 1, NULL, NULL, false
FROM orphans o"""
