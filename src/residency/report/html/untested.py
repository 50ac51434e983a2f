"""What the traffic did not put to the test, as far as the report can say: hosts, hours, clients, records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from markupsafe import Markup

from residency.limits import LIMITS
from residency.model.period import rfc3339
from residency.model.units import counted
from residency.report.html.markup import el
from residency.report.html.words import Doc, anchor, clock, listed, parsed
from residency.report.wording import is_observable

_LEAST_GAP = timedelta(hours=1)
_MOST_GAPS = 5


def section(document: Doc, by_claim: dict[str, list[Doc]]) -> Markup:
    """Return the section on what was not looked at."""
    items = [
        *_hosts(document, by_claim),
        *_hours(document),
        _clients(document),
        *_unseen(document),
        *_set_aside(document),
    ]
    return el("section", el("h2", "What was not looked at"), el("dl", *items, class_="untested"), id="untested")


def _item(term: str, *lines: str | Markup) -> Markup:
    return el("div", el("dt", term), *(el("dd", line) for line in lines))


def _hosts(document: Doc, by_claim: dict[str, list[Doc]]) -> Iterator[Markup]:
    lines = []
    for claim in document["claims"]:
        missing = never_seen(claim, by_claim.get(claim["id"], ())) if is_observable(claim) else []
        if missing:
            of = counted(len(claim["scope"]["hosts"]), "pattern")
            where = el("a", claim["id"], href="#" + anchor(document["claims"], claim["id"]))
            told = f": {len(missing):,} of {of}: {listed(missing, LIMITS.max_patterns_in_page)}"
            lines.append(el("span", where, told))
    if lines:
        yield _item("Hosts that a claim names and no flow reached", *lines)


def never_seen(claim: Doc, findings: Iterable[Doc]) -> list[str]:
    """Return the patterns of a claim that no endpoint's name matches."""
    matched: set[str | None] = set()
    for host in {finding["host"] for finding in findings}:
        labels = (host or "").split(".")
        matched |= {"*", host, *("*." + ".".join(labels[cut:]) for cut in range(1, len(labels)))}
    return [one["pattern"] for one in claim["scope"]["hosts"] if one["pattern"] not in matched]


def _hours(document: Doc) -> Iterator[Markup]:
    first, last = document["seen"]["first"], document["seen"]["last"]
    if not first:
        return
    lines = [f"Nothing is said of times before {clock(first)} and after {clock(last)} (UTC)."]
    gaps = idle(document["findings"], parsed(first), parsed(last))
    if gaps:
        longest = sorted(gaps, key=lambda gap: (gap[0] - gap[1], gap[0]))[:_MOST_GAPS]
        told = "; ".join(f"{clock(rfc3339(a))} to {clock(rfc3339(b))}" for a, b in sorted(longest))
        more = f", and {counted(len(gaps) - _MOST_GAPS, 'shorter one')}" if len(gaps) > _MOST_GAPS else ""
        lines.append(f"No flow in scope in {counted(len(gaps), 'span')} of an hour or more: {told}{more}.")
    yield _item("Hours", *lines)


def idle(findings: Iterable[Doc], first: datetime, last: datetime) -> list[tuple[datetime, datetime]]:
    """Return the spans of an hour or more in which surely no finding has a flow: none begins, ends or lasts there."""
    gaps, reached = [], first
    for start, end in sorted({(f["first_seen"], f["last_seen"]) for f in findings}, key=lambda s: parsed(s[0])):
        if parsed(start) - reached >= _LEAST_GAP:
            gaps.append((reached, parsed(start)))
        reached = max(reached, parsed(end))
    return [*gaps, (reached, last)] if last - reached >= _LEAST_GAP else gaps


def _clients(document: Doc) -> Markup:
    stated = document["options"].get("clients")
    who = f"The auditor stated that the clients are in {stated}." if stated else "Whose traffic it was is not stated."
    return _item("Clients", f"{who} The report does not say which clients, or how many, the traffic holds.")


def _unseen(document: Doc) -> Iterator[Markup]:
    hidden = [claim for claim in document["claims"] if not is_observable(claim)]
    if hidden:
        told = "; ".join(f"{claim['id']} ({claim['activity']})" for claim in hidden[: LIMITS.max_rows_in_page])
        yield _item("Claims that traffic cannot show", told)


def _set_aside(document: Doc) -> Iterator[Markup]:
    inputs: Sequence[Doc] = document["inputs"]
    counts = {name: sum(item[name] for item in inputs) for name in ("out_of_scope", "quarantined")}
    if counts["out_of_scope"]:
        yield _item(
            "Out of scope", f"{counted(counts['out_of_scope'], 'record')} of no claim's hosts, networks or period"
        )
    if counts["quarantined"]:
        yield _item("Put aside", f"{counted(counts['quarantined'], 'record')} could not be read; see the inputs below")
