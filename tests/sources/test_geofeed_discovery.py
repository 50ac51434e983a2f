"""Geofeeds that registrations name: fetched on request only, and counted inside the holder's networks only."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from residency.model.evidence import Kind
from residency.model.network import Addresses, parse_address
from residency.model.place import Place
from residency.sources.cache import FetchCache
from residency.sources.geofeed_discovery import discover_geofeeds
from residency.sources.rdap_answer import RegisteredNetwork

if TYPE_CHECKING:
    from tests.sources.conftest import Audit, Web

LINES = "20.0.0.0/24,IE,,Dublin,\n21.0.0.0/24,US,,,\n"


def network(*feeds: str, first: int = 20 << 24, holder: str = "Acme") -> RegisteredNetwork:
    return RegisteredNetwork(
        family=4, first=first, last=first + 0xFFFF, handle="N", name="N", holder=holder, country="IE", geofeeds=feeds
    )


def test_no_network_names_a_feed_and_nobody_is_asked(audit: Audit) -> None:
    assert discover_geofeeds([]) == ()
    assert discover_geofeeds([network()]) == ()
    assert not audit.connected


def test_a_feed_counts_inside_its_holder_s_networks_only(web: Web) -> None:
    web.page("/geofeed.csv", LINES, type="text/csv")
    url = web.url("/geofeed.csv", "feeds.example")
    (found,) = discover_geofeeds([network(url)], policy=web.policy(hosts=frozenset()))
    assert found.reason == ""
    assert found.feed is not None
    answer = found.feed.answer(
        Addresses([parse_address("20.0.0.1"), parse_address("21.0.0.1")]), [date(2026, 6, 1)] * 2
    )
    assert answer.codes.tolist() == [0, -1]
    (said,) = answer.statements
    today = datetime.now(UTC).date()
    assert (said.kind, said.author, said.places, said.listed) == (
        Kind.DECLARED,
        "Acme",
        frozenset({Place("IE")}),
        (today, today),
    )
    assert found.feed.counts.outside == 1


def test_two_holders_of_one_feed_speak_each_for_their_own(web: Web) -> None:
    web.page("/f", LINES, type="text/csv")
    url = web.url("/f", "feeds.example")
    networks = [network(url), network(url, first=21 << 24, holder="Other")]
    found = discover_geofeeds(networks, policy=web.policy(hosts=frozenset()))
    assert [(f.holder, f.feed.counts.usable if f.feed else 0) for f in found] == [("Acme", 1), ("Other", 1)]
    assert len(web.asked) == 1


def test_what_cannot_be_used_is_a_reason(web: Web) -> None:
    web.page("/html", "<html>", type="text/html")
    web.page("/empty", "", type="text/csv")
    web.page("/away", status=302, headers=["Location: https://169.254.169.254/"])
    urls = [web.url(path, "feeds.example") for path in ("/away", "/empty", "/html", "/none")]
    found = discover_geofeeds([network(*urls, "http://feeds.example/f")], policy=web.policy(hosts=frozenset()))
    assert [f.feed for f in found] == [None] * 5
    assert {f.url.rsplit("/", 1)[-1]: f.reason.partition(":")[0] for f in found} == {
        "away": "refused_by_policy(address)",
        "empty": "the geofeed is empty",
        "html": "malformed(content-type)",
        "none": "not_found",
        "f": "refused_by_policy(scheme)",
    }


def test_the_hosts_of_feeds_get_no_exemption(web: Web, audit: Audit) -> None:
    url = web.url("/f", "feeds.example")
    policy = web.policy(hosts=frozenset(), exempt_addresses=frozenset())
    (found,) = discover_geofeeds([network(url)], policy=policy)
    assert found.reason.startswith("refused_by_policy(address)")
    assert not audit.connected


def test_a_feed_of_today_is_not_fetched_again(web: Web, tmp_path: Path) -> None:
    web.page("/f", LINES, type="text/csv")
    url = web.url("/f", "feeds.example")
    for _ in range(2):
        (found,) = discover_geofeeds([network(url)], policy=web.policy(hosts=frozenset()), cache=FetchCache(tmp_path))
        assert found.feed is not None
    assert len(web.asked) == 1
