"""One section a claim: what it says in full, what decided, what was counted, and what stands beside the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from residency.limits import LIMITS
from residency.model.units import format_bytes
from residency.report.html.markup import Child, el, joined, link, number, table
from residency.report.html.words import MEANING, Doc, icon, listed, period, spoken
from residency.report.wording import OUTCOMES

Term = tuple[str, Child]


def section(claim: Doc, anchor: str, figures: Sequence[Markup]) -> Markup:
    """Return the section of a claim; `figures` are its map and its timeline, where it has endpoints."""
    as_connection = claim["as_connection"]
    return el(
        "section",
        el("h3", icon(claim["verdict"]), el("span", claim["id"]), el("small", _heading(claim))),
        el("blockquote", claim["statement"]),
        el("div", _terms("What it says", _clauses(claim)), _deciding(claim), class_="columns"),
        _reading(as_connection, claim["verdict"]) if as_connection else None,
        _outcomes(claim),
        *figures,
        el("p", el("strong", "Not looked at. "), claim["not_observed"]) if claim["not_observed"] else None,
        _beside(claim),
        id=anchor,
        class_=f"claim {claim['verdict']}",
        aria_label=f"claim {claim['id']}: {claim['verdict']}",
    )


def _heading(claim: Doc) -> str:
    head, colon, _ = claim["headline"].partition(": ")
    return str(head if colon else claim["verdict"])


def _clauses(claim: Doc) -> Iterable[Term]:
    scope, some = claim["scope"], LIMITS.max_patterns_in_page
    yield "Activity", f"{claim['activity']}, {claim['modality']}"
    yield "Complete by", claim["complete"] and claim["complete"][:10]
    yield "Allowed", ", ".join(claim["allow"]) or ("anywhere" if claim["forbid"] else None)
    yield "Forbidden", ", ".join(claim["forbid"])
    yield "In force", period(claim["effective"])
    yield "Applies only where", claim["condition"]
    yield "Whose data", ", ".join(claim["subjects"])
    yield "Vendor", claim["vendor"]
    yield "Parties", ", ".join(claim["parties"])
    yield "Hosts", listed([_host(host) for host in scope["hosts"]], some)
    yield "Networks", listed([_network(one) for one in scope["networks"]], some)
    yield "Origins", listed([f"AS{asn}" for asn in scope["asns"]], some)
    yield "Ports", listed([str(port) for port in scope["ports"]], some)
    for item in claim["exceptions"]:
        yield ("Caveat" if item["caveat"] else "Exception"), _exception(item)


def _host(host: Doc) -> str:
    told = [text for text in (host["role"], host["binding"] if host["binding"] != "documented" else None) if text]
    return f"{host['pattern']} ({', '.join(map(spoken, told))})" if told else str(host["pattern"])


def _network(network: Doc) -> str:
    when = period(network["effective"])
    told = [text for text in (network["role"], when if when != "always" else None) if text]
    return f"{network['cidr']} ({', '.join(map(spoken, told))})" if told else str(network["cidr"])


def _exception(item: Doc) -> Markup:
    matches = [*item["hosts"], *item["networks"], *item["places"]]
    told = f"{item['activity']}, {period(item['effective'])}"
    named = f"{listed(matches, LIMITS.max_patterns_in_page)}; " if matches else ""
    return joined([el("b", item["id"]), f" ({named}{told}): {item['why']}"])


def _terms(title: str, terms: Iterable[Term]) -> Markup:
    shown = [el("div", el("dt", term), el("dd", text)) for term, text in terms if text]
    return el("div", el("h4", title), el("dl", *shown))


def _deciding(claim: Doc) -> Markup:
    """Say which rules decided, what the claim could yield at all, and how near its coverage came."""
    could = [r for r in claim["could_reasons"] if r not in claim["reasons"]]
    reasons = [
        el("li", el("a", reason["rule"], href=f"#{reason['rule']}"), " ", reason["text"])
        for reason in (*claim["reasons"], *could)
    ]
    yields = [
        f"traffic {'could' if claim['could_violate'] else 'could not'} contradict it",
        f"{'could' if claim['could_confirm'] else 'could not'} confirm it",
    ]
    return el(
        "div",
        el("h4", "What decided"),
        el("ul", *reasons, class_="reasons"),
        el("p", f"As written, {' and '.join(yields)}."),
        _coverage(claim["coverage"]),
    )


def _coverage(coverage: Doc) -> Markup:
    told = {"flows": "of conversations", "bytes_sent": "of bytes sent", "bytes_received": "of bytes received"}
    rows = []
    for name, words in told.items():
        share = coverage[name]
        bar = el("svg", _bar(share, coverage["asked"]), class_="bar", viewBox="0 0 100 6", preserveAspectRatio="none")
        rows.append(el("div", el("dt", words), el("dd", bar, el("span", _percent(share)))))
    heading = f"Inside, of inside + doubtful + unknown; {_percent(coverage['asked'])} is asked"
    return el("div", el("h4", heading), el("dl", *rows, class_="bars"))


def _bar(share: float | None, asked: float) -> Markup:
    filled = el("rect", class_="fill", width=round(100 * (share or 0), 2), height=6)
    mark = el("rect", class_="asked", x=round(100 * asked - 0.4, 2), width=0.8, height=6)
    return joined([el("rect", class_="trough", width=100, height=6), filled, mark])


def _percent(share: float | None) -> str:
    if share is None:
        return "not known"
    floored = int(share * 10_000) / 100  # 99.999 % is not 100 %
    return f"{floored:g} %"


def _reading(verdict: str, own: str) -> Markup:
    same = "also " if verdict == own else ""
    return el(
        "p",
        "Read as a claim about where conversations end, it would ",
        f"{same}be ",
        el("b", verdict),
        ". That reading changes nothing here.",
    )


def _outcomes(claim: Doc) -> Markup | None:
    counted = [(name, claim["outcomes"][name]) for name in OUTCOMES if claim["outcomes"][name]["endpoints"]]
    rows: list[list[Child]] = [[el("b", spoken(name)), MEANING[name], *_tally(tally)] for name, tally in counted]
    if claim["unnamed"]["flows"]:
        rows.append([el("b", "unnamed"), "no host name: not judged", *_tally(claim["unnamed"])])
    if not rows:
        return None
    headings = ("Outcome", "Meaning", *(el("span", text, class_="n") for text in ("Endpoints", "Flows")))
    sides = [el("span", text, class_="n") for text in ("Sent", "Received")]
    return table("Outcomes of the endpoints in scope", [*headings, *sides], rows)


def _tally(tally: Doc) -> tuple[Markup, ...]:
    counts = (number(tally["endpoints"]), number(tally["flows"]))
    return (*counts, *(number(tally[name], format_bytes(tally[name])) for name in ("bytes_sent", "bytes_received")))


def _beside(claim: Doc) -> Markup | None:
    """Return what stands beside the verdict and never changes it."""
    facts = [f"{c['date']} {c['by']}: {c['finding']}" for c in claim["counter_evidence"]]
    replies = [f"{r['date']} reply of {r['by']}: {r['text']}" for r in claim["replies"]]
    notes = [note for note in claim["notes"] if note not in facts and note not in replies]
    lists = [
        ("Counter-evidence", [_fact(c) for c in claim["counter_evidence"]]),
        ("Replies", [el("li", el("b", f"{r['date']} {r['by']}: "), r["text"]) for r in claim["replies"]]),
        ("Notes", [el("li", note) for note in notes]),
        ("Where it is stated", [_source(source) for source in claim["sources"]]),
    ]
    made = [el("div", el("h4", title), el("ul", *items)) for title, items in lists if items]
    return el("div", *made, class_="beside") if made else None


def _fact(fact: Doc) -> Markup:
    where = joined([" (", link(fact["url"]), ")"]) if fact["url"] else None
    return el("li", el("b", f"{fact['date']} {fact['by']}: "), fact["finding"], where)


def _source(source: Doc) -> Markup:
    told = ", ".join(filter(None, (spoken(source["kind"]), source["published"])))
    supports = f": {source['supports']}" if source["supports"] else None
    return el("li", link(source["url"]), f" ({told})" if told else None, supports)
