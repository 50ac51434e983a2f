"""Quantities for a reader, and the one that the metre is defined by."""

from __future__ import annotations

LIGHT_KM_PER_S = 299_792.458  # in vacuum, exactly


def format_bytes(count: int) -> str:
    """Format bytes in decimal units with two significant digits below ten, as in 2 MB, 1.5 kB, 40 GB."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB", "PB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    number = f"{value:.0f}" if unit == "B" or value >= 10 else f"{value:.1f}".removesuffix(".0")
    return f"{number} {unit}"


def counted(number: int, noun: str) -> str:
    """Format a number with its noun, as in 1 conversation, 2,000 conversations."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
