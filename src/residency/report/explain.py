"""One finding as a numbered chain from the log to the rule, written from the JSON document.

Every statement names its snapshot. The report holds groups of flows, not lines of logs; the chain says which inputs
and times they lie in, and the commands that list them.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from residency.model.measurement_plan import FindingPlan
from residency.model.units import counted
from residency.report import wording
from residency.report.as_text import to_text
from residency.report.flips import flips
from residency.report.medium import printable

Doc = Mapping[str, Any]
Steps = list[tuple[str, list[str]]]

SCHEMA = "residency-explain/1"
FLIPS = "What would change it"
_PATHS = 400  # characters
_INERT = re.compile(r"[A-Za-z0-9 .,:'=_-]*")  # what no shell reads anything into between double quotes
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


def render(
    document: Doc,
    finding: str,
    rules: Mapping[str, str],
    *,
    plan: FindingPlan | None = None,
    width: int = 80,
    colour: bool = False,
) -> str:
    """Return the chain of one finding as text of at most `width` columns.

    `rules` maps rule ids to their sentences; `plan` has the times that would decide. Raises KeyError for an unknown
    finding.
    """
    told = explanation(document, finding, rules, plan)
    parts: list[RenderableType] = [Text(printable(f"finding {told['finding']['id']}"), style="bold")]
    for step in told["steps"]:
        parts.append(Text(f"{step['number']}. {step['title']}", style="bold"))
        parts += [Padding(Text(printable(line)), (0, 0, 0, 3)) for line in step["lines"]]
    return to_text(parts, width=width, colour=colour)


def explanation(document: Doc, finding: str, rules: Mapping[str, str], plan: FindingPlan | None = None) -> Doc:
    """Return the chain of one finding as plain JSON values, with the finding, its claim and its snapshots as they are.

    Raises KeyError for an unknown finding.
    """
    f = find(document, finding)
    claim = next(c for c in document["claims"] if c["id"] == f["claim"])
    used = {e["source"] for e in f["evidence"]}
    steps = chain(f, claim, {s["id"]: version_of(s) for s in document["snapshots"]}, rules, plan)
    steps[0][1].extend(_where_to_look(document, f))
    return {
        "schema": SCHEMA,
        "finding": f,
        "claim": claim,
        "snapshots": [s for s in document["snapshots"] if s["id"] in used],
        "steps": [{"number": n, "title": title, "lines": lines} for n, (title, lines) in enumerate(steps, start=1)],
        "commands": commands(document, f),
    }


def chain(
    f: Doc, claim: Doc, versions: Mapping[str, str], rules: Mapping[str, str], plan: FindingPlan | None = None
) -> Steps:
    """Return the steps of one finding: what was seen, who says where, which rules decided, what would change it.

    `versions` says for the id of a snapshot what it is, `rules` for the id of a rule what it says.
    """
    return [
        ("Seen", _seen(f)),
        ("Held against", _held_against(claim)),
        ("Evidence", [evidence_line(e, versions) for e in f["evidence"]] or ["no source says where it is"]),
        ("Place", [_place(f)]),
        ("Rules", [f"{rule} {rules.get(rule, '(unknown rule)')}" for rule in f["rules"]]),
        ("Outcome", [_outcome(f)]),
        (FLIPS, flips(f, claim, plan)),
    ]


def commands(document: Doc, f: Doc) -> list[str]:
    """Return shell commands that list the finding's flows from the report's inputs, quoted against what was observed.

    None where an input is no file, or something observed has characters that a terminal does not show: it would not
    be what is typed.
    """
    paths = [i["path"] for i in document["inputs"] if i["judged"]]
    texts = {"server_ip": f["server_ip"], "host": f["host"]}
    if not paths or any(path.startswith("<") for path in paths):  # standard input, or a table in memory
        return []
    if not all(text.isprintable() for text in (*paths, *filter(None, texts.values()))):
        return []
    tests = [f"{name} {_literal(text)}" for name, text in texts.items()]
    tests.append(f"server_port {_literal(f['server_port'])}")
    tests.append(f"ts BETWEEN {_quoted(f['first_seen'])} AND {_quoted(f['last_seen'])}")
    query = f"FROM 'flows.parquet' WHERE {' AND '.join(tests)}"
    inputs = " ".join(shlex.quote(path if not path.startswith("-") else f"./{path}") for path in paths)
    shown = f'"{query}"' if _INERT.fullmatch(query) else shlex.quote(query)
    return [f"residency flows {inputs} -o flows.parquet", f"duckdb -c {shown}"]


def _where_to_look(document: Doc, f: Doc) -> list[str]:
    paths = ", ".join(i["path"] for i in document["inputs"] if i["judged"])
    listing = commands(document, f) or ["(no command: an input is no file, or a name is not printable)"]
    return [f"read from {printable(paths, _PATHS)}; the report keeps groups of flows, these list them:", *listing]


def _literal(value: str | int | None) -> str:
    return "IS NULL" if value is None else f"= {value}" if isinstance(value, int) else f"= {_quoted(value)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def version_of(snapshot: Doc) -> str:
    """Return which version of a source it is."""
    built = f", built {snapshot['built']}" if snapshot["built"] else ""
    return f"{snapshot['name']}{built}, sha256 {snapshot['sha256'][:12]}"


def _held_against(claim: Doc) -> list[str]:
    line = f" line {claim['line']}" if claim.get("line") else ""
    where = [f"stated in {claim['file']}{line}"] if claim.get("file") else []
    return [f"{claim['id']}: “{claim['statement']}”", wording.terms(claim), *where]


def _seen(f: Doc) -> list[str]:
    name = f"{f['host']} (named by {f['named_by']})" if f["host"] else "no host name"
    answered = {True: "answered", False: "not answered", None: "not known whether answered"}[f["answered"]]
    port = "" if f["server_port"] is None else f" port {f['server_port']}"
    sent, received = _bytes(f["bytes_sent"]), _bytes(f["bytes_received"])
    return [
        f"{counted(f['flows'], 'conversation')} with {name} at {f['server_ip']}{port}, {answered}",
        f"{f['first_seen']} to {f['last_seen']}; {sent} sent, {received} received",
    ]


def _bytes(count: int | None) -> str:
    return "unknown bytes" if count is None else f"{count:,} bytes"


def evidence_line(e: Doc, versions: Mapping[str, str]) -> str:
    """Return one piece of evidence as a sentence: who says what, by which version, and what it is worth here."""
    said = e["says"].removeprefix(f"{e['author']} ")
    verb = "publishes it for" if e["kind"] == "declared" else "says"
    parts = [f"{e['kind']}: {e['author']} {verb} {said} [{versions.get(e['source'], e['source'])}]"]
    if e.get("listed") and e["kind"] == "declared":
        parts.append(_listed(*e["listed"]))
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


def _listed(since: str, until: str) -> str:
    """Say on which days lists said the same of it: the snapshot may have been built long after the flow."""
    return f"listed on {since}" if since == until else f"listed alike from {since} to {until}"


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
