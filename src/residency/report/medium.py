"""What was observed, made safe for a terminal (one line, no control or direction characters) and for a spreadsheet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "'")
# Where the comma is the decimal sign, spreadsheets cut lines at `;`, whatever is quoted: no formula may follow one.
_CUT = re.compile(r";(?=[\s\"']*[=+@＝＋－＠-])")


def printable(value: object, limit: int | None = None) -> str:
    """Return `value` on one line with every non-printing character (ESC, CR, bidi marks, surrogates) escaped."""
    text = str(value)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else _escape(c) for c in text)
    if limit is not None and len(text) > limit:
        return text[: limit - 1] + "…"
    return text


def cell(text: str) -> str:
    """Return a text for a cell of CSV that no spreadsheet takes for a formula and no terminal for a command.

    What would be a formula, or begins with an apostrophe, gets an apostrophe first.
    """
    shown = text if text.isprintable() else printable(text)
    shown = _CUT.sub(r"\\x3b", shown) if ";" in shown else shown
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def all_printable(value: Any) -> Any:
    """Return a JSON value with every text in it made printable: a saved report may come from anybody."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {printable(key): all_printable(inner) for key, inner in value.items()}
    return [all_printable(inner) for inner in value] if isinstance(value, list | tuple) else value
