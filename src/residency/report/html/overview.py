"""The first screen: each claim's verdict, why, how sure, what was seen and what was not looked at."""

from __future__ import annotations

from collections import Counter

from markupsafe import Markup

from residency.model.units import counted
from residency.report import wording
from residency.report.html.markup import Child, el, joined
from residency.report.html.words import SURENESS, Doc, anchor, clock, icon, span, spoken
from residency.report.wording import OUTCOMES, SEVERITY, by_severity, is_observable


def overview(document: Doc) -> Markup:
    """Return the head of the page: the verdict of the whole, then a card a claim."""
    claims = by_severity(document)
    worst = claims[0]["verdict"] if claims else "inconclusive"
    cards = [_card(document, claim) for claim in claims if is_observable(claim)]
    return el(
        "header",
        el("p", el("strong", "residency"), " · held against what was declared about where data is kept", class_="mast"),
        el("h1", icon(worst), el("span", _whole(claims))),
        el("p", others, class_="others") if (others := _others(claims)) else None,
        el("p", _facts(document), class_="facts"),
        el("div", *cards, class_="cards"),
        _unobservable(document, claims),
        class_=f"lead {worst}",
    )


def _whole(claims: list[Doc]) -> str:
    """Say the verdict of the report: that of its gravest claims, and of how many."""
    if not claims:
        return "No claims"
    worst = claims[0]["verdict"]
    if len(claims) == 1:
        return f"The claim is {worst}" if worst != "inconclusive" else "Inconclusive"
    count = sum(claim["verdict"] == worst for claim in claims)
    if count == len(claims):
        return f"All {count} claims are {worst}"
    return f"{count} of {len(claims)} claims {'is' if count == 1 else 'are'} {worst}"


def _others(claims: list[Doc]) -> str:
    """Say what became of the claims that are not the gravest."""
    counts = Counter(claim["verdict"] for claim in claims)
    told = [f"{counts[verdict]} {verdict}" for verdict in SEVERITY if counts[verdict]]
    return ", ".join(told[1:])


def _facts(document: Doc) -> Markup:
    records = sum(item["records"] for item in document["inputs"])
    inputs = len(document["inputs"])
    endpoints = len({(f["server_ip"], f["server_port"], f["host"]) for f in document["findings"]})
    stated = wording.stated(document["options"])
    parts: list[Child] = [
        f"{counted(records, 'record')} in {counted(inputs, 'input')}",
        span(document["seen"]),
        f"{counted(endpoints, 'endpoint')} in scope",
        f"judged as of {clock(document['as_of'])[:10]}",
        f"stated by the auditor: {stated}" if stated else "nothing stated by the auditor",
    ]
    return joined(parts, " · ")


def _card(document: Doc, claim: Doc) -> Markup:
    detail, why = wording.split_headline(claim["headline"])
    where = "#" + anchor(document["claims"], claim["id"])
    verdict = el(
        "div",
        el("p", icon(claim["verdict"]), claim["verdict"], class_="word"),
        el("p", detail) if detail else None,
        class_="verdict",
    )
    said = el(
        "div",
        el("h2", el("a", claim["id"], href=where)),
        el("blockquote", claim["statement"]),
        el("p", why, class_="why"),
        el(
            "dl",
            *_term("How sure", f"{spoken(claim['assurance'])}: {SURENESS.get(claim['assurance'], '')}"),
            *_term("Seen", _seen(claim)),
            *_term("Not looked at", claim["not_observed"]),
        ),
    )
    return el("article", verdict, said, class_=f"card {claim['verdict']}")


def _term(term: str, text: Child) -> tuple[Markup, ...]:
    return (el("div", el("dt", term), el("dd", text)),)


def _seen(claim: Doc) -> str:
    tallies = {name: claim["outcomes"][name] for name in OUTCOMES if claim["outcomes"][name]["endpoints"]}
    if not tallies:
        return "no conversation in the claim's scope"
    told = ", ".join(f"{tally['endpoints']:,} {spoken(name)}" for name, tally in tallies.items())
    endpoints = sum(tally["endpoints"] for tally in tallies.values())
    flows = sum(tally["flows"] for tally in tallies.values())
    return f"{counted(flows, 'conversation')} with {counted(endpoints, 'endpoint')}: {told}"


def _unobservable(document: Doc, claims: list[Doc]) -> Markup | None:
    """List the claims that traffic can say nothing of, so that nobody thinks they were checked."""
    hidden = [claim for claim in claims if not is_observable(claim)]
    if not hidden:
        return None
    items = [
        el(
            "li",
            el("a", claim["id"], href="#" + anchor(document["claims"], claim["id"])),
            f" ({claim['activity']}): ",
            el("q", claim["statement"]),
        )
        for claim in hidden
    ]
    heading = f"{counted(len(hidden), 'claim')} not checked: traffic cannot show {'it' if len(hidden) == 1 else 'them'}"
    return el("section", el("h2", heading), el("ul", *items), class_="unseen")
