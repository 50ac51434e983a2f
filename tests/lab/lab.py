"""The lab: a client, a router and servers in network namespaces of their own, and a capture of what the client does.

    client ══ veth ══ router ══ TUN ══ forwarder (delays) ══ TUN ══ servers

Nothing leaves the namespaces. Names come from the lab's DNS server, certificates from an authority of this run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab.namespaces import ip, namespaces, use_resolver, within
from tests.lab.servers import (
    CLOSED,
    DNS_ADDRESS,
    EU,
    H3,
    HOSTS,
    OLD,
    QUIET,
    US,
    V6,
    ZONE,
    all_servers,
    delays,
    missing_programs,
    running,
    wait_for,
)  # fmt: skip

HERE = Path(__file__).parent
ROUNDS = 5
LAST = "that-was-all"  # asked for at the end, so that the captures can be waited for
_LAST_S = 10.0
CLIENT, CLIENT_V6 = "192.168.77.2", "fd00:77::2"
_ROUTER, _ROUTER_V6 = "192.168.77.1", "fd00:77::1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """What one run of the lab gave: what the client saw, and the same packets as they came to the servers.

    The second tells how long each server took, and so what part of a round-trip time was the way.
    """

    at_client: Path
    at_servers: Path


def needs() -> str | None:
    """Return what is missing for the lab, None where it can be built."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "the lab needs root on Linux, to make network namespaces"
    if not Path("/dev/net/tun").exists():
        return "the lab needs /dev/net/tun"
    missing = missing_programs()
    return f"the lab needs {', '.join(missing)} (.ci/install-tools installs them)" if missing else None


@contextmanager
def network(folder: Path) -> Iterator[tuple[str, str]]:
    """Build the three namespaces and the delay line between them; yields the names of client and servers."""
    with ExitStack() as stack:
        client, router, servers = stack.enter_context(namespaces("client", "router", "servers"))
        ip("link", "add", "up0", "netns", client, "type", "veth", "peer", "down0", "netns", router)
        for namespace, device, address, address_v6 in (
            (client, "up0", CLIENT, CLIENT_V6),
            (router, "down0", _ROUTER, _ROUTER_V6),
        ):
            ip("-n", namespace, "address", "add", f"{address}/24", "dev", device)
            ip("-n", namespace, "-6", "address", "add", f"{address_v6}/64", "dev", device, "nodad")
            ip("-n", namespace, "link", "set", device, "up")
        for setting in ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"):
            subprocess.run(within(router, "sh", "-c", f"echo 1 > /proc/sys/{setting}"), check=True, timeout=20)
        log = folder / "forwarder.log"
        command = (sys.executable, str(HERE / "forwarder.py"), "line0", "line1", *delays())
        wait_for(log, "ready", stack.enter_context(running(router, command, log)))
        ip("-n", router, "link", "set", "line1", "netns", servers)
        for namespace, device in ((router, "line0"), (servers, "line1")):
            ip("-n", namespace, "link", "set", device, "up")
            _default_routes(namespace, "dev", device)
        _default_routes(client, "via", _ROUTER, _ROUTER_V6)
        for address in (DNS_ADDRESS, *(host.address for host in HOSTS)):
            ip("-n", servers, "address", "add", address, "dev", "line1", *(["nodad"] if ":" in address else []))
        use_resolver(client, DNS_ADDRESS)
        yield client, servers


def _default_routes(namespace: str, how: str, target: str, target_v6: str | None = None) -> None:
    ip("-n", namespace, "route", "add", "default", how, target)
    ip("-n", namespace, "-6", "route", "add", "default", how, target_v6 or target)


@contextmanager
def capturing(namespace: str, device: str, file: Path) -> Iterator[None]:
    """Capture everything on a device with nanosecond times."""
    log = file.with_suffix(".log")
    command = (
        "tcpdump",
        "-i",
        device,
        "-w",
        str(file),
        "-U",
        "--time-stamp-precision=nano",
        "-Z",
        "root",
        "-B",
        "8192",
    )
    with running(namespace, command, log) as process:
        wait_for(log, "listening on", process)
        yield


def run(folder: Path) -> Captured:
    """Build the lab, let the client talk to every server, and return the captures."""
    captured = Captured(at_client=folder / "client.pcap", at_servers=folder / "servers.pcap")
    with (
        network(folder) as (client, servers),
        all_servers(servers, folder) as files,
        capturing(client, "up0", captured.at_client),
        capturing(servers, "line1", captured.at_servers),
    ):
        for _ in range(ROUNDS):
            converse(client, files.authority)
        http3 = (sys.executable, str(HERE / "http3_client.py"), H3.name, str(files.authority), str(ROUNDS))
        _succeed(client, http3, "200 600\n" * ROUNDS)
        _fail(client, f"https://{CLOSED.name}/", curl_says=7)  # nobody listens: a conversation that is never answered
        _fail(client, f"http://{LAST}.{ZONE}/", curl_says=6)  # no such name
        for capture in captured.at_client, captured.at_servers:
            _wait_for_last(capture)
    return captured


def converse(client: str, authority: Path) -> None:
    """Have one conversation over TCP with each server that answers, each a connection of its own."""
    for host in (EU, OLD, V6, US):
        _succeed(client, ("curl", *_CURL, "--cacert", str(authority), f"https://{host.name}/"), "200")
    _succeed(client, ("curl", *_CURL, f"http://{EU.name}/"), "200")
    without_sni = ("openssl", "s_client", "-connect", f"{QUIET.name}:443", "-noservername", "-CAfile", str(authority))
    _succeed(client, without_sni, "Verify return code: 0")


_CURL = ("--silent", "--show-error", "--max-time", "10", "--output", "/dev/null", "--write-out", "%{http_code}")


def _succeed(client: str, command: tuple[str, ...], expected: str) -> None:
    done = subprocess.run(
        within(client, *command), check=False, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL
    )
    if done.returncode or expected not in done.stdout:
        raise RuntimeError(f"{' '.join(command)} said {done.stdout!r} {done.stderr!r}")


def _fail(client: str, url: str, *, curl_says: int) -> None:
    """Ask for what cannot be had."""
    done = subprocess.run(within(client, "curl", *_CURL, url), check=False, capture_output=True, timeout=20)
    if done.returncode != curl_says:
        raise RuntimeError(f"{url} was not to be had: {done!r}")


def _wait_for_last(capture: Path) -> None:
    """Wait until tcpdump, to which the kernel hands packets about once a second, has written the last question."""
    until = time.monotonic() + _LAST_S
    while bytes([len(LAST)]) + LAST.encode() not in capture.read_bytes():
        if time.monotonic() > until:
            raise RuntimeError(f"{capture} never got the last question")
        time.sleep(0.05)
