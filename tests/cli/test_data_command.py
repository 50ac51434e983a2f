"""`residency data import` and `data status`: databases of the user's own."""

from __future__ import annotations

import hashlib
import runpy
from pathlib import Path

import pytest

from residency.cli import main

WRITER = runpy.run_path(str(Path(__file__).resolve().parents[2] / "bench" / "mmdb_writer.py"))


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small database, and a cache of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "acme.mmdb"
    path.write_bytes(WRITER["write"]({"1.0.0.0/8": {"country_code": "IE"}}, database_type="Acme-Country"))
    return path


def run(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, str, str]:
    code = main([str(arg) for arg in args])
    done = capsys.readouterr()
    return code, done.out, done.err


def test_import_says_what_was_read(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "data", "import", database)
    assert (code, err) == (0, "")
    for word in ("Acme-Country", "acme", "country", "nobody stated its sha256"):
        assert word in out


def test_a_stated_sha256_verifies(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    digest = hashlib.sha256(database.read_bytes()).hexdigest()
    code, out, _ = run(capsys, "data", "import", database, "--sha256", digest)
    assert code == 0
    assert "yes: sha256 as stated" in out
    code, out, err = run(capsys, "data", "import", database, "--sha256", "0" * 64)
    assert (code, out) == (2, "")
    assert err.startswith(f"residency: error: {database}: its sha256 is {digest}")


def test_a_damaged_file_is_one_line_and_exit_2(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database.write_bytes(database.read_bytes().replace(b"\x42IE", b"\x42IG"))
    code, out, err = run(capsys, "data", "import", database)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "`IG`, which does not exist" in err


def test_status_lists_imported_databases(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "acme" not in run(capsys, "data", "status")[1]
    run(capsys, "data", "import", database)
    unfolded = run(capsys, "data", "status")[1]
    assert "geoip-acme" in unfolded
    assert "Acme-Country" in unfolded
    assert "unverified" in unfolded
