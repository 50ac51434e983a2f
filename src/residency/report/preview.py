"""`audit --dry-run`: what each claim would speak of, before anything is located."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from residency.model.verdict import ScopePreview
from residency.report.as_text import table, to_text
from residency.report.medium import printable

_MOST_HOSTS = 20


def render(previews: Sequence[ScopePreview], *, width: int = 80) -> str:
    """Return the scope of every claim as text."""
    parts: list[RenderableType] = []
    for item in previews:
        parts.append(Text(printable(item.claim.id), style="bold"))
        parts.append(Padding(Text(_could(item)), (0, 0, 0, 2)))
        rows = sorted(item.hosts.items(), key=lambda pair: (-pair[1].flows, pair[0]))
        if rows:
            hosts = table("host", "endpoints", "flows", numbers=("endpoints", "flows"))
            for host, tally in rows[:_MOST_HOSTS]:
                hosts.add_row(Text(printable(host)), f"{tally.endpoints:,}", f"{tally.flows:,}")
            parts.append(Padding(hosts, (0, 0, 0, 2)))
        else:
            parts.append(Padding(Text("no flow would be in scope"), (0, 0, 0, 2)))
        if len(rows) > _MOST_HOSTS:
            parts.append(Padding(Text(f"and {len(rows) - _MOST_HOSTS:,} more hosts"), (0, 0, 0, 2)))
    return to_text(parts, width=width, colour=False)


def _could(item: ScopePreview) -> str:
    confirm = "could be confirmed" if item.could.could_confirm else "could not be confirmed"
    violate = "could be contradicted" if item.could.could_violate else "could not be contradicted"
    why = "; ".join(reason.text for reason in item.could.reasons)
    return f"{confirm}, {violate}" + (f": {why}" if why else "")
