"""Findings, claims and locations as tables: every column has its type, and what is not known is null."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

import residency
from residency.errors import UsageError
from residency.model.location import Locations
from residency.model.tables import FINDING_COLUMNS, LOCATION_COLUMNS, Tabular
from residency.model.verdict import ClaimResults, Findings, Outcome, Report

HERE = Path(__file__).resolve()
DEMO = HERE.parents[2] / "data" / "demo"


class Few(Tabular):
    """A table of given rows with one column of each kind."""

    def __init__(self, rows: Iterable[Mapping[str, object]]) -> None:
        self.rows = list(rows)

    def _columns(self) -> Mapping[str, str]:
        return {kind: kind for kind in ("text", "texts", "count", "port", "number", "yes", "time")}

    def _rows(self) -> Iterable[Mapping[str, object]]:
        return self.rows


FULL = {
    "text": "a",
    "texts": ["b", "c"],
    "count": 2**60 + 1,
    "port": 443,
    "number": 0.5,
    "yes": True,
    "time": datetime(2026, 6, 1, 12, tzinfo=UTC),
}


@pytest.fixture(scope="module")
def report() -> Report:
    return residency.audit([DEMO / "claims.toml", "tiktok-clover"], DEMO / "composed-sample.csv", clients="EEA")


@pytest.fixture(scope="module")
def located() -> Locations:
    return residency.locate(["3.5.64.21", "104.16.51.111", "10.0.0.7"], within="EEA", as_of="2026-06-15")


def test_an_empty_table_has_its_columns() -> None:
    table = Few([]).to_arrow()
    assert table.num_rows == 0
    assert [str(kind) for kind in table.schema.types] == [
        *("string", "list<item: string>", "int64", "int32", "double", "bool", "timestamp[us, tz=UTC]")
    ]
    assert list(Few([]).to_pandas().columns) == list(Few([]).to_polars().columns) == table.column_names


@pytest.mark.parametrize("kind", [Findings, ClaimResults])
def test_no_findings_and_no_claims_are_tables_too(kind: type[Findings] | type[ClaimResults]) -> None:
    assert kind().to_arrow().num_rows == len(kind().to_pandas()) == len(kind().to_polars()) == 0


def test_values_come_back() -> None:
    assert Few([FULL]).to_arrow().to_pylist() == [FULL]


def test_whole_numbers_and_truth_stay_so_in_pandas_where_some_are_missing() -> None:
    frame = Few([FULL, dict.fromkeys(FULL)]).to_pandas()
    assert frame["count"].tolist() == [2**60 + 1, pd.NA]  # a float would lose the 1
    assert str(frame["port"].dtype) == "Int32"
    assert str(frame["yes"].dtype) == "boolean"
    assert str(frame["time"].dtype) == "datetime64[us, UTC]"


def test_lists_stay_lists() -> None:
    assert list(Few([FULL]).to_pandas()["texts"][0]) == ["b", "c"]
    assert Few([FULL]).to_polars()["texts"].dtype == pl.List(pl.String)


def test_times_are_utc_whatever_their_offset() -> None:
    east = FULL["time"].astimezone(timezone(timedelta(hours=9)))  # type: ignore[attr-defined]
    assert Few([{**FULL, "time": east}]).to_arrow() == Few([FULL]).to_arrow()


def test_half_of_a_surrogate_pair_is_written_as_its_escape() -> None:
    (row,) = Few([{**FULL, "text": "a\ud800b", "texts": ["\udcff"]}]).to_arrow().to_pylist()
    assert row["text"] == "a\\ud800b"
    assert row["texts"] == ["\\udcff"]


def test_findings_have_a_row_each_in_their_order(report: Report) -> None:
    table = report.findings.to_arrow()
    assert table.column_names == list(FINDING_COLUMNS)
    assert table["id"].to_pylist() == [finding.id for finding in report.findings]
    assert table["first_seen"].to_pylist() == [finding.seen.first for finding in report.findings]
    assert table["countries"].to_pylist() == [list(finding.countries) for finding in report.findings]


def test_who_says_so_is_who_says_it_first_hand(report: Report) -> None:
    frame = report.findings.to_polars()
    violating = frame.filter(pl.col("outcome") == "violating")
    assert violating["said_by"].to_list() == [["aws"]]  # the database repeats Amazon's list
    assert violating["rules"].list.contains("R206").all()
    assert set(frame.filter(pl.col("assurance") == "database")["said_by"].explode()) == {"db-ip"}


def test_claims_have_the_tallies_of_every_outcome(report: Report) -> None:
    table = report.claims.to_arrow()
    assert {f"{outcome.value}_flows" for outcome in Outcome} <= set(table.column_names)
    rows = {row["id"]: row for row in table.to_pylist()}
    assert rows["shop.telemetry-in-eu"]["violating_bytes_sent"] == 2_048_000
    assert rows["shop.orders-in-eea"]["coverage_flows"] == 1.0
    assert rows["shop.orders-in-eea"]["effective_from"] == datetime(2025, 1, 1, tzinfo=UTC)
    assert rows["tiktok.third-party-oversight"]["could_confirm"] is False


def test_locations_have_a_row_for_each_target(located: Locations) -> None:
    table = located.to_arrow()
    assert table.column_names == list(LOCATION_COLUMNS)
    assert table.select(["target", "address_class", "anycast", "countries", "place", "verdict"]).to_pylist() == [
        {
            "target": "3.5.64.21",
            "address_class": "public",
            "anycast": "no_evidence",
            "countries": ["IE"],
            "place": "inside",
            "verdict": "consistent",
        },
        {
            "target": "104.16.51.111",
            "address_class": "public",
            "anycast": "listed",
            "countries": [],
            "place": "unknown",
            "verdict": "inconclusive",
        },
        {
            "target": "10.0.0.7",
            "address_class": "private",
            "anycast": "no_evidence",
            "countries": [],
            "place": "unknown",
            "verdict": "inconclusive",
        },
    ]
    assert len(located.to_pandas()) == len(located.to_polars()) == 3


def test_without_an_area_there_is_no_place(tmp_path: Path) -> None:
    (row,) = residency.locate("3.5.64.21", as_of="2026-06-15").to_arrow().to_pylist()
    assert row["place"] is None
    assert row["verdict"] is None
    assert row["said_by"] == ["aws"]


def test_a_label_has_no_address(tmp_path: Path) -> None:
    (tmp_path / "times.csv").write_text("vantage,lat,lon,target,rtt_ms\nDublin,53.35,-6.26,printer,1.0\n")
    (row,) = residency.locate(rtt=[tmp_path / "times.csv"], as_of="2026-06-15").to_arrow().to_pylist()
    assert (row["target"], row["server_ip"]) == ("printer", None)


def test_evidence_is_a_row_for_each_statement(report: Report) -> None:
    table = report.findings.evidence
    frame = table.to_polars()
    assert len(frame) == len(table) == sum(len(finding.evidence) for finding in report.findings)
    violating = next(finding for finding in report.findings if finding.outcome is Outcome.VIOLATING)
    rows = frame.filter(pl.col("finding") == violating.id).to_dicts()
    assert [(row["claim"], row["kind"], row["author"], row["for"], row["echo"]) for row in rows] == [
        ("shop.telemetry-in-eu", "declared", "aws", "outside", ""),
        ("shop.telemetry-in-eu", "database", "db-ip", "outside", "list:aws"),
        ("shop.telemetry-in-eu", "network", "routeviews", "neither", ""),
    ]
    assert rows[0]["sites"] == ["provider:aws/us-east-1"]
    assert rows[0]["listed_from"] <= date(2026, 6, 15) <= rows[0]["listed_until"]


def test_struck_evidence_says_why(located: Locations) -> None:
    rows = located.evidence.to_arrow().to_pylist()
    struck = [row for row in rows if row["struck"]]
    assert [(row["target"], row["kind"], row["why_struck"]) for row in struck] == [
        ("104.16.51.111", "database", "anycast: no single place")
    ]
    assert residency.locate("10.0.0.7", as_of="2026-06-15").evidence.to_arrow().num_rows == 0


@pytest.mark.parametrize(("method", "package"), [("to_pandas", "pandas"), ("to_polars", "polars")])
def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch, method: str, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UsageError, match=rf'{method}\(\) needs the extra `{package}`.*"residency\[{package}\]"'):
        getattr(Few([FULL]), method)()


def test_arrow_needs_no_pandas() -> None:
    code = """
import sys

class Without:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "pandas":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Without())
from residency.model.verdict import Findings
print(Findings().to_arrow().num_rows)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"
