"""Stable ids: the same claim and endpoint have the same id in every report."""

from __future__ import annotations

import hashlib
import json

from residency.model.period import Period
from residency.model.verdict import Observed


def finding_id(claim: str, seen: Observed, period: Period) -> str:
    """Return `F-` and 12 hex digits of SHA-256 over the claim and the whole group key (DESIGN section 4).

    The period enters by its dates, not its number, so an id does not depend on unrelated claims' dates.
    """
    key = [
        claim,
        seen.server_ip,
        seen.server_port,
        seen.proto,
        seen.host,
        seen.named_by,
        seen.answered,
        str(period),
        seen.vantage,
        seen.rtt_kind,
    ]
    return "F-" + hashlib.sha256(json.dumps(key, separators=(",", ":")).encode()).hexdigest()[:12]
