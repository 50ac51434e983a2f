"""QUIC Initials: the vectors of the RFCs, a real client, hand-made packets in every order, and real captures."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.traffic.capture.initials import CONNECTION_ID, V1, V2, crypto, initial, pieces, real_client, varint
from tests.traffic.capture.messages import alpn, client_hello, extension, server_name
from tests.traffic.capture.real_payloads import datagrams, reading_of

from residency.limits import LIMITS
from residency.traffic.capture.hello import MORE, Hello, More
from residency.traffic.capture.quic import InitialReader, full_packet_number, is_client_initial, is_server_initial
from residency.traffic.capture.quic_keys import client_secret
from residency.traffic.capture.quic_versions import VERSIONS

# The payload of RFC 9001 A.2 and RFC 9369 A.2: one CRYPTO frame; both pad it to 1,162 bytes.
RFC_FRAME = bytes.fromhex(
    "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868"
    "04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578"
    "616d706c652e636f6dff01000100000a00080006001d00170018001000070005"
    "04616c706e000500050100000000003300260024001d00209370b2c9caa47fba"
    "baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400"
    "0d0010000e0403050306030203080408050806002d00020101001c0002400100"
    "3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000"
    "75300901100f088394c8f03e51570806048000ffff"
)
HELLO = client_hello(server_name(b"a.example"), alpn(b"h3"), extension(21, bytes(400)))
WHOLE = initial(crypto(0, HELLO))


def outcome_of(*fed: bytes) -> Hello | More | None:
    """What a reader says after all these datagrams."""
    reader = InitialReader()
    return [reader.feed(datagram) for datagram in fed][-1]


def name_of(*fed: bytes) -> str | None:
    """The name after all these datagrams, which must make a hello."""
    outcome = outcome_of(*fed)
    assert isinstance(outcome, Hello)
    return outcome.sni


@pytest.mark.parametrize(
    ("version", "secret", "start", "tag"),
    [
        (
            V1,
            "c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea",
            "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11",
            "e221af44860018ab0856972e194cd934",
        ),
        (
            V2,
            "14ec9d6eb9fd7af83bf5a668bc17a7e283766aade7ecd0891f70f9ff7f4bf47b",
            "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485",
            "a18b2faa745b6fe189cf772a9f84cbfc",
        ),
    ],
)
def test_the_clients_initial_of_the_rfc(version: int, secret: str, start: str, tag: str) -> None:
    packet = initial(RFC_FRAME, version=version, number=2, number_bytes=4)
    assert (packet[:32].hex(), packet[-16:].hex(), len(packet)) == (start, tag, 1_200)  # so it is the RFC's packet
    assert client_secret(VERSIONS[version], CONNECTION_ID).hex() == secret
    assert outcome_of(packet) == Hello(sni="example.com", is_outer=False, alpn=("alpn",), length=241)


@pytest.mark.parametrize("version", [V1, V2])
@pytest.mark.parametrize("is_large", [False, True])
def test_what_a_real_client_sends_is_read(version: int, is_large: bool) -> None:
    sent = real_client("data.hr.example", version=version, is_large=is_large)
    assert len(sent) == (2 if is_large else 1)
    reader = InitialReader()
    outcomes = [reader.feed(datagram) for datagram in sent]
    assert outcomes[:-1] == [MORE] * (len(sent) - 1)
    last = outcomes[-1]
    assert isinstance(last, Hello)
    assert (last.sni, last.alpn) == ("data.hr.example", ("h3",))
    assert all(is_client_initial(datagram) for datagram in sent)


@given(
    cuts=st.lists(st.integers(1, 500), max_size=8),
    order=st.randoms(use_true_random=False),
    per_packet=st.integers(1, 4),
    per_datagram=st.integers(1, 3),
    is_doubled=st.booleans(),
)
def test_frames_in_any_order_over_packets_and_datagrams_make_the_same_hello(
    cuts: list[int], order: Random, per_packet: int, per_datagram: int, is_doubled: bool
) -> None:
    frames = [crypto(offset, data) for offset, data in pieces(HELLO, cuts)] * (2 if is_doubled else 1)
    order.shuffle(frames)
    payloads = [b"\x01\0\0".join(frames[i : i + per_packet]) for i in range(0, len(frames), per_packet)]
    packets = [initial(payload, number=i, padded_to=40) for i, payload in enumerate(payloads)]
    fed = [b"".join(packets[i : i + per_datagram]) for i in range(0, len(packets), per_datagram)]
    reader = InitialReader()
    outcomes = [reader.feed(datagram) for datagram in fed]
    last = outcomes[-1]
    assert isinstance(last, Hello)
    assert (last.sni, last.length) == ("a.example", len(HELLO))
    assert all(outcome is MORE or outcome == last for outcome in outcomes)


def test_pieces_that_overlap_are_joined() -> None:
    payload = crypto(100, HELLO[100:]) + crypto(30, HELLO[30:200]) + crypto(0, HELLO[:50])
    assert name_of(initial(payload)) == "a.example"


def test_the_frames_that_an_initial_may_hold_are_passed_over() -> None:
    acknowledged = b"\x02" + varint(9) + varint(0) + varint(2) + varint(1) + varint(0) * 4
    counted = b"\x03" + varint(9) + varint(0) + varint(0) + varint(9) + varint(1) * 3
    closed = b"\x1c" + varint(7) + varint(6) + varint(3) + b"why"
    assert name_of(initial(b"\x01" + acknowledged + b"\0\0" + counted + closed + crypto(0, HELLO))) == "a.example"


@pytest.mark.parametrize(
    "frame",
    [b"\x08\0\1x", b"\x1d\0\0", b"\xff", b"\x02\xff", b"\x02\0\0" + varint(1 << 60), b"\x06\0\x50\0ab", b"\x1c"],
)
def test_a_frame_that_no_initial_holds_ends_its_packet(frame: bytes) -> None:
    damaged = initial(frame.ljust(40, b"\x07") + crypto(0, HELLO), padded_to=0)
    assert outcome_of(damaged) is MORE
    assert name_of(damaged, initial(crypto(0, HELLO), number=1)) == "a.example"


def test_packets_before_and_behind_the_initial_are_passed_over() -> None:
    early = initial(b"x" * 40, kind="0-rtt")
    late = initial(b"x" * 40, kind="handshake")
    assert name_of(early + WHOLE) == name_of(WHOLE + late) == name_of(WHOLE + b"\x40short") == "a.example"
    assert name_of(WHOLE[:-1] + WHOLE[-1:] + bytes(50)) == "a.example"
    assert name_of(early, WHOLE) == "a.example"
    many = early * LIMITS.max_quic_packets_per_datagram
    assert outcome_of(many + WHOLE) is MORE


def test_the_keys_stay_when_the_server_chooses_another_connection_id() -> None:
    first = initial(crypto(0, HELLO[:100]))
    second = initial(crypto(100, HELLO[100:]), connection_id=b"server", keys_of=CONNECTION_ID, number=1)
    assert name_of(first, second) == "a.example"


def test_after_a_retry_the_keys_and_the_hello_are_new() -> None:
    first = initial(crypto(0, HELLO[:100]))
    again = [
        initial(crypto(0, HELLO[:300]), connection_id=b"retried", token=b"token", number=1),
        initial(crypto(300, HELLO[300:]), connection_id=b"retried", token=b"token", number=2),
    ]
    assert outcome_of(first, again[0]) is MORE
    assert name_of(first, *again) == "a.example"
    assert not is_server_initial(again[0])


def test_a_packet_number_is_read_from_its_last_bits() -> None:
    fed = [initial(crypto(0, HELLO[:100]), number=250, number_bytes=1)]
    fed.append(initial(crypto(100, HELLO[100:]), number=260, number_bytes=1))
    assert name_of(*fed) == "a.example"
    assert full_packet_number(0x9B32, 16, 0xA82F30EA) == 0xA82F9B32  # the example of RFC 9000 A.3
    assert full_packet_number(0, 8, -1) == 0
    assert full_packet_number(255, 8, 256) == 255


@given(number=st.integers(0, (1 << 40) - 1), ahead=st.integers(-100, 100))
def test_a_packet_number_near_the_expected_one_is_found(number: int, ahead: int) -> None:
    expected = number + ahead
    assert full_packet_number(number & 0xFF, 8, expected - 1) == number or expected < 0


def test_an_initial_that_does_not_open_is_survived_a_few_times() -> None:
    broken = WHOLE[:-1] + bytes([WHOLE[-1] ^ 1])
    cap = LIMITS.max_quic_failures
    assert outcome_of(*[broken] * cap) is MORE
    assert name_of(*[broken] * cap, WHOLE) == "a.example"
    assert outcome_of(*[broken] * (cap + 1)) is None
    assert outcome_of(*[broken] * (cap + 1), WHOLE) is None


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"\xc3",
        b"\x40" + bytes(40),  # a short header: the opening was not captured
        b"\x0dQ043" + bytes(40),
        b"\xc3Q050" + bytes(60),
        bytes([0xC3]) + bytes(4) + bytes(60),  # a Version Negotiation
        b"\xf0\0\0\0\1" + bytes(60),  # a Retry of version 1
        b"\xc0\x6b\x33\x43\xcf" + bytes(60),  # a Retry of version 2
        b"\xc3\x1a\x2a\x3a\x4a" + bytes(60),  # a version that is grease
        b"\xc3\0\0\0\1\x15" + bytes(60),  # a connection ID of 21 bytes
        WHOLE[:1_000],
        b"\x80" + WHOLE[1:],  # the fixed bit is not set
    ],
)
def test_what_is_no_initial_to_be_read_is_none(datagram: bytes) -> None:
    assert outcome_of(datagram) is None


@pytest.mark.parametrize(
    ("datagram", "is_from_client", "is_from_server"),
    [
        (WHOLE, True, True),
        (WHOLE[:60], True, True),  # cut by the capture
        (initial(b"", version=V2), True, True),
        (initial(b"", token=b"t"), True, False),
        (initial(b"", kind="handshake"), False, False),
        (initial(b"", kind="0-rtt", version=V2), False, False),
        (b"\xf0\0\0\0\1" + bytes(60), False, False),
        (bytes([0xC3]) + bytes(64), False, False),
        (b"\x40" + bytes(64), False, False),
        (b"", False, False),
    ],
)
def test_whose_initial_it_may_be(datagram: bytes, is_from_client: bool, is_from_server: bool) -> None:
    assert (is_client_initial(datagram), is_server_initial(datagram)) == (is_from_client, is_from_server)


def test_a_servers_initial_does_not_open_with_the_clients_keys() -> None:
    assert outcome_of(initial(crypto(0, HELLO), is_client=False)) is MORE


@pytest.mark.parametrize(
    "payload",
    [
        crypto(LIMITS.max_hello_bytes, b"x"),
        crypto(0, b"\x01\1\0\0"),  # a hello of 64 KiB and more
        crypto(0, b"\x02"),  # not a ClientHello
        crypto(0, HELLO[:10] + b"\xff" + HELLO[11:38] + b"\xff" + HELLO[39:]),  # lengths that do not add up
    ],
)
def test_a_stream_that_cannot_become_a_hello_is_none(payload: bytes) -> None:
    assert outcome_of(initial(payload)) is None
    assert outcome_of(initial(payload), WHOLE) is None


def test_what_waits_for_earlier_bytes_is_bounded() -> None:
    lonely = [crypto(10 + 2 * i, b"x") for i in range(LIMITS.max_quic_pieces + 1)]
    assert outcome_of(initial(b"".join(lonely[:-1]))) is MORE
    assert outcome_of(initial(b"".join(lonely))) is None
    wide = [initial(crypto(1 + i, bytes(1_100)), number=i) for i in range(LIMITS.max_hello_bytes // 1_100 + 1)]
    assert outcome_of(*wide[:-1]) is MORE
    assert outcome_of(*wide) is None


@given(data=st.binary(max_size=300), at=st.integers(0, 300))
def test_any_bytes_have_an_outcome(data: bytes, at: int) -> None:
    for datagram in (data, WHOLE[:at] + data + WHOLE[at + len(data) :], initial(data)):
        assert isinstance(outcome_of(datagram, WHOLE), Hello | More | None)
        assert is_client_initial(datagram) in (True, False)


# Hellos that tshark counts and a reader of clients does not meet, each with its reason.
ELSEWHERE = {
    "wireshark_quic-fragmented-handshakes.pcapng.gz": {"localhost": 1},  # the same hello again in a later Initial
}


@pytest.mark.parametrize(
    ("name", "is_whole"),
    [
        ("quic-mvfst-27.pcapng", True),
        ("wireshark_quic-fragmented-handshakes.pcapng.gz", True),
        ("doq.pcapng", True),
        ("youtube_quic.pcap", True),  # Google's QUIC of 2017: nothing to be read, by tshark neither
        ("ipfixprobe_tls.pcap", False),  # one name in QUIC; the others are in TLS over TCP
    ],
)
def test_the_names_of_real_captures_are_those_of_tshark(name: str, is_whole: bool) -> None:
    found: Counter[str] = Counter()
    for fed in datagrams(name, "udp.dstport == 443 or udp.dstport == 4443 or udp.dstport == 784").values():
        outcome = outcome_of(*fed)
        if isinstance(outcome, Hello) and outcome.sni is not None:
            found[outcome.sni] += 1
    told = Counter(reading_of(name)["sni"])
    assert found + Counter(ELSEWHERE.get(name, {})) == (told if is_whole else told & found)
    assert found or not is_whole or not told


def test_a_hello_over_several_initials_of_a_real_capture() -> None:
    (fed,) = [
        sent
        for (stream, port), sent in datagrams("wireshark_quic-fragmented-handshakes.pcapng.gz", "quic").items()
        if (stream, port) == ("1", "58822")
    ]
    reader = InitialReader()
    assert reader.feed(fed[0]) is MORE
    hello = reader.feed(fed[1])
    assert isinstance(hello, Hello)
    assert (hello.sni, hello.length, hello.alpn[-2:]) == (None, 1_578, ("h3", "hq-interop"))
