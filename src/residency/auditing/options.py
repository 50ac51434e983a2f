"""What the auditor states and asks: options read from text, checked, and shown in the report."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from residency.errors import UsageError, did_you_mean, shorten
from residency.model.evidence import Assurance
from residency.model.network import Vantage
from residency.model.period import midnight
from residency.model.place import Gazetteer, UnknownPlaceError

VantageInput = str | os.PathLike[str] | Vantage | Sequence["str | os.PathLike[str] | Vantage"] | None
_MAX_SKEW_S, _MAX_AGE_DAYS = 86_400, 36_525


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOptions:
    """What the auditor states and asks, checked; see DESIGN section 7.2 for each."""

    clients: tuple[str, ...] = ()
    vantages: tuple[Vantage, ...] = ()
    min_assurance: Assurance = Assurance.DATABASE
    rely_on: frozenset[str] = frozenset()
    max_age_days: int | None = None
    sampling: int | None = None
    clock_skew: timedelta = timedelta(0)
    as_of: datetime | None = None

    def shown(self) -> dict[str, str]:
        """Return the options that differ from their defaults, as text for the report."""
        stated = {
            "clients": ", ".join(self.clients),
            "vantage": "; ".join(map(_vantage_text, self.vantages)),
            "min_assurance": "" if self.min_assurance is Assurance.DATABASE else self.min_assurance.value,
            "rely_on": ", ".join(sorted(self.rely_on)),
            "max_age": f"{self.max_age_days} days" if self.max_age_days is not None else "",
            "sampling": f"1 in {self.sampling}" if self.sampling else "",
            "clock_skew": f"{self.clock_skew.total_seconds():g} s" if self.clock_skew else "",
        }
        return {name: text for name, text in stated.items() if text}


def parse_vantage(text: str) -> Vantage:
    """Read `LAT,LON[,±KM][,NAME]`; raises UsageError."""
    parts = [part.strip() for part in text.split(",")]
    try:
        lat, lon = float(parts[0]), float(parts[1])
        rest = parts[2:]
        measured = bool(rest) and rest[0].lstrip("±").replace(".", "", 1).isdigit()
        radius = float(rest.pop(0).lstrip("±")) if measured else Vantage(lat=0, lon=0).radius_km
        return Vantage(lat=lat, lon=lon, radius_km=radius, name=",".join(rest))
    except (ValueError, IndexError) as error:
        raise UsageError(f"--vantage `{text}`: write LAT,LON[,±KM][,NAME], as in 50.85,4.35,±10,Brussels") from error


def parse_vantages(given: VantageInput) -> tuple[Vantage, ...]:
    """Read one vantage or several: `LAT,LON[,±KM][,NAME]`, a Vantage, or the path of a CSV of them.

    Raises UsageError; several need names of their own, by which flows tell them apart.
    """
    listed = [given] if isinstance(given, str | os.PathLike | Vantage) else list(given or ())
    found = [vantage for item in listed for vantage in _read_vantages(item)]
    names = [vantage.name for vantage in found]
    if len(set(names)) < len(names) or (len(names) > 1 and not all(names)):
        raise UsageError("--vantage: several vantages need a name each, as in 50.85,4.35,±10,Brussels")
    return tuple(found)


def _read_vantages(item: str | os.PathLike[str] | Vantage) -> tuple[Vantage, ...]:
    if isinstance(item, Vantage):
        return (item,)
    if isinstance(item, str) and not os.path.isfile(item):
        return (parse_vantage(item),)
    from residency.sources.latency import read_vantage_file

    return read_vantage_file(item)


def _vantage_text(vantage: Vantage) -> str:
    return f"{vantage.lat:g},{vantage.lon:g},±{vantage.radius_km:g} km {vantage.name}".strip()


def parse_places(given: str | Sequence[str], gazetteer: Gazetteer, option: str = "--clients") -> tuple[str, ...]:
    names = tuple(n.strip() for n in given.split(",")) if isinstance(given, str) else tuple(given)
    names = tuple(n for n in names if n)
    try:
        for name in names:
            gazetteer.check(name)
    except UnknownPlaceError as error:
        raise UsageError(f"{option}: {error}") from error
    return names


FLOORS = tuple(a.value for a in Assurance if a not in (Assurance.NONE, Assurance.NOT_NEEDED))


def parse_assurance(text: str) -> Assurance:
    if text not in FLOORS:
        raise UsageError(f"--min-assurance `{shorten(text)}`: one of {', '.join(FLOORS)}{did_you_mean(text, FLOORS)}")
    return Assurance(text)


def parse_skew(seconds: float) -> timedelta:
    if not 0 <= seconds <= _MAX_SKEW_S:
        raise UsageError(f"--clock-skew {seconds:g}: give seconds from 0 to {_MAX_SKEW_S} (a day)")
    return timedelta(seconds=seconds)


def parse_max_age(days: int | None) -> int | None:
    if days is not None and not 0 <= days <= _MAX_AGE_DAYS:
        raise UsageError(f"--max-age {days}: give days from 0 to {_MAX_AGE_DAYS} (a century)")
    return days


def parse_moment(value: datetime | date | str | None) -> datetime | None:
    if value is None or isinstance(value, datetime):
        if value is not None and value.tzinfo is None:
            raise UsageError("as_of needs an offset, as in 2026-06-01T00:00:00Z")
        return value
    if isinstance(value, date):
        return midnight(value)
    try:
        return parse_moment(datetime.fromisoformat(value)) if "T" in value else midnight(date.fromisoformat(value))
    except ValueError as error:
        raise UsageError(f"--as-of `{value}`: write a date as 2026-06-01 or a time with an offset") from error
