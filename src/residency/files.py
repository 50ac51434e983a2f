"""Reads a whole file up to a cap: also one without an end, such as a device, whose size says 0."""

from __future__ import annotations

from os import PathLike

from residency.errors import LimitError


def read_capped(path: str | PathLike[str], max_bytes: int) -> bytes:
    """Return the content of a file; raises LimitError over `max_bytes`, and OSError where it cannot be read."""
    with open(path, "rb") as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise LimitError(f"is larger than {max_bytes:,} bytes, the most that is read", path=path)
    return content
