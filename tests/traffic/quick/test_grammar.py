"""What compiled loops call certainly wrong, the strict readers refuse; and nothing that they take."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.traffic.conftest import GOOD, HEADER, Write
from tests.traffic.quick.test_same import _every_size, both  # noqa: F401 - a fixture for every test here

from residency.traffic.columns import V4
from residency.traffic.distinct import read_address, read_host, read_port, read_proto

pytest.importorskip("numba", reason="the extra `fast` is not installed")

from residency.traffic.quick.grammar import ADDRESS, NAME, PORT, PROTOCOL, is_no

_READERS: dict[int, Callable[[str], str | None]] = {
    ADDRESS: lambda text: read_address(text)[2],
    NAME: lambda text: read_host(text)[1],
    PORT: lambda text: read_port(text)[1],
    PROTOCOL: lambda text: read_proto(text)[1],
}


def is_certain(kind: int, text: str) -> bool:
    data = np.frombuffer(bytearray(b"," + text.encode() + b","), np.uint8)
    return bool(is_no(kind, data, 1, len(text.encode())))


_TEXTS = st.one_of(
    st.text(max_size=12),
    st.text("0123456789abcdefxyzABZ.:-_*%[] /+é", max_size=45),
    st.ip_addresses(v=6).map(str),
    st.ip_addresses(v=6).map(lambda one: one.exploded.upper()),
    st.ip_addresses(v=4).map(lambda one: f"::ffff:{one}"),
    st.from_regex(r"\A[0-9]{1,6}(\.0)?\Z"),
    st.from_regex(r"\A[a-z0-9_-]{0,65}(\.[a-zA-Z0-9_-]{1,65}){0,4}\.?\Z"),
)


@given(_TEXTS)
@example("fe80::1%eth0")
@example(" 2001:db8::1 ")
@example("64:ff9b::1.2.3.4")
@example("a.example.")
@example("*.example")
@example("[2001:db8::1]")
@example("443.0")
@example("65536")
@example("99999")
@example("icmp")
@example("255")
@example("a" * 63 + ".example")
def test_nothing_that_is_good_is_called_wrong(text: str) -> None:
    for kind, reason in _READERS.items():
        is_quad = kind == ADDRESS and re.fullmatch(V4, text)  # of those it is never asked
        if text and not is_quad and is_certain(kind, text):
            assert reason(text) is not None, kind


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (ADDRESS, "nowhere"),
        (ADDRESS, "81.2.69.256"),
        (ADDRESS, "2001:db8::12345"),
        (ADDRESS, "2001:db8"),
        (ADDRESS, "2001:db8::xyz"),
        (ADDRESS, "1:2:3:4:5:6:7:8:9:a"),
        (NAME, "a/b"),
        (NAME, "a..b"),
        (NAME, ".a"),
        (NAME, "a" * 64 + ".example"),
        (NAME, "a.example?x=1"),
        (NAME, ".".join(["abc"] * 64)),
        (PORT, "x"),
        (PORT, "-1"),
        (PORT, "65536"),
        (PROTOCOL, "t=c"),
        (PROTOCOL, "a" * 33),
    ],
)
def test_what_is_certainly_wrong_is_told_at_once(kind: int, text: str) -> None:
    assert is_certain(kind, text)
    assert _READERS[kind](text) is not None


@pytest.mark.parametrize(
    "bad",
    [
        GOOD.replace("81.2.69.160", "nowhere"),
        GOOD.replace("81.2.69.160", "81.2.69.300"),
        GOOD.replace("10.0.0.1", "inside"),
        GOOD.replace("a.example", "a/example"),
        GOOD.replace(",443,", ",443443,"),
        GOOD.replace(",tcp,", ",t&c,"),
    ],
)
def test_a_bad_text_costs_its_own_line_only(write: Write, bad: str) -> None:
    assert bad != GOOD
    ours, exact, is_used = both(write("a.csv", HEADER + GOOD * 50 + bad + GOOD * 50 + bad * 3))
    assert ours == exact
    assert is_used
    assert ours.one.quarantined == 4
