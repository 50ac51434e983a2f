"""`residency demo`: a shipped, composed sample held against two simple claims and a shipped pack."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from residency.cli import forms
from residency.errors import UsageError

_SAMPLE, _CLAIMS, _PACK = "composed-sample.csv", "claims.toml", "tiktok-clover"


def demo(
    write_to: Annotated[
        Path | None,
        typer.Option("--write-to", metavar="DIR", help="Copy the sample and its claims here and stop."),
    ] = None,
    format_: forms.Forms = None,
) -> int:
    """Show all three verdicts on a shipped sample (composed, not recorded). Always exits 0.

    residency demo --format text --format json:report.json

    residency demo --write-to demo
    """
    from residency.auditing import audit
    from residency.report import as_json
    from residency.shipped import data_path

    folder = data_path("demo")
    if write_to is not None:
        return _copy(folder, write_to)
    chosen = forms.choose(format_ or [])
    if any(one.path is None and one.name == "text" for one in chosen):
        typer.echo(
            "The traffic below is composed from published addresses; nobody was observed. The same by hand:\n"
            "  residency demo --write-to demo\n"
            f"  residency audit demo/{_SAMPLE} --claims demo/{_CLAIMS} --claims {_PACK} --clients EEA\n"
        )
    report = audit([folder / _CLAIMS, _PACK], [folder / _SAMPLE], clients="EEA")
    document = as_json.document(report)
    for item in (*document["inputs"], *document["quarantine"]):
        item["path"] = f"demo/{Path(item['path']).name}"
    for claim in document["claims"]:
        claim["file"] = _PACK if claim["file"] == _PACK else f"demo/{_CLAIMS}"
    forms.write(document, chosen)
    return 0


def _copy(folder: Path, target: Path) -> int:
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name in (_SAMPLE, _CLAIMS, "README.md"):
            shutil.copyfile(folder / name, target / name)
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", path=target) from error
    typer.echo(f"wrote {_SAMPLE}, {_CLAIMS} and README.md to {target}")
    return 0
