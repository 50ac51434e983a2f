"""The public names, and what importing the package costs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import residency

PUBLIC = {
    *("Area", "Assurance", "Claim", "ClaimError", "Evidence", "Finding", "InputError", "LimitError"),
    *("MemorySource", "Outcome", "Pack", "Place", "Report", "ResidencyError", "Site", "Snapshot", "SourceError"),
    *("Statement", "UsageError", "Vantage", "Verdict", "__version__", "audit", "load_pack", "locate"),
    "resolve",
}
HEAVY = ("duckdb", "numpy", "pyarrow", "pydantic", "typer", "rich", "pandas", "polars", "idna", "hypothesis", "altair")
NETWORK = ("dns", "httpcore", "aioquic", "asyncio", "ssl")


def test_public_names_are_pinned_and_few() -> None:
    assert set(residency.__all__) == PUBLIC
    assert len(residency.__all__) == len(PUBLIC)
    assert len(PUBLIC - {"__version__"}) <= 25  # the version is no name of the interface, every package has it


def test_names_are_sorted_and_listed_by_dir() -> None:
    assert list(residency.__all__) == sorted(residency.__all__)
    assert dir(residency) == sorted(residency.__all__)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_public_name_resolves(name: str) -> None:
    assert getattr(residency, name) is getattr(residency, name)


def test_resolve_is_called_like_a_function_however_its_package_was_imported_before() -> None:
    code = "import residency.resolve.names, residency; print(callable(residency.resolve), callable(residency.aresolve))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True True\n"
    assert residency.resolve(()).items == ()


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        residency.no_such_name  # noqa: B018


@pytest.mark.parametrize("name", ["ClaimError", "InputError", "LimitError", "SourceError", "UsageError"])
def test_every_error_has_the_one_root(name: str) -> None:
    assert issubclass(getattr(residency, name), residency.ResidencyError)


def test_importing_the_package_imports_no_heavy_library() -> None:
    code = "import json, sys, residency; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in json.loads(done.stdout)}
    assert not loaded & {*HEAVY, *NETWORK}


def test_errors_say_where_in_one_line() -> None:
    error = residency.InputError("no column `ts`", path="flows.csv", line=3)
    assert str(error) == "flows.csv:3: no column `ts`"
    assert str(residency.InputError("cut", path="a.pcap", offset=24)) == "a.pcap: offset 24: cut"
    assert str(residency.UsageError("no claim")) == "no claim"


def test_a_hostile_path_stays_on_one_line() -> None:
    error = residency.InputError("cannot be read", path="a\nb\x1b[31m\u202e.csv", line=1)
    assert str(error).isprintable()
