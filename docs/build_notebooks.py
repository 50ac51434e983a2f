"""Run the notebooks of docs/notebooks/ and store what they show: `python docs/build_notebooks.py [NAME...]`.

Each runs in an empty folder at 80 columns. Stored are texts, HTML and pictures, without what changes from run to run
(times of cells, versions) and without the maps' data, which the pictures show already. tests/docs/test_notebooks.py
runs them again and holds what is stored against it.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent / "notebooks"
SOURCE = Path(__file__).resolve().parents[1] / "src"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_SECONDS_A_CELL = 120
# Plain text at the width of the documentation, wherever it runs.
_ENVIRONMENT = {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb", "PYTHONPATH": str(SOURCE), "PYTHONUTF8": "1"}


def notebooks() -> list[Path]:
    """Return the notebooks, sorted by name."""
    return sorted(FOLDER.glob("*.ipynb"))


def executed(path: Path) -> Any:
    """Return the notebook as it is after a run in an empty folder; raises CellExecutionError for a failing cell."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as sockets:
        client = NotebookClient(
            notebook,
            timeout=_SECONDS_A_CELL,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": folder}},
        )
        manager = client.create_kernel_manager()
        manager.transport, manager.ip = "ipc", os.path.join(sockets, "kernel")  # no port that others could reach
        client.execute(env={**os.environ, **_ENVIRONMENT})
    return stable(notebook)


def stable(notebook: Any) -> Any:
    """Drop from a notebook what changes from run to run, in place, and return it."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
        for output in cell.get("outputs", ()):
            output.pop("metadata", None)
            if "data" in output:
                output["metadata"] = {}
                output.data = {kind: value for kind, value in output.data.items() if "vega" not in kind}
    return notebook


def main(names: list[str]) -> int:
    """Build the named notebooks, or all."""
    for path in notebooks():
        if not names or path.stem in names:
            nbformat.write(executed(path), path)
            print(f"{path.name}: {path.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
