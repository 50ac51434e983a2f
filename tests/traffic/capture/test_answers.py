"""DNS answers in captures: over UDP, in fragments, over TCP; what is no DNS; bounds on what they take."""

from __future__ import annotations

import dataclasses
import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.traffic.capture import builder as b
from tests.traffic.capture import messages as m
from tests.traffic.capture.talking import MS, Packet, Talk, Talks, datagram

from residency.limits import LIMITS
from residency.traffic.capture import answers as answers_module

CLIENT, RESOLVER = ("10.0.0.1", 50_000), ("192.0.2.53", 53)


def answer(host: str, *addresses: str, ttl_s: int = 60) -> bytes:
    owner, kind = m.name(host), m.AAAA if ":" in addresses[0] else m.A
    return m.dns([m.question(owner, kind)], [m.record(owner, kind, b.address(one), ttl_s=ttl_s) for one in addresses])


ONE = answer("a.example", "192.0.2.80")
LARGE = answer("large.example", *(f"2001:db8::{n:x}" for n in range(120)))


def test_an_answer_is_the_clients_that_got_it(talks: Talks) -> None:
    query = m.dns([m.question(m.name("a.example"))], flags=0x0100)
    alias = m.record(m.name("a.example"), m.CNAME, m.name("b.example"), ttl_s=30)
    wire = m.dns(
        [m.question(m.name("a.example"))], [alias, m.record(m.name("b.example"), m.A, b.address("192.0.2.80"))]
    )
    talks.rows([datagram(0, query, CLIENT, RESOLVER), datagram(MS, wire, RESOLVER, CLIENT)])
    (row,) = talks.answers()
    assert (row["client_ip"], row["host"], row["address"], row["line"]) == ("10.0.0.1", "a.example", "192.0.2.80", 2)
    assert (row["ttl_s"], row["chain"], row["ts"].microsecond) == (30, ["b.example"], 1_000)


@pytest.mark.parametrize("port", [5_353, 5_355, 137, 443])
def test_other_ports_are_no_dns(talks: Talks, port: int) -> None:
    talks.rows([datagram(0, ONE, ("192.0.2.53", port), CLIENT)])
    assert talks.answers() == []


def test_what_a_client_sends_is_no_answer(talks: Talks) -> None:
    talks.rows([datagram(0, ONE, CLIENT, RESOLVER)])
    assert talks.answers() == []


def test_damage_is_no_answer(talks: Talks) -> None:
    talks.rows([datagram(0, ONE[:-1], RESOLVER, CLIENT), datagram(0, b"\0" * 12, RESOLVER, CLIENT)])
    assert talks.answers() == []


# Fragments


def fragments(wire: bytes, size: int = 1_000, *, ts_ns: int = 0) -> list[Packet]:
    whole = b.udp(wire, *(RESOLVER[1], CLIENT[1]))
    cuts = range(0, len(whole), size)
    return [
        (
            ts_ns + at,
            b.ethernet(
                b.ipv4(
                    whole[at : at + size],
                    b.UDP,
                    RESOLVER[0],
                    CLIENT[0],
                    identification=9,
                    offset=at,
                    more=at + size < len(whole),
                )
            ),
        )
        for at in cuts
    ]


@pytest.mark.parametrize("size", [1, None])
def test_a_fragmented_answer_is_joined(talks: Talks, size: int | None) -> None:
    (row,) = talks.rows(fragments(LARGE), size=size)
    assert len(talks.answers()) == 120
    assert row["bytes_received"] == len(LARGE) + 8


def test_later_fragments_may_change_places(talks: Talks) -> None:
    first, *rest = fragments(LARGE)
    assert len(rest) > 2
    talks.rows([first, *reversed(rest)])
    assert len(talks.answers()) == 120


def test_a_missing_or_overlapping_fragment_gives_no_answer(talks: Talks) -> None:
    parts = fragments(LARGE)
    talks.rows([*parts[:1], *parts[2:]])
    assert talks.answers() == []
    shifted = fragments(b"\xff" * len(LARGE), 1_008)[1]  # lies over the second one
    talks.rows([parts[0], shifted, *parts[1:]])
    assert talks.answers() == []


def test_fragments_of_another_packet_with_the_same_number_are_not_mixed_in(talks: Talks) -> None:
    old, new = fragments(LARGE), fragments(answer("new.example", *(f"2001:db8:1::{n:x}" for n in range(120))))
    talks.rows([old[0], *new])
    assert {row["host"] for row in talks.answers()} == {"new.example"}


# TCP


def framed(*messages: bytes) -> bytes:
    return b"".join(m.vector(one, 2) for one in messages)


@settings(max_examples=40)
@given(st.lists(st.integers(1, 4_000), max_size=8), st.randoms(use_true_random=False), st.integers(1, 4))
def test_messages_of_one_stream_are_read_however_it_is_cut(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], draw: random.Random, size: int
) -> None:
    talks, talk = Talks(tmp_path_factory.mktemp("law")), Talk(server_port=53)
    stream = framed(ONE, LARGE, answer("c.example", "192.0.2.1", "192.0.2.2"))
    edges = sorted({0, len(stream), *(cut % len(stream) for cut in cuts)})
    parts = [talk.received(30 * MS, stream[a:z], seq=1 + a) for a, z in itertools.pairwise(edges)]
    parts += parts[:1]  # one is sent again
    draw.shuffle(parts)
    talks.rows([*talk.handshake(), *parts], size=size)
    assert [row["host"] for row in talks.answers()] == ["a.example"] + ["large.example"] * 120 + ["c.example"] * 2


# Bounds


def test_many_answers_wait_in_a_file(talks: Talks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers_module, "LIMITS", dataclasses.replace(LIMITS, max_answers_in_memory=10))
    hosts = [f"h{n}.example" for n in range(35)]
    talks.rows([datagram(n, answer(host, "192.0.2.80"), RESOLVER, CLIENT) for n, host in enumerate(hosts)])
    assert [row["host"] for row in talks.answers()] == hosts
