"""HAR 1.2, the archive of requests that browsers and proxies write: one JSON document, an entry each request.

- An entry with `serverIPAddress` is a flow, named by the host of its URL (`http`). HAR does not tell the client.
- An entry without that address was answered from a cache, blocked, or never left (`data:`): context. So is one that
  says that it came from a cache (`_fromCache` of Chrome, `_fetchType` of Safari), though it may repeat an address.
- Bytes are those of the bodies, with the headers where they are known (-1 is not known), or `_transferSize`. A 304 has
  no body: some browsers give the size of the cached one.
- `connect` less `ssl`, which it contains, is the TCP handshake as the request saw it: `syn`. A reused connection has
  none (-1 or 0), nor has HTTP/3, whose `connect` is a handshake of QUIC. It is never `tls`: browsers count how long the
  request waited, which is less than the handshake took where the connection was opened ahead of it, and too short a
  time would prove what is not so. A `syn` time alone proves nothing.
- The server answered where there is a status.

Format: http://www.softwareishard.com/blog/har-12-spec/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from residency.traffic.columns import Kind, plan_columns
from residency.traffic.engine import scalar, seam
from residency.traffic.logs.documents import elements, stage_elements
from residency.traffic.logs.staging import LogConversion, flow_batches, is_bad_count, moment, read_hosts, whole

if TYPE_CHECKING:
    import pyarrow as pa


_COLUMNS = {
    "started": ("startedDateTime",),
    "took_ms": ("time",),
    "address": ("serverIPAddress",),
    "stated_port": ("_serverPort",),
    "cache": ("_fromCache",),
    "fetched": ("_fetchType",),
    "url": ("request", "url"),
    "sent_head": ("request", "headersSize"),
    "sent_body": ("request", "bodySize"),
    "status": ("response", "status"),
    "version": ("response", "httpVersion"),
    "asked_version": ("request", "httpVersion"),
    "received_head": ("response", "headersSize"),
    "received_body": ("response", "bodySize"),
    "transferred": ("response", "_transferSize"),
    "connect_ms": ("timings", "connect"),
    "ssl_ms": ("timings", "ssl"),
}
_START = re.compile(rb'\s*\{\s*"log"\s*:')


def is_har(head: bytes) -> bool:
    """Does a text begin with the object `log`?"""
    return _START.match(head) is not None


class HarConversion(LogConversion):
    """One archive."""

    def flows(self) -> Iterator[pa.RecordBatch]:
        """Yield a row for each entry that reached a server."""
        con = self._con
        with seam(self._file.path, "reading its entries"):
            entries = elements(self._file, self, ("log", "entries"), is_bare=False)
            stage_elements(entries, con, "har_text", _COLUMNS, self)
            con.execute(_SPLIT)
            read_hosts(con, "har_hosts", "SELECT url_host AS text FROM har_split")
            con.execute(_TYPED)
        self.reject(con, "SELECT line, reason, fault FROM har_typed WHERE reason IS NOT NULL ORDER BY line")
        self.context = scalar(con, "SELECT count(*) FROM har_typed WHERE reason IS NULL AND NOT is_flow")
        yield from flow_batches(con, _FLOWS)


def _part(place: int) -> str:
    """Return SQL for a part of the URL: scheme, host, port."""
    pattern = r"^([A-Za-z][A-Za-z0-9+.-]*)://(?:[^/?#@]*@)?(\[[^\]/?#]*\]|[^:/?#]*)(?::([0-9]{1,5}))?(?:[/?#]|$)"
    return f"nullif(regexp_extract(url, '{pattern}', {place}), '')"


_USUAL_PORT = "CASE WHEN scheme IN ('https', 'wss') THEN 443 WHEN scheme IN ('http', 'ws') THEN 80 END"
_SPLIT = f"""
CREATE OR REPLACE TEMP TABLE har_split AS
SELECT *, coalesce(nullif({whole("stated_port")}, 0), TRY_CAST(url_port AS BIGINT), {_USUAL_PORT}) AS port
FROM (SELECT *, lower({_part(1)}) AS scheme, {_part(2)} AS url_host, {_part(3)} AS url_port FROM har_text)"""  # noqa: S608


def _size(name: str) -> str:
    """Return SQL for a size: null where it is not known (absent, -1)."""
    return f"CASE WHEN {name} <> '-1' THEN {whole(name)} END"


_SIZES = ("sent_head", "sent_body", "received_head", "received_body", "transferred")
_MILLISECONDS = ("took_ms", "connect_ms", "ssl_ms")
_START_US = plan_columns({"ts": Kind.TEXT, "server_ip": Kind.TEXT}, "s").values["ts_us"].replace('"ts"', "started")
_BAD = (
    ("started IS NULL OR coalesce(start_us < 0, true)", "startedDateTime", "not a time with an offset", "started"),
    ("port > 65535", "server_port", "not a port from 0 to 65535", "url"),
    *(
        (f"{name} <> '-1' AND {is_bad_count(name, f'n_{name}')}", name, "neither a size nor -1", name)
        for name in _SIZES
    ),
)
_IS_QUIC = "regexp_matches(lower(concat_ws(' ', version, asked_version)), '(^| )(h3|http/3|hq)|quic')"
_IS_TCP = "regexp_matches(lower(concat_ws(' ', version, asked_version)), '(^| )(h2|http/[012])')"
_TYPED = f"""
CREATE OR REPLACE TEMP TABLE har_typed AS
SELECT *, CASE WHEN is_flow THEN CASE {" ".join(f"WHEN {bad} THEN '{name}: {why}'" for bad, name, why, _ in _BAD)} END
    END AS reason,
  CASE {" ".join(f"WHEN {bad} THEN {fault}" for bad, _, _, fault in _BAD)} END AS fault
FROM (
  SELECT s.*, h.canonical AS host, {_START_US} AS start_us,
    {", ".join(f"{_size(name)} AS n_{name}" for name in _SIZES)},
    {", ".join(f"TRY_CAST({name} AS DOUBLE) AS n_{name}" for name in _MILLISECONDS)},
    TRY_CAST(status AS INTEGER) AS status_code, CASE WHEN {_IS_QUIC} THEN 'udp' WHEN {_IS_TCP} THEN 'tcp' END AS proto,
    coalesce(address, '') <> '' AND coalesce(cache, '') IN ('', 'false')
      AND coalesce(fetched, 'Network Load') = 'Network Load' AS is_flow
  FROM har_split s LEFT JOIN har_hosts h ON h.text = s.url_host)"""  # noqa: S608
_HANDSHAKE = "n_connect_ms - CASE WHEN n_ssl_ms > 0 THEN n_ssl_ms ELSE 0 END"
_RTT = f"CASE WHEN proto = 'tcp' AND n_connect_ms > 0 AND {_HANDSHAKE} > 0 THEN {_HANDSHAKE} END"
_IS_WHOLE = "n_connect_ms = floor(n_connect_ms) AND coalesce(n_ssl_ms = floor(n_ssl_ms), true)"
_BODY = "CASE WHEN status_code = 304 THEN 0 ELSE n_received_body END"
_FLOWS = f"""
SELECT line, {moment("start_us")} AS ts,
  CASE WHEN n_took_ms BETWEEN 0 AND 1e9 THEN {moment("start_us + CAST(n_took_ms * 1000 AS BIGINT)")} END AS ended,
  regexp_replace(address, '^\\[(.*)\\]$', '\\1') AS server_ip, port AS server_port, proto,
  nullif(n_sent_body + coalesce(n_sent_head, 0), 0) AS bytes_sent,
  nullif(coalesce(n_transferred, {_BODY} + coalesce(n_received_head, 0)), 0) AS bytes_received,
  host, CASE WHEN host IS NOT NULL THEN 'http' END AS named_by,
  CASE WHEN status_code BETWEEN 100 AND 599 THEN true END AS answered,
  {_RTT} AS rtt_ms, CASE WHEN {_RTT} IS NOT NULL THEN 'syn' END AS rtt_kind, {_RTT} AS rtt_syn_ms,
  CASE WHEN {_RTT} IS NOT NULL AND {_IS_WHOLE} THEN 1000.0 END AS rtt_resolution_us,
  CASE WHEN {_RTT} IS NOT NULL THEN 'client' END AS rtt_from, CAST(1 AS BIGINT) AS flows
FROM har_typed WHERE reason IS NULL AND is_flow ORDER BY line"""  # noqa: S608
