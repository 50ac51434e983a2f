"""Hellos read in columns are what the reader of single hellos reads, or are left to it."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.traffic.capture import messages as m

from residency.traffic.capture import tls
from residency.traffic.capture.hello import Hello
from residency.traffic.capture.hello_columns import Hellos, read_hellos

PLAIN = m.records(m.client_hello(m.server_name(b"a.example"), m.alpn(b"h2"), m.extension(43, b"\4\3\4\3\3")))
SAMPLES = (
    PLAIN,
    m.real_client_hello("www.example.org"),
    m.records(m.client_hello(m.extension(10, b"\0\2\0\x1d"))),
    m.records(m.client_hello(m.server_name(b"front.example"), m.extension(m.ECH, b"\0\0\1\0\1\7" + bytes(40)))),
    m.records(m.client_hello(m.server_name(b"inner.example"), m.extension(m.ECH, b"\1"))),
    m.records(m.client_hello(m.server_name(b"a.example"), m.server_name(b"b.example"))),
    m.records(m.client_hello(m.server_name(b"a.example", b"b.example"))),
    m.records(m.client_hello(m.server_name(b"x", kind=7))),
    m.records(m.client_hello(m.server_name(b"\xff\xfe"))),
    m.records(m.client_hello(m.server_name(b""))),
    m.records(m.client_hello(m.server_name(b"n" * 256))),
    m.records(m.client_hello(has_extensions=False)),
    m.records(m.client_hello(m.server_name(b"a.example"), tail=b"x")),
    m.records(m.client_hello(*(m.extension(1_000 + n, b"") for n in range(70)))),
    m.records(m.client_hello(m.server_name(b"a.example")), [40]),
    PLAIN + b"\x17\3\3\0\1x",
    b"",
    b"\x16",
)


def read(payloads: list[bytes]) -> tuple[np.ndarray[tuple[int], np.dtype[np.uint8]], Hellos]:
    """Read payloads that stand behind one another, the last at the very end of the buffer."""
    lengths = np.array([len(payload) for payload in payloads], np.int64)
    at = np.cumsum(lengths) - lengths + 1
    buffer = np.frombuffer(b"\xff" + b"".join(payloads), np.uint8)
    return buffer, read_hellos(buffer, at, lengths)


def told(payloads: list[bytes]) -> list[tuple[str, int, bool] | None]:
    """Return (name, length, is outer) of each payload that the columns read."""
    buffer, hellos = read(payloads)
    found: list[tuple[str, int, bool] | None] = []
    for n in range(len(payloads)):
        at, length = int(hellos.name_at[n]), int(hellos.name_len[n])
        name = buffer[at : at + length].tobytes().decode("latin-1")
        found.append((name, int(hellos.length[n]), bool(hellos.is_outer[n])) if hellos.is_read[n] else None)
    return found


def agree(payload: bytes, one: tuple[str, int, bool] | None) -> bool:
    exact = tls.read_client_hello(payload)
    if one is None:
        return True
    name = one[0] if one[0].isascii() else ""
    return isinstance(exact, Hello) and (exact.sni or "", exact.length, exact.is_outer) == (name, *one[1:])


def test_plain_hellos_are_read() -> None:
    assert told(list(SAMPLES[:5])) == [
        ("a.example", len(PLAIN), False),
        ("www.example.org", len(SAMPLES[1]), False),
        ("", len(SAMPLES[2]), False),
        ("front.example", len(SAMPLES[3]), True),
        ("inner.example", len(SAMPLES[4]), False),
    ]
    assert told([PLAIN + b"\x17\3\3\0\1x"]) == [("a.example", len(PLAIN), False)]


def test_what_is_unusual_is_left_to_the_reader_of_single_hellos() -> None:
    left = [payload for payload, one in zip(SAMPLES, told(list(SAMPLES)), strict=True) if one is None]
    assert left == [SAMPLES[n] for n in (5, 7, 9, 10, 11, 12, 13, 14, 16, 17)]


def test_every_sample_agrees_with_the_reader_of_single_hellos() -> None:
    assert all(agree(payload, one) for payload, one in zip(SAMPLES, told(list(SAMPLES)), strict=True))


@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_damaged_hellos_are_never_read_otherwise(seed: int) -> None:
    draw = random.Random(seed)
    payloads = [damaged(draw.choice(SAMPLES), draw) for _ in range(60)]
    for payload, one in zip(payloads, told(payloads), strict=True):
        assert agree(payload, one), payload.hex()


def damaged(payload: bytes, draw: random.Random) -> bytes:
    changed = bytearray(payload)
    for _ in range(draw.choice((0, 1, 1, 2, 4))):
        if changed:
            changed[draw.randrange(len(changed))] = draw.choice((0, 1, 2, 255, draw.randrange(256)))
    return bytes(changed[: draw.choice((len(changed), len(changed), draw.randrange(len(changed) + 1)))])
