"""Our CSV of round-trip times (DESIGN 7.4): `vantage,lat,lon,target,rtt_ms` and optional columns, read strictly."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from residency.errors import SourceError, shorten
from residency.limits import LIMITS
from residency.model.latency import RttKind
from residency.model.network import Vantage
from residency.sources.latency import Times

NEEDED = ("vantage", "lat", "lon", "target", "rtt_ms")
OPTIONAL = ("radius_km", "asn", "kind", "at")
_DEFAULT_RADIUS_KM = Vantage(lat=0, lon=0).radius_km
_LAST_ASN = 2**32 - 1


def read_csv_times(content: bytes, times: Times) -> None:
    """Fill `times` from the CSV; raises SourceError for a header that is none, sets damaged rows aside."""
    for line, row in _rows(content):
        times.count()
        try:
            _read_row(line, row, times)
        except ValueError as error:
            times.refuse(line, str(error))


def read_csv_vantages(content: bytes) -> tuple[Vantage, ...]:
    """Return the vantages of a CSV `name,lat,lon` and optional `radius_km,asn,country`; SourceError lists the line."""
    found: list[Vantage] = []
    for line, row in _rows(content, needed=("name", "lat", "lon")):
        try:
            vantage = read_vantage({**row, "vantage": row["name"]} if row else {})
        except ValueError as error:
            raise SourceError(str(error), line=line) from error
        if any(vantage.name == known.name for known in found):
            raise SourceError(f"vantage `{shorten(vantage.name)}` is given twice", line=line)
        found.append(vantage)
    if not found:
        raise SourceError("names no vantage; write one a line below `name,lat,lon,radius_km`")
    return tuple(found)


def read_vantage(row: Mapping[str, str]) -> Vantage:
    """Return the vantage of one row; raises ValueError with the column and what is wrong."""
    if not row:
        raise ValueError("not as many fields as the header names")
    name = row["vantage"].strip()
    if not name or len(name) > LIMITS.max_vantage_name_characters:
        raise ValueError("vantage: empty or too long")
    radius = row.get("radius_km", "").strip()
    asn = row.get("asn", "").strip().upper().removeprefix("AS")
    if asn and not (asn.isascii() and asn.isdigit() and len(asn) <= 10 and int(asn) <= _LAST_ASN):
        raise ValueError("asn: not a number of a network")
    return Vantage(
        name=name,
        lat=_number("lat", row["lat"]),
        lon=_number("lon", row["lon"]),
        radius_km=_number("radius_km", radius) if radius else _DEFAULT_RADIUS_KM,
        asn=int(asn) if asn else None,
        country=row.get("country", "").strip().upper() or None,
    )


def _read_row(line: int, row: Mapping[str, str], times: Times) -> None:
    vantage = read_vantage(row)
    word = row.get("kind", "").strip().lower() or RttKind.ICMP.value
    if word not in frozenset(RttKind):
        raise ValueError(f"kind: none of {', '.join(RttKind)}")
    at = _moment(row.get("at", ""))
    moved = times.stand(vantage)
    if moved:
        raise ValueError(moved)
    times.add(line, vantage.name, row["target"], row["rtt_ms"].strip(), RttKind(word), at)


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in text:
        raise ValueError(f"{name}: not a number")
    return value


def _moment(text: str) -> datetime | None:
    """Read RFC 3339 with offset; a time without one could be off by a day."""
    stripped = text.strip()
    if not stripped:
        return None
    try:
        moment = datetime.fromisoformat(stripped)
    except ValueError as error:
        raise ValueError("at: not a time as 2026-06-01T12:00:00Z") from error
    if moment.tzinfo is None:
        raise ValueError("at: a time without offset; write Z or +00:00")
    return moment.astimezone(UTC)


def _rows(content: bytes, needed: tuple[str, ...] = NEEDED) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line, row) of every record that is not blank; raises SourceError where the text or header is none."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError("not UTF-8 text", offset=error.start) from error
    if "\0" in text:
        raise SourceError("holds NUL bytes: not a text file", offset=text.index("\0"))
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _check_header(header, needed)
        for values in reader:
            if not values:
                continue
            # A short or long row may have lost or won a comma anywhere: none of its columns is known.
            whole = len(values) == len(header)
            yield reader.line_num, dict(zip(header, values, strict=True)) if whole else {}
    except csv.Error as error:
        raise SourceError(f"not CSV: {error}", line=reader.line_num) from error


def _check_header(header: list[str], needed: tuple[str, ...]) -> None:
    missing = [name for name in needed if name not in header]
    if missing:
        raise SourceError(
            f"column `{missing[0]}` is missing; the first line must name {','.join(needed)}"
            f"{' and may name ' + ','.join(OPTIONAL) if needed == NEEDED else ''}",
            line=1,
        )
    twice = [name for name in header if name and header.count(name) > 1]
    if twice:
        raise SourceError(f"column `{shorten(twice[0])}` is named twice", line=1)
