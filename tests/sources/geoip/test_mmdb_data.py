"""The data section is read once from start to end, and only pointers to what was read are followed."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from maxminddb.decoder import Decoder

from residency.errors import SourceError
from residency.limits import LIMITS
from residency.sources.mmdb_data import DataSection, Value

WRITER: dict[str, Any] = runpy.run_path(str(Path(__file__).resolve().parents[3] / "bench" / "mmdb_writer.py"))
VALUES = st.recursive(
    st.text(max_size=40) | st.integers(0, 2**64 - 1) | st.floats(allow_nan=False) | st.booleans(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9), inner, max_size=5),
    max_leaves=12,
)


def stored(*values: object) -> tuple[bytes, list[int]]:
    data = WRITER["Data"]()
    offsets = [data.add(value) for value in values]
    return bytes(data.content), offsets


def read(content: bytes) -> dict[int, Value]:
    section = DataSection(content, 0, len(content))
    return {offset: section.value(identity) for offset, identity in section.read_all().items()}


@given(st.lists(VALUES, max_size=6))
def test_what_was_stored_is_read_and_the_pure_python_reader_agrees(values: list[Value]) -> None:
    content, offsets = stored(*values)
    found = read(content)
    assert sorted(found) == sorted(set(offsets))
    for offset, value in zip(offsets, values, strict=True):
        assert found[offset] == value
        assert Decoder(content).decode(offset)[0] == value


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_with_our_error(content: bytes) -> None:
    try:
        found = read(content)
    except SourceError as error:
        found, where = {}, error.offset
    else:
        where = 0
    assert where is not None
    assert 0 <= where <= len(content)
    assert all(Decoder(content).decode(offset)[0] == value for offset, value in found.items())


@given(st.lists(VALUES, min_size=1, max_size=4), st.data())
def test_a_cut_section_is_refused_or_holds_only_whole_values(values: list[Value], data: st.DataObject) -> None:
    content, _ = stored(*values)
    cut = content[: data.draw(st.integers(0, len(content) - 1))]
    try:
        found = read(cut)
    except SourceError:
        return
    whole = read(content)
    assert all(whole[offset] == value for offset, value in found.items())


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\x20\x00", "a pointer stands where a value should"),
        (b"\xe1\x41a\x20\x00", "does not point at a value"),  # a map that holds itself
        (b"\xe1\x41a\x20\x02", "does not point at a value"),  # into the middle of a text
        (b"\xe1\x41a\x20\x09\x41b", "does not point at a value"),  # ahead
        (b"\xe2\x41a\x41b\x41a\x41c", "two keys 'a'"),
        (b"\xe1\xa1\x01\x41b", "not a text"),
        (b"\x42\xff\xfe", "not UTF-8"),
        (b"\x02\x07", "neither true nor false"),
        (b"\x64\x00\x00\x00\x00", "floating-point number of 4 bytes"),
        (b"\xa3\x00\x00\x01", "integer of 3 bytes"),
        (b"\x00\x05", "unknown type 12"),
        (b"\x5f\xff\xff\xff", "over the end"),
        (b"\xff\xff\xff\xff", "over the end"),
    ],
)
def test_damage_is_named(content: bytes, why: str) -> None:
    with pytest.raises(SourceError, match=why):
        read(content)


def test_a_value_nested_deeper_than_the_limit_is_refused() -> None:
    deep: Value = 1
    for _ in range(LIMITS.max_mmdb_depth):
        deep = [deep]
    assert read(stored(deep)[0])[0] == deep
    with pytest.raises(SourceError, match="nested deeper"):
        read(stored([deep])[0])


def test_a_pointer_bomb_costs_no_more_than_its_bytes() -> None:
    content = bytearray(b"\x41a")
    last = 0
    for _ in range(200):  # each array holds the one before it twice: 2**200 values, if they were copied
        start = len(content)
        content += b"\x02\x04" + WRITER["pointer"](last) * 2
        last = start
    section = DataSection(bytes(content), 0, len(content))
    assert len(section.read_all()) == 201


def test_equal_values_have_one_identity() -> None:
    content = b"\xe1\x41a\x41b" * 2
    assert len(set(DataSection(content, 0, len(content)).read_all().values())) == 1
