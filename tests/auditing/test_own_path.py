"""Resolver, proxy and egress of an auditor's own vantage, as far as its traffic shows them."""

from __future__ import annotations

import json
from typing import Any

from tests.auditing.conftest import Audit, app, controls, flow

from residency.auditing.own_path import EGRESS, NO_PROXY, OVER_HTTPS
from residency.report import as_json


def path_of(audit: Audit, rows: list[str], **options: Any) -> Any:
    report = audit([*app(0.8), *rows], **options)
    return json.loads(as_json.dumps(as_json.document(report)))["vantages"][0]["path"]


def dns(ip: str, port: int = 53) -> str:
    return f"2026-11-01T12:00:00Z,192.0.2.7,{ip},{port},udp,60,120,,,"


def test_without_any_of_them_it_says_that_they_are_not_seen(audit: Audit) -> None:
    found = path_of(audit, controls())
    assert found == {"resolvers": [], "proxies": [], "unseen": [EGRESS, OVER_HTTPS, NO_PROXY]}


def test_resolvers_are_those_asked_on_the_ports_of_dns(audit: Audit) -> None:
    found = path_of(audit, [*controls(), dns("10.0.0.2"), dns("9.9.9.9", 853), dns("9.9.9.10", 443)])
    assert found["resolvers"] == ["10.0.0.2", "9.9.9.9"]
    assert found["unseen"] == [EGRESS, NO_PROXY]


def test_a_proxy_is_a_private_address_that_a_named_host_was_reached_at(audit: Audit) -> None:
    rows = [flow("10.1.1.1", 0.4, host="app.acme.example"), flow("172.15.0.1", 9.0, host="x.example"), dns("10.9.9.9")]
    found = path_of(audit, [*controls(), *rows])
    assert found["proxies"] == ["10.1.1.1 port 443"]
    assert found["unseen"] == [EGRESS]


def test_a_vantage_of_files_has_no_traffic_of_its_own(audit: Audit, tmp_path: Any) -> None:
    times = tmp_path / "times.csv"
    times.write_text("vantage,lat,lon,target,rtt_ms\nfra,50.1,8.7,185.1.2.3,1.0\n", encoding="utf-8")
    assert path_of(audit, [], vantage=None, rtt=[times]) is None
