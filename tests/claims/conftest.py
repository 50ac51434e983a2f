"""The project's own gazetteer, for tests that read claim files."""

from __future__ import annotations

import pytest

from residency.model.place import Gazetteer
from residency.sources.gazetteer import shipped_gazetteer


@pytest.fixture(scope="session")
def gazetteer() -> Gazetteer:
    """The gazetteer of the shipped tables."""
    return shipped_gazetteer()
