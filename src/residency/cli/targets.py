"""Targets of `locate` and `resolve`: from the arguments, a file, or standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from residency.errors import UsageError
from residency.files import read_capped
from residency.limits import LIMITS


def read_lines(targets: list[str], file: Path | None, *, what: str) -> Iterable[str] | None:
    """Return the lines of a file or of standard input; None where the targets are the arguments."""
    if targets and file:
        raise UsageError(f"{what}s and --file together; give one of them")
    if file is not None:
        try:
            return read_capped(file, LIMITS.max_target_file_bytes).decode("utf-8").splitlines()
        except OSError as error:
            raise UsageError(f"cannot be read: {error.strerror}", path=file) from error
        except UnicodeDecodeError as error:
            raise UsageError(f"not UTF-8 text; write one {what} a line", path=file) from error
    if targets == ["-"]:
        return sys.stdin
    if not targets:
        raise UsageError(f"no {what} was given; write one, `-` for standard input, or --file FILE")
    return None
