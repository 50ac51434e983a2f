"""Round trips: clean ones to the nanosecond, none where something was sent again, never one that is too short."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.traffic.capture import builder as b
from tests.traffic.capture import initials as q
from tests.traffic.capture import messages as m
from tests.traffic.capture.talking import MS, Packet, S, Talk, Talks, datagram

from residency.limits import LIMITS

COPY = LIMITS.capture_copy_us * 1_000
HELLO = m.records(m.client_hello(m.server_name(b"a.example")))
SERVER_HELLO = m.records(m.server_hello()) + b"\x17\3\3\0\x20" + bytes(32)
RETRY = m.records(m.server_hello(bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")))
CLIENT, SERVER = ("10.0.0.1", 50_000), ("192.0.2.1", 443)


def tls(talk: Talk, start_ns: int, rtt_ns: int) -> list[Packet]:
    """The hello of each side."""
    return [talk.sent(start_ns, HELLO), talk.received(start_ns + rtt_ns, SERVER_HELLO, ack=1 + len(HELLO))]


# SYN to SYN/ACK


def test_a_clean_handshake_gives_its_time_to_the_nanosecond(talks: Talks) -> None:
    row = talks.one(Talk().handshake(rtt_ns=12_345_678))
    assert (row["rtt_syn_ms"], row["rtt_ms"], row["rtt_kind"]) == (12.345678, 12.345678, "syn")
    assert (row["rtt_resolution_us"], row["rtt_from"]) == (0.001, "client")


def test_a_syn_sent_again_gives_no_time(talks: Talks) -> None:
    talk = Talk()
    row = talks.one([talk.syn(0), talk.syn(S), talk.syn_ack(S + 20 * MS)])
    assert (row["rtt_ms"], row["rtt_kind"], row["rtt_resolution_us"], row["rtt_from"]) == (None, None, None, None)


def test_a_syn_that_comes_again_after_its_answer_falsifies_nothing(talks: Talks) -> None:
    talk = Talk()
    assert talks.one([talk.syn(0), talk.syn_ack(20 * MS), talk.syn(S)])["rtt_syn_ms"] == 20


def test_a_syn_ack_sent_again_counts_once(talks: Talks) -> None:
    talk = Talk()
    assert talks.one([talk.syn(0), talk.syn_ack(20 * MS), talk.syn_ack(S)])["rtt_syn_ms"] == 20


def test_packets_captured_twice_give_the_longest_reading(talks: Talks) -> None:
    talk, late = Talk(), COPY // 2
    packets = [talk.syn(0), talk.syn(late), talk.syn_ack(20 * MS), talk.syn_ack(20 * MS + late), talk.sent(21 * MS)]
    assert talks.one(packets)["rtt_syn_ms"] == 20


def test_a_syn_ack_of_another_syn_is_no_answer(talks: Talks) -> None:
    talk = Talk()
    wrong = talk.received(5 * MS, flags=b.SYN | b.ACK, seq=0, ack=7)
    assert talks.one([talk.syn(0), wrong])["rtt_syn_ms"] is None


def test_sequence_numbers_wrap(talks: Talks) -> None:
    assert talks.one(Talk(mine=2**32 - 1).handshake())["rtt_syn_ms"] == 20


def test_a_time_that_is_not_above_zero_is_none(talks: Talks) -> None:
    talk = Talk()
    for answer_ns in (0, -MS):
        assert talks.one([talk.syn(0), talk.syn_ack(answer_ns)])["rtt_ms"] is None


def test_each_flow_of_reused_ports_has_its_own_time(talks: Talks) -> None:
    rows = talks.rows([*Talk().handshake(), *Talk(mine=5_000_000).handshake(S, 7 * MS)])
    assert [row["rtt_syn_ms"] for row in rows] == [20, 7]


# From where


@pytest.mark.parametrize(("gap_ns", "where"), [(0, "client"), (MS, "client"), (MS + 1, "path"), (80 * MS, "path")])
def test_a_client_that_answers_late_is_not_where_the_capture_is(talks: Talks, gap_ns: int, where: str) -> None:
    assert talks.one(Talk().handshake(ack_gap_ns=gap_ns))["rtt_from"] == where


def test_without_the_last_packet_of_the_handshake_only_the_path_is_known(talks: Talks) -> None:
    assert talks.one(Talk().handshake()[:2])["rtt_from"] == "path"


# ClientHello to ServerHello


def test_tls_is_the_better_witness(talks: Talks) -> None:
    talk = Talk()
    row = talks.one([*talk.handshake(), *tls(talk, 30 * MS, 25 * MS)])
    assert (row["rtt_ms"], row["rtt_kind"], row["rtt_syn_ms"], row["rtt_tls_ms"]) == (25, "tls", 20, 25)


def test_an_acknowledgement_is_no_server_hello(talks: Talks) -> None:
    talk = Talk()
    hello, answer = tls(talk, 30 * MS, 25 * MS)
    early = [talk.received(31 * MS, ack=1 + len(HELLO)), talk.received(32 * MS, b"\x15\3\3\0\2\2\x28")]
    assert talks.one([*talk.handshake(), hello, *early, answer])["rtt_tls_ms"] == 25


def test_a_hello_sent_again_gives_no_time(talks: Talks) -> None:
    talk = Talk()
    hello, answer = tls(talk, 30 * MS, 300 * MS)
    row = talks.one([*talk.handshake(), hello, talk.sent(250 * MS, HELLO), answer])
    assert (row["rtt_tls_ms"], row["rtt_kind"], row["host"]) == (None, "syn", "a.example")


def test_a_part_of_the_hello_sent_again_gives_no_time(talks: Talks) -> None:
    talk = Talk()
    parts = [talk.sent(30 * MS, HELLO[:60]), talk.sent(31 * MS, HELLO[60:], seq=61), talk.sent(250 * MS, HELLO[:60])]
    answer = talk.received(330 * MS, SERVER_HELLO)
    assert talks.one([*talk.handshake(), *parts, answer])["rtt_tls_ms"] is None
    assert talks.one([*talk.handshake(), *parts[:2], answer])["rtt_tls_ms"] == 299  # from the hello's last byte


def test_a_hello_captured_twice_runs_from_its_first_sight(talks: Talks) -> None:
    talk = Talk()
    hello, answer = tls(talk, 30 * MS, 25 * MS)
    copy = talk.sent(30 * MS + COPY, HELLO)
    assert talks.one([*talk.handshake(), hello, copy, answer, answer])["rtt_tls_ms"] == 25


def test_data_after_the_hello_is_not_the_hello_again(talks: Talks) -> None:
    talk = Talk()
    hello, answer = tls(talk, 30 * MS, 25 * MS)
    early_data = talk.sent(40 * MS, bytes(100), seq=1 + len(HELLO))
    assert talks.one([*talk.handshake(), hello, early_data, answer])["rtt_tls_ms"] == 25


def test_a_hello_whose_segments_changed_places_gives_a_name_and_no_time(talks: Talks) -> None:
    talk = Talk()
    parts = [talk.sent(30 * MS, HELLO[60:], seq=61), talk.sent(31 * MS, HELLO[:60])]
    row = talks.one([*talk.handshake(), *parts, talk.received(55 * MS, SERVER_HELLO)])
    assert (row["host"], row["rtt_tls_ms"]) == ("a.example", None)


def test_a_retry_proves_nothing_and_neither_does_what_follows_it(talks: Talks) -> None:
    talk = Talk()
    hello, _ = tls(talk, 30 * MS, 0)
    again = talk.sent(60 * MS, HELLO, seq=1 + len(HELLO))
    packets = [hello, talk.received(50 * MS, RETRY), again, talk.received(80 * MS, SERVER_HELLO, seq=1 + len(RETRY))]
    assert talks.one([*talk.handshake(), *packets])["rtt_tls_ms"] is None


def test_a_hello_without_a_handshake_is_timed_from_the_path(talks: Talks) -> None:
    row = talks.one(tls(Talk(), 0, 25 * MS))
    assert (row["rtt_ms"], row["rtt_kind"], row["rtt_from"]) == (25, "tls", "path")


# Initial to Initial


def quic(start_ns: int, rtt_ns: int) -> list[Packet]:
    (first,) = q.real_client("a.example")
    answer = q.initial(b"\x02\0\0\0\0", is_client=False, connection_id=bytes(8))
    return [datagram(start_ns, first, CLIENT, SERVER), datagram(start_ns + rtt_ns, answer, SERVER, CLIENT)]


def test_a_clean_initial_gives_a_name_and_a_time(talks: Talks) -> None:
    row = talks.one(quic(0, 33 * MS))
    assert (row["host"], row["named_by"]) == ("a.example", "quic")
    assert (row["rtt_ms"], row["rtt_kind"], row["rtt_quic_ms"], row["rtt_from"]) == (33, "quic", 33, "path")


def test_an_initial_sent_again_gives_no_time(talks: Talks) -> None:
    first, answer = quic(0, 400 * MS)
    assert talks.one([first, datagram(300 * MS, *_rest(first)), answer])["rtt_ms"] is None


def test_a_flight_of_several_datagrams_runs_from_its_first(talks: Talks) -> None:
    flight = [
        datagram(n * MS, data, CLIENT, SERVER) for n, data in enumerate(q.real_client("b.example", is_large=True))
    ]
    assert len(flight) > 1
    row = talks.one([*flight, quic(0, 33 * MS)[1]])
    assert (row["host"], row["rtt_quic_ms"]) == ("b.example", 33)


@pytest.mark.parametrize("kind", ["retry", "handshake", "0-rtt"])
def test_only_an_initial_of_the_server_is_an_answer(talks: Talks, kind: str) -> None:
    first, _ = quic(0, MS)
    other = q.initial(b"\x02\0\0\0\0", is_client=False, connection_id=bytes(8), kind=kind)
    assert talks.one([first, datagram(20 * MS, other, SERVER, CLIENT)])["rtt_ms"] is None


def test_a_version_negotiation_is_no_answer(talks: Talks) -> None:
    first, _ = quic(0, MS)
    offer = b"\xff\0\0\0\0\x08" + bytes(8) + b"\x08" + bytes(8) + b"\0\0\0\1" * 4
    assert talks.one([first, datagram(20 * MS, offer, SERVER, CLIENT)])["rtt_ms"] is None


def test_a_capture_that_begins_with_the_servers_initial_gives_no_time(talks: Talks) -> None:
    here, there = ("10.0.0.1", 50_000), ("192.0.2.1", 50_001)  # ports that do not tell the client
    (first,) = q.real_client("a.example")
    answer = q.initial(b"\x02\0\0\0\0", is_client=False, connection_id=bytes(8))
    assert talks.one([datagram(0, answer, there, here), datagram(33 * MS, first, here, there)])["rtt_ms"] is None


def _rest(packet: Packet) -> tuple[bytes, tuple[str, int], tuple[str, int]]:
    return packet[1][14 + 20 + 8 :], CLIENT, SERVER


# The law


@settings(max_examples=60)
@given(
    rtt_ns=st.integers(1, 500 * MS),
    copies=st.lists(st.integers(0, COPY), max_size=3),
    resent=st.lists(st.integers(COPY + 1, 2 * S), max_size=2),
)
def test_no_time_is_ever_shorter_than_the_true_one(
    tmp_path_factory: pytest.TempPathFactory, rtt_ns: int, copies: list[int], resent: list[int]
) -> None:
    """Whichever of the SYNs was answered, and however often each packet was captured."""
    talks = Talks(tmp_path_factory.mktemp("law"))
    talk = Talk()
    sent = sorted({0, *copies, *resent})
    for answered in sent:
        packets = [talk.syn(ts_ns) for ts_ns in sent] + [
            talk.syn_ack(answered + rtt_ns + delay) for delay in (0, *copies)
        ]
        for row in talks.rows(sorted(packets)):
            assert row["rtt_syn_ms"] is None or row["rtt_syn_ms"] >= rtt_ns / MS
