"""ClientHello and ServerHello: made by a real TLS library, cut in every way, damaged, and from real captures."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.traffic.capture.messages import (
    ECH,
    alpn,
    client_hello,
    extension,
    real_client_hello,
    records,
    server_hello,
    server_name,
    vector,
)
from tests.traffic.capture.real_payloads import reading_of, segments

from residency.limits import LIMITS
from residency.traffic.capture.hello import MORE, Hello, More, ServerHello
from residency.traffic.capture.tls import read_client_hello, read_server_hello

RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
GIVEN = client_hello(extension(10, b"\0\2\0\x1d"), server_name(b"a.example"), alpn(b"h2"))


def hello_of(data: bytes) -> Hello:
    """The hello in `data`, which must be whole."""
    found = read_client_hello(data)
    assert isinstance(found, Hello)
    return found


def test_what_a_real_client_sends_is_read() -> None:
    sent = real_client_hello("data.hr.example")
    assert hello_of(sent) == Hello(
        sni="data.hr.example", is_outer=False, alpn=("h2", "http/1.1"), length=len(sent), fault=None
    )


def test_every_beginning_of_a_hello_asks_for_more() -> None:
    sent = real_client_hello("data.hr.example")
    assert {read_client_hello(sent[:cut]) for cut in range(len(sent))} == {MORE}


def test_bytes_behind_the_hello_change_nothing() -> None:
    sent = real_client_hello("data.hr.example")
    assert hello_of(sent + b"\x14\x03\x03\0\1\1" + b"GET /") == hello_of(sent)
    assert hello_of(memoryview(sent).tobytes()) == read_client_hello(memoryview(sent))


@given(sizes=st.lists(st.integers(1, 60), max_size=12), cut=st.integers(0, 400))
def test_records_of_any_size_hold_the_same_hello(sizes: list[int], cut: int) -> None:
    data = records(GIVEN, sizes)
    whole = hello_of(data)
    assert (whole.sni, whole.alpn, whole.length) == ("a.example", ("h2",), len(data))
    assert read_client_hello(data[:cut]) == (whole if cut >= len(data) else MORE)


def test_the_hello_ends_within_a_record_that_holds_more() -> None:
    data = records(GIVEN + b"\x0b\0\0\0")
    assert hello_of(data).length == len(data) - 4
    assert hello_of(data[:-4]).sni == "a.example"


@pytest.mark.parametrize(
    ("extensions", "sni", "fault"),
    [
        ((), None, None),
        ((server_name(b"A.Example."),), "A.Example.", None),
        ((server_name(b"a.example", b"b.example"),), "a.example", None),
        ((server_name(b"x", kind=1),), None, "without a host name"),
        ((server_name(),), None, "without a host name"),
        ((server_name(b""),), None, "0 bytes"),
        ((server_name(b"a" * 255),), "a" * 255, None),
        ((server_name(b"a" * 256),), None, "256 bytes"),
        ((server_name("münchen.example".encode()),), None, "not ASCII"),
        ((server_name(b"a.example"), server_name(b"b.example")), None, "several"),
        ((extension(0, b""),), None, "add up"),
        ((extension(0, b"\0\5\0\0\5ab"),), None, "add up"),
        ((extension(0, vector(b"\0" + vector(b"ab", 2), 2) + b"x"),), None, "add up"),
    ],
)
def test_the_server_name(extensions: tuple[bytes, ...], sni: str | None, fault: str | None) -> None:
    found = hello_of(records(client_hello(*extensions)))
    assert found.sni == sni
    assert (found.fault or "").find(fault or "") >= 0
    assert (found.fault is None) is (fault is None)


def test_a_hello_without_extensions_has_no_name() -> None:
    assert hello_of(records(client_hello(has_extensions=False))).sni is None


@pytest.mark.parametrize(
    ("payload", "is_outer"), [(b"\0\0\1\0\1\x20", True), (b"\1", False), (b"", False), (b"\2\0", False)]
)
def test_an_encrypted_hello_of_type_outer_makes_the_name_the_fronts(payload: bytes, is_outer: bool) -> None:
    assert hello_of(records(client_hello(server_name(b"front.example"), extension(ECH, payload)))).is_outer is is_outer
    # The byte that would say "outer" belongs to the next extension.
    assert not hello_of(records(client_hello(extension(ECH, b""), server_name(b"front.example")))).is_outer


def test_protocols_that_cannot_be_read_are_none() -> None:
    assert hello_of(records(client_hello(extension(16, b"\0\4\3h2")))).alpn == ()
    assert hello_of(records(client_hello(alpn(b"\xff\n")))).alpn == ("ÿ\n",)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x16\x02\x00",
        b"\x15\x03\x01\0\2\2\x28",
        b"\x16\x03\x01\0\0",  # an empty fragment
        b"\x16\x03\x01\x40\x01\1",  # over 2^14
        records(server_hello()),
        records(client_hello(tail=b"x")),
        records(client_hello(extension(0, b"", length=9))),
        records(client_hello(b"\0")),
        records(b"\1" + vector(b"\3\3" + bytes(32), 3)),
        records(b"\1" + vector(b"", 3)),
        records(GIVEN, [20])[:25] + b"\x14\x03\x01\0\1\1",  # another record in the middle of the hello
        b"\x16\x03\x01\0\4\1\1\0\0",  # a hello of 64 KiB and more
    ],
)
def test_what_is_no_hello_is_none(data: bytes) -> None:
    assert read_client_hello(data) is None


def test_the_number_of_records_is_bounded() -> None:
    big = client_hello(extension(21, bytes(LIMITS.max_hello_records)))
    assert read_client_hello(records(big, [1] * len(big))) is None
    assert isinstance(read_client_hello(records(big, [2] * len(big))), Hello)


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (records(server_hello()), ServerHello(is_retry=False)),
        (records(server_hello(), [1, 2, 3, 30]), ServerHello(is_retry=False)),
        (records(server_hello(RETRY)), ServerHello(is_retry=True)),
        (records(server_hello(RETRY))[:42], MORE),
        (records(server_hello(RETRY))[:43], ServerHello(is_retry=True)),
        (b"", MORE),
        (b"\x16", MORE),
        (b"\x16\x03\x03\0\x7a", MORE),
        (b"\x15\x03\x01\0\2\2\x28", None),
        (b"HTTP/1.1 400 Bad", None),
        (records(GIVEN), None),
    ],
)
def test_the_start_of_a_server_hello(data: bytes, outcome: ServerHello | More | None) -> None:
    assert read_server_hello(data) == outcome


@given(data=st.binary(max_size=200), at=st.integers(0, 150))
def test_any_bytes_have_an_outcome(data: bytes, at: int) -> None:
    for given_ in (data, records(GIVEN)[:at] + data):
        assert isinstance(read_client_hello(given_), Hello | More | None)
        assert isinstance(read_server_hello(given_), ServerHello | More | None)


# Names that tshark counts and the first hello of a TCP stream does not hold, each with its reason.
ELSEWHERE = {
    "ipfixprobe_tls.pcap": {"signaler-pa.clients6.google.com": 1},  # that one is in a QUIC Initial
    "reddit.pcap": {"cdn.syndication.twimg.com": 1},  # the second hello of one stream, after a HelloRetryRequest
}
REAL = [
    "tls_ech.pcapng",
    "ipfixprobe_tls.pcap",
    "reddit.pcap",
    "vk.pcapng",
    "yandex.pcapng",
    "weibo.pcap",
    "instagram.pcap",
    "netflix.pcap",
    "http_ipv6.pcap",
    "zoom.pcap",
    "tor.pcap",
    "vxlan.pcap",
]


@pytest.mark.parametrize("name", REAL)
def test_the_names_of_real_captures_are_those_of_tshark(name: str) -> None:
    hellos = [read_client_hello(b"".join(parts)[:20_000]) for parts in segments(name).values()]
    found = Counter(hello.sni for hello in hellos if isinstance(hello, Hello) and hello.sni is not None)
    assert found + Counter(ELSEWHERE.get(name, {})) == reading_of(name)["sni"]


def test_hellos_in_the_smallest_of_records_are_read() -> None:
    name = "wireshark_tls-fragmented-handshakes.pcap.gz"
    streams = [b"".join(parts) for parts in segments(name).values()]
    hellos = [hello for stream in streams if isinstance(hello := read_client_hello(stream), Hello)]
    assert len(hellos) == len(streams) == 100
