"""One finding as a numbered chain from the log to the rule, written from the JSON document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from residency.report.as_text import to_text
from residency.report.medium import all_printable, printable

Doc = Mapping[str, Any]
_VANTAGES_NAMED = 5
_PLACES_NAMED = 8


def find(document: Doc, finding: str) -> Doc:
    """Return the finding with this id, a unique beginning of it, or this host or address.

    Raises KeyError with advice where there is none, or more than one.
    """
    every = document["findings"]
    found = [f for f in every if f["id"] == finding]
    found = found or [f for f in every if f["id"].startswith(finding)]
    found = found or [f for f in every if finding.lower() in (f["host"], f["server_ip"])]
    if len(found) == 1:
        return dict(found[0])
    if found:
        ids = ", ".join(f"{f['id']} ({f['claim']})" for f in found[:5])
        raise KeyError(f"`{finding}` fits {len(found)} findings; name one: {ids}{', …' if len(found) > 5 else ''}")
    known = ", ".join(f["id"] for f in every[:3])
    raise KeyError(f"no finding, host or address `{finding}` in the report; ids look like {known or 'F-0123456789ab'}")


def render(document: Doc, finding: str, rules: Mapping[str, str], *, width: int = 80, colour: bool = False) -> str:
    """Return the chain of one finding: what was seen, who says where, what was not counted, which rules decided.

    `rules` maps rule ids to their sentences. Raises KeyError for an unknown finding.
    """
    document = all_printable(document)
    f = find(document, finding)
    claim = next(c for c in document["claims"] if c["id"] == f["claim"])
    snapshots = {s["id"]: s for s in document["snapshots"]}
    steps: list[tuple[str, list[str]]] = [
        ("Seen", _seen(document, f)),
        ("Held against", [f"{claim['id']}: “{claim['statement']}”", f"{claim['activity']}, {_area(claim)}"]),
        ("Evidence", [evidence_line(e, snapshots) for e in f["evidence"]] or ["no source says where it is"]),
        ("Place", [_place(f)]),
        ("Rules", [f"{rule} {rules.get(rule, '(unknown rule)')}" for rule in f["rules"]]),
        ("Outcome", [_outcome(f)]),
        ("What would change it", [_flip(f)]),
    ]
    parts: list[RenderableType] = [Text(f"finding {f['id']}", style="bold")]
    for number, (title, lines) in enumerate(steps, start=1):
        parts.append(Text(f"{number}. {title}", style="bold"))
        parts += [Padding(Text(printable(line)), (0, 0, 0, 3)) for line in lines]
    return to_text(parts, width=width, colour=colour)


def _seen(document: Doc, f: Doc) -> list[str]:
    name = f"{f['host']} (named by {f['named_by']})" if f["host"] else "no host name"
    answered = {True: "answered", False: "not answered", None: "not known whether answered"}[f["answered"]]
    noun = "conversation" if f["flows"] == 1 else "conversations"
    sent, received = _bytes(f["bytes_sent"]), _bytes(f["bytes_received"])
    return [
        f"{f['flows']:,} {noun} with {name} at {f['server_ip']} port {f['server_port']}, {answered}",
        f"{f['first_seen']} to {f['last_seen']}; {sent} sent, {received} received",
        "read from " + ", ".join(i["path"] for i in document["inputs"] if i["judged"])[:400],
    ]


def _bytes(count: int | None) -> str:
    return "unknown bytes" if count is None else f"{count:,} bytes"


def _area(claim: Doc) -> str:
    allowed = f"allowed in {', '.join(claim['allow'])}" if claim["allow"] else "allowed anywhere"
    return allowed + (f", forbidden in {', '.join(claim['forbid'])}" if claim["forbid"] else "")


def evidence_line(e: Doc, snapshots: Mapping[str, Doc]) -> str:
    """Return one piece of evidence as a sentence: who says what, by which version, and what it is worth here."""
    snapshot = snapshots.get(e["source"])
    version = (
        f"{snapshot['name']}, built {snapshot['built']}, sha256 {snapshot['sha256'][:12]}" if snapshot else e["source"]
    )
    said = e["says"].removeprefix(f"{e['author']} ")
    verb = "publishes it for" if e["kind"] == "declared" else "says"
    parts = [f"{e['kind']}: {e['author']} {verb} {said} [{version}]"]
    if e["days_from_flow"] is not None:
        parts.append(f"{e['days_from_flow']} days from the flow")
    if e.get("rate"):
        parts.append(f"stated error rate {e['rate']:.1%}")
    if e.get("excluded_by"):
        parts.append("excluded " + "; ".join(_exclusion(x) for x in e["excluded_by"][:_VANTAGES_NAMED]))
    if e["echo"]:
        parts.append(f"an echo of {e['echo']}, no witness of its own")
    if e["struck"]:
        parts.append(f"not counted: {e['why_struck']}")
    parts.append(f"speaks for {e['for']}" if e["for"] != "neither" else "speaks for neither side")
    return "; ".join(parts)


def _exclusion(x: Doc) -> str:
    """Return what one vantage excludes, the first places by name."""
    named, more = x["excludes"][:_PLACES_NAMED], len(x["excludes"]) - _PLACES_NAMED
    places = ", ".join(named) + (f" and {more} more" if more > 0 else "")
    return f"by {x['vantage'] or 'the vantage'} ({x['rtt_ms']:g} ms, within {x['within_km']:,.0f} km): {places}"


def _place(f: Doc) -> str:
    where = ", ".join([*f["sites"], *f["countries"]]) or "no place known"
    return f"{f['place']} the claim's area ({where}), assurance {f['assurance']}"


def _outcome(f: Doc) -> str:
    role = f" (role {f['role']})" if f["role"] else ""
    missing = f"; missing link: {f['missing_link']}" if f["missing_link"] else ""
    return f"{f['outcome'].replace('_', ' ')}{role}{missing}"


def _flip(f: Doc) -> str:
    words = {
        "violating": "a stated exception that matches, or a round-trip time that puts the address elsewhere",
        "adverse": "the missing link: with it this endpoint would contradict the claim",
        "doubtful": "a second database of another lineage, the operator's own list, or a round-trip time",
        "unknown": "the operator's list, a round-trip time from near the claimed place, or a name for the flow",
        "inside": "a round-trip time or a list of the operator that places it elsewhere",
        "excused": "the end of the exception that matches",
        "not_carrying": "a role stated in the claim that carries the data",
        "unanswered": "payload from the server",
    }
    return words[f["outcome"]]
