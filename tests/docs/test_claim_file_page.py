"""docs/claim-file.md describes every key of every table of the schema, and no other; its examples load."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from residency.claims import claim_schema, load_pack
from residency.claims.schema import TABLES, keys_of
from residency.model.claim import Activity, Binding, Modality, Role
from residency.sources.gazetteer import shipped_gazetteer

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "claim-file.md").read_text(encoding="utf-8")
HEADINGS = {
    "": "## Top level",
    "claim": "## `[[claim]]`",
    "claim.effective": "### `effective`",
    **{name: f"### `[[{name}]]`" for name in TABLES if name.count(".") == 1 and not name.endswith("effective")},
}
DEFINITIONS = {"": None} | {name: table.__name__ for name, table in TABLES.items() if name}
EXAMPLES = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def section(heading: str) -> str:
    """The text below a heading, up to the next one of any level."""
    _, found, rest = PAGE.partition(f"\n{heading}\n")
    assert found, heading
    return re.split(r"^#{2,3} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of the rows of its first table, without the head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def published(name: str) -> dict[str, Any]:
    """A table's definition in `residency claims schema`."""
    whole: dict[str, Any] = claim_schema()
    wanted = DEFINITIONS[name]
    found: dict[str, Any] = whole if wanted is None else whole["$defs"][wanted]
    return found


@pytest.mark.parametrize("name", HEADINGS)
def test_a_table_describes_every_key_and_no_other(name: str) -> None:
    described = [cells[0].strip("`") for cells in rows(section(HEADINGS[name]))]
    assert sorted(described) == sorted(published(name)["properties"]) == sorted(keys_of(TABLES[name]))


@pytest.mark.parametrize("name", HEADINGS)
def test_a_row_has_type_default_meaning_and_example(name: str) -> None:
    required = set(published(name).get("required", ()))
    for key, kind, default, meaning, example in rows(section(HEADINGS[name])):
        assert all((kind, default, meaning, example)), key
        assert (default == "required") is (key.strip("`") in required), key


def test_defaults_with_a_value_are_the_schema_s() -> None:
    for name, heading in HEADINGS.items():
        properties = published(name)["properties"]
        for key, _, default, *_ in rows(section(heading)):
            written = re.fullmatch(r"`(.*)`", default)
            said = properties[key.strip("`")].get("default")
            assert (json.loads(written[1]) if written else None) == said, (name, key)


@pytest.mark.parametrize(
    ("heading", "words"),
    [("## Activities", Activity), ("## Roles", Role), ("## Modality", Modality)],
)
def test_the_words_are_the_program_s(heading: str, words: Any) -> None:
    found = [word for cells in rows(section(heading)) for word in re.findall(r"`(\w+)`", cells[0])]
    assert found == [str(word) for word in words]


def test_bindings_and_kinds_of_sources_are_named() -> None:
    assert all(f"`{word}`" in section(HEADINGS["claim.host"]) for word in Binding)
    kinds = published("claim.source")["properties"]["kind"]["enum"]
    assert all(f"`{word}`" in section(HEADINGS["claim.source"]) for word in kinds)


def test_nested_periods_share_one_table() -> None:
    assert {keys_of(TABLES[name]) for name in TABLES if name.endswith("effective")} == {("from", "until")}


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_examples_load(example: str, tmp_path: Path) -> None:
    path = tmp_path / "claims.toml"
    path.write_text(example, encoding="utf-8")
    assert load_pack(path, gazetteer=shipped_gazetteer()).claims


def test_the_places_of_the_page_are_known() -> None:
    gazetteer = shipped_gazetteer()
    cells = [cells[1] for cells in rows(section("## Places and sets"))]
    names = [name for cell in cells for name in re.findall(r'`"([^"]+)"`', cell)]
    assert len(names) > 7
    for name in names:
        gazetteer.check(name)


def test_the_cells_that_are_examples_are_toml() -> None:
    for name, heading in HEADINGS.items():
        for key, *_, example in rows(section(heading)):
            text = example.strip("`")
            assert tomllib.loads(text if text.startswith("[[") else f"x = {text}"), (name, key)


def test_the_published_schema_is_what_the_command_prints() -> None:
    printed = json.dumps(claim_schema(), indent=2, sort_keys=True) + "\n"
    assert (DOCS / "claim.schema.json").read_text(encoding="utf-8") == printed
