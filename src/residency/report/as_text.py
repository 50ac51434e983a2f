"""The report for a reader at a terminal, at any width, written from the JSON document.

First the verdicts in a table, then each claim with its reasons, counts and witnesses, then what was read and
what was not looked at. Colour only where asked for; everything observed is escaped first.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from residency.model.units import format_bytes
from residency.report.medium import all_printable, printable

Doc = Mapping[str, Any]
STYLES = {"violated": "bold red", "consistent": "bold green", "inconclusive": "bold yellow"}
_OUTCOME_STYLES = {"violating": "red", "adverse": "magenta", "doubtful": "yellow", "inside": "green"}
_ORDER = ("violating", "adverse", "doubtful", "unknown", "inside", "excused", "not_carrying", "unanswered")
_WITNESSES = 5


def render(document: Doc, *, width: int = 80, colour: bool = False, witnesses: int = _WITNESSES) -> str:
    """Return the report as text of at most `width` columns."""
    document = all_printable(document)
    parts: list[RenderableType] = [_title(document), _verdicts(document)]
    for claim in document["claims"]:
        parts += ["", *_claim(document, claim, witnesses)]
    parts += ["", *_inputs(document), *_warnings(document)]
    return to_text(parts, width=width, colour=colour)


def to_text(parts: Sequence[RenderableType], *, width: int, colour: bool) -> str:
    """Render rich parts to a string, without trailing blanks."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=max(width, 40),
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        emoji=False,
        markup=False,
        legacy_windows=False,
    )
    console.print(Group(*parts))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _title(document: Doc) -> Text:
    seen = document["seen"]
    records = sum(item["records"] for item in document["inputs"])
    span = f", {seen['first'][:10]} to {seen['last'][:10]}" if seen["first"] else ""
    stated = "; ".join(f"{name.replace('_', '-')} {printable(text)}" for name, text in document["options"].items())
    title = Text(f"residency audit: {records:,} records{span}; judged as of {document['as_of'][:10]}", style="bold")
    return title.append(f"\nstated by the auditor: {stated}", style="not bold") if stated else title


def _verdicts(document: Doc) -> Table:
    made = table("verdict", "claim, and why")
    severity = {"violated": 0, "inconclusive": 1, "consistent": 2}
    for claim in sorted(document["claims"], key=lambda c: (severity[c["verdict"]], not c["could_confirm"], c["id"])):
        _, detail, why = split_headline(claim)
        opening = detail.replace(", ", ",\n")
        verdict = Text(claim["verdict"], style=STYLES[claim["verdict"]])
        verdict.append(f"\n{opening}" if opening else "", style="not bold")
        made.add_row(
            verdict, Text(printable(claim["id"]), style="bold").append(f"\n{printable(why)}\n", style="not bold")
        )
    return made


def split_headline(claim: Doc) -> tuple[str, str, str]:
    """Split `verdict (assurance, extent): sentence` into its three parts."""
    head, colon, why = claim["headline"].partition(": ")
    verdict, _, detail = (head if colon else claim["verdict"]).partition(" ")
    return verdict, detail.strip("()"), why if colon else claim["headline"]


def table(*headings: str, numbers: Iterable[str] = ()) -> Table:
    """Return an empty table in the house style; the columns in `numbers` stand right."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False, expand=False)
    right = set(numbers)
    for heading in headings:
        made.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
    return made


def _claim(document: Doc, claim: Doc, witnesses: int) -> list[RenderableType]:
    mark = Text(f"{claim['verdict']}  ", style=STYLES[claim["verdict"]])
    heading = mark.append(printable(claim["id"]), style="bold")
    lines = [
        Text(f"“{printable(claim['statement'])}”", style="italic"),
        Text(_terms(claim)),
        *(Text(f"{reason['rule']} {printable(reason['text'])}") for reason in claim["reasons"]),
        *(Text(f"{r['rule']} {printable(r['text'])}") for r in claim["could_reasons"] if r not in claim["reasons"]),
    ]
    if claim["as_connection"] not in (None, claim["verdict"]):
        lines.append(Text(f"read as a claim about connections it would be {claim['as_connection']}"))
    parts: list[RenderableType] = [heading, *(Padding(line, (0, 0, 0, 2)) for line in lines)]
    counted = [(name, claim["outcomes"][name]) for name in _ORDER if claim["outcomes"][name]["endpoints"]]
    if counted:
        parts += [Padding(_outcomes(counted), (0, 0, 0, 2)), *_witnesses(document, claim, witnesses)]
    beside = [claim["not_observed"], *claim["notes"]]
    return [*parts, *(Padding(Text(f"· {printable(text)}"), (0, 0, 0, 2)) for text in beside if text)]


def _terms(claim: Doc) -> str:
    allowed = f"in {', '.join(claim['allow'])}" if claim["allow"] else "anywhere"
    forbidden = f" but not in {', '.join(claim['forbid'])}" if claim["forbid"] else ""
    start, _, end = claim["effective"].partition("/")
    period = f"from {start[:10]}" if start != ".." else "always"
    period += f" until {end[:10]}" if end != ".." else ""
    subjects = f"; data of {', '.join(claim['subjects'])}" if claim["subjects"] else ""
    return f"{claim['activity']} {allowed}{forbidden}, {claim['modality']}, {period}{subjects}"


def _outcomes(counted: Sequence[tuple[str, Doc]]) -> Table:
    made = table(
        "outcome", "endpoints", "flows", "sent", "received", numbers=("endpoints", "flows", "sent", "received")
    )
    for name, tally in counted:
        made.add_row(
            Text(name.replace("_", " "), style=_OUTCOME_STYLES.get(name, "")),
            f"{tally['endpoints']:,}",
            f"{tally['flows']:,}",
            format_bytes(tally["bytes_sent"]),
            format_bytes(tally["bytes_received"]),
        )
    return made


def _witnesses(document: Doc, claim: Doc, most: int) -> list[RenderableType]:
    own = [f for f in document["findings"] if f["claim"] == claim["id"]]
    own.sort(key=lambda f: (_ORDER.index(f["outcome"]), -(f["bytes_sent"] or 0), -f["flows"], f["id"]))
    if not own or not most:
        return []
    made = table("finding", "host at address", "outcome", "place and who says so")
    for finding in own[:most]:
        name = printable(finding["host"] or "(no name)", 60)
        made.add_row(
            finding["id"][:9],
            Text(f"{name}\n{finding['server_ip']}"),
            Text(finding["outcome"].replace("_", " "), style=_OUTCOME_STYLES.get(finding["outcome"], "")),
            Text(_place(finding)),
        )
    more = len(own) - most
    rest = (
        [Padding(Text(f"and {more:,} more finding{'' if more == 1 else 's'} (--format json has all)"), (0, 0, 0, 2))]
        if more > 0
        else []
    )
    return [Padding(made, (0, 0, 0, 2)), *rest]


def _place(finding: Doc) -> str:
    where = ", ".join(finding["countries"][:4]) + ("…" if len(finding["countries"]) > 4 else "")
    says = [e for e in finding["evidence"] if e["countries"] and not e["struck"]]
    deciding = [e for e in says if e["kind"] == finding["assurance"]] or says
    authors = ", ".join(dict.fromkeys(f"{e['author']} ({e['kind']})" for e in deciding[:2]))
    struck = sum(e["struck"] for e in finding["evidence"])
    text = f"{finding['place']}: {where or 'no place known'}"
    text += f", says {authors}" if authors else ""
    text += f"; {struck} struck" if struck else ""
    return printable(f"{text}; missing {finding['missing_link']}" if finding["missing_link"] else text)


def _inputs(document: Doc) -> list[RenderableType]:
    """Say where every record went; the sum is exact."""
    names = ("judged", "out_of_scope", "quarantined", "duplicate", "context")
    parts: list[RenderableType] = []
    for item in document["inputs"]:
        whole = f"{printable(item['path'])} ({item['format']}): {item['records']:,} records"
        shares = " + ".join(f"{item[name]:,} {name.replace('_', ' ')}" for name in names if item[name])
        parts.append(Text(f"{whole} = {shares or '0'}"))
    for record in document["quarantine"][:5]:
        where = f":{record['line']}" if record.get("line") is not None else ""
        line = Text(f"{printable(record['path'])}{where}: {printable(record['reason'])}")
        parts.append(Padding(line, (0, 0, 0, 2)))
    more = sum(item["quarantined"] for item in document["inputs"]) - len(document["quarantine"][:5])
    if more > 0:
        parts.append(Text(f"  and {more:,} more quarantined records (--quarantine FILE writes them all)"))
    return parts


def _warnings(document: Doc) -> list[RenderableType]:
    return [Text(f"warning: {printable(text)}", style="yellow") for text in document["warnings"]]
