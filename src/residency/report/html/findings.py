"""Every finding as a row that opens to its chain of evidence; a script may sort and filter the rows.

Beyond `LIMITS.max_findings_in_page` the telling ones come first: violating, adverse, doubtful, unknown, then the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from residency.limits import LIMITS
from residency.model.units import format_bytes
from residency.report.explain import FLIPS, Steps, chain
from residency.report.html.markup import Child, el, joined
from residency.report.html.words import Doc, anchor, clock, listed, spoken
from residency.report.wording import OUTCOMES, by_weight

_COLUMNS = ("Outcome", "Endpoint", "Where", "Assurance", "Flows", "Sent", "Received", "Last seen")
_FEW = 200  # up to here every chain says all by itself
_NUMBERS = frozenset({"Flows", "Sent", "Received"})


def section(document: Doc) -> Markup:
    """Return the section of all findings."""
    every = document["findings"]
    shown = by_weight(every)[: LIMITS.max_findings_in_page]
    writer = _Writer(document, shown)
    head = el("tr", *(el("th", name, scope="col", class_="n" if name in _NUMBERS else None) for name in _COLUMNS))
    listed_of = f"{len(shown):,} of {len(every):,} findings" if len(shown) < len(every) else "Every finding"
    caption = el("caption", f"{listed_of}, the gravest first; each opens to its evidence")
    body = [writer.row(finding) for finding in shown]
    whole = el("table", caption, el("thead", head), *body, id="findings-table")
    return el(
        "section",
        el("h2", "Findings"),
        _left_out(len(every) - len(shown)),
        _controls(document, shown) if shown else el("p", "No endpoint was in the scope of any claim."),
        el("div", whole, class_="scroll", tabindex=0, role="region", aria_label="Findings") if shown else None,
        writer.shared(),
        id="findings",
    )


def _left_out(count: int) -> Markup | None:
    if not count:
        return None
    advice = "They were counted in everything above; --format csv:FILE or parquet:FILE holds them all."
    return el("p", el("strong", f"{count:,} more findings are not listed here."), f" {advice}", class_="capped")


def _controls(document: Doc, shown: Sequence[Doc]) -> Markup:
    """Return what the script brings to life; without it they stay hidden and every row is there."""
    outcomes = [name for name in OUTCOMES if any(f["outcome"] == name for f in shown)]
    claims = [c["id"] for c in document["claims"] if any(f["claim"] == c["id"] for f in shown)]
    return el(
        "form",
        _field(
            "Search",
            el("input", type="search", id="f-text", autocomplete="off", placeholder="host, address, country …"),
        ),
        _field("Outcome", _choice("f-outcome", "all outcomes", [(spoken(name), spoken(name)) for name in outcomes])),
        _field("Claim", _choice("f-claim", "all claims", [(anchor(document["claims"], c), c) for c in claims])),
        el("output", id="f-count", role="status"),
        id="filter",
        hidden=True,
        role="search",
        aria_label="Filter the findings",
    )


def _field(label: str, control: Markup) -> Markup:
    return el("label", el("span", label), control)


def _choice(name: str, everything: str, options: Sequence[tuple[str, str]]) -> Markup:
    made = [el("option", everything, value="")] + [el("option", text, value=value) for value, text in options]
    return el("select", *made, id=name)


class _Writer:
    """Writes rows with what they share looked up once."""

    def __init__(self, document: Doc, shown: Sequence[Doc]) -> None:
        versions = {s["id"]: f"{s['name']}, {s['built'] or 'undated'}" for s in document["snapshots"]}
        self._claims = {c["id"]: (anchor(document["claims"], c["id"]), c) for c in document["claims"]}
        self._chains = {f["id"]: chain(f, self._claims[f["claim"]][1], versions, {}) for f in shown}
        self._shared = _often(self._chains.values()) if len(shown) > _FEW else {}

    def row(self, finding: Doc) -> Markup:
        """Return one finding: a row of its own, and beneath it the chain, folded."""
        claim_anchor, claim = self._claims[finding["claim"]]
        summary = joined([el("code", finding["id"]), f" {claim['id']}: {_says(finding)}"])
        unfolded = el("details", el("summary", summary), self._chain(finding, claim, claim_anchor))
        return el(
            "tbody",
            el("tr", *_cells(finding)),
            el("tr", el("td", unfolded, colspan=len(_COLUMNS)), class_="chain"),
            id=finding["id"],
        )

    def _chain(self, finding: Doc, claim: Doc, claim_anchor: str) -> Markup:
        """Return the steps of `explain`; what many findings share, claims and rules, as links."""
        links = {
            "Held against": el("a", claim["id"], href=f"#{claim_anchor}"),
            "Rules": joined((el("a", rule, href=f"#{rule}") for rule in finding["rules"]), " "),
        }
        steps = [*self._chains[finding["id"]], *_reply(finding, claim)]
        return el("ol", *(el("li", el("b", title), links.get(title) or self._lines(lines)) for title, lines in steps))

    def _lines(self, lines: Sequence[str]) -> Markup:
        """Return lines that the style sheet keeps apart, with a dot each where they are several."""
        told: list[Child] = [
            el("a", self._shared[x], href=f"#{self._shared[x]}") if x in self._shared else x for x in lines
        ]
        return joined((joined(("· ", line)) for line in told), "\n") if len(told) > 1 else joined(told)

    def shared(self) -> Markup | None:
        """Return what several chains say, once: they link to it, and the script spells it out there."""
        items = [el("div", el("dt", name), el("dd", line), id=name) for line, name in self._shared.items()]
        return joined([el("h3", "What several findings say"), el("dl", *items, class_="rules")]) if items else None


def _is_aside(title: str, line: str) -> bool:
    return title == FLIPS or (title == "Evidence" and line.endswith("speaks for neither side"))


def _often(chains: Iterable[Steps]) -> dict[str, str]:
    """Name what several findings say word for word and decides none of them: what would change it, side remarks."""
    lines = (line for steps in chains for title, lines in steps for line in lines if _is_aside(title, line))
    count = Counter(lines)
    return {line: f"W{n}" for n, line in enumerate((x for x, times in count.items() if times > 1), start=1)}


def _reply(finding: Doc, claim: Doc) -> list[tuple[str, list[str]]]:
    """Say whether the vendor replied, for whatever speaks against the claim; the text stands with the claim."""
    if finding["outcome"] not in ("violating", "adverse"):
        return []
    count = len(claim["replies"])
    told = f"{count} {'reply' if count == 1 else 'replies'}, beside the claim" if count else "none in the claim file"
    return [("What the vendor replied", [told])]


def _cells(finding: Doc) -> list[Markup]:
    port = "" if finding["server_port"] is None else f" :{finding['server_port']}"
    place = joined([el("i", class_=finding["place"]), finding["place"], el("small", _where(finding))])
    return [
        el("td", spoken(finding["outcome"]), class_=f"o {finding['outcome']}"),
        el("th", finding["host"] or "(no name)", el("small", f"{finding['server_ip']}{port}"), scope="row"),
        el("td", place),
        el("td", finding["assurance"]),
        _count(finding["flows"], f"{finding['flows']:,}"),
        *(_count(finding[name], None) for name in ("bytes_sent", "bytes_received")),
        el("td", clock(finding["last_seen"])),
    ]


def _count(value: int | None, text: Child) -> Markup:
    told = text if text is not None else "–" if value is None else format_bytes(value)
    exact = None if str(value) == told else -1 if value is None else value
    return el("td", told, data_v=exact)  # the style sheet knows these columns by their places


def _where(finding: Doc) -> str:
    sites = [site.partition(":")[2] for site in finding["sites"]]
    return " ".join(filter(None, (listed(finding["countries"], 4), f"({listed(sites, 1)})" if sites else "")))


def _says(finding: Doc) -> str:
    """Say in a line who places the endpoint, or why nobody does."""
    says = [e for e in finding["evidence"] if e["countries"] and not e["struck"]]
    deciding = [e for e in says if e["kind"] == finding["assurance"]] or says
    authors = listed(list(dict.fromkeys(f"{e['author']} ({e['kind']})" for e in deciding)), 3)
    told = f"{finding['place']}, says {authors}" if authors else "no source says where it is"
    struck = sum(e["struck"] for e in finding["evidence"])
    told += f"; {struck} struck" if struck else ""
    return f"{told}; missing: {finding['missing_link']}" if finding["missing_link"] else told
