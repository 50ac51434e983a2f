"""What the tests' servers really send, read with dnspython alone: the other tests stand on this."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence

import dns.asyncquery
import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest
from tests.resolve import ways
from tests.resolve.hostile import Hostile
from tests.resolve.servers import programs, zones
from tests.resolve.servers.kit import Servers
from tests.resolve.servers.processes import LOOPBACK
from tests.resolve.ways import long_name

_WAIT_S = 3.0


def port_of(server: str) -> int:
    return int(server.removesuffix("/dns-query").rpartition(":")[2])


def ask(
    server: str, name: str, type: str = "A", *, options: Sequence[dns.edns.Option] = (), dnssec: bool = False
) -> dns.message.Message:
    query = dns.message.make_query(name, type, options=list(options) or None, want_dnssec=dnssec)
    return dns.query.udp_with_fallback(query, LOOPBACK, port=port_of(server), timeout=_WAIT_S)[0]


def addresses(message: dns.message.Message) -> list[str]:
    return [str(record) for rrset in message.answer for record in rrset if rrset.rdtype in (1, 28)]


@pytest.mark.parametrize(("label", "length"), [("long", zones.LONG_CHAIN), ("longer", zones.TOO_LONG_CHAIN)])
def test_the_authority_sends_a_whole_chain_at_once(servers: Servers, label: str, length: int) -> None:
    message = ask(servers.authority, f"{label}-0.{zones.ZONE}")
    assert [len(message.answer), addresses(message)] == [length + 1, [zones.DUBLIN]]


@pytest.mark.parametrize(
    ("name", "rcode"),
    [
        (f"dublin.{zones.ZONE}", dns.rcode.NOERROR),
        (f"nothing.{zones.ZONE}", dns.rcode.NXDOMAIN),
        (f"www.{zones.BROKEN}", dns.rcode.SERVFAIL),
        (f"www.{zones.FOREIGN}", dns.rcode.REFUSED),
    ],
)
def test_the_authority_fails_in_every_way(servers: Servers, name: str, rcode: int) -> None:
    assert ask(servers.authority, name).rcode() == rcode


def test_the_authority_cuts_many_addresses_and_sends_them_over_tcp(servers: Servers) -> None:
    query = dns.message.make_query(f"many.{zones.ZONE}", "A")
    cut = dns.query.udp(query, LOOPBACK, port=port_of(servers.authority), timeout=_WAIT_S)
    assert cut.flags & dns.flags.TC
    assert len(set(addresses(ask(servers.authority, f"many.{zones.ZONE}")))) == zones.MANY


def test_the_resolver_validates(servers: Servers) -> None:
    secure = ask(servers.resolver, f"www.{zones.SIGNED}", dnssec=True)
    assert secure.flags & dns.flags.AD
    assert not ask(servers.resolver, f"dublin.{zones.ZONE}", dnssec=True).flags & dns.flags.AD
    assert ask(servers.resolver, f"www.{zones.BOGUS}").rcode() == dns.rcode.SERVFAIL
    assert addresses(ask(servers.authority, f"www.{zones.BOGUS}")) == [zones.VIRGINIA]


@pytest.mark.parametrize(("subnet", "address"), [("81.2.69.0/24", zones.DUBLIN), ("2.125.160.0/24", zones.FRANKFURT)])
def test_answers_go_by_client_subnet(servers: Servers, subnet: str, address: str) -> None:
    option = dns.edns.ECSOption.from_text(subnet)
    message = ask(servers.by_subnet, f"geo.{zones.SUBNETS}", options=[option])
    assert addresses(message) == [address]
    assert [given.scopelen for given in message.options if isinstance(given, dns.edns.ECSOption)] == [24]


def test_answers_rotate_with_a_ttl_of_zero(servers: Servers) -> None:
    messages = [ask(servers.by_subnet, f"rotating.{zones.SUBNETS}") for _ in range(20)]
    found = {address for message in messages for address in addresses(message)}
    assert len(found) > 1
    assert found <= set(zones.ROTATING)
    assert {rrset.ttl for message in messages for rrset in message.answer} == {0}


def test_the_resolver_answers_over_tls_and_quic(servers: Servers) -> None:
    query = dns.message.make_query(f"dublin.{zones.ZONE}", "A", id=0)
    authority = str(servers.certificates.authority)
    over_tls = dns.query.tls(
        query,
        LOOPBACK,
        timeout=_WAIT_S,
        port=port_of(servers.tls),
        server_hostname=programs.HOST,
        ssl_context=ssl.create_default_context(cafile=authority),
    )
    asking = dns.asyncquery.quic(  # the other one leaves sockets open
        query,
        LOOPBACK,
        timeout=_WAIT_S,
        port=port_of(servers.quic),
        server_hostname=programs.HOST,
        verify=authority,
    )
    over_quic = asyncio.run(asking)
    assert addresses(over_tls) == addresses(over_quic) == [zones.DUBLIN]


@pytest.mark.parametrize("way", ["honest", "wrong-id", "wrong-source", "garbage"])
def test_the_hostile_server_answers_honestly_in_the_end(hostile: Hostile, way: str) -> None:
    query = dns.message.make_query(f"www.{way}.{ways.ZONE}", "A")
    message = dns.query.udp(
        query, LOOPBACK, port=hostile.port, timeout=_WAIT_S, ignore_unexpected=True, ignore_errors=True
    )
    assert addresses(message) == [ways.HONEST]
    assert hostile.count(way) == 1


@pytest.mark.parametrize("way", sorted(set(ways.UDP) - {"drop", "only-wrong-id"}))
def test_the_hostile_server_sends_something_for_every_way(hostile: Hostile, way: str) -> None:
    query = dns.message.make_query(f"www.{way}.{ways.ZONE}", "A")
    read = ways.read_query(query.to_wire())
    assert read.way == way
    assert list(ways.UDP[way](read))


@pytest.mark.parametrize("way", ["hv", "hn"])
def test_heavy_answers_are_heavy_and_can_be_read(way: str) -> None:
    query = ways.read_query(dns.message.make_query(long_name(way), "A").to_wire())
    (sent,) = ways.UDP[way](query)
    assert isinstance(sent, bytes)
    assert 60_000 < len(sent) < 65_507
    assert len(query.labels) == ways.MANY_LABELS
