"""All servers of the tests, started together: where each listens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.resolve.servers import programs, zones
from tests.resolve.servers.processes import LOOPBACK, free_port
from tests.resolve.servers.quic import quic_server


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Servers as `resolve` takes them; the DS records of the signed zones; the authority that issued certificates."""

    authority: str
    by_subnet: str
    resolver: str
    tls: str
    https: str
    quic: str
    nobody: str  # a port where nothing listens
    anchors: tuple[str, ...]
    certificates: programs.Certificate


@contextmanager
def all_servers(folder: Path) -> Iterator[Servers]:
    """Run the real servers and the small one over QUIC; ready when entered."""
    files = programs.issue(folder)
    with programs.nsd(folder) as (nsd, anchors), programs.knot(folder) as knot:
        stubs = dict.fromkeys((zones.ZONE, zones.REVERSE, zones.SIGNED, zones.BOGUS, zones.BROKEN), nsd)
        stubs[zones.SUBNETS] = knot
        with programs.unbound(folder, stubs, anchors, files) as unbound, quic_server(unbound.plain, files) as quic:
            yield Servers(
                authority=f"udp://{LOOPBACK}:{nsd}",
                by_subnet=f"udp://{LOOPBACK}:{knot}",
                resolver=f"udp://{LOOPBACK}:{unbound.plain}",
                tls=f"tls://{programs.HOST}@{LOOPBACK}:{unbound.tls}",
                https=f"https://{programs.HOST}@{LOOPBACK}:{unbound.https}/dns-query",
                quic=f"quic://{programs.HOST}@{LOOPBACK}:{quic}",
                nobody=f"udp://{LOOPBACK}:{free_port()}",
                anchors=anchors,
                certificates=files,
            )
