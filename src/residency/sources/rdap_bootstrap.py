"""Which registry answers for an address: IANA's bootstrap files (RFC 9224), never a guess.

The files are fetched by `residency data update` into the cache. A registry that they do not name is never asked.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from residency.errors import SourceError, shorten
from residency.limits import LIMITS
from residency.sources.cache import FetchCache
from residency.sources.fetch_policy import FetchPolicy, host_of
from residency.sources.fetched import BOOTSTRAP, Fetched
from residency.sources.strict_json import JsonValue, parse_json

if TYPE_CHECKING:
    from residency.sources.fetch import Fetcher

BOOTSTRAP_HOST = "data.iana.org"
BOOTSTRAP_URLS = tuple(f"https://{BOOTSTRAP_HOST}/rdap/{name}.json" for name in ("ipv4", "ipv6", "asn"))
BOOTSTRAP_POLICY = FetchPolicy(hosts=frozenset({BOOTSTRAP_HOST}))
_REGISTRIES = ("arin", "ripe", "apnic", "lacnic", "afrinic")
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Registry:
    """One registry's RDAP service: its base URL (https, ends in /) and its short name."""

    base: str
    name: str


class Bootstrap:
    """The registries by network and by AS number."""

    def __init__(
        self, networks: Iterable[tuple[_Network, Registry]], asns: Iterable[tuple[int, int, Registry]] = ()
    ) -> None:
        self._networks = sorted(networks, key=lambda entry: -entry[0].prefixlen)
        self._asns = tuple(asns)

    @classmethod
    def of(cls, *documents: JsonValue) -> Bootstrap:
        """Read bootstrap documents of any kind (ipv4, ipv6, asn); raises SourceError with what is wrong.

        A service without an https base (RFC 9224 section 3 allows them) is left out.
        """
        networks: list[tuple[_Network, Registry]] = []
        asns: list[tuple[int, int, Registry]] = []
        for document in documents:
            for entries, registry in _services(document):
                for entry in entries:
                    if "." in entry or ":" in entry:
                        networks.append((_network(entry), registry))
                    else:
                        asns.append((*_asn_range(entry), registry))
        return cls(networks, asns)

    @classmethod
    def from_cache(cls, cache: FetchCache, urls: Sequence[str] = BOOTSTRAP_URLS) -> Bootstrap:
        """Read what `data update` kept, of any age; raises SourceError where it kept nothing."""
        kept = [cache.versions(BOOTSTRAP.name, url) for url in urls]
        found = [parse_json(versions[-1].body) for versions in kept if versions]
        if not found:
            raise SourceError("the registries' addresses are not known here yet; run `residency data update`")
        return cls.of(*found)

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts of all registries: the ones that may be asked."""
        registries = [r for _, r in self._networks] + [r for _, _, r in self._asns]
        return frozenset(host_of(registry.base) for registry in registries) - {""}

    def registry_of(self, family: int, value: int) -> Registry | None:
        """Return the registry of an address: that of the longest network (RFC 9224 section 5)."""
        for network, registry in self._networks:
            if network.version == family and int(network.network_address) <= value <= int(network.broadcast_address):
                return registry
        return None

    def registry_of_asn(self, asn: int) -> Registry | None:
        """Return the registry of an AS number."""
        return next((registry for first, last, registry in self._asns if first <= asn <= last), None)


def update_bootstrap(fetcher: Fetcher, cache: FetchCache, urls: Sequence[str] = BOOTSTRAP_URLS) -> tuple[Fetched, ...]:
    """Fetch the bootstrap files and keep those that can be read; the outcomes say which those are.

    The fetcher's policy must allow `data.iana.org` (`BOOTSTRAP_POLICY` does). Raises SourceError for a file that
    is well-formed JSON and yet no bootstrap file; then nothing of it is kept.
    """
    found = fetcher.get_many(urls, BOOTSTRAP)
    for fetched in found:
        if fetched.is_ok:
            Bootstrap.of(fetched.document)
            cache.put(fetched)
    return tuple(found)


def bootstrap_age_days(cache: FetchCache, urls: Sequence[str] = BOOTSTRAP_URLS) -> int | None:
    """Return how many days ago the oldest kept bootstrap file was fetched; None where none is kept."""
    kept = [cache.versions(BOOTSTRAP.name, url) for url in urls]
    days = [(datetime.now(UTC) - versions[-1].fetched_at).days for versions in kept if versions]
    return max(days, default=None)


def _services(document: JsonValue) -> Iterable[tuple[list[str], Registry]]:
    services = document.get("services") if isinstance(document, Mapping) else None
    if not isinstance(services, list):
        raise SourceError("no bootstrap file: `services` is missing (RFC 9224)")
    for service in services:
        if not (isinstance(service, list) and len(service) == 2):
            raise SourceError(f"a bootstrap file with a service that is no pair: {shorten(service)}")
        entries, bases = (_texts(part) for part in service)
        base = next((b for b in bases if b.startswith("https://") and host_of(b)), None)
        if base is not None:
            yield entries, Registry(base if base.endswith("/") else base + "/", registry_name(host_of(base)))


def _texts(part: JsonValue) -> list[str]:
    if not isinstance(part, list) or len(part) > LIMITS.max_rdap_questions:
        raise SourceError(f"a bootstrap file with a service that is no list of texts: {shorten(part)}")
    return [str(text) for text in part]


def registry_name(host: str) -> str:
    """Return the short name of a regional registry, or the host."""
    return next((name for name in _REGISTRIES if name in host.split(".")), host)


def _network(entry: str) -> _Network:
    try:
        return ipaddress.ip_network(entry)
    except ValueError as error:
        raise SourceError(f"a bootstrap file with `{shorten(entry)}`, which is no network") from error


def _asn_range(entry: str) -> tuple[int, int]:
    first, _, last = entry.partition("-")
    try:
        return int(first), int(last or first)
    except ValueError as error:
        raise SourceError(f"a bootstrap file with `{shorten(entry)}`, which is no AS number") from error
