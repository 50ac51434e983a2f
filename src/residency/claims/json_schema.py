"""The published JSON Schema (2020-12) of a claim file, for editors and other tools.

It says the shape. What needs the gazetteer, the Public Suffix List or several keys at once (see `rules`) is
checked by `residency claims lint` only.
"""

from __future__ import annotations

from typing import Any

from residency.claims.schema import FileTable


def claim_schema() -> dict[str, object]:
    """Return the JSON Schema of a claim file; the same version gives the same bytes."""
    generated = FileTable.model_json_schema(by_alias=True, mode="validation")
    cleaned: dict[str, Any] = _clean(generated)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:residency:claim:1",
        **cleaned,
        "title": "residency claim file",
        "description": "What an organisation declares about where data is kept (TOML 1.0, or JSON of this shape).",
    }


def _clean(value: Any) -> Any:
    """Drop what pydantic adds for Python: null alternatives, null defaults, titles of fields."""
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if not isinstance(value, dict):
        return value
    out = {
        key: _clean(item)
        for key, item in sorted(value.items())
        if not (key == "default" and item in (None, "", [], ())) and not (key == "title" and isinstance(item, str))
    }
    options = out.get("anyOf")
    if isinstance(options, list) and {"type": "null"} in options:
        rest = [option for option in options if option != {"type": "null"}]
        out = {key: item for key, item in out.items() if key != "anyOf"}
        return {**rest[0], **out} if len(rest) == 1 else {**out, "anyOf": rest}
    return out
