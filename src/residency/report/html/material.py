"""What the verdicts stand on: inputs and where each record went, sources with their dates and licences, vantages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from markupsafe import Markup

from residency.limits import LIMITS
from residency.report.html.markup import Child, el, joined, link, number, table
from residency.report.html.words import Doc, listed

_ADDRESS = re.compile(r"(https?://[^\s()<>\"']+)")
_PARTS = ("judged", "out_of_scope", "quarantined", "duplicate", "context")


def section(document: Doc, rules: Mapping[str, str]) -> Markup:
    """Return the section on data."""
    return el(
        "section",
        el("h2", "What it stands on"),
        _warnings(document["warnings"]),
        _inputs(document),
        *_quarantine(document),
        *_vantages(document["vantages"]),
        _sources(document),
        _rules(document, rules),
        id="data",
    )


def _warnings(warnings: Iterable[str]) -> Markup | None:
    items = [el("li", text) for text in warnings]
    return el("div", el("h3", "Warnings"), el("ul", *items), class_="warnings") if items else None


def _inputs(document: Doc) -> Markup:
    names = ("Records", "Judged", "Out of scope", "Put aside", "Duplicate", "Context")
    headings: list[Child] = ["Input", "Format", *(el("span", name, class_="n") for name in names), "SHA-256"]
    rows: list[list[Child]] = [
        [
            item["path"],
            item["format"],
            number(item["records"]),
            *(number(item[part]) for part in _PARTS),
            _hash(item["sha256"]),
        ]
        for item in document["inputs"]
    ]
    if len(rows) > 1:
        sums = {name: sum(item[name] for item in document["inputs"]) for name in ("records", *_PARTS)}
        rows.append([el("b", "all"), "", number(sums["records"]), *(number(sums[part]) for part in _PARTS), ""])
    note = "Records = judged + out of scope + put aside + duplicate + context, exactly."
    return joined([el("h3", "Inputs"), table(f"Where each record went. {note}", headings, rows)])


def _hash(text: str) -> Markup:
    return el("td", el("code", text[:16], title=text)) if text else el("td", "–")


def _quarantine(document: Doc) -> Iterator[Markup]:
    records = document["quarantine"][: LIMITS.max_rows_in_page]
    if not records:
        return
    more = max(sum(item["quarantined"] for item in document["inputs"]), len(document["quarantine"])) - len(records)
    rows = [[record["path"], _at(record), record["reason"]] for record in records]
    yield el("h3", "Records put aside")
    yield table("Records that could not be judged, and why", ("Input", "At", "Reason"), rows)
    if more:
        yield el("p", f"and {more:,} more; --quarantine FILE writes them all")


def _at(record: Doc) -> str:
    if record.get("offset") is not None:
        return f"byte {record['offset']:,}"
    return "" if record.get("line") is None else f"line {record['line']:,}"


def _vantages(vantages: Iterable[Doc]) -> Iterator[Markup]:
    rows: list[list[Child]] = [
        [v["name"] or "(unnamed)", f"{v['lat']:g}, {v['lon']:g} ± {v['radius_km']:g} km", v["standing"], *_tested(v)]
        for v in vantages
    ]
    if rows:
        yield el("h3", "Vantages")
        counts = [el("span", name, class_="n") for name in ("Timed", "Controls")]
        headings: list[Child] = ["Vantage", "Where", "Standing", *counts, "Why"]
        yield table("What round-trip times from each vantage are worth", headings, rows)


def _tested(vantage: Doc) -> tuple[Child, ...]:
    impossible = [
        f"{one['server_ip']} in {one['place']}, says {one['operator']}: "
        f"at least {one['least_km']:,.0f} km, {one['rtt_ms']:g} ms"
        for one in vantage["impossible"]
    ]
    why = vantage["why"] + (f". Faster than light: {listed(impossible, 5)}" if impossible else "")
    return number(vantage["endpoints"]), number(vantage["controls"]), why


def _sources(document: Doc) -> Markup:
    used = {e["source"] for finding in document["findings"] for e in finding["evidence"]}
    rows: list[list[Child]] = [
        [
            s["name"],
            s["kind"],
            s["author"],
            s["built"] or "–",
            s["licence"],
            "yes" if s["id"] in used else "no",
            _hash(s["sha256"]),
        ]
        for s in document["snapshots"]
    ]
    headings = ("Source", "Kind", "Author", "Built", "Licence", "Used", "SHA-256")
    credits = sorted({s["attribution"] for s in document["snapshots"] if s["attribution"]})
    return joined(
        [
            el("h3", "Sources"),
            table("Every source that was asked, in the version that answered", headings, rows),
            el("ul", *(el("li", _credit(text)) for text in credits), class_="credits") if credits else None,
        ]
    )


def _credit(text: str) -> Markup:
    """Return an attribution with the addresses in it as links."""
    return joined(link(part) for part in _ADDRESS.split(text))


def _rules(document: Doc, rules: Mapping[str, str]) -> Markup | None:
    named = {rule for finding in document["findings"] for rule in finding["rules"]}
    named |= {reason["rule"] for claim in document["claims"] for reason in (*claim["reasons"], *claim["could_reasons"])}
    known = [el("div", el("dt", rule), el("dd", rules.get(rule, "(unknown rule)")), id=rule) for rule in sorted(named)]
    return joined([el("h3", "Rules that decided something"), el("dl", *known, class_="rules")]) if known else None
