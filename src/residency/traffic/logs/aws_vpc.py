"""Flow logs of AWS VPCs, versions 2 to 8, as text or Parquet.

A record is one direction of a conversation at one network interface in one window of time. The two directions of one
window become one flow: the record of the client is the row, that of the server is context.

- Addresses are those of the packet (`pkt-srcaddr`, `pkt-dstaddr`) where they are logged, else of the interface.
- Which side is the server: who answered a SYN (`tcp-flags`), else the port under 1024, else the port under 32768 (the
  usual bound of ephemeral ports), else whom the first packet was sent to.
- REJECT: nothing was let through, so the flow has zero bytes and is unanswered. It is not joined to an accepted one.
- NODATA and SKIPDATA are context: they say that nothing was recorded.
- Bytes count the headers of IP and TCP. So whether the server sent payload follows from bytes against packets; in
  between it is not known, as it is for a client's record whose other direction is not there.

Fields: https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from residency.errors import InputError
from residency.limits import LIMITS
from residency.traffic.delimited import Delimited
from residency.traffic.engine import quoted, scalar, seam
from residency.traffic.lines import Block
from residency.traffic.logs.staging import (
    LogConversion,
    flow_batches,
    has_payload,
    is_bad_count,
    is_bad_second,
    moment,
    whole,
)
from residency.traffic.ndjson_format import whole_blocks

if TYPE_CHECKING:
    import pyarrow as pa


# The documented order of all fields: without a header a line has the first 14 (the default), or all of a version.
FIELDS = (
    *("version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets"),
    *("bytes", "start", "end", "action", "log-status"),
    *("vpc-id", "subnet-id", "instance-id", "tcp-flags", "type", "pkt-srcaddr", "pkt-dstaddr"),
    *("region", "az-id", "sublocation-type", "sublocation-id"),
    *("pkt-src-aws-service", "pkt-dst-aws-service", "flow-direction", "traffic-path"),
    *("ecs-cluster-arn", "ecs-cluster-name", "ecs-container-instance-arn", "ecs-container-instance-id"),
    *("ecs-container-id", "ecs-second-container-id", "ecs-service-name", "ecs-task-definition-arn", "ecs-task-arn"),
    *("ecs-task-id", "reject-reason"),
)
_LENGTHS = (14, 21, 25, 29, 39, 40)
_USED = (
    *("interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end"),
    *("action", "log-status", "tcp-flags", "pkt-srcaddr", "pkt-dstaddr"),
)
COLUMNS = frozenset({"srcaddr", "dstaddr", "start"})
"""Columns by which a Parquet file is known for such a log."""


def is_vpc_log(head: bytes) -> bool:
    """Does a text begin with a header of such a log, or with a line in the documented order?"""
    words = head.partition(b"\n")[0].removesuffix(b"\r").split(b" ")
    if _is_header(words):
        return True
    words = words[1:] if _is_time(words[0]) else words
    return (
        len(words) in _LENGTHS
        and words[0].isdigit()
        and words[12] in (b"ACCEPT", b"REJECT", b"-")
        and words[13] in (b"OK", b"NODATA", b"SKIPDATA")
    )


def _is_header(words: Sequence[bytes]) -> bool:
    names = {word.replace(b"_", b"-") for word in words}
    return bool(names & {b"srcaddr", b"pkt-srcaddr"}) and bool(names & {b"dstaddr", b"pkt-dstaddr"})


def _is_time(word: bytes) -> bool:
    """CloudWatch puts the time of ingestion before each line that it exports."""
    return len(word) >= 20 and word[4:5] == b"-" and word[10:11] == b"T" and word.endswith(b"Z")


class AwsVpcConversion(LogConversion):
    """One VPC flow log."""

    def flows(self) -> Iterator[pa.RecordBatch]:
        """Yield a row for each conversation of a window, and for each rejected one."""
        self._con.execute(_TABLE)
        with seam(self._file.path, "reading its records"):
            if self._file.head.startswith(b"PAR1"):
                self._stage_parquet()
            else:
                self._stage_text()
            self.reject(self._con, "SELECT line, reason, fault FROM vpc WHERE reason IS NOT NULL")
            self.mark_cut_line(self._file)
            read, nothing, skipped = self._con.execute(_COUNTED).fetchall()[0]
            self._con.execute(_PAIRED)
        self.records = read + len(self.rejected)
        self.context = nothing + scalar(self._con, "SELECT count(*) FILTER (is_joined) FROM vpc_paired")
        if skipped:
            self.warnings.append(f"{skipped} of its windows say SKIPDATA: some records were not logged")
        yield from flow_batches(self._con, _FLOWS)

    def _take(self, rows: pa.Table, *, is_typed: bool) -> None:
        """Keep a table of texts, or of texts and integers (`is_typed`), with the reason for each bad row."""
        import pyarrow as pa

        for name in _USED:
            if name not in rows.column_names:
                kind = pa.int64() if is_typed and name in _INTEGERS else pa.string()
                rows = rows.append_column(name, pa.nulls(rows.num_rows, kind))
        self._con.register("staged", rows)
        self._con.execute(_TYPED[is_typed])
        self._con.unregister("staged")

    def _stage_parquet(self) -> None:
        described = self._con.execute("DESCRIBE SELECT * FROM read_parquet(?)", [self._file.link]).fetchall()
        there = {str(row[0]).lower().replace("_", "-"): str(row[0]) for row in described}
        self._check(list(there), None)
        texts = {name: f"CAST({quoted(there[name])} AS VARCHAR)" if name in there else "NULL" for name in _USED}
        picked = ", ".join(f"CAST(nullif({text}, '-') AS VARCHAR) AS {quoted(name)}" for name, text in texts.items())
        link = self._file.link.replace("'", "''")  # a view takes no bound values
        rows = f"read_parquet('{link}', file_row_number = true)"
        view = f"CREATE TEMP VIEW staged AS SELECT file_row_number + 1 AS line, {picked} FROM {rows}"  # noqa: S608
        self._con.execute(view)
        self._con.execute(_TYPED[False])

    def _stage_text(self) -> None:
        names: list[str] = []
        for block in whole_blocks(self._file, self.rejected):
            for part in _parts(block):
                words = part.data.partition(b"\n")[0].removesuffix(b"\r").split(b" ")
                if _is_header(words):
                    names = [word.decode("utf-8", "replace").lower().replace("_", "-") for word in words]
                    self._check(names, part.first)
                    continue
                names = names or self._without_header(words)
                wanted = [(name, names.index(name)) for name in _USED if name in names]
                splitter = Delimited(delimiter=" ", quoting=False, width=len(names), wanted=wanted, null="-")
                rows = splitter.typed_table(part, _INTEGERS)
                is_typed = rows is not None
                self._take(splitter.table(part, self.rejected) if rows is None else rows, is_typed=is_typed)

    def _without_header(self, words: Sequence[bytes]) -> list[str]:
        before = ["ingested"] if _is_time(words[0]) else []
        return (
            [*before, *FIELDS[: _LENGTHS[0]]]
            if len(words) - len(before) not in _LENGTHS
            else [
                *before,
                *FIELDS[: len(words) - len(before)],
            ]
        )

    def _check(self, names: Sequence[str], line: int | None) -> None:
        """Refuse a layout in which no flow can be told; raises InputError."""
        pairs = (("srcaddr", "pkt-srcaddr"), ("dstaddr", "pkt-dstaddr"), ("start",), ("end",))
        missing = [pair[0] for pair in pairs if not set(pair) & set(names)]
        twice = [name for name in _USED if names.count(name) > 1] if isinstance(names, list) else []
        if missing or twice:
            what = f"no field {', '.join(missing)}" if missing else f"field {', '.join(twice)} is there twice"
            raise InputError(f"{what}; the fields are: {' '.join(names)[:200]}", path=self._file.path, line=line)


def _parts(block: Block) -> Iterator[Block]:
    """Cut a block into header lines, one each, and runs of records: logs may be joined together."""
    data, start, number, at = block.data, 0, block.first, 0
    while (found := data.find(b"addr", at)) >= 0:
        begin, at = data.rfind(b"\n", 0, found) + 1, data.find(b"\n", found) + 1 or len(data)
        if not _is_header(data[begin:at].rstrip(b"\r\n").split(b" ")):
            continue
        if begin > start:
            yield Block(number, data[start:begin])
        number += data.count(b"\n", start, begin)
        yield Block(number, data[begin:at])
        start, number = at, number + 1
    if start < len(data):
        yield Block(number, data[start:])


_TABLE = """
CREATE TEMP TABLE vpc (
  line BIGINT, is_record BOOLEAN, interface VARCHAR, src VARCHAR, dst VARCHAR, srcport BIGINT, dstport BIGINT,
  protocol BIGINT, packets BIGINT, bytes BIGINT, start_s BIGINT, end_s BIGINT, is_rejected BOOLEAN, flags BIGINT,
  is_skipped BOOLEAN, reason VARCHAR, fault VARCHAR)"""
_COUNTED = """
SELECT count(*), count(*) FILTER (NOT is_record), count(*) FILTER (is_skipped) FROM vpc WHERE reason IS NULL"""
_COUNTS = ("packets", "bytes", "srcport", "dstport", "protocol", "tcp-flags")
_INTEGERS = frozenset({*_COUNTS, "start", "end"})
_VALUES = {name: f"v_{name.replace('-', '_')}" for name in (*_COUNTS, "start", "end")}
_BAD = (
    ("\"log-status\" IS NOT NULL AND \"log-status\" NOT IN ('OK', 'NODATA', 'SKIPDATA')", "log-status", "no status"),
    (f"is_record AND ({is_bad_second(quoted('start'), _VALUES['start'])})", "start", "not seconds since 1970"),
    (f"is_record AND ({is_bad_second(quoted('end'), _VALUES['end'])})", "end", "not seconds since 1970"),
    ("is_record AND v_end < v_start", "end", "before the start"),
    *((is_bad_count(quoted(name), _VALUES[name]), name, "not an integer from 0 to 2^62 - 1") for name in _COUNTS),
    ("v_srcport > 65535", "srcport", "not a port from 0 to 65535"),
    ("v_dstport > 65535", "dstport", "not a port from 0 to 65535"),
    ("v_protocol > 255", "protocol", "not a protocol from 0 to 255"),
    ("is_record AND (src IS NULL OR dst IS NULL)", "srcaddr", "an address is missing"),
    ("is_record AND action IS NOT NULL AND action NOT IN ('ACCEPT', 'REJECT')", "action", "neither ACCEPT nor REJECT"),
)


def _typed(*, is_typed: bool) -> str:
    values = ", ".join(
        f"{quoted(name) if is_typed else whole(quoted(name))} AS {value}" for name, value in _VALUES.items()
    )
    return f"""
    INSERT INTO vpc
    SELECT line, is_record, "interface-id", src, dst, v_srcport, v_dstport, v_protocol, v_packets, v_bytes, v_start,
      v_end, coalesce(action = 'REJECT', false), v_tcp_flags, coalesce("log-status" = 'SKIPDATA', false),
      CASE {" ".join(f"WHEN {bad} THEN '{name}: {why}'" for bad, name, why in _BAD)} END,
      CASE {" ".join(f"WHEN {bad} THEN CAST({quoted(name)} AS VARCHAR)" for bad, name, _ in _BAD)} END
    FROM (SELECT *, {values},
            coalesce("pkt-srcaddr", srcaddr) AS src, coalesce("pkt-dstaddr", dstaddr) AS dst,
            coalesce("log-status", 'OK') NOT IN ('NODATA', 'SKIPDATA') AS is_record
          FROM staged)"""  # noqa: S608


_TYPED = {is_typed: _typed(is_typed=is_typed) for is_typed in (False, True)}

# Bits of tcp-flags: FIN 1, SYN 2, RST 4, ACK 16; a window's packets are OR-ed, SYN/ACK alone is logged as 18.
_IS_SERVER = f"""
  CASE WHEN flags & 18 = 18 THEN true WHEN flags & 2 = 2 THEN false
       WHEN srcport < 1024 AND dstport >= 1024 THEN true WHEN dstport < 1024 AND srcport >= 1024 THEN false
       WHEN srcport < {LIMITS.first_ephemeral_port} AND dstport >= {LIMITS.first_ephemeral_port} THEN true
       WHEN dstport < {LIMITS.first_ephemeral_port} AND srcport >= {LIMITS.first_ephemeral_port} THEN false END"""

# Records of one conversation, sorted by time, are joined to their neighbour if that goes the other way and overlaps:
# within a run of such neighbours the first to the second, the third to the fourth. The key is a hash, since that sorts
# far quicker than texts; neighbours are compared in full, so a collision can only leave records unjoined.
_KEY = """hash(interface, is_rejected, protocol, CASE WHEN src < dst THEN src ELSE dst END,
  CASE WHEN src < dst THEN dst ELSE src END, least(srcport, dstport), greatest(srcport, dstport))"""
_IS_LINKED = " AND ".join(
    [
        "NOT is_rejected AND lag(end_s) OVER w >= start_s AND NOT lag(is_rejected) OVER w",
        *(
            f"lag({one}) OVER w IS NOT DISTINCT FROM {other}"
            for one, other in (("src", "dst"), ("dst", "src"), ("srcport", "dstport"), ("dstport", "srcport"))
        ),
        "lag(protocol) OVER w IS NOT DISTINCT FROM protocol AND lag(interface) OVER w IS NOT DISTINCT FROM interface",
    ]
)
_OTHER = ("line", "packets", "bytes", "start_s", "end_s", "is_server")
_PAIRED = f"""
CREATE TEMP TABLE vpc_paired AS
WITH keyed AS (SELECT *, {_IS_SERVER} AS is_server, {_KEY} AS key FROM vpc WHERE is_record AND reason IS NULL),
linked AS (
  SELECT *, coalesce({_IS_LINKED}, false) AS is_linked, row_number() OVER w AS place FROM keyed
  WINDOW w AS (PARTITION BY key ORDER BY start_s, end_s, line)),
placed AS (
  SELECT * EXCLUDE (place), place - max(CASE WHEN NOT is_linked THEN place END) OVER w AS place,
    lead(is_linked) OVER w AS is_joined, {", ".join(f"lead({name}) OVER w AS b_{name}" for name in _OTHER)}
  FROM linked
  WINDOW w AS (PARTITION BY key ORDER BY start_s, end_s, line))
SELECT * EXCLUDE (place, key, is_linked) REPLACE (coalesce(is_joined, false) AS is_joined)
FROM placed WHERE place % 2 = 0"""  # noqa: S608

_RECEIVED = has_payload("received", "received_packets", "proto", "server_ip")
_FLOWS = f"""
WITH pairs AS (
  SELECT *, coalesce(is_server, CASE WHEN is_joined THEN NOT b_is_server END, false) AS swapped,
    CASE WHEN is_joined THEN b_bytes END AS other_bytes, CASE WHEN is_joined THEN b_packets END AS other_packets
  FROM vpc_paired),
sided AS (
  SELECT is_rejected, CASE WHEN swapped AND is_joined THEN b_line ELSE line END AS line, start_s,
    CASE WHEN is_joined THEN greatest(end_s, b_end_s) ELSE end_s END AS end_s,
    CASE WHEN swapped THEN dst ELSE src END AS client_ip, CASE WHEN swapped THEN src ELSE dst END AS server_ip,
    CASE WHEN swapped THEN dstport ELSE srcport END AS client_port,
    CASE WHEN swapped THEN srcport ELSE dstport END AS server_port, CAST(protocol AS VARCHAR) AS proto,
    CASE WHEN swapped THEN other_bytes ELSE bytes END AS sent,
    CASE WHEN swapped THEN bytes ELSE other_bytes END AS received,
    CASE WHEN swapped THEN packets ELSE other_packets END AS received_packets
  FROM pairs)
SELECT {moment("start_s * 1000000")} AS ts, {moment("end_s * 1000000")} AS ended, client_ip, client_port,
  server_ip, server_port, proto,
  CASE WHEN is_rejected THEN 0 ELSE sent END AS bytes_sent,
  CASE WHEN is_rejected THEN 0 ELSE received END AS bytes_received,
  CASE WHEN is_rejected THEN false ELSE {_RECEIVED} END AS answered, CAST(1 AS BIGINT) AS flows, line
FROM sided"""  # noqa: S608
