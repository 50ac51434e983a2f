"""What `residency` values show in a notebook: the writer that the model's `Shown` calls, and the maps.

The one place where the forms of `report` meet the shipped outlines and the gazetteer. Needs no IPython.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from residency.evaluate.rules import RULES
from residency.model.location import Location, Locations
from residency.model.tables import missing_extra
from residency.model.verdict import Report
from residency.report import map_data, notebook_html, notebook_markdown
from residency.report.map_shapes import middles
from residency.report.notebook_view import view
from residency.report.view import explained
from residency.sources.borders import read_rings
from residency.sources.gazetteer import shipped_gazetteer


def html(value: object) -> str:
    """Return a fragment of HTML; raises TypeError for a value that has no view."""
    return notebook_html.render(explained(view(value), RULES))


def markdown(value: object) -> str:
    """Return Markdown; raises TypeError for a value that has no view."""
    return notebook_markdown.render(explained(view(value), RULES))


def draw(value: object, claim: str | None = None) -> Any:
    """Return the map of a report (of one claim, where one is named) or of located targets as an altair chart.

    Raises UsageError where the extra `map` is not installed, KeyError for a claim that is not in the report.
    """
    try:
        from residency.report import map_chart
    except ImportError as error:
        raise missing_extra(".map()", "map") from error
    return map_chart.chart(_maps(value, claim), *read_rings())


def _maps(value: object, claim: str | None) -> tuple[map_data.MapData, ...]:
    if isinstance(value, Report):
        return map_data.of_report(value, _atlas(), claim)
    if isinstance(value, Locations):
        return map_data.of_locations(value, _atlas())
    if isinstance(value, Location):
        return map_data.of_location(value, _atlas())
    raise TypeError(f"there is no map of {type(value).__name__}")


@lru_cache(maxsize=1)
def _atlas() -> map_data.Atlas:
    return map_data.Atlas(shipped_gazetteer(), middles(*read_rings()))
