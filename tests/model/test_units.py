"""Bytes for a reader."""

from __future__ import annotations

import pytest

from residency.model.units import format_bytes


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (1500, "1.5 kB"),
        (2_000_000, "2 MB"),
        (40_400_000, "40 MB"),
        (10**18, "1000 PB"),
    ],
)
def test_two_digits_are_enough(count: int, text: str) -> None:
    assert format_bytes(count) == text
