"""Fragments: ports for the later ones, and bounds on what waits. (That bytes and answers come out right: see the tests
of conversations and answers.)"""

from __future__ import annotations

from pathlib import Path

from tests.traffic.capture import builder as b
from tests.traffic.capture.talking import S, batches_of

from residency.limits import LIMITS
from residency.traffic.capture.fragments import Fragments


def part(number: int, *, first: bool, ts_ns: int = 0, src: str = "10.0.0.1") -> tuple[int, bytes]:
    """Return the first or the last fragment of a packet with ports 5000 and 6000."""
    whole = b.udp(bytes(200), 5_000, 6_000)
    data, offset = (whole[:96], 0) if first else (whole[96:], 96)
    return ts_ns + S, b.ethernet(b.ipv4(data, b.UDP, src, identification=number, offset=offset, more=first))


def ports(tmp_path: Path, *packets: tuple[int, bytes]) -> list[int]:
    """Return the source port that each packet is given."""
    path = tmp_path / "fragments.pcap"
    path.write_bytes(b.pcap(packets))
    chains = Fragments()
    return [port for batch in batches_of(path, 2) for port in chains.attribute(batch).src_port.tolist()]


def test_a_later_fragment_has_the_ports_of_its_first(tmp_path: Path) -> None:
    packets = [part(1, first=True), part(2, first=False), part(1, first=False), part(1, first=False, src="10.0.0.2")]
    assert ports(tmp_path, *packets) == [5_000, 0, 5_000, 0]


def test_a_fragment_that_comes_after_the_wait_is_of_another_packet(tmp_path: Path) -> None:
    late = part(1, first=False, ts_ns=(LIMITS.fragment_wait_s + 1) * S)
    assert ports(tmp_path, part(1, first=True), late) == [5_000, 0]


def test_the_oldest_chains_are_forgotten_first(tmp_path: Path) -> None:
    more = LIMITS.max_fragment_chains + 1
    firsts = [part(number, first=True) for number in range(more)]
    lasts = [part(number, first=False) for number in (0, 1, more - 1)]
    assert ports(tmp_path, *firsts, *lasts)[-3:] == [0, 5_000, 5_000]
