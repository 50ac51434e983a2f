"""The errors of residency, divided by whose fault it is.

    ResidencyError
    ├── UsageError     the caller's options
    ├── ClaimError     the caller's claim file; carries every fault with its line
    ├── InputError     bytes of the traffic, a capture or a log, that cannot be read
    ├── SourceError    a source of evidence, shipped or given
    └── LimitError     an input over a cap of `residency.limits`

Each says in one line what is wrong and what to do. A verdict is never an error.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike, fspath

_MAX_VALUE = 80


def shorten(value: object, limit: int = _MAX_VALUE) -> str:
    """Return `value` as one printable line of at most `limit` characters."""
    text = value if isinstance(value, str) else str(value)
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode("ascii") for c in cut)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean X?` for the known word nearest to `word`, or nothing where none is near."""
    near = difflib.get_close_matches(word[:_MAX_VALUE], list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


class ResidencyError(Exception):
    """Root of all errors that residency raises on purpose.

    `path` and `line` (1-based) or `offset` (bytes) say where, as far as known.
    """

    def __init__(
        self,
        what: str,
        *,
        path: str | PathLike[str] | None = None,
        line: int | None = None,
        offset: int | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.path = None if path is None else fspath(path)
        self.line = line
        self.offset = offset

    def __str__(self) -> str:
        if self.path is None:
            return self.what
        where = shorten(self.path, 200)
        if self.line is not None:
            where += f":{self.line}"
        elif self.offset is not None:
            where += f": offset {self.offset}"
        return f"{where}: {self.what}"


class UsageError(ResidencyError):
    """An option or argument that cannot be used as given."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a document: where (dotted path and line), what, and what to do."""

    where: str
    line: int | None
    what: str


class ClaimError(ResidencyError):
    """A claim file that breaks the schema or cannot mean what it says; holds every fault at once."""

    def __init__(self, what: str, *, path: str | PathLike[str] | None = None, faults: Sequence[Fault] = ()) -> None:
        self.faults = tuple(faults)
        super().__init__(what, path=path, line=self.faults[0].line if self.faults else None)


class InputError(ResidencyError):
    """Traffic that cannot be read at all; a damaged record is quarantined instead."""


class SourceError(ResidencyError):
    """A source of evidence that is missing, damaged, of the wrong kind, or too old."""


class LimitError(ResidencyError):
    """An input beyond a cap of `residency.limits`."""
