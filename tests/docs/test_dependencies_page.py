"""docs/dependencies.md lists the packages of pyproject.toml, and what it says of their use and licence holds."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MODULES = {"dnspython": "dns"}


def section(heading: str) -> str:
    """The text below a heading."""
    return PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def names(requirements: list[str]) -> list[str]:
    """The names of requirements."""
    return [re.split(r"[\[<>=~! ]", requirement, maxsplit=1)[0] for requirement in requirements]


def listed(heading: str) -> list[str]:
    """The packages in the first column of a section's table."""
    return re.findall(r"^\| `([\w-]+)` \|", section(heading), re.MULTILINE)


def test_the_run_time_packages_are_pyproject_s() -> None:
    assert listed("At run time") == names(PROJECT["dependencies"])


def test_the_development_packages_are_pyproject_s() -> None:
    assert listed("For development") == names(PROJECT["optional-dependencies"]["dev"])


def test_the_extras_are_pyproject_s() -> None:
    assert listed("Extras") == [extra for extra in PROJECT["optional-dependencies"] if extra != "dev"]


@pytest.mark.parametrize("package", names(PROJECT["dependencies"]))
def test_a_package_is_said_to_be_unused_where_nothing_imports_it(package: str) -> None:
    module = MODULES.get(package, package)
    importing = re.compile(rf"^\s*(import|from) {module}\b", re.MULTILINE)
    is_used = any(importing.search(path.read_text(encoding="utf-8")) for path in (ROOT / "src").rglob("*.py"))
    (row,) = re.findall(rf"^\| `{package}` \|.*$", PAGE, re.MULTILINE)
    assert ("not imported by this version" in row) is not is_used


@pytest.mark.parametrize("package", [*names(PROJECT["dependencies"]), *listed("For development")])
def test_the_licence_is_the_package_s(package: str) -> None:
    try:
        found = metadata.metadata(package)
    except metadata.PackageNotFoundError:
        pytest.skip(f"{package} is not installed here")
    said = " ".join(
        [
            found["License-Expression"] or "",
            found["License"] or "",
            *(c for c in found.get_all("Classifier") or [] if c.startswith("License")),
        ]
    )
    (row,) = set(re.findall(rf"^\| `{package}` \|.*\| ([^|]+) \|$", PAGE, re.MULTILINE))
    assert row.split(" and ")[0].split("-")[0] in said
    assert "GPL" not in said.upper().replace("LGPL-EXCEPTION", "")
