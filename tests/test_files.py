"""A whole file up to a cap, whatever its size says."""

from __future__ import annotations

from pathlib import Path

import pytest

from residency.errors import LimitError
from residency.files import read_capped


@pytest.mark.parametrize("content", [b"", b"a", b"abc"])
def test_a_file_within_the_cap_is_read_whole(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    assert read_capped(tmp_path / "file", 3) == content


def test_one_byte_more_is_refused_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abcd")
    with pytest.raises(LimitError, match=r"file: is larger than 3 bytes"):
        read_capped(tmp_path / "file", 3)


def test_a_device_without_an_end_ends_at_the_cap() -> None:
    with pytest.raises(LimitError, match="is larger than 1,024 bytes"):
        read_capped("/dev/zero", 1_024)


def test_what_cannot_be_read_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_capped(tmp_path / "missing", 3)
