"""When: the flows of each host against the claim's period and its exceptions, as far as the report says.

A finding has a first and a last flow; the bar between them says no more than that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from residency.limits import LIMITS
from residency.model.units import counted
from residency.report.html.markup import Child, el, joined
from residency.report.html.words import Doc, clock, parsed, period, spoken
from residency.report.wording import OUTCOMES

_MOST_HOSTS = 12
_LEAST_WIDTH = 0.6  # per cent of the whole: a single flow is seen too


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """The span of the traffic, which every bar is a share of."""

    start: datetime
    end: datetime

    def share(self, moment: datetime) -> float:
        """Return where a moment lies, 0 at the start and 100 at the end; moments beyond are held there."""
        whole = (self.end - self.start).total_seconds()
        at = (moment - self.start).total_seconds() / whole if whole else 0.5
        return round(100 * min(max(at, 0.0), 1.0), 2)

    def bar(self, start: datetime | None, end: datetime | None, class_: str) -> Markup | None:
        """Return a bar from `start` to `end`, None for whichever is open; nothing where it lies wholly beyond."""
        if (start is not None and start > self.end) or (end is not None and end < self.start):
            return None
        left = 0.0 if start is None else self.share(start)
        right = 100.0 if end is None else self.share(end)
        width = max(right - left, _LEAST_WIDTH)
        left = min(left, 100 - width)
        return el("rect", x=round(left, 2), y=1, width=round(width, 2), height=6, class_=f"lane {class_}")


def timeline(document: Doc, claim: Doc, findings: Sequence[Doc]) -> Markup | None:
    """Return the timeline of a claim; None where nothing was seen."""
    if not findings or not document["seen"]["first"]:
        return None
    axis = Axis(start=parsed(document["seen"]["first"]), end=parsed(document["seen"]["last"]))
    rows = [_of_period("in force", claim["effective"], axis, "period")]
    rows += [
        _of_period(f"exception {e['id']}", e["effective"], axis, "excused")
        for e in claim["exceptions"]
        if not e["caveat"]
    ]
    hosts = list(_by_host(findings))
    rows += [_row(host, outcome, lane, axis) for (outcome, host), lane in hosts[:_MOST_HOSTS]]
    more = len(hosts) - _MOST_HOSTS
    head = el(
        "tr",
        el("th", "Host", scope="col"),
        el("th", "Outcome", scope="col"),
        el(
            "th",
            el("span", clock(document["seen"]["first"])),
            el("span", clock(document["seen"]["last"])),
            scope="col",
            class_="axis",
        ),
    )
    caption = "When: first to last flow of each host, in UTC"
    made = el("table", el("caption", caption), el("thead", head), el("tbody", *rows), class_="timeline")
    rest = el("p", f"and {counted(more, 'more host')}; all are in the findings") if more > 0 else None
    return el("figure", made, rest)


def _by_host(findings: Iterable[Doc]) -> list[tuple[tuple[str, str], list[Doc]]]:
    found: dict[tuple[str, str], list[Doc]] = {}
    for finding in findings:
        found.setdefault((finding["outcome"], finding["host"] or finding["server_ip"]), []).append(finding)
    flows = {key: sum(f["flows"] for f in lane) for key, lane in found.items()}
    return sorted(found.items(), key=lambda item: (OUTCOMES.index(item[0][0]), -flows[item[0]], item[0]))


def _row(host: str, outcome: str, findings: Sequence[Doc], axis: Axis) -> Markup:
    spans = sorted({(f["first_seen"], f["last_seen"]) for f in findings})
    bars = [axis.bar(parsed(a), parsed(b), outcome) for a, b in spans[: LIMITS.max_rows_in_page]]
    told = f"{clock(spans[0][0])} to {clock(max(b for _, b in spans))}"
    return _lane(host, spoken(outcome), bars, told)


def _of_period(name: str, text: str, axis: Axis, class_: str) -> Markup:
    start, _, end = text.partition("/")
    edges = [None if edge in ("", "..") else parsed(edge) for edge in (start, end)]
    return _lane(name, period(text), [axis.bar(edges[0], edges[1], class_)], period(text))


def _lane(name: str, word: str, bars: Iterable[Child], told: str) -> Markup:
    trough = el("rect", width=100, height=8, class_="trough")
    drawing = el(
        "svg", joined([trough, *bars]), viewBox="0 0 100 8", preserveAspectRatio="none", role="img", aria_label=told
    )
    return el("tr", el("th", name, scope="row"), el("td", word), el("td", el("span", drawing, title=told)))
