"""Where one target is, by the evidence at hand: what `locate` answers (DESIGN section 7.6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, overload

from residency.model import tables
from residency.model.evidence import Assurance, Evidence, Snapshot
from residency.model.network import Address
from residency.model.place import Place, countries_of, sites_of
from residency.model.shown import Mapped
from residency.model.tables import EvidenceTable, Tabular
from residency.model.vantage_check import VantageCheck
from residency.model.verdict import Reason, Verdict, Where


@dataclass(frozen=True, slots=True, kw_only=True)
class Location(Mapped):
    """One target with its feasible places, and its place and verdict in the area that was asked about.

    Without an area `where` is None and `assurance` says how well the feasible places are known. `anycast` is
    `detected` (by round-trip times), `listed` or `no_evidence`: that no list names it does not make it unicast. The
    `address` of a name or label that times were measured to is of the form `label`.
    """

    target: str
    address: Address
    host: str | None
    anycast: str
    feasible: tuple[Place, ...]
    where: Where | None
    assurance: Assurance
    verdict: Verdict | None
    reasons: tuple[Reason, ...]
    rules: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    sides: tuple[str, ...]
    excluded: tuple[str, ...] = ()

    @property
    def countries(self) -> tuple[str, ...]:
        """The feasible countries, sorted."""
        return countries_of(self.feasible)

    @property
    def sites(self) -> tuple[str, ...]:
        """The feasible sites and provider regions, sorted."""
        return sites_of(self.feasible)

    def map(self) -> Any:
        """Return an altair chart of where it is and of the countries excluded; needs the extra `map`."""
        return self._draw()


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedTarget:
    """A target that cannot be located, and why: no address, or a name without one. `line` is that of a list."""

    line: int | None
    text: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Locations(Tabular, Mapped, Sequence[Location]):
    """All targets in the order given, the day that they were asked about, and the snapshots that answered."""

    items: tuple[Location, ...]
    as_of: date
    within: tuple[str, ...]
    snapshots: tuple[Snapshot, ...]
    refused: tuple[RefusedTarget, ...] = ()
    tool_version: str = ""
    warnings: tuple[str, ...] = ()
    vantages: tuple[VantageCheck, ...] = ()

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> Location: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Location, ...]: ...
    def __getitem__(self, index: int | slice) -> Location | tuple[Location, ...]:
        return self.items[index]

    def __iter__(self) -> Iterator[Location]:
        return iter(self.items)

    @property
    def evidence(self) -> EvidenceTable:
        """Every piece of evidence, one row each, by `target`."""
        said = ((item, e, side) for item in self for e, side in zip(item.evidence, item.sides, strict=True))
        return EvidenceTable(("target",), tuple(((item.target,), e, side) for item, e, side in said))

    def _columns(self) -> Mapping[str, str]:
        return tables.LOCATION_COLUMNS

    def _rows(self) -> tables.Rows:
        return map(tables.location_row, self.items)

    def map(self) -> Any:
        """Return an altair chart of where the targets are; needs the extra `map`. See `Report.map`."""
        return self._draw()

    @property
    def exit_code(self) -> int:
        """2 with refused targets, 1 with a violated one, 3 with an inconclusive one, else 0."""
        verdicts = {item.verdict for item in self.items if item.verdict is not None}
        if self.refused:
            return 2
        if Verdict.VIOLATED in verdicts:
            return 1
        return 3 if Verdict.INCONCLUSIVE in verdicts else 0
