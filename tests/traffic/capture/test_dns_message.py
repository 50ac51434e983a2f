"""DNS messages: what an answer says of the name asked for, hostile messages, and dnspython's reading of the same."""

from __future__ import annotations

from collections.abc import Iterator

import dns.exception
import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.traffic.capture.messages import AAAA, ANY, CNAME, TXT, A, name, question, record
from tests.traffic.capture.messages import dns as message
from tests.traffic.capture.real_payloads import reading_of, tshark

from residency.limits import LIMITS
from residency.traffic.capture.dns_message import Message, Question, read_message

ASKED = b"\xc0\x0c"  # a pointer to the name of the question
FOUR = bytes([192, 0, 2, 1])
SIX = bytes.fromhex("20010db8000000000000000000000001")


def read(wire: bytes) -> Message:
    """The message in `wire`, which must be well formed."""
    found = read_message(wire)
    assert found is not None
    return found


def asked(text: str = "www.a.example", kind: int = A) -> bytes:
    """Return a question."""
    return question(name(text), kind)


def test_a_query_has_its_question_and_nothing_else() -> None:
    found = read(message([asked("Www.A.example", AAAA)], flags=0x0100))
    assert found == Message(
        id=7,
        is_response=False,
        opcode=0,
        rcode=0,
        is_truncated=False,
        question=Question(name="Www.A.example", type=AAAA, class_=1),
        addresses=(),
        chain=(),
    )


def test_addresses_of_the_name_asked_for() -> None:
    four = read(message([asked()], [record(ASKED, A, FOUR), record(ASKED, A, bytes([192, 0, 2, 2]), ttl_s=9)]))
    assert four.addresses == (("192.0.2.1", 60), ("192.0.2.2", 9))
    six = read(message([asked(kind=AAAA)], [record(name("WWW.a.EXAMPLE"), AAAA, SIX)]))
    assert six.addresses == (("2001:db8::1", 60),)
    assert (six.is_response, six.chain) == (True, ())


def test_a_chain_of_cnames_in_any_order_leads_to_the_addresses_with_its_least_ttl() -> None:
    answers = [
        record(name("edge.c.example"), A, FOUR, ttl_s=50),
        record(ASKED, CNAME, name("b.example"), ttl_s=300),
        record(name("b.example"), CNAME, name("Edge.C.example"), ttl_s=20),
    ]
    found = read(message([asked()], answers))
    assert found.chain == ("b.example", "Edge.C.example")
    assert found.addresses == (("192.0.2.1", 20),)
    assert read(message([asked()], answers[1:])).addresses == ()


def test_twelve_links_are_kept_in_order_and_seventeen_are_too_many() -> None:
    def chained(count: int) -> Message:
        links = [record(name(f"n{i}.example"), CNAME, name(f"n{i + 1}.example")) for i in range(count)]
        return read(message([asked("n0.example")], [*links, record(name(f"n{count}.example"), A, FOUR)]))

    assert chained(12).chain == tuple(f"n{i + 1}.example" for i in range(12))
    assert len(chained(12).addresses) == len(chained(LIMITS.max_dns_chain).addresses) == 1
    assert chained(17).addresses == ()


@pytest.mark.parametrize(
    "links", [[("www.a.example", "www.a.example")], [("www.a.example", "b.example"), ("b.example", "WWW.a.example")]]
)
def test_a_loop_has_no_addresses(links: list[tuple[str, str]]) -> None:
    answers = [record(name(owner), CNAME, name(target)) for owner, target in links]
    assert read(message([asked()], [*answers, record(ASKED, A, FOUR)])).addresses == ()


@pytest.mark.parametrize(
    "answer",
    [
        record(name("evil.example"), A, FOUR),
        record(name("a.example"), A, FOUR),
        record(ASKED, AAAA, SIX),  # not what was asked
        record(ASKED, A, FOUR, class_=3),  # Chaosnet
        record(ASKED, TXT, FOUR),
    ],
)
def test_an_answer_to_another_question_is_ignored(answer: bytes) -> None:
    assert read(message([asked()], [answer])).addresses == ()
    assert read(message([asked()], [answer, record(ASKED, A, FOUR)])).addresses == (("192.0.2.1", 60),)


def test_the_additional_section_is_not_looked_at() -> None:
    poisoned = message([asked()], [], additional=[record(ASKED, A, FOUR)])
    assert read(poisoned).addresses == ()
    assert read(message([asked()], [record(ASKED, A, FOUR)], additional=[b"\xff\xff"])).addresses != ()


@pytest.mark.parametrize(
    ("flags", "has_addresses"),
    [
        (0x8180, True),
        (0x0100, False),  # no response
        (0x8380, False),  # cut: asked again over TCP
        (0x8183, False),  # no such name
        (0x8182, False),  # server failure
        (0xA980, False),  # an update
    ],
)
def test_only_a_whole_answer_without_error_has_addresses(flags: int, has_addresses: bool) -> None:
    found = read(message([asked()], [record(ASKED, A, FOUR)], flags=flags))
    assert bool(found.addresses) is has_addresses
    assert found.is_truncated is bool(flags & 0x0200)
    assert found.rcode == flags & 0xF


def test_odd_questions() -> None:
    both = [record(ASKED, A, FOUR), record(ASKED, AAAA, SIX)]
    assert len(read(message([asked(kind=ANY)], both)).addresses) == 2
    assert read(message([question(name("a.example"), A, 3)], [record(ASKED, A, FOUR)])).addresses == ()
    assert read(message([question(b"\0")])).question == Question(name=".", type=A, class_=1)
    assert read(message([], [record(name("a.example"), A, FOUR)])).addresses == ()
    assert read(message([question(b"\3a.b\2\0\xff\0")])).question == Question(name=r"a\.b.\000\255", type=A, class_=1)


def test_a_ttl_with_its_sign_set_is_none_and_a_doubled_address_is_one() -> None:
    assert read(message([asked()], [record(ASKED, A, FOUR, ttl_s=1 << 31)])).addresses == (("192.0.2.1", 0),)
    assert read(message([asked()], [record(ASKED, A, FOUR)] * 2)).addresses == (("192.0.2.1", 60),)


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        bytes(11),
        message([asked()])[:-1],
        message([asked(), asked()]),
        message([asked()], [], counts=(1, 1)),
        message([asked()], [record(ASKED, A, FOUR)])[:-1],
        message([asked()], [record(ASKED, A, FOUR[:3])]),
        message([asked()], [record(ASKED, A, FOUR, length=400)]),
        message([asked()], [record(ASKED, AAAA, FOUR)]),
        message([asked()], [record(ASKED, CNAME, name("b.example") + b"x")]),
        message([asked()], [record(ASKED, CNAME, b"")]),
        message([question(b"\x40aaa\0")]),  # a kind of label that nobody uses
        message([question(b"\xc0\x0c")]),  # a pointer to itself
        message([question(b"\xc0\xff")]),  # a pointer forward
        message([question(b"\1a\xc0\x0c")]),  # a name that ends in itself
        message([question(b"\x3f" + b"a" * 63 + b"\xc0")]),
        message([question(name(".".join(["a" * 63] * 4)))]),  # 257 bytes
        message([question(name(".".join(["a" * 63] * 3 + ["*" * 62])))]),  # 256 bytes, with a label to escape
        message(
            [
                asked(".".join(["a" * 63] * 3)),
            ],
            [record(b"\x3f" + b"b" * 63 + ASKED, A, FOUR)],
        ),  # 257, by a pointer
        message([asked()], counts=(1, 0xFFFF)),
        message([asked()]) + bytes(0x10000),
    ],
)
def test_what_is_malformed_is_none(wire: bytes) -> None:
    assert read_message(wire) is None


def test_the_longest_name_is_read() -> None:
    longest = ".".join(["a" * 63] * 3 + ["b" * 61])  # 255 bytes on the wire
    found = read(message([asked(longest)], [record(ASKED, A, FOUR)]))
    assert found.question == Question(name=longest, type=A, class_=1)
    assert found.addresses == (("192.0.2.1", 60),)


def test_four_thousand_answers_under_the_longest_name_are_all_read() -> None:
    deep = ".".join(["a"] * 120)
    answers = [record(ASKED, A, i.to_bytes(4, "big")) for i in range(4_000 - 190)]
    wire = message([asked(deep)], answers)
    assert len(wire) > 60_000
    assert len(read(wire).addresses) == len(answers)


def names(labels: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """A few short names, so that records meet each other."""
    return st.lists(labels, min_size=1, max_size=3).map(".".join)


LABELS = st.sampled_from(["a", "B", "b", "www"])
RECORDS = st.lists(
    st.tuples(names(LABELS), st.sampled_from([A, AAAA, CNAME]), names(LABELS), st.integers(0, 99)), max_size=6
)


@given(owner=names(LABELS), kind=st.sampled_from([A, AAAA]), records=RECORDS)
def test_dnspython_finds_the_same_addresses(owner: str, kind: int, records: list[tuple[str, int, str, int]]) -> None:
    data = {A: FOUR, AAAA: SIX}
    answers = [record(name(o), k, data.get(k) or name(target), ttl_s=ttl) for o, k, target, ttl in records]
    wire = message([asked(owner, kind)], answers)
    theirs = theirs_of(wire)
    if theirs is not None:
        found = read(wire)
        assert {address for address, _ in found.addresses} == theirs


def is_contradictory(parsed: dns.message.Message) -> bool:
    """Has some owner two CNAMEs, or a CNAME and an address? Then readers differ in what they follow."""
    aliases = [found for found in parsed.answer if found.rdtype == dns.rdatatype.CNAME]
    others = {found.name for found in parsed.answer if found.rdtype != dns.rdatatype.CNAME}
    return any(len(found) > 1 or found.name in others for found in aliases)


def theirs_of(wire: bytes) -> set[str] | None:
    """The addresses that dnspython finds by the chain, or None where it refuses the message."""
    try:
        parsed = dns.message.from_wire(wire)
    except dns.exception.DNSException:
        return None
    if not isinstance(parsed, dns.message.QueryMessage) or is_contradictory(parsed):
        return None
    try:
        answer = parsed.resolve_chaining().answer
    except dns.exception.DNSException:
        return None
    return set() if answer is None else {record.to_text() for record in answer}


@given(data=st.binary(max_size=200), at=st.integers(0, 100))
def test_any_bytes_have_an_outcome(data: bytes, at: int) -> None:
    whole = message([asked()], [record(ASKED, CNAME, name("b.example")), record(name("b.example"), A, FOUR)])
    for wire in (data, whole[:at] + data, whole[:at] + data + whole[at + len(data) :]):
        assert isinstance(read_message(wire), Message | None)


def messages_of(capture: str) -> Iterator[bytes]:
    """The DNS messages over UDP of a capture, fragments joined by tshark."""
    shown = "dns and udp and (udp.port == 53) and not icmp and not icmpv6"
    for (payload,) in tshark(capture, shown, "udp.payload", options=("-E", "occurrence=l")):
        yield bytes.fromhex(payload)


REAL = [
    "dns_fragmented.pcap",
    "netflix.pcap",
    "weibo.pcap",
    "zoom.pcap",
    "instagram.pcap",
    "vxlan.pcap",
    "dns_doh.pcap",
]


@pytest.mark.parametrize("capture", REAL)
def test_the_answers_of_real_captures_are_dnspythons_and_among_tsharks(capture: str) -> None:
    told = reading_of(capture)["dns_answers"]
    every = {address for answer in told.values() for address in (*answer["a"], *answer["aaaa"])}
    for wire in messages_of(capture):
        found = read(wire)
        assert found.question is not None
        ours = {address for address, _ in found.addresses}
        assert ours <= every  # tshark lists the additional section as well
        if found.is_response and not found.is_truncated and found.question.type in (A, AAAA):
            assert ours == (theirs_of(wire) or set())


def test_hostile_messages_of_a_real_capture() -> None:
    outcomes = [read_message(wire) for wire in messages_of("malformed_dns.pcap")]
    assert outcomes
    assert all(found is None or not found.addresses for found in outcomes)
