"""What the tests of logs share: the flow table that inputs become, as plain rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from residency.traffic import ReadOptions, read_traffic


def rows(inputs: Sequence[Any], **options: Any) -> list[dict[str, Any]]:
    """Return one dict a flow, in the order of the table, without what is null."""
    with read_traffic(inputs, cuts_us=(), options=ReadOptions(**options), keep_rows=True) as traffic:
        return [{k: v for k, v in row.items() if v is not None} for row in traffic.flow_table().to_pylist()]
