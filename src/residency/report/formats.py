"""The one registry of report forms: a name, and a function from the JSON document to text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from residency.report import as_json, as_text

if TYPE_CHECKING:
    from residency.model.atlas import Atlas


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The medium a form is written for."""

    width: int = 80
    colour: bool = False
    atlas: Atlas | None = None  # for forms that draw maps
    rules: Mapping[str, str] = field(default_factory=dict)  # rule id -> its sentence


def _text(document: Mapping[str, Any], page: Page) -> str:
    return as_text.render(document, width=page.width, colour=page.colour)


def _json(document: Mapping[str, Any], page: Page) -> str:  # noqa: ARG001 (one signature for every form)
    return as_json.dumps(document)


def _html(document: Mapping[str, Any], page: Page) -> str:
    from residency.report.html.page import render

    return render(document, atlas=page.atlas, rules=page.rules)


FORMATS: Mapping[str, Callable[[Mapping[str, Any], Page], str]] = {"text": _text, "json": _json, "html": _html}
