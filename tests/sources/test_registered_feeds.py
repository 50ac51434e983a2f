"""Registries and the feeds that holders name, asked by one call of `locate`, against real HTTPS servers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import residency
from residency.errors import SourceError
from residency.sources.fetch_policy import FetchPolicy
from residency.sources.rdap_bootstrap import Bootstrap
from residency.sources.registered_feeds import RegisteredFeeds
from residency.sources.registration import Registration

if TYPE_CHECKING:
    from tests.sources.conftest import Audit, Web

HOLDER = {
    "handle": "NET-20",
    "name": "ACME",
    "startAddress": "20.0.0.0",
    "endAddress": "20.0.255.255",
    "country": "US",
    "rdapConformance": ["rdap_level_0", "geofeed1"],
}


@pytest.fixture
def registration(web: Web) -> Registration:
    feed = web.url("/geofeed.csv", "feeds.example")
    links = [{"rel": "geofeed", "type": "application/geofeed+csv", "value": "x", "href": feed}]
    for address in ("20.0.0.1", "20.0.9.9"):
        web.page(f"/ip/{address}", json.dumps(HOLDER | {"links": links}), type="application/rdap+json")
    services: dict[str, Any] = {"services": [[["20.0.0.0/8"], [web.url("/", "rdap.example")]]]}
    return Registration(Bootstrap.of(services), fetcher=web.fetcher())


def feeds_of(web: Web, registration: Registration) -> RegisteredFeeds:
    policy: FetchPolicy = web.policy(hosts=frozenset())
    return RegisteredFeeds(registration, policy=policy)


def test_the_holder_s_feed_places_and_the_registration_does_not(web: Web, registration: Registration) -> None:
    web.page("/geofeed.csv", "20.0.0.0/24,IE,,Dublin,\n21.0.0.0/24,US,,,\n", type="text/csv")
    feeds = feeds_of(web, registration)
    found = residency.locate(["20.0.0.1", "20.0.9.9"], sources=[registration, feeds], embedded=False, within="EEA")
    listed, unlisted = found
    assert (listed.countries, listed.assurance.value) == (("IE",), "declared")
    assert unlisted.countries == ()
    assert {e.kind.value for e in unlisted.evidence} == {"registration"}
    told = {s.id: s for s in found.snapshots}
    assert {e.statement.source for e in listed.evidence} <= set(told)
    assert told["registered-geofeeds"].source == web.url("/geofeed.csv", "feeds.example")
    assert [path for _, path, _ in web.asked].count("/geofeed.csv") == 1


def test_a_feed_that_cannot_be_read_is_said(web: Web, registration: Registration) -> None:
    web.page("/geofeed.csv", "<html>gone</html>", type="text/html")
    found = residency.locate("20.0.0.1", sources=[feeds_of(web, registration)], embedded=False)
    assert found[0].countries == ()
    assert any("malformed" in note and "feeds.example" in note for note in found.warnings)


def test_an_address_without_registration_is_said(web: Web, registration: Registration) -> None:
    found = residency.locate("21.0.0.1", sources=[registration], embedded=False)
    assert found[0].evidence == ()
    (note,) = found.warnings
    assert "21.0.0.1" in note


def test_nothing_is_asked_unless_said(audit: Audit) -> None:
    residency.locate("20.0.0.1", within="EEA")
    assert not audit.connected


def test_without_the_registries_addresses_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, audit: Audit
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(SourceError, match="residency data update"):
        residency.locate("20.0.0.1", rdap=True)
    assert not audit.connected
