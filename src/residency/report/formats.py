"""The one registry of report forms: a name, and a function from the JSON document to text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from residency.report import as_json, as_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The medium a form is written for."""

    width: int = 80
    colour: bool = False


def _text(document: Mapping[str, Any], page: Page) -> str:
    return as_text.render(document, width=page.width, colour=page.colour)


def _json(document: Mapping[str, Any], page: Page) -> str:  # noqa: ARG001 (one signature for every form)
    return as_json.dumps(document)


FORMATS: Mapping[str, Callable[[Mapping[str, Any], Page], str]] = {"text": _text, "json": _json}
