"""The real Zeek logs: every record accounted for, and the same verdicts from the same logs written as JSON."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

import residency
from residency.report import as_json

CLAIMS = """
schema = "residency/1"
[[claim]]
id = "all.us"
statement = "Every conversation ends in the United States."
activity = "connection"
allow = ["US"]
hosts = ["*"]
[[claim]]
id = "google.eea"
statement = "Google answers from the EEA."
activity = "processing"
allow = ["EEA"]
hosts = ["*.google.com", "www.whitehouse.gov"]
"""


@pytest.fixture
def logs() -> Path:
    shared = os.environ.get("RESIDENCY_SHARED")
    if not shared:
        pytest.skip("RESIDENCY_SHARED does not name the shared inputs")
    return Path(shared) / "inputs" / "zeek"


def value(text: str, kind: str, separator: str) -> Any:
    """Write one TSV value as Zeek's JSON writer does."""
    if kind.startswith(("vector", "set")):
        return [] if text == "(empty)" else text.split(separator)
    if kind in ("time", "interval", "double"):
        return float(text)
    if kind in ("count", "port", "int"):
        return int(text)
    return text == "T" if kind == "bool" else text.encode().decode("unicode_escape") if "\\x" in text else text


def as_json_lines(path: Path) -> str:
    """Return a TSV log as one JSON object a line."""
    text = (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode()
    fields: list[str] = []
    kinds: list[str] = []
    lines = []
    for line in text.splitlines():
        name, _, rest = line.partition("\t")
        if name == "#fields":
            fields = rest.split("\t")
        elif name == "#types":
            kinds = rest.split("\t")
        elif not line.startswith("#"):
            row = zip(fields, kinds, line.split("\t"), strict=True)
            lines.append(json.dumps({f: value(v, k, ",") for f, k, v in row if v != "-"}))
    return "\n".join(lines) + "\n"


def test_the_same_verdicts_from_tsv_and_json(logs: Path, tmp_path: Path) -> None:
    claims = tmp_path / "claims.toml"
    claims.write_text(CLAIMS)
    folder = tmp_path / "json"
    folder.mkdir()
    for path in sorted(logs.iterdir()):
        (folder / path.name.removesuffix(".gz")).write_text(as_json_lines(path))
    tsv, ndjson = residency.audit(claims, logs), residency.audit(claims, folder)
    assert sum(i.records for i in tsv.inputs) == 15_707 == sum(i.records for i in ndjson.inputs)
    one, other = as_json.document(tsv), as_json.document(ndjson)
    assert one["claims"] == other["claims"]
    assert one["findings"] == other["findings"]
    counts = ("records", "judged", "out_of_scope", "quarantined", "duplicate", "context")
    assert [[i[c] for c in counts] for i in one["inputs"]] == [[i[c] for c in counts] for i in other["inputs"]]
    assert tsv.verdict("all.us") is residency.Verdict.VIOLATED
