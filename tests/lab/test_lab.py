"""The lab of real parts: delays that are what was set, times and names that are what was sent, verdicts as built."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.lab import wire
from tests.lab.lab import LAST, ROUNDS
from tests.lab.servers import CLOSED, EU, H3, HOSTS, OLD, QUIET, US, V6, ZONE

if TYPE_CHECKING:
    from tests.lab.lab import Captured

DELAY_MS = {host.address: host.rtt_ms for host in HOSTS}
TOLERANCE_MS = 1.0


def assert_as_set(times_ms: dict[str, float]) -> None:
    """Hold the least time to each server against the delay set for it: never less, never 1 ms more."""
    assert {a: ms for a, ms in times_ms.items() if not 0 <= ms - DELAY_MS[a] < TOLERANCE_MS} == {}


class TestTheLabItself:
    """By tshark alone: if the delays are not true, nothing can be learned from our own times."""

    def test_tcp_handshakes_take_the_delay_set(self, captured: Captured) -> None:
        syn = wire.syn_ms(captured.at_client)
        assert Counter(address for address, _ in syn) == {
            EU.address: 2 * ROUNDS,
            **{host.address: ROUNDS for host in (OLD, V6, QUIET, US)},
        }
        assert_as_set(wire.on_the_way(syn, dict.fromkeys(syn, 0.0)))

    def test_tls_handshakes_take_the_delay_set_and_what_the_server_took(self, captured: Captured) -> None:
        ways = wire.on_the_way(wire.tls_ms(captured.at_client), wire.tls_ms(captured.at_servers))
        assert set(ways) == {host.address for host in (EU, OLD, V6, QUIET, US)}
        assert_as_set(ways)

    def test_quic_handshakes_take_the_delay_set_and_what_the_server_took(self, captured: Captured) -> None:
        ways = wire.on_the_way(wire.quic_ms(captured.at_client), wire.quic_ms(captured.at_servers))
        assert set(ways) == {H3.address}
        assert_as_set(ways)

    def test_nobody_answered_at_the_closed_port(self, captured: Captured) -> None:
        flags = [flags for flags, *_ in wire.fields(captured.at_client, f"ip.src=={CLOSED.address}", "tcp.flags.str")]
        assert len(flags) == 1
        assert "R" in flags[0]

    def test_names_came_from_the_dns_server_and_nothing_left_the_lab(self, captured: Captured) -> None:
        asked = {name for (name,) in wire.fields(captured.at_client, "dns.flags.response==1", "dns.qry.name")}
        assert asked == {f"{LAST}.{ZONE}", *(host.name for host in HOSTS)}
        reached = wire.fields(captured.at_client, "ip.dst && !icmp", "ip.dst")
        assert {address for (address,) in reached} <= {*DELAY_MS, "10.53.0.53", "192.168.77.2"}
