"""The host of a first request: what may be believed, what may not, and how much is read for it."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.traffic.capture.real_payloads import segments, tshark

from residency.limits import LIMITS
from residency.traffic.capture.hello import MORE, More
from residency.traffic.capture.http import Request, read_request

PLAIN = b"GET /a?b HTTP/1.1\r\nUser-Agent: x\r\nHost: data.hr.example:8080\r\nAccept: */*\r\n\r\n"


def request_of(data: bytes) -> Request:
    """The request in `data`, which must be whole."""
    found = read_request(data)
    assert isinstance(found, Request)
    return found


@pytest.mark.parametrize(
    ("head", "host"),
    [
        (PLAIN, "data.hr.example"),
        (b"\r\n" + PLAIN, "data.hr.example"),
        (PLAIN.replace(b"\r\n", b"\n"), "data.hr.example"),
        (PLAIN.replace(b"Host:", b"hOST:\t "), "data.hr.example"),
        (PLAIN.replace(b":8080", b""), "data.hr.example"),
        (PLAIN.replace(b":8080", b":"), "data.hr.example"),
        (PLAIN + b"Host: other.example\r\n\r\n", "data.hr.example"),
        (b"OPTIONS * HTTP/1.1\r\nHost: A.example.\r\n\r\n", "A.example."),
        (b"M-SEARCH * HTTP/1.1\r\nHOST:239.255.255.250:1900\r\n\r\n", "239.255.255.250"),
        (b"GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", "[2001:db8::1]"),
        (b"GET / HTTP/1.0\r\nHost: a_b.example\r\n\r\n", "a_b.example"),
        (b"GET /\xff HTTP/1.1\r\nHost: a.example\r\n\r\n", "a.example"),
    ],
)
def test_the_host_without_its_port(head: bytes, host: str) -> None:
    assert read_request(head) == Request(host=host)


@pytest.mark.parametrize(
    ("head", "host"),
    [
        (b"GET http://Far.example:80/x HTTP/1.1\r\nHost: near.example\r\n\r\n", "Far.example"),
        (b"GET http://user@far.example?q HTTP/1.1\r\nHost: near.example\r\n\r\n", "far.example"),
        (b"GET https://far.example HTTP/1.0\r\n\r\n", "far.example"),
        (b"CONNECT far.example:443 HTTP/1.1\r\nHost: near.example\r\n\r\n", "far.example"),
        (b"CONNECT /x HTTP/1.1\r\n\r\n", None),
    ],
)
def test_a_target_that_names_the_host_is_said_to_a_proxy(head: bytes, host: str | None) -> None:
    found = request_of(head)
    assert (found.host, found.is_for_proxy) == (host, True)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        (b"Accept: */*", "no Host"),
        (b"Host: a.example\r\nHost: b.example", "several"),
        (b"Host: a.example\r\nhost: a.example", "several"),
        (b"Host:", "no name"),
        (b"Host: a.example, b.example", "no name"),
        (b"Host: a.example/x", "no name"),
        (b"Host: user@a.example", "no name"),
        (b"Host: a.example:80:90", "no name"),
        (b"Host: a.example:123456", "no name"),
        (b"Host: a\rHost: b", "no name"),
        (b"Host: <img onerror=x>", "no name"),
        (b"Host: m\xc3\xbcnchen.example", "no name"),
        (b"Host: a.exa\0mple", "no name"),
        (b"Host: " + b"a" * 256, "no name"),
        (b"Host : a.example", "white space"),
        (b" Host: a.example", "white space"),
        (b"X: y\r\n Host: a.example", "white space"),
        (b"Host: a.\r\n example", "folded"),
    ],
)
def test_a_host_that_cannot_be_believed_is_none(fields: bytes, fault: str) -> None:
    found = request_of(b"GET / HTTP/1.1\r\n" + fields + b"\r\n\r\n")
    assert found.host is None
    assert fault in (found.fault or "")


@pytest.mark.parametrize(
    "data",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"EHLO mail.example\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"\x16\x03\x01\2\0\1",
        b"get / HTTP/1.1\r\nHost: a.example\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: a.example\r\n\r\n",
        b"GET / HTTP/1.10\r\n\r\n",
        b"GET /" + b"a" * LIMITS.max_http_header_bytes,
        b"G" * 30,
    ],
)
def test_what_is_no_request_is_none(data: bytes) -> None:
    assert read_request(data) is None


@given(cut=st.integers(0, len(PLAIN) - 1))
def test_every_beginning_of_a_request_asks_for_more(cut: int) -> None:
    assert read_request(PLAIN[:cut]) is MORE
    assert read_request(memoryview(PLAIN + b"body")[: len(PLAIN) + cut]) == read_request(PLAIN)


def test_a_header_over_the_cap_has_no_host() -> None:
    cap = LIMITS.max_http_header_bytes
    long = b"GET / HTTP/1.1\r\nHost: a.example\r\nCookie: " + b"c" * cap
    assert read_request(long[:cap]) is MORE
    assert request_of(long).host is None
    fits = b"GET / HTTP/1.1\r\nHost: a.example\r\nCookie: "
    fits += b"c" * (cap - len(fits) - 4) + b"\r\n\r\n"
    assert request_of(fits + b"body" * cap).host == "a.example"


@given(data=st.binary(max_size=200), at=st.integers(0, len(PLAIN)))
def test_any_bytes_have_an_outcome(data: bytes, at: int) -> None:
    for given_ in (data, PLAIN[:at] + data + PLAIN[at:]):
        found = read_request(given_)
        assert found is None or found is MORE or isinstance(found, Request)
        assert not isinstance(found, Request) or (found.host is None) is (found.fault is not None)


@pytest.mark.parametrize("name", ["http_ipv6.pcap", "instagram.pcap", "netflix.pcap", "weibo.pcap", "zoom.pcap"])
def test_the_hosts_of_real_captures_are_those_of_tshark(name: str) -> None:
    first: dict[str, str] = {}
    for stream, host in tshark(name, "http.request and tcp", "tcp.stream", "http.host"):
        first.setdefault(stream, host.partition(":")[0])
    found = {
        stream: request.host
        for (stream, _), parts in segments(name).items()
        if isinstance(request := read_request(b"".join(parts)[: 20 << 10]), Request) and request.host is not None
    }
    assert Counter(found) == Counter({stream: host for stream, host in first.items() if host})


def test_more_is_the_only_unfinished_outcome() -> None:
    assert list(More) == [MORE]
