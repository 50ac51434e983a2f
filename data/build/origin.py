"""Build geo/origin_v4.arrow and geo/origin_v6.arrow: which network an address belongs to, and of what kind.

Kinds: `cloud`, `hosting`, `cdn` (shared fronts included), `other`, and "" where no network is known.
asn_kinds.csv decides first (written by hand, with reasons); else the organisation's name, by patterns that only a
hosting business would carry. Everything else is `other`. A kind says something of a network, never of a place.
For size the number is kept only where asn_kinds.csv names the network or its kind is not `other`; else it is 0.
So a number that occurs nowhere in the table is not covered by it, which is not the same as having no addresses.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from common import ASN, DATA, GEO, Interval, fetch_npm, labels, partition, read_rows, work_folder, write_table
from country import write_v6

KINDS = ("cdn", "cloud", "hosting", "other")
# Ordered: the first pattern that the organisation's name holds decides.
PATTERNS = (
    ("cdn", re.compile(r"\bcdn\b|content delivery|ddos.?(guard|protect)", re.IGNORECASE)),
    ("cloud", re.compile(r"\bcloud(s|\d*)\b|\bcloud computing", re.IGNORECASE)),
    (
        "hosting",
        re.compile(
            r"\bhost(ing|ings|er|ers)\b|\w{2,}hosting\b|webhost|hostinger|hostpapa"
            r"|\bdata ?cent(er|re)s?\b|datacent(er|re)"
            r"|\bservers?\b|(?<!ob)(?<!con)\w{2,}servers?\b|\bdedicated servers?\b"
            r"|\bvps\b|\bcolo\b|colocation|\bcloud",
            re.IGNORECASE,
        ),
    ),
)
NOTHING = (0, "")


def find_kind(asn: int, name: str, curated: dict[int, str]) -> str:
    """Return the kind of a network."""
    if asn in curated:
        return curated[asn]
    return next((kind for kind, pattern in PATTERNS if pattern.search(name)), "other")


def find_label(asn: int, name: str, curated: dict[int, str]) -> tuple[int, str]:
    """Return (number, kind); the number is 0 for an `other` network that asn_kinds.csv does not name."""
    if asn == 0:
        return NOTHING
    kind = find_kind(asn, name, curated)
    return (asn if asn in curated or kind != "other" else 0), kind


def read_curated() -> dict[int, str]:
    """Read asn_kinds.csv; a kind that is not one of ours is a fault."""
    curated = {int(row["asn"]): row["kind"] for row in read_rows(DATA / "asn_kinds.csv")}
    if not set(curated.values()) <= set(KINDS):
        raise ValueError(f"asn_kinds.csv: kinds are {', '.join(KINDS)}")
    return curated


def read_intervals(path: Path, curated: dict[int, str]) -> Iterator[Interval]:
    """Read (first, last, asn, name) rows in address order; where two overlap the earlier one holds."""
    position = 0
    with path.open(encoding="utf-8", newline="") as file:
        for first, last, asn, name in csv.reader(file):
            start = max(int(first), position)
            if start <= int(last):
                yield Interval(first=start, last=int(last), label=find_label(int(asn), name, curated))
                position = int(last) + 1


def columns(rows: list[tuple[int, tuple[int, str]]]) -> dict[str, pa.Array]:
    """Lay out the labels of a partition."""
    return {
        "asn": pa.array([label[0] for _, label in rows], pa.uint32()),
        "kind": labels([label[1] for _, label in rows]),
    }


def main() -> None:
    """Build both tables."""
    folder = fetch_npm(ASN, work_folder(__doc__ or ""))
    curated = read_curated()
    GEO.mkdir(exist_ok=True)
    rows = [r for r in partition(read_intervals(folder / "asn-ipv4-num.csv", curated), NOTHING) if r[0] < 1 << 32]
    starts = pa.array([start for start, _ in rows], pa.uint32())
    write_table(GEO / "origin_v4.arrow", pa.table({"start": starts, **columns(rows)}))
    rows = [r for r in partition(read_intervals(folder / "asn-ipv6-num.csv", curated), NOTHING) if r[0] < 1 << 128]
    write_v6(GEO / "origin_v6.arrow", [start for start, _ in rows], columns(rows))


if __name__ == "__main__":
    main()
