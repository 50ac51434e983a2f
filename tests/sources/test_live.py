"""Handshake times against real servers on loopback; nothing else is ever asked here."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from residency.errors import UsageError
from residency.limits import LIMITS
from residency.model.latency import RttKind
from residency.model.network import Vantage, parse_address
from residency.sources.live import LivePlan, LiveTarget, measure_live

if TYPE_CHECKING:
    from tests.sources.conftest import Audit, Web

HERE = Vantage(lat=50.1, lon=8.7, name="here")
LOOPBACK = parse_address("127.0.0.1")


def plan(samples: int = 3, *, with_tls: bool = True) -> LivePlan:
    return LivePlan(vantage=HERE, samples=samples, with_tls=with_tls, only_public=False)


@pytest.fixture
def plain() -> Iterator[int]:
    """A TCP server that takes connections and closes them: no TLS."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                taken, _ = listener.accept()
            except OSError:
                return
            taken.recv(4096)
            taken.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def test_tcp_and_tls_times_of_a_real_server(web: Web) -> None:
    found = measure_live([LiveTarget(address=LOOPBACK, port=web.port, host="site.example")], plan(3))
    assert not found.failed
    assert [(x.kind, x.samples, x.target, x.vantage) for x in found.latencies] == [
        (RttKind.TCP, 3, "127.0.0.1", HERE),
        (RttKind.TLS, 3, "127.0.0.1", HERE),
    ]
    assert all(0 < x.rtt_ms < 5_000 for x in found.latencies)


def test_a_server_without_tls_gives_times_of_tcp_only(plain: int) -> None:
    found = measure_live([LiveTarget(address=LOOPBACK, port=plain)], plan(2))
    assert [(x.kind, x.samples) for x in found.latencies] == [(RttKind.TCP, 2)]


def test_without_tls_nothing_is_sent(plain: int) -> None:
    found = measure_live([LiveTarget(address=LOOPBACK, port=plain)], plan(1, with_tls=False))
    assert [x.kind for x in found.latencies] == [RttKind.TCP]


def test_nobody_listening_is_a_failure_with_its_reason() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        found = measure_live([LiveTarget(address=LOOPBACK, port=unused.getsockname()[1])], plan(1))
    assert not found.latencies
    ((target, why),) = found.failed
    assert target == "127.0.0.1"
    assert "refused" in why


def test_addresses_that_are_not_public_are_refused_before_anything_is_sent(audit: Audit) -> None:
    with pytest.raises(UsageError, match="loopback"):
        measure_live([LiveTarget(address=LOOPBACK)], LivePlan(vantage=HERE))
    assert not audit.connected


@pytest.mark.parametrize("samples", [0, -1, LIMITS.max_live_samples + 1])
def test_samples_are_bounded(samples: int) -> None:
    with pytest.raises(UsageError, match="samples"):
        LivePlan(vantage=HERE, samples=samples)


def test_targets_are_bounded(audit: Audit) -> None:
    many = [LiveTarget(address=parse_address("203.0.113.1"))] * (LIMITS.max_live_targets + 1)
    with pytest.raises(UsageError, match="at most"):
        measure_live(many, LivePlan(vantage=HERE))
    assert not audit.connected
