"""Names beside the marks of a map, where there is room: none covers a mark or another name."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from residency.report.html.markup import el
from residency.report.html.projection import HEIGHT, WIDTH

Point = tuple[float, float]
Box = tuple[float, float, float, float]  # left, top, right, bottom

_MOST, _SIZE, _GAP = 10, 24.0, 6.0  # labels; the size of letters and their distance in units of the canvas
_LONGEST = 28


def labelled(marks: Sequence[tuple[Point, float, str]]) -> Markup:
    """Return the names of (point, radius, name), the first ones first, each to a side of its mark that is free.

    A mark without a name keeps its room all the same.
    """
    taken = [(x - r, y - r, x + r, y + r) for (x, y), r, _ in marks]
    made: list[Markup] = []
    for (x, y), r, name in marks:
        text = name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
        width = 0.52 * _SIZE * len(text)
        sides = {"start": (x + r + _GAP, x + r + _GAP), "end": (x - r - _GAP, x - r - _GAP - width)}
        for anchor, (at, left) in sides.items():
            box = (left, y - _SIZE / 2, left + width, y + _SIZE / 2)
            if text and len(made) < _MOST and _is_free(box, taken):
                taken.append(box)
                made.append(el("text", text, x=round(at, 1), y=round(y + 0.35 * _SIZE, 1), text_anchor=anchor))
                break
    return el("g", *made, class_="labels")


def _is_free(box: Box, taken: Sequence[Box]) -> bool:
    left, top, right, bottom = box
    if left < 0 or top < 0 or right > WIDTH or bottom > HEIGHT:
        return False
    return all(right <= a or left >= c or bottom <= b or top >= d for a, b, c, d in taken)
