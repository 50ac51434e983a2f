"""The columns of the flow table, and the SQL that reads them strictly whatever type they come in.

Every expression is built from quoted column names and constants of this file; nothing of the input is ever
formatted into it. Values that are keys (addresses, ports, host names) pass as text here and are read strictly on
the distinct ones (`residency.traffic.distinct`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from residency.limits import LIMITS
from residency.model.period import to_us
from residency.traffic.engine import quoted
from residency.traffic.records import TIME_UNITS

COLUMNS = (
    "ts",
    "client_ip",
    "server_ip",
    "server_port",
    "proto",
    "bytes_sent",
    "bytes_received",
    "host",
    "named_by",
    "answered",
    "rtt_ms",
    "rtt_kind",
    "flows",
    "vantage",
    "flow_id",
)
REQUIRED = ("ts", "server_ip")
WEAKENING = {
    "client_ip": "no column client_ip: whose data it was cannot be checked by client address",
    "server_port": "no column server_port: claims narrowed to ports cannot be held against these flows",
    "proto": "no column proto: protocols are unknown",
    "bytes_sent": "no column bytes_sent: the shares of bytes sent are unknown",
    "bytes_received": "no column bytes_received: whether servers answered is unknown unless a column answered says so",
}
NAMED_BY = ("sni", "quic", "http", "dns", "dns_shared", "stated", "ech")
UNKNOWN = "unknown"
RTT_KINDS = ("syn", "tls", "quic", "app")
LAST_US = 7_258_118_400_000_000  # 2200-01-01

NAIVE = "ts: a time without an offset; write it with Z or ±HH:MM"


class Kind(StrEnum):
    """How a source holds a column."""

    TEXT = "text"
    INTEGER = "integer"
    FLOAT = "float"
    MOMENT = "moment"  # an instant (TIMESTAMP WITH TIME ZONE)
    BOOL = "bool"
    ZULU = "zulu"  # text of which a LIKE says that it is RFC 3339 ending in Z; only the fast way
    COUNT = "count"  # a count that was text, held as a double, exact below 2^53; only the fast way
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Check:
    """One way a row can be bad: an SQL condition that is never null, the reason (SQL), and the column at fault.

    `good` is its opposite, where there is one that DuckDB evaluates quicker as a filter than NOT (bad).
    """

    bad: str
    reason: str
    column: str
    good: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Expressions over one source: the normalised values by name, and the checks."""

    values: Mapping[str, str]
    checks: tuple[Check, ...]
    has_flow_id: bool

    @property
    def good(self) -> str:
        """The condition that a row passes every check."""
        return " AND ".join(check.good or f"NOT ({check.bad})" for check in self.checks)

    @property
    def reason(self) -> str:
        """The first failed check's reason, else null."""
        whens = " ".join(f"WHEN {check.bad} THEN {check.reason}" for check in self.checks)
        return f"CASE {whens} END"

    @property
    def fault(self) -> str:
        """The text of the column at fault, else null."""
        whens = " ".join(f"WHEN {check.bad} THEN CAST({quoted(check.column)} AS VARCHAR)" for check in self.checks)
        return f"CASE {whens} END"


def quick_kinds(
    kinds: Mapping[str, Kind], first_time: str | None, time_unit: str, *, keep_text: bool
) -> dict[str, Kind]:
    """Return kinds that DuckDB reads faster than text, judging times by the first one.

    `keep_text` is for JSON, where DuckDB would read `true` as the number 1.
    """
    quick = dict(kinds)
    text = first_time or ""
    if kinds["ts"] is Kind.TEXT and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", text):
        quick["ts"] = Kind.ZULU
    if keep_text:
        return quick
    if quick["ts"] is Kind.TEXT and time_unit != "ns" and re.fullmatch(r"\d{1,19}(\.\d+)?", text):
        quick["ts"] = Kind.FLOAT
    for name in ("bytes_sent", "bytes_received", "flows"):
        if quick.get(name) is Kind.TEXT:
            quick[name] = Kind.COUNT
    return quick


def likely_time(first_time: str | None, time_unit: str) -> int | None:
    """Return the first row's time in microseconds, as a guess at most rows' times; None where it tells none."""
    text = first_time or ""
    try:
        if re.fullmatch(r"\d{1,19}(\.\d+)?", text):
            return int(float(text) * (TIME_UNITS[time_unit] or 0.001))
        return to_us(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None


def plan_columns(
    kinds: Mapping[str, Kind],
    time_unit: str,
    *,
    with_clients: bool = True,
    known_clients: bool = False,
    trusted: bool = False,
) -> Plan:
    """Build the expressions for a source that has the columns `kinds`.

    Without `with_clients` the caller looks at client addresses; `known_clients` says that the table of that name is
    filled. `trusted` is for `aggregate.group_all`: values may raise on a bad row, and checks may speak of a value's
    result as `v_NAME`.
    """
    values: dict[str, str] = {}
    checks: list[Check] = []
    _plan_time(kinds, time_unit, values, checks, trusted=trusted)
    for name in ("bytes_sent", "bytes_received", "flows"):
        _plan_count(name, kinds, values, checks, trusted=trusted)
    checks.append(_missing("server_ip", "server_ip: no address"))
    if "client_ip" in kinds and with_clients:
        checks.append(client_check(kinds["client_ip"], with_known=known_clients))
    if trusted:
        _trust(kinds, values)
    for name in ("client_ip", "server_ip", "server_port", "proto", "host", "named_by", "vantage", "flow_id"):
        values[name] = _text(name, kinds)
    if trusted and kinds.get("server_port") is Kind.INTEGER:
        values["server_port"] = quoted("server_port")  # group on numbers; `by_input` holds their text
    _plan_answered(kinds, values, checks, trusted=trusted)
    _plan_rtt(kinds, values)
    return Plan(values, tuple(checks), "flow_id" in kinds)


def _trust(kinds: Mapping[str, Kind], values: dict[str, str]) -> None:
    for name in ("bytes_sent", "bytes_received", "flows"):
        if kinds.get(name) is Kind.FLOAT:
            values[name] = f"CAST({quoted(name)} AS BIGINT)"


def _text(name: str, kinds: Mapping[str, Kind]) -> str:
    if name not in kinds:
        return "CAST(NULL AS VARCHAR)"
    column = quoted(name)
    return column if kinds[name] is Kind.TEXT else f"CAST({column} AS VARCHAR)"


def _missing(name: str, reason: str) -> Check:
    column = quoted(name)
    return Check(f"{column} IS NULL", f"'{reason}'", name)


# -- times -----------------------------------------------------------------------------------------------------------

_RFC3339 = (
    r"'\s*[0-9]{4}-(0[1-9]|1[0-2])-[0-3][0-9][Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?"
    r"([Zz]|[+-][0-9]{2}:?[0-9]{2})\s*'"
)
_LOOKS_NAIVE = r"'\s*[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?)?\s*'"
_ZULU = "____-__-__T__:__:__%Z"
_NUMBER = r"'\s*[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]{1,3})?\s*'"


def _plan_time(
    kinds: Mapping[str, Kind], time_unit: str, values: dict[str, str], checks: list[Check], *, trusted: bool
) -> None:
    kind, column = kinds["ts"], quoted("ts")
    if trusted and kind is Kind.MOMENT:
        values["ts_us"] = f"epoch_us({column})"  # what is infinite raises or shows in the range of the sums
        checks.append(_missing("ts", "ts: no time"))
        return
    if kind is Kind.ZULU:
        # The cast raises on what is no time, and the range is looked at in the sums: both send the input on to the
        # exact way, which costs nothing here.
        values["ts_us"] = f"epoch_us(CAST({column} AS TIMESTAMP))"
        checks.append(Check(f"NOT coalesce({column} LIKE '{_ZULU}', false)", "'ts'", "ts"))
        return
    us = _TIME[kind](column, time_unit) if kind in _TIME else "CAST(NULL AS BIGINT)"
    values["ts_us"] = us
    bad_range = (
        f"CASE WHEN regexp_full_match({column}, {_LOOKS_NAIVE}) THEN '{NAIVE}' " if kind is Kind.TEXT else "CASE "
    )
    repeated = f"WHEN lower(trim({column})) = 'ts' THEN 'header repeated in mid-file' " if kind is Kind.TEXT else ""
    reason = (
        f"{bad_range}{repeated}WHEN {column} IS NULL THEN 'ts: no time' WHEN {us} IS NULL THEN "
        "'ts: neither RFC 3339 with an offset nor a number' ELSE 'ts: outside 1970 to 2200; see --time-unit' END"
    )
    checks.append(Check(f"coalesce({us}, -1) NOT BETWEEN 0 AND {LAST_US - 1}", reason, "ts"))


def _text_time(column: str, unit: str) -> str:
    scaled = _number_time(f"TRY_CAST({column} AS DOUBLE)", unit)
    number = f"CASE WHEN regexp_full_match({column}, {_NUMBER}) THEN {scaled} END"
    if unit == "ns":
        number = f"CASE WHEN regexp_full_match({column}, '[0-9]{{1,19}}') THEN TRY_CAST({column} AS BIGINT) // 1000 END"
    leap = f"epoch_us(TRY_CAST(regexp_replace(upper(trim({column})), ':60(\\.[0-9]+)?', ':59.999999') AS TIMESTAMPTZ))"
    moment = f"epoch_us(TRY_CAST(upper(trim({column})) AS TIMESTAMPTZ))"
    offset = f"CASE WHEN contains({column}, ':60') THEN {leap} ELSE {moment} END"
    slow = f"CASE WHEN regexp_full_match({column}, {_RFC3339}) THEN {offset} ELSE {number} END"
    quick = f"CASE WHEN {column} LIKE '{_ZULU}' THEN epoch_us(TRY_CAST({column} AS TIMESTAMP)) END"
    return f"coalesce({quick}, {slow})"


def _number_time(number: str, unit: str) -> str:
    """Round a number of `unit` to microseconds; out of range (never overflowing) becomes -1."""
    scale = TIME_UNITS[unit]
    scaled = f"{number} * {scale}" if scale else f"{number} / 1000"
    is_in = f"{scaled} >= 0 AND {scaled} < {LAST_US}"
    return f"CASE WHEN {is_in} THEN CAST(round({scaled}) AS BIGINT) WHEN {number} IS NOT NULL THEN -1 END"


def _integer_time(column: str, unit: str) -> str:
    scale = TIME_UNITS[unit]
    if not scale:
        return f"CAST({column} // 1000 AS BIGINT)"
    limit = LAST_US // scale
    scaled = f"CAST({column} AS BIGINT) * {scale}"
    return f"CASE WHEN {column} BETWEEN 0 AND {limit} THEN {scaled} WHEN {column} IS NOT NULL THEN -1 END"


def _float_time(column: str, unit: str) -> str:
    return _number_time(f"CASE WHEN isfinite({column}) THEN {column} END", unit)


def _moment_time(column: str, unit: str) -> str:
    del unit
    return f"CASE WHEN isfinite({column}) THEN epoch_us({column}) END"


_TIME = {
    Kind.TEXT: _text_time,
    Kind.INTEGER: _integer_time,
    Kind.FLOAT: _float_time,
    Kind.MOMENT: _moment_time,
}

# -- counts ----------------------------------------------------------------------------------------------------------


def _plan_count(
    name: str, kinds: Mapping[str, Kind], values: dict[str, str], checks: list[Check], *, trusted: bool
) -> None:
    if name not in kinds:
        values[name] = "CAST(NULL AS BIGINT)"
        return
    column, kind = quoted(name), kinds[name]
    cap = LIMITS.max_record_bytes
    if kind is Kind.TEXT and trusted:
        # Quick and too strict: what raises, or may be a fraction, is read again the exact way.
        value = f"CAST({column} AS BIGINT)"
        odd = f"contains({column}, '.') OR contains({column}, '-')"
        bad = f"(v_{name} < 0 OR v_{name} >= {cap} OR {odd}) IS TRUE"
    elif kind is Kind.TEXT:
        value = f"TRY_CAST({column} AS BIGINT)"
        # A cast to BIGINT rounds 1.5 and 15e-1 to 2 without a word: a point or a minus sign needs a second look.
        odd = f"(contains({column}, '.') OR contains({column}, '-')) AND NOT regexp_full_match({column}, '[0-9]+\\.0*')"
        bad = f"{column} IS NOT NULL AND (coalesce({value} NOT BETWEEN 0 AND {cap - 1}, true) OR {odd})"
    elif kind is Kind.INTEGER and trusted:
        # Whole doubles add exactly, and quicker, below 2^53, which the sums are held against.
        value, bad = f"CAST({column} AS DOUBLE)", f"(v_{name} < 0 OR v_{name} >= {2**53}) IS TRUE"
    elif kind is Kind.INTEGER:
        value = f"CASE WHEN {column} BETWEEN 0 AND {cap - 1} THEN CAST({column} AS BIGINT) END"
        bad = f"coalesce({column} NOT BETWEEN 0 AND {cap - 1}, false)"
    elif kind is Kind.COUNT:
        value = column  # summed as it is: whole doubles add exactly below 2^53, which the sums are held against
        bad = f"({column} < 0 OR {column} >= {2**53} OR {column} <> floor({column})) IS TRUE"
    elif kind is Kind.FLOAT:
        value = f"CASE WHEN {column} >= 0 AND {column} < {cap} THEN CAST({column} AS BIGINT) END"
        whole = f"isfinite({column}) AND {column} >= 0 AND {column} < {cap} AND {column} = floor({column})"
        bad = f"{column} IS NOT NULL AND NOT ({whole})"
    else:
        value, bad = "CAST(NULL AS BIGINT)", f"{column} IS NOT NULL"
    values[name] = value
    checks.append(Check(bad, f"'{name}: not an integer from 0 to 2^62 - 1'", name))


# -- addresses -------------------------------------------------------------------------------------------------------

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
V4 = rf"(?:{_OCTET}\.){{3}}{_OCTET}"
_H = "[0-9A-Fa-f]{1,4}"
_TAIL = rf"({_H}:{_H}|{V4})"
V6 = "|".join(
    [
        rf"({_H}:){{6}}{_TAIL}",
        rf"::({_H}:){{0,5}}{_TAIL}",
        *(rf"({_H}:){{{n - 1}}}{_H}::({_H}:){{0,{5 - n}}}{_TAIL}" for n in range(1, 6)),
        *(rf"({_H}:){{{n - 1}}}{_H}::({_H})?" for n in range(1, 8)),
        rf"::({_H})?",
    ]
)


KNOWN_CLIENTS = "known_clients"


def client_check(kind: Kind, *, with_known: bool = False) -> Check:
    """Hold client addresses against the grammar that `parse_address` reads (a test keeps the two equal).

    `with_known` looks first in the table `known_clients` of texts that passed: far quicker than the grammar.
    """
    column = quoted("client_ip")
    good = None
    if kind is Kind.INTEGER:
        bad = f"coalesce({column} NOT BETWEEN 0 AND {2**32 - 1}, false)"
    elif kind is Kind.TEXT:
        loose = rf"\s*({V4}|({V6})(%.*)?)\s*"
        bad = f"NOT (coalesce(regexp_full_match({column}, '{V4}'), true) OR regexp_full_match({column}, '{loose}'))"
        if with_known:
            known = f"{column} IN (SELECT text FROM {KNOWN_CLIENTS})"  # noqa: S608
            grammar = f"regexp_full_match({column}, '{loose}')"
            good = f"CASE WHEN {known} THEN true ELSE {column} IS NULL OR {grammar} END"
    else:
        bad = f"{column} IS NOT NULL"
    return Check(bad, "'client_ip: not an IP address'", "client_ip", good)


# -- what servers did ------------------------------------------------------------------------------------------------


def _plan_answered(kinds: Mapping[str, Kind], values: dict[str, str], checks: list[Check], *, trusted: bool) -> None:
    default = "(v_bytes_received > 0)" if trusted else f"({values['bytes_received']} > 0)"
    kind, column = kinds.get("answered"), quoted("answered")
    if kind is None:
        values["answered"] = default
        return
    text = f"lower(trim(CAST({column} AS VARCHAR)))"
    yes, no = "('true', 't', '1', 'yes')", "('false', 'f', '0', 'no')"
    stated = f"CASE WHEN {text} IN {yes} THEN true WHEN {text} IN {no} THEN false END"
    is_unknown = f"coalesce({text} = '{UNKNOWN}', false)"  # not known, whatever the bytes
    values["answered"] = f"CASE WHEN NOT {is_unknown} THEN coalesce({stated}, {default}) END"
    bad = f"{column} IS NOT NULL AND {stated} IS NULL AND NOT {is_unknown}"
    checks.append(Check(bad, "'answered: neither true nor false nor unknown'", "answered"))


def _plan_rtt(kinds: Mapping[str, Kind], values: dict[str, str]) -> None:
    """A bad round-trip time is dropped and counted (`rtt_dropped`); the flow stays."""
    if "rtt_ms" not in kinds:
        values["rtt_ms"], values["rtt_kind"] = "CAST(NULL AS DOUBLE)", "CAST(NULL AS VARCHAR)"
        values["rtt_dropped"] = "false"
        return
    number = f"TRY_CAST({quoted('rtt_ms')} AS DOUBLE)"
    allowed = ", ".join(f"'{kind}'" for kind in RTT_KINDS)
    kind = f"lower(trim({_text('rtt_kind', kinds)}))"
    is_good = f"coalesce({number} > 0 AND {number} <= {LIMITS.max_rtt_ms} AND {kind} IN ({allowed}), false)"
    values["rtt_ms"] = f"CASE WHEN {is_good} THEN {number} END"
    values["rtt_kind"] = f"CASE WHEN {is_good} THEN {kind} END"
    values["rtt_dropped"] = f"({quoted('rtt_ms')} IS NOT NULL AND NOT {is_good})"
