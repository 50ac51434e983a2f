"""Whatever is in a file, reading it gives a Pack or a ClaimError whose faults lie within the file."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from residency.claims import claim_schema, lint, parse_pack
from residency.errors import ClaimError
from residency.model.claim import Pack
from residency.model.place import Gazetteer

KEYS = st.sampled_from(
    [
        "schema",
        "claim",
        "vendor",
        "pack",
        "as_of",
        "id",
        "statement",
        "activity",
        "allow",
        "forbid",
        "hosts",
        "host",
        "network",
        "cidr",
        "pattern",
        "role",
        "effective",
        "from",
        "until",
        "exception",
        "source",
        "case",
        "coverage",
        "ports",
        "asns",
        "complete",
        "modality",
        "parties",
        "subjects",
        "url",
        "date",
        "reply",
        "x.y",
    ]
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        [
            "residency/1",
            "storage",
            "IE",
            "EU",
            "Europe",
            "*.x.example",
            "*",
            "*.com",
            "2023-01-01",
            "5.0.0.0/8",
            "a",
        ]
    ),
)
ANY = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=30
)
FULL: dict[str, Any] = {
    "schema": "residency/1",
    "vendor": "V",
    "claim": [
        {
            "id": "a",
            "statement": "S.",
            "activity": "storage",
            "allow": ["EU"],
            "forbid": ["CN"],
            "effective": {"from": "2023-01-01", "until": "2024-01-01"},
            "coverage": 0.9,
            "hosts": ["*.x.example"],
            "host": [{"pattern": "y.example", "role": "api", "places": ["IE"]}],
            "network": [{"cidr": "5.0.0.0/16", "effective": {"from": "2023-01-01"}}],
            "ports": [443],
            "exception": [{"id": "e", "hosts": ["*.z.example"], "places": ["US"]}],
            "source": [{"url": "https://a.example", "published": "2023-01-01", "kind": "press"}],
            "case": [{"name": "n", "given": "g", "expect": "violated", "because": "b"}],
        }
    ],
}


def _check_error(error: ClaimError, last: int) -> None:
    assert "\n" not in str(error)
    assert len(str(error)) < 2_000
    assert all(fault.line is not None and 1 <= fault.line <= last for fault in error.faults)


def outcome(text: str, gazetteer: Gazetteer) -> Pack | ClaimError:
    """Read a text; fails the test on anything but a Pack or a well-formed ClaimError."""
    last = text.count("\n") + 1
    try:
        pack = parse_pack(text, path="x", gazetteer=gazetteer)
    except ClaimError as error:
        _check_error(error, last)
        return error
    assert all(1 <= line <= last for line in pack.lines.values())
    assert all(1 <= warning.line <= last for warning in lint(pack, gazetteer))
    return pack


def test_the_full_file_is_sound(gazetteer: Gazetteer) -> None:
    assert isinstance(outcome(json.dumps(FULL), gazetteer), Pack)


@given(value=ANY)
@settings(deadline=None)
def test_any_json(gazetteer: Gazetteer, value: object) -> None:
    outcome(json.dumps(value), gazetteer)


@given(text=st.text())
@settings(deadline=None)
def test_any_text(gazetteer: Gazetteer, text: str) -> None:
    outcome(text, gazetteer)


def _paths(value: object, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    steps: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        steps = list(value.items())
    elif isinstance(value, list):
        steps = list(enumerate(value))
    return [at, *(path for step, inner in steps for path in _paths(inner, (*at, step)))]


@given(path=st.sampled_from(_paths(FULL)[1:]), value=ANY)
@settings(deadline=None, max_examples=300)
def test_one_value_replaced_by_anything(gazetteer: Gazetteer, path: tuple[str | int, ...], value: object) -> None:
    changed = copy.deepcopy(FULL)
    target: Any = changed
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    found = outcome(json.dumps(changed, indent=1), gazetteer)
    if isinstance(found, Pack):
        import jsonschema

        assert jsonschema.Draft202012Validator(claim_schema()).is_valid(changed)


@pytest.mark.parametrize("path", sorted((Path(__file__).resolve().parents[2] / "data" / "claims").glob("*.toml")))
@given(data=st.data())
@settings(deadline=None, max_examples=25)
def test_shipped_packs_with_a_line_lost_or_doubled(gazetteer: Gazetteer, path: Path, data: st.DataObject) -> None:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 1))
    outcome("".join([*lines[:at], *lines[at + 1 :]]), gazetteer)
    outcome("".join([*lines[:at], lines[at], *lines[at:]]), gazetteer)
