"""Who holds a network, by the registries' RDAP services: holder, country of registration, origin AS. Never a place.

Asked only where the caller says so: each address goes to the registry that IANA's bootstrap names for it. A kept
answer speaks for later addresses of its network, the narrowest first. That is an approximation: a part of it may be
registered more finely to somebody else, which only a question of its own would tell.

A registry is asked by a few workers, each along its own stretch of neighbouring addresses, so that one answer saves
the questions after it. A registry that fails often in a row, or asks to be left alone for long, is left alone.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import numpy as np

from residency.limits import LIMITS
from residency.model.evidence import Kind, Snapshot, Statement
from residency.model.network import Addresses
from residency.model.place import UNDECIDED_COUNTRIES, Place
from residency.sources.cache import FetchCache
from residency.sources.fetch_policy import FetchPolicy, host_of
from residency.sources.fetched import RDAP, Fetched, Outcome
from residency.sources.gazetteer import shipped_gazetteer
from residency.sources.interface import Answer
from residency.sources.rdap_answer import RdapError, RegisteredNetwork, read_answer
from residency.sources.rdap_bootstrap import Bootstrap, Registry, registry_name
from residency.sources.strict_json import parse_json

if TYPE_CHECKING:
    from residency.sources.fetch import Fetcher, Session

_Asked = tuple[int, int]  # family and value of an address


@dataclass(frozen=True, slots=True)
class NotRegistered:
    """An address without a usable answer: the outcome and why."""

    address: str
    outcome: Outcome
    reason: str


class Registration:
    """The registries as a source; answers with statements of kind `registration`.

    Asks the network when `answer` or `networks` is called and nothing kept covers an address. `failures` then
    says which addresses got no answer, and why.
    """

    def __init__(
        self,
        bootstrap: Bootstrap,
        *,
        fetcher: Fetcher | None = None,
        cache: FetchCache | None = None,
        max_age_days: int = LIMITS.registration_max_age_days,
        max_questions: int = LIMITS.max_rdap_questions,
    ) -> None:
        if fetcher is None:
            from residency.sources.fetch import Fetcher

            fetcher = Fetcher(FetchPolicy(hosts=bootstrap.hosts))
        self._bootstrap, self._fetcher, self._cache = bootstrap, fetcher, cache
        self._max_age_days, self._questions_left = max_age_days, max_questions
        self._known = _KnownNetworks()
        self._failed: dict[_Asked, NotRegistered] = {}
        self._used: dict[str, RegisteredNetwork] = {}
        self._is_cache_read = False

    @property
    def snapshot(self) -> Snapshot:
        """The answers used so far: the date is that of the oldest, the hash one over all of theirs."""
        days = [n.fetched_at.date() for n in self._used.values() if n.fetched_at]
        whole = hashlib.sha256("\n".join(sorted(n.sha256 for n in self._used.values())).encode())
        return Snapshot(
            id="rdap",
            kind=str(Kind.REGISTRATION),
            name="registrations of networks (RDAP)",
            author=",".join(sorted({n.registry for n in self._used.values()})) or "registries",
            built=min(days, default=None),
            sha256=whole.hexdigest(),
            licence="the terms of each registry",
            max_age_days=self._max_age_days,
            source="RDAP by IANA's bootstrap (RFC 9224)",
        )

    @property
    def failures(self) -> tuple[NotRegistered, ...]:
        """The addresses that were asked about without a usable answer, by address."""
        return tuple(self._failed[key] for key in sorted(self._failed))

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the report should know: how many addresses have no registration, and why the first."""
        failed = self.failures
        if not failed:
            return ()
        first = failed[0]
        return (f"registrations: no answer on {len(failed)} addresses, the first {first.address}: {first.reason}",)

    def answer(self, addresses: Addresses, days: Sequence[date]) -> Answer:
        """Say who holds every address; silent where no registry answered. `days` change nothing."""
        said: dict[Statement, int] = {}
        codes = np.full(len(addresses), -1, dtype=np.int64)
        for i, network in enumerate(self.networks(addresses)):
            if network is not None:
                codes[i] = said.setdefault(_say(network), len(said))
        return Answer(codes, tuple(said))

    def networks(self, addresses: Addresses) -> tuple[RegisteredNetwork | None, ...]:
        """Return the registered network of every address, asking for those that nothing known covers."""
        self._read_cache()
        keys: list[_Asked | None] = [(a.family, a.value) if a.is_locatable else None for a in addresses.items]
        wanted = sorted({k for k in keys if k and k not in self._failed and self._known.find(k) is None})
        if wanted:
            self._fetcher.run(lambda session: self._ask_all(session, wanted))
        found = tuple(self._known.find(key) if key else None for key in keys)
        self._used |= {n.url: n for n in found if n is not None}
        return found

    def _read_cache(self) -> None:
        if self._cache is None or self._is_cache_read:
            return
        now = datetime.now(UTC)
        for kept in self._cache.ranges(RDAP.name, now=now, max_age_days=self._max_age_days):
            fetched = self._cache.latest(RDAP.name, kept.url, now=now, max_age_days=self._max_age_days)
            if fetched is not None and fetched.is_ok:
                self._known.add(_read(replace(fetched, document=parse_json(fetched.body)), (kept.family, kept.first)))
        self._is_cache_read = True

    async def _ask_all(self, session: Session, wanted: Sequence[_Asked]) -> None:
        """Ask every registry for its addresses, side by side."""
        by_registry: dict[Registry, list[_Asked]] = {}
        for key in wanted:
            registry = self._bootstrap.registry_of(*key)
            if registry is None:
                self._fail(key, Outcome.NOT_FOUND, "no registry answers for it (RFC 9224)")
            else:
                by_registry.setdefault(registry, []).append(key)
        workers = []
        for registry, keys in by_registry.items():
            fails: Counter[str] = Counter()
            size = -(-len(keys) // self._fetcher.policy.max_per_host)
            stretches = (keys[start : start + size] for start in range(0, len(keys), size))
            workers += [self._ask_along(session, registry, stretch, fails) for stretch in stretches]
        await asyncio.gather(*workers)

    async def _ask_along(
        self, session: Session, registry: Registry, keys: Sequence[_Asked], fails: Counter[str]
    ) -> None:
        """Ask one registry for neighbouring addresses in turn; `fails` is shared by its workers."""
        for key in keys:
            if self._known.find(key) is not None:
                continue
            if fails["in a row"] >= LIMITS.max_registry_failures:
                self._fail(key, Outcome.UNREACHABLE, f"{registry.name} was left alone after it failed repeatedly")
                continue
            found = await self._ask(session, registry, key)
            if found is not None and found.outcome.is_outage:
                # One that says that it will not answer for long is not asked again at all.
                step = LIMITS.max_registry_failures if found.outcome is Outcome.RATE_LIMITED else 1
                fails["in a row"] += step
            elif found is not None:
                fails["in a row"] = 0

    async def _ask(self, session: Session, registry: Registry, key: _Asked) -> Fetched | None:
        """Ask about one address unless it is known that there is nothing; None where no question was sent."""
        url = f"{registry.base}ip/{_text(*key)}"
        if self._cache is not None:
            age = float(self._max_age_days)
            kept = self._cache.latest(RDAP.name, url, now=datetime.now(UTC), max_age_days=age)
            if kept is not None and kept.outcome is Outcome.NOT_FOUND:
                self._fail(key, Outcome.NOT_FOUND, f"{registry.name} knows nothing of it")
                return None
        if self._questions_left <= 0:
            self._fail(key, Outcome.REFUSED_BY_POLICY, "not asked: over the number of questions allowed")
            return None
        self._questions_left -= 1
        found = await session.get(url, RDAP, is_patient=True)
        if found.is_ok:
            self._take(found, key, registry)
            return found
        self._fail(key, found.outcome, str(found))
        if self._cache is not None:
            self._cache.put(found)
        return found

    def _take(self, fetched: Fetched, key: _Asked, registry: Registry) -> None:
        """Know and keep the network that an answer is about; an unusable answer is a failure of its address."""
        try:
            network = _read(fetched, key)
        except RdapError as error:
            self._fail(key, Outcome.MALFORMED, f"malformed({error.cause}): {error.what}")
            return
        if network.is_whole_block:
            self._fail(key, Outcome.NOT_FOUND, f"{registry.name} names no holder, only a block of address space")
            return
        self._known.add(network)
        if self._cache is not None:
            self._cache.put(fetched, covers=(network.family, network.first, network.last))

    def _fail(self, key: _Asked, outcome: Outcome, reason: str) -> None:
        self._failed[key] = NotRegistered(_text(*key), outcome, reason)


class _KnownNetworks:
    """Networks that may lie inside each other; the narrowest one that holds an address is found.

    A range is cut into aligned blocks. The block around an address is never larger in a narrower range, so the
    longest prefix leads to the narrowest network.
    """

    def __init__(self) -> None:
        self._blocks: dict[tuple[int, int], dict[int, RegisteredNetwork]] = {}  # (family, host bits) -> prefix value

    def add(self, network: RegisteredNetwork) -> None:
        kind = ipaddress.IPv4Address if network.family == 4 else ipaddress.IPv6Address
        for block in ipaddress.summarize_address_range(kind(network.first), kind(network.last)):
            bits = block.max_prefixlen - block.prefixlen
            level = self._blocks.setdefault((network.family, bits), {})
            prefix = int(block.network_address) >> bits
            other = level.get(prefix)
            if other is None or network.last - network.first <= other.last - other.first:
                level[prefix] = network

    def find(self, asked: _Asked) -> RegisteredNetwork | None:
        family, value = asked
        levels = sorted(bits for version, bits in self._blocks if version == family)
        found = (self._blocks[family, bits].get(value >> bits) for bits in levels)
        return next((network for network in found if network is not None), None)


def _read(fetched: Fetched, key: _Asked) -> RegisteredNetwork:
    """Read an answer and stamp it; its author is the registry that it came from, also behind a redirect."""
    return replace(
        read_answer(fetched.document, *key, _countries()),
        registry=registry_name(host_of(fetched.final_url)),
        url=fetched.url,
        sha256=fetched.sha256,
        fetched_at=fetched.fetched_at,
    )


def _countries() -> Mapping[str, str]:
    return shipped_gazetteer().countries


def _text(family: int, value: int) -> str:
    return str(ipaddress.IPv4Address(value) if family == 4 else ipaddress.IPv6Address(value))


def _say(network: RegisteredNetwork) -> Statement:
    """Return what an answer says. Its place is the country of registration, which the evaluation never locates by."""
    country = network.country
    is_one = country in _countries() and country not in UNDECIDED_COUNTRIES
    by = ", by the holder's postal address" if network.is_postal else ""
    where = f"registered in {country}{by}" if country else "no country of registration"
    origins = "".join(f", AS{asn}" for asn in network.asns)
    day = network.fetched_at.date() if network.fetched_at else None
    return Statement(
        kind=Kind.REGISTRATION,
        source="rdap",
        author=network.registry or "registries",
        lineage=network.holder or network.registry,
        says=f"held by {network.holder or 'nobody named'} ({network.handle or network.name}), {where}{origins}",
        places=frozenset({Place(country)}) if is_one else frozenset(),
        listed=(day, day) if day else None,
    )
