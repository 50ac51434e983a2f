"""Servers and vantages as written: every scheme, and what is refused with what to do."""

from __future__ import annotations

import pytest

from residency.errors import UsageError
from residency.limits import LIMITS
from residency.resolve.vantages import parse_server, parse_vantage, read_vantages


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("9.9.9.9", "udp://9.9.9.9:53"),
        ("9.9.9.9:5353", "udp://9.9.9.9:5353"),
        ("2620:fe::fe", "udp://[2620:fe::fe]:53"),
        ("[2620:fe::fe]:5353", "udp://[2620:fe::fe]:5353"),
        ("tcp://127.0.0.1", "tcp://127.0.0.1:53"),
        ("tls://dns.quad9.net@9.9.9.9", "tls://dns.quad9.net@9.9.9.9:853"),
        ("https://9.9.9.9", "https://9.9.9.9:443/dns-query"),
        ("https://dns.quad9.net@[2620:fe::fe]:5053/q?x=1", "https://dns.quad9.net@[2620:fe::fe]:5053/q?x=1"),
        ("quic://DNS.adguard.com@94.140.14.14", "quic://dns.adguard.com@94.140.14.14:853"),
    ],
)
def test_a_server_reads_as_it_is_written_out(text: str, read: str) -> None:
    assert str(parse_server(text)) == read
    assert str(parse_server(read)) == read


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("dns.quad9.net", "write an address"),
        ("https://dns.quad9.net/dns-query", "write an address"),
        ("http://9.9.9.9/dns-query", "udp, tcp, tls, https or quic"),
        ("010.0.0.1", "its address is none"),
        ("9.9.9.9:0", "a port lies between"),
        ("9.9.9.9:70000", "a port lies between"),
        ("udp://name@9.9.9.9", "checks no name"),
        ("tls://9.9.9.9/path", "only https has a path"),
        ("tls://a b@9.9.9.9", "character"),
        ("", "write an address"),
        ("9" * 1_000, "write an address"),
    ],
)
def test_what_is_no_server_is_refused_with_what_to_do(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        parse_server(text)


def test_a_vantage_has_a_name_and_a_subnet() -> None:
    found = parse_vantage("dublin=9.9.9.9,185.2.100.0/24")
    assert (found.name, str(found.servers[0]), found.subnet) == ("dublin", "udp://9.9.9.9:53", "185.2.100.0/24")
    assert parse_vantage("9.9.9.9,2001:db8::/32").name == "udp://9.9.9.9:53,2001:db8::/32"
    assert parse_vantage("https://9.9.9.9/q?a=b").servers[0].path == "/q?a=b"


@pytest.mark.parametrize(
    "text", ["x=9.9.9.9,185.2.100.7/24", "x=9.9.9.9,nowhere", "\x1b=9.9.9.9", "n" * 99 + "=9.9.9.9"]
)
def test_a_vantage_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"vantage|subnet"):
        parse_vantage(text)


def test_vantages_are_told_apart_by_their_names() -> None:
    assert [v.name for v in read_vantages(["9.9.9.9", "9.9.9.9"], [])] == ["udp://9.9.9.9:53"]
    with pytest.raises(UsageError, match="two vantages of one name"):
        read_vantages([], ["a=9.9.9.9", "a=149.112.112.112"])
    with pytest.raises(UsageError, match="more than"):
        read_vantages([f"9.9.9.{n}" for n in range(LIMITS.max_dns_vantages + 1)], [])
