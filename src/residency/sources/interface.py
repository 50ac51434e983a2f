"""The seam between sources and evaluation: many addresses in, few distinct statements out."""

from __future__ import annotations

from collections.abc import Sequence
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


class Source(Protocol):
    """A provider of evidence on addresses."""

    @property
    def snapshot(self) -> Snapshot:
        """Its version: name, author, date, hash, licence; `edges` are the days at which its answers change."""
        ...

    def answer(self, addresses: Addresses, days: Sequence[date]) -> Answer:
        """Say what is known of every address as of the day given for it (both of one length)."""
        ...
