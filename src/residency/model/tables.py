"""Values that are also tables: findings, claims, locations and evidence as Arrow, pandas or polars, one row each.

The columns carry the names of the JSON documents (DESIGN sections 7.5 and 7.6). Lists stay lists, times are UTC, and
what is not known is null.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from residency.errors import UsageError
from residency.model.evidence import Evidence, authors_of
from residency.model.network import AddressForm
from residency.model.place import countries_of, sites_of

if TYPE_CHECKING:
    from residency.model.location import Location
    from residency.model.verdict import ClaimResult, Finding

Rows = Iterable[Mapping[str, object]]


class Tabular:
    """A sequence that is a table: `_columns` are names and kinds, `_rows` the values by name."""

    __slots__ = ()

    def _columns(self) -> Mapping[str, str]:
        raise NotImplementedError

    def _rows(self) -> Rows:
        raise NotImplementedError

    def to_arrow(self) -> Any:
        """Return a pyarrow.Table, one row a value in the order given."""
        import pyarrow as pa

        kinds = {
            "text": pa.string(),
            "texts": pa.list_(pa.string()),
            "count": pa.int64(),
            "port": pa.int32(),
            "number": pa.float64(),
            "yes": pa.bool_(),
            "time": pa.timestamp("us", tz="UTC"),
            "day": pa.date32(),
        }
        schema = pa.schema([(name, kinds[kind]) for name, kind in self._columns().items()])
        try:
            return pa.Table.from_pylist(list(self._rows()), schema=schema)
        except UnicodeEncodeError:  # half of a surrogate pair, which no Arrow text can hold
            return pa.Table.from_pylist([_whole(row) for row in self._rows()], schema=schema)

    def to_pandas(self) -> Any:
        """Return a pandas.DataFrame whose whole numbers and truth values stay such where some are missing.

        Raises UsageError where pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise missing_extra("to_pandas()", "pandas") from error
        whole = {"int64": pd.Int64Dtype(), "int32": pd.Int32Dtype(), "bool": pd.BooleanDtype()}
        return self.to_arrow().to_pandas(types_mapper=lambda kind: whole.get(str(kind)))

    def to_polars(self) -> Any:
        """Return a polars.DataFrame; raises UsageError where polars is not installed."""
        try:
            import polars as pl
        except ImportError as error:
            raise missing_extra("to_polars()", "polars") from error
        return pl.from_arrow(self.to_arrow())


def _whole(row: Mapping[str, object]) -> dict[str, object]:
    """Return the row with what is no Unicode text written as its escape."""

    def whole(value: object) -> object:
        if isinstance(value, list):
            return [whole(inner) for inner in value]
        return utf8(value) if isinstance(value, str) else value

    return {name: whole(value) for name, value in row.items()}


def utf8(text: str) -> str:
    """Return a text that UTF-8, and so Arrow, can hold: half of a surrogate pair is shown by its code."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def missing_extra(what: str, extra: str) -> UsageError:
    """Return the error of something that needs a package that is not installed."""
    return UsageError(f'{what} needs the extra `{extra}`: python -m pip install "residency[{extra}]"')


FINDING_COLUMNS = {
    **dict.fromkeys(("id", "claim", "server_ip", "server_form"), "text"),
    "server_port": "port",
    **dict.fromkeys(("proto", "host", "named_by"), "text"),
    "answered": "yes",
    "role": "text",
    **dict.fromkeys(("period_from", "period_until"), "time"),
    **dict.fromkeys(("vantage", "outcome", "missing_link", "place", "assurance"), "text"),
    **dict.fromkeys(("countries", "sites", "excluded"), "texts"),
    "network": "text",
    **dict.fromkeys(("flows", "bytes_sent", "bytes_received"), "count"),
    **dict.fromkeys(("first_seen", "last_seen"), "time"),
    "min_rtt_ms": "number",
    "rtt_kind": "text",
    **dict.fromkeys(("rules", "said_by"), "texts"),
}


def finding_facts(finding: Finding) -> dict[str, object]:
    """Return what is said alike of a finding by a row and by the JSON report: all but times and evidence."""
    seen = finding.seen
    return {
        "id": finding.id,
        "claim": finding.claim,
        "server_ip": seen.server_ip,
        "server_form": seen.server_form,
        "server_port": seen.server_port,
        "proto": seen.proto,
        "host": seen.host,
        "named_by": seen.named_by,
        "answered": seen.answered,
        "role": finding.role,
        "vantage": seen.vantage,
        "outcome": finding.outcome.value,
        "missing_link": finding.missing_link,
        "place": finding.place.value,
        "assurance": finding.assurance.value,
        "countries": list(finding.countries),
        "sites": list(finding.sites),
        "excluded": list(finding.excluded),
        "network": finding.network,
        "flows": seen.flows,
        "bytes_sent": seen.bytes_sent,
        "bytes_received": seen.bytes_received,
        "min_rtt_ms": seen.min_rtt_ms,
        "rtt_kind": seen.rtt_kind,
        "rules": list(finding.rules),
    }


def finding_row(finding: Finding) -> dict[str, object]:
    """Return a finding as a row; `said_by` are those on whose word its place rests."""
    return finding_facts(finding) | {
        "period_from": finding.period.start,
        "period_until": finding.period.end,
        "first_seen": finding.seen.first,
        "last_seen": finding.seen.last,
        "said_by": list(authors_of(finding.evidence, finding.assurance)),
    }


LOCATION_COLUMNS = {
    **dict.fromkeys(("target", "server_ip", "host", "address_class", "address_form", "anycast"), "text"),
    **dict.fromkeys(("countries", "sites", "excluded"), "texts"),
    **dict.fromkeys(("place", "assurance", "verdict"), "text"),
    **dict.fromkeys(("rules", "said_by"), "texts"),
}


def location_facts(item: Location) -> dict[str, object]:
    """Return what is said alike of a located target by a row and by its JSON: all but evidence.

    `place` and `verdict` are null where no area was asked about.
    """
    return {
        "target": item.target,
        "server_ip": None if item.address.form is AddressForm.LABEL else item.address.text,
        "host": item.host,
        "address_class": item.address.address_class.value,
        "address_form": item.address.form.value,
        "anycast": item.anycast,
        "countries": list(item.countries),
        "sites": list(item.sites),
        "excluded": list(item.excluded),
        "place": None if item.where is None else item.where.value,
        "assurance": item.assurance.value,
        "verdict": None if item.verdict is None else item.verdict.value,
        "rules": list(item.rules),
    }


def location_row(item: Location) -> dict[str, object]:
    """Return a located target as a row; `said_by` are those on whose word its place rests."""
    return location_facts(item) | {"said_by": list(authors_of(item.evidence, item.assurance))}


_TALLY = ("endpoints", "flows", "bytes_sent", "bytes_received")
_SHARES = ("coverage_flows", "coverage_bytes_sent", "coverage_bytes_received")
CLAIM_COLUMNS = {
    **dict.fromkeys(("id", "vendor", "statement", "activity", "modality"), "text"),
    **dict.fromkeys(("allow", "forbid", "subjects"), "texts"),
    **dict.fromkeys(("effective_from", "effective_until"), "time"),
    **dict.fromkeys(("could_violate", "could_confirm"), "yes"),
    **dict.fromkeys(("verdict", "assurance", "headline"), "text"),
    "rules": "texts",
    "as_connection": "text",
    **dict.fromkeys(_SHARES, "number"),
}


def claim_columns(outcomes: Iterable[str]) -> dict[str, str]:
    """Return the columns of claims, with those of each outcome's tally."""
    return CLAIM_COLUMNS | {f"{outcome}_{name}": "count" for outcome in outcomes for name in _TALLY}


def claim_row(result: ClaimResult) -> dict[str, object]:
    """Return the verdict on a claim as a row: `inside_flows` and the like are the tallies of its outcomes."""
    claim, could = result.claim, result.could
    row: dict[str, object] = {
        "id": claim.id,
        "vendor": claim.vendor,
        "statement": claim.statement,
        "activity": claim.activity.value,
        "modality": claim.modality.value,
        "allow": list(claim.allow),
        "forbid": list(claim.forbid),
        "subjects": list(claim.subjects),
        "effective_from": claim.effective.start,
        "effective_until": claim.effective.end,
        "could_violate": could.could_violate,
        "could_confirm": could.could_confirm,
        "verdict": result.verdict.value,
        "assurance": result.assurance.value,
        "headline": result.headline,
        "rules": [reason.rule for reason in result.reasons],
        "as_connection": None if result.as_connection is None else result.as_connection.value,
    }
    row |= dict(zip(_SHARES, result.coverage, strict=True))
    tallies = result.outcomes.items()
    return row | {f"{outcome.value}_{name}": getattr(tally, name) for outcome, tally in tallies for name in _TALLY}


_EVIDENCE_COLUMNS = {
    **dict.fromkeys(("kind", "source", "author", "says"), "text"),
    **dict.fromkeys(("countries", "sites"), "texts"),
    **dict.fromkeys(("for", "lineage", "echo"), "text"),
    **dict.fromkeys(("proves", "struck"), "yes"),
    "why_struck": "text",
    **dict.fromkeys(("listed_from", "listed_until"), "day"),
    "days_from_flow": "count",
}


@dataclass(frozen=True, slots=True)
class EvidenceTable(Tabular):
    """Who said what: one row a statement, below the `keys` of the finding or location that it was weighed for."""

    keys: tuple[str, ...]
    entries: tuple[tuple[tuple[str, ...], Evidence, str], ...]  # values of the keys, evidence, the side it speaks for

    def __len__(self) -> int:
        return len(self.entries)

    def _columns(self) -> Mapping[str, str]:
        return dict.fromkeys(self.keys, "text") | _EVIDENCE_COLUMNS

    def _rows(self) -> Rows:
        for values, item, side in self.entries:
            yield dict(zip(self.keys, values, strict=True)) | _evidence_row(item, side)


def evidence_facts(item: Evidence, side: str) -> dict[str, object]:
    """Return what is said alike of a piece of evidence by a row and by JSON: all but the days of a dated list."""
    said = item.statement
    return {
        "kind": said.kind.value,
        "source": said.source,
        "author": said.author,
        "says": said.says,
        "countries": list(countries_of(said.places)),
        "sites": list(sites_of(said.places)),
        "for": side,
        "lineage": item.lineage,
        "echo": item.echo,
        "proves": said.proves,
        "struck": bool(item.struck),
        "why_struck": item.struck,
        "days_from_flow": item.days_from_flow,
    }


def _evidence_row(item: Evidence, side: str) -> dict[str, object]:
    first, last = item.statement.listed or (None, None)
    return evidence_facts(item, side) | {"listed_from": first, "listed_until": last}
