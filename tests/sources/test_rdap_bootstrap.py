"""Which registry is asked: IANA's bootstrap files, strictly."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from residency.errors import SourceError
from residency.sources.cache import FetchCache
from residency.sources.fetched import Outcome
from residency.sources.rdap_bootstrap import (
    BOOTSTRAP_HOST,
    BOOTSTRAP_URLS,
    Bootstrap,
    Registry,
    bootstrap_age_days,
    update_bootstrap,
)

if TYPE_CHECKING:
    from tests.sources.conftest import Web

# The form of RFC 9224 section 5.1, with networks of its own.
V4: dict[str, Any] = {
    "version": "1.0",
    "publication": "2026-06-01T00:00:00Z",
    "services": [
        [["20.0.0.0/8"], ["http://rdap.arin.net/registry/", "https://rdap.arin.net/registry/"]],
        [["20.5.0.0/16", "21.0.0.0/8"], ["https://rdap.db.ripe.net"]],
        [["22.0.0.0/8"], ["http://plain.example/"]],
    ],
}
V6: dict[str, Any] = {"services": [[["2001:200::/23"], ["https://rdap.apnic.net/"]]]}
ASN: dict[str, Any] = {"services": [[["64496-64511", "7"], ["https://rdap.lacnic.net/rdap/"]]]}


def registry_of(bootstrap: Bootstrap, address: str) -> Registry | None:
    parsed = ipaddress.ip_address(address)
    return bootstrap.registry_of(parsed.version, int(parsed))


def test_the_longest_network_names_the_registry() -> None:
    bootstrap = Bootstrap.of(V4, V6, ASN)
    assert registry_of(bootstrap, "20.1.1.1") == Registry("https://rdap.arin.net/registry/", "arin")
    assert registry_of(bootstrap, "20.5.1.1") == Registry("https://rdap.db.ripe.net/", "ripe")
    assert registry_of(bootstrap, "2001:200::1") == Registry("https://rdap.apnic.net/", "apnic")
    assert bootstrap.registry_of_asn(64500) == Registry("https://rdap.lacnic.net/rdap/", "lacnic")
    assert bootstrap.registry_of_asn(7) == bootstrap.registry_of_asn(64496)


def test_what_no_registry_serves_by_https_has_none() -> None:
    bootstrap = Bootstrap.of(V4)
    assert registry_of(bootstrap, "22.0.0.1") is None
    assert registry_of(bootstrap, "99.0.0.1") is None
    assert registry_of(bootstrap, "2001:200::1") is None
    assert bootstrap.registry_of_asn(7) is None


def test_only_the_hosts_of_registries_may_be_asked() -> None:
    assert Bootstrap.of(V4).hosts == {"rdap.arin.net", "rdap.db.ripe.net"}
    assert Bootstrap.of().hosts == frozenset()


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"services": {}},
        {"services": [[["20.0.0.0/8"]]]},
        {"services": [["20.0.0.0/8", "https://rdap.example/"]]},
        {"services": [[["20.0.0.1/8"], ["https://rdap.example/"]]]},
        {"services": [[["1-x"], ["https://rdap.example/"]]]},
    ],
)
def test_anything_else_is_no_bootstrap_file(document: Any) -> None:
    with pytest.raises(SourceError, match="bootstrap"):
        Bootstrap.of(document)


def test_without_a_kept_bootstrap_nobody_is_asked(tmp_path: Path) -> None:
    assert bootstrap_age_days(FetchCache(tmp_path)) is None
    with pytest.raises(SourceError, match="residency data update"):
        Bootstrap.from_cache(FetchCache(tmp_path))


def test_an_update_keeps_what_can_be_read(web: Web, tmp_path: Path) -> None:
    cache = FetchCache(tmp_path)
    fetcher = web.fetcher(hosts=frozenset({BOOTSTRAP_HOST}))
    assert [f.outcome for f in update_bootstrap(fetcher, cache)] == [Outcome.UNREACHABLE] * 3  # port 443 is not ours
    assert BOOTSTRAP_URLS[0] == "https://data.iana.org/rdap/ipv4.json"
    assert bootstrap_age_days(cache) is None


def test_a_kept_bootstrap_is_read(web: Web, tmp_path: Path) -> None:
    cache = FetchCache(tmp_path)
    for name, document in (("ipv4", V4), ("ipv6", V6), ("asn", ASN)):
        web.page(f"/rdap/{name}.json", json.dumps(document))
    urls = tuple(web.url(f"/rdap/{name}.json") for name in ("ipv4", "ipv6", "asn"))
    assert all(f.is_ok for f in update_bootstrap(web.fetcher(), cache, urls))
    assert registry_of(Bootstrap.from_cache(cache, urls), "20.5.1.1") == Registry("https://rdap.db.ripe.net/", "ripe")
    assert bootstrap_age_days(cache, urls) == 0
