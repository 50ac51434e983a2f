"""Strict JSON: equal to the standard reader on plain documents, and an offset for everything that is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.sources.strict_json import JsonError, JsonValue, parse_json

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**100), 2**100)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def refusal(content: bytes) -> tuple[str, int | None]:
    with pytest.raises(JsonError) as caught:
        parse_json(content)
    return caught.value.cause, caught.value.offset


@given(VALUES, st.booleans())
def test_a_plain_document_is_read_as_everybody_reads_it(value: JsonValue, is_ascii: bool) -> None:
    assert parse_json(json.dumps(value, ensure_ascii=is_ascii).encode()) == value


@given(st.binary(max_size=40) | st.text(alphabet='{}[]",:\\ue1aN-0.', max_size=30).map(str.encode))
def test_anything_else_is_refused_at_an_offset_inside_it(content: bytes) -> None:
    try:
        parse_json(content)
    except JsonError as error:
        caught = error
    else:
        return
    assert caught.offset is not None
    assert 0 <= caught.offset <= len(content)
    assert caught.cause in ("json", "utf-8", "depth", "number", "duplicate key")


@given(VALUES.filter(lambda v: isinstance(v, dict) and len(v) > 0))
def test_a_key_given_twice_is_refused_wherever_it_stands(value: dict[str, JsonValue]) -> None:
    key = next(iter(value))
    inner = json.dumps(value)
    twice = f"{inner[:-1]}, {json.dumps(key)}: 0}}"
    assert refusal(f'[{{"x": {twice}}}]'.encode()) == ("duplicate key", len(f'[{{"x": {inner[:-1]}, '))


@pytest.mark.parametrize(
    ("content", "cause", "offset"),
    [
        (b"", "json", 0),
        (b"\xef\xbb\xbf{}", "json", 0),
        (b'{"a": 1,}', "json", 8),
        (b'{"a": 1} {}', "json", 9),
        (b"{'a': 1}", "json", 1),
        (b'{"a": 01}', "json", 7),
        (b'{"a": "x', "json", 6),
        (b'{"a": "\x01"}', "json", 7),
        (b"\xff", "utf-8", 0),
        (b'{"\xc3\xa9": "\xff"}', "utf-8", 8),
        (b'["\xc3\xa9", NaN]', "number", 7),
        (b"[-Infinity]", "number", 1),
        (b"[1e999]", "number", 1),
        (b"[1" + b"0" * 400 + b".0]", "number", 1),
        (b"[" + b"9" * 41 + b"]", "number", 1),
        (b"[" * 65 + b"]" * 65, "depth", 64),
        (b'{"a":' * 200_000, "depth", 64 * 5),
        (b'{"a": {"b": 1, "\\u0062": 2}}', "duplicate key", 15),
        (b'["\\ud800"]', "utf-8", 1),
        (b'{"\\udfff": 1}', "utf-8", 1),
    ],
)
def test_what_two_readers_could_read_in_two_ways_is_refused(content: bytes, cause: str, offset: int) -> None:
    assert refusal(content) == (cause, offset)


def test_what_is_just_allowed() -> None:
    assert parse_json(b"[" * 64 + b"]" * 64) is not None
    assert parse_json(b"[" + b"9" * 40 + b"]") == [10**40 - 1]
    assert parse_json(b'["\\ud83d\\ude00", "[[[\\"{"]') == ["😀", '[[["{']
    assert parse_json(b'[{"a": 1}, {"a": 2}]') == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("piece", [b'\\"', b'"', b"[", b'"\\', b"-", b"9", b'{"a":', b"[[],", b"1e"])
def test_a_megabyte_of_anything_is_refused_in_linear_time(piece: bytes) -> None:
    """A quadratic step would take hours here; the test's own patience is the bound."""
    with pytest.raises(JsonError):
        parse_json(piece * ((1 << 20) // len(piece)))
