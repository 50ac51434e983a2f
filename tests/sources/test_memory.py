"""Pinned evidence: statements by network, strict about what it reads."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from residency.errors import SourceError
from residency.model.evidence import Kind, Statement
from residency.model.network import Addresses, parse_address
from residency.sources.memory import MemorySource

DAY = date(2026, 6, 1)


def ask(source: MemorySource, *texts: str) -> list[Statement | None]:
    answer = source.answer(Addresses([parse_address(t) for t in texts]), [DAY] * len(texts))
    return [None if code < 0 else answer.statements[code] for code in answer.codes.tolist()]


def document(**said: Any) -> dict[str, Any]:
    statement = {"network": "20.0.0.0/8", "countries": ["IE"]} | said
    return {"sources": [{"id": "m", "kind": "declared", "author": "aws", "statements": [statement]}]}


def test_no_addresses_no_answers() -> None:
    assert ask(MemorySource.of("database", "acme", {"1.0.0.0/8": "IE"})) == []


def test_no_statements_no_answers() -> None:
    assert ask(MemorySource.of("database", "acme", {}), "8.8.8.8") == [None]


def test_no_sources() -> None:
    assert MemorySource.from_json({"sources": []}) == []


def test_the_longest_network_answers() -> None:
    source = MemorySource.of("database", "acme", {"20.0.0.0/8": "US", "20.1.0.0/16": "IE", "20.1.1.1": "NO"})
    found = [s.says if s else "" for s in ask(source, "20.9.9.9", "20.1.9.9", "20.1.1.1", "21.0.0.1")]
    assert found == ["US", "IE", "NO", ""]


def test_families_are_apart() -> None:
    source = MemorySource.of("database", "acme", {"0.0.0.0/0": "US", "2a00::/16": "IE"})
    found = [s.says if s else "" for s in ask(source, "20.9.9.9", "2a00::1", "2b00::1", "::ffff:20.9.9.9")]
    assert found == ["US", "IE", "", "US"]


def test_what_is_not_public_gets_no_answer() -> None:
    source = MemorySource.of("database", "acme", {"0.0.0.0/0": "US", "::/0": "US"})
    assert ask(source, "10.0.0.1", "fe80::1", "2001:0:1::1") == [None, None, None]


def test_all_fields_are_read() -> None:
    (source,) = MemorySource.from_json(
        document(
            says="listed",
            provider_region="aws/eu-west-1",
            listed=["2026-01-01", "2026-02-01"],
            stable=True,
            holder="aws",
            lineage="other",
            prefix_since="2025-01-01",
        )
    )
    (said,) = ask(source, "20.1.1.1")
    assert said is not None
    assert (said.kind, said.author, said.lineage, said.says) == (Kind.DECLARED, "aws", "other", "listed")
    assert {p.provider_region for p in said.places} == {"aws/eu-west-1"}
    assert said.listed == (date(2026, 1, 1), date(2026, 2, 1))
    assert (said.stable, said.proves, said.anycast, said.prefix_since) == (True, True, False, date(2025, 1, 1))


def test_a_build_date_is_the_day_of_its_statements() -> None:
    source = MemorySource.of("database", "acme", {"20.0.0.0/8": "IE"}, built=DAY)
    (said,) = ask(source, "20.1.1.1")
    assert said is not None
    assert said.listed == (DAY, DAY)
    assert source.snapshot.built == DAY


def test_the_hash_tells_contents_apart() -> None:
    def sha(code: str) -> str:
        return MemorySource.of("database", "acme", {"20.0.0.0/8": code}).snapshot.sha256

    assert sha("IE") == sha("IE") != sha("NO")


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"sources": 3},
        {"sources": [3]},
        {"sources": [{}]},
        {"sources": [{"id": "m", "kind": "rumour", "author": "a", "statements": [{"network": "20.0.0.0/8"}]}]},
        {"sources": [{"id": "m", "kind": "database", "author": "a"}]},
        {"sources": [{"id": "m", "kind": "database", "author": "a", "statements": [{}]}]},
        {"sources": [{"id": "m", "kind": "database", "author": "a", "built": "June", "statements": []}]},
        document(network="20.0.0.0/33"),
        document(network="20.0.0.1/8"),
        document(network="nowhere"),
        document(countries="IE"),
        document(countries=["Ireland"]),
        document(countries=["ie"]),
        document(countries=[1]),
        document(countries=[""]),
        document(listed=["1 June"]),
        document(listed=["2026-02-01", "2026-01-01"]),
        document(prefix_since="x"),
        document(stable="false"),
        document(country=["IE"]),
        [],
        None,
        "sources",
    ],
)
def test_malformed_evidence_is_one_typed_error(broken: Any) -> None:
    with pytest.raises(SourceError, match="malformed"):
        MemorySource.from_json(broken)


@pytest.mark.parametrize("code", ["EU", "AP", "ZZ", "A1"])
def test_pseudo_codes_are_read_and_decide_nothing(code: str) -> None:
    (said,) = ask(MemorySource.of("database", "acme", {"20.0.0.0/8": code}), "20.1.1.1")
    assert said is not None
    assert {p.country for p in said.places} == {code}
