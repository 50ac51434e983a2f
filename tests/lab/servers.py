"""The servers of the lab, all real: nginx (TLS 1.3, TLS 1.2, HTTP), Caddy (HTTP/3), NSD (DNS), and what they serve.

The addresses are public ones that stand in the shipped list of Amazon's networks. They exist inside the namespaces
only, so that the audit meets what it would meet outside.
"""

from __future__ import annotations

import ipaddress
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import trustme
from tests.lab.namespaces import within

ZONE = "lab.example"
DNS_ADDRESS = "10.53.0.53"
DNS_RTT_MS = 1.0
_START_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One name of the lab: where it is, how far away, and what Amazon's list says of the address."""

    label: str
    address: str
    rtt_ms: float
    listed: str

    @property
    def name(self) -> str:
        return f"{self.label}.{ZONE}"

    @property
    def prefix(self) -> str:
        return str(ipaddress.ip_network(self.address))

    @property
    def in_url(self) -> str:
        return f"[{self.address}]" if ":" in self.address else self.address


EU = Host(label="eu", address="63.34.222.109", rtt_ms=20.0, listed="aws/eu-west-1")
OLD = Host(label="old", address="63.34.222.112", rtt_ms=20.0, listed="aws/eu-west-1")
V6 = Host(label="v6", address="2a05:d018::10", rtt_ms=20.0, listed="aws/eu-west-1")
QUIET = Host(label="quiet", address="63.34.222.115", rtt_ms=20.0, listed="aws/eu-west-1")
H3 = Host(label="h3", address="3.120.0.10", rtt_ms=5.0, listed="aws/eu-central-1")
US = Host(label="us", address="3.208.0.10", rtt_ms=80.0, listed="aws/us-east-1")
CLOSED = Host(label="closed", address="3.208.0.13", rtt_ms=80.0, listed="aws/us-east-1")
HOSTS = (EU, OLD, V6, QUIET, H3, US, CLOSED)
_TLS_13 = (EU, V6, QUIET, US)


def delays() -> tuple[str, ...]:
    """Return what the forwarder is told: a round-trip time for every address."""
    return (f"{DNS_ADDRESS}/32={DNS_RTT_MS}", *(f"{host.prefix}={host.rtt_ms}" for host in HOSTS))


@cache
def at_once() -> tuple[str, ...]:
    """Return the words before a command whose delay would be measured: real time, where the kernel grants it."""
    words = ("chrt", "--fifo", "1")
    granted = subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0
    return words if granted else ()


@contextmanager
def running(namespace: str, command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in a namespace, its output in a file; ended at the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(within(namespace, *at_once(), *command), stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(log: Path, words: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until a log says that its program is ready; raises RuntimeError with the log if it never does."""
    until = time.monotonic() + _START_S
    while words not in (text := log.read_text(errors="replace")):
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"{process.args!r} did not get ready:\n{text}")
        time.sleep(0.02)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """An authority of this run and the certificate of the zone: ECDSA, so that signing takes no time worth counting."""

    authority: Path
    chain: Path
    key: Path


def issue(folder: Path) -> Certificates:
    """Make an authority and a certificate for every name of the zone."""
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    leaf = authority.issue_cert(f"*.{ZONE}", key_type=trustme.KeyType.ECDSA)
    files = Certificates(authority=folder / "ca.pem", chain=folder / "chain.pem", key=folder / "key.pem")
    authority.cert_pem.write_to_path(files.authority)
    leaf.private_key_pem.write_to_path(files.key)
    for part in leaf.cert_chain_pems:
        part.write_to_path(files.chain, append=True)
    return files


def nginx(folder: Path, files: Certificates) -> list[str]:
    """Configure nginx and return its command. Each address has its own server, for the TLS versions go by address."""
    secure = "\n".join(
        f"server {{ listen {host.in_url}:443 ssl; ssl_protocols {version}; server_name {host.name}; "
        f'location / {{ return 200 "{"x" * 400}"; }} }}'
        for hosts, version in ((_TLS_13, "TLSv1.3"), ((OLD,), "TLSv1.2"))
        for host in hosts
    )
    temporary = "\n".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = f"""
        user root; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.error notice; daemon off;
        events {{ worker_connections 64; }}
        http {{
            access_log off; default_type text/plain; {temporary}
            ssl_certificate {files.chain}; ssl_certificate_key {files.key};
            server {{ listen {EU.in_url}:80; location / {{ return 200 "plain"; }} }}
            {secure}
        }}
    """
    (folder / "nginx.conf").write_text(text)
    (folder / "nginx.error").touch()
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "nginx.error")]


def caddy(folder: Path, files: Certificates) -> list[str]:
    """Configure Caddy and return its command."""
    text = f"""
        {{
            admin off
            auto_https off
            storage file_system {folder}/caddy
        }}
        https://{H3.name} {{
            bind {H3.address}
            tls {files.chain} {files.key}
            respond "{"y" * 600}"
        }}
    """
    (folder / "Caddyfile").write_text(text)
    home = ("env", f"HOME={folder}", f"XDG_DATA_HOME={folder}", f"XDG_CONFIG_HOME={folder}")
    return [*home, "caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


def nsd(folder: Path) -> list[str]:
    """Configure NSD with the zone and return its command. `quiet` is an alias, so that one answer has a chain."""
    records = "\n".join(
        f"{'quiet-origin' if host is QUIET else host.label} IN {'AAAA' if ':' in host.address else 'A'} {host.address}"
        for host in HOSTS
    )
    (folder / "zone").write_text(
        f"$ORIGIN {ZONE}.\n$TTL 60\n@ IN SOA ns root 1 3600 600 86400 60\n@ IN NS ns\nns IN A {DNS_ADDRESS}\n"
        f"quiet IN CNAME quiet-origin\n{records}\n"
    )
    (folder / "nsd.conf").write_text(
        f'server:\n ip-address: {DNS_ADDRESS}\n username: ""\n chroot: ""\n zonesdir: "{folder}"\n database: ""\n'
        f' pidfile: "{folder}/nsd.pid"\n xfrdfile: "{folder}/xfrd"\n zonelistfile: "{folder}/zones"\n'
        " server-count: 1\n rrl-ratelimit: 0\n verbosity: 1\n"
        f"remote-control:\n control-enable: no\nzone:\n name: {ZONE}\n zonefile: zone\n"
    )
    return ["nsd", "-d", "-c", str(folder / "nsd.conf")]


@contextmanager
def all_servers(namespace: str, folder: Path) -> Iterator[Certificates]:
    """Run the three servers in a namespace that has their addresses; ready when entered."""
    files = issue(folder)
    with (
        running(namespace, nsd(folder), folder / "nsd.log") as dns,
        running(namespace, caddy(folder, files), folder / "caddy.log") as http3,
        running(namespace, nginx(folder, files), folder / "nginx.log") as web,
    ):
        wait_for(folder / "nsd.log", "nsd started", dns)
        wait_for(folder / "nginx.error", "start worker process ", web)
        wait_for(folder / "caddy.log", "serving initial configuration", http3)
        yield files


def missing_programs() -> list[str]:
    """Return the programs of the lab that are not installed."""
    needed = ("ip", "tcpdump", "tshark", "nginx", "caddy", "nsd", "curl", "openssl", "chrt")
    return [name for name in needed if shutil.which(name) is None]
