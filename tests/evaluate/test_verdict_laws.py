"""Laws of verdicts (STYLE, "Tests"): order, duplication, silence, widening, noise, and databases alone."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.model.evidence import Assurance, Kind, Statement
from residency.model.verdict import Outcome, Verdict, Where

if TYPE_CHECKING:
    from tests.evaluate.conftest import Bench

COUNTRIES = ["IE", "NO", "DE", "US", "CN", "GB", "EU", "SJ"]
WORDS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["measured", "syn", "declared", "database", "hostname", "registration", "network"]),
        "countries": st.lists(st.sampled_from(COUNTRIES), max_size=3, unique=True),
        "author": st.sampled_from(["a", "b", "acme", "aws"]),
        "days": st.sampled_from([0, 10, 36, 400]),
    }
)
Words = dict[str, object]


def said(bench: Bench, words: Words) -> Statement:
    kind, codes, author = str(words["kind"]), words["countries"], str(words["author"])
    assert isinstance(codes, list)
    if kind == "measured":
        return bench.measured(*codes, author=author)
    if kind == "syn":
        return bench.measured(*codes, author=author, proves=False)
    if kind == "declared":
        days = words["days"]
        assert isinstance(days, int)
        return bench.declared(*codes, author=author, days=days)
    if kind == "database":
        return bench.database(*codes, author=author)
    if kind == "network":
        return bench.network("cloud", author)
    return bench.said(Kind(kind), *codes, author=author)


@given(words=st.lists(WORDS, max_size=6), seed=st.randoms(use_true_random=False))
def test_the_order_of_evidence_never_matters(bench: Bench, words: list[Words], seed: random.Random) -> None:
    statements = [said(bench, w) for w in words]
    shuffled = list(statements)
    seed.shuffle(shuffled)
    claim = bench.claim()
    a = bench.judge(claim, bench.many(2, statements))
    b = bench.judge(claim, bench.many(2, shuffled))
    assert (a.verdict, a.assurance, a.reasons, a.outcomes) == (b.verdict, b.assurance, b.reasons, b.outcomes)
    assert [j.ruling.rules for j in a.judged] == [j.ruling.rules for j in b.judged]


@given(words=st.lists(WORDS, max_size=5), times=st.integers(2, 3))
def test_the_duplication_of_evidence_never_matters(bench: Bench, words: list[Words], times: int) -> None:
    statements = [said(bench, w) for w in words]
    once, often = bench.locate(*statements), bench.locate(*(statements * times))
    assert (once.where, once.assurance, once.feasible) == (often.where, often.assurance, often.feasible)


@given(count=st.integers(0, 5), words=st.lists(WORDS, max_size=3))
def test_no_evidence_is_inconclusive(bench: Bench, count: int, words: list[Words]) -> None:
    silent = [said(bench, w | {"countries": []}) for w in words]
    assert bench.judge(bench.claim(), bench.many(count, silent)).verdict is Verdict.INCONCLUSIVE


@given(
    kind=st.sampled_from(["measured", "declared", "database"]),
    sets=st.lists(st.lists(st.sampled_from(COUNTRIES), min_size=1, max_size=3, unique=True), min_size=1, max_size=3),
    more=st.lists(st.sampled_from(COUNTRIES), max_size=3),
)
def test_widening_feasible_places_never_strengthens_a_verdict(
    bench: Bench, kind: str, sets: list[list[str]], more: list[str]
) -> None:
    make = getattr(bench, kind)
    narrow = [make(*codes, author=f"w{i}") for i, codes in enumerate(sets)]
    if kind == "measured" and not set.intersection(*(set(codes) for codes in sets)):
        return  # contradicting discs have no place; widening one may give them one
    wide = [make(*dict.fromkeys([*sets[0], *more]), author="w0"), *narrow[1:]]
    before, after = bench.locate(*narrow), bench.locate(*wide)
    assert after.where in (before.where, Where.UNKNOWN)
    assert after.assurance.rank <= before.assurance.rank
    first = bench.judge(bench.claim(), bench.many(1, narrow)).verdict
    second = bench.judge(bench.claim(), bench.many(1, wide)).verdict
    assert second in (first, Verdict.INCONCLUSIVE)


@given(words=st.lists(st.lists(WORDS, max_size=3), min_size=1, max_size=6), seed=st.randoms(use_true_random=False))
def test_the_order_of_rows_never_matters(bench: Bench, words: list[list[Words]], seed: random.Random) -> None:
    rows = [row for i, w in enumerate(words) for row in bench.many(1, [said(bench, x) for x in w], start=i)]
    shuffled = list(rows)
    seed.shuffle(shuffled)
    a, b = bench.judge(bench.claim(), rows), bench.judge(bench.claim(), shuffled)
    assert (a.verdict, a.assurance, a.reasons, a.outcomes) == (b.verdict, b.assurance, b.reasons, b.outcomes)


@given(codes=st.lists(st.lists(st.sampled_from(COUNTRIES), max_size=2), min_size=1, max_size=12))
def test_one_database_never_violates_whatever_it_says(bench: Bench, codes: list[list[str]]) -> None:
    rows = [row for i, c in enumerate(codes) for row in bench.many(1, [bench.database(*c)], start=i)]
    assert bench.judge(bench.claim(), rows).verdict is not Verdict.VIOLATED


@given(words=st.lists(WORDS.filter(lambda w: w["kind"] not in ("measured", "declared")), max_size=6))
def test_databases_of_one_lineage_and_hints_never_violate(bench: Bench, words: list[Words]) -> None:
    rows = bench.many(20, [said(bench, w | {"author": "one"}) for w in words])
    assert bench.judge(bench.claim(), rows).verdict is not Verdict.VIOLATED


@given(words=st.lists(WORDS, max_size=4))
def test_the_claimants_word_alone_is_never_consistent(bench: Bench, words: list[Words]) -> None:
    rows = bench.many(3, [said(bench, w | {"author": "acme"}) for w in words])
    assert bench.judge(bench.claim(), rows).verdict is not Verdict.CONSISTENT


@pytest.mark.parametrize("seed", range(3))
def test_one_percent_of_noise_leaves_an_honest_claim_consistent(bench: Bench, seed: int) -> None:
    chance = random.Random(seed)
    rows, wrong = [], 0
    for i in range(3_000):
        code = "US" if chance.random() < 0.01 else "IE"
        wrong += code == "US"
        host = f"h{chance.randrange(400)}.acme.example"
        rows += bench.many(1, [bench.database(code)], start=i, host=host)
    found = bench.judge(bench.claim(), rows)
    assert found.verdict is Verdict.CONSISTENT
    assert found.assurance is Assurance.DATABASE
    assert found.outcomes[Outcome.DOUBTFUL].endpoints == wrong > 0
