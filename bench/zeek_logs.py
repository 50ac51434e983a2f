"""Writes seeded flows (`flows`) as a folder of Zeek's logs: conn.log and ssl.log in TSV, with the headers of Zeek 5.

Every flow has a uid. Most have a row in ssl.log, which most often tells a server name; about one in a hundred has no
byte counts. Both logs are in the order of the flows.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

import flows  # beside this file

CONN = {"ts": "time", "uid": "string", "id.orig_h": "addr", "id.orig_p": "port", "id.resp_h": "addr",
        "id.resp_p": "port", "proto": "enum", "service": "string", "duration": "interval", "orig_bytes": "count",
        "resp_bytes": "count", "conn_state": "string", "local_orig": "bool", "local_resp": "bool",
        "missed_bytes": "count", "history": "string", "orig_pkts": "count", "orig_ip_bytes": "count",
        "resp_pkts": "count", "resp_ip_bytes": "count", "tunnel_parents": "set[string]"}  # fmt: skip
SSL = {"ts": "time", "uid": "string", "id.orig_h": "addr", "id.orig_p": "port", "id.resp_h": "addr",
       "id.resp_p": "port", "version": "string", "cipher": "string", "curve": "string", "server_name": "string",
       "resumed": "bool", "last_alert": "string", "next_protocol": "string", "established": "bool",
       "cert_chain_fuids": "vector[string]", "client_cert_chain_fuids": "vector[string]", "subject": "string",
       "issuer": "string", "client_subject": "string", "client_issuer": "string", "validation_status": "string",
       "ja3": "string", "ja3s": "string"}  # fmt: skip

_SHARED = """ts, uid, client_ip AS "id.orig_h", orig_p AS "id.orig_p", server_ip AS "id.resp_h",
  server_port AS "id.resp_p" """
_DRAWN = """
SELECT printf('%d.%06d', epoch_us(CAST(ts AS TIMESTAMP)) // 1000000, epoch_us(CAST(ts AS TIMESTAMP)) % 1000000) AS ts,
  'C' || substr(to_base64(unhex(md5('uid' || $seed || ' ' || n))), 1, 17).translate('+/', 'xy') AS uid,
  client_ip, 1024 + n % 60000 AS orig_p, server_ip, server_port, proto,
  CASE WHEN hash(n, $seed + 4) % 100 > 0 THEN bytes_sent END AS bytes_sent,
  CASE WHEN hash(n, $seed + 4) % 100 > 0 THEN bytes_received END AS bytes_received,
  host, hash(n, $seed + 5) AS draw
FROM (SELECT *, row_number() OVER () AS n FROM ($rows_of))"""
_CONN = f"""
SELECT {_SHARED}, proto, CASE WHEN proto = 'udp' THEN 'quic' ELSE 'ssl' END AS service,
  printf('%d.%06d', draw % 90, draw // 97 % 1000000) AS duration,
  bytes_sent AS orig_bytes, bytes_received AS resp_bytes,
  CASE WHEN bytes_sent IS NULL THEN 'OTH' WHEN bytes_received = 0 THEN 'S1' ELSE 'SF' END AS conn_state,
  'T' AS local_orig, 'F' AS local_resp, 0 AS missed_bytes,
  CASE WHEN bytes_sent IS NULL THEN 'C' WHEN bytes_received = 0 THEN 'ShAD' ELSE 'ShADadFf' END AS history,
  4 + draw % 30 AS orig_pkts, bytes_sent + 40 * (4 + draw % 30) AS orig_ip_bytes, 3 + draw % 40 AS resp_pkts,
  bytes_received + 40 * (3 + draw % 40) AS resp_ip_bytes, NULL AS tunnel_parents
FROM ({_DRAWN})"""
_SSL = f"""
SELECT {_SHARED}, 'TLSv13' AS version, 'TLS_AES_256_GCM_SHA384' AS cipher, 'x25519' AS curve,
  CASE WHEN draw // 100 % 33 > 0 THEN host END AS server_name, 'F' AS resumed, NULL AS last_alert,
  CASE WHEN draw % 3 > 0 THEN 'h2' END AS next_protocol, 'T' AS established, NULL AS cert_chain_fuids,
  NULL AS client_cert_chain_fuids, NULL AS subject, NULL AS issuer, NULL AS client_subject, NULL AS client_issuer,
  NULL AS validation_status, md5('ja3' || draw % 50) AS ja3, md5('ja3s' || draw % 70) AS ja3s
FROM ({_DRAWN}) WHERE draw % 100 < 85"""


def write(folder: Path, rows: int, seed: int = 7) -> Path:
    """Write the logs of `rows` flows into a folder and return it; logs of that size and seed are kept."""
    made = folder / f"zeek-{rows}-{seed}"
    made.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false; SET TimeZone = 'UTC'; SET threads = 1")
    for log, fields, sql in (("conn", CONN, _CONN), ("ssl", SSL, _SSL)):
        path = made / f"{log}.log"
        if path.exists():
            continue
        partial = folder / f"{log}.partial"
        ready = sql.replace("$rows_of", flows.ROWS).replace("$seed", str(seed)).replace("$rows", str(rows))
        connection.execute(
            f"COPY ({ready}) TO '{partial}' (FORMAT csv, DELIMITER '\t', HEADER false, QUOTE '', NULLSTR '-', "
            f"PREFIX '{_header(log, fields)}', SUFFIX '\n#close\t2026-07-01-00-00-00\n')"
        )
        partial.rename(path)
    return made


def _header(log: str, fields: Mapping[str, str]) -> str:
    names, types = "\t".join(fields), "\t".join(fields.values())
    return (
        "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n"
        f"#path\t{log}\n#open\t2026-06-01-00-00-00\n#fields\t{names}\n#types\t{types}\n"
    )
