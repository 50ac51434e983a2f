"""The line locator: trivial texts, every TOML form, and that nothing makes it raise or point past the file."""

from __future__ import annotations

import json
import time
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from residency.claims import parse_pack
from residency.claims.lines import MAX_DEPTH, Located, dotted, join, line_of, locate_json, locate_toml
from residency.model.place import Gazetteer


def lines(text: str) -> dict[str, int]:
    return locate_toml(text).lines


@pytest.mark.parametrize("text", ["", "\n", "# only a comment", "   ", "\r\n\r\n"])
def test_text_without_a_key_has_no_lines(text: str) -> None:
    assert locate_toml(text) == Located()
    assert locate_json(text) == Located()


def test_top_level_key() -> None:
    assert lines("a = 1\nb = 2") == {"a": 1, "b": 2}


def test_tables_and_arrays_of_tables() -> None:
    text = "\n".join(
        ["[[claim]]", "id = 1", "[[claim.host]]", "p = 1", "[[claim.host]]", "p = 2", "[[claim]]", "[claim.e]"]
    )
    assert lines(text) == {
        "claim": 1,
        "claim[0]": 1,
        "claim[0].id": 2,
        "claim[0].host": 3,
        "claim[0].host[0]": 3,
        "claim[0].host[0].p": 4,
        "claim[0].host[1]": 5,
        "claim[0].host[1].p": 6,
        "claim[1]": 7,
        "claim[1].e": 8,
    }


def test_dotted_and_quoted_keys() -> None:
    found = lines("a.b = 1\n\"c.d\".e = 2\n'f g' = 3\n a . h = 4")
    assert found["a.b"] == 1
    assert found['"c.d".e'] == 2
    assert found['"f g"'] == 3
    assert found["a.h"] == 4


def test_multi_line_strings_hide_what_looks_like_keys() -> None:
    found = lines('a = """\nx = 1\n""\\"\n"""""\nb = \'\'\'\n[[y]]\n\'\'\'\nc = 1')
    assert found == {"a": 1, "b": 5, "c": 8}


def test_multi_line_arrays_give_each_element_its_line() -> None:
    found = lines('a = [ # ]\n  "x", # "y"\n\n  "z",\n  [1,\n 2],\n]\nb = 1')
    assert found == {"a": 1, "a[0]": 2, "a[1]": 4, "a[2]": 5, "a[2][0]": 5, "a[2][1]": 6, "b": 8}


def test_inline_tables() -> None:
    found = lines('a = 1\ne = { from = 2023-01-01 00:00:00Z, "u v" = { x = "}" } }\nb = 1')
    assert found == {"a": 1, "e": 2, "e.from": 2, 'e."u v"': 2, 'e."u v".x': 2, "b": 3}


def test_carriage_returns_count_once() -> None:
    assert lines("a = 1\r\nb = 2\r\n") == {"a": 1, "b": 2}


def test_a_key_given_twice_keeps_its_first_line() -> None:
    assert lines("a = 1\na = 2") == {"a": 1}


def test_json_keys_elements_and_duplicates() -> None:
    found = locate_json('{\n "a": [1,\n  {"b": 2}],\n "a": null\n}')
    assert found.lines == {"a": 2, "a[0]": 2, "a[1]": 3, "a[1].b": 3}
    assert found.duplicates == [("a", 4)]


@pytest.mark.parametrize("deep", [MAX_DEPTH + 1, 100_000])
def test_nesting_over_the_cap_is_named(deep: int) -> None:
    assert locate_toml("\nx = " + "[" * deep).too_deep == 2
    assert locate_json("\n" + "[" * deep).too_deep == 2
    assert locate_toml("\nx = " + "{a=" * deep).too_deep == 2
    assert locate_toml("\n" + "a." * deep + "a = 1").too_deep == 2


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        '"' * 1_000_000,
        "'''" + "'" * 1_000_000,
        "x = [" + "1," * 300_000,
        '"' + "k" * 300_000 + '" = [' + "1," * 100_000 + "]",
        "[" + "k" * 300_000 + "]\n" + "a = 1\n" * 100_000,
        "[[a]]\n" * 200_000,
        "\\" * 500_000,
        "x = [" + "}" * 500_000,
    ],
)
def test_time_is_linear(text: str) -> None:
    start = time.process_time()
    locate_toml(text)
    locate_json(text)
    assert time.process_time() - start < 10


def test_dotted_paths() -> None:
    assert dotted(()) == ""
    assert dotted(("claim", 0, "host", 2, "pattern")) == "claim[0].host[2].pattern"
    assert join("a", "b c") == 'a."b c"'


def test_a_location_without_a_line_has_that_of_its_ancestor() -> None:
    found = {"claim[0]": 3, "claim[0].host": 7}
    assert line_of(found, ("claim", 0, "host", 1, "pattern")) == 7
    assert line_of(found, ("claim", 0, "id")) == 3
    assert line_of(found, ("other",)) is None


SNIPPETS = st.lists(
    st.sampled_from(
        [
            "[",
            "]",
            "[[",
            "]]",
            "{",
            "}",
            '"',
            "'",
            '"""',
            "'''",
            "=",
            ",",
            ".",
            "#",
            "\\",
            "\n",
            "\r",
            " ",
            ":",
            "a",
            "é",
        ]
    ),
    max_size=60,
).map("".join)


@given(text=st.one_of(st.text(), SNIPPETS))
def test_any_text_is_read_without_raising_and_within_its_lines(text: str) -> None:
    last = text.count("\n") + 1
    for found in (locate_toml(text), locate_json(text)):
        assert all(1 <= line <= last for line in found.lines.values())
        assert all(1 <= line <= last for _, line in found.duplicates)
        assert found.too_deep is None or 1 <= found.too_deep <= last


KEYS = st.text(min_size=1, max_size=8).filter(lambda s: s.isprintable())
VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=20,
)


def _locations(value: object, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    steps: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        steps = list(value.items())
    elif isinstance(value, list):
        steps = list(enumerate(value))
    found = [at] if at else []
    for step, inner in steps:
        found += _locations(inner, (*at, step))
    return found


@given(value=st.dictionaries(KEYS, VALUES, max_size=5), indent=st.sampled_from([None, 0, 2]))
@settings(deadline=None)
def test_every_json_key_and_element_is_found(value: dict[str, object], indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    assert set(locate_json(text).lines) == {dotted(at) for at in _locations(value)}


def _toml_value(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_toml_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[\n" + ",\n".join(_toml_value(v) for v in value) + "]"
    return json.dumps(value)


@given(value=st.dictionaries(KEYS, VALUES, max_size=5))
@settings(deadline=None)
def test_every_toml_key_and_element_is_found(value: dict[str, object]) -> None:
    text = "\n".join(f"{json.dumps(key)} = {_toml_value(inner)}" for key, inner in value.items())
    text = text.replace("\x7f", "")
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert set(locate_toml(text).lines) == {dotted(at) for at in _locations(value)}


def test_a_pack_knows_where_each_claim_begins(gazetteer: Gazetteer) -> None:
    claim = '[[claim]]\nid = "{}"\nstatement = "S."\nactivity = "storage"\nallow = ["IE"]\nhosts = ["*.x.example"]\n'
    toml = 'schema = "residency/1"\n\n' + claim.format("a") + "# between\n" + claim.format("b")
    pack = parse_pack(toml, path="x.toml", gazetteer=gazetteer)
    assert [pack.line_of(name) for name in ("a", "b", "c")] == [3, 10, None]
    as_json = json.dumps(tomllib.loads(toml), indent=1)
    lines = as_json.splitlines()
    pack = parse_pack(as_json, path="x.json", gazetteer=gazetteer)
    assert ['"id": "a"' in lines[pack.line_of("a") or 0], '"id": "b"' in lines[pack.line_of("b") or 0]] == [True, True]
