"""What was observed, made safe for a terminal: one line, no control or direction characters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def printable(value: object, limit: int | None = None) -> str:
    """Return `value` on one line with every non-printing character (ESC, CR, bidi marks, surrogates) escaped."""
    text = str(value)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else _escape(c) for c in text)
    if limit is not None and len(text) > limit:
        return text[: limit - 1] + "…"
    return text


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
