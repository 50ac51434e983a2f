"""Shipped data is verified on every load: name, size, hash, and the manifest itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from residency import shipped
from residency.errors import SourceError


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A writable copy of the small tables, found in place of the shipped ones."""
    real = shipped.data_root()
    for name in ("countries.csv", "jurisdictions.csv", "sites.csv", "manifest.json"):
        shutil.copy(real / name, tmp_path / name)
    monkeypatch.setattr(shipped, "data_root", lambda: tmp_path)
    shipped.manifest.cache_clear()
    yield tmp_path
    shipped.manifest.cache_clear()


def edit_manifest(folder: Path, entry_id: str, **changes: Any) -> None:
    path = folder / "manifest.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    entry = next(e for e in document["entries"] if e["id"] == entry_id)
    entry.update(changes)
    path.write_text(json.dumps(document), encoding="utf-8")


def test_an_untouched_copy_loads(copy: Path) -> None:
    content, entry = shipped.read_verified("countries")
    assert content == (copy / "countries.csv").read_bytes()
    assert entry.size == len(content)


@pytest.mark.parametrize("entry_id", sorted(shipped.manifest()))
def test_every_entry_of_the_real_manifest_verifies(entry_id: str) -> None:
    content, entry = shipped.read_verified(entry_id)
    assert content
    assert entry.snapshot.licence
    assert entry.snapshot.author
    assert entry.snapshot.built is not None


def test_one_changed_byte_is_refused(copy: Path) -> None:
    content = bytearray((copy / "countries.csv").read_bytes())
    content[len(content) // 2] ^= 1
    (copy / "countries.csv").write_bytes(content)
    with pytest.raises(SourceError, match="differs from its manifest"):
        shipped.read_verified("countries")


def test_another_size_is_refused(copy: Path) -> None:
    with (copy / "countries.csv").open("ab") as file:
        file.write(b"\n")
    with pytest.raises(SourceError, match="differs from its manifest"):
        shipped.read_verified("countries")


def test_a_right_hash_with_another_size_is_refused(copy: Path) -> None:
    edit_manifest(copy, "countries", bytes=1)
    with pytest.raises(SourceError, match="differs from its manifest"):
        shipped.read_verified("countries")


def test_another_name_is_refused(copy: Path) -> None:
    (copy / "countries.csv").rename(copy / "lands.csv")
    with pytest.raises(SourceError, match="missing"):
        shipped.read_verified("countries")


def test_a_name_that_points_at_another_file_is_refused(copy: Path) -> None:
    edit_manifest(copy, "countries", file="sites.csv")
    with pytest.raises(SourceError, match="differs from its manifest"):
        shipped.read_verified("countries")


def test_an_entry_that_is_not_listed_is_refused(copy: Path) -> None:
    with pytest.raises(SourceError, match="no entry `nothing`"):
        shipped.read_verified("nothing")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"entries": [{}]}', '{"entries": 3}', "null"])
def test_a_damaged_manifest_is_one_typed_error(copy: Path, text: str) -> None:
    (copy / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match="manifest"):
        shipped.manifest()


def test_a_missing_manifest_is_one_typed_error(copy: Path) -> None:
    (copy / "manifest.json").unlink()
    with pytest.raises(SourceError):
        shipped.read_verified("countries")


def test_a_manifest_that_is_not_text_is_one_typed_error(copy: Path) -> None:
    (copy / "manifest.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SourceError, match="manifest"):
        shipped.manifest()


def test_every_error_says_what_to_do(copy: Path) -> None:
    (copy / "countries.csv").unlink()
    with pytest.raises(SourceError, match="reinstall"):
        shipped.read_verified("countries")
