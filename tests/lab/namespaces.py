"""Network namespaces that go away again: named by the process that made them, and swept when that one is gone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "residency-lab"
_CONFIGURATION = Path("/etc/netns")  # where `ip netns exec` looks for files that stand in for those of /etc


def ip(*words: str) -> str:
    """Run `ip` and return what it says."""
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True, timeout=20).stdout


def within(namespace: str, *command: str) -> list[str]:
    """Return the command line that runs a command in a namespace."""
    return ["ip", "netns", "exec", namespace, *command]


@contextmanager
def namespaces(*names: str) -> Iterator[tuple[str, ...]]:
    """Make one namespace for each name, and take them away with everything that still runs in them."""
    sweep()
    made = tuple(f"{PREFIX}-{os.getpid()}-{name}" for name in names)
    try:
        for namespace in made:
            ip("netns", "add", namespace)
            ip("-n", namespace, "link", "set", "lo", "up")
        yield made
    finally:
        for namespace in made:
            remove(namespace)


def sweep() -> None:
    """Remove what earlier runs left that were killed: namespaces of our prefix whose maker is gone."""
    for line in ip("netns", "list").splitlines():
        namespace = line.split()[0]
        maker = namespace.removeprefix(f"{PREFIX}-").split("-")[0]
        if namespace.startswith(f"{PREFIX}-") and maker.isdigit() and not Path("/proc", maker).exists():
            remove(namespace)


def remove(namespace: str) -> None:
    """End what runs in a namespace and delete it, with its files under /etc/netns."""
    listed = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True, timeout=20)
    for process in listed.stdout.split():
        with suppress(ProcessLookupError):
            os.kill(int(process), signal.SIGKILL)
    subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, timeout=20)
    shutil.rmtree(_CONFIGURATION / namespace, ignore_errors=True)
    with suppress(OSError):  # other namespaces still have files there
        _CONFIGURATION.rmdir()


def use_resolver(namespace: str, address: str) -> None:
    """Let programs of a namespace ask the DNS server at an address, and nobody else."""
    folder = _CONFIGURATION / namespace
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "resolv.conf").write_text(f"nameserver {address}\noptions timeout:5 attempts:2\n")
    (folder / "nsswitch.conf").write_text("hosts: files dns\n")
