"""Conversations: what one is, when it ends, who is its client, and that the cutting into batches changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.traffic.capture import builder as b
from tests.traffic.capture.talking import MS, Packet, Row, S, Talk, Talks, datagram

from residency.limits import LIMITS

CLIENT, SERVER = ("10.0.0.1", 50_000), ("192.0.2.1", 4_433)


def ends(row: Row) -> tuple[str, str, int | None]:
    return row["client_ip"], row["server_ip"], row["server_port"]


# One conversation


def test_both_ways_are_one_flow_with_the_bytes_of_ip(talks: Talks) -> None:
    talk = Talk()
    row = talks.one([*talk.handshake(), talk.sent(30 * MS, b"hello"), talk.received(50 * MS, b"world!!")])
    assert ends(row) == ("10.0.0.1", "192.0.2.1", 443)
    assert (row["proto"], row["client_port"], row["flows"], row["line"]) == ("tcp", 40_000, 1, 1)
    assert (row["bytes_sent"], row["bytes_received"]) == (20 * 3 + 5, 20 * 2 + 7)
    assert row["answered"] is True
    assert (row["ended"] - row["ts"]).total_seconds() == 0.05


def test_bytes_are_what_the_headers_declare_where_the_capture_cut_them(talks: Talks, tmp_path: Path) -> None:
    talk = Talk()
    ts_ns, frame = talk.received(0, bytes(1_400))
    path = tmp_path / "cut.pcap"
    path.write_bytes(b.pcap([b.Record(ts_ns, frame[:64], wire_bytes=len(frame))]))
    from tests.traffic.capture.talking import follow

    _, (row,) = follow(path)
    assert row["bytes_received"] == 1_420
    assert row["answered"] is True


def test_an_unanswered_syn_is_a_flow_that_was_not_answered(talks: Talks) -> None:
    row = talks.one([Talk().syn(0), Talk().syn(S)])
    assert (row["answered"], row["bytes_received"]) == (False, 0)


def test_a_handshake_alone_is_no_answer(talks: Talks) -> None:
    assert talks.one(Talk().handshake())["answered"] is False


def test_a_client_that_acknowledges_what_was_not_captured_leaves_the_answer_open(talks: Talks) -> None:
    talk = Talk()
    assert talks.one([talk.syn(0), talk.sent(20 * MS), talk.sent(30 * MS, b"GET")])["answered"] is None


def test_other_protocols_are_flows_by_address_pair_and_their_answers_are_not_guessed(talks: Talks) -> None:
    there = (0, b.ethernet(b.ipv4(b"esp-" * 5, 50, "10.0.0.1", "192.0.2.1")))
    back = (MS, b.ethernet(b.ipv4(b"esp-" * 5, 50, "192.0.2.1", "10.0.0.1")))
    row = talks.one([there, back])
    assert (row["proto"], row["server_ip"], row["server_port"], row["answered"]) == ("esp", "192.0.2.1", None, None)
    assert talks.one([there])["answered"] is False


def test_an_echo_is_answered_by_its_reply(talks: Talks) -> None:
    there = (0, b.ethernet(b.ipv4(bytes(16), 1, "10.0.0.1", "192.0.2.1")))
    back = (MS, b.ethernet(b.ipv4(bytes(16), 1, "192.0.2.1", "10.0.0.1")))
    row = talks.one([there, back])
    assert (row["proto"], row["bytes_sent"], row["bytes_received"], row["answered"]) == ("icmp", 16, 16, True)


# Who is the client


def test_the_caller_is_the_client_whatever_the_ports_say(talks: Talks) -> None:
    talk = Talk(client_port=80, server_port=50_000)
    assert ends(talks.one([*talk.handshake(), talk.sent(S, b"x")])) == ("10.0.0.1", "192.0.2.1", 50_000)


def test_a_syn_ack_tells_the_client_where_the_syn_is_missing(talks: Talks) -> None:
    talk = Talk(client_port=80, server_port=50_000)
    assert talks.one([talk.syn_ack(0), talk.sent(MS)])["server_port"] == 50_000


@pytest.mark.parametrize(
    ("sender", "receiver", "server"),
    [
        (443, 50_000, 443),  # a well-known port, though its side was seen first
        (8_443, 50_000, 8_443),  # below the ports that clients are given
        (50_000, 8_443, 8_443),
        (40_000, 50_000, 50_000),  # alike: the first packet went to the server
        (123, 123, 123),
    ],
)
def test_without_a_handshake_the_port_decides_then_the_first_packet(
    talks: Talks, sender: int, receiver: int, server: int
) -> None:
    row = talks.one([datagram(0, b"x", ("10.0.0.1", sender), ("192.0.2.1", receiver))])
    assert row["server_port"] == server
    assert row["server_ip"] == ("10.0.0.1" if (sender, server) == (443, 443) or sender == 8_443 else "192.0.2.1")


def test_a_server_first_protocol_has_its_caller_as_client(talks: Talks) -> None:
    talk = Talk(server_port=25)
    row = talks.one([*talk.handshake(), talk.received(40 * MS, b"220 mail.example ESMTP\r\n")])
    assert ends(row) == ("10.0.0.1", "192.0.2.1", 25)
    assert row["answered"] is True


# Where one ends and the next begins


def test_udp_that_was_silent_for_longer_than_its_timeout_is_another_flow(talks: Talks) -> None:
    gap = LIMITS.udp_idle_s * S
    packets = [datagram(ts_ns, b"x", CLIENT, SERVER) for ts_ns in (0, gap, 2 * gap + 1)]
    assert [row["line"] for row in talks.rows(packets)] == [1, 3]


def test_tcp_may_be_silent_for_its_own_timeout(talks: Talks) -> None:
    talk, gap = Talk(), LIMITS.tcp_idle_s * S
    packets = [*talk.handshake(), talk.sent(gap, b"a"), talk.sent(2 * gap, b"b"), talk.sent(3 * gap + 1, b"c")]
    assert [row["line"] for row in talks.rows(packets)] == [1, 6]


def test_a_syn_with_another_number_opens_a_flow_and_one_with_the_same_does_not(talks: Talks) -> None:
    first, second = Talk(), Talk(mine=777_000)
    packets = [*first.handshake(), first.sent(S, b"a"), first.syn(S + 1), *second.handshake(2 * S), second.sent(3 * S)]
    rows = talks.rows(packets)
    assert [row["line"] for row in rows] == [1, 6]
    assert rows[1]["bytes_sent"] == 60


def test_a_connection_begun_before_the_capture_ends_with_the_next_syn(talks: Talks) -> None:
    talk = Talk()
    assert [row["line"] for row in talks.rows([talk.sent(0, b"a", seq=500), *talk.handshake(MS)])] == [1, 2]


def test_the_syn_after_its_own_syn_ack_is_of_the_same_flow(talks: Talks) -> None:
    talk = Talk()
    row = talks.one([talk.syn_ack(0), talk.syn(1), talk.sent(2)])
    assert (row["client_ip"], row["rtt_syn_ms"]) == ("10.0.0.1", None)


@pytest.mark.parametrize("ending", ["reset", "both fins"])
def test_a_closed_connection_lingers_and_what_comes_later_is_another_flow(talks: Talks, ending: str) -> None:
    talk, linger = Talk(), LIMITS.tcp_closed_s * S
    if ending == "reset":
        last = [talk.received(S, flags=b.RST)]
    else:
        last = [talk.sent(S - 1, flags=b.FIN | b.ACK), talk.received(S, flags=b.FIN | b.ACK)]
    late = [talk.sent(S + linger, b"late"), talk.sent(S + 2 * linger + 1, b"stray")]
    rows = talks.rows([*talk.handshake(), *last, *late])
    assert [row["line"] for row in rows] == [1, 3 + len(last) + 2]


def test_a_half_closed_connection_is_not_closed(talks: Talks) -> None:
    talk = Talk()
    packets = [*talk.handshake(), talk.sent(S, flags=b.FIN | b.ACK), talk.received(100 * S, b"the rest")]
    assert len(talks.rows(packets)) == 1


def test_a_stray_after_the_close_is_judged_anew(talks: Talks) -> None:
    talk, step = Talk(), (LIMITS.tcp_closed_s + 1) * S
    strays = [talk.sent(n * step, b"x") for n in (1, 2, 3)]  # none of them closes anything
    rows = talks.rows([*talk.handshake(), talk.received(MS * 30, flags=b.RST), *strays])
    assert [row["line"] for row in rows] == [1, 5]


def test_time_that_goes_back_opens_nothing(talks: Talks) -> None:
    packets = [datagram(ts_ns, b"x", CLIENT, SERVER) for ts_ns in (500 * S, 0, 400 * S)]
    row = talks.one(packets)
    assert row["ended"] >= row["ts"]


# Tunnels and fragments


def test_one_inner_conversation_in_and_beside_a_tunnel_are_two_flows_and_its_ways_one(talks: Talks) -> None:
    def tunnelled(ts_ns: int, inner: bytes, src: str, dst: str) -> Packet:
        return ts_ns, b.ethernet(b.ipv4(b.gre(inner, b.IPV4), 47, src, dst))

    there = b.ipv4(b.udp(b"ask", 50_000, 53), b.UDP, "10.0.0.1", "192.0.2.1")
    back = b.ipv4(b.udp(b"told", 53, 50_000), b.UDP, "192.0.2.1", "10.0.0.1")
    inside = [tunnelled(0, there, "198.51.100.1", "198.51.100.2"), tunnelled(1, back, "198.51.100.2", "198.51.100.1")]
    rows = talks.rows([*inside, (2, b.ethernet(there))])
    assert [(row["tunnel"], row["bytes_received"]) for row in rows] == [
        ("gre 198.51.100.1 > 198.51.100.2", 12),
        (None, 0),
    ]


def test_later_fragments_count_in_the_flow_of_the_first(talks: Talks) -> None:
    whole = b.udp(bytes(3_000), 2_000, 50_000)
    cuts = [(0, 1_480), (1_480, 2_960), (2_960, len(whole))]
    packets = [
        (
            n,
            b.ethernet(
                b.ipv4(whole[start:end], b.UDP, "192.0.2.1", "10.0.0.1", identification=7, offset=start, more=n < 2)
            ),
        )
        for n, (start, end) in enumerate(cuts)
    ]
    row = talks.one(packets)
    assert (row["server_port"], row["bytes_received"]) == (2_000, len(whole))


def test_a_later_fragment_of_an_unknown_packet_keeps_no_port(talks: Talks) -> None:
    lone = (0, b.ethernet(b.ipv4(bytes(100), b.UDP, identification=7, offset=1_480)))
    row = talks.one([lone])
    assert (row["server_port"], row["bytes_sent"]) == (None, 100)


# Bounds


def test_no_more_flows_are_open_than_allowed_and_the_cut_is_said(talks: Talks) -> None:
    packets = [datagram(n * MS, b"x", ("10.0.0.1", 50_000 + n), SERVER) for n in range(50)]
    rows = talks.rows(packets, size=5, max_open_flows=10)
    assert len(rows) == 50
    assert talks.following.conversations.evicted == 40
    assert talks.following.warnings() == ["40 flows were cut: too many were open at once"]


def test_slots_are_given_back(talks: Talks) -> None:
    gap = (LIMITS.udp_idle_s + 1) * S
    packets = [datagram(n * gap, b"x", ("10.0.0.1", 50_000 + n % 9), SERVER) for n in range(500)]
    assert len(talks.rows(packets, size=10)) == 500
    assert talks.following.conversations.slots.capacity == 4_096


# The law


steps = st.tuples(
    st.integers(0, 2),  # which pair of ports
    st.sampled_from(["syn", "syn_ack", "sent", "received", "fin", "fin_back", "reset", "udp"]),
    st.sampled_from([0, 1, 2, 3]),  # which sequence numbers
    st.sampled_from([0, MS, 29 * S, 31 * S, 119 * S, 121 * S, 301 * S, -5 * S]),  # since the last packet
)


@settings(max_examples=150)
@given(st.lists(steps, max_size=40), st.integers(1, 7))
def test_the_size_of_batches_changes_no_row(
    tmp_path_factory: pytest.TempPathFactory, script: list[tuple[int, str, int, int]], size: int
) -> None:
    talks = Talks(tmp_path_factory.mktemp("law"))
    packets, now = [], 1_000 * S
    for pair, what, number, gap in script:
        now += gap
        talk = Talk(client_port=40_000 + pair, mine=1_000_000 * number, server_port=443 if pair else 45_000)
        packets.append(packet_of(talk, what, now))
    assert talks.rows(packets, size=size) == talks.rows(packets)


def packet_of(talk: Talk, what: str, now: int) -> Packet:
    if what == "udp":
        return datagram(now, b"x", CLIENT, SERVER)
    hello = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
    made = {
        "syn": lambda: talk.syn(now),
        "syn_ack": lambda: talk.syn_ack(now),
        "sent": lambda: talk.sent(now, hello),
        "received": lambda: talk.received(now, b"y"),
        "fin": lambda: talk.sent(now, flags=b.FIN | b.ACK),
        "fin_back": lambda: talk.received(now, flags=b.FIN | b.ACK),
        "reset": lambda: talk.received(now, flags=b.RST),
    }
    return made[what]()
