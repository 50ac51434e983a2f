"""GeoIP databases of the user's own: any .mmdb file, imported once into the cache, then answered from its columns.

What a database says of a place is evidence of kind `database`. The country in which a network is registered, and who
announces it, are kept apart as hints (`GeoipDatabase.hints`): they never place an address.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from residency.errors import SourceError
from residency.limits import LIMITS
from residency.model.evidence import Kind, Snapshot, Statement
from residency.model.network import Addresses
from residency.model.place import Place, Spot
from residency.shipped import read_verified
from residency.sources.embedded import HOLDERS
from residency.sources.geoip_cache import Stored, stored_database, stored_databases
from residency.sources.geoip_families import family_of
from residency.sources.interface import Answer, Source
from residency.sources.intervals import IntervalTable
from residency.sources.mmdb_import import Progress
from residency.sources.mmdb_metadata import check_build_time

_NOT_IN_ID = re.compile(r"[^a-z0-9]+")


def geoip_sources(
    paths: Iterable[str | os.PathLike[str]],
    *,
    now: datetime | None = None,
    cache_dir: Path | None = None,
    progress: Progress | None = None,
) -> tuple[Source, ...]:
    """Open several databases and return every source that they hold, in the order given, each content once.

    A database with neither countries nor AS numbers is refused. Raises SourceError with the path.
    """
    found: dict[str, Source] = {}
    for path in paths:
        database = GeoipDatabase.open(path, now=now, cache_dir=cache_dir, progress=progress)
        if not database.holds & {"country", "asn"}:
            raise SourceError(
                f"is a database of type `{database.database_type}`: it holds neither countries nor AS numbers; "
                "give a country, city or ASN database",
                path=path,
            )
        for source in database.sources():
            found.setdefault(source.snapshot.id, source)
    return tuple(found.values())


def imported_databases(cache_dir: Path | None = None) -> tuple[GeoipDatabase, ...]:
    """Return every database in the cache, without looking at the files that they came from."""
    found = (GeoipDatabase(Path(str(s.columns.about["file"])), s) for s in stored_databases(cache_dir))
    return tuple(sorted(found, key=lambda database: database.snapshot.id))


class GeoipDatabase:
    """One imported database as a source of places; open it with `open`."""

    def __init__(self, path: Path, stored: Stored) -> None:
        self._path, self._columns = path, stored.columns
        about = stored.columns.about
        self.database_type = str(about["database_type"])
        self.networks = int(about["networks"])
        self.holds: frozenset[str] = frozenset(about["holds"])
        self.snapshot = _snapshot(path, stored)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        now: datetime | None = None,
        cache_dir: Path | None = None,
        sha256: str | None = None,
        needs: str | None = None,
        progress: Progress | None = None,
    ) -> GeoipDatabase:
        """Open a MaxMind DB file (.mmdb), importing it into the cache when its content is new.

        `now` (aware, default the clock) is what the build time is held against; `cache_dir` replaces the user's cache;
        `sha256` is the content that is expected (default: what a file `NAME.mmdb.sha256` beside it says); `needs` is
        what it must hold: `country`, `city`, `position`, `registered country` or `asn`; `progress` is told what the
        import does and how far it is (0 to 1). Raises SourceError. Not checked: whether what it says is true.
        """
        moment, file = now or datetime.now(UTC), Path(path)
        stored = stored_database(file, now=moment, cache_dir=cache_dir, sha256=sha256, progress=progress)
        try:
            check_build_time(datetime.fromisoformat(stored.columns.about["built_at"]), moment)
        except SourceError as error:
            raise SourceError(error.what, path=file) from error
        database = cls(file, stored)
        if needs is not None and needs not in database.holds:
            held = ", ".join(sorted(database.holds)) or "nothing that residency reads"
            raise SourceError(
                f"is a database of type `{database.database_type}` (it holds: {held}); one with {needs} is needed",
                path=file,
            )
        return database

    def sources(self) -> tuple[Source, ...]:
        """Return itself where it names countries, and its hints."""
        places: tuple[Source, ...] = (self,) if "country" in self.holds else ()
        return places + self.hints()

    def hints(self) -> tuple[Source, ...]:
        """Return what it says of registration and of networks, as sources of their own."""
        found: list[Source] = []
        if "registered country" in self.holds:
            found.append(GeoipRegistrations(self))
        if "asn" in self.holds:
            found.append(GeoipNetworks(self))
        return tuple(found)

    @cached_property
    def table(self) -> IntervalTable:
        """The intervals of both families; a value is a row of the columns below."""
        c = self._columns
        return IntervalTable(c["v4_starts"], c["v4_codes"], c["v6_starts"], c["v6_codes"])

    @property
    def intervals_v4(self) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
        """The starts of the intervals of IPv4 and the row that each says (-1 for none)."""
        return self._columns["v4_starts"], self._columns["v4_codes"]

    @cached_property
    def countries(self) -> NDArray[np.bytes_]:
        """Country code of every row, b"" where it names none; one row more for no answer."""
        return np.append(self._columns["country"], b"").astype("S2")

    @cached_property
    def registered(self) -> NDArray[np.bytes_]:
        """Country of registration of every row, b"" where it names none; one row more for no answer."""
        return np.append(self._columns["registered"], b"").astype("S2")

    @cached_property
    def asn_column(self) -> NDArray[np.int64]:
        """AS number of every row, 0 where it names none; one row more for no answer."""
        return np.append(self._columns["asn"], 0).astype(np.int64)

    def text(self, name: str, row: int) -> str:
        """Return the city or organisation of a row."""
        ends = self._columns[f"{name}_at"]
        return bytes(self._columns[f"{name}_text"][ends[row] : ends[row + 1]]).decode("utf-8")

    def answer(self, addresses: Addresses, days: Sequence[date]) -> Answer:
        """Say where the database puts every address; silent where it names no one country."""
        return answer_by_row(self.table.lookup(addresses), self.countries != b"", self._say)

    def _say(self, row: int) -> Statement:
        snapshot, c = self.snapshot, self._columns
        country, part = self.countries[row].decode("ascii"), c["part"][row].decode("ascii") or None
        city, lat = self.text("city", row), float(c["lat"][row])
        spot = None
        if lat == lat:  # NaN: no position
            radius_km = float(c["radius_km"][row])
            spot = Spot(country=country, lat=lat, lon=float(c["lon"][row]), radius_km=radius_km, city=city)
        details = [part or "", city, f"±{spot.radius_km:g} km" if spot else ""]
        if c["says_anycast"][row]:
            details.append("says it is anycast")
        told = ", ".join(text for text in details if text)
        return Statement(
            kind=Kind.DATABASE,
            source=snapshot.id,
            author=snapshot.author,
            lineage=snapshot.lineage,
            says=f"{country} ({told})" if told else country,
            places=frozenset({Place(country, part)}),
            listed=(snapshot.built, snapshot.built) if snapshot.built else None,
            spot=spot,
        )


class GeoipRegistrations:
    """The country in which a database says that a network is registered: a hint on its holder, never a place."""

    def __init__(self, database: GeoipDatabase) -> None:
        self._database = database
        self.snapshot = _hint(database.snapshot, "registered", Kind.REGISTRATION, "countries of registration")

    def answer(self, addresses: Addresses, days: Sequence[date]) -> Answer:
        """Say where every network is registered."""
        registered = self._database.registered
        return answer_by_row(self._database.table.lookup(addresses), registered != b"", self._say)

    def _say(self, row: int) -> Statement:
        country, snapshot = self._database.registered[row].decode("ascii"), self.snapshot
        return Statement(
            kind=Kind.REGISTRATION,
            source=snapshot.id,
            author=snapshot.author,
            lineage=snapshot.lineage,
            says=f"registered in {country}",
            places=frozenset({Place(country)}),
            listed=(snapshot.built, snapshot.built) if snapshot.built else None,
        )


class GeoipNetworks:
    """Which AS announces an address, by a database; its kind (cloud, hosting, CDN) by the shipped list."""

    def __init__(self, database: GeoipDatabase) -> None:
        self._database = database
        self.snapshot = _hint(database.snapshot, "asn", Kind.NETWORK, "AS numbers")

    @cached_property
    def known_asns(self) -> frozenset[int]:
        """The AS numbers that the database names."""
        return frozenset(np.unique(self._database.asn_column).tolist()) - {0}

    def asns(self, addresses: Addresses) -> NDArray[np.int64]:
        """Return the AS number of every address, 0 where the database names none."""
        return self._database.asn_column[self._database.table.lookup(addresses)]

    def answer(self, addresses: Addresses, days: Sequence[date]) -> Answer:
        """Say which AS announces every address."""
        numbers = self._database.asn_column
        return answer_by_row(self._database.table.lookup(addresses), numbers != 0, self._say)

    def _say(self, row: int) -> Statement:
        asn, snapshot = int(self._database.asn_column[row]), self.snapshot
        kind = _network_kinds().get(asn, "")
        organisation = self._database.text("organisation", row)
        told = f"AS{asn}" + (f" {organisation}" if organisation else "")
        return Statement(
            kind=Kind.NETWORK,
            source=snapshot.id,
            author=snapshot.author,
            lineage=snapshot.lineage,
            says=f"{told}, {kind} network" if kind else told,
            network=kind,
            holder=HOLDERS.get(asn, ""),
        )


def answer_by_row(rows: NDArray[np.int64], speaks: NDArray[np.bool_], say: Callable[[int], Statement]) -> Answer:
    """Return an answer with one statement for each row that occurs and speaks; `speaks[-1]` stands for no row."""
    speaking = speaks[rows]
    occurs = np.zeros(len(speaks), dtype=bool)
    occurs[rows[speaking]] = True
    numbers = np.cumsum(occurs) - 1
    codes = np.where(speaking, numbers[rows], -1).astype(np.int64)
    return Answer(codes, tuple(say(row) for row in np.flatnonzero(occurs).tolist()))


@lru_cache(maxsize=1)
def _network_kinds() -> dict[int, str]:
    """Return AS number -> kind, for those that are cloud, hosting or CDN."""
    content, _ = read_verified("asn-kinds")
    rows = csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""))
    return {int(row["asn"]): row["kind"] for row in rows if row["kind"] in ("cloud", "hosting", "cdn")}


def _snapshot(path: Path, stored: Stored) -> Snapshot:
    about = stored.columns.about
    family = family_of(str(about["database_type"]), str(about["description"]), path.stem)
    built = datetime.fromisoformat(about["built_at"]).date()
    return Snapshot(
        id=f"geoip-{_NOT_IN_ID.sub('-', path.stem.lower()).strip('-')}-{stored.sha256[:8]}",
        kind=Kind.DATABASE.value,
        name=f"{about['database_type'] or path.stem} ({path.name})",
        author=family.author,
        built=built,
        sha256=stored.sha256,
        licence=family.licence,
        lineage=family.lineage,
        max_age_days=LIMITS.database_max_age_days,
        attribution=family.attribution,
        source=f"{path}" if stored.is_pinned else f"{path} (unverified source: no sha256 was stated)",
        is_unverified=not stored.is_pinned,
    )


def _hint(snapshot: Snapshot, suffix: str, kind: Kind, what: str) -> Snapshot:
    return replace(snapshot, id=f"{snapshot.id}-{suffix}", kind=kind.value, name=f"{what} in {snapshot.name}")
