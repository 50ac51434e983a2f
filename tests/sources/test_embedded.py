"""The shipped tables as sources: they load verified, answer known facts, and know what they do not know."""

from __future__ import annotations

import ipaddress
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

import residency
from residency.model.evidence import Kind, Statement
from residency.model.network import Addresses, parse_address
from residency.model.period import midnight
from residency.model.place import Gazetteer, Relation
from residency.shipped import manifest
from residency.sources.embedded import country_database, origin_networks, read_table
from residency.sources.interface import Source
from residency.sources.provider_ranges import ProviderRanges, embedded_ranges
from residency.sources.registry import embedded_sources

DAY = date(2026, 6, 1)
PROVIDERS = {s.provider: s for s in embedded_ranges()}


def ask(source: Source, *texts: str, day: date = DAY) -> list[Statement | None]:
    answer = source.answer(Addresses([parse_address(t) for t in texts]), [day] * len(texts))
    return [None if code < 0 else answer.statements[code] for code in answer.codes.tolist()]


def rows(**wanted: str) -> list[dict[str, Any]]:
    """Read the shipped ranges anew, row by row, without the source under test."""
    columns, words, _ = read_table("provider-ranges")
    mask = np.ones(len(columns["family"]), dtype=bool)
    for name, word in wanted.items():
        mask &= columns[name] == words[name].index(word) if word in words[name] else False
    return [
        {name: words[name][int(c[i])] if name in words else c[i].item() for name, c in columns.items()}
        for i in np.flatnonzero(mask).tolist()
    ]


def first_address(row: dict[str, Any]) -> str:
    if int(row["family"]) == 4:
        return str(ipaddress.IPv4Address(int(row["lo"])))
    return str(ipaddress.IPv6Address((int(row["hi"]) << 64) + int(row["lo"])))


def test_every_source_has_one_snapshot_with_its_own_id() -> None:
    sources = embedded_sources()
    ids = [s.snapshot.id for s in sources]
    assert len(ids) == len(set(ids)) > 4
    assert all(s.snapshot.sha256 and s.snapshot.licence and s.snapshot.author for s in sources)


@pytest.mark.parametrize("source", embedded_sources(), ids=lambda s: s.snapshot.id)
def test_no_addresses_no_answers(source: Source) -> None:
    assert ask(source) == []


@pytest.mark.parametrize("source", embedded_sources(), ids=lambda s: s.snapshot.id)
def test_private_addresses_get_no_answer(source: Source) -> None:
    assert ask(source, "10.0.0.1", "127.0.0.1", "fc00::1", "192.0.2.1", "2001:0:1::1") == [None] * 5


@pytest.mark.parametrize(
    ("ip", "country"), [("193.190.198.27", "BE"), ("129.240.2.1", "NO"), ("2001:6a8::1", "BE"), ("133.11.0.1", "JP")]
)
def test_the_country_database_knows_universities(ip: str, country: str) -> None:
    source = country_database(parse_address(ip).family)
    (said,) = ask(source, ip)
    assert said is not None
    assert (said.kind, {p.country for p in said.places}) == (Kind.DATABASE, {country})
    assert said.listed == (source.snapshot.built,) * 2


def test_each_family_answers_for_its_own_only() -> None:
    assert ask(country_database(4), "2001:6a8::1") == [None]
    assert ask(country_database(6), "129.240.2.1") == [None]
    assert ask(origin_networks(6), "104.16.1.1") == [None]


def test_the_two_families_are_one_lineage() -> None:
    four, six = country_database(4).snapshot, country_database(6).snapshot
    assert (four.author, four.lineage) == (six.author, six.lineage)


def test_a_mapped_form_is_asked_as_what_it_is() -> None:
    plain, mapped, nat64, six = ask(
        country_database(4), "129.240.2.1", "::ffff:129.240.2.1", "64:ff9b::129.240.2.1", "2002:81f0:201::1"
    )
    assert plain == mapped == nat64 == six != None  # noqa: E711


def test_no_database_answer_names_nothing() -> None:
    asked = Addresses([parse_address("129.240.2.1")])
    answers = [country_database(family).answer(asked, [DAY]) for family in (4, 6)]
    codes = {p.country for answer in answers for s in answer.statements for p in s.places}
    assert "" not in codes
    assert not codes & {"EU", "AP", "ZZ", "A1", "A2"}


@pytest.mark.parametrize(("ip", "holder"), [("104.16.1.1", "cloudflare"), ("151.101.1.1", "fastly")])
def test_origin_networks_know_shared_fronts(ip: str, holder: str) -> None:
    (said,) = ask(origin_networks(4), ip)
    assert said is not None
    assert (said.kind, said.network, said.holder, said.places) == (Kind.NETWORK, "cdn", holder, frozenset())


def test_asns_of_addresses() -> None:
    asked = Addresses([parse_address(t) for t in ("104.16.1.1", "10.0.0.1")])
    assert origin_networks(4).asns(asked).tolist() == [13335, 0]
    assert {13335, 16509} <= origin_networks(4).known_asns


def test_every_listed_row_of_a_sample_is_found_again(gazetteer: Gazetteer) -> None:
    for provider, source in PROVIDERS.items():
        for row in rows(provider=provider)[::2500]:
            said = ask(source, first_address(row), day=row["last_listed"])[0]
            assert said is not None, row
            assert said.author == provider
            assert {p.country for p in said.places} <= set(gazetteer.countries)


def local_zones() -> list[dict[str, Any]]:
    return [r for r in rows(provider="aws", scope="regional") if r["border_group"] not in ("", r["region"])]


def test_a_local_zone_stands_where_its_border_group_is(gazetteer: Gazetteer) -> None:
    """An address of `us-east-1` may be in Buenos Aires, one of `me-south-1` in Muscat."""
    seen = set()
    for row in local_zones():
        (said,) = ask(PROVIDERS["aws"], first_address(row), day=row["last_listed"])
        assert said is not None
        known = gazetteer.regions[f"aws/{row['border_group']}"]
        assert {p.country for p in said.places} == {known.spot.country}
        seen.add((row["region"], known.spot.country))
    assert {("us-east-1", "AR"), ("me-south-1", "OM"), ("eu-central-1", "PL")} <= seen


def test_a_list_that_may_hold_a_local_zone_is_feasible_in_all_of_them(gazetteer: Gazetteer) -> None:
    """Where no border group is published, an address of Frankfurt's EC2 may stand in Istanbul."""
    frankfurt = rows(provider="aws", region="eu-central-1", services="AMAZON,EC2", border_group="", scope="regional")
    assert frankfurt
    for row in frankfurt[::40]:
        (said,) = ask(PROVIDERS["aws"], first_address(row), day=row["last_listed"])
        assert said is not None
        assert {"DE", "TR"} <= {p.country for p in said.places}
        assert gazetteer.area(["EEA"], midnight(DAY)).relation_of_all(said.places) is Relation.PARTLY


def test_placeless_services_have_no_place() -> None:
    checked = 0
    for provider, source in PROVIDERS.items():
        for scope in ("anycast", "edge", "global"):
            for row in rows(provider=provider, scope=scope)[:5]:
                (said,) = ask(source, first_address(row), day=row["last_listed"])
                assert said is not None
                if said.anycast:
                    assert said.places == frozenset()
                    checked += 1
    assert checked > 10


def test_only_ec2_of_aws_is_stable() -> None:
    for provider, source in PROVIDERS.items():
        for row in rows(provider=provider)[::3000]:
            (said,) = ask(source, first_address(row), day=row["last_listed"])
            assert said is not None
            assert not said.stable or (provider == "aws" and "EC2" in said.says)


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_answers_change_only_on_listing_days(provider: str) -> None:
    source = PROVIDERS[provider]
    edges = source.snapshot.edges
    assert edges == tuple(sorted(manifest()["provider-ranges"].listings.get(provider, ())))
    texts = [first_address(row) for row in rows(provider=provider)[::400]]
    days = [edges[0] - timedelta(days=400)] if edges else [DAY]
    for edge, following in zip(edges, [*edges[1:], DAY + timedelta(days=4000)], strict=True):
        middle = edge + (following - edge) // 2
        days += [edge, middle] if middle != edge else [edge]
        within = [edge + timedelta(days=1), middle, following - timedelta(days=1)]
        answers = [
            [None if s is None else s.places for s in ask(source, *texts, day=d)] for d in within if d < following
        ]
        assert all(a == answers[0] for a in answers)


def test_a_listed_istanbul_prefix_of_frankfurt_is_outside_the_eea(gazetteer: Gazetteer) -> None:
    """With the border group that Amazon's own file gives, the region's name does not matter."""
    columns: dict[str, NDArray[Any]] = {
        "family": np.array([4], dtype=np.uint8),
        "hi": np.array([0], dtype=np.uint64),
        "lo": np.array([int(ipaddress.IPv4Address("83.119.128.0"))], dtype=np.uint64),
        "length": np.array([18], dtype=np.uint8),
        **{name: np.array([0]) for name in ("provider", "region", "border_group", "services", "scope")},
        **{name: np.array(["2026-08-22"], dtype="datetime64[D]") for name in ("first_listed", "last_listed")},
    }
    words = {
        "provider": ["aws"],
        "region": ["eu-central-1"],
        "border_group": ["eu-central-1-ist-1"],
        "services": ["AMAZON,EC2"],
        "scope": ["regional"],
    }
    listed = date(2026, 8, 22)
    source = ProviderRanges("aws", PROVIDERS["aws"].snapshot, columns, words, [listed], gazetteer)
    (said,) = ask(source, "83.119.130.1", day=listed)
    assert said is not None
    assert {p.country for p in said.places} == {"TR"}
    assert gazetteer.area(["EEA"], midnight(listed)).relation_of_all(said.places) is Relation.OUTSIDE
    report = residency.audit(
        "example-policy-eu-names",
        pa.table(
            {
                "ts": ["2026-08-22T10:00:00Z"],
                "server_ip": ["83.119.130.1"],
                "bytes_sent": [9000],
                "bytes_received": [100],
                "host": ["b.s3.eu-central-1.amazonaws.com"],
            }
        ),
        sources=[source],
        embedded=False,
    )
    assert report.verdict("example.eea-only") is residency.Verdict.VIOLATED
