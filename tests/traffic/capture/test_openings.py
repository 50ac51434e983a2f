"""Names of TCP flows: hellos and requests, whole, split, reordered, cut, and who may give one."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.traffic.capture import builder as b
from tests.traffic.capture import messages as m
from tests.traffic.capture.talking import MS, Packet, S, Talk, Talks, follow

from residency.limits import LIMITS

HELLO = m.records(m.client_hello(m.server_name(b"a.example"), m.extension(21, bytes(600))))
REQUEST = b"GET / HTTP/1.1\r\nHost: h.example\r\nUser-Agent: test\r\n\r\n"


def segments(talk: Talk, payload: bytes, cuts: list[int], start_ns: int = 30 * MS) -> list[Packet]:
    """Return a payload of the client's stream cut at these places."""
    edges = [0, *sorted(cuts), len(payload)]
    pairs = itertools.pairwise(edges)
    return [talk.sent(start_ns + n, payload[a:z], seq=1 + a) for n, (a, z) in enumerate(pairs) if a < z]


@pytest.mark.parametrize(
    ("payload", "host", "named_by"),
    [
        (HELLO, "a.example", "sni"),
        (REQUEST, "h.example", "http"),
        (m.records(m.client_hello(m.server_name(b"f.example"), m.extension(m.ECH, b"\0x"))), "f.example", "ech"),
        (m.records(m.client_hello()), None, None),
        (m.records(m.client_hello(m.server_name(b"192.0.2.7"))), None, None),
        (m.records(m.client_hello(m.server_name(b"no such name"))), None, None),
        (b"GET / HTTP/1.0\r\n\r\n", None, None),
        (b"SSH-2.0-x\r\n", None, None),
        (b"\x16\3\1\0\5hello", None, None),
    ],
)
def test_an_opening_names_its_flow(talks: Talks, payload: bytes, host: str | None, named_by: str | None) -> None:
    talk = Talk()
    row = talks.one([*talk.handshake(), talk.sent(30 * MS, payload)])
    assert (row["host"], row["named_by"]) == (host, named_by)


@settings(max_examples=60)
@given(
    st.sampled_from([HELLO, m.records(m.client_hello(m.server_name(b"a.example")), [1, 2, 50]), REQUEST]),
    st.lists(st.integers(1, 600), max_size=6),
    st.randoms(use_true_random=False),
    st.integers(1, 5),
)
def test_neither_cuts_nor_order_nor_batches_change_a_name(
    tmp_path_factory: pytest.TempPathFactory, payload: bytes, cuts: list[int], draw: random.Random, size: int
) -> None:
    talks, talk = Talks(tmp_path_factory.mktemp("law")), Talk()
    parts = segments(talk, payload, [cut % len(payload) for cut in cuts])
    draw.shuffle(parts)
    row = talks.one([*talk.handshake(), *parts], size=size)
    assert row["host"] == ("h.example" if payload is REQUEST else "a.example")


@pytest.mark.parametrize("first", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(("payload", "host"), [(REQUEST, "h.example"), (HELLO, "a.example")])
def test_a_first_segment_may_be_a_few_bytes(talks: Talks, payload: bytes, host: str, first: int) -> None:
    talk = Talk()
    assert talks.one([*talk.handshake(), *segments(talk, payload, [first])])["host"] == host


def test_a_name_after_starttls_counts(talks: Talks) -> None:
    talk = Talk(server_port=25)
    before = [talk.received(30 * MS, b"220 ready\r\n"), talk.sent(31 * MS, b"STARTTLS\r\n")]
    row = talks.one([*talk.handshake(), *before, talk.sent(60 * MS, HELLO, seq=11)])
    assert (row["host"], row["named_by"]) == ("a.example", "sni")


def test_the_first_name_stays(talks: Talks) -> None:
    talk = Talk()
    again = m.records(m.client_hello(m.server_name(b"b.example")))
    row = talks.one([*talk.handshake(), talk.sent(30 * MS, HELLO), talk.sent(S, again, seq=1 + len(HELLO))])
    assert row["host"] == "a.example"


def test_a_later_request_names_a_flow_whose_start_was_not_captured(talks: Talks) -> None:
    row = talks.one([Talk(server_port=80).sent(0, REQUEST, seq=9_999)])
    assert (row["host"], row["server_port"]) == ("h.example", 80)


def test_what_a_server_says_names_nothing(talks: Talks) -> None:
    talk = Talk()
    assert talks.one([*talk.handshake(), talk.received(30 * MS, HELLO)])["host"] is None
    row = talks.one([talk.received(0, HELLO)])  # without a handshake its port tells
    assert (row["host"], row["server_port"]) == (None, 443)


def test_a_hello_tells_the_client_where_ports_do_not(talks: Talks) -> None:
    talk = Talk(client_port=50_000, server_port=50_001)
    row = talks.one([talk.received(0, b"before"), talk.sent(MS, HELLO)])
    assert (row["server_port"], row["host"]) == (50_001, "a.example")


def test_a_proxy_is_not_the_host_that_was_asked_for(talks: Talks) -> None:
    talk = Talk(server_port=3_128)
    asked = b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n"
    row = talks.one([*talk.handshake(), talk.sent(30 * MS, asked), talk.sent(S, HELLO, seq=1 + len(asked))])
    assert (row["host"], row["named_by"], row["rtt_kind"]) == (None, None, "syn")
    assert talks.following.warnings() == ["1 flow is not named: a proxy was asked, so the server is not the host"]


def test_data_in_the_syn_is_the_start_of_the_stream(talks: Talks) -> None:
    talk = Talk(server_port=80)
    opening = talk.sent(0, REQUEST[:20], flags=b.SYN, seq=0)
    row = talks.one([opening, talk.syn_ack(20 * MS), talk.sent(21 * MS, REQUEST[20:], seq=21)])
    assert row["host"] == "h.example"


def test_a_capture_of_the_first_bytes_loses_the_name_and_says_so(talks: Talks, tmp_path: object) -> None:
    from pathlib import Path

    talk, path = Talk(), Path(str(tmp_path)) / "cut.pcap"
    records = [
        b.Record(ts_ns, frame[:96], wire_bytes=len(frame)) for ts_ns, frame in (talk.syn(0), talk.sent(MS, HELLO))
    ]
    path.write_bytes(b.pcap(records))
    following, (row,) = follow(path)
    assert row["host"] is None
    assert following.warnings() == ["1 flow lost its name since the capture kept only the first bytes of packets"]


def test_an_opening_that_never_ends_is_given_up(talks: Talks) -> None:
    talk, endless = Talk(server_port=80), b"GET / HTTP/1.1\r\nX: " + b"x" * (2 * LIMITS.max_opening_bytes)
    row = talks.one([*talk.handshake(), *segments(talk, endless, list(range(0, len(endless), 1_400)))])
    assert row["host"] is None
    assert not talks.following.openings._streams


def test_openings_of_flows_that_are_over_are_forgotten(talks: Talks) -> None:
    gap = (LIMITS.tcp_idle_s + 1) * S
    packets = [Talk(client_port=40_000 + n).sent(n * gap, HELLO[:100]) for n in range(20)]
    talks.rows(packets, size=3)
    assert not talks.following.openings._streams
