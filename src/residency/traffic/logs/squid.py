"""Squid's access.log in its native format: requests of clients, with the server that the proxy went to.

    1286536308.779    180 192.168.0.224 TCP_MISS/200 411 GET http://a.example/x - HIER_DIRECT/125.23.26.40 text/plain

Where no other input has flows, each request that reached a server directly is a flow of its client. Else the requests
are context, and say which name the proxy had for an address around that time: to flows of any client, for the log does
not tell from which address the proxy went. Requests answered from the cache, refused, or handed to another proxy tell
no server's address: context.

Bytes are those handed to the client. They count as received from the server only where the reply was fetched there
(TCP_MISS, TCP_TUNNEL) with a status under 500: errors of the proxy itself look like 5xx replies.
Format: https://wiki.squid-cache.org/Features/LogFormat
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from residency.limits import LIMITS
from residency.traffic.columns import V4, V6
from residency.traffic.engine import scalar, seam
from residency.traffic.logs.staging import (
    LogConversion,
    answer_batches,
    flow_batches,
    is_bad_count,
    moment,
    read_hosts,
    stage_lines,
    whole,
)

if TYPE_CHECKING:
    import pyarrow as pa


_LINE = (
    r"\s*([0-9]{1,12})\.([0-9]{3})\s+(-?[0-9]{1,18})\s+(\S+)\s+([A-Z_]+)/([0-9]{1,3})\s+(-?[0-9]{1,20})\s+(\S+)\s+"
    r"(\S+)\s+(\S+)\s+([A-Z_]+)/(\S+)(?:\s.*)?"
)
_PARTS = ("seconds", "millis", "elapsed", "client_ip", "code", "status", "size", "method", "url", "who", "way", "peer")


def is_squid_log(head: bytes) -> bool:
    """Does a text begin with a line of such a log?"""
    words = head.partition(b"\n")[0].split()
    if len(words) < 9:
        return False
    seconds, point, millis = words[0].partition(b".")
    codes = (words[3].partition(b"/"), words[8].partition(b"/"))
    return (
        seconds.isdigit()
        and point == b"."
        and len(millis) == 3
        and millis.isdigit()
        and all(mark == b"/" and bool(rest) and code.replace(b"_", b"").isupper() for code, mark, rest in codes)
    )


class SquidConversion(LogConversion):
    """One access log."""

    def flows(self) -> Iterator[pa.RecordBatch]:
        """Yield a row for each request that reached a server."""
        with seam(self._file.path, "reading its requests"):
            stage_lines(self._file, self._con, "squid_lines", self)
            self._con.execute(_TYPED)
            read_hosts(self._con, "squid_hosts", "SELECT host AS text FROM squid")
        self.reject(self._con, "SELECT line, reason, text FROM squid WHERE reason IS NOT NULL ORDER BY line")
        self.mark_cut_line(self._file)
        self.context = scalar(self._con, "SELECT count(*) FROM squid WHERE reason IS NULL AND NOT has_server")
        yield from flow_batches(self._con, _FLOWS)

    def answers(self) -> Iterator[pa.RecordBatch]:
        """Yield the names that the proxy had for addresses, for any client."""
        yield from answer_batches(self._con, _ANSWERS)


_AUTHORITY = (
    r"CASE WHEN method = 'CONNECT' THEN url ELSE "
    r"regexp_extract(url, '^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#]*)', 1) END"
)
_PORT = r"regexp_extract(authority, ':([0-9]{1,5})$', 1)"
_USUAL_PORT = """
  CASE WHEN method = 'CONNECT' THEN 443 WHEN starts_with(lower(url), 'http://') THEN 80
       WHEN starts_with(lower(url), 'https://') THEN 443 WHEN starts_with(lower(url), 'ftp://') THEN 21 END"""
_ESTABLISHED_BYTES = 39  # what the proxy itself says to the client before a tunnel carries anything
_ELAPSED = f"CASE WHEN {whole('elapsed')} BETWEEN 0 AND 4000000000 THEN {whole('elapsed')} END"
_TYPED = f"""
CREATE OR REPLACE TEMP TABLE squid AS
WITH parts AS (
  SELECT line, text, regexp_extract(text, '^{_LINE}$', [{", ".join(f"'{name}'" for name in _PARTS)}]) AS p
  FROM squid_lines),
named AS (
  SELECT line, text, p.seconds = '' AS is_none, unnest(p),
    {whole("p.seconds")} * 1000000 + CAST(p.millis AS BIGINT) * 1000 AS ended_us
  FROM (SELECT line, text, p FROM parts WHERE p.seconds <> '')
  UNION ALL BY NAME SELECT line, text, true AS is_none FROM parts WHERE p.seconds = ''),
asked AS (
  SELECT *, {_AUTHORITY} AS authority, {_ELAPSED} AS elapsed_ms,
    {whole("size")} AS bytes,
    TRY_CAST(status AS INTEGER) AS status_code FROM named),
hosted AS (
  SELECT *, nullif(regexp_replace(authority, ':[0-9]*$', ''), '') AS host,
    coalesce(TRY_CAST(nullif({_PORT}, '') AS INTEGER), {_USUAL_PORT}) AS port FROM asked)
SELECT line, text, client_ip, method, code, status_code, bytes, peer, host, port, ended_us,
  ended_us - elapsed_ms * 1000 AS started_us,
  coalesce(way IN ('HIER_DIRECT', 'DIRECT', 'ORIGINAL_DST', 'PINNED')
           AND regexp_full_match(peer, '{V4}|{V6}'), false) AS has_server,
  CASE WHEN is_none THEN 'not a line of Squid''s native format'
    WHEN elapsed_ms IS NULL THEN 'elapsed: not milliseconds'
    WHEN ended_us - elapsed_ms * 1000 < 0 THEN 'elapsed: before 1970'
    WHEN {is_bad_count("size", "bytes")} THEN 'size: not an integer from 0 to 2^62 - 1'
    WHEN port > 65535 THEN 'server_port: not a port from 0 to 65535' END AS reason
FROM hosted"""  # noqa: S608
_WAS_FETCHED = "status_code BETWEEN 100 AND 499 AND NOT contains(code, 'ABORTED')"
_FLOWS = f"""
SELECT line, {moment("started_us")} AS ts, {moment("ended_us")} AS ended, client_ip, peer AS server_ip,
  port AS server_port, 'tcp' AS proto, h.canonical AS host,
  CASE WHEN h.canonical IS NOT NULL THEN 'http' END AS named_by,
  CASE WHEN {_WAS_FETCHED} AND (starts_with(code, 'TCP_MISS') OR starts_with(code, 'TCP_TUNNEL')) THEN bytes END
    AS bytes_received,
  CASE WHEN {_WAS_FETCHED} AND (method <> 'CONNECT' OR bytes > {_ESTABLISHED_BYTES}) THEN true END AS answered,
  CAST(1 AS BIGINT) AS flows
FROM squid s LEFT JOIN squid_hosts h ON h.text = s.host
WHERE s.reason IS NULL AND has_server"""  # noqa: S608
_ANSWERS = f"""
SELECT line, {moment(f"greatest(started_us - {LIMITS.proxy_lead_s * 1_000_000}, 0)")} AS ts, h.canonical AS host,
  peer AS address, (ended_us - started_us) / 1e6 AS ttl_s
FROM squid s JOIN squid_hosts h ON h.text = s.host AND h.canonical IS NOT NULL
WHERE s.reason IS NULL AND has_server"""  # noqa: S608
