"""Payloads of the shared captures and what tshark read in them; skips with a reason where either is missing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest


def capture(name: str) -> Path:
    """The path of a shared capture."""
    shared = os.environ.get("RESIDENCY_SHARED")
    if not shared:
        pytest.skip("RESIDENCY_SHARED does not name the shared inputs")
    return Path(shared) / "inputs" / "pcap" / name


def reading_of(name: str) -> dict[str, Any]:
    """What tshark reported of a capture when the inputs were collected."""
    found: dict[str, Any] = json.loads(capture(f"{name}.tshark.json").read_text(encoding="utf-8"))
    return found


def tshark(name: str, shown: str, *fields: str, options: tuple[str, ...] = ()) -> list[list[str]]:
    """Return the fields of the packets that a display filter keeps."""
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    asked = [part for field in fields for part in ("-e", field)]
    command = ["tshark", "-r", str(capture(name)), "-Y", shown, "-T", "fields", *options, *asked]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


def datagrams(name: str, shown: str) -> Mapping[tuple[str, str], list[bytes]]:
    """Return the UDP payloads by (conversation, source port), in order."""
    found: dict[tuple[str, str], list[bytes]] = defaultdict(list)
    for stream, port, payload in tshark(name, f"udp and ({shown})", "udp.stream", "udp.srcport", "udp.payload"):
        found[stream, port].append(bytes.fromhex(payload))
    return found


def segments(name: str, shown: str = "tcp.len > 0") -> Mapping[tuple[str, str], list[bytes]]:
    """Return the TCP payloads by (conversation, source port) in order, retransmitted ones left out."""
    kept = f"({shown}) and not tcp.analysis.retransmission"
    found: dict[tuple[str, str], list[bytes]] = defaultdict(list)
    for stream, port, payload in tshark(name, kept, "tcp.stream", "tcp.srcport", "tcp.payload"):
        found[stream, port].append(bytes.fromhex(payload))
    return found
