"""How statements are weighed against each other: a folder a case, located with pinned evidence.

`sources/CASE/` holds `case.toml` (target, area, day), `evidence.json`, `expected.json` and a README.md.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

import residency

FOLDERS = sorted(path for path in (Path(__file__).resolve().parent / "sources").iterdir() if path.is_dir())


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_case(folder: Path) -> None:
    case = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))
    expected = read(folder / "expected.json")
    sources = residency.MemorySource.from_json(read(folder / "evidence.json"))
    target = case.pop("target")
    (found,) = residency.locate([target], sources=sources, embedded=False, **case)
    said = {
        "place": found.where and found.where.value,
        "assurance": found.assurance.value,
        "verdict": None if found.verdict is None else found.verdict.value,
        "rules": list(found.rules),
        "struck": sorted(e.statement.source for e in found.evidence if e.struck),
        "echo": {e.statement.source: e.echo for e in found.evidence if e.echo},
    }
    assert said == expected
    assert (folder / "README.md").read_text(encoding="utf-8").count("**Because.**") == 1
