"""What every test may ask for: the project's own gazetteer, and where the project's files are."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from residency.model.place import Gazetteer
from residency.sources.gazetteer import shipped_gazetteer

# One profile for two shared cores: few examples, no deadline, the same ones in every run.
settings.register_profile(
    "house",
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("house")


@pytest.fixture(scope="session")
def gazetteer() -> Gazetteer:
    """The gazetteer of the shipped tables."""
    return shipped_gazetteer()


@pytest.fixture(scope="session")
def project() -> Path:
    """The folder of the checkout."""
    return Path(__file__).resolve().parents[1]
