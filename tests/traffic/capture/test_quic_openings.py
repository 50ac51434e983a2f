"""Names of QUIC flows. (Their times: see the tests of round trips.)"""

from __future__ import annotations

import pytest
from tests.traffic.capture import initials as q
from tests.traffic.capture import messages as m
from tests.traffic.capture.talking import MS, S, Talks, datagram

from residency.limits import LIMITS

CLIENT, SERVER = ("10.0.0.1", 50_000), ("192.0.2.1", 443)


@pytest.mark.parametrize("version", [q.V1, q.V2])
def test_a_real_client_names_its_flow(talks: Talks, version: int) -> None:
    (first,) = q.real_client("a.example", version=version)
    row = talks.one([datagram(0, first, CLIENT, SERVER)])
    assert (row["host"], row["named_by"], row["answered"]) == ("a.example", "quic", False)


def test_a_hello_over_two_datagrams_is_joined_over_batches(talks: Talks) -> None:
    flight = [datagram(n, data, CLIENT, SERVER) for n, data in enumerate(q.real_client("b.example", is_large=True))]
    assert talks.one(flight, size=1)["host"] == "b.example"
    assert talks.one(flight[::-1], size=1)["host"] == "b.example"
    assert talks.one(flight[:1])["host"] is None


def test_an_outer_name_is_kept_as_such(talks: Talks) -> None:
    hello = m.client_hello(m.server_name(b"front.example"), m.extension(m.ECH, b"\0x"))
    row = talks.one([datagram(0, q.initial(q.crypto(0, hello)), CLIENT, SERVER)])
    assert (row["host"], row["named_by"]) == ("front.example", "ech")


def test_what_comes_from_the_servers_port_names_nothing(talks: Talks) -> None:
    (first,) = q.real_client("a.example")
    row = talks.one([datagram(0, first, SERVER, CLIENT)])
    assert (row["host"], row["server_port"]) == (None, 443)


def test_an_initial_tells_the_client_where_ports_do_not(talks: Talks) -> None:
    (first,) = q.real_client("a.example")
    here, there = ("10.0.0.1", 50_000), ("192.0.2.1", 50_001)
    row = talks.one([datagram(0, b"\x40 short", there, here), datagram(MS, first, here, there)])
    assert (row["host"], row["server_ip"]) == ("a.example", "192.0.2.1")


def test_noise_that_looks_like_quic_is_no_name(talks: Talks) -> None:
    noise = b"\xc3\0\0\0\1" + bytes(range(251)) * 5
    row = talks.one([datagram(n * MS, noise, CLIENT, SERVER) for n in range(30)])
    assert row["host"] is None
    assert not talks.following.quic._connections


def test_connections_of_flows_that_are_over_are_forgotten(talks: Talks) -> None:
    (first, *_) = q.real_client("a.example", is_large=True)
    gap = (LIMITS.udp_idle_s + 1) * S
    talks.rows([datagram(n * gap, first, ("10.0.0.1", 50_000 + n), SERVER) for n in range(20)], size=4)
    assert not talks.following.quic._connections
