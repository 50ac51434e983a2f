"""What `resolve` must make of a server that sends what no honest one does, or fails without end."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from tests.resolve import ways
from tests.resolve.hostile import Hostile
from tests.resolve.ways import long_name

from residency.model.resolution import Lookup, LookupOutcome, Resolution
from residency.resolve import resolve

DEADLINE_S = 2.0
SLACK_S = 0.5
STORM = 10_000


def ask(hostile: Hostile, way: str, *, mixed_case: bool = False, deadline_s: float = DEADLINE_S) -> Lookup:
    """Look up a name that is answered in a way."""
    (lookup,) = resolve(
        f"www.{way}.{ways.ZONE}",
        servers=[hostile.address],
        types=["A"],
        deadline_s=deadline_s,
        mixed_case=mixed_case,
    )
    return lookup


@pytest.mark.parametrize("way", ["wrong-id", "wrong-question", "wrong-source", "garbage", "tudoor", "no-question"])
def test_the_honest_answer_is_taken_though_another_comes_first(hostile: Hostile, way: str) -> None:
    lookup = ask(hostile, way)
    assert lookup.outcome is LookupOutcome.ANSWER
    assert lookup.endpoints == (ways.HONEST,)
    assert hostile.count(way) == 1


def test_an_answer_for_another_type_is_none_however_alike_the_numbers(hostile: Hostile) -> None:
    (lookup,) = resolve(
        f"www.other-type.{ways.ZONE}", servers=[hostile.address], types=["HTTPS"], deadline_s=DEADLINE_S
    )
    assert lookup.bindings == ()
    assert lookup.outcome is LookupOutcome.NODATA


def test_an_answer_with_a_wrong_id_alone_is_none(hostile: Hostile) -> None:
    lookup = ask(hostile, "only-wrong-id")
    assert lookup.outcome is LookupOutcome.TIMEOUT
    assert lookup.addresses == ()


@pytest.mark.parametrize("way", ["malformed", "malformed-loop"])
def test_an_answer_that_cannot_be_read_is_malformed_and_says_where(hostile: Hostile, way: str) -> None:
    lookup = ask(hostile, way)
    assert lookup.outcome is LookupOutcome.MALFORMED
    assert "byte" in lookup.detail
    assert lookup.replies[0].wire  # kept as evidence


def test_silence_is_a_timeout(hostile: Hostile) -> None:
    assert ask(hostile, "drop").outcome is LookupOutcome.TIMEOUT


@pytest.mark.parametrize("way", ["cut", "tudoor-and-cut"])
def test_a_cut_answer_is_asked_for_again_over_tcp(hostile: Hostile, way: str) -> None:
    lookup = ask(hostile, way)
    assert lookup.endpoints == (ways.HONEST,)
    assert lookup.replies[0].transport == "tcp"


@pytest.mark.parametrize("way", ["cut-eof", "cut-half", "cut-drip", "cut-cut"])
def test_a_cut_answer_without_a_whole_one_is_truncated_and_not_used(hostile: Hostile, way: str) -> None:
    lookup = ask(hostile, way)
    assert lookup.outcome is LookupOutcome.TRUNCATED
    assert lookup.addresses == ()


@pytest.mark.parametrize(
    ("way", "outcome"),
    [
        ("hv", LookupOutcome.ANSWER),
        ("hn", LookupOutcome.NODATA),  # nothing but aliases of other names
        ("ht", LookupOutcome.NODATA),
    ],
)
def test_a_heavy_answer_costs_no_more_than_the_time_there_is(
    hostile: Hostile, way: str, outcome: LookupOutcome
) -> None:
    began = time.perf_counter()
    (lookup,) = resolve(long_name(way), servers=[hostile.address], types=["A"], deadline_s=DEADLINE_S)
    assert time.perf_counter() - began <= DEADLINE_S + SLACK_S
    assert lookup.outcome is outcome
    assert bool(lookup.endpoints) is (way == "hv")


def test_more_records_than_an_answer_may_have_are_too_many(hostile: Hostile) -> None:
    lookup = ask(hostile, "crowd")
    assert lookup.outcome is LookupOutcome.TOO_MANY_RECORDS
    assert lookup.addresses == ()


def test_what_the_answer_says_of_other_names_is_noted_and_not_used(hostile: Hostile) -> None:
    lookup = ask(hostile, "poison")
    assert lookup.endpoints == (ways.HONEST,)
    assert len(lookup.replies[0].notes) >= 2
    assert ways.POISON not in str([lookup.addresses, lookup.chain, lookup.bindings])


def test_over_tcp_too_only_the_answer_to_the_question_counts(hostile: Hostile) -> None:
    lookup = ask(hostile, "late-over-tcp")
    assert lookup.endpoints == (ways.HONEST,)
    assert lookup.replies[0].transport == "tcp"


@pytest.mark.parametrize("way", ["two-aliases", "other-class", "after-the-end", "upside-down", "negative-ttl"])
def test_records_that_must_not_count_do_not(hostile: Hostile, way: str) -> None:
    lookup = ask(hostile, way)
    assert lookup.outcome is LookupOutcome.ANSWER
    assert lookup.endpoints == (ways.HONEST,)


def test_addresses_of_the_other_family_are_no_answer(hostile: Hostile) -> None:
    lookup = ask(hostile, "other-family")
    assert lookup.outcome is LookupOutcome.NODATA
    assert lookup.addresses == ()


def test_a_chain_told_from_its_end_is_put_in_order(hostile: Hostile) -> None:
    targets = [alias.target for alias in ask(hostile, "upside-down").chain]
    assert targets == ["middle.example", "end.example"]


def test_a_ttl_with_its_first_bit_set_is_zero(hostile: Hostile) -> None:
    assert {address.ttl_s for address in ask(hostile, "negative-ttl").addresses} == {0}


def test_a_loop_is_found_by_one_question(hostile: Hostile) -> None:
    (lookup,) = resolve(f"www.loop.{ways.ZONE}", servers=[hostile.address], deadline_s=DEADLINE_S)
    assert lookup.outcome is LookupOutcome.CNAME_LOOP
    assert lookup.endpoints == ()
    assert hostile.count("loop") == 1


def test_text_of_a_server_has_no_character_that_a_terminal_obeys(hostile: Hostile) -> None:
    lookup = ask(hostile, "escapes")
    texts = [alias.target for alias in lookup.chain]
    assert texts
    assert all(text.isprintable() for text in texts)
    assert "a\\.b" in texts[0] or "a\\046b" in texts[0]  # a dot in a label is not a dot between labels


def test_a_code_of_which_nobody_has_heard_is_told_apart(hostile: Hostile) -> None:
    lookup = ask(hostile, "odd")
    assert lookup.outcome is LookupOutcome.SERVFAIL
    assert "11" in lookup.detail


def test_mixed_case_must_come_back(hostile: Hostile) -> None:
    assert ask(hostile, "lower", mixed_case=True).endpoints == (ways.HONEST,)
    assert ask(hostile, "lower").endpoints == (ways.POISON,)  # without it, that is the answer that came first
    names = [question[:-4] for question in hostile.questions]
    assert names[0] != names[0].lower()
    assert names[1] == names[1].lower()


def test_ids_and_ports_cannot_be_foreseen(hostile: Hostile) -> None:
    names = [f"n{number}.honest.{ways.ZONE}" for number in range(300)]
    resolve(names, servers=[hostile.address], types=["A"], deadline_s=10.0)
    assert len(hostile.ids) == 300
    for seen in (hostile.ids, hostile.ports):
        steps = [after - before for before, after in pairwise(seen)]
        assert len(set(seen)) >= 280
        assert max(steps.count(step) for step in set(steps)) <= 15  # a counter has one step throughout
        assert 100 <= sum(step > 0 for step in steps) <= 200


def bulk(hostile: Hostile, way: str, deadline_s: float) -> tuple[Resolution, float]:
    names = [f"n{number}.{way}.{ways.ZONE}" for number in range(STORM)]
    began = time.perf_counter()
    found = resolve(names, servers=[hostile.address], deadline_s=deadline_s)
    return found, time.perf_counter() - began


@pytest.mark.parametrize(
    ("way", "outcome"),
    [
        ("servfail", LookupOutcome.SERVFAIL),
        ("refused", LookupOutcome.REFUSED),
        ("drop", LookupOutcome.TIMEOUT),
    ],
)
def test_a_server_that_always_fails_is_left_alone(hostile: Hostile, way: str, outcome: LookupOutcome) -> None:
    found, took_s = bulk(hostile, way, 8.0)
    assert took_s <= 8.0 + 2 * SLACK_S
    assert [lookup.name for lookup in found] == [f"n{number}.{way}.{ways.ZONE}" for number in range(STORM)]
    assert {lookup.outcome for lookup in found} == {outcome}
    assert hostile.count(way) < STORM / 10


def test_a_deadline_gives_every_name_an_outcome(hostile: Hostile) -> None:
    found, took_s = bulk(hostile, "drop", 1.0)
    assert took_s <= 1.0 + 2 * SLACK_S
    assert len(found) == STORM
    assert {lookup.outcome for lookup in found} == {LookupOutcome.TIMEOUT}
    assert all(lookup.detail for lookup in found)


def test_a_server_that_fails_does_not_stand_for_another(hostile: Hostile) -> None:
    names = [f"n{number}.servfail.{ways.ZONE}" for number in range(500)] + [f"www.honest.{ways.ZONE}"]
    tcp = hostile.address.replace("udp:", "tcp:")
    found = resolve(names, servers=[hostile.address, tcp], types=["A"], deadline_s=5.0)
    assert {lookup.outcome for lookup in found if lookup.vantage == tcp} == {LookupOutcome.ANSWER}
