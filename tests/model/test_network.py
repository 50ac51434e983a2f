"""Addresses: the cases of HAZARDS A, and one subject for every way to write one."""

from __future__ import annotations

import ipaddress
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.model.network import (
    _V4_RANGES,
    _V6_RANGES,
    AddressBook,
    AddressClass,
    Addresses,
    AddressForm,
    Vantage,
    is_plainly_public,
    parse_address,
)

C = AddressClass


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("8.8.8.8", C.PUBLIC),
        ("2001:4860:4860::8888", C.PUBLIC),
        ("10.1.2.3", C.PRIVATE),
        ("172.15.255.255", C.PUBLIC),
        ("172.16.0.0", C.PRIVATE),
        ("172.31.255.255", C.PRIVATE),
        ("172.32.0.0", C.PUBLIC),
        ("192.168.255.255", C.PRIVATE),
        ("100.63.255.255", C.PUBLIC),
        ("100.64.0.0", C.SHARED),
        ("100.127.255.255", C.SHARED),
        ("100.128.0.0", C.PUBLIC),
        ("127.0.0.1", C.LOOPBACK),
        ("169.254.169.254", C.LINK_LOCAL),
        ("0.0.0.0", C.UNSPECIFIED),
        ("0.1.2.3", C.UNSPECIFIED),
        ("224.0.0.1", C.MULTICAST),
        ("239.255.255.255", C.MULTICAST),
        ("240.0.0.1", C.RESERVED),
        ("255.255.255.255", C.RESERVED),
        ("192.0.2.1", C.DOCUMENTATION),
        ("198.51.100.1", C.DOCUMENTATION),
        ("203.0.113.1", C.DOCUMENTATION),
        ("198.18.0.1", C.SPECIAL),
        ("198.19.255.255", C.SPECIAL),
        ("198.20.0.0", C.PUBLIC),
        ("192.0.0.8", C.SPECIAL),
        ("192.88.99.1", C.SPECIAL),
        ("192.31.196.1", C.SPECIAL),
        ("192.175.48.1", C.SPECIAL),
        ("::", C.UNSPECIFIED),
        ("::1", C.LOOPBACK),
        ("::2", C.RESERVED),
        ("::1.2.3.4", C.RESERVED),
        ("fc00::1", C.PRIVATE),
        ("fdff::1", C.PRIVATE),
        ("fec0::1", C.PRIVATE),
        ("fe80::1", C.LINK_LOCAL),
        ("ff02::1", C.MULTICAST),
        ("2001:db8::1", C.DOCUMENTATION),
        ("3fff::1", C.DOCUMENTATION),
        ("3fff:1000::1", C.PUBLIC),
        ("5f00::1", C.SPECIAL),
        ("100::1", C.SPECIAL),
        ("64:ff9b:1::1", C.PRIVATE),
        ("2001:2::1", C.SPECIAL),
        ("2001:20::1", C.SPECIAL),
        ("2001:200::1", C.PUBLIC),
        ("2620:4f:8000::1", C.SPECIAL),
        ("4000::1", C.RESERVED),
    ],
)
def test_class_of_an_address(text: str, kind: AddressClass) -> None:
    found = parse_address(text)
    assert found.address_class is kind
    assert found.is_locatable is (kind is C.PUBLIC)


@pytest.mark.parametrize(
    ("text", "key", "form", "kind"),
    [
        ("::ffff:81.2.69.160", "81.2.69.160", AddressForm.MAPPED, C.PUBLIC),
        ("::FFFF:5102:45a0", "81.2.69.160", AddressForm.MAPPED, C.PUBLIC),
        ("::ffff:127.0.0.1", "127.0.0.1", AddressForm.MAPPED, C.LOOPBACK),
        ("64:ff9b::81.2.69.160", "81.2.69.160", AddressForm.NAT64, C.PUBLIC),
        ("64:ff9b::169.254.169.254", "169.254.169.254", AddressForm.NAT64, C.LINK_LOCAL),
        ("64:ff9b::a00:1", "10.0.0.1", AddressForm.NAT64, C.PRIVATE),
    ],
)
def test_an_embedded_address_is_the_same_subject(text: str, key: str, form: AddressForm, kind: AddressClass) -> None:
    found, plain = parse_address(text), parse_address(key)
    assert (found.text, found.family, found.value) == (plain.text, plain.family, plain.value)
    assert found.form is form
    assert found.address_class is kind


def test_6to4_asks_sources_about_the_address_inside() -> None:
    found = parse_address("2002:5102:45a0::1")
    assert found.form is AddressForm.SIX_TO_FOUR
    assert found.text == "2002:5102:45a0::1"
    assert (found.family, found.value) == (4, int(ipaddress.IPv4Address("81.2.69.160")))
    assert found.is_locatable


@pytest.mark.parametrize("inner", ["a9fe:a9fe", "a00:1", "7f00:1"])
def test_6to4_of_a_private_address_is_not_located(inner: str) -> None:
    assert not parse_address(f"2002:{inner}::1").is_locatable


def test_teredo_is_never_located_by_its_server() -> None:
    found = parse_address("2001:0:5102:45a0::1")
    assert found.form is AddressForm.TEREDO
    assert found.address_class is C.TEREDO
    assert not found.is_locatable


def test_the_zone_is_no_part_of_the_key() -> None:
    found = parse_address("fe80::1%eth0")
    assert (found.text, found.zone) == ("fe80::1", "eth0")
    assert parse_address("fe80::1").zone is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        *("010.0.0.1", "0x7f.1", "2130706433", "127.1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "16843009"),
        *("1.2.3.4/32", "1.2.3.4:80", "[::1]", "1::2::3", ":::", "g::1", "1.2.3.-4", "１.2.3.4", "1.2.3.4%eth0"),
        *("tiktok.com", "::ffff:999.1.1.1", "1.2.3.4\x00", "0x7f000001", "00000000.0.0.1"),
    ],
)
def test_what_two_programs_read_differently_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        parse_address(text)


def test_networks_are_24_and_48() -> None:
    assert parse_address("81.2.69.160").network == "81.2.69.0/24"
    assert parse_address("2a00:1450:4001::1").network == "2a00:1450:4001::/48"
    assert parse_address("2002:5102:45a0::1").network == "81.2.69.0/24"


@given(st.ip_addresses(v=4) | st.ip_addresses(network="2600::/12"))
def test_a_network_holds_its_address(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    length = 24 if ip.version == 4 else 48
    assert parse_address(str(ip)).network == str(ipaddress.ip_network((ip, length), strict=False))


def _variants(value: int) -> list[str]:
    address = ipaddress.IPv6Address(value)
    groups = [f"{value >> (112 - 16 * i) & 0xFFFF:x}" for i in range(8)]
    tail = str(ipaddress.IPv4Address(value & 0xFFFFFFFF))
    return [
        address.compressed,
        address.exploded,
        address.compressed.upper(),
        ":".join(groups),
        ":".join(g.zfill(4).upper() for g in groups),
        ":".join([*groups[:6], tail]),
        f" {address.compressed} ",
    ]


@given(st.integers(0, 2**128 - 1))
def test_every_text_of_an_ipv6_address_is_one_subject(value: int) -> None:
    assert len({parse_address(text) for text in _variants(value)}) == 1


@given(st.integers(0, 2**32 - 1))
def test_every_embedding_of_an_ipv4_address_has_its_class(value: int) -> None:
    plain = parse_address(str(ipaddress.IPv4Address(value)))
    for text in (f"::ffff:{plain.text}", f"64:ff9b::{plain.text}"):
        found = parse_address(text)
        assert (found.text, found.address_class) == (plain.text, plain.address_class)
    six = parse_address(str(ipaddress.IPv6Address((0x2002 << 112) | (value << 80) | 1)))
    assert (six.value, six.address_class) == (plain.value, plain.address_class)


@given(st.text(max_size=20))
def test_any_text_is_an_address_or_one_value_error(text: str) -> None:
    try:
        found = parse_address(text)
    except ValueError:
        return
    assert parse_address(found.text).text == found.text


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6), st.ip_addresses(v=6, network="2000::/3")))
def test_what_looks_plainly_public_is_public(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if is_plainly_public(str(ip)):
        assert parse_address(str(ip)).address_class is C.PUBLIC
        assert parse_address(str(ip)).form is AddressForm.NATIVE


def test_no_edge_of_a_special_range_looks_plainly_public() -> None:
    edges = [ipaddress.IPv4Address(edge) for low, high, _ in _V4_RANGES for edge in (low, high)]
    more = [ipaddress.IPv6Address(edge) for low, high, _ in _V6_RANGES for edge in (low, high)]
    more += [
        ipaddress.IPv6Address(text) for text in ("2002::", "2002:ffff::1", "64:ff9b::1", "::ffff:8.8.8.8", "4000::")
    ]
    assert not [one for one in (*edges, *more) if is_plainly_public(str(one))]
    assert is_plainly_public("8.8.8.8")
    assert is_plainly_public("2a05:d018::1")


def test_a_book_tells_what_is_outside() -> None:
    book = AddressBook(["8.8.8.8", "10.0.0.1", "2001:0:1::2", "2001:db8::1", "172.32.0.1", "fe80::1", "2600::1"])
    assert [book.is_outside(code) for code in range(len(book))] == [True, False, True, False, True, False, True]


def test_no_addresses_have_empty_columns() -> None:
    empty = Addresses([])
    assert len(empty) == len(empty.v4) == len(empty.v6) == len(empty.v4_values) == len(empty.v6_high) == 0


def test_columns_hold_locatable_addresses_in_order() -> None:
    texts = ["10.0.0.1", "2001:4860::8", "8.8.8.8", "2001:db8::1", "1.1.1.1", "2002:808:808::1"]
    found = Addresses([parse_address(t) for t in texts])
    assert found.v4.tolist() == [2, 4, 5]
    assert found.v4_values.tolist() == [0x08080808, 0x01010101, 0x08080808]
    assert found.v6.tolist() == [1]
    assert (int(found.v6_high[0]) << 64) + int(found.v6_low[0]) == int(ipaddress.IPv6Address("2001:4860::8"))


@pytest.mark.parametrize(
    ("lat", "lon", "radius"),
    [(91.0, 0.0, 1.0), (0.0, 181.0, 1.0), (0.0, 0.0, -1.0), (math.nan, 0.0, 1.0), (0.0, 0.0, math.inf)],
)
def test_a_vantage_that_is_nowhere_is_refused(lat: float, lon: float, radius: float) -> None:
    with pytest.raises(ValueError, match="vantage"):
        Vantage(lat=lat, lon=lon, radius_km=radius)
