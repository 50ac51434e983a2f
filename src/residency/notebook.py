"""What `residency` values show in a notebook: the writer that the model's `Shown` calls, and the maps.

The one place where the forms of `report` meet the shipped outlines and the gazetteer. Needs no IPython.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from residency.evaluate.rules import RULES
from residency.report import notebook_html, notebook_markdown
from residency.report.notebook_view import explained, view


def html(value: object) -> str:
    """Return a fragment of HTML; raises TypeError for a value that has no view."""
    return notebook_html.render(explained(view(value), RULES))


def markdown(value: object) -> str:
    """Return Markdown; raises TypeError for a value that has no view."""
    return notebook_markdown.render(explained(view(value), RULES))
