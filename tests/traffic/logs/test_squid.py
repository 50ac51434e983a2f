"""Squid's access log: flows where it stands alone, names where another input has the flows."""

from __future__ import annotations

from typing import Any

import pytest
from tests.traffic.conftest import Write, read
from tests.traffic.logs.conftest import rows
from tests.traffic.logs.test_aws_vpc import T0, record

from residency.errors import InputError


def line(**changes: Any) -> str:
    usual = {"time": f"{T0}.500", "elapsed": 180, "client": "10.0.0.1", "code": "TCP_MISS/200", "size": 411}
    found = usual | {"method": "GET", "url": "http://a.example/x?y", "way": "HIER_DIRECT/81.2.69.160"} | changes
    return "{time} {elapsed:>6} {client} {code} {size} {method} {url} - {way} text/html\n".format(**found)


def test_a_request_is_a_flow_of_its_client(write: Write) -> None:
    path = write("access.log", line())
    assert read([path]).one.format == "squid"
    [row] = rows([path])
    assert (row["client_ip"], row["server_ip"], row["server_port"]) == ("10.0.0.1", "81.2.69.160", 80)
    assert (row["host"], row["named_by"], row["bytes_received"], row["answered"]) == ("a.example", "http", 411, True)
    assert "bytes_sent" not in row
    assert [t.timestamp() for t in (row["ts"], row["ended"])] == [T0 + 0.32, T0 + 0.5]


@pytest.mark.parametrize(
    ("changes", "host", "port"),
    [
        ({"method": "CONNECT", "url": "b.example:8443", "code": "TCP_TUNNEL/200"}, "b.example", 8443),
        ({"method": "CONNECT", "url": "[2a02:6b8::1]:443", "way": "HIER_DIRECT/2a02:6b8::1"}, None, 443),
        ({"url": "https://user:pw@B.Example:444/"}, "b.example", 444),
        ({"url": "ftp://f.example/"}, "f.example", 21),
        ({"url": "http://81.2.69.160/"}, None, 80),
        ({"url": "http://<script>/"}, None, 80),
    ],
)
def test_the_host_and_port_of_a_request(write: Write, changes: dict[str, str], host: str | None, port: int) -> None:
    [row] = rows([write("access.log", line(**changes))])
    assert (row.get("host"), row["server_port"]) == (host, port)


@pytest.mark.parametrize(
    ("changes", "size", "answered"),
    [
        ({"code": "TCP_MISS/503"}, None, None),
        ({"code": "TCP_MISS_ABORTED/000"}, None, None),
        ({"code": "TCP_REFRESH_UNMODIFIED/304"}, None, True),
        ({"code": "TCP_TUNNEL/200", "method": "CONNECT", "url": "b.example:443", "size": 39}, 39, None),
        ({"code": "TCP_TUNNEL/200", "method": "CONNECT", "url": "b.example:443", "size": 40}, 40, True),
    ],
)
def test_the_proxy_s_own_words_are_no_answer(
    write: Write, changes: dict[str, Any], size: int | None, answered: bool | None
) -> None:
    [group] = read([write("access.log", line(**changes))]).groups
    assert (group["bytes_received"], group["answered"]) == (size, answered)


@pytest.mark.parametrize("way", ["HIER_NONE/-", "FIRSTUP_PARENT/10.0.0.9", "HIER_DIRECT/name.example"])
def test_requests_that_reached_no_known_server_are_context(write: Write, way: str) -> None:
    result = read([write("access.log", line() + line(way=way))])
    assert (result.one.flows_rows, result.one.context) == (1, 1)
    with pytest.raises(InputError, match="zero flows"):
        read([write("none.log", line(way=way))])


def test_beside_flows_it_only_names_them(write: Write) -> None:
    vpc = write("vpc.log", record("10.0.9.9:50000", start=T0))
    result = read([write("access.log", line()), vpc])
    assert [(i.flows_rows, i.context) for i in result.inputs] == [(0, 1), (1, 0)]
    assert [(g["host"], g["named_by"]) for g in result.groups] == [("a.example", "dns_shared")]
    late = write("late.log", record("10.0.9.9:50000", start=T0 + 400, end=T0 + 401))
    assert [g["host"] for g in read([write("access.log", line()), late]).groups] == [None]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("junk\n", "not a line of Squid's native format"),
        (line(time="yesterday"), "not a line of Squid's native format"),
        (line(elapsed=-1), "elapsed: not milliseconds"),
        (line(elapsed=9 * 10**17), "elapsed: not milliseconds"),
        (line(elapsed=3 * 10**9, time="5.000"), "elapsed: before 1970"),
        (line(size=-1), "size: not an integer"),
        (line(size=2**64), "size: not an integer"),
        (line(url="http://a.example:99999/"), "server_port: not a port"),
        (line(client="x"), "client_ip: not an IP address"),
        (line().replace("a.example", "a\0b"), "a NUL byte"),
        (line()[:60], "truncated last line: not a line"),
    ],
)
def test_bad_lines_are_put_aside(write: Write, text: str, reason: str) -> None:
    result = read([write("access.log", line() + text)])
    [(number, why)] = result.reasons
    assert number == 2
    assert why.startswith(reason)
    assert result.one.flows_rows == 1


def test_bad_utf8_loses_its_own_line(write: Write) -> None:
    result = read(
        [write("access.log", (line() * 2).encode() + line().encode().replace(b"/x", b"/\xff") + line().encode())]
    )
    assert [number for number, _ in result.reasons] == [3]
    assert result.one.flows_rows == 3


# Written by Squid 5.7 before a local server: fetched twice, refused once, an unknown name, a tunnel.
REAL = """\
1795513652.009      6 127.0.0.1 TCP_MISS/200 792 GET http://a.example:18080/x - HIER_DIRECT/127.0.0.1 text/plain
1795513652.029      4 127.0.0.1 TCP_MISS/200 328 GET http://a.example:18080/y - HIER_DIRECT/127.0.0.1 text/plain
1795513652.038      0 127.0.0.1 TCP_MISS/503 1599 GET http://a.example:18081/none - HIER_DIRECT/127.0.0.1 text/html
1795513652.045      1 127.0.0.1 TCP_MISS/502 1559 GET http://nosuch.invalid/ - HIER_NONE/- text/html
1795513652.054      3 127.0.0.1 TCP_TUNNEL/200 259 CONNECT a.example:18080 - HIER_DIRECT/127.0.0.1 -
"""


def test_a_real_log(write: Write) -> None:
    path = write("access.log", REAL)
    found = [(r["server_port"], r.get("bytes_received"), r["answered"]) for r in rows([path]) if "answered" in r]
    assert found == [(18080, 792, True), (18080, 328, True), (18080, 259, True)]
    assert (read([path]).one.flows_rows, read([path]).one.context) == (4, 1)
