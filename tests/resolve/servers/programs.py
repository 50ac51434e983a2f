"""The real servers: NSD as authority, Knot by client subnet, Unbound as validating resolver (UDP, TCP, TLS, HTTPS)."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme
from tests.resolve.servers import zones
from tests.resolve.servers.processes import LOOPBACK, free_port, running, wait_until_it_answers

HOST = "dns.lab.example"  # the name in the resolver's certificate
_PROGRAMS = ("nsd", "knotd", "unbound", "ldns-keygen", "ldns-signzone")
_MODULES = ("*/knot/modules-*/geoip.so", "knot/modules-*/geoip.so")  # below /usr/lib
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def missing_programs() -> list[str]:
    """Return the programs, and the module of one, that are not installed."""
    missing = [name for name in _PROGRAMS if shutil.which(name, path=_PATH) is None]
    has_module = any(found for pattern in _MODULES for found in Path("/usr/lib").glob(pattern))
    return missing if has_module else [*missing, "knot-module-geoip"]


def _program(name: str) -> str:
    return shutil.which(name, path=_PATH) or name


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """An authority of this run, and what it issued for the resolver: files in PEM."""

    authority: Path
    chain: Path
    key: Path


def issue(folder: Path) -> Certificate:
    """Make an authority and a certificate for the resolver's name and for loopback."""
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    leaf = authority.issue_cert(HOST, LOOPBACK, key_type=trustme.KeyType.ECDSA)
    files = Certificate(authority=folder / "ca.pem", chain=folder / "chain.pem", key=folder / "key.pem")
    authority.cert_pem.write_to_path(files.authority)
    leaf.private_key_pem.write_to_path(files.key)
    for part in leaf.cert_chain_pems:
        part.write_to_path(files.chain, append=True)
    return files


def sign(folder: Path, zone: str) -> str:
    """Write a zone's file, signed, and return the DS record of its key."""
    (folder / f"{zone}.plain").write_text(zones.to_sign(zone))
    keygen = [_program("ldns-keygen"), "-a", "ECDSAP256SHA256", "-k", zone]
    key = subprocess.run(keygen, cwd=folder, capture_output=True, check=True, text=True).stdout.strip()
    signzone = [_program("ldns-signzone"), "-o", zone, "-f", zone, f"{zone}.plain", key]
    subprocess.run(signzone, cwd=folder, capture_output=True, check=True)
    return (folder / f"{key}.ds").read_text()


def _spoil(path: Path) -> None:
    """Change the signed addresses of a zone's file, and leave their signatures."""
    text = path.read_text()
    path.write_text(text.replace(f"\tA\t{zones.DUBLIN}", f"\tA\t{zones.VIRGINIA}"))


@contextmanager
def nsd(folder: Path) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Run the authority; gives its port and the DS records of the signed zones."""
    port = free_port()
    (folder / zones.ZONE).write_text(zones.plain())
    (folder / zones.REVERSE).write_text(zones.reverse())
    for zone in zones.PACK:
        (folder / zone).write_text(zones.of_pack(zone))
    anchors = tuple(sign(folder, zone) for zone in (zones.SIGNED, zones.BOGUS))
    _spoil(folder / zones.BOGUS)
    served = (zones.ZONE, zones.REVERSE, zones.SIGNED, zones.BOGUS, zones.BROKEN, *zones.PACK)
    (folder / "nsd.conf").write_text(
        f'server:\n ip-address: {LOOPBACK}@{port}\n username: ""\n chroot: ""\n zonesdir: "{folder}"\n database: ""\n'
        f' pidfile: "{folder}/nsd.pid"\n xfrdfile: "{folder}/xfrd"\n zonelistfile: "{folder}/zones"\n'
        f' xfrdir: "{folder}"\n server-count: 1\n rrl-ratelimit: 0\n round-robin: yes\n verbosity: 1\n'
        "remote-control:\n control-enable: no\n" + "".join(f"zone:\n name: {z}\n zonefile: {z}\n" for z in served)
    )
    log = folder / "nsd.log"
    with running([_program("nsd"), "-d", "-c", str(folder / "nsd.conf")], log) as process:
        wait_until_it_answers(port, process, log)
        yield port, anchors


@contextmanager
def knot(folder: Path) -> Iterator[int]:
    """Run the server whose answers go by EDNS client subnet (RFC 7871), and at random with a TTL of 0."""
    port = free_port()
    zone, subnets, weights = zones.by_subnet()
    (folder / zones.SUBNETS).write_text(zone)
    (folder / "subnets").write_text(subnets)
    (folder / "weights").write_text(weights)
    (folder / "knot.conf").write_text(
        f"server:\n  rundir: {folder}\n  listen: {LOOPBACK}@{port}\n  edns-client-subnet: on\n"
        "  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n"
        f"database:\n  storage: {folder}/knot\n"
        "log:\n  - target: stderr\n    any: info\n"
        f"mod-geoip:\n  - id: subnets\n    config-file: {folder}/subnets\n    ttl: 60\n    mode: subnet\n"
        f"  - id: weights\n    config-file: {folder}/weights\n    ttl: 0\n    mode: weighted\n"
        f"zone:\n  - domain: {zones.SUBNETS}\n    file: {folder}/{zones.SUBNETS}\n"
        "    zonefile-load: whole\n    journal-content: none\n    module: [mod-geoip/subnets, mod-geoip/weights]\n"
    )
    log = folder / "knot.log"
    with running([_program("knotd"), "-c", str(folder / "knot.conf")], log) as process:
        wait_until_it_answers(port, process, log)
        yield port


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverPorts:
    """Where the resolver listens."""

    plain: int
    tls: int
    https: int


@contextmanager
def unbound(
    folder: Path, stubs: dict[str, int], anchors: tuple[str, ...], files: Certificate
) -> Iterator[ResolverPorts]:
    """Run the resolver; it asks the servers of the stubs (zone to port) and validates under the anchors."""
    ports = ResolverPorts(plain=free_port(), tls=free_port(), https=free_port())
    (folder / "anchors").write_text("".join(anchors))
    interfaces = "".join(f" interface: {LOOPBACK}@{port}\n" for port in (ports.plain, ports.tls, ports.https))
    (folder / "unbound.conf").write_text(
        f'server:\n{interfaces} username: ""\n chroot: ""\n directory: "{folder}"\n pidfile: ""\n use-syslog: no\n'
        f' tls-port: {ports.tls}\n https-port: {ports.https}\n tls-service-key: "{files.key}"\n'
        f' tls-service-pem: "{files.chain}"\n trust-anchor-file: "{folder}/anchors"\n do-not-query-localhost: no\n'
        ' module-config: "validator iterator"\n num-threads: 1\n'
        " do-daemonize: no\n verbosity: 1\n outgoing-range: 900\n num-queries-per-thread: 4096\n so-reuseport: no\n"
        "remote-control:\n control-enable: no\n"
        + "".join(f"stub-zone:\n name: {zone}\n stub-addr: {LOOPBACK}@{port}\n" for zone, port in stubs.items())
        + f"forward-zone:\n name: .\n forward-addr: {LOOPBACK}@{next(iter(stubs.values()))}\n"  # never outside
    )
    log = folder / "unbound.log"
    with running([_program("unbound"), "-d", "-p", "-c", str(folder / "unbound.conf")], log) as process:
        wait_until_it_answers(ports.plain, process, log)
        yield ports
