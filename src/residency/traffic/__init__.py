"""Captures and logs -> one flow table -> named flows -> distinct endpoints, with every record accounted for."""

from __future__ import annotations

from residency.traffic.endpoints import Traffic
from residency.traffic.flow_rows import WRITTEN
from residency.traffic.inputs import spooled
from residency.traffic.reader import read_traffic, sniff
from residency.traffic.records import InputSummary, Quarantined, ReadOptions
from residency.traffic.workspace import Workspace, resumable

__all__ = [
    "WRITTEN",
    "InputSummary",
    "Quarantined",
    "ReadOptions",
    "Traffic",
    "Workspace",
    "read_traffic",
    "resumable",
    "sniff",
    "spooled",
]
