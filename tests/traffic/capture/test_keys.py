"""Keys: equal for both ways of a conversation, different for all else, grouped exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.traffic.capture import keys
from residency.traffic.capture.keys import Ends, canonical, family_of, group, key_bytes, ports_of, proto_of

ends = st.tuples(*(st.integers(0, 3) for _ in range(6)), st.sampled_from([6, 17]), st.integers(0, 1))


def ends_of(rows: list[tuple[int, ...]]) -> Ends:
    columns = np.array(rows, np.uint64).reshape(len(rows), 8).T
    return Ends(
        src_hi=columns[0],
        src_lo=columns[1] << np.uint64(60),
        dst_hi=columns[2],
        dst_lo=columns[3] << np.uint64(60),
        src_port=columns[4].astype(np.uint16),
        dst_port=columns[5].astype(np.uint16),
        proto=columns[6].astype(np.uint8),
        family=np.full(len(rows), 6, np.uint8),
        tunnel=columns[7],
    )


def turned(row: tuple[int, ...]) -> tuple[int, ...]:
    a, b, c, d, e, f, *rest = row
    return (c, d, a, b, f, e, *rest)


@given(st.lists(ends, min_size=1, max_size=30))
def test_both_ways_have_one_key_and_opposite_sides(rows: list[tuple[int, ...]]) -> None:
    words, side = canonical(ends_of(rows))
    others, other_side = canonical(ends_of([turned(row) for row in rows]))
    assert np.array_equal(words, others)
    is_itself = [row == turned(row) for row in rows]
    assert np.array_equal(side != other_side, ~np.array(is_itself))


def test_a_key_tells_ports_protocol_and_family() -> None:
    words, _ = canonical(ends_of([(0, 1, 0, 2, 3, 2, 17, 0)]))
    assert [part.tolist() for part in ports_of(words[4])] == [[3], [2]]
    assert (proto_of(words[4]).tolist(), family_of(words[4]).tolist()) == ([17], [6])


@pytest.mark.parametrize("is_hash_useless", [False, True])
@given(rows=st.lists(ends, max_size=60))
def test_groups_are_the_equal_keys_in_file_order(is_hash_useless: bool, rows: list[tuple[int, ...]]) -> None:
    words, _ = canonical(ends_of(rows))
    with pytest.MonkeyPatch.context() as patch:
        if is_hash_useless:  # every key collides: the exact way must take over
            patch.setattr(keys, "_HASH_FACTORS", (0,) * keys.KEY_WORDS)
        found = group(words)
    expected: dict[bytes, list[int]] = {}
    for index, key in enumerate(key_bytes(words)):
        expected.setdefault(key, []).append(index)
    parts = np.split(found.order, found.starts)[1:]
    assert sorted(part.tolist() for part in parts) == sorted(expected.values())


def test_no_packets_are_no_groups() -> None:
    words, _ = canonical(ends_of([]))
    assert len(group(words).starts) == 0
