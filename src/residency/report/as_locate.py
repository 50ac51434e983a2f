"""Located addresses as a JSON document (`residency-locate/1`, DESIGN section 7.6) and as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from residency.model.location import Location, Locations
from residency.model.tables import location_facts
from residency.report.as_json import evidence, snapshot, vantage_check
from residency.report.as_text import STYLES, table, to_text
from residency.report.explain import evidence_line, version_of
from residency.report.medium import all_printable

SCHEMA = "residency-locate/1"
_CODES_SHOWN = 12
_IN_FULL = 8  # up to so many targets each is told with its evidence


def document(found: Locations) -> dict[str, Any]:
    """Return the located targets as plain JSON values."""
    return {
        "schema": SCHEMA,
        "tool": {"name": "residency", "version": found.tool_version},
        "as_of": found.as_of.isoformat(),
        "within": list(found.within),
        "snapshots": [snapshot(s) for s in found.snapshots],
        "targets": [_target(item) for item in found],
        "warnings": list(found.warnings),
        "vantages": [vantage_check(check) for check in found.vantages],
        "refused": [{"line": r.line, "target": r.text, "reason": r.reason} for r in found.refused],
    }


def _target(item: Location) -> dict[str, Any]:
    return location_facts(item) | {
        "reasons": [{"rule": reason.rule, "text": reason.text} for reason in item.reasons],
        "evidence": [evidence(e, side) for e, side in zip(item.evidence, item.sides, strict=True)],
    }


def render(
    doc: Mapping[str, Any],
    rules: Mapping[str, str],
    *,
    width: int = 80,
    colour: bool = False,
    in_full: int = _IN_FULL,
) -> str:
    """Return the targets as a table; few of them each with its evidence and the rules that weighed it."""
    doc = all_printable(doc)
    parts: list[RenderableType] = [_table(doc)]
    if len(doc["targets"]) <= in_full:
        versions = {s["id"]: version_of(s) for s in doc["snapshots"]}
        for target in doc["targets"]:
            parts += ["", *_in_full(target, versions, rules)]
    else:
        parts.append(Text(f"the evidence on each of {len(doc['targets']):,} targets: --format json", style="dim"))
    parts += [Text(_refused(r), "yellow") for r in doc["refused"]]
    parts += [Text(f"warning: {note}", "yellow") for note in doc["warnings"]]
    return to_text(parts, width=width, colour=colour)


def _refused(refused: Mapping[str, Any]) -> str:
    where = "" if refused["line"] is None else f"line {refused['line']}: "
    return f"{where}`{refused['target']}` refused: {refused['reason']}"


def _table(doc: Mapping[str, Any]) -> RenderableType:
    within = ", ".join(doc["within"])
    last = ("place", "verdict") if within else ()
    made = table("target", "countries", "region or site", "known by", *last)
    made.columns[0].no_wrap = True
    for item in doc["targets"]:
        row = [_label(item), _countries(item), ", ".join(item["sites"][:3]), item["assurance"]]
        if within:
            row += [f"{item['place']} {within}", Text(item["verdict"], style=STYLES[item["verdict"]])]
        made.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    return made


def _label(item: Mapping[str, Any]) -> str:
    return f"{item['host']} {item['server_ip']}" if item["host"] else str(item["target"])


def _countries(item: Mapping[str, Any]) -> str:
    if item["address_class"] != "public":
        return f"none ({item['address_class']})"
    codes = item["countries"]
    return ", ".join(codes[:4]) + (f" and {len(codes) - 4} more" if len(codes) > 4 else "") or "not known"


def _excluded(codes: Sequence[str]) -> str:
    return ", ".join(codes) if len(codes) <= _CODES_SHOWN else f"{len(codes)} countries (--format json names them)"


def _in_full(
    target: Mapping[str, Any], versions: Mapping[str, str], rules: Mapping[str, str]
) -> Sequence[RenderableType]:
    lines = [Text(_label(target), style="bold")]
    if target["anycast"] == "detected":
        lines.append(Text("round-trip times show several sites: it has no single place", style="yellow"))
    if target["anycast"] == "listed":
        lines.append(Text("a published anycast or edge address: it has no single place", style="yellow"))
    said = [evidence_line(e, versions) for e in target["evidence"]] or ["no source says where it is"]
    why = [f"{rule} {rules.get(rule, '(unknown rule)')}" for rule in target["rules"]]
    if target["excluded"]:
        why.append(f"excluded by round-trip times: {_excluded(target['excluded'])}")
    return [*lines, *(Padding(Text(line), (0, 0, 0, 2)) for line in [*said, *why])]
