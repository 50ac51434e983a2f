"""Writes addresses that are held as two halves of 64 bits."""

from __future__ import annotations

import socket
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


@lru_cache(maxsize=65_536)
def address_text(family: int, high: int, low: int) -> str:
    """Return the text of an address; that of IPv6 as RFC 5952 asks for."""
    if family == 4:
        return socket.inet_ntop(socket.AF_INET, low.to_bytes(4))
    return socket.inet_ntop(socket.AF_INET6, (high << 64 | low).to_bytes(16))


def address_texts(family: NDArray[np.int64], high: NDArray[np.uint64], low: NDArray[np.uint64]) -> list[str]:
    """Return the text of each address."""
    return list(map(address_text, family.tolist(), high.tolist(), low.tolist()))
