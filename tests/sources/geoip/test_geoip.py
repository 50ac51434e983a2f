"""A database of the user's own is a source of places, and its hints are sources of their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from residency.errors import SourceError
from residency.model.evidence import Kind, Statement
from residency.model.network import Addresses, parse_address
from residency.model.place import Place
from residency.sources.geoip import GeoipDatabase, geoip_sources, imported_databases
from residency.sources.interface import Source

Write = Callable[..., bytes]
Ask = Callable[..., list[Statement | None]]
TEST_DATA = "test-data"


@pytest.fixture
def city(maxmind: Path, cache: Path, now: datetime) -> GeoipDatabase:
    return GeoipDatabase.open(maxmind / TEST_DATA / "GeoIP2-City-Test.mmdb", now=now, cache_dir=cache)


def test_a_city_database_says_place_and_position(city: GeoipDatabase, ask: Ask) -> None:
    london, linkoeping, nothing = ask(city, "81.2.69.160", "89.160.20.112", "9.9.9.9")
    assert london is not None
    assert london.kind is Kind.DATABASE
    assert london.places == {Place("GB", "GB-ENG")}
    assert london.says == "GB (GB-ENG, London, ±100 km)"
    assert (london.author, london.lineage, london.source) == ("maxmind", "maxmind", city.snapshot.id)
    assert london.listed == (city.snapshot.built, city.snapshot.built)
    assert linkoeping is not None
    assert linkoeping.spot is not None
    assert (linkoeping.spot.country, linkoeping.spot.city, linkoeping.spot.radius_km) == ("SE", "Linköping", 76)
    assert nothing is None


def test_an_address_is_read_in_all_its_forms(city: GeoipDatabase, ask: Ask) -> None:
    plain, mapped, teredo = ask(city, "81.2.69.160", "::ffff:81.2.69.160", "2001:0:5102:45a0::1")
    assert plain == mapped
    assert plain is not None
    assert teredo is None


def test_registration_is_a_hint_and_never_a_place(city: GeoipDatabase, ask: Ask) -> None:
    (registrations,) = city.hints()
    (said,) = ask(registrations, "81.2.69.160")
    assert said is not None
    assert said.kind is Kind.REGISTRATION
    assert said.says == "registered in US"
    ids = [source.snapshot.id for source in city.sources()]
    assert len(set(ids)) == 2


def test_a_record_with_only_a_registered_country_places_nothing(
    tmp_path: Path, cache: Path, now: datetime, write: Write, ask: Ask
) -> None:
    path = tmp_path / "acme.mmdb"
    only = {"registered_country": {"iso_code": "CN"}}
    path.write_bytes(write({"20.0.0.0/8": only, "21.0.0.0/8": {"country": {"iso_code": "IE"}}}))
    database = GeoipDatabase.open(path, now=now, cache_dir=cache)
    assert ask(database, "20.0.0.1") == [None]
    assert [s and s.says for s in ask(database.hints()[0], "20.0.0.1", "21.0.0.1")] == ["registered in CN", None]


def test_an_asn_database_tells_networks_and_their_kind(maxmind: Path, cache: Path, now: datetime, ask: Ask) -> None:
    database = GeoipDatabase.open(maxmind / TEST_DATA / "GeoLite2-ASN-Test.mmdb", now=now, cache_dir=cache)
    (networks,) = database.sources()
    bredband, google = ask(networks, "89.160.20.112", "1.0.0.1")
    assert bredband is not None
    assert google is not None
    assert (bredband.kind, bredband.says, bredband.network) == (Kind.NETWORK, "AS29518 Bredband2 AB", "")
    assert (google.says, google.network, google.holder) == ("AS15169 Google Inc., cloud network", "cloud", "gcp")
    assert not google.places


def test_an_asn_database_gives_numbers_in_bulk(maxmind: Path, cache: Path, now: datetime) -> None:
    path = maxmind / TEST_DATA / "GeoLite2-ASN-Test.mmdb"
    (networks,) = geoip_sources([path], now=now, cache_dir=cache)
    addresses = Addresses([parse_address(t) for t in ("9.9.9.9", "89.160.20.112")])
    assert networks.asns(addresses).tolist() == [0, 29518]  # type: ignore[attr-defined]
    assert 29518 in networks.known_asns  # type: ignore[attr-defined]


def test_the_wrong_type_names_both(maxmind: Path, cache: Path, now: datetime) -> None:
    path = maxmind / TEST_DATA / "GeoLite2-ASN-Test.mmdb"
    with pytest.raises(SourceError, match=r"type `GeoLite2-ASN` .*holds: asn.*; one with country is needed"):
        GeoipDatabase.open(path, now=now, cache_dir=cache, needs="country")
    with pytest.raises(SourceError, match="type `GeoIP2-Domain`: it holds neither countries nor AS numbers"):
        geoip_sources([maxmind / TEST_DATA / "GeoIP2-Domain-Test.mmdb"], now=now, cache_dir=cache)


def test_several_databases_and_each_content_once(maxmind: Path, cache: Path, now: datetime) -> None:
    names = ["GeoLite2-City-Test", "GeoLite2-ASN-Test", "GeoIP2-Enterprise-Test", "GeoLite2-City-Test"]
    found = geoip_sources([maxmind / TEST_DATA / f"{n}.mmdb" for n in names], now=now, cache_dir=cache)
    kinds = [source.snapshot.kind for source in found]
    assert kinds == ["database", "registration", "network", "database", "registration", "network"]
    assert len({source.snapshot.id for source in found}) == 6
    assert len(imported_databases(cache)) == 3


def test_the_snapshot_says_who_when_and_whether_anybody_stated_its_bytes(city: GeoipDatabase, maxmind: Path) -> None:
    snapshot = city.snapshot
    assert snapshot.built is not None
    assert snapshot.built.isoformat() == "2026-02-04"
    assert snapshot.max_age_days == 35
    assert snapshot.is_unverified
    assert "unverified source" in snapshot.source
    assert len(snapshot.sha256) == 64


def test_a_database_from_the_future_of_the_given_clock_is_refused(
    city: GeoipDatabase, maxmind: Path, cache: Path
) -> None:
    built = datetime.fromisoformat("2026-02-04T22:49:29+00:00")
    path = maxmind / TEST_DATA / "GeoIP2-City-Test.mmdb"
    GeoipDatabase.open(path, now=built - timedelta(hours=23), cache_dir=cache)
    with pytest.raises(SourceError, match="built on 2026-02-04; today is 2026-02-03"):
        GeoipDatabase.open(path, now=built - timedelta(hours=25), cache_dir=cache)


def test_a_pseudo_code_says_nothing(tmp_path: Path, cache: Path, now: datetime, write: Write, ask: Ask) -> None:
    path = tmp_path / "acme.mmdb"
    path.write_bytes(write({"20.0.0.0/8": {"country_code": "EU"}, "21.0.0.0/8": {"country_code": "XK"}}))
    database = GeoipDatabase.open(path, now=now, cache_dir=cache)
    said = ask(database, "20.0.0.1", "21.0.0.1")
    assert [s and s.says for s in said] == [None, "XK"]
    assert database.snapshot.author == "acme"


def test_anycast_is_said_and_decides_nothing(
    tmp_path: Path, cache: Path, now: datetime, write: Write, ask: Ask
) -> None:
    path = tmp_path / "acme.mmdb"
    path.write_bytes(write({"20.0.0.0/8": {"country": {"iso_code": "IE"}, "traits": {"is_anycast": True}}}))
    (said,) = ask(GeoipDatabase.open(path, now=now, cache_dir=cache), "20.0.0.1")
    assert said is not None
    assert said.says == "IE (says it is anycast)"
    assert not said.anycast


def test_one_statement_for_all_addresses_that_it_fits(city: GeoipDatabase) -> None:
    addresses = Addresses([parse_address(f"81.2.69.{n}") for n in range(142, 190)])
    answer = city.answer(addresses, [])
    assert len(answer.statements) == len({s.says for s in answer.statements})
    assert set(answer.codes.tolist()) <= set(range(len(answer.statements))) | {-1}


def test_many_addresses_answer_as_few(city: GeoipDatabase) -> None:
    values = np.random.default_rng(1).integers(0x51024500, 0x51024600, 300_000, dtype=np.uint32)
    few = np.concatenate([city.table.lookup_v4(part) for part in np.array_split(values, 10)])
    assert (city.table.lookup_v4(values) == few).all()
    assert len(set(few.tolist())) > 1


def test_a_source_is_what_the_audit_asks_for(city: GeoipDatabase) -> None:
    def asked(source: Source) -> str:
        return source.snapshot.id

    assert asked(city).startswith("geoip-geoip2-city-test-")
