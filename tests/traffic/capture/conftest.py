"""Fixtures for captures."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.traffic.capture.reading import Packet, read_all
from tests.traffic.conftest import Write

from residency.traffic.capture.files import CaptureReader

Reading = tuple[CaptureReader, list[Packet]]
ReadCapture = Callable[[bytes], Reading]


@pytest.fixture
def read_capture(write: Write) -> ReadCapture:
    """Read the bytes of a capture file; return the reader at its end, and the packets."""

    def reading(data: bytes) -> Reading:
        reader = CaptureReader(write("capture", data), "shown.pcap")
        return reader, read_all(reader)

    return reading
