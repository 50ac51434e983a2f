"""A view as a fragment of HTML for a notebook: no script, no link, nothing fetched; every text escaped.

The colours are laid over whatever the notebook's theme is. Where a viewer strips the style, headings and tables stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from residency.report.medium import printable
from residency.report.view import Card, Cell, Grid, Mark, View

_MOST_CHARACTERS = 400
_STYLE = """
.residency-view{font-family:system-ui,sans-serif;font-size:13px;line-height:1.45;max-width:72em}
.residency-view p{margin:.3em 0}.residency-view .rv-title{font-weight:600}
.residency-view .rv-card{border:1px solid #8884;border-left-width:5px;border-radius:4px;padding:.4em .8em;margin:.5em 0}
.residency-view .rv-good{border-color:#1a7f4b}.residency-view .rv-bad{border-color:#c0392b}
.residency-view .rv-open{border-color:#a87900}
.residency-view b.rv-mark{white-space:nowrap;border-radius:3px;padding:.05em .45em;color:#fff;
background:#555;font-weight:600}
.residency-view b.rv-mark.rv-good{background:#1a7f4b}.residency-view b.rv-mark.rv-bad{background:#c0392b}
.residency-view b.rv-mark.rv-open{background:#8a6400}
.residency-view .rv-wide{overflow-x:auto}
.residency-view table{border-collapse:collapse;margin:.6em 0;font-size:inherit}
.residency-view caption{text-align:left;font-weight:600;padding:.2em 0}
.residency-view th,.residency-view td{text-align:left;vertical-align:top;padding:.2em .8em .2em 0;
border-bottom:1px solid #8884;overflow-wrap:break-word;max-width:32em}
.residency-view th.rv-number,.residency-view td.rv-number{text-align:right;white-space:nowrap}
.residency-view .rv-note{opacity:.75}
""".replace("\n", "")


def render(view: View) -> str:
    """Return the fragment: one `div` that needs nothing beside it."""
    return "".join(
        [
            f'<div class="residency-view"><style>{_STYLE}</style>',
            f'<p class="rv-title">{_text(view.title)}</p>',
            *map(_card, view.cards),
            *(f"<p>{_text(line)}</p>" for line in view.lines),
            *(_grid(grid) for grid in view.grids if grid.rows),
            *(f'<p class="rv-note">{_text(note)}</p>' for note in view.notes),
            "</div>",
        ]
    )


def _card(card: Card) -> str:
    detail = f" ({_text(card.detail)})" if card.detail else ""
    head = f"{_mark(card.mark)} <b>{_text(card.title)}</b>{detail}"
    return f'<div class="rv-card rv-{card.mark.tone}"><p>{head}</p><p>{_text(card.text)}</p></div>'


def _grid(grid: Grid) -> str:
    heads = "".join(f'<th scope="col"{_side(grid, head)}>{_text(head)}</th>' for head in grid.heads)
    rows = "".join(f"<tr>{''.join(_cells(grid, row))}</tr>" for row in grid.rows)
    table = f"<caption>{_text(grid.caption)}</caption><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody>"
    return f'<div class="rv-wide"><table>{table}</table></div>'


def _cells(grid: Grid, row: Iterable[Cell]) -> Iterator[str]:
    for head, cell in zip(grid.heads, row, strict=True):
        inner = _mark(cell) if isinstance(cell, Mark) else _text(cell)
        yield f"<td{_side(grid, head)}>{inner}</td>"


def _side(grid: Grid, head: str) -> str:
    return ' class="rv-number"' if head in grid.numbers else ""


def _mark(mark: Mark) -> str:
    return f'<b class="rv-mark rv-{mark.tone}">{_text(str(mark))}</b>'


def _text(text: str) -> str:
    return escape(printable(text, _MOST_CHARACTERS))
