"""Folders, patterns and Hive's folders: which files they stand for, in which order, and what is said of the rest."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.traffic.conftest import GOOD, HEADER, Write, read

from residency.errors import InputError
from residency.traffic import read_traffic
from residency.traffic.inputs import expand, partition_columns

AT = datetime(2026, 6, 1, tzinfo=UTC)


def parquet(path: Path, rows: int = 1, **more: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    row = {"ts": AT, "server_ip": "81.2.69.160", "bytes_received": 5, **more}
    pq.write_table(pa.table({name: [value] * rows for name, value in row.items()}), path)
    return path


def test_a_pattern_stands_for_what_it_matches_in_order(write: Write) -> None:
    root = write("x/b.csv", HEADER + GOOD).parent
    write("x/a/c.csv", HEADER + GOOD * 2)
    write("x/a/d.txt", "no traffic")
    write("x/.hidden/e.csv", HEADER + GOOD)
    found = [item.name.removeprefix(str(root)) for item in expand([str(root / "**" / "*.csv")])]
    assert found == ["/a/c.csv", "/b.csv"]


def test_a_file_with_the_name_of_a_pattern_is_that_file(write: Write) -> None:
    odd = write("a[1].csv", HEADER + GOOD)
    write("a1.csv", HEADER + GOOD)
    assert [item.file for item in expand([str(odd)])] == [odd]


def test_a_folder_that_a_pattern_matches_stands_for_its_files(write: Write) -> None:
    root = write("x/day1/b.csv", HEADER + GOOD).parents[1]
    write("x/day2/a.csv", HEADER + GOOD)
    assert [Path(item.name).name for item in expand([str(root / "day*")])] == ["b.csv", "a.csv"]


def test_no_file_twice_by_one_pattern(write: Write) -> None:
    root = write("x/a/b.csv", HEADER + GOOD).parents[1]
    assert len(expand([str(root / "**")])) == 1


def test_a_pattern_without_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file matches"):
        expand([str(tmp_path / "*.csv")])


def test_what_a_folder_holds_beside_traffic_is_named(write: Write) -> None:
    root = write("x/b.csv", HEADER + GOOD).parent
    write("x/README", "This folder holds flows.")
    write("x/_SUCCESS", "")
    result = read([root])
    assert [(one.format, one.records) for one in result.inputs] == [("none", 0), ("none", 0), ("csv", 1)]
    assert [text.split(":")[0] for text in result.warnings[:2]] == ["not read", "not read"]
    assert "README: text of no known format" in result.warnings[0]
    assert "_SUCCESS: empty file" in result.warnings[1]


def test_a_file_that_was_named_must_be_traffic(write: Write) -> None:
    with pytest.raises(InputError, match="text of no known format"):
        read([write("a.csv", HEADER + GOOD), write("README", "This folder holds flows.")])


def test_a_folder_without_traffic_says_what_it_holds(write: Write) -> None:
    with pytest.raises(InputError, match="text of no known format"):
        read([write("x/README", "This folder holds flows.").parent])


def test_a_damaged_file_of_a_known_format_stays_an_error(write: Write, tmp_path: Path) -> None:
    root = write("x/b.csv", HEADER + GOOD).parent
    (root / "half.parquet").write_bytes(parquet(tmp_path / "whole.parquet").read_bytes()[:-9])
    with pytest.raises(InputError, match=r"half\.parquet"):
        read([root])


@pytest.mark.parametrize(
    ("path", "columns"),
    [
        ("a.parquet", {}),
        ("dt=2026-06-01/a.parquet", {"dt": "2026-06-01"}),
        ("x/dt=2026-06-01/Vantage=br%2Fuss/a.parquet", {"dt": "2026-06-01", "vantage": "br/uss"}),
        ("vantage=__HIVE_DEFAULT_PARTITION__/a.parquet", {"vantage": None}),
        ("1=2/=3/a=b.parquet", {}),
    ],
)
def test_columns_of_folders(path: str, columns: dict[str, str | None]) -> None:
    assert partition_columns(path) == columns


def test_folders_are_columns_where_the_file_lacks_them(tmp_path: Path) -> None:
    parquet(tmp_path / "dt=2026-06-01" / "vantage=brussels" / "a.parquet")
    parquet(tmp_path / "dt=2026-06-01" / "vantage=oslo" / "a.parquet", rows=2)
    parquet(tmp_path / "dt=2026-06-02" / "vantage=oslo" / "a.parquet", rows=3, vantage="bergen")
    result = read([tmp_path])
    assert {(group["vantage"], group["records"]) for group in result.groups} == {
        ("brussels", 1),
        ("oslo", 2),
        ("bergen", 3),
    }


def test_equal_files_of_two_vantages_are_two(tmp_path: Path) -> None:
    parquet(tmp_path / "vantage=a" / "a.parquet")
    parquet(tmp_path / "vantage=b" / "a.parquet")
    parquet(tmp_path / "vantage=b" / "copy.parquet")
    result = read([tmp_path])
    assert [(one.records, one.duplicate) for one in result.inputs] == [(1, 0), (1, 0), (1, 1)]


def test_a_bad_value_of_a_folder_is_each_row_s(tmp_path: Path) -> None:
    parquet(tmp_path / "server_port=x'y" / "a.parquet", rows=2)
    parquet(tmp_path / "server_port=443" / "a.parquet", rows=2)
    result = read([tmp_path])
    assert [group["server_port"] for group in result.groups] == [443]
    assert [reason for _, reason in result.reasons] == ["server_port: not a port from 0 to 65535"] * 2


def test_many_small_files_are_read_as_one_would_be(write: Write) -> None:
    for number in range(40):
        root = write(f"x/{number}.csv", HEADER + GOOD + GOOD.replace("69.160", f"69.{number}")).parent
    result = read([root])
    assert len(result.inputs) == 40
    assert sum(group["records"] for group in result.groups) == 80
    assert os.path.basename(result.inputs[1].path) == "1.csv"


def test_hosts_can_be_asked_by_their_endings(write: Write) -> None:
    names = ["a.x.example", "b.ax.example", "x.example", "X.Example.", "y.example", ""]
    path = write("a.csv", HEADER + "".join(GOOD.rstrip("\n").rpartition(",")[0] + f",{name}\n" for name in names))
    with read_traffic([path], cuts_us=()) as traffic:
        assert list(traffic.hosts()) == ["a.x.example", "b.ax.example", "x.example", "y.example"]
        assert list(traffic.hosts(ending=["x.example"])) == ["a.x.example", "b.ax.example", "x.example"]
        assert list(traffic.hosts(containing=".x", ending=["x.example", "y.example"])) == ["a.x.example"]
        assert list(traffic.hosts(ending=[])) == []
        assert traffic.groups(["x.example"])["host"].to_pylist() == [None, "x.example"]
        assert traffic.groups(["x.example"])["flows"].to_pylist() == [1, 2]
        assert traffic.groups([])["host"].to_pylist() == [None]
        assert traffic.groups().num_rows == 5
