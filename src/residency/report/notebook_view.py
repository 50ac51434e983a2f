"""What a notebook shows of each kind of value: what fits on a screen, and how much is left out.

It reads the values themselves and not the JSON document, which would be made whole to show ten rows of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import singledispatch

from residency.model.claim import Claim, Pack
from residency.model.evidence import Evidence, authors_of, has_proving_times
from residency.model.location import Location, Locations
from residency.model.network import AddressForm
from residency.model.period import Period
from residency.model.place import countries_of
from residency.model.resolution import Lookup, Resolution
from residency.model.units import counted, format_bytes
from residency.model.verdict import ClaimResult, ClaimResults, Finding, Findings, Outcome, Report, Verdict
from residency.report import wording
from residency.report.view import Card, Cell, Grid, Mark, View

_FEW = 10
_MANY = 20
_EVIDENCE_IN_FULL = 3  # up to so many targets each is shown with its evidence
_CODES = 6


@singledispatch
def view(value: object) -> View:
    """Return what is shown of a value; raises TypeError for what has no view."""
    raise TypeError(f"a notebook has no view of {type(value).__name__}")


@view.register
def _of_report(report: Report) -> View:
    records = sum(item.records for item in report.inputs)
    stated = wording.stated(report.options)
    return View(
        title=f"residency audit: {records:,} records{_span(report)}; judged as of {report.as_of.date().isoformat()}",
        lines=(f"stated by the auditor: {stated}",) if stated else (),
        cards=tuple(_card(result) for result in worst_first(report.claims)),
        grids=(_outcomes(report.claims), _findings(report.findings, _FEW)),
        notes=(*(f"warning: {text}" for text in report.warnings), *_left_out(report)),
    )


def _span(report: Report) -> str:
    if report.first_seen is None or report.last_seen is None:
        return ""
    return f", {report.first_seen.date().isoformat()} to {report.last_seen.date().isoformat()}"


_SEVERITY = (Verdict.VIOLATED, Verdict.INCONCLUSIVE, Verdict.CONSISTENT)


def worst_first(results: Iterable[ClaimResult]) -> list[ClaimResult]:
    """Return the results in the order in which a reader needs them."""
    return sorted(results, key=lambda r: (_SEVERITY.index(r.verdict), not r.could.could_confirm, r.id))


def _left_out(report: Report) -> Iterable[str]:
    """Say what became of records that were not judged."""
    for name in ("out_of_scope", "quarantined", "duplicate", "context"):
        count = sum(getattr(item, name) for item in report.inputs)
        if count:
            yield f"{counted(count, 'record')} {name.replace('_', ' ')}"


def _card(result: ClaimResult) -> Card:
    detail, why = wording.split_headline(result.headline)
    return Card(mark=Mark(result.verdict.value), title=result.id, detail=detail, text=why)


def _outcomes(results: Iterable[ClaimResult]) -> Grid:
    return Grid(
        caption="Outcomes",
        heads=("claim", "outcome", "endpoints", "flows", "sent", "received"),
        rows=tuple(
            (
                result.id,
                Mark(outcome.value),
                f"{tally.endpoints:,}",
                f"{tally.flows:,}",
                format_bytes(tally.bytes_sent),
                format_bytes(tally.bytes_received),
            )
            for result in results
            for outcome, tally in result.outcomes.items()
            if tally.endpoints
        ),
        numbers=frozenset({"endpoints", "flows", "sent", "received"}),
    )


def _findings(findings: Sequence[Finding], most: int) -> Grid:
    order = list(Outcome)
    shown = sorted(
        findings, key=lambda f: (order.index(f.outcome), -(f.seen.bytes_sent or 0), -f.seen.flows, f.claim, f.id)
    )
    more = len(findings) - most
    return Grid(
        caption="Findings" + (f" ({most} of {len(findings):,}; .findings.to_pandas() has all)" if more > 0 else ""),
        heads=("finding", "claim", "host", "address", "outcome", "place", "known by", "said by", "flows", "sent"),
        rows=tuple(_finding_row(f) for f in shown[:most]),
        numbers=frozenset({"flows", "sent"}),
    )


def _finding_row(f: Finding) -> tuple[Cell, ...]:
    return (
        f.id[:9],
        f.claim,
        f.seen.host or "(no name)",
        f.seen.server_ip,
        Mark(f.outcome.value),
        f"{f.place.value}: {_codes(f.countries)}",
        f.assurance.value,
        _said_by(f),
        f"{f.seen.flows:,}",
        "?" if f.seen.bytes_sent is None else format_bytes(f.seen.bytes_sent),
    )


def _codes(codes: Sequence[str]) -> str:
    return (
        ", ".join(codes[:_CODES]) + (f" and {len(codes) - _CODES} more" if len(codes) > _CODES else "") or "not known"
    )


def _excluded(item: Finding | Location) -> Iterable[str]:
    """Say which countries round-trip times exclude, and whether these prove it."""
    if item.excluded:
        say = "exclude" if has_proving_times(item.evidence) else "prove nothing; if they held, they would exclude"
        yield f"round-trip times {say}: {_codes(item.excluded)}"


def _said_by(item: Finding | Location) -> str:
    return ", ".join(authors_of(item.evidence, item.assurance)) or "nobody"


@view.register
def _of_findings(findings: Findings) -> View:
    return View(title=counted(len(findings), "finding"), grids=(_findings(findings, _MANY),))


@view.register
def _of_finding(f: Finding) -> View:
    seen = f.seen
    named = f"{seen.host} (named by {seen.named_by})" if seen.host else "no host name"
    return View(
        title=f"finding {f.id}, claim {f.claim}",
        lines=(
            f"{counted(seen.flows, 'conversation')} with {named} at {seen.server_ip} port {seen.server_port}",
            f"{Mark(f.outcome.value)}; place {f.place.value} ({_codes(f.countries)}), assurance {f.assurance.value}",
            *((f"missing link: {f.missing_link}",) if f.missing_link else ()),
            *_excluded(f),
        ),
        grids=(_evidence(f.evidence, f.sides),),
        rules=f.rules,
    )


def _evidence(
    evidence: Sequence[Evidence], sides: Sequence[str], *, is_held: bool = True, caption: str = "Evidence"
) -> Grid:
    """Return the evidence; which side it speaks for only where there are sides."""
    rows = tuple(
        (
            e.kind.value,
            e.statement.author,
            e.statement.says,
            _codes(countries_of(e.statement.places)) if e.statement.places else "",
            *((Mark(side),) if is_held else ()),
            "" if e.days_from_flow is None else f"{e.days_from_flow:,}",
            _worth(e),
        )
        for e, side in zip(evidence, sides, strict=True)
    )
    side = ("speaks for",) if is_held else ()
    heads = ("kind", "author", "says", "countries", *side, "days away", "worth")
    return Grid(caption=caption, heads=heads, rows=rows, numbers=frozenset({"days away"}))


def _worth(e: Evidence) -> str:
    parts = [f"struck: {e.struck}"] if e.struck else []
    parts += [f"echo of {e.echo}"] if e.echo else []
    return "; ".join(parts) or ("counts" if e.counts else "names no place")


@view.register
def _of_results(results: ClaimResults) -> View:
    return View(title=counted(len(results), "claim"), cards=tuple(map(_card, results)), grids=(_outcomes(results),))


@view.register
def _of_result(result: ClaimResult) -> View:
    reasons = tuple((reason.rule, reason.text) for reason in result.reasons)
    return View(
        title=f"claim {result.id}",
        cards=(_card(result),),
        lines=(f"“{result.claim.statement}”", _terms(result.claim)),
        grids=(_outcomes([result]), Grid(caption="Reasons", heads=("rule", "says"), rows=reasons)),
        notes=tuple(text for text in (result.not_observed, *result.notes) if text),
    )


def _terms(claim: Claim) -> str:
    allowed = f"in {', '.join(claim.allow)}" if claim.allow else "anywhere"
    forbidden = f" but not in {', '.join(claim.forbid)}" if claim.forbid else ""
    subjects = f"; data of {', '.join(claim.subjects)}" if claim.subjects else ""
    return f"{claim.activity.value} {allowed}{forbidden}, {claim.modality.value}, {_dates(claim.effective)}{subjects}"


def _dates(period: Period) -> str:
    since = "always" if period.start is None else f"from {period.start.date().isoformat()}"
    return since if period.end is None else f"{since} until {period.end.date().isoformat()}"


@view.register
def _of_claim(claim: Claim) -> View:
    scope = [*(rule.pattern.text for rule in claim.hosts), *(str(rule.cidr) for rule in claim.networks)]
    scope += [f"AS{asn}" for asn in claim.asns]
    sources = tuple((s.kind, s.url, "" if s.published is None else s.published.isoformat()) for s in claim.sources)
    grids = (Grid(caption="Sources", heads=("kind", "where", "published"), rows=sources),)
    return View(
        title=f"claim {claim.id}" + (f" of {claim.vendor}" if claim.vendor else ""),
        lines=(f"“{claim.statement}”", _terms(claim), f"scope: {_some(scope)}"),
        grids=grids if sources else (),
        notes=(
            *(f"exception {e.id}: {e.why}" for e in claim.exceptions),
            *(f"{c.date} {c.by}: {c.finding}" for c in claim.counter_evidence),
        ),
    )


def _some(items: Sequence[str]) -> str:
    more = len(items) - _FEW
    return (", ".join(items[:_FEW]) + (f" and {more} more" if more > 0 else "")) or "none stated"


@view.register
def _of_pack(pack: Pack) -> View:
    rows = tuple(
        (c.id, c.activity.value, ", ".join(c.allow) or "anywhere", ", ".join(c.forbid), c.statement)
        for c in pack.claims
    )
    return View(
        title=f"{counted(len(rows), 'claim')} of {pack.vendor or pack.name or pack.path}",
        grids=(Grid(caption="Claims", heads=("claim", "activity", "allowed in", "forbidden in", "says"), rows=rows),),
        notes=pack.warnings,
    )


@view.register
def _of_locations(found: Locations) -> View:
    within = f", within {', '.join(found.within)}" if found.within else ""
    heads = ("target", "countries", "region or site", "known by", "said by", *(("place", "verdict") if within else ()))
    rows = tuple(_location_row(item, is_held=bool(within)) for item in found.items[:_MANY])
    more = f" ({_MANY} of {len(found):,}; .to_pandas() has all)" if len(found) > _MANY else ""
    in_full = found.items if len(found) <= _EVIDENCE_IN_FULL else ()
    return View(
        title=f"{counted(len(found), 'target')} located as of {found.as_of.isoformat()}{within}",
        grids=(
            Grid(caption=f"Targets{more}", heads=heads, rows=rows),
            *(_evidence_on(item, f"Evidence on {_label(item)}") for item in in_full),
        ),
        rules=tuple(sorted({rule for item in in_full for rule in item.rules})),
        notes=(
            *(f"refused: {r.text}: {r.reason}" for r in found.refused),
            *(f"warning: {text}" for text in found.warnings),
        ),
    )


def _evidence_on(item: Location, caption: str = "Evidence") -> Grid:
    return _evidence(item.evidence, item.sides, is_held=item.where is not None, caption=caption)


def _label(item: Location) -> str:
    return f"{item.host} {item.address.text}" if item.host else item.target


def _location_row(item: Location, *, is_held: bool) -> tuple[Cell, ...]:
    row: list[Cell] = [_label(item), _where(item), ", ".join(item.sites[:3]), item.assurance.value]
    row.append(_said_by(item))
    if is_held:
        row += ["" if item.where is None else Mark(item.where.value)]
        row += ["" if item.verdict is None else Mark(item.verdict.value)]
    return tuple(row)


def _where(item: Location) -> str:
    if not item.address.is_locatable and item.address.form is not AddressForm.LABEL:
        return f"none ({item.address.address_class.value.replace('_', ' ')})"
    if item.anycast != "no_evidence":
        return "no single place (anycast)"
    return _codes(item.countries)


@view.register
def _of_location(item: Location) -> View:
    held = () if item.where is None else (f"{item.where.value} what was asked about: {item.verdict}",)
    return View(
        title=f"{_label(item)}: {_where(item)}",
        lines=(
            f"assurance {item.assurance.value}; a {item.address.address_class.value} address",
            *held,
            *_excluded(item),
        ),
        grids=(_evidence_on(item),),
        rules=item.rules,
    )


@view.register
def _of_resolution(found: Resolution) -> View:
    more = f" ({_MANY} of {len(found):,})" if len(found) > _MANY else ""
    return View(
        title=f"{counted(len(found), 'lookup')} of {', '.join(found.types)}",
        grids=(_lookups(found.items[:_MANY], f"Lookups{more}"),),
        notes=(
            *(f"{name}: addresses changed from round to round" for name in found.flux),
            *(f"{name}: vantages were given different addresses" for name in found.split),
        ),
    )


@view.register
def _of_lookup(lookup: Lookup) -> View:
    return View(title=f"{lookup.name} seen from {lookup.vantage}", grids=(_lookups([lookup], "Lookup"),))


def _lookups(lookups: Iterable[Lookup], caption: str) -> Grid:
    return Grid(
        caption=caption,
        heads=("name", "vantage", "round", "outcome", "addresses", "by way of", "DNSSEC"),
        rows=tuple(
            (
                item.name or item.given,
                item.vantage,
                str(item.round),
                Mark(item.outcome.value),
                ", ".join(a.text for a in item.addresses[:_CODES]) or item.detail,
                " → ".join(alias.target for alias in item.chain),
                item.dnssec.value,
            )
            for item in lookups
        ),
        numbers=frozenset({"round"}),
    )
