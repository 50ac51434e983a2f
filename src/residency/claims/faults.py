"""Validation errors told as faults: one line each, what is wrong and what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from residency.claims.fields import kind_of
from residency.claims.lines import dotted, line_of
from residency.claims.schema import SCHEMA, TABLES, keys_of
from residency.errors import ClaimError, Fault, shorten

MAX_FAULTS = 1_000  # of one table; the rest is counted

Location = tuple[str | int, ...]

_ARRAYS = ("claim", "host", "network", "exception", "source", "counter_evidence", "reply", "case")
_WHERE_MISSING = {
    "schema": f'is missing; begin the file with schema = "{SCHEMA}"',
    "claim": "is missing: a file without a claim says nothing; add [[claim]] (see `residency claims new`)",
}


class Faults:
    """The faults of one document, gathered with the lines of its keys."""

    def __init__(self, lines: Mapping[str, int]) -> None:
        self.lines = lines
        self._found: list[Fault] = []

    def add(self, location: Location, what: str, *, line: int | None = None) -> None:
        """Note one fault at a location; the line is that of the key, or of its nearest ancestor."""
        known = line if line is not None else line_of(self.lines, location)
        self._found.append(Fault(dotted(location), known or 1, what))

    def add_all(self, error: ValidationError, prefix: Location = ()) -> None:
        """Note every error of a pydantic validation below `prefix`."""
        details = error.errors(include_url=False)
        for detail in details[:MAX_FAULTS]:
            location = (*prefix, *detail["loc"])
            self.add(location, explain(detail, location))
        if len(details) > MAX_FAULTS:
            self.add(prefix, f"has {len(details) - MAX_FAULTS} more faults, which are not listed")

    def raise_any(self, path: str) -> None:
        """Raise the one ClaimError that carries all faults in the order of the file, if there are any."""
        if not self._found:
            return
        ordered = sorted(set(self._found), key=lambda f: (f.line or 0, f.where, f.what))
        first = ordered[0]
        text = f"{first.where}: {first.what}" if first.where else first.what
        if len(ordered) > 1:
            text += f" (and {len(ordered) - 1} more fault{'s' if len(ordered) > 2 else ''})"
        raise ClaimError(text, path=path, faults=ordered)


def explain(detail: ErrorDetails, location: Location) -> str:
    """Return one line on a validation error: what is wrong and what to do."""
    kind, given = detail["type"], detail["input"]
    key = next((str(step) for step in reversed(location) if isinstance(step, str)), "")
    context: Mapping[str, Any] = detail.get("ctx") or {}
    if kind == "missing":
        return _WHERE_MISSING.get(dotted(location), "is missing and required")
    if kind == "extra_forbidden":
        return _unknown_key(location)
    if kind in ("tuple_type", "model_type", "dict_type", "list_type"):
        return _wrong_shape(location, key, given)
    if kind == "string_type":
        return f"must be text in quotes, not {kind_of(given)}"
    if kind in ("int_type", "int_from_float"):
        return f"must be a whole number, not {kind_of(given)}"
    if kind in ("float_type", "finite_number"):
        return f"must be a finite number, not {shorten(given, 40) if isinstance(given, float) else kind_of(given)}"
    if kind in ("greater_than", "greater_than_equal", "less_than_equal"):
        bounds = {"coverage": "above 0 and at most 1", "ports": "0 to 65535", "asns": "1 to 4294967295"}
        return f"{shorten(given, 40)} is out of range; allowed is {bounds.get(key, str(context))}"
    if kind == "string_unicode":
        return "holds a lone surrogate, which is no character"
    return shorten(detail["msg"], 600)


def nearest_key(location: Location) -> str | None:
    """Return the known key that an unknown one resembles, or None."""
    near = difflib.get_close_matches(_last(location), _known_keys(location), n=1, cutoff=0.6)
    return near[0] if near else None


def _last(location: Location) -> str:
    return shorten(location[-1], 80)


def _known_keys(location: Location) -> tuple[str, ...]:
    table = TABLES.get(".".join(_names(location[:-1])))
    return keys_of(table) if table else ()


def _names(location: Iterable[str | int]) -> list[str]:
    return [step for step in location if isinstance(step, str)]


def _unknown_key(location: Location) -> str:
    near = nearest_key(location)
    if near is not None:
        return f"unknown key `{_last(location)}`; did you mean `{near}`?"
    return f"unknown key `{_last(location)}`; known here: {', '.join(_known_keys(location))}"


def _wrong_shape(location: Location, key: str, given: object) -> str:
    if isinstance(location[-1], str) and key in _ARRAYS:
        header = ".".join(_names(location))
        return f"must be a list of tables, not {kind_of(given)}; write [[{header}]] with two brackets"
    if key == "effective":
        return f"must be a table, as in effective = {{ from = 2023-09-05 }}, not {kind_of(given)}"
    if isinstance(location[-1], int) and key in _ARRAYS:
        return f"must be a table, not {kind_of(given)}"
    return f'must be a list, as in ["…"], not {kind_of(given)}'
