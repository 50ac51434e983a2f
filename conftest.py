"""Where RESIDENCY_SHARED names the shared inputs, a skipped test fails the run; elsewhere it skips."""

from __future__ import annotations

import os

import pytest


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a run with shared inputs in which any test was skipped."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not os.environ.get("RESIDENCY_SHARED") or reporter is None or exitstatus != 0:
        return
    skipped = reporter.stats.get("skipped", [])
    if skipped:
        reporter.write_line(f"RESIDENCY_SHARED is set, but {len(skipped)} tests were skipped: nothing may be")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
