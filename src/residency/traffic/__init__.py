"""Captures and logs -> one flow table -> named flows -> distinct endpoints, with every record accounted for."""

from __future__ import annotations

from residency.traffic.reader import Traffic, read_traffic, sniff
from residency.traffic.records import InputSummary, Quarantined, ReadOptions

__all__ = ["InputSummary", "Quarantined", "ReadOptions", "Traffic", "read_traffic", "sniff"]
