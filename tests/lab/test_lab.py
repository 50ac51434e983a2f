"""The lab of real parts: delays that are what was set, times and names that are what was sent, verdicts as built."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from tests.lab import wire
from tests.lab.lab import LAST, ROUNDS
from tests.lab.servers import CLOSED, EU, H3, HOSTS, OLD, QUIET, US, V6, ZONE
from tests.traffic.capture.zeek_by_tshark import write_logs

import residency
from residency.report import as_json

if TYPE_CHECKING:
    from typing import Any

    from tests.lab.lab import Captured
    from tests.lab.wire import Ends

DELAY_MS = {host.address: host.rtt_ms for host in HOSTS}
TOLERANCE_MS = 1.0
TIMES = ("rtt_syn_ms", "rtt_tls_ms", "rtt_quic_ms")
PLACED = (EU, OLD, V6, H3, QUIET)
CLAIMS = f"""
schema = "residency/1"
[[claim]]
id = "lab.eu"
statement = "The application runs in the EEA."
activity = "processing"
allow = ["EEA"]
hosts = [{", ".join(f'"{host.name}"' for host in PLACED)}]
[[claim]]
id = "lab.all"
statement = "Everything of the lab runs in the EEA."
activity = "processing"
allow = ["EEA"]
hosts = ["*.{ZONE}"]
[[claim]]
id = "lab.closed"
statement = "The closed service runs in the EEA."
activity = "processing"
allow = ["EEA"]
hosts = ["{CLOSED.name}"]
[[claim]]
id = "lab.amazon"
statement = "Our cloud keeps this host in Ireland."
activity = "processing"
allow = ["IE"]
hosts = ["{EU.name}"]
parties = ["amazon"]
"""


def assert_as_set(times_ms: dict[str, float]) -> None:
    """Hold the least time to each server against the delay set for it: never less, never 1 ms more."""
    assert {a: ms for a, ms in times_ms.items() if not 0 <= ms - DELAY_MS[a] < TOLERANCE_MS} == {}


class TestTheLabItself:
    """By tshark alone: if the delays are not true, nothing can be learned from our own times."""

    def test_tcp_handshakes_take_the_delay_set(self, captured: Captured) -> None:
        syn = wire.syn_ms(captured.at_client)
        assert Counter(address for address, _ in syn) == {
            EU.address: 2 * ROUNDS,
            **{host.address: ROUNDS for host in (OLD, V6, QUIET, US)},
        }
        assert_as_set(wire.on_the_way(syn, dict.fromkeys(syn, 0.0)))

    def test_tls_handshakes_take_the_delay_set_and_what_the_server_took(self, captured: Captured) -> None:
        ways = wire.on_the_way(wire.tls_ms(captured.at_client), wire.tls_ms(captured.at_servers))
        assert set(ways) == {host.address for host in (EU, OLD, V6, QUIET, US)}
        assert_as_set(ways)

    def test_quic_handshakes_take_the_delay_set_and_what_the_server_took(self, captured: Captured) -> None:
        ways = wire.on_the_way(wire.quic_ms(captured.at_client), wire.quic_ms(captured.at_servers))
        assert set(ways) == {H3.address}
        assert_as_set(ways)

    def test_nobody_answered_at_the_closed_port(self, captured: Captured) -> None:
        flags = [flags for flags, *_ in wire.fields(captured.at_client, f"ip.src=={CLOSED.address}", "tcp.flags.str")]
        assert len(flags) == 1
        assert "R" in flags[0]

    def test_names_came_from_the_dns_server_and_nothing_left_the_lab(self, captured: Captured) -> None:
        asked = {name for (name,) in wire.fields(captured.at_client, "dns.flags.response==1", "dns.qry.name")}
        assert asked == {f"{LAST}.{ZONE}", *(host.name for host in HOSTS)}
        reached = wire.fields(captured.at_client, "ip.dst && !icmp", "ip.dst")
        assert {address for (address,) in reached} <= {*DELAY_MS, "10.53.0.53", "192.168.77.2"}


Rows = list[dict[str, "Any"]]


def write_flows(capture: Path, folder: Path) -> Path:
    """Return the flow table that `residency flows` writes for a capture."""
    target = folder / f"{capture.stem}.parquet"
    command = [sys.executable, "-m", "residency", "flows", str(capture), "-o", str(target)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return target


def rows_of(table: Path) -> Rows:
    """Return the conversations of a flow table with servers of the lab."""
    return [row for row in pq.read_table(table).to_pylist() if row["server_ip"] in DELAY_MS]


@pytest.fixture(scope="module")
def table(captured: Captured, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_flows(captured.at_client, tmp_path_factory.mktemp("flows"))


@pytest.fixture(scope="module")
def flows(table: Path) -> Rows:
    return rows_of(table)


@pytest.fixture(scope="module")
def served(captured: Captured, tmp_path_factory: pytest.TempPathFactory) -> Rows:
    return rows_of(write_flows(captured.at_servers, tmp_path_factory.mktemp("served")))


@pytest.fixture(scope="module")
def report(captured: Captured, tmp_path_factory: pytest.TempPathFactory) -> residency.Report:
    claims = tmp_path_factory.mktemp("claims") / "claims.toml"
    claims.write_text(CLAIMS)
    return residency.audit(claims, captured.at_client)


def ends_of(row: dict[str, Any]) -> Ends:
    return row["server_ip"], row["client_port"]


def times_of(rows: Rows, column: str) -> dict[Ends, float]:
    return {ends_of(row): row[column] for row in rows if row[column] is not None}


class TestFlows:
    """What `residency flows` reads from the client's capture."""

    def test_every_conversation_has_its_name_and_says_how_it_got_it(self, flows: Rows) -> None:
        named = Counter((row["host"], row["named_by"], row["server_ip"], row["proto"]) for row in flows)
        assert named == {
            **{(host.name, "sni", host.address, "tcp"): ROUNDS for host in (EU, OLD, V6, US)},
            (EU.name, "http", EU.address, "tcp"): ROUNDS,
            (H3.name, "quic", H3.address, "udp"): ROUNDS,
            (QUIET.name, "dns", QUIET.address, "tcp"): ROUNDS,
            (CLOSED.name, "dns", CLOSED.address, "tcp"): 1,
        }
        assert {row["host"] for row in flows if not row["answered"]} == {CLOSED.name}

    def test_the_best_witness_of_the_handshake_is_the_main_time(self, flows: Rows) -> None:
        kinds = defaultdict(set)
        for row in flows:
            kinds[row["host"], row["server_port"]].add(row["rtt_kind"])
        assert kinds == {
            **{(host.name, 443): {"tls"} for host in (EU, OLD, V6, US, QUIET)},
            (EU.name, 80): {"syn"},
            (H3.name, 443): {"quic"},
            (CLOSED.name, 443): {None},
        }

    @pytest.mark.parametrize("column", TIMES)
    def test_times_are_those_of_tshark(self, captured: Captured, flows: Rows, column: str) -> None:
        truth = getattr(wire, column.removeprefix("rtt_"))(captured.at_client)
        assert times_of(flows, column) == pytest.approx(truth, abs=1e-3)

    def test_tcp_handshakes_are_within_a_millisecond_of_the_delay_set(self, flows: Rows) -> None:
        syn = times_of(flows, "rtt_syn_ms")
        assert {address for address, _ in syn} == {host.address for host in (EU, OLD, V6, QUIET, US)}
        assert_as_set(wire.on_the_way(syn, dict.fromkeys(syn, 0.0)))

    @pytest.mark.parametrize("column", TIMES)
    def test_times_without_what_the_server_took_are_within_a_millisecond(
        self, flows: Rows, served: Rows, column: str
    ) -> None:
        """The answer of a TLS or QUIC server has its signature in it: what that took is read at the servers."""
        ways = wire.on_the_way(times_of(flows, column), times_of(served, column))
        assert len(ways) == (1 if column == "rtt_quic_ms" else 5)
        assert_as_set(ways)

    def test_who_captured_where_is_told_apart(self, flows: Rows, served: Rows) -> None:
        assert {row["rtt_from"] for row in flows if row["proto"] == "tcp" and row["rtt_kind"]} == {"client"}
        assert {row["rtt_from"] for row in served if row["rtt_kind"]} == {"path"}


class TestVerdicts:
    """The audit's verdicts are as the lab was built."""

    def test_verdicts(self, report: residency.Report) -> None:
        told = {one["id"]: (one["verdict"], one["assurance"]) for one in as_json.document(report)["claims"]}
        assert told == {
            "lab.eu": ("consistent", "declared"),
            "lab.all": ("violated", "declared"),
            "lab.closed": ("inconclusive", "none"),
            "lab.amazon": ("inconclusive", "none"),
        }

    def test_the_server_in_virginia_is_the_witness(self, report: residency.Report) -> None:
        findings = [one for one in as_json.document(report)["findings"] if one["claim"] == "lab.all"]
        outcomes = {(one["host"], one["outcome"]): one["flows"] for one in findings if one["outcome"] != "inside"}
        assert outcomes == {(US.name, "violating"): ROUNDS, (CLOSED.name, "unanswered"): 1}
        inside = {one["host"] for one in findings if one["outcome"] == "inside"}
        assert inside == {host.name for host in PLACED}

    def test_findings_carry_the_least_handshake_time(self, report: residency.Report, flows: Rows) -> None:
        times: dict[tuple[str, str], float] = {}
        for row in (one for one in flows if one["rtt_ms"] is not None):
            key = row["server_ip"], row["rtt_kind"]
            times[key] = min(row["rtt_ms"], times.get(key, row["rtt_ms"]))
        findings = [one for one in as_json.document(report)["findings"] if one["claim"] == "lab.all"]
        seen = {(one["server_ip"], one["rtt_kind"]): one["min_rtt_ms"] for one in findings if one["rtt_kind"]}
        assert seen == pytest.approx(times, abs=1e-3)

    def test_only_the_cloud_itself_says_where_it_is(self, report: residency.Report) -> None:
        claim = next(one for one in as_json.document(report)["claims"] if one["id"] == "lab.amazon")
        assert "R316" in {reason["rule"] for reason in claim["reasons"]}

    def test_the_flow_table_gives_the_same_verdicts(
        self, table: Path, report: residency.Report, tmp_path: Path
    ) -> None:
        claims = tmp_path / "claims.toml"
        claims.write_text(CLAIMS)
        again, first = as_json.document(residency.audit(claims, table)), as_json.document(report)
        assert [c | {"file": None} for c in again["claims"]] == [c | {"file": None} for c in first["claims"]]

    def test_zeek_style_logs_of_the_same_traffic_give_the_same_verdicts(
        self, captured: Captured, report: residency.Report, tmp_path: Path
    ) -> None:
        claims, logs = tmp_path / "claims.toml", tmp_path / "logs"
        claims.write_text(CLAIMS)
        logs.mkdir()
        write_logs(captured.at_client, logs)
        by_logs = as_json.document(residency.audit(claims, logs))["claims"]
        by_capture = as_json.document(report)["claims"]
        assert [(one["id"], one["verdict"], one["assurance"]) for one in by_logs] == [
            (one["id"], one["verdict"], one["assurance"]) for one in by_capture
        ]
