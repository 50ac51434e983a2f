"""Runs a real server in a folder and ends it; finds ports of loopback that nobody else is given meanwhile."""

from __future__ import annotations

import random
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

LOOPBACK = "127.0.0.1"
_START_S = 20.0
_PORTS = range(20_000, 32_000)  # below what Linux gives to those who ask for any port


def free_port() -> int:
    """Return a port of loopback that is free for UDP and for TCP."""
    dice = random.SystemRandom()
    for _ in range(100):
        port = dice.choice(_PORTS)
        with suppress(OSError), socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            udp.bind((LOOPBACK, port))
            tcp.bind((LOOPBACK, port))
            return port
    raise RuntimeError("no port of loopback is free")


@cache
def _with_us() -> tuple[str, ...]:
    """Return the words before a command that let it end with this process, however that ends."""
    words = ("setpriv", "--pdeathsig", "TERM")
    return words if shutil.which(words[0]) else ()


@contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command, its output in a file; ended at the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_with_us(), *command], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_it_answers(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Ask for the root over UDP until anything comes back; raises RuntimeError with the log if nothing ever does."""
    query = b"\0\7\1\0\0\1\0\0\0\0\0\0\0\0\2\0\1"
    until = time.monotonic() + _START_S
    with socket.socket(type=socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.1)
        asking.connect((LOOPBACK, port))
        while process.poll() is None and time.monotonic() < until:
            with suppress(OSError):
                asking.send(query)
                if asking.recv(512):
                    return
            time.sleep(0.02)
    raise RuntimeError(f"{process.args!r} did not get ready:\n{log.read_text(errors='replace')}")
