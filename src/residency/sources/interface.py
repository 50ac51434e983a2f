"""The seam between sources and evaluation: many addresses in, few distinct statements out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from residency.model.evidence import Snapshot, Statement
from residency.model.network import Addresses


@dataclass(frozen=True, slots=True)
class Answer:
    """`codes[i]` is the index in `statements` of what is said of address i, -1 for nothing."""

    codes: NDArray[np.int64]
    statements: tuple[Statement, ...]

    @classmethod
    def of_rows(cls, rows: NDArray[np.int64], say: Callable[[int], Statement]) -> Answer:
        """Return what `say` makes of the row that answers each address (-1: none); rows that say the same share it."""
        distinct, place = np.unique(rows, return_inverse=True)
        said: dict[Statement, int] = {}
        codes = [-1 if row < 0 else said.setdefault(say(row), len(said)) for row in distinct.tolist()]
        return cls(np.array(codes, dtype=np.int64)[place], tuple(said))


class Source(Protocol):
    """A provider of evidence on addresses."""

    @property
    def snapshot(self) -> Snapshot:
        """Its version: name, author, date, hash, licence; `edges` are the days at which its answers change."""
        ...

    def answer(self, addresses: Addresses, days: Sequence[date]) -> Answer:
        """Say what is known of every address as of the day given for it (both of one length)."""
        ...


class Asked:
    """What every source said of each of many addresses; `codes[i]` stands for all statements on address i."""

    def __init__(self, sources: Sequence[Source], addresses: Addresses, days: Sequence[date]) -> None:
        """Ask every source about every address as of the day given for it (both of one length)."""
        answers = [source.answer(addresses, days) for source in sources]
        columns = np.array([answer.codes for answer in answers], dtype=np.int64).reshape(len(answers), len(addresses))
        self.codes: list[tuple[int, ...]] = [tuple(codes) for codes in columns.T.tolist()]
        self._statements = [answer.statements for answer in answers]

    def said(self, codes: Sequence[int]) -> list[Statement]:
        """Return the statements that the codes of one address stand for, in the order of the sources."""
        return [self._statements[i][code] for i, code in enumerate(codes) if code >= 0]
