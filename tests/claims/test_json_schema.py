"""The published JSON Schema: valid, described, stable, and of one mind with the reader about shapes."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import jsonschema
import pytest

from residency.claims import claim_schema, template

PACKS = sorted((Path(__file__).resolve().parents[2] / "data" / "claims").glob("*.toml"))


def plain(value: object) -> object:
    return json.loads(json.dumps(value, default=lambda v: v.isoformat() if isinstance(v, date) else v))


def errors(value: object) -> list[str]:
    validator = jsonschema.Draft202012Validator(claim_schema())
    return [error.message for error in validator.iter_errors(value)]


def test_it_is_a_schema_of_2020_12() -> None:
    schema = claim_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)


def test_it_is_stable() -> None:
    assert json.dumps(claim_schema()) == json.dumps(claim_schema())


def objects(value: object) -> Iterator[dict[str, object]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(inner)


def test_every_key_is_described_and_nothing_else_is_allowed() -> None:
    tables = [o for o in objects(claim_schema()) if o.get("type") == "object"]
    assert len(tables) == 10
    for table in tables:
        assert table["additionalProperties"] is False
        assert isinstance(table["properties"], dict)
        assert all("description" in field for field in table["properties"].values()), table
    assert "null" not in json.dumps(claim_schema())


@pytest.mark.parametrize("path", PACKS, ids=lambda path: path.stem)
def test_shipped_packs_are_valid(path: Path) -> None:
    assert errors(plain(tomllib.loads(path.read_text(encoding="utf-8")))) == []


def test_the_template_is_valid() -> None:
    assert errors(plain(tomllib.loads(template()))) == []


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "residency/2"},
        {"schema": None},
        {"claim": []},
        {"extra": 1},
        {"claim": [{"id": "A", "statement": "S", "activity": "storage"}]},
        {"claim": [{"id": "a", "statement": "S", "activity": "stores"}]},
        {"claim": [{"id": "a", "statement": "S", "activity": "storage", "ports": [70000]}]},
        {"claim": [{"id": "a", "statement": "S", "activity": "storage", "coverage": 0}]},
        {"claim": [{"id": "a", "statement": "S", "activity": "storage", "effective": {"from": 1}}]},
    ],
)
def test_wrong_shapes_are_refused(change: dict[str, object]) -> None:
    sound = plain(tomllib.loads(template()))
    assert isinstance(sound, dict)
    assert errors({**sound, **change})
