"""The clock, read here and in `cli` only: evaluation and reports are told the time (DESIGN section 2)."""

from __future__ import annotations

from datetime import UTC, date, datetime


def current_day() -> date:
    """Return the day it is now, UTC."""
    return datetime.now(UTC).date()
