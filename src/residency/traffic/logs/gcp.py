"""Google Cloud's VPC Flow Logs as Cloud Logging exports them: one entry a line, or an array of entries.

An entry is one direction of a conversation in one interval, as one side reports it (`jsonPayload`).

- Where both sides report (`reporter` SRC and DEST, and gateways between them), they tell of the same packets: DEST is a
  duplicate where SRC tells of that direction at that time, a gateway where either does. The same `insertId` and
  `timestamp` again is a duplicate too.
- The two directions become one flow (`residency.traffic.logs.conversations`), the other entries of it are context.
- Google samples packets and makes the counts up for those that it skipped: bytes are estimates, and a direction that
  is not logged may have been there. So no flow is said to be unanswered; it was answered where bytes came back, which
  are payload.
- `rtt_msec` is the time from sending a TCP segment to its acknowledgement. Any machine on the way may acknowledge, none
  proves that it holds the server's key: it counts as `syn`, which proves nothing alone, never as `app`. Only times that
  the client's side measured are kept. 0 (less than a millisecond) is no time.
- Entries of other logs are context. Places that Google adds (`dest_location`) are not read.

Fields: https://cloud.google.com/vpc/docs/about-flow-logs-records
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from residency.limits import LIMITS
from residency.traffic.columns import Kind, plan_columns
from residency.traffic.engine import scalar, seam
from residency.traffic.logs.conversations import FIELDS, grouped
from residency.traffic.logs.documents import elements, has_lines, stage_elements
from residency.traffic.logs.staging import LogConversion, flow_batches, is_bad_count, stage_json, whole

if TYPE_CHECKING:
    import pyarrow as pa


_COLUMNS = {
    "insert_id": ("insertId",),
    "logged": ("timestamp",),
    "src": ("jsonPayload", "connection", "src_ip"),
    "dst": ("jsonPayload", "connection", "dest_ip"),
    "src_port": ("jsonPayload", "connection", "src_port"),
    "dst_port": ("jsonPayload", "connection", "dest_port"),
    "proto": ("jsonPayload", "connection", "protocol"),
    "reporter": ("jsonPayload", "reporter"),
    "bytes": ("jsonPayload", "bytes_sent"),
    "packets": ("jsonPayload", "packets_sent"),
    "rtt": ("jsonPayload", "rtt_msec"),
    "started": ("jsonPayload", "start_time"),
    "ended": ("jsonPayload", "end_time"),
}
_REPORTERS = ("SRC", "DEST", "SRC_GATEWAY", "DEST_GATEWAY")


def is_gcp_log(head: bytes) -> bool:
    """Does a text begin with entries of such a log?"""
    return head.lstrip()[:1] in (b"{", b"[") and all(
        key in head for key in (b'"jsonPayload"', b'"connection"', b'"src_ip"', b'"dest_ip"')
    )


class GcpConversion(LogConversion):
    """One export of entries."""

    def flows(self) -> Iterator[pa.RecordBatch]:
        """Yield a row for each conversation."""
        con = self._con
        with seam(self._file.path, "reading its entries"):
            if has_lines(self._file.head):
                stage_json(self._file, con, "gcp_text", _COLUMNS, self)
                self.mark_cut_line(self._file)
            else:
                stage_elements(elements(self._file, self), con, "gcp_text", _COLUMNS, self)
            con.execute(_TYPED)
            self.context = scalar(con, "SELECT count(*) FROM gcp_text WHERE src IS NULL AND dst IS NULL")
            con.execute("DROP TABLE gcp_text")
            self.reject(con, "SELECT line, reason, fault FROM gcp_typed WHERE reason IS NOT NULL ORDER BY line")
            con.execute(_RECORDS)
            con.execute(_FLOWS)
        self.duplicate = scalar(con, "SELECT count(*) FROM gcp_ranked WHERE is_twin")
        self.context += scalar(con, "SELECT coalesce(sum(records - 1), 0) FROM gcp_flows")
        if self.records > self.context + len(self.rejected):
            self.warnings.append("Google samples packets: bytes are estimates, and flows may be missing")
        yield from flow_batches(con, "SELECT * FROM gcp_flows ORDER BY line")


def _time(column: str) -> str:
    """Return SQL for a time that is text, in microseconds."""
    return plan_columns({"ts": Kind.TEXT, "server_ip": Kind.TEXT}, "s").values["ts_us"].replace('"ts"', column)


_COUNTS = {"bytes": "n_bytes", "packets": "n_packets", "src_port": "n_src_port", "dst_port": "n_dst_port"}
_BAD = (
    ("src IS NULL OR dst IS NULL", "connection", "an address is missing", "coalesce(src, dst)"),
    ("start_us IS NULL OR start_us < 0", "start_time", "not a time with an offset", "started"),
    ("end_us IS NULL OR end_us < 0", "end_time", "not a time with an offset", "ended"),
    ("end_us < start_us", "end_time", "before the start", "ended"),
    (
        f"coalesce(reporter NOT IN {_REPORTERS}, true)",
        "reporter",
        f"none of {', '.join(_REPORTERS)}",
        "reporter",
    ),
    *((is_bad_count(name, value), name, "not an integer from 0 to 2^62 - 1", name) for name, value in _COUNTS.items()),
    ("n_src_port > 65535", "src_port", "not a port from 0 to 65535", "src_port"),
    ("n_dst_port > 65535", "dst_port", "not a port from 0 to 65535", "dst_port"),
)
_TYPED = f"""
CREATE OR REPLACE TEMP TABLE gcp_typed AS
SELECT *, CASE {" ".join(f"WHEN {bad} THEN '{name}: {why}'" for bad, name, why, _ in _BAD)} END AS reason,
  CASE {" ".join(f"WHEN {bad} THEN {fault}" for bad, _, _, fault in _BAD)} END AS fault
FROM (SELECT *, {", ".join(f"{whole(name)} AS {value}" for name, value in _COUNTS.items())},
        {_time("started")} AS start_us, coalesce({_time("ended")}, CASE WHEN ended IS NULL THEN {_time("started")} END)
          AS end_us
      FROM gcp_text WHERE src IS NOT NULL OR dst IS NOT NULL)"""  # noqa: S608

# A lower rank has told already what a higher one tells again. Reports of one rank and direction follow each other in
# time, so the last that began before the end of the other is the only one that can cover it.
_RANK = "CASE reporter WHEN 'SRC' THEN 0 WHEN 'DEST' THEN 1 WHEN 'SRC_GATEWAY' THEN 2 ELSE 3 END"
_SLACK_US = LIMITS.reporter_slack_s * 1_000_000
_COVERED = " ".join(
    f"""ASOF LEFT JOIN (SELECT * FROM gcp_known WHERE rank = {rank}) r{rank}
      ON r{rank}.direction = k.direction AND r{rank}.start_us <= k.latest_us"""  # noqa: S608
    for rank in range(3)
)
_IS_TOLD = " OR ".join(f"(k.rank > {rank} AND r{rank}.end_us + {_SLACK_US} >= k.start_us)" for rank in range(3))
_RECORDS = f"""
CREATE OR REPLACE TEMP TABLE gcp_known AS
SELECT line, src, dst, n_src_port AS src_port, n_dst_port AS dst_port,
  CASE proto WHEN '6' THEN 'tcp' WHEN '17' THEN 'udp' ELSE proto END AS proto, start_us, end_us, n_bytes AS bytes,
  n_packets AS packets, CASE WHEN reporter IN ('SRC', 'DEST') THEN TRY_CAST(rtt AS DOUBLE) END AS rtt_ms,
  reporter = 'SRC' AS is_source_watching, {_RANK} AS rank, end_us + {_SLACK_US} AS latest_us,
  concat_ws(' ', src, n_src_port, dst, n_dst_port, proto) AS direction,
  insert_id IS NOT NULL AND row_number() OVER (PARTITION BY insert_id, logged ORDER BY line) > 1 AS is_again
FROM gcp_typed WHERE reason IS NULL;
CREATE OR REPLACE TEMP TABLE gcp_ranked AS
SELECT k.*, k.is_again OR coalesce({_IS_TOLD}, false) AS is_twin FROM gcp_known k {_COVERED};
CREATE OR REPLACE TEMP TABLE gcp_records ({FIELDS});
INSERT INTO gcp_records BY NAME
SELECT line, src, dst, src_port, dst_port, proto, start_us, end_us, bytes, packets,
  CASE WHEN rtt_ms > 0 AND isfinite(rtt_ms) THEN rtt_ms END AS rtt_ms, is_source_watching
FROM gcp_ranked WHERE NOT is_twin"""  # noqa: S608
_FLOWS = f"""
CREATE OR REPLACE TEMP TABLE gcp_flows AS
SELECT *, CASE WHEN bytes_received > 0 THEN true END AS answered, rtt_ms AS rtt_syn_ms,
  CASE WHEN rtt_ms IS NOT NULL THEN 'syn' END AS rtt_kind,
  CASE WHEN rtt_ms IS NOT NULL THEN 1000.0 END AS rtt_resolution_us,
  CASE WHEN rtt_ms IS NOT NULL THEN 'client' END AS rtt_from
FROM ({grouped("gcp_records")})"""  # noqa: S608
