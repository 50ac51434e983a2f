"""What is shown of a value, as data for the writers of each medium: cards of verdicts, small tables, lines and notes.

Nothing is escaped here: that is the writers' part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum


class Tone(StrEnum):
    """What colour may add to a word; the word alone says it all."""

    GOOD = "good"
    BAD = "bad"
    OPEN = "open"
    PLAIN = "plain"


_TONES = {
    **dict.fromkeys(("consistent", "inside", "answer"), Tone.GOOD),
    **dict.fromkeys(("violated", "violating", "outside", "adverse"), Tone.BAD),
    **dict.fromkeys(("inconclusive", "unknown", "doubtful"), Tone.OPEN),
}


@dataclass(frozen=True, slots=True)
class Mark:
    """One of our own words, with its tone."""

    word: str

    @property
    def tone(self) -> Tone:
        """The tone of the word."""
        return _TONES.get(self.word, Tone.PLAIN)

    def __str__(self) -> str:
        return self.word.replace("_", " ")


Cell = str | Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One verdict: its word, whose it is, how far it goes, and why."""

    mark: Mark
    title: str
    detail: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A small table; the columns in `numbers` stand right."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numbers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is shown of one value, in this order."""

    title: str
    cards: tuple[Card, ...] = ()
    lines: tuple[str, ...] = ()
    grids: tuple[Grid, ...] = ()
    rules: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def explained(shown: View, sentences: Mapping[str, str]) -> View:
    """Return the view with a table of what its rules say; `sentences` are those of the rule ids."""
    rows = tuple((rule, sentences.get(rule, "(unknown rule)")) for rule in shown.rules)
    return replace(shown, grids=(*shown.grids, Grid(caption="Rules", heads=("rule", "says"), rows=rows)), rules=())
