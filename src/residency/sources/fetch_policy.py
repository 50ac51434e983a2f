"""What may be fetched: which URLs, hosts, ports and addresses. Decided before a socket is opened.

The caller lists the hosts by name. A listed name that resolves to anything but public addresses is refused as a
whole: one private answer among public ones is how a name is turned against the machine that asks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from residency.errors import shorten
from residency.limits import LIMITS
from residency.model.names import HostNameError, normalise_host
from residency.model.network import parse_address
from residency.sources.fetched import FetchError, Outcome, refused

Resolver = Callable[[str], Awaitable[Sequence[str]]]
"""Host name -> texts of its addresses; an OSError means that there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPolicy:
    """Who may be asked, and how patiently.

    `hosts` are exact names; nothing else is ever asked, also not by a redirect. `ca_file` replaces the system's
    certificate authorities. `resolve` replaces the system's resolver. `exempt_addresses` are connected to although
    they are not public: it exists for servers on loopback that a test or an operator runs, and is empty by default.
    """

    hosts: frozenset[str] = frozenset()
    ports: frozenset[int] = frozenset({443})
    deadline_s: float = LIMITS.fetch_deadline_s
    max_redirects: int = LIMITS.max_redirects
    max_concurrent: int = LIMITS.max_concurrent_fetches
    max_per_host: int = LIMITS.max_fetches_per_host
    min_interval_ms: float = LIMITS.min_fetch_interval_ms
    ca_file: Path | None = None
    resolve: Resolver | None = None
    exempt_addresses: frozenset[str] = frozenset()

    def also(self, hosts: Iterable[str]) -> FetchPolicy:
        """Return this policy with further hosts allowed: the explicit opt-in."""
        return replace(self, hosts=self.hosts | frozenset(hosts))


@dataclass(frozen=True, slots=True)
class Target:
    """A checked URL: the host in its normal form, the port, and path with query."""

    host: str
    port: int
    path: str

    @property
    def url(self) -> str:
        """The URL that is asked."""
        port = "" if self.port == 443 else f":{self.port}"
        return f"https://{self.host}{port}{self.path}"


def host_of(url: str) -> str:
    """Return the host of a URL in its normal form, "" where it has none that could be allowed."""
    try:
        return normalise_host(urlsplit(url).hostname or "") or ""
    except ValueError:
        return ""


def check_url(url: str, policy: FetchPolicy, *, is_redirect: bool = False) -> Target:
    """Return the target of a URL that the policy allows; raises FetchError (refused_by_policy) with the cause."""
    if len(url) > LIMITS.max_url_characters:
        raise refused("url", f"a URL of {len(url)} characters, over {LIMITS.max_url_characters}")
    # Parsers disagree about blanks, control characters and backslashes; so none may occur.
    if not url or not all("!" <= c <= "~" for c in url) or "\\" in url:
        raise refused("url", f"a URL with a character that none has: {shorten(url)}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise refused("url", f"no URL: {shorten(url)}") from error
    if parts.scheme != "https":
        what = "a redirect away from https" if is_redirect else "only https is fetched"
        raise refused("scheme", f"{what}: {shorten(url)}")
    if "@" in parts.netloc:
        raise refused("userinfo", f"a URL with user information: {shorten(url)}")
    port = 443 if port is None else port
    if port not in policy.ports:
        raise refused("port", f"port {port} is not one that may be asked")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(_checked_host(parts.hostname or "", policy), port, path)


def _checked_host(name: str, policy: FetchPolicy) -> str:
    try:
        host = normalise_host(name)
    except HostNameError as error:
        raise refused("host", f"no host name: {shorten(name)}") from error
    if host is None:
        raise refused("address", f"a bare address where a host name belongs: {shorten(name)}")
    if host not in policy.hosts:
        raise refused("host", f"{shorten(host)} is not among the hosts that may be asked")
    return host


def check_addresses(host: str, answers: Iterable[str], policy: FetchPolicy) -> tuple[str, ...]:
    """Return the addresses to connect to, in the order given; refuses them all if any one is not public.

    Mapped, NAT64 and 6to4 forms are judged by the address inside; Teredo is never public.
    """
    found = tuple(dict.fromkeys(answers))
    if not found:
        raise FetchError(Outcome.UNREACHABLE, "dns", f"{host} has no address")
    for text in found:
        if text not in policy.exempt_addresses:
            _refuse_non_public(host, text)
    return found[: LIMITS.max_addresses_tried]


def _refuse_non_public(host: str, text: str) -> None:
    try:
        address = parse_address(text)
    except ValueError as error:
        raise refused("address", f"{host} resolves to {shorten(text)}: {error}") from error
    if not address.is_locatable:
        raise refused("address", f"{host} resolves to {shorten(text)}, a {address.address_class} address")
