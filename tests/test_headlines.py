"""What a reader reads first: the verdict with its assurance and extent, the witness, and what was not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import residency
from residency.model.verdict import ClaimResult
from residency.sources.memory import MemorySource

CLAIM = """
schema = "residency/1"
vendor = "Acme"
[[claim]]
id = "acme.eu"
statement = "Data is kept in the EEA."
activity = "{activity}"
allow = ["EEA"]
{scope}
{more}
"""
HEADER = "ts,client_ip,server_ip,server_port,proto,bytes_sent,bytes_received,host\n"
NETS = {"20.1.0.0/16": "IE", "20.3.0.0/16": "US", "20.4.0.0/16": "CA"}


@pytest.fixture
def headline(tmp_path: Path) -> Any:
    """Audit endpoints given as (address, flows) and return the result of the one claim."""

    def run(
        *flows: tuple[str, int],
        activity: str = "processing",
        author: str = "carrier",
        kind: str = "declared",
        scope: str = 'hosts = ["*.acme.example"]',
        more: str = "",
        **options: Any,
    ) -> ClaimResult:
        claims = tmp_path / "claims.toml"
        claims.write_text(CLAIM.format(activity=activity, scope=scope, more=more), encoding="utf-8")
        rows = [
            f"2026-06-0{i % 4 + 1}T12:00:00Z,192.0.2.7,{ip},443,tcp,2000000,100,api.acme.example\n"
            for ip, count in flows
            for i in range(count)
        ]
        (tmp_path / "flows.csv").write_text(HEADER + "".join(rows), encoding="utf-8")
        from datetime import date

        source = MemorySource.of(kind, author, NETS, built=date(2026, 6, 2))
        report = residency.audit(claims, tmp_path / "flows.csv", sources=[source], embedded=False, threads=1, **options)
        assert report.headline.isprintable()
        return report.claims[0]

    return run


def test_consistent_names_assurance_count_witness_and_place(headline: Any) -> None:
    text = headline(("20.1.1.1", 40)).headline
    assert text.startswith("consistent (declared): All 40 conversations with api.acme.example")
    assert "June 2026" in text
    assert "carrier's list of 2" in text
    assert "Ireland" in text


def test_a_database_alone_is_the_weakest_form(headline: Any) -> None:
    assert headline(("20.1.1.1", 3), kind="database").headline.startswith("consistent (database, the weakest form): ")


def test_one_bad_conversation_of_many_is_isolated(headline: Any) -> None:
    text = headline(("20.1.1.1", 99), ("20.3.1.1", 1)).headline
    assert text.startswith("violated (declared, isolated): One of 100 conversations contradicts the statement: 2")
    assert "carrier" in text
    assert "United States" in text
    assert "This shows one instance, not a practice." in text
    assert "The claim states no exception." in text


def test_several_are_counted_and_not_called_isolated(headline: Any) -> None:
    text = headline(("20.1.1.1", 98), ("20.3.1.1", 2)).headline
    assert text.startswith("violated (declared): 2 of 100 conversations contradict the statement:")
    assert "one instance" not in text


def test_what_the_witness_says_of_all_is_said_of_all(headline: Any) -> None:
    text = headline(("20.3.1.1", 2), ("20.3.2.1", 3)).headline
    assert "went to api.acme.example at 20.3.2.1 and 1 other endpoint, which carrier, not the claimant," in text


def test_what_the_witness_says_of_one_is_not_said_of_the_others(headline: Any) -> None:
    text = headline(("20.3.1.1", 3), ("20.4.1.1", 2)).headline
    assert "went to 2 endpoints, among them api.acme.example at 20.3.1.1, which carrier, not the claimant," in text
    assert "Canada" not in text


def test_the_claimants_own_list_against_it_is_named_so(headline: Any) -> None:
    assert "the claimant itself" in headline(("20.3.1.1", 1), author="acme").headline


def test_only_the_vendor_says_so(headline: Any) -> None:
    text = headline(("20.1.1.1", 3), author="acme").headline
    assert text.startswith("inconclusive: ")
    assert "only" in text
    assert "Nothing contradicts it." in text
    assert "would decide" in text


def test_storage_is_said_not_to_be_observed(headline: Any) -> None:
    good = headline(("20.1.1.1", 3), activity="storage")
    assert "storage itself was not observed" in good.headline
    bad = headline(("20.3.1.1", 3), activity="storage")
    assert bad.headline.startswith("inconclusive: This does not show where data is stored. It shows 6")
    assert "Storage itself was not observed" in bad.not_observed


def test_a_bound_on_what_was_not_seen_only_for_stated_sampling(headline: Any) -> None:
    sampled = headline(("20.1.1.1", 1000), sampling=1000)
    assert "None of 1,000" in sampled.not_observed
    assert "fewer than 3 in 1,000" in sampled.not_observed
    assert "95 %" in sampled.not_observed
    whole = headline(("20.1.1.1", 1000))
    assert "95 %" not in whole.not_observed
    assert "All 1,000 conversations in scope were read; nothing is said of others." in whole.not_observed


def test_no_bound_where_something_contradicts(headline: Any) -> None:
    assert "fewer than 3" not in headline(("20.1.1.1", 999), ("20.3.1.1", 1), sampling=1000).not_observed


def test_what_stays_undecided_is_said(headline: Any) -> None:
    text = headline(("20.1.1.1", 99), ("20.9.1.1", 1)).headline
    assert "99 of 100" in text
    assert "unknown" in text
    short = headline(("20.1.1.1", 50), ("20.9.1.1", 50)).headline
    assert "50 %" in short
    assert "would decide" in short


def test_what_is_not_observable_says_it_was_not_checked(headline: Any) -> None:
    result = headline(("20.1.1.1", 3), activity="backup", scope="")
    assert "was not checked" in result.headline
    assert "not looked at" in result.not_observed


def test_facts_beside_the_network_are_notes_that_change_nothing(headline: Any) -> None:
    more = """
    [[claim.counter_evidence]]
    date = 2026-01-01
    by = "a regulator"
    finding = "found data elsewhere"
    [[claim.reply]]
    date = 2026-02-01
    by = "Acme"
    text = "it was a test"
    """
    plain, noted = headline(("20.1.1.1", 3)), headline(("20.1.1.1", 3), more=more)
    assert (plain.verdict, plain.headline) == (noted.verdict, noted.headline)
    assert any("found data elsewhere" in note for note in noted.notes)
    assert any("it was a test" in note for note in noted.notes)
