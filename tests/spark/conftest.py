"""A Spark cluster of two executors, started once for all tests of this folder."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.spark.cluster import cluster

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))  # its generator of flows


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return a session; executors are processes of their own, as on a real cluster."""
    if shutil.which("java") is None:
        pytest.skip("no Java here: Spark does not run")
    folder: Path = tmp_path_factory.mktemp("spark")
    with cluster(2, folder) as session:
        yield session
