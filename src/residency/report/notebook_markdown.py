"""A view as Markdown (CommonMark with tables) that reads well as it stands: the plain text of a notebook's output.

What was observed is escaped so that it can be neither markup, a link nor HTML.
"""

from __future__ import annotations

import re

from residency.report.medium import printable
from residency.report.view import Card, Cell, Grid, Mark, View

_MOST_CHARACTERS = 400
_MARKUP = re.compile(r"([\\`*_\[\]<>|~$&])")
# Without a scheme or `www.` no renderer makes a link of what it finds in a text.
_LINK = re.compile(r"(?i)(https?|ftp|mailto|javascript|data)(:)|\b(www)(\.)")
_STARTS_A_BLOCK = re.compile(r"^(\s*)([#+\-=]|\d+[.)])")


def render(view: View) -> str:
    """Return the Markdown, ending in a line's end."""
    parts = [f"**{_text(view.title)}**"]
    parts += map(_card, view.cards)
    parts += [_block(line) for line in view.lines]
    parts += [_grid(grid) for grid in view.grids if grid.rows]
    parts += ["\n".join(f"- {_text(note)}" for note in view.notes)] if view.notes else []
    return "\n\n".join(parts) + "\n"


def _card(card: Card) -> str:
    detail = f" ({_text(card.detail)})" if card.detail else ""
    return f"**{_text(str(card.mark))}**{detail} **{_text(card.title)}**: {_text(card.text)}"


def _grid(grid: Grid) -> str:
    lines = [f"{_block(grid.caption)}:", ""]
    lines.append("| " + " | ".join(map(_text, grid.heads)) + " |")
    lines.append("|" + "|".join("---:" if head in grid.numbers else "---" for head in grid.heads) + "|")
    lines += ["| " + " | ".join(map(_cell, row)) + " |" for row in grid.rows]
    return "\n".join(lines)


def _cell(cell: Cell) -> str:
    return _text(str(cell)) if isinstance(cell, Mark) else _text(cell)


def _block(text: str) -> str:
    return _STARTS_A_BLOCK.sub(r"\1\\\2", _text(text))


def _text(text: str) -> str:
    escaped = _MARKUP.sub(r"\\\1", printable(text, _MOST_CHARACTERS))
    return _LINK.sub(lambda found: f"{found[1] or found[3]}\\{found[2] or found[4]}", escaped)
