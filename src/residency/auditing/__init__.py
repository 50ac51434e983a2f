"""The composition root: the only place where claims, sources, traffic, evaluation and reports meet.

The package is not called `audit`, since a module of that name would hide the function `residency.audit`.
"""

from __future__ import annotations

from residency.auditing.entry import audit, preview

__all__ = ["audit", "preview"]
