"""The notebooks run from top to bottom in an empty folder, and what is stored in them is what they show today."""

from __future__ import annotations

import base64
import re
import runpy
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
BUILD: dict[str, Any] = runpy.run_path(str(DOCS / "build_notebooks.py"))
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))
_MOST_BYTES = 600_000
LINK = re.compile(r"\]\(([^)\s#]+)\)")
by_name = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path: Path) -> Any:
    """A notebook as it is stored."""
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def is_foreign(kind: str, text: str) -> bool:
    """Is this written by a package whose next version may write it otherwise?"""
    return kind.startswith("image/") or (kind == "text/html" and 'class="dataframe"' in text)


def shown(notebook: Any) -> list[Any]:
    """What each cell of code shows; the bytes of pictures and the markup of data frames are not ours."""
    return [
        [
            {kind: "" if is_foreign(kind, text) else text for kind, text in output.data.items()}
            if "data" in output
            else (output.output_type, output.get("name"), output.get("text"))
            for output in cell.outputs
        ]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def test_the_three_notebooks_are_there() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["endpoint-geography", "gate-a-ci-job", "validate-a-vendor"]
    assert BUILD["notebooks"]() == NOTEBOOKS


@by_name
def test_what_is_stored_is_small_and_the_same_for_everybody(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text) < _MOST_BYTES
    notebook = read(path)
    nbformat.validate(notebook)
    assert notebook.metadata == BUILD["METADATA"]
    assert BUILD["stable"](read(path)) == notebook
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    plain = str(shown(notebook))
    here = (str(Path(__file__).resolve().parents[2]), str(Path.home()), tempfile.gettempdir())
    assert not [word for word in ("/home/", "/root/", "/tmp/", "http://", "cdn.", *here) if word in plain]


@by_name
def test_pictures_are_pictures(path: Path) -> None:
    cells = read(path).cells
    data = [output.data for cell in cells for output in cell.get("outputs", ()) if "data" in output]
    pictures = [base64.b64decode(found["image/png"]) for found in data if "image/png" in found]
    assert all(picture.startswith(b"\x89PNG\r\n\x1a\n") for picture in pictures)
    assert bool(pictures) is (path.stem != "gate-a-ci-job")


@by_name
def test_a_notebook_starts_with_its_one_heading_and_links_lead_somewhere(path: Path) -> None:
    cells = read(path).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert cells[0].source.startswith("# ")
    assert [line for line in prose.splitlines() if line.startswith("# ")] == [cells[0].source.splitlines()[0]]
    assert "—" not in prose
    for target in LINK.findall(prose):
        assert (path.parent / target).exists(), target


@by_name
def test_a_run_today_shows_what_is_stored(path: Path) -> None:
    stored = read(path)
    fresh = BUILD["executed"](path)
    for number, (old, new) in enumerate(zip(shown(stored), shown(fresh), strict=True), start=1):
        assert new == old, f"cell of code {number}: run docs/build_notebooks.py {path.stem}"
    assert [cell.get("execution_count") for cell in fresh.cells] == [c.get("execution_count") for c in stored.cells]
