"""Segments: the bytes of a stream whatever the order of its segments, within caps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from residency.limits import LIMITS
from residency.traffic.capture.segments import Segments

STREAM = bytes(range(200))
piece = st.tuples(st.integers(0, 190), st.integers(1, 60))


@given(st.lists(piece, max_size=20), st.sampled_from([0, 5, 2**32 - 100]))
def test_any_order_and_overlap_gives_the_stream_as_far_as_it_is_there(pieces: list[tuple[int, int]], base: int) -> None:
    segments = Segments(base, 200)
    covered: set[int] = set()
    for start, length in pieces:
        assert segments.add((base + start) % 2**32, STREAM[start : start + length])
        covered |= set(range(start, min(start + length, 200)))
    expected = next((n for n in range(201) if n not in covered), 200)
    assert segments.data == STREAM[:expected]


def test_what_was_read_is_forgotten_and_the_rest_goes_on() -> None:
    segments = Segments(2**32 - 2, 100)
    segments.add(2**32 - 2, b"abcd")
    segments.add(6, b"gh")
    segments.drop(3)
    assert (segments.base, bytes(segments.data), segments.is_reordered) == (1, b"d", True)
    assert segments.add(2, b"xxef")
    assert segments.data == b"dxxefgh"


def test_out_of_reach_is_refused() -> None:
    segments = Segments(1_000, 50)
    assert not segments.add(1_051, b"x")
    assert segments.add(1_000, bytes(80))
    assert (segments.is_full, len(segments.data)) == (True, 50)


def test_waiting_pieces_are_bounded() -> None:
    segments = Segments(0, 1 << 20)
    taken = [segments.add(2 * n + 2, b"x") for n in range(LIMITS.max_stream_pieces + 5)]
    assert taken.index(False) == LIMITS.max_stream_pieces
