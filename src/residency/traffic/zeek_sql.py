"""The SQL that joins Zeek's logs: names by uid, flows without a conn, names by DNS answers.

A uid is joined over all inputs. Where several rows name one uid, ssl goes before quic before http, then the
earliest. A flow is named by DNS if the same client got its address as an answer at most TTL + grace before.
"""

from __future__ import annotations

from residency.limits import LIMITS

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

_PENDING = """
CREATE TABLE pending AS
SELECT c.input, c.line, 'conn' AS log, c.ts_us, c.client_ip, a.canonical AS address
FROM conn_rows c JOIN seen_address a ON a.text = c.server_ip AND NOT a.is_int
WHERE c.final IS NULL AND NOT c.is_duplicate AND (c.uid IS NULL OR c.uid NOT IN (SELECT uid FROM named))
UNION ALL
SELECT o.input, o.line, 'name', o.ts_us, o.client_ip, a.canonical
FROM orphans o JOIN seen_address a ON a.text = o.server_ip AND NOT a.is_int WHERE o.host IS NULL"""

# mDNS and LLMNR answer for the local link only.
_ANSWERS = f"""
CREATE TABLE answers AS
SELECT d.client_ip, a.canonical AS address, h.canonical AS host, d.ts_us AS from_us,
  d.ts_us + (CAST(least(greatest(coalesce(TRY_CAST(d.ttl AS DOUBLE), 0), 0), {LIMITS.max_dns_ttl_s}) * 1e6 AS BIGINT)
             + {LIMITS.dns_grace_s * 1_000_000}) AS until_us
FROM (SELECT client_ip, host, ts_us, unnest(answers) AS answer, unnest("TTLs") AS ttl FROM dns_rows
      WHERE final IS NULL AND NOT is_duplicate AND coalesce(server_port, '') NOT IN ('5353', '5355')
        AND (qtype IS NULL OR qtype IN ('1', '28'))) d
JOIN seen_address a ON a.text = d.answer AND NOT a.is_int AND a.canonical IS NOT NULL
JOIN seen_host h ON h.text = d.host AND h.canonical IS NOT NULL"""  # noqa: S608

_BY_DNS = """
CREATE TABLE by_dns AS
SELECT input, line, log, count(DISTINCT host) AS names, arg_max(host, (from_us, host)) AS host
FROM pending p JOIN answers a USING (client_ip, address)
WHERE p.ts_us BETWEEN a.from_us AND a.until_us
GROUP BY input, line, log"""

DNS_NAMED = (_PENDING, _ANSWERS, _BY_DNS)

_FLOW_COLUMNS = """
  CASE WHEN d.names = 1 THEN 'dns' WHEN d.names > 1 THEN 'dns_shared' END"""

FLOWS = f"""
CREATE TABLE zeek_flows AS
SELECT c.input, c.line, c.ts_us, c.server_ip, c.server_port, c.proto, coalesce(n.host, d.host) AS host,
  coalesce(n.kind, {_FLOW_COLUMNS}) AS named_by, CAST(NULL AS VARCHAR) AS vantage,
  CASE WHEN c.bytes_received > 0 OR contains(c.history, 'd') THEN true
       WHEN c.bytes_received = 0 OR c.conn_state IN ('S0', 'REJ', 'RSTOS0', 'SH') THEN false END AS answered,
  c.bytes_sent, c.bytes_received, CAST(1 AS BIGINT) AS flows,
  CAST(NULL AS DOUBLE) AS rtt_ms, CAST(NULL AS VARCHAR) AS rtt_kind, false AS rtt_dropped
FROM conn_rows c LEFT JOIN named n ON n.uid = c.uid
LEFT JOIN by_dns d ON d.input = c.input AND d.line = c.line AND d.log = 'conn'
WHERE c.final IS NULL AND NOT c.is_duplicate
UNION ALL
SELECT o.input, o.line, o.ts_us, o.server_ip, o.server_port, CASE o.kind WHEN 'quic' THEN 'udp' ELSE 'tcp' END,
  coalesce(o.host, d.host), CASE WHEN o.host IS NOT NULL THEN o.kind ELSE {_FLOW_COLUMNS} END, NULL,
  o.replied, NULL, NULL, 1, NULL, NULL, false
FROM orphans o LEFT JOIN by_dns d ON d.input = o.input AND d.line = o.line AND d.log = 'name'"""  # noqa: S608
