"""Registrations against a real RDAP server: few questions, kept answers, failures told apart, never a location."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from residency.evaluate.locate import place_in, weigh
from residency.limits import LIMITS
from residency.model.evidence import Kind, Statement
from residency.model.network import Addresses, parse_address
from residency.model.place import Gazetteer
from residency.model.verdict import Where
from residency.sources.cache import FetchCache
from residency.sources.fetched import Outcome
from residency.sources.memory import MemorySource
from residency.sources.rdap_bootstrap import Bootstrap
from residency.sources.registration import Registration

if TYPE_CHECKING:
    from tests.sources.conftest import Audit, Web

DAY = date(2026, 6, 1)
Make = Callable[..., Registration]


@pytest.fixture
def make(web: Web, tmp_path: Path) -> Make:
    """Build a source whose only registry is the test's server; `cached=True` keeps answers between sources."""

    def build(
        *, cached: bool = False, networks: tuple[str, ...] = ("20.0.0.0/8", "2600::/12"), **said: Any
    ) -> Registration:
        services: dict[str, Any] = {"services": [[list(networks), [web.url("/", "rdap.example")]]]}
        policy = {k: said.pop(k) for k in list(said) if k in ("deadline_s", "max_per_host", "hosts")}
        cache = FetchCache(tmp_path) if cached else None
        return Registration(Bootstrap.of(services), fetcher=web.fetcher(**policy), cache=cache, **said)

    return build


def network(first: str, last: str, country: str | None = "IE", name: str = "ACME", **more: Any) -> str:
    said = {"startAddress": first, "endAddress": last, "country": country, "name": name, "handle": f"NET-{first}"}
    return json.dumps({k: v for k, v in (said | more).items() if v is not None})


def serve(web: Web, address: str, body: str) -> None:
    web.page(f"/ip/{address}", body, type="application/rdap+json")


def ask(source: Registration, *texts: str) -> list[Statement | None]:
    answer = source.answer(Addresses([parse_address(t) for t in texts]), [DAY] * len(texts))
    return [None if code < 0 else answer.statements[code] for code in answer.codes.tolist()]


def test_nothing_asked_nothing_sent(make: Make, audit: Audit) -> None:
    source = make()
    assert ask(source) == []
    assert ask(source, "10.0.0.1", "fe80::1", "2001:0:1::1") == [None, None, None]
    assert not audit.connected
    assert source.snapshot.built is None


def test_a_holder_and_a_country_of_registration_are_said(web: Web, make: Make) -> None:
    serve(web, "20.1.2.3", network("20.1.0.0", "20.1.255.255", arin_originas0_originautnums=[64500]))
    source = make()
    (said,) = ask(source, "20.1.2.3")
    assert said is not None
    assert said.kind is Kind.REGISTRATION
    assert said.says == "held by ACME (NET-20.1.0.0), registered in IE, AS64500"
    assert (said.source, said.author, said.lineage) == (source.snapshot.id, "rdap.example", "ACME")
    today = datetime.now(UTC).date()
    assert said.listed == (today, today)
    assert source.snapshot.built == today
    assert len(source.snapshot.sha256) == 64


def test_a_registration_never_places_an_address(web: Web, make: Make, gazetteer: Gazetteer) -> None:
    serve(web, "20.1.2.3", network("20.1.0.0", "20.1.255.255"))
    (said,) = ask(make(), "20.1.2.3")
    assert said is not None
    address, area = parse_address("20.1.2.3"), gazetteer.area(["IE"], datetime(2026, 6, 1, tzinfo=UTC))
    assert place_in(weigh([said], address, first=DAY, last=DAY), area).where is Where.UNKNOWN


def test_a_database_that_repeats_the_registration_is_an_echo(web: Web, make: Make) -> None:
    serve(web, "20.1.2.3", network("20.1.0.0", "20.1.255.255"))
    (said,) = ask(make(), "20.1.2.3")
    database = MemorySource.of("database", "acme", {"20.0.0.0/8": "IE"})
    other = database.answer(Addresses([parse_address("20.1.2.3")]), [DAY]).statements[0]
    assert said is not None
    weighed = weigh([said, other], parse_address("20.1.2.3"), first=DAY, last=DAY)
    assert [e.echo for e in weighed.evidence if e.kind is Kind.DATABASE] == ["registration"]


@pytest.mark.parametrize("country", [None, "EU", "ZZ", "", "Ireland"])
def test_a_country_that_is_none_names_no_place(web: Web, make: Make, country: str | None) -> None:
    serve(web, "20.1.2.3", network("20.1.0.0", "20.1.255.255", country))
    (said,) = ask(make(), "20.1.2.3")
    assert said is not None
    assert said.places == frozenset()


def test_one_answer_speaks_for_the_whole_network(web: Web, make: Make) -> None:
    serve(web, "20.1.0.0", network("20.1.0.0", "20.1.0.255"))
    found = ask(make(max_per_host=1), *(f"20.1.0.{n}" for n in range(50)))
    assert len(web.asked) == 1
    assert len(set(found)) == 1


def test_the_narrowest_network_answers(web: Web, make: Make) -> None:
    serve(web, "20.1.0.1", network("20.1.0.0", "20.1.255.255", name="WIDE"))
    serve(web, "20.2.0.1", network("20.2.0.0", "20.2.0.127", name="NARROW"))
    serve(web, "20.2.0.200", network("20.2.0.0", "20.2.255.255", name="AROUND"))
    source = make()
    ask(source, "20.2.0.200", "20.2.0.1", "20.1.0.1")
    names = [s.lineage if s else "" for s in ask(source, "20.2.0.127", "20.2.0.128", "20.2.9.9", "20.1.9.9")]
    assert names == ["NARROW", "AROUND", "AROUND", "WIDE"]
    assert len(web.asked) == 3


def test_a_6to4_address_is_asked_as_the_address_inside(web: Web, make: Make) -> None:
    serve(web, "20.1.2.3", network("20.1.0.0", "20.1.255.255"))
    found = ask(make(), "::ffff:20.1.2.3", "2002:1401:203::1")
    assert [s is not None for s in found] == [True, True]
    assert {path for _, path, _ in web.asked} == {"/ip/20.1.2.3"}


def test_ipv6_is_asked_too(web: Web, make: Make) -> None:
    serve(web, "2600:1::5", network("2600:1::", "2600:1:ffff:ffff:ffff:ffff:ffff:ffff", "US"))
    (said,) = ask(make(), "2600:1::5")
    assert said is not None
    assert "registered in US" in said.says


def test_kept_answers_are_used_by_the_next_source(web: Web, make: Make) -> None:
    serve(web, "20.1.2.3", network("20.1.0.0", "20.1.255.255"))
    first = make(cached=True)
    (asked,) = ask(first, "20.1.2.3")
    second = make(cached=True)
    (kept,) = ask(second, "20.1.200.200")
    assert asked == kept
    assert len(web.asked) == 1
    assert second.snapshot == first.snapshot


def test_kept_answers_grow_old(web: Web, make: Make) -> None:
    serve(web, "20.1.2.3", network("20.1.0.0", "20.1.255.255"))
    ask(make(cached=True), "20.1.2.3")
    ask(make(cached=True, max_age_days=0), "20.1.2.3")
    assert len(web.asked) == 2


def test_not_found_is_remembered_and_an_outage_is_not(web: Web, make: Make) -> None:
    web.page("/ip/20.9.0.1", status=500)
    for _ in range(2):
        source = make(cached=True)
        assert ask(source, "20.8.0.1", "20.9.0.1") == [None, None]
        assert [(f.address, f.outcome) for f in source.failures] == [
            ("20.8.0.1", Outcome.NOT_FOUND),
            ("20.9.0.1", Outcome.UNREACHABLE),
        ]
    assert sorted(path for _, path, _ in web.asked) == ["/ip/20.8.0.1", "/ip/20.9.0.1", "/ip/20.9.0.1"]


def test_a_failure_is_not_asked_again_by_the_same_source(web: Web, make: Make) -> None:
    source = make()
    ask(source, "20.8.0.1")
    ask(source, "20.8.0.1")
    assert len(web.asked) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (network("21.0.0.0", "21.0.255.255"), "malformed(mismatch)"),
        (network("20.1.2.4", "20.1.2.9"), "malformed(mismatch)"),
        ('{"startAddress": "20.0.0.0"}', "malformed(range)"),
        ("[1, 2]", "malformed(shape)"),
        ('{"country": "CN", "country": "IE"}', "malformed(duplicate key)"),
        ("[" * 200_000, "malformed(depth)"),
    ],
)
def test_an_unusable_answer_is_a_failure_and_not_kept(web: Web, make: Make, body: str, reason: str) -> None:
    serve(web, "20.1.2.3", body)
    source = make(cached=True)
    assert ask(source, "20.1.2.3") == [None]
    (failure,) = source.failures
    assert failure.outcome is Outcome.MALFORMED
    assert failure.reason.startswith(reason)
    ask(make(cached=True), "20.1.2.3")
    assert len(web.asked) == 2


def test_the_answer_about_a_whole_block_speaks_for_nobody(web: Web, make: Make) -> None:
    serve(web, "20.1.2.3", network("0.0.0.0", "255.255.255.255", name="IANA-BLK"))
    source = make()
    assert ask(source, "20.1.2.3") == [None]
    assert [f.outcome for f in source.failures] == [Outcome.NOT_FOUND]


def test_an_address_that_no_registry_serves_is_not_asked_about(web: Web, make: Make) -> None:
    source = make()
    assert ask(source, "99.0.0.1") == [None]
    assert [f.outcome for f in source.failures] == [Outcome.NOT_FOUND]
    assert not web.asked


def test_a_registry_that_fails_in_a_row_is_left_alone(web: Web, make: Make) -> None:
    asked = [f"20.{n}.0.1" for n in range(20)]
    for address in asked:
        web.page(f"/ip/{address}", status=500)
    source = make(max_per_host=1)
    ask(source, *asked)
    assert len(web.asked) == LIMITS.max_registry_failures
    assert len(source.failures) == 20
    assert "left alone" in source.failures[-1].reason


def test_a_registry_that_asks_to_be_left_alone_for_long_is(web: Web, make: Make) -> None:
    asked = [f"20.{n}.0.1" for n in range(9)]
    for address in asked:
        web.page(f"/ip/{address}", status=429, headers=["Retry-After: 86400"])
    source = make(max_per_host=1)
    ask(source, *asked)
    assert len(web.asked) == 1
    assert source.failures[0].outcome is Outcome.RATE_LIMITED


def test_a_short_pause_is_waited_for(web: Web, make: Make) -> None:
    web.page("/ip/20.1.2.3", status=429, headers=["Retry-After: 1"])
    serve(web, "20.1.2.3", network("20.1.0.0", "20.1.255.255"))
    assert ask(make(deadline_s=0.5), "20.1.2.3") != [None]


def test_no_more_questions_than_allowed(web: Web, make: Make) -> None:
    source = make(max_questions=2)
    ask(source, "20.1.0.1", "20.2.0.1", "20.3.0.1")
    assert len(web.asked) == 2
    assert [f.outcome for f in source.failures].count(Outcome.REFUSED_BY_POLICY) == 1


def test_a_registry_may_send_to_another_one_of_the_bootstrap_only(web: Web, make: Make) -> None:
    web.page("/ip/20.1.2.3", status=302, headers=[f"Location: {web.url('/x', 'other.example')}"])
    serve(web, "20.9.9.9", network("20.9.0.0", "20.9.255.255"))
    web.page("/x", network("20.1.0.0", "20.1.255.255"))
    (said,) = ask(make(), "20.1.2.3")
    assert said is not None
    assert said.author == "other.example"
    narrow = make(hosts=frozenset({"rdap.example"}))
    assert ask(narrow, "20.1.2.3") == [None]
    assert [f.outcome for f in narrow.failures] == [Outcome.REFUSED_BY_POLICY]


def test_without_a_fetcher_only_the_registries_hosts_are_allowed(audit: Audit) -> None:
    source = Registration(Bootstrap.of({"services": []}))
    assert ask(source, "20.1.2.3") == [None]
    assert not audit.connected
