"""The words and small signs that several parts of the page share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from residency.report.html.markup import el

Doc = Mapping[str, Any]

PLACES = ("outside", "unknown", "inside")
SURENESS: Mapping[str, str] = {
    "measured": "round-trip times prove the place: no signal is faster than light",
    "calibrated": "round-trip times and their statistics give the place, at a stated error rate",
    "declared": "the operator of the network publishes the place; strong evidence, and somebody's word",
    "corroborated": "two databases of different origin agree on the place",
    "database": "a location database says so; the weakest form",
    "none": "no evidence was strong enough for more",
    "no location needed": "any conversation at all decides, wherever it ended",
}
MEANING: Mapping[str, str] = {
    "violating": "contradicts the claim, with every link of the chain",
    "adverse": "speaks against the claim, and a link is missing",
    "doubtful": "outside, by a database alone",
    "unknown": "the place is not known well enough",
    "inside": "where the claim says",
    "excused": "a stated exception matches",
    "not_carrying": "a role that does not carry the data",
    "unanswered": "the server sent nothing",
}
# Shapes tell verdicts and places apart where colours do not: a cross, a ring that is open, a tick; a diamond, a
# hollow square, a disc.
_SHAPES: Mapping[str, str] = {
    "violated": '<path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z"/><path class="cut" d="M5.2 5.2l5.6 5.6M10.8 5.2l-5.6 5.6"/>',
    "inconclusive": '<path class="ring" d="M8 2a6 6 0 1 0 0 12A6 6 0 1 0 8 2" stroke-dasharray="5 2.5"/>'
    '<path d="M7 10.6h2v2H7zM5.2 6.4C5.2 4.7 6.4 3.7 8 3.7s2.8 1 2.8 2.5c0 1.9-2 2-2 3.5H7.2c0-2.2 2-2.3 2-3.4'
    ' 0-.7-.5-1.1-1.2-1.1s-1.2.5-1.2 1.2z"/>',
    "consistent": '<path d="M8 1a7 7 0 1 0 0 14A7 7 0 1 0 8 1"/><path class="cut" d="M4.8 8.3l2.3 2.3 4.2-4.6"/>',
    "outside": '<path d="M8 1l7 7-7 7-7-7z"/>',
    "unknown": '<path class="ring" d="M3 3h10v10H3z"/>',
    "inside": '<path d="M8 2a6 6 0 1 0 0 12A6 6 0 1 0 8 2"/>',
    "vantage": '<path class="ring" d="M8 1v14M1 8h14"/>',
}


def symbols() -> Markup:
    """Return the shapes, once for the whole page."""
    made = [el("symbol", Markup(shape), id=f"i-{name}", viewBox="0 0 16 16") for name, shape in _SHAPES.items()]  # noqa: S704 (constants)
    return el("svg", *made, class_="defs", aria_hidden="true", width=0, height=0)


def icon(name: str) -> Markup:
    """Return one of the shapes, for the eye alone: its word always stands beside it."""
    shape = el("use", href=f"#i-{name}") if name in _SHAPES else None
    return el("svg", shape, class_=f"icon {name}", aria_hidden="true", viewBox="0 0 16 16")


def spoken(word: str) -> str:
    """Return a word of the report as prose: not_carrying is not carrying."""
    return word.replace("_", " ")


def listed(items: Sequence[str], most: int) -> str:
    """Join the first of some texts with commas, and say how many more there are."""
    more = len(items) - most
    return ", ".join(items[:most]) + (f" and {more:,} more" if more > 0 else "")


def day(moment: str) -> str:
    """Format the day of an RFC 3339 time, as in 15 June 2026."""
    at = parsed(moment)
    return f"{at.day} {at:%B} {at.year}"


def parsed(moment: str) -> datetime:
    """Read an RFC 3339 time of a report."""
    return datetime.fromisoformat(moment).astimezone(UTC)


def clock(moment: str) -> str:
    """Format an RFC 3339 time to the second, as in 2026-06-15 09:30:00."""
    return moment[:19].replace("T", " ")


def period(text: str) -> str:
    """Format a period `from/until` of a report, an open end of which is `..`."""
    start, _, end = text.partition("/")
    if start in ("", "..") and end in ("", ".."):
        return "always"
    since = f"from {_edge(start)}" if start not in ("", "..") else ""
    until = f"until {_edge(end)}" if end not in ("", "..") else ""
    return " ".join(filter(None, (since, until)))


def _edge(moment: str) -> str:
    return moment[:10] if moment[10:].startswith("T00:00:00Z") or len(moment) <= 10 else clock(moment)


def span(seen: Doc) -> str:
    """Say from when to when the traffic runs."""
    if not seen["first"]:
        return "no flows"
    first, last = day(seen["first"]), day(seen["last"])
    return first if first == last else f"{first} to {last}"


def anchor(claims: Sequence[Doc], claim: str) -> str:
    """Return the place in the page of a claim: its number in the document, whatever its id is made of."""
    return next((f"claim-{number}" for number, one in enumerate(claims, start=1) if one["id"] == claim), "claims")
