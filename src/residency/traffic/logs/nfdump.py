"""What nfdump prints of NetFlow, IPFIX and sFlow: CSV of old and new versions (`-o csv`), JSON, or JSON lines.

    ts,te,td,sa,da,sp,dp,pr,flg,…              up to 1.7.4; ends with a summary, which is context
    firstSeen,duration,proto,srcAddr,…         from 1.7.5 on, also with columns of one's own
    cnt,af,firstSeen,lastSeen,proto,srcAddr,…  `csv-fast`, with times in milliseconds since 1970

- A record is one direction, or both (`-b`, `-B`): the two directions become one flow
  (`residency.traffic.logs.conversations`), its other records are context.
- nfdump prints the local time of the machine that it runs on, without an offset. Such times are read as UTC, and a
  warning says so. Times as numbers (`%tsr`) or with an offset are what they are.
- Bytes count the headers of IP and TCP, so whether the server sent payload follows from bytes against packets; in
  between it is not known. A direction that no record tells of is not known to be empty.
- Records that a sampling exporter made are scaled up by nfdump; JSON marks them, and a warning says how many.
- Events of NAT and firewalls (type EVENT) are context. Latencies that some exporters add are not read: their meaning
  differs from exporter to exporter.

Source: https://github.com/phaag/nfdump (nfdump(1), output formats)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from residency.errors import InputError
from residency.traffic.columns import LAST_US, Kind, plan_columns
from residency.traffic.delimited import Delimited
from residency.traffic.engine import scalar, seam
from residency.traffic.lines import BOM
from residency.traffic.logs.conversations import FIELDS, grouped
from residency.traffic.logs.documents import elements, stage_elements
from residency.traffic.logs.staging import (
    LogConversion,
    flow_batches,
    has_payload,
    insert_table,
    is_bad_count,
    whole,
)
from residency.traffic.ndjson_format import whole_blocks

if TYPE_CHECKING:
    import pyarrow as pa


# Our column -> what it is called in CSV, and in JSON.
_CSV = {
    "started": ("ts", "firstSeen"),
    "ended": ("te", "lastSeen"),
    "duration": ("td", "duration"),
    "src": ("sa", "srcAddr"),
    "dst": ("da", "dstAddr"),
    "src_port": ("sp", "srcPort"),
    "dst_port": ("dp", "dstPort"),
    "proto": ("pr", "proto"),
    "packets": ("ipkt", "packets", "inPackets"),
    "bytes": ("ibyt", "bytes", "inBytes"),
    "back_packets": ("opkt", "outPackets"),
    "back_bytes": ("obyt", "outBytes"),
    "flows": ("fl", "flows"),
}
_JSON = {
    "kind": ("type",),
    "first": ("first",),
    "t_first": ("t_first",),
    "last": ("last",),
    "t_last": ("t_last",),
    "src4": ("src4_addr",),
    "src6": ("src6_addr",),
    "dst4": ("dst4_addr",),
    "dst6": ("dst6_addr",),
    "src_port": ("src_port",),
    "dst_port": ("dst_port",),
    "proto": ("proto",),
    "packets": ("in_packets",),
    "bytes": ("in_bytes",),
    "back_packets": ("out_packets",),
    "back_bytes": ("out_bytes",),
    "flows": ("aggr_flows",),
    "sampled": ("sampled",),
}
_NEEDED = ("started", "src", "dst")


def is_nfdump_log(head: bytes) -> bool:
    """Does a text begin with a header of nfdump's CSV, or with records of its JSON?"""
    start = head.lstrip()
    if start[:1] in (b"{", b"["):
        return b'"in_bytes"' in head and (b'"src4_addr"' in head or b'"src6_addr"' in head)
    names = _names(start)
    return all(set(_CSV[name]) & set(names) for name in _NEEDED)


def _names(head: bytes) -> list[str]:
    line = head.partition(b"\n")[0]
    return [name.strip() for name in line.decode("utf-8", "replace").split(",")]


class NfdumpConversion(LogConversion):
    """One output of nfdump."""

    def flows(self) -> Iterator[pa.RecordBatch]:
        """Yield a row for each conversation."""
        con = self._con
        head = self._file.head.removeprefix(BOM).lstrip()
        is_csv = head[:1] not in (b"{", b"[")
        with seam(self._file.path, "reading its records"):
            if is_csv:
                self._stage_csv(_names(head))
            else:
                self._stage_json()
            con.execute(_TYPED)
            con.execute("DROP TABLE nfdump_text")
            self.reject(con, "SELECT line, reason, fault FROM nfdump_typed WHERE reason IS NOT NULL ORDER BY line")
            if is_csv:
                self.mark_cut_line(self._file)
            con.execute(_RECORDS)
            con.execute(_FLOWS)
        self.context += scalar(con, "SELECT count(*) FROM nfdump_typed WHERE is_event")
        self.context += scalar(con, "SELECT coalesce(sum(records - 1), 0) FROM nfdump_flows")
        self._warn()
        yield from flow_batches(con, "SELECT * FROM nfdump_flows ORDER BY line")

    def _stage_json(self) -> None:
        stage_elements(elements(self._file, self), self._con, "nfdump_json", _JSON, self)
        self._con.execute(_FROM_JSON)
        self._con.execute("DROP TABLE nfdump_json")

    def _stage_csv(self, names: list[str]) -> None:
        """Stage the lines; what follows `Summary` is context, a header again too."""
        self._con.execute(_TEXT)
        picked = self._picked(names)
        width = len(names) - (not names[-1])  # newer versions end the header, not the records, with a comma
        wanted = [(name, place) for name, place in picked.items() if place < width]
        splitter = Delimited(delimiter=",", quoting=False, width=width, wanted=wanted, null="")
        for block in whole_blocks(self._file, self.rejected):
            insert_table(self._con, "nfdump_text", splitter.table(block, self.rejected))
        header = names[picked["started"]]
        if "af" in names and "cnt" in names:
            self._con.execute(_IN_SECONDS)
        self._drop_summary(header)
        self.records += scalar(self._con, "SELECT count(*) FROM nfdump_text") + len(self.rejected)

    def _picked(self, names: list[str]) -> dict[str, int]:
        """Return the place of each of our columns; raises InputError for a header without the needed ones."""
        found: Mapping[str, list[int]] = {
            ours: [place for place, name in enumerate(names) if name in theirs] for ours, theirs in _CSV.items()
        }
        twice = [ours for ours, places in found.items() if len(places) > 1]
        missing = [_CSV[ours][-1] for ours in _NEEDED if not found[ours]]
        if twice or missing:
            what = f"no column {', '.join(missing)}" if missing else f"two columns for {', '.join(twice)}"
            raise InputError(f"{what}; the header is: {','.join(names)[:200]}", path=self._file.path, line=1)
        return {ours: places[0] for ours, places in found.items() if places}

    def _drop_summary(self, header: str) -> None:
        """Count what is no record as context: the header again, and the summary; the header of line 1 is nothing."""
        self._con.execute("DELETE FROM nfdump_text WHERE line = 1")
        other = scalar(self._con, "SELECT count(*) FROM nfdump_text WHERE started = ?", [header])
        self._con.execute("DELETE FROM nfdump_text WHERE started = ?", [header])
        starts = {one.line for one in self.rejected if one.value.strip() == "Summary"}
        lines = {start + step for start in starts if start is not None for step in range(3)}
        kept = [one for one in self.rejected if one.line not in lines and one.value.strip() != "No matching flows"]
        other += len(self.rejected) - len(kept)
        self.rejected[:] = kept
        self.context += other
        self.records += other

    def _warn(self) -> None:
        naive, sampled, several = self._con.execute(_NOTED).fetchall()[0]
        if naive:
            self.warnings.append(
                "its times have no offset, for nfdump prints the local time of its machine; they are read as UTC: "
                "run nfdump with TZ=UTC, or state --clock-skew"
            )
        if sampled:
            self.warnings.append(f"{sampled} of its records were sampled: bytes are estimates, flows may be missing")
        if several:
            self.warnings.append(f"{several} of its records stand for several flows each; they count as one")


def _time(column: str) -> str:
    """Return SQL for the microseconds of a time: with an offset, a number of seconds, or naive and taken for UTC."""
    aware = plan_columns({"ts": Kind.TEXT, "server_ip": Kind.TEXT}, "s").values["ts_us"].replace('"ts"', column)
    return f"coalesce(CASE WHEN {_is_naive(column)} THEN epoch_us(TRY_CAST({column} AS TIMESTAMP)) END, {aware})"


def _is_naive(column: str) -> str:
    return f"regexp_full_match({column}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ][0-9:]{{8}}(\\.[0-9]{{1,9}})?')"


_TEXTS = (*_CSV, "kind", "sampled")
_TEXT = f"CREATE OR REPLACE TEMP TABLE nfdump_text (line BIGINT, {', '.join(f'{name} VARCHAR' for name in _TEXTS)})"
# Versions before 1.7 print milliseconds without zeros in front.
_OLD = {name: f"regexp_replace(regexp_replace(t_{name}, '\\.([0-9])$', '.0\\1'), '\\.([0-9]{{2}})$', '.0\\1')"
        for name in ("first", "last")}  # fmt: skip
_FROM_JSON = f"""
{_TEXT};
INSERT INTO nfdump_text BY NAME
SELECT line, kind, sampled, coalesce(first, {_OLD["first"]}) AS started, coalesce(last, {_OLD["last"]}) AS ended,
  coalesce(src4, src6) AS src, coalesce(dst4, dst6) AS dst, src_port, dst_port, proto, packets, bytes, back_packets,
  back_bytes, flows
FROM nfdump_json"""  # noqa: S608
_IN_SECONDS = """
UPDATE nfdump_text SET
  started = regexp_replace(started, '^([0-9]{1,12})([0-9]{3})$', '\\1.\\2'),
  ended = regexp_replace(ended, '^([0-9]{1,12})([0-9]{3})$', '\\1.\\2')"""
_COUNTS = ("bytes", "packets", "back_bytes", "back_packets")
_HAS_PORTS = "lower(coalesce(proto, '')) NOT IN ('icmp', 'icmp6', '1', '58')"  # nfdump prints type and code there
_PORTS = {name: f"CASE WHEN {_HAS_PORTS} THEN {name} END" for name in ("src_port", "dst_port")}
_DURATION = "CASE WHEN regexp_full_match(duration, '[0-9]{1,9}(\\.[0-9]{1,6})?') THEN CAST(duration AS DOUBLE) END"
_BAD = (
    ("src IS NULL OR dst IS NULL", "srcAddr", "an address is missing", "coalesce(src, dst)"),
    (f"coalesce(start_us NOT BETWEEN 0 AND {LAST_US - 1}, true)", "firstSeen", "not a time", "started"),
    (f"coalesce(end_us NOT BETWEEN 0 AND {LAST_US - 1}, true)", "lastSeen", "not a time", "ended"),
    ("end_us < start_us", "lastSeen", "before the start", "ended"),
    *((is_bad_count(name, f"n_{name}"), name, "not an integer from 0 to 2^62 - 1", name) for name in _COUNTS),
    *(
        (
            f"{text} IS NOT NULL AND coalesce(n_{name} NOT BETWEEN 0 AND 65535, true)",
            name,
            "not a port from 0 to 65535",
            name,
        )
        for name, text in _PORTS.items()
    ),
)
_TYPED = f"""
CREATE OR REPLACE TEMP TABLE nfdump_typed AS
SELECT *, CASE WHEN NOT is_event THEN
    CASE {" ".join(f"WHEN {bad} THEN '{name}: {why}'" for bad, name, why, _ in _BAD)} END END AS reason,
  CASE {" ".join(f"WHEN {bad} THEN {fault}" for bad, _, _, fault in _BAD)} END AS fault
FROM (
  SELECT *, CASE WHEN ended IS NOT NULL THEN {_time("ended")}
    ELSE start_us + CAST(coalesce({_DURATION}, 0) * 1000000 AS BIGINT) END AS end_us
  FROM (SELECT *, {_time("started")} AS start_us, coalesce(kind = 'EVENT', false) AS is_event,
          {", ".join(f"{whole(name)} AS n_{name}" for name in _COUNTS)},
          {", ".join(f"CASE WHEN {_HAS_PORTS} THEN {whole(name)} END AS n_{name}" for name in _PORTS)}
        FROM nfdump_text))"""  # noqa: S608
_RECORDS = f"""
CREATE OR REPLACE TEMP TABLE nfdump_records ({FIELDS});
INSERT INTO nfdump_records BY NAME
SELECT line, src, dst, n_src_port AS src_port, n_dst_port AS dst_port,
  CASE lower(proto) WHEN '6' THEN 'tcp' WHEN '17' THEN 'udp' ELSE lower(proto) END AS proto, start_us, end_us,
  n_bytes AS bytes, n_packets AS packets, CASE WHEN n_back_packets > 0 THEN n_back_bytes END AS back_bytes,
  nullif(n_back_packets, 0) AS back_packets
FROM nfdump_typed WHERE NOT is_event AND reason IS NULL"""  # noqa: S608
_FLOWS = f"""
CREATE OR REPLACE TEMP TABLE nfdump_flows AS
SELECT *, {has_payload("bytes_received", "received_packets", "proto", "server_ip")} AS answered
FROM ({grouped("nfdump_records")})"""  # noqa: S608
_NOTED = f"""
SELECT count(*) FILTER ({_is_naive("started")}), count(*) FILTER (sampled NOT IN ('0', 'false')),
  count(*) FILTER ({whole("flows")} > 1)
FROM nfdump_typed WHERE reason IS NULL AND NOT is_event"""  # noqa: S608
