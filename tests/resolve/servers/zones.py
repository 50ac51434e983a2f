"""The zones that the servers are given: every shape of answer that an honest authority sends.

The addresses in answers are public ones, for an answer with another kind is an outcome of its own. Nothing is ever sent
to them.
"""

from __future__ import annotations

from collections.abc import Iterator

ZONE = "lab.example"  # at the authority, unsigned
SIGNED = "signed.example"  # the same, signed; the resolver has its key
BOGUS = "bogus.example"  # signed, and changed after
BROKEN = "broken.example"  # configured, but its file was never written: SERVFAIL
FOREIGN = "foreign.example"  # of nobody: REFUSED
REVERSE = "222.34.63.in-addr.arpa"
SUBNETS = "subnets.example"  # at the server whose answers go by client subnet

# Names of the shipped pack `tiktok-clover`, at addresses of the tests' own choice.
PACK = {
    "tiktokv.eu": {"api16-normal-no1a": "63.34.222.120", "api16-normal-useastred": "3.208.0.20"},
    "tiktokw.eu": {"mcs-ie": "63.34.222.121", "mcs16-normal-useastred": "3.208.0.21"},
    "tiktokcdn-eu.com": {"p16-sign": "63.34.222.122"},
}

DUBLIN = "63.34.222.109"
FRANKFURT = "3.120.0.10"
VIRGINIA = "3.208.0.10"
DUBLIN_6 = "2a05:d018::10"
MANY = 4_000
BULK = 10_000
ROTATING = tuple(f"63.34.222.{last}" for last in range(1, 9))
LONG_CHAIN, TOO_LONG_CHAIN = 12, 17
ECH = "AEj+DQBEAQAgACAdd+scUi0IYFsXnUIU7ko2Nd9+F8M26pAGZVpz/KrWPgAEAAEAAQAVZWNoLXNpdGVzLmV4YW1wbGUubmV0AAA="

_PLAIN = f"""
ns IN A 127.0.0.1
dublin IN A {DUBLIN}
dublin IN AAAA {DUBLIN_6}
frankfurt IN A {FRANKFURT}
four IN A {DUBLIN}
six IN AAAA {DUBLIN_6}
words IN TXT "no address here"
*.wild IN A {FRANKFURT}
_dmarc IN TXT "v=DMARC1"
_srv._tcp IN A {DUBLIN}
xn--fa-hia IN A {FRANKFURT}
zero 0 IN A {DUBLIN}
pair IN A {DUBLIN}
pair IN A {FRANKFURT}
alias IN CNAME dublin
starred IN CNAME *.wild
moved IN DNAME wild
away IN CNAME dublin.{FOREIGN}.
dangling IN CNAME nowhere
loop-a IN CNAME loop-b
loop-b IN CNAME loop-a
self IN CNAME self
lame IN NS ns.{FOREIGN}.
secure IN A {DUBLIN}
secure IN HTTPS 1 . alpn=h3,h2 ipv4hint={DUBLIN} ipv6hint={DUBLIN_6} ech={ECH}
front IN HTTPS 0 secure.{ZONE}.
_service IN SVCB 1 dublin.{ZONE}. alpn=h2 port=8443
loopback IN A 127.0.0.1
metadata IN A 169.254.169.254
nat64 IN AAAA 64:ff9b::a9fe:a9fe
mapped IN AAAA ::ffff:127.0.0.1
inside IN A 10.1.2.3
mixed IN A {DUBLIN}
mixed IN A 10.1.2.3
"""


def _head(zone: str) -> str:
    return f"$ORIGIN {zone}.\n$TTL 60\n@ IN SOA ns root 1 3600 600 86400 60\n@ IN NS ns.{ZONE}.\n"


def _chain(label: str, length: int) -> Iterator[str]:
    """Yield so many CNAMEs and the address at the end of them."""
    for number in range(length):
        yield f"{label}-{number} IN CNAME {label}-{number + 1}"
    yield f"{label}-{length} IN A {DUBLIN}"


def plain() -> str:
    """Return the unsigned zone."""
    lines = [
        _head(ZONE) + _PLAIN,
        *_chain("long", LONG_CHAIN),
        *_chain("longer", TOO_LONG_CHAIN),
        *(f"many IN A 52.{48 + number // 65_536}.{number // 256 % 256}.{number % 256}" for number in range(MANY)),
        *(f"bulk-{number} IN A 54.{number // 65_536}.{number // 256 % 256}.{number % 256}" for number in range(BULK)),
    ]
    return "\n".join(lines) + "\n"


def to_sign(zone: str) -> str:
    """Return a zone that is to be signed."""
    return _head(zone) + f"www IN A {DUBLIN}\nalias IN CNAME www\nwords IN TXT here\n*.wild IN A {FRANKFURT}\n"


def of_pack(zone: str) -> str:
    """Return a zone of the pack."""
    return _head(zone) + "".join(f"{label} IN A {address}\n" for label, address in PACK[zone].items())


def reverse() -> str:
    """Return the zone of names of addresses."""
    return _head(REVERSE) + f"109 IN PTR dublin.{ZONE}.\n"


def by_subnet() -> tuple[str, str, str]:
    """Return a zone, its answers by the client's subnet, and its answers at random, each for a name of its own."""
    zone = _head(SUBNETS) + "alike IN A 63.34.222.200\n"
    subnets = (
        f"geo.{SUBNETS}:\n"
        f"  - net: 81.2.69.0/24\n    A: {DUBLIN}\n"
        f"  - net: 2.125.160.0/24\n    A: {FRANKFURT}\n"
        f"  - net: 2001:218::/32\n    A: {VIRGINIA}\n"
        f"  - net: 0.0.0.0/0\n    A: {VIRGINIA}\n"
    )
    weights = f"rotating.{SUBNETS}:\n" + "".join(f"  - weight: 1\n    A: {address}\n" for address in ROTATING)
    return zone, subnets, weights
