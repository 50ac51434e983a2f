"""What `resolve` must make of a web server that is no name server, or a hostile one."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from tests.resolve.servers import zones
from tests.resolve.servers.processes import LOOPBACK
from tests.sources.conftest import Web
from tests.traffic.capture import messages

from residency.model.resolution import Lookup, LookupOutcome
from residency.resolve import resolve

HOST = "dns.lab.example"
PATH = "/dns-query"
TYPE = "application/dns-message"
DEADLINE_S = 3.0


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    """A web server over HTTP/1.1 with a certificate for the name that is asked for."""
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST, key_type=trustme.KeyType.ECDSA).configure_cert(tls)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    server = Web(tls, tmp_path / "ca.pem")
    server.start()
    yield server
    server.stop()


def ask(web: Web) -> Lookup:
    server = f"https://{HOST}@{LOOPBACK}:{web.port}{PATH}"
    (lookup,) = resolve(
        f"dublin.{zones.ZONE}", servers=[server], types=["A"], ca_file=web.ca_file, deadline_s=DEADLINE_S
    )
    return lookup


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(503, LookupOutcome.SERVFAIL), (429, LookupOutcome.SERVFAIL), (403, LookupOutcome.REFUSED)],
)
def test_a_status_that_is_no_success_is_told(web: Web, status: int, outcome: LookupOutcome) -> None:
    web.page(PATH, b"no", status=status)
    lookup = ask(web)
    assert lookup.outcome is outcome
    assert str(status) in lookup.detail


def test_a_page_is_no_dns_message(web: Web) -> None:
    web.page(PATH, "<html>Please sign in</html>", type="text/html")
    assert ask(web).outcome is LookupOutcome.MALFORMED


def test_bytes_that_are_no_message_are_malformed(web: Web) -> None:
    web.page(PATH, b"\xff" * 50, type=TYPE)
    assert ask(web).outcome is LookupOutcome.MALFORMED


def test_an_answer_to_another_question_is_not_used(web: Web) -> None:
    other = messages.question(messages.name("other.example"))
    answer = messages.record(messages.name("other.example"), messages.A, b"BBBB")
    web.page(PATH, messages.dns([other], [answer]), type=TYPE)
    lookup = ask(web)
    assert lookup.outcome is LookupOutcome.MALFORMED
    assert lookup.addresses == ()


@pytest.mark.parametrize("target", ["https://127.0.0.1:1/", "http://169.254.169.254/", "/elsewhere"])
def test_no_redirect_is_followed(web: Web, packets: list[str], target: str) -> None:
    web.page(PATH, b"", status=302, headers=[f"Location: {target}"])
    web.page("/elsewhere", b"", type=TYPE)
    assert ask(web).outcome is LookupOutcome.REFUSED
    assert {path for _, path, _ in web.asked} == {PATH}
    assert set(packets) == {LOOPBACK}


def test_more_than_a_message_can_hold_is_not_read(web: Web) -> None:
    written: list[int] = []

    async def flood(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {TYPE}\r\nContent-Length: 300000000\r\n\r\n".encode())
        for _ in range(3_000):
            writer.write(bytes(100_000))
            written.append(100_000)
            await writer.drain()

    web.handle(PATH, flood)
    assert ask(web).outcome is LookupOutcome.MALFORMED
    assert sum(written) < 30_000_000


def test_a_slow_server_does_not_outlast_the_deadline(web: Web) -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {TYPE}\r\nContent-Length: 100\r\n\r\n".encode())
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.2)

    web.handle(PATH, drip)
    began = time.perf_counter()
    lookup = ask(web)
    assert lookup.outcome is LookupOutcome.TIMEOUT
    assert time.perf_counter() - began <= DEADLINE_S + 0.5
