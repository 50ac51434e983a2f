"""What was observed, made safe for a terminal: one line, no control or direction characters."""

from __future__ import annotations


def printable(value: object, limit: int | None = None) -> str:
    """Return `value` on one line with every non-printing character (ESC, CR, bidi marks, surrogates) escaped."""
    text = "".join(c if c.isprintable() else _escape(c) for c in str(value))
    if limit is not None and len(text) > limit:
        return text[: limit - 1] + "…"
    return text


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
