"""Questions as bytes, held against dnspython; and which packets answer a question."""

from __future__ import annotations

import ipaddress

import dns.edns
import dns.flags
import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.resolve.answers import POINTER, address, message
from tests.traffic.capture import messages

from residency.resolve.outcomes import read_meaning
from residency.resolve.wire import Fit, MalformedError, build_query, fit, read_response

NAME = "www.example.com"
QUERY = build_query(NAME, 1, number=7)
ANSWER = message(NAME, "A", address("63.34.222.109"))


@given(
    st.integers(0, 0xFFFF),
    st.sampled_from([1, 28, 65]),
    st.sampled_from(["", "185.2.100.0/22", "2001:218::/29", "0.0.0.0/0"]),
    st.booleans(),
    st.none() | st.integers(0, 1 << 200),
)
def test_another_library_reads_the_question(
    number: int, type_: int, subnet: str, wants_signatures: bool, bits: int | None
) -> None:
    query = build_query(NAME, type_, number=number, subnet=subnet, wants_signatures=wants_signatures, case_bits=bits)
    read = dns.message.from_wire(query.wire)
    (question,) = read.question
    assert (read.id, question.rdtype, question.name.to_text().lower()) == (number, type_, f"{NAME}.")
    assert read.flags == dns.flags.RD | (dns.flags.CD if wants_signatures else dns.flags.AD)
    assert bool(read.ednsflags & dns.flags.DO) is wants_signatures
    (option,) = read.options or (None,)
    if subnet:
        assert isinstance(option, dns.edns.ECSOption)
        network = ipaddress.ip_network(subnet)
        assert (option.address, option.srclen) == (str(network.network_address), network.prefixlen)


def test_an_answer_fits_its_question_and_no_other() -> None:
    assert fit(ANSWER, QUERY) is Fit.YES
    assert fit(b"\0\x08" + ANSWER[2:], QUERY) is Fit.NO
    assert fit(message("www.example.org", "A"), QUERY) is Fit.NO
    assert fit(message(NAME, "AAAA"), QUERY) is Fit.NO
    assert fit(message(NAME, "A", flags=0x0180), QUERY) is Fit.NO  # a question
    assert fit(message(NAME, "A", flags=0xA980), QUERY) is Fit.NO  # of another kind
    assert fit(ANSWER[:11], QUERY) is Fit.NO
    assert fit(ANSWER[:20], QUERY) is Fit.DOUBTFUL
    assert fit(b"\0\x07\x81\x81" + bytes(8), QUERY) is Fit.DOUBTFUL  # FORMERR, without the question
    assert fit(b"\0\x07\x81\x80" + bytes(8), QUERY) is Fit.NO


def test_a_type_whose_number_is_a_letter_is_no_other_type() -> None:
    """HTTPS is 65, which is `A`; 97 is `a`."""
    query = build_query(NAME, 65, number=7)
    other = message(NAME, "HTTPS").replace(b"\0A\0\1", b"\0a\0\1")
    assert fit(message(NAME, "HTTPS"), query) is Fit.YES
    assert fit(other, query) is Fit.NO


def test_mixed_case_must_come_back() -> None:
    query = build_query(NAME, 1, number=7, case_bits=(1 << 200) - 1)
    assert fit(ANSWER, query) is Fit.NO
    assert fit(ANSWER.replace(b"www", b"WWW").replace(b"example", b"EXAMPLE").replace(b"com", b"COM"), query) is Fit.YES


@given(st.integers(12, len(ANSWER) - 1))
def test_an_answer_cut_anywhere_is_malformed_at_a_byte_within(size: int) -> None:
    with pytest.raises(MalformedError) as caught:
        read_response(ANSWER[:size])
    assert 12 <= caught.value.offset <= size


@given(st.binary(max_size=300))
def test_any_bytes_have_a_meaning(tail: bytes) -> None:
    for type_ in (1, 5, 12, 28, 64, 65):
        read_meaning(ANSWER[:12] + tail, type_)
        read_meaning(message(NAME, "A", messages.record(POINTER, type_, tail)), type_)
