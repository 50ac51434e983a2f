"""Columns come back as written, or not at all."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from residency.sources.interval_cache import HEADER, Columns, DamagedCacheError, new_folder, write_columns

COLUMNS = {
    "starts": np.array([0, 5, 2**32 - 1], dtype=np.uint32),
    "wide": np.array([b"\0" * 15 + b"\1", b"\xff" * 16], dtype="S16"),
    "lat": np.array([53.3, np.nan]),
    "empty": np.empty(0, dtype=np.int32),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_columns(tmp_path, COLUMNS, {"networks": 3})
    return tmp_path


def test_columns_come_back_as_written(folder: Path) -> None:
    columns = Columns(folder)
    columns.verify()
    assert columns.about == {"networks": 3}
    for name, column in COLUMNS.items():
        np.testing.assert_array_equal(columns[name], column)
        assert columns[name].dtype == column.dtype


def test_columns_cannot_be_changed(folder: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        Columns(folder)["starts"][0] = 1


def test_no_flipped_bit_is_accepted(folder: Path) -> None:
    dice = random.Random(1)
    files = sorted(path for path in folder.iterdir() if path.stat().st_size)
    sizes = [path.stat().st_size for path in files]
    accepted = 0
    for _ in range(1_000):
        path = dice.choices(files, sizes)[0]
        content = path.read_bytes()
        bit = dice.randrange(len(content) * 8)
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bytes(flipped))
        try:
            Columns(folder).verify()
            accepted += 1
        except DamagedCacheError:
            pass
        path.write_bytes(content)
    assert accepted == 0


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / HEADER).unlink(),
        lambda folder: (folder / HEADER).write_text("[]"),
        lambda folder: (folder / HEADER).write_text('{"sha256": 1}'),
        lambda folder: (folder / "starts.bin").unlink(),
        lambda folder: (folder / "starts.bin").write_bytes(b"\0" * 8),
        lambda folder: (folder / "starts.bin").write_bytes(b"\0" * 16),
    ],
)
def test_what_is_missing_or_cut_is_refused(folder: Path, damage: Callable[[Path], object]) -> None:
    damage(folder)
    with pytest.raises(DamagedCacheError):
        Columns(folder).verify()


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    final = tmp_path / "cache" / "x"

    def broken() -> None:
        with new_folder(final) as scratch:
            write_columns(scratch, COLUMNS, {})
            raise KeyError

    with pytest.raises(KeyError):
        broken()
    assert list(final.parent.iterdir()) == []
    with new_folder(final) as scratch:
        write_columns(scratch, COLUMNS, {})
        assert not final.exists()
    assert [path.name for path in final.parent.iterdir()] == ["x"]


def test_the_one_that_comes_second_leaves_the_first(tmp_path: Path) -> None:
    final = tmp_path / "x"
    with new_folder(final) as late:
        write_columns(late, COLUMNS, {"who": "late"})
        with new_folder(final) as early:
            write_columns(early, COLUMNS, {"who": "early"})
    assert Columns(final).about == {"who": "early"}
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
