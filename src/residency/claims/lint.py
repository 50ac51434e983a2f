"""Warnings on a claim file that is valid but may not mean what its author thinks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from residency.claims.lines import dotted, line_of
from residency.claims.networks import format_share, share_of_address_space
from residency.model.claim import Claim, Exemption, Modality, Pack
from residency.model.place import Gazetteer
from residency.suffixes import is_private_suffix

WARN_NETWORK_SHARE = 0.001
_MOMENT_OF_OPEN_CLAIM = datetime.fromisoformat("2000-01-01T00:00:00+00:00")

Found = Iterator[tuple[tuple[str | int, ...], str]]


@dataclass(frozen=True, slots=True)
class LintWarning:
    """One warning: where (dotted path and 1-based line) and what, in one line."""

    where: str
    line: int
    text: str


def lint(pack: Pack, gazetteer: Gazetteer) -> tuple[LintWarning, ...]:
    """Return every warning on a pack in the order of its lines; none of them stops an audit."""
    found = [*load_warnings(pack)]
    for i, claim in enumerate(pack.claims):
        for where, text in _habits(claim, gazetteer):
            found.append(_warning(pack, ("claim", i, *where), f"{claim.id}: {text}"))
    return tuple(sorted(found, key=lambda w: (w.line, w.where, w.text)))


def load_warnings(pack: Pack) -> tuple[LintWarning, ...]:
    """Return the warnings that a reader of a verdict must see too: scopes wider than the organisation."""
    found = []
    for i, claim in enumerate(pack.claims):
        for where, text in _wide_scope(pack, i):
            found.append(_warning(pack, ("claim", i, *where), f"{claim.id}: {text}"))
    return tuple(found)


def _warning(pack: Pack, location: tuple[str | int, ...], text: str) -> LintWarning:
    return LintWarning(dotted(location), line_of(pack.lines, location) or 1, text)


def _wide_scope(pack: Pack, index: int) -> Found:
    claim = pack.claims[index]
    short = 0  # the short form `hosts` comes first among the rules
    while dotted(("claim", index, "hosts", short)) in pack.lines:
        short += 1
    for j, rule in enumerate(claim.hosts):
        if rule.pattern.is_wildcard and is_private_suffix(rule.pattern):
            where: tuple[str | int, ...] = ("hosts", j) if j < short else ("host", j - short, "pattern")
            yield (
                where,
                f"{rule.pattern} is a private public suffix: customers of its owner have names under it, not "
                "only this vendor",
            )
    share = share_of_address_space(rule.cidr for rule in claim.networks)
    if share > WARN_NETWORK_SHARE:
        yield ("network",), f"the networks cover {format_share(share)} of the address space; is all of it meant?"


def _habits(claim: Claim, gazetteer: Gazetteer) -> Found:
    if not claim.parties:
        yield (), "names no vendor and no parties, so nothing tells which evidence is the claimant's own"
    if not claim.sources:
        yield (), "names no source; add [[claim.source]] with the page that says it"
    if claim.modality is Modality.MIGRATING and claim.complete is None:
        yield ("modality",), "migrating without `complete`: cannot be contradicted by traffic as written"
    if claim.allow and claim.activity.is_observable and not _allows_a_country(claim, gazetteer):
        yield ("allow",), "names only sites or parts, so evidence that says a country never lies inside it"
    for j, exemption in enumerate(claim.exceptions):
        yield from (((("exception", j), text)) for text in _exception_habits(claim, exemption))


def _allows_a_country(claim: Claim, gazetteer: Gazetteer) -> bool:
    at = claim.effective.start or claim.effective.end or _MOMENT_OF_OPEN_CLAIM
    return bool(gazetteer.area(claim.allow, at).countries())


def _exception_habits(claim: Claim, exemption: Exemption) -> Iterator[str]:
    if exemption.activity is not claim.activity:
        yield f"exception {exemption.id} is about {exemption.activity}: it excuses nothing here"
    elif exemption.is_caveat:
        yield f"exception {exemption.id} names nothing to match: a caveat, by which endpoints are at most adverse"
    elif exemption.places and exemption.effective.end is None:
        yield f"exception {exemption.id} is open-ended; give effective.until when its end is known"
