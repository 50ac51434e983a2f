"""Locate addresses without any claim or traffic: sources, weighing, and a verdict on one area if asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from os import PathLike

import numpy as np

from residency._version import __version__
from residency.auditing.given import GivenEvidence
from residency.auditing.options import parse_assurance, parse_max_age, parse_places
from residency.errors import UsageError, shorten
from residency.evaluate.locate import Weighed, place_in, side_of, weigh
from residency.evaluate.single import Question, answer
from residency.model.location import Location, Locations, RefusedTarget
from residency.model.network import Address, Addresses, parse_address
from residency.model.period import midnight
from residency.model.place import Area, Gazetteer
from residency.sources.clock import current_day
from residency.sources.gazetteer import shipped_gazetteer
from residency.sources.interface import Source


def locate(
    targets: str | Sequence[str],
    *,
    within: str | Sequence[str] = (),
    sources: Sequence[Source] = (),
    embedded: bool = True,
    geoip: Sequence[str | PathLike[str]] = (),
    ranges: Sequence[str | PathLike[str]] = (),
    geofeeds: Sequence[str | PathLike[str]] = (),
    anycast: Sequence[str | PathLike[str]] = (),
    relays: Sequence[str | PathLike[str]] = (),
    min_assurance: str = "database",
    max_age_days: int | None = None,
    as_of: date | str | None = None,
) -> Locations:
    """Say where addresses are, with the evidence; uses no network.

    `targets` are addresses. With `within` (an area, as in "EEA" or "DE,FR") each gets a place in it and a verdict:
    that of a `connection` claim over one answered conversation on the day `as_of` (default: today, UTC).
    Files of evidence and `sources` of your own are given as for `audit`.

    Raises UsageError for a target that is no address or an area that is none; a verdict is never raised.
    """
    given = [targets] if isinstance(targets, str) else list(targets)
    evidence = GivenEvidence(
        embedded=embedded, geoip=geoip, ranges=ranges, geofeeds=geofeeds, anycast=anycast, relays=relays
    )
    locator = Locator(
        sources=[*evidence.sources(), *sources],
        within=parse_places(within, shipped_gazetteer(), option="--within"),
        min_assurance=min_assurance,
        max_age_days=parse_max_age(max_age_days),
        day=parse_day(as_of),
    )
    return locator.locate([(target, read_target(target)) for target in given])


def locate_lines(lines: Iterable[str], locator: Locator) -> Locations:
    """Locate a list of one address a line; blank lines and `#` remarks are left out, other lines are refused."""
    read: list[tuple[str, Address]] = []
    refused: list[RefusedTarget] = []
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            read.append((text, parse_address(text)))
        except ValueError as error:
            refused.append(RefusedTarget(line=number, text=shorten(text), reason=str(error)))
    return locator.locate(read, refused)


def read_target(target: str) -> Address:
    """Return the address of one target; raises UsageError with what to do."""
    try:
        return parse_address(target)
    except ValueError as error:
        hint = "; resolve the name first and give its addresses" if any(c.isalpha() for c in target) else ""
        raise UsageError(f"`{shorten(target)}`: {error}{hint}") from error


def parse_day(as_of: date | str | None) -> date:
    """Return the day asked about, today where none is given; raises UsageError."""
    if as_of is None:
        return current_day()
    try:
        return as_of if isinstance(as_of, date) else date.fromisoformat(as_of)
    except ValueError as error:
        raise UsageError(f"--as-of `{as_of}`: write a date as 2026-06-01") from error


@dataclass(kw_only=True)
class Locator:
    """The sources, the area and the day; answers for many addresses at once, weighing equal evidence once."""

    sources: Sequence[Source]
    within: tuple[str, ...]
    min_assurance: str
    max_age_days: int | None
    day: date
    gazetteer: Gazetteer = field(default_factory=shipped_gazetteer)
    _known: dict[tuple[object, ...], Location] = field(default_factory=dict)

    @cached_property
    def _world(self) -> Area:
        return self.gazetteer.area(("WORLD",), midnight(self.day))

    @cached_property
    def _question(self) -> Question | None:
        if not self.within:
            return None
        area = self.gazetteer.area(self.within, midnight(self.day))
        return Question(within=self.within, area=area, day=self.day, floor=parse_assurance(self.min_assurance))

    def locate(self, given: Sequence[tuple[str, Address]], refused: Sequence[RefusedTarget] = ()) -> Locations:
        """Locate addresses in the order given."""
        addresses = Addresses([address for _, address in given])
        answers = [source.answer(addresses, [self.day] * len(given)) for source in self.sources]
        codes = np.array([found.codes for found in answers], dtype=np.int64).reshape(len(answers), len(given)).T
        found = []
        for (target, address), row in zip(given, codes.tolist(), strict=True):
            key = (tuple(row), address.address_class, address.form)
            if key not in self._known:
                said = [answers[i].statements[code] for i, code in enumerate(row) if code >= 0]
                weighed = weigh(said, address, first=self.day, last=self.day, max_age_days=self.max_age_days)
                self._known[key] = self._place(address, weighed)
            found.append(_named(self._known[key], target, address))
        self._known.clear()  # codes are those of this call's answers
        return Locations(
            items=tuple(found),
            as_of=self.day,
            within=self.within,
            snapshots=tuple(sorted((source.snapshot for source in self.sources), key=lambda s: s.id)),
            refused=tuple(refused),
            tool_version=__version__,
        )

    def _place(self, address: Address, weighed: Weighed) -> Location:
        anywhere = place_in(weighed, self._world)
        question = self._question
        placed = anywhere if question is None else place_in(weighed, question.area)
        judgement = None if question is None else answer(question, address, weighed)
        return Location(
            target="",
            address=address,
            host=None,
            anycast="listed" if weighed.anycast else "no_evidence",
            feasible=anywhere.feasible,
            where=None if question is None else placed.where,
            assurance=placed.assurance,
            verdict=None if judgement is None else judgement.verdict,
            reasons=() if judgement is None else judgement.reasons,
            rules=tuple(sorted({*weighed.rules, *placed.rules})),
            evidence=weighed.evidence,
            sides=tuple("neither" if question is None else side_of(e, question.area) for e in weighed.evidence),
        )


def _named(found: Location, target: str, address: Address) -> Location:
    return replace(found, target=target, address=address)
