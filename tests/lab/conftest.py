"""The lab is built once, for all tests of this folder."""

from __future__ import annotations

import pytest
from tests.lab.lab import Captured, needs, run


@pytest.fixture(scope="session")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Captured:
    """What the lab's client saw, and its servers; skips where namespaces cannot be made."""
    if missing := needs():
        pytest.skip(missing)
    return run(tmp_path_factory.mktemp("lab"))
