"""Real DNS servers on loopback, started once for all tests of this folder, and a hostile one for each."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from tests.resolve.hostile import Hostile, hostile_server
from tests.resolve.servers.kit import Servers, all_servers
from tests.resolve.servers.programs import missing_programs


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """The real servers; skips where they are not installed."""
    if missing := missing_programs():
        pytest.skip(f"{', '.join(missing)} not installed (.ci/install-tools installs them)")
    if sys.platform != "linux":
        pytest.skip("the servers are configured for Linux")
    with all_servers(tmp_path_factory.mktemp("dns")) as running:
        yield running


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    """The server that does what no real one does."""
    with hostile_server() as running:
        yield running


_PACKETS: list[list[str]] = []


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if _PACKETS and event in ("socket.connect", "socket.sendto", "socket.sendmsg") and isinstance(arguments[1], tuple):
        _PACKETS[-1].append(str(arguments[1][0]))
    elif _PACKETS and event == "socket.getaddrinfo":
        _PACKETS[-1].append(f"look-up of {arguments[0]!s}")


sys.addaudithook(_hook)  # cannot be taken away again; silent unless a test asks


@pytest.fixture
def packets() -> Iterator[list[str]]:
    """Where this process connected or sent to during one test, and what it looked up through the system."""
    _PACKETS.append([])
    yield _PACKETS[-1]
    _PACKETS.pop()
