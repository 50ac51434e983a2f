"""Databases for these tests: a writer of odd ones, MaxMind's own, and a cache that nobody else uses."""

from __future__ import annotations

import os
import runpy
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from residency.model.evidence import Statement
from residency.model.network import Addresses, parse_address
from residency.sources.interface import Source

NOW = datetime(2026, 11, 24, tzinfo=UTC)
WRITER: dict[str, Any] = runpy.run_path(str(Path(__file__).resolve().parents[3] / "bench" / "mmdb_writer.py"))
Write = Callable[..., bytes]
Ask = Callable[..., list[Statement | None]]

IRELAND = {"country": {"geoname_id": 2963597, "iso_code": "IE", "names": {"en": "Ireland"}}}
NORWAY = {"country": {"geoname_id": 3144096, "iso_code": "NO", "names": {"en": "Norway"}}}


@pytest.fixture(scope="session")
def now() -> datetime:
    """The clock of these tests."""
    return NOW


@pytest.fixture(scope="session")
def write() -> Write:
    """Return the bytes of a database: `write({"1.0.0.0/8": record}, ip_version=4, database_type=...)`."""
    made: Write = WRITER["write"]
    return made


@pytest.fixture(scope="session")
def write_metadata() -> Write:
    """Return the metadata section of a database."""
    made: Write = WRITER["metadata"]
    return made


@pytest.fixture(scope="session")
def maxmind() -> Path:
    """The folder of MaxMind's test databases."""
    shared = os.environ.get("RESIDENCY_SHARED")
    if not shared:
        pytest.skip("RESIDENCY_SHARED is not set: MaxMind's test databases are not here")
    return Path(shared) / "inputs" / "maxmind_db"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """An empty cache."""
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def ask() -> Ask:
    """Ask a source about addresses written as text; one statement or None for each."""

    def asked(source: Source, *texts: str) -> list[Statement | None]:
        answer = source.answer(Addresses([parse_address(t) for t in texts]), [NOW.date()] * len(texts))
        return [None if code < 0 else answer.statements[code] for code in answer.codes.tolist()]

    return asked
