"""Query logs of the VPC Resolver: they name flows of other logs, and every record of them is context."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.traffic.conftest import Write, read
from tests.traffic.logs.test_aws_vpc import T0, record

from residency.errors import InputError
from residency.limits import LIMITS

QUERY = {
    "version": "1.100000",
    "account_id": "123456789010",
    "region": "eu-west-1",
    "vpc_id": "vpc-1",
    "query_timestamp": "2026-06-01T00:00:00Z",
    "query_name": "mail.example.com.",
    "query_type": "A",
    "query_class": "IN",
    "rcode": "NOERROR",
    "srcaddr": "10.0.0.1",
    "srcport": "56067",
    "transport": "UDP",
    "answers": [
        {"Rdata": "alias.example.", "Type": "CNAME", "Class": "IN"},
        {"Rdata": "81.2.69.160", "Type": "A", "Class": "IN"},
    ],
    "srcids": {"instance": "i-1"},
}


def log(*changes: dict[str, Any]) -> str:
    return "".join(json.dumps(QUERY | one) + "\n" for one in changes or ({},))


def named(result: Any) -> list[tuple[Any, Any]]:
    return [(g["host"], g["named_by"]) for g in result.groups]


def test_a_query_names_the_flow_of_its_client(write: Write) -> None:
    result = read([write("vpc.log", record()), write("r53.json", log())])
    assert named(result) == [("mail.example.com", "dns")]
    assert [(i.format, i.flows_rows, i.context) for i in result.inputs] == [
        ("aws-vpc", 1, 0),
        ("route53-resolver", 0, 1),
    ]


LIFE_S = LIMITS.assumed_dns_ttl_s + LIMITS.dns_grace_s


@pytest.mark.parametrize(
    ("seconds", "host"), [(0, "mail.example.com"), (LIFE_S, "mail.example.com"), (LIFE_S + 1, None)]
)
def test_a_time_to_live_is_assumed(write: Write, seconds: int, host: str | None) -> None:
    flow = record(start=T0 + seconds, end=T0 + seconds + 9)
    assert [host for host, _ in named(read([write("vpc.log", flow), write("r53.json", log())]))] == [host]


@pytest.mark.parametrize(
    "change",
    [
        {"srcaddr": "10.0.0.2"},
        {"answers": []},
        {"answers": None},
        {"answers": [{"Rdata": "81.2.69.160", "Type": "PTR", "Class": "IN"}]},
        {"answers": [{"Rdata": "81.2.69.161", "Type": "A", "Class": "IN"}]},
        {"answers": {"Rdata": "81.2.69.160"}},
        {"query_name": "http://x"},
        {"srcaddr": None},
    ],
)
def test_other_queries_name_nothing(write: Write, change: dict[str, Any]) -> None:
    result = read([write("vpc.log", record()), write("r53.json", log(change))])
    assert named(result) == [(None, None)]
    assert result.inputs[1].context == 1


def test_alone_it_holds_no_flow(write: Write) -> None:
    with pytest.raises(InputError, match="zero flows: logs that only name"):
        read([write("r53.json", log())])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (log({"query_timestamp": "2026-06-01T00:00:00"}), "ts: a time without an offset"),
        (log({"query_timestamp": "x"}), "ts: neither"),
        (log({"srcaddr": "x"}), "client_ip: not an IP address"),
        (log({"query_name": None}), "query_name: not there"),
        ('{"query_name": "a", "query_name": "b"}\n', "not a JSON object: a key is there twice"),
        (log()[:-40], "truncated last line: not a JSON object"),
    ],
)
def test_bad_records_are_put_aside(write: Write, line: str, reason: str) -> None:
    result = read([write("vpc.log", record()), write("r53.json", log() + line)])
    [(number, why)] = result.reasons
    assert number == 2
    assert why.startswith(reason)
