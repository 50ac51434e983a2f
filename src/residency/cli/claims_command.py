"""`residency claims`: write, list, show and check claim files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.padding import Padding
from rich.text import Text

from residency.cli import completing, terminal
from residency.errors import UsageError
from residency.model.claim import Claim
from residency.report.as_text import to_text
from residency.report.medium import printable

app = typer.Typer(no_args_is_help=True, help="Write, list, show and check claim files.")

_CLAIMS = typer.Argument(
    metavar="FILE|PACK", help="A claim file, or the name of a shipped pack.", autocompletion=completing.packs
)


@app.command("new")
def new(
    path: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Where to write it; stdout if absent.")] = None,
    vendor: Annotated[str, typer.Option(help="Who makes the claim.")] = "Acme",
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> int:
    """Write a commented claim file to start from.

    residency claims new acme.toml --vendor Acme
    """
    from residency.claims import template

    if path is not None and path.exists() and not force:
        raise UsageError("exists already; choose another name or say --force", path=path)
    terminal.write(template(vendor=vendor), path)
    if path is not None:
        typer.echo(f"wrote {path}; next: residency claims lint {path}", err=True)
    return 0


@app.command("list")
def list_() -> int:
    """List the shipped packs and their claims.

    residency claims list
    """
    from residency.claims import load_pack, shipped_packs
    from residency.sources.gazetteer import shipped_gazetteer

    page = terminal.page()
    parts: list[Text | Padding] = []
    for name in shipped_packs():
        parts.append(Text(name, style="bold"))
        claims = load_pack(name, gazetteer=shipped_gazetteer()).claims
        parts += [_indented(f"{claim.id}: {claim.activity.value}, in {_where(claim)}") for claim in claims]
    terminal.write(to_text(parts, width=page.width, colour=page.colour), None)
    return 0


@app.command("show")
def show(source: Annotated[str, _CLAIMS]) -> int:
    """Show what a claim file says, in words.

    residency claims show tiktok-clover
    """
    from residency.claims import load_pack
    from residency.evaluate.judge import could_yield
    from residency.sources.gazetteer import shipped_gazetteer

    page = terminal.page()
    parts: list[Text | Padding] = []
    for claim in load_pack(source, gazetteer=shipped_gazetteer()).claims:
        could = could_yield(claim, subjects_stated=True)
        parts += [Text(claim.id, style="bold"), _indented(f"“{claim.statement}”", style="italic")]
        parts += [_indented(line) for line in _facts(claim)]
        parts += [_indented(reason.text) for reason in could.reasons]
    terminal.write(to_text(parts, width=page.width, colour=page.colour), None)
    return 0


@app.command("lint")
def lint(sources: Annotated[list[str], _CLAIMS]) -> int:
    """Check claim files: every fault with its line (exit 2), and what is likely a mistake (exit 0).

    residency claims lint acme.toml
    """
    from residency.claims import lint as check
    from residency.claims import load_pack
    from residency.sources.gazetteer import shipped_gazetteer

    gazetteer = shipped_gazetteer()
    for source in sources:
        pack = load_pack(source, gazetteer=gazetteer)
        for warning in check(pack, gazetteer):
            at = f":{warning.line}" if warning.line is not None else ""
            typer.echo(printable(f"{pack.path}{at}: warning: {warning.text}"))
        count = len(pack.claims)
        typer.echo(printable(f"{pack.path}: {count} claim{'s' if count != 1 else ''}, no faults"))
    return 0


@app.command("schema")
def schema() -> int:
    """Print the JSON Schema of claim files (for editors).

    residency claims schema > claim.schema.json
    """
    from residency.claims import claim_schema

    typer.echo(json.dumps(claim_schema(), indent=2, sort_keys=True))
    return 0


def _indented(text: str, style: str = "") -> Padding:
    return Padding(Text(printable(text), style=style), (0, 0, 0, 2))


def _where(claim: Claim) -> str:
    allowed = ", ".join(claim.allow) or "anywhere"
    return allowed + (f", not {', '.join(claim.forbid)}" if claim.forbid else "")


def _when(claim: Claim) -> str:
    start, end = claim.effective.start, claim.effective.end
    words = [f"from {start:%Y-%m-%d}"] if start else []
    words += [f"until {end:%Y-%m-%d}"] if end else []
    return " ".join(words) or "always"


def _facts(claim: Claim) -> list[str]:
    scope = [f"{h.pattern}" + (f" ({h.role})" if h.role else "") for h in claim.hosts]
    scope += [str(n.cidr) for n in claim.networks] + [f"AS{asn}" for asn in claim.asns]
    facts = [
        f"{claim.vendor}: {claim.activity}, {claim.modality}, in {_where(claim)}, {_when(claim)}",
        f"scope: {', '.join(scope) or 'none'}" + (f"; ports {', '.join(map(str, claim.ports))}" if claim.ports else ""),
    ]
    facts += [f"about the data of {', '.join(claim.subjects)}"] if claim.subjects else []
    facts += [f"only where {claim.condition}"] if claim.condition else []
    facts += [f"exception {e.id}: {e.why}" for e in claim.exceptions]
    facts += [f"source ({s.kind}): {s.url}" for s in claim.sources]
    return facts + [f"against it, {c.date}, {c.by}: {c.finding}" for c in claim.counter_evidence]
