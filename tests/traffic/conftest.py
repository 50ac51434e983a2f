"""Helpers of the traffic tests: writing inputs, reading them, and the account that must always balance."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from residency.traffic import InputSummary, Quarantined, ReadOptions, read_traffic

HEADER = "ts,client_ip,server_ip,server_port,proto,bytes_sent,bytes_received,host\n"
GOOD = "2026-06-01T00:00:00Z,10.0.0.1,81.2.69.160,443,tcp,5,6,a.example\n"


@dataclass(frozen=True)
class Read:
    """Everything that one reading gave."""

    inputs: tuple[InputSummary, ...]
    warnings: tuple[str, ...]
    groups: list[dict[str, Any]]
    quarantine: list[Quarantined]
    span: tuple[int, int] | None

    @property
    def one(self) -> InputSummary:
        assert len(self.inputs) == 1
        return self.inputs[0]

    @property
    def reasons(self) -> list[tuple[int | None, str]]:
        return [(one.line, one.reason) for one in self.quarantine]


def read(inputs: Sequence[Any], cuts: Sequence[int] = (), **options: Any) -> Read:
    """Read inputs and check that every record is accounted for."""
    with read_traffic(inputs, cuts_us=cuts, options=ReadOptions(**options)) as traffic:
        result = Read(
            traffic.inputs,
            traffic.warnings,
            traffic.groups().to_pylist(),
            list(traffic.quarantine()),
            traffic.first_last_us(),
        )
        import numpy as np

        halves = traffic.records_by_input(np.arange(0, len(result.groups), 2))
    for one, (mine, other) in zip(result.inputs, halves, strict=True):
        assert one.records == one.flows_rows + one.quarantined + one.duplicate + one.context, one
        assert mine + other == one.flows_rows
    assert sum(group["records"] for group in result.groups) == sum(one.flows_rows for one in result.inputs)
    assert len(result.quarantine) == sum(one.quarantined for one in result.inputs)
    assert [group["group_id"] for group in result.groups] == list(range(len(result.groups)))
    return result


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file and return its path."""

    def writer(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return writer


@pytest.fixture
def shared() -> Path:
    """Return the folder of shared inputs."""
    folder = os.environ.get("RESIDENCY_SHARED")
    if not folder:
        pytest.skip("RESIDENCY_SHARED is not set: the shared inputs are not here")
    return Path(folder)
