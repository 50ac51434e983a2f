"""The report for a reader at a terminal, at any width, written from the JSON document.

The first screen answers: which verdicts, why, how surely, and what was not looked at. Then each claim with its
reasons, counts and witnesses, the worst first, then what was read. Colour only where asked for; everything observed is
escaped first.
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

from residency.model.units import counted, format_bytes
from residency.report import wording
from residency.report.medium import all_printable, printable

Doc = Mapping[str, Any]
STYLES = {"violated": "bold red", "consistent": "bold green", "inconclusive": "bold yellow"}
_OUTCOME_STYLES = {"violating": "red", "adverse": "magenta", "doubtful": "yellow", "inside": "green"}
_WITNESSES = 5
_LEAST_WIDTH = 20
_WIDTH_OF_TABLES = 60  # below, what would be a row becomes lines


def render(document: Doc, *, width: int = 80, colour: bool = False, witnesses: int = _WITNESSES) -> str:
    """Return the report as text of at most `width` columns (20 at the least)."""
    is_wide = width >= _WIDTH_OF_TABLES
    findings = wording.findings_by_claim(document)
    document = all_printable({name: value for name, value in document.items() if name != "findings"})
    claims = wording.by_severity(document)
    parts: list[RenderableType] = [_title(document), "", *_verdicts(claims, is_wide=is_wide)]
    for claim in claims:
        parts += ["", *_claim(claim, findings.get(claim["id"], ()), witnesses, is_wide=is_wide)]
    parts += ["", *_inputs(document), *_warnings(document)]
    return to_text(parts, width=width, colour=colour)


def to_text(parts: Sequence[RenderableType], *, width: int, colour: bool) -> str:
    """Render rich parts to a string, without trailing blanks."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=max(width, _LEAST_WIDTH),
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
    title = Text(f"residency audit: {wording.title(document)}", style="bold")
    if stated := wording.stated(document["options"]):
        title.append(f"\nstated by the auditor: {stated}", style="not bold")
    title.append(f"\n{wording.counts(document)}")
    return title.append(f"\nnot looked at: {'; '.join(wording.not_looked_at(document))}", style="not bold")


def _verdicts(claims: Sequence[Doc], *, is_wide: bool) -> list[RenderableType]:
    made = table("verdict", "claim, and why")
    lines: list[RenderableType] = []
    for claim in claims:
        detail, why = wording.split_headline(claim["headline"])
        verdict = Text(claim["verdict"], style=STYLES[claim["verdict"]])
        name = Text(claim["id"], style="bold").append(f"\n{why}\n", style="not bold")
        if is_wide:
            detail = detail.replace(", ", ",\n")
            made.add_row(verdict.append(f"\n{detail}" if detail else "", style="not bold"), name)
        else:
            lines += [verdict.append(f" ({detail})" if detail else "", style="not bold"), name]
    return [made] if is_wide else lines


def table(*headings: str, numbers: Iterable[str] = ()) -> Table:
    """Return an empty table in the house style; the columns in `numbers` stand right."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False, expand=False)
    right = set(numbers)
    for heading in headings:
        made.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
    return made


def _claim(claim: Doc, findings: Sequence[Doc], witnesses: int, *, is_wide: bool) -> list[RenderableType]:
    mark = Text(f"{claim['verdict']}  ", style=STYLES[claim["verdict"]])
    lines = [
        Text(f"“{claim['statement']}”", style="italic"),
        Text(wording.terms(claim)),
        *(Text(f"{reason['rule']} {reason['text']}") for reason in wording.reasons(claim)),
    ]
    if claim["as_connection"] not in (None, claim["verdict"]):
        lines.append(Text(f"read as a claim about connections it would be {claim['as_connection']}"))
    tallied = [(name, claim["outcomes"][name]) for name in wording.OUTCOMES if claim["outcomes"][name]["endpoints"]]
    inner: list[RenderableType] = [*lines]
    if tallied:
        inner += [_outcomes(tallied)] if is_wide else map(_outcome_line, tallied)
        inner += _witnesses(findings, witnesses, is_wide=is_wide)
    inner += [Text(f"· {text}") for text in (claim["not_observed"], *claim["notes"]) if text]
    return [mark.append(claim["id"], style="bold"), *(Padding(part, (0, 0, 0, 2)) for part in inner)]


def _outcomes(tallied: Sequence[tuple[str, Doc]]) -> Table:
    made = table(
        "outcome", "endpoints", "flows", "sent", "received", numbers=("endpoints", "flows", "sent", "received")
    )
    for name, tally in tallied:
        made.add_row(
            Text(name.replace("_", " "), style=_OUTCOME_STYLES.get(name, "")),
            f"{tally['endpoints']:,}",
            f"{tally['flows']:,}",
            format_bytes(tally["bytes_sent"]),
            format_bytes(tally["bytes_received"]),
        )
    return made


def _outcome_line(tallied: tuple[str, Doc]) -> Text:
    name, tally = tallied
    told = f"{counted(tally['endpoints'], 'endpoint')}, {counted(tally['flows'], 'flow')}"
    told += f", {format_bytes(tally['bytes_sent'])} sent, {format_bytes(tally['bytes_received'])} received"
    return Text(f"{name.replace('_', ' ')}: {told}", style=_OUTCOME_STYLES.get(name, ""))


def _witnesses(findings: Sequence[Doc], most: int, *, is_wide: bool) -> list[RenderableType]:
    if not findings or not most:
        return []
    made = table("finding", "host at address", "outcome", "place and who says so")
    lines: list[RenderableType] = []
    for finding in all_printable(wording.by_weight(findings)[:most]):
        name = printable(finding["host"] or "(no name)", 60)
        outcome = Text(finding["outcome"].replace("_", " "), style=_OUTCOME_STYLES.get(finding["outcome"], ""))
        place = wording.place(finding)
        made.add_row(finding["id"][:9], Text(f"{name}\n{finding['server_ip']}"), outcome, Text(place))
        lines.append(Text(f"{finding['id'][:9]} ").append(outcome).append(f": {name} {finding['server_ip']}; {place}"))
    more = len(findings) - most
    rest = [Text(f"and {counted(more, 'more finding')} (--format json has all)")] if more > 0 else []
    return [made, *rest] if is_wide else [*lines, *rest]


def _inputs(document: Doc) -> list[RenderableType]:
    """Say where every record went; the sum is exact."""
    parts: list[RenderableType] = []
    for item in document["inputs"]:
        whole = f"{item['path']} ({item['format']}): {item['records']:,} records"
        shares = " + ".join(f"{item[name]:,} {name.replace('_', ' ')}" for name in wording.FATES if item[name])
        parts.append(Text(f"{whole} = {shares or '0'}"))
    for record in document["quarantine"][:5]:
        where = f":{record['line']}" if record.get("line") is not None else ""
        parts.append(Padding(Text(f"{record['path']}{where}: {record['reason']}"), (0, 0, 0, 2)))
    more = sum(item["quarantined"] for item in document["inputs"]) - len(document["quarantine"][:5])
    if more > 0:
        parts.append(Text(f"  and {more:,} more quarantined records (--quarantine FILE writes them all)"))
    return parts


def _warnings(document: Doc) -> list[RenderableType]:
    return [Text(f"warning: {text}", style="yellow") for text in document["warnings"]]
