"""The guarded fetcher against a real HTTPS server: redirects, waits, caps, deadlines, pinning, strict reading."""

from __future__ import annotations

import ast
import asyncio
import gzip
import hashlib
import time
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from residency.limits import LIMITS
from residency.sources.fetch import Fetcher
from residency.sources.fetch_policy import FetchPolicy
from residency.sources.fetched import GEOFEED, RANGES_JSON, RANGES_TEXT, RDAP, Fetched, FetchKind, Outcome
from residency.sources.rdap_answer import read_answer
from residency.sources.strict_json import JsonValue

if TYPE_CHECKING:
    from tests.sources.conftest import Audit, Handler, Web

LOOPBACK = "127.0.0.1"


def ended(found: Fetched) -> tuple[Outcome, str]:
    return found.outcome, found.cause


# What is asked and what comes back


def test_a_document_is_fetched_and_stamped(web: Web, audit: Audit) -> None:
    web.page("/ip/1", '{"handle": "X"}', type="application/rdap+json; charset=utf-8")
    before = datetime.now(UTC)
    found = web.fetcher().get(web.url("/ip/1"), RDAP)
    assert ended(found) == (Outcome.OK, "")
    assert found.document == {"handle": "X"}
    assert (found.status, found.address, found.kind) == (200, LOOPBACK, "rdap")
    assert found.sha256 == hashlib.sha256(b'{"handle": "X"}').hexdigest()
    assert before <= found.fetched_at <= datetime.now(UTC)
    assert audit.connected == [LOOPBACK]


def test_nothing_is_sent_but_the_headers_of_the_fetcher(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    web.page("/a", headers=["Set-Cookie: a=b"])
    with_cookie = web.fetcher().get_many([web.url("/a"), web.url("/a")], RDAP)
    assert [f.outcome for f in with_cookie] == [Outcome.OK, Outcome.OK]
    assert {frozenset(headers) for _, _, headers in web.asked} == {
        frozenset({"host", "accept", "accept-encoding", "user-agent"})
    }


def test_an_event_loop_that_runs_already_is_no_obstacle(web: Web) -> None:
    web.page("/a")

    async def inside() -> Fetched:
        return web.fetcher().get(web.url("/a"), RDAP)

    assert asyncio.run(inside()).is_ok


def test_many_come_back_in_order_over_few_connections(web: Web, audit: Audit) -> None:
    for n in range(12):
        web.page(f"/{n}", f'{{"n": {n}}}')
    found = web.fetcher(max_per_host=2).get_many([web.url(f"/{n}") for n in range(12)], RDAP)
    assert [f.document for f in found] == [{"n": n} for n in range(12)]
    assert len(audit.connected) <= 2
    assert web.most_at_once <= 2


def test_a_host_is_not_asked_faster_than_its_pace(web: Web) -> None:
    web.page("/a")
    began = time.monotonic()
    web.fetcher(min_interval_ms=50.0).get_many([web.url("/a")] * 5, RDAP)
    assert time.monotonic() - began >= 0.2


def test_no_urls_no_connection(web: Web, audit: Audit) -> None:
    assert web.fetcher().get_many([], RDAP) == []
    assert not audit.connected


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (404, Outcome.NOT_FOUND),
        (410, Outcome.NOT_FOUND),
        (500, Outcome.UNREACHABLE),
        (503, Outcome.UNREACHABLE),
        (403, Outcome.UNREACHABLE),
        (429, Outcome.RATE_LIMITED),
        (206, Outcome.MALFORMED),
    ],
)
def test_a_status_decides_the_outcome(web: Web, status: int, outcome: Outcome) -> None:
    web.page("/a", status=status)
    found = web.fetcher().get(web.url("/a"), RDAP)
    assert (found.outcome, found.status, found.body) == (outcome, status, b"")


# Redirects


def test_three_redirects_are_followed(web: Web) -> None:
    for here, there in (("/a", "/b"), ("/b", "c?x=1"), ("/c?x=1", web.url("/d", "other.example"))):
        web.page(here, status=302, headers=[f"Location: {there}"])
    web.page("/d", '{"d": 1}')
    found = web.fetcher().get(web.url("/a"), RDAP)
    assert (found.document, found.url, found.final_url) == ({"d": 1}, web.url("/a"), web.url("/d", "other.example"))


def test_a_fourth_redirect_is_refused(web: Web) -> None:
    for n in range(5):
        web.page(f"/{n}", status=301, headers=[f"Location: /{n + 1}"])
    assert ended(web.fetcher().get(web.url("/0"), RDAP)) == (Outcome.REFUSED_BY_POLICY, "redirects")
    assert [path for _, path, _ in web.asked] == ["/0", "/1", "/2", "/3"]


def test_a_redirect_loop_ends(web: Web) -> None:
    web.page("/a", status=307, headers=["Location: /a"])
    assert ended(web.fetcher().get(web.url("/a"), RDAP)) == (Outcome.REFUSED_BY_POLICY, "redirects")


@pytest.mark.parametrize(
    ("location", "cause"),
    [
        ("https://169.254.169.254/latest/meta-data/", "address"),
        ("https://[fd00:ec2::254]/latest/", "address"),
        ("https://127.0.0.1/", "address"),
        ("https://localhost/", "host"),
        ("https://evil.example/", "host"),
        ("http://site.example/", "scheme"),
        ("//evil.example/", "host"),
        ("file:///etc/passwd", "scheme"),
        ("data:application/json,{}", "scheme"),
        ("ftp://site.example/", "scheme"),
        ("gopher://site.example/", "scheme"),
        ("https://ok@evil.example/", "userinfo"),
        ("https://site.example@evil.example/", "userinfo"),
        ("https://site.example:22/", "port"),
        ("https://2130706433/", "host"),
        ("https://0x7f.1/", "host"),
    ],
)
def test_a_redirect_that_the_policy_does_not_allow_is_not_followed(
    web: Web, audit: Audit, location: str, cause: str
) -> None:
    web.page("/a", status=302, headers=[f"Location: {location}"])
    found = web.fetcher().get(web.url("/a"), RDAP)
    assert found.outcome is Outcome.REFUSED_BY_POLICY
    assert found.cause == cause
    assert len(web.asked) == 1
    assert len(audit.connected) == 1


def test_a_redirect_without_a_location_is_malformed(web: Web) -> None:
    web.page("/a", status=302)
    assert ended(web.fetcher().get(web.url("/a"), RDAP)) == (Outcome.MALFORMED, "redirect")


# Addresses


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "fd00:ec2::254",
        "127.0.0.1",
        "::1",
        "10.0.0.1",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "fe80::1%eth0",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "2001:0:5102:45a0::1",
        "192.0.2.1",
        "not an address",
    ],
)
def test_a_name_with_one_answer_that_is_not_public_is_refused(web: Web, audit: Audit, address: str) -> None:
    async def resolve(host: str) -> list[str]:
        return ["198.41.0.4", address]  # the first one is public; it must not be tried either

    found = web.fetcher(resolve=resolve, exempt_addresses=frozenset()).get(web.url("/a"), RDAP)
    assert ended(found) == (Outcome.REFUSED_BY_POLICY, "address")
    assert not audit.connected
    assert not web.asked


def test_the_system_s_resolver_is_asked_where_no_other_is_given(web: Web, audit: Audit) -> None:
    policy = web.policy(hosts=frozenset({"localhost"}), resolve=None, exempt_addresses=frozenset())
    assert ended(Fetcher(policy).get(web.url("/", "localhost"), RDAP)) == (Outcome.REFUSED_BY_POLICY, "address")
    assert audit.looked_up == ["localhost"]
    assert not audit.connected


def test_a_name_that_changes_its_address_reaches_only_the_pinned_one(web: Web, audit: Audit) -> None:
    answers = iter([[LOOPBACK], ["127.0.0.3"], ["127.0.0.3"]])

    async def resolve(host: str) -> list[str]:
        return next(answers)

    web.page("/a", status=302, headers=["Location: /b", "Connection: close"])
    web.page("/b")
    assert web.fetcher(resolve=resolve).get_many([web.url("/a"), web.url("/b")], RDAP)[0].is_ok
    assert set(audit.connected) == {LOOPBACK}
    assert "site.example" not in audit.looked_up  # nobody resolves the name behind the check
    assert next(answers) == ["127.0.0.3"]


def test_the_next_address_is_tried_where_the_first_one_refuses(web: Web, audit: Audit) -> None:
    async def resolve(host: str) -> list[str]:
        return ["127.0.0.3", LOOPBACK]

    web.page("/a")
    both = frozenset({LOOPBACK, "127.0.0.3"})
    assert web.fetcher(resolve=resolve, exempt_addresses=both).get(web.url("/a"), RDAP).address == LOOPBACK
    assert audit.connected == ["127.0.0.3", LOOPBACK]


def test_a_name_without_addresses_is_unreachable(web: Web) -> None:
    async def nothing(host: str) -> list[str]:
        return []

    async def failing(host: str) -> list[str]:
        raise OSError("no such name")

    for resolve in (nothing, failing):
        assert ended(web.fetcher(resolve=resolve).get(web.url("/a"), RDAP)) == (Outcome.UNREACHABLE, "dns")


def test_a_resolver_that_hangs_ends_at_the_deadline(web: Web) -> None:
    async def resolve(host: str) -> list[str]:
        await asyncio.sleep(60)
        return []

    assert ended(web.fetcher(resolve=resolve, deadline_s=0.2).get(web.url("/a"), RDAP)) == (
        Outcome.TIMEOUT,
        "deadline",
    )


def test_a_certificate_for_another_name_is_refused(web: Web) -> None:
    found = web.fetcher(hosts=frozenset({"wrong.example"})).get(web.url("/a", "wrong.example"), RDAP)
    assert ended(found) == (Outcome.UNREACHABLE, "tls")
    assert not web.asked


def test_a_certificate_of_an_unknown_authority_is_refused(web: Web) -> None:
    assert ended(web.fetcher(ca_file=None).get(web.url("/a"), RDAP)) == (Outcome.UNREACHABLE, "tls")
    assert not web.asked


def test_nobody_listening_is_unreachable(web: Web) -> None:
    policy = web.policy(ports=frozenset({1}))
    assert ended(Fetcher(policy).get("https://site.example:1/", RDAP)) == (Outcome.UNREACHABLE, "connection")


# Waits


def test_a_short_retry_after_is_honoured(web: Web) -> None:
    web.page("/a", status=429, headers=["Retry-After: 1"])
    web.page("/a", '{"a": 1}')
    began = time.monotonic()
    found = web.fetcher().get(web.url("/a"), RDAP)
    assert found.document == {"a": 1}
    assert 1.0 <= time.monotonic() - began <= 10.0


def test_a_retry_after_may_be_a_date(web: Web) -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    web.page("/a", status=503, headers=[f"Retry-After: {at}"])
    web.page("/a", '{"a": 1}')
    assert web.fetcher().get(web.url("/a"), RDAP).is_ok
    assert len(web.asked) == 2


@pytest.mark.parametrize("said", ["86400", "Fri, 31 Dec 9999 23:59:59 GMT", "99999999999999999999", "30"])
def test_a_long_retry_after_ends_the_fetch_at_once(web: Web, said: str) -> None:
    web.page("/a", status=429, headers=[f"Retry-After: {said}"])
    began = time.monotonic()
    found = web.fetcher().get(web.url("/a"), RDAP)
    assert found.outcome is Outcome.RATE_LIMITED
    assert (found.retry_after_s or 0) >= 30
    assert time.monotonic() - began < 1.0
    assert len(web.asked) == 1


def test_a_server_that_always_asks_for_a_second_is_left_after_three_attempts(web: Web) -> None:
    web.page("/a", status=429, headers=["Retry-After: 0"])
    assert web.fetcher().get(web.url("/a"), RDAP).outcome is Outcome.RATE_LIMITED
    assert len(web.asked) == LIMITS.max_fetch_attempts


def test_a_pause_of_one_host_holds_for_all_its_requests_and_no_thread_sleeps(web: Web) -> None:
    web.page("/busy", status=503, headers=["Retry-After: 1"])
    web.page("/busy", '{"a": 1}')
    web.page("/other", '{"b": 1}')
    urls = [web.url("/busy"), web.url("/other", "other.example")]
    ends: list[float] = []

    async def both() -> None:
        async with web.fetcher(deadline_s=0.5).session() as session:

            async def one(url: str) -> None:
                assert (await session.get(url, RDAP, is_patient=True)).is_ok
                ends.append(time.monotonic())

            await asyncio.gather(*(one(url) for url in urls))

    asyncio.run(both())
    assert ends[1] - ends[0] > 0.5  # the other host was answered while this one was waited for


# Time and size


async def drip(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        writer.write(b"[")
        await writer.drain()
        await asyncio.sleep(0.5)


async def drip_head(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for n in range(1000):
        writer.write(f"X-{n}: y\r\n".encode())
        await writer.drain()
        await asyncio.sleep(0.1)


async def silence(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


def test_a_slow_drip_ends_at_ten_seconds(web: Web) -> None:
    web.handle("/a", drip)
    began = time.monotonic()
    assert ended(web.fetcher().get(web.url("/a"), RDAP)) == (Outcome.TIMEOUT, "deadline")
    assert time.monotonic() - began == pytest.approx(10.0, abs=0.5)


@pytest.mark.parametrize("handler", [drip, drip_head, silence])
def test_a_deadline_covers_head_and_body(web: Web, handler: Handler) -> None:
    web.handle("/a", handler)
    began = time.monotonic()
    found = web.fetcher(deadline_s=0.6).get(web.url("/a"), RDAP)
    assert ended(found) == (Outcome.TIMEOUT, "deadline")
    assert time.monotonic() - began < 1.1


def reset_peak_kib() -> int:
    """Return the memory in use, and forget how much it was before; skips where the kernel does not tell."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pytest.skip("the peak of memory cannot be read here")
    return peak_kib()


def peak_kib() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(4800):
        writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        await writer.drain()


@pytest.mark.parametrize("kind", [RDAP, GEOFEED, RANGES_TEXT])
def test_a_body_of_300_mb_is_given_up_at_its_cap_with_little_memory(web: Web, kind: FetchKind) -> None:
    capped = replace(kind, content_types=frozenset({"text/csv"}))
    web.handle("/big", endless)
    web.page("/small", "x", type="text/csv")
    fetcher = web.fetcher()
    fetcher.get(web.url("/small"), GEOFEED)
    before_kib = reset_peak_kib()
    found = fetcher.get(web.url("/big"), capped)
    assert ended(found) == (Outcome.TOO_LARGE, "body")
    assert found.body == b""
    assert peak_kib() - before_kib <= 16 * 1024


def test_a_body_that_says_that_it_is_too_large_is_not_read(web: Web) -> None:
    async def says(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 300000000\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(60)

    web.handle("/a", says)
    assert ended(web.fetcher(deadline_s=5.0).get(web.url("/a"), RDAP)) == (Outcome.TOO_LARGE, "body")


def test_a_gzip_bomb_stops_at_the_cap(web: Web) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(300)) + packer.flush()
    web.page("/a", bomb, headers=["Content-Encoding: gzip"])
    before_kib = reset_peak_kib()
    assert ended(web.fetcher().get(web.url("/a"), RDAP)) == (Outcome.TOO_LARGE, "body")
    assert peak_kib() - before_kib <= 16 * 1024


def test_a_compressed_body_is_read(web: Web) -> None:
    text = b'{"a": "' + b"x" * 500_000 + b'"}'
    web.page("/a", gzip.compress(text), headers=["Content-Encoding: gzip"])
    assert web.fetcher().get(web.url("/a"), RDAP).body == text


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip"])
def test_a_compression_that_was_not_asked_for_is_malformed(web: Web, encoding: str) -> None:
    web.page("/a", headers=[f"Content-Encoding: {encoding}"])
    assert ended(web.fetcher().get(web.url("/a"), RDAP)) == (Outcome.MALFORMED, "content-encoding")


def test_an_answer_cut_short_is_malformed(web: Web) -> None:
    async def cut(writer: asyncio.StreamWriter) -> None:
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"a": 1}')
        await writer.drain()
        writer.close()

    web.handle("/a", cut)
    assert ended(web.fetcher().get(web.url("/a"), RDAP)) == (Outcome.MALFORMED, "truncated")


def test_what_is_not_http_is_unreachable(web: Web) -> None:
    async def noise(writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")

    web.handle("/a", noise)
    assert ended(web.fetcher().get(web.url("/a"), RDAP)) == (Outcome.UNREACHABLE, "connection")


# Strict reading


@pytest.mark.parametrize(
    ("body", "cause", "offset"),
    [
        (b'{"country": "I', "json", 12),
        (b"[" * 200_000, "depth", 64),
        (b'{"n": ' + b"9" * 5_000 + b"}", "number", 6),
        (b'{"n": NaN}', "number", 6),
        (b'{"country": "I\xc3E"}', "utf-8", 14),
        (b'{"country": "CN", "country": "IE"}', "duplicate key", 18),
        (b"", "json", 0),
    ],
)
def test_what_is_not_strict_json_is_malformed_at_an_offset(web: Web, body: bytes, cause: str, offset: int) -> None:
    web.page("/a", body)
    found = web.fetcher().get(web.url("/a"), RDAP)
    assert ended(found) == (Outcome.MALFORMED, cause)
    assert found.reason.endswith(f"at byte {offset}")
    assert found.document is None
    assert str(found).startswith(f"malformed({cause}): ")


def test_an_html_page_is_malformed_with_its_escaped_beginning(web: Web) -> None:
    page = "<html>\x1b[31m\n<body>‮We are sorry</body>" + "x" * 10_000
    web.page("/a", page, type="text/html; charset=utf-8")
    found = web.fetcher().get(web.url("/a"), RDAP)
    assert ended(found) == (Outcome.MALFORMED, "content-type")
    assert found.excerpt.startswith(r"<html>\x1b[31m\n<body>\u202eWe are sorry")
    assert len(found.excerpt) <= 120
    assert found.excerpt.isprintable()


def test_text_that_is_not_utf_8_is_malformed(web: Web) -> None:
    web.page("/a", b"1.0.0.0/24,IE,,Dublin\xff,", type="text/csv")
    assert ended(web.fetcher().get(web.url("/a"), GEOFEED)) == (Outcome.MALFORMED, "utf-8")


def test_a_list_of_ranges_may_come_as_plain_octets(web: Web) -> None:
    web.page("/a", '{"prefixes": []}', type="binary/octet-stream")
    assert web.fetcher().get(web.url("/a"), RANGES_JSON).document == {"prefixes": []}


def test_the_default_policy_allows_nobody(audit: Audit) -> None:
    found = Fetcher(FetchPolicy()).get("https://rdap.arin.net/registry/ip/8.8.8.8", RDAP)
    assert ended(found) == (Outcome.REFUSED_BY_POLICY, "host")
    assert not audit.connected
    assert not audit.looked_up


# The only way out


WAYS_OUT = ("socket", "ssl", "http", "urllib.request", "ftplib", "smtplib", "httpcore", "httpx", "requests", "urllib3")


def ways_out(tree: ast.Module) -> set[str]:
    """The names in a module through which it could connect; converting an address is none."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name != "socket"}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "socket":
            found.add(f"socket.{node.attr}")
    allowed = {"socket.inet_ntop", "socket.inet_pton", "socket.AF_INET", "socket.AF_INET6"}
    return {name for name in found - allowed if any(name == way or name.startswith(way + ".") for way in WAYS_OUT)}


def test_only_two_modules_open_a_socket(project: Path) -> None:
    """Read from the text: one way to fetch, one to time. (`resolve` asks name servers, by another library.)"""
    root = project / "src" / "residency"
    modules = [path for path in root.rglob("*.py") if path.relative_to(root).parts[0] != "resolve"]
    found = {path: ways_out(ast.parse(path.read_text(encoding="utf-8"))) for path in modules}
    timing = "sources/live.py"  # handshakes with addresses that the user names, where --live asks for them
    assert {path.relative_to(root).as_posix() for path, ways in found.items() if ways} == {"sources/fetch.py", timing}


def test_reading_a_recorded_answer_opens_no_connection(audit: Audit) -> None:
    """`ipwhois` has network code of its own; it is never reached."""
    document: JsonValue = {"startAddress": "20.0.0.0", "endAddress": "20.0.255.255", "entities": [{"handle": "X"}]}
    assert read_answer(document, 4, 20 << 24, {}).first == 20 << 24
    assert not audit.connected
    assert not audit.looked_up
