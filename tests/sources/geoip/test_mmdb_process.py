"""A child that dies, hangs or runs into a limit is one line of error; the caller lives."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from residency.errors import SourceError
from residency.limits import LIMITS
from residency.sources import mmdb_process
from residency.sources.interval_cache import Columns
from residency.sources.mmdb_process import import_in_child

Write = Callable[..., bytes]


@pytest.fixture
def database(tmp_path: Path, write: Write) -> tuple[Path, str]:
    path = tmp_path / "acme.mmdb"
    content = write({"1.0.0.0/8": {"country_code": "IE"}})
    path.write_bytes(content)
    return path, hashlib.sha256(content).hexdigest()


def test_a_child_writes_columns_and_tells_how_far_it_is(
    tmp_path: Path, database: tuple[Path, str], now: datetime
) -> None:
    heard: list[float] = []
    import_in_child(*database, tmp_path, now=now, progress=lambda _, done: heard.append(done))
    columns = Columns(tmp_path)
    columns.verify()
    assert columns.about["networks"] == 1
    assert columns.about["file"] == "acme.mmdb"
    assert heard == sorted(heard)
    assert heard


def test_what_the_child_found_wrong_is_said_with_path_and_offset(tmp_path: Path, maxmind: Path, now: datetime) -> None:
    path = maxmind / "bit_flips" / "maxminddb-segv-13057-3.mmdb"
    with pytest.raises(SourceError, match=r"segv-13057-3.mmdb: offset \d+: damaged database") as caught:
        import_in_child(path, hashlib.sha256(path.read_bytes()).hexdigest(), tmp_path, now=now)
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_changed_meanwhile_is_refused(tmp_path: Path, database: tuple[Path, str], now: datetime) -> None:
    with pytest.raises(SourceError, match="changed while it was read"):
        import_in_child(database[0], "0" * 64, tmp_path, now=now)


def run_instead(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Let the child be another program: what a crash in a reader looks like from here."""
    monkeypatch.setattr(mmdb_process, "_BOOT", textwrap.dedent(code))


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "died by SIGSEGV"),
        ("import os; os.abort()", "died by SIGABRT"),
        (
            "import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass",
            "died by SIG(XCPU|KILL)",
        ),
        ("import sys; sys.exit(3)", r"failed without a word \(exit 3\)"),
        ("print('no JSON')", "failed without a word"),
        ("print('[' * 100_000)", "failed without a word"),
        ("print('1')", "failed without a word"),
    ],
)
def test_a_child_that_dies_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database: tuple[Path, str], now: datetime, code: str, why: str
) -> None:
    run_instead(monkeypatch, code)
    with pytest.raises(SourceError, match=why):
        import_in_child(*database, tmp_path, now=now)


def test_a_child_that_hangs_is_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database: tuple[Path, str], now: datetime
) -> None:
    run_instead(monkeypatch, "import time; time.sleep(600)")
    monkeypatch.setattr(mmdb_process, "LIMITS", replace(LIMITS, mmdb_import_wall_s=1))
    with pytest.raises(SourceError, match="took over 1 s"):
        import_in_child(*database, tmp_path, now=now)


def test_a_script_without_a_main_guard_is_not_run_again(tmp_path: Path, database: tuple[Path, str]) -> None:
    script = tmp_path / "audit_script.py"
    script.write_text(
        "import sys\n"
        f"sys.path[:] = {sys.path!r}\n"
        "from pathlib import Path\n"
        "from residency.sources.geoip import GeoipDatabase\n"
        f"print('ran', GeoipDatabase.open({str(database[0])!r}, cache_dir=Path({str(tmp_path / 'c')!r})).networks)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert done.stdout == "ran 1\n"
