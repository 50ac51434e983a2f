"""Every rule id is given by some case, and no case gives an id that is not described."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from residency.evaluate import rules
from residency.evaluate.judge import Judgement
from residency.model.claim import Activity, Binding, HostRule, Modality, Role
from residency.model.evidence import Assurance, Kind, Statement, Weakness
from residency.model.names import HostPattern
from residency.model.period import Period
from residency.model.verdict import Verdict

if TYPE_CHECKING:
    from tests.evaluate.conftest import Bench

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
Case = Callable[["Bench"], Judgement]
LABEL = (HostRule(pattern=HostPattern.parse("*.acme.example"), binding=Binding.LABEL),)


def one(*build: Callable[[Bench], Statement], ip: str = "20.1.1.1", **options: Any) -> Case:
    """A case of one endpoint under the default claim; each of `build` makes one statement."""

    def run(bench: Bench) -> Judgement:
        seen = {k: v for k, v in options.items() if k in ("answered", "named_by", "first", "last", "bytes_sent")}
        terms = {k: v for k, v in options.items() if k in ("floor", "max_age_days", "skew", "rely_on", "clients")}
        claim = {k: v for k, v in options.items() if k not in seen and k not in terms}
        statements = [make(bench) for make in build]
        return bench.judge(
            bench.claim(**claim),
            [(bench.seen(ip, **seen), statements)],
            **terms,
        )

    return run


def ie(b: Bench) -> Statement:
    return b.declared("IE")


def us(b: Bench) -> Statement:
    return b.declared("US")


def db(code: str, author: str = "dba") -> Callable[[Bench], Statement]:
    return lambda b: b.database(code, author=author)


def ban(bench: Bench, named: int, unnamed: int) -> Judgement:
    claim = bench.claim("*.tiktok.com", activity=Activity.CONNECTION, allow=(), forbid=("WORLD",))
    rows = bench.many(named, [], host="x.org") + bench.many(unnamed, [], start=300, host=None, named_by=None)
    return bench.judge(claim, rows)


def caveat(b: Bench) -> Judgement:
    return b.judge(b.claim(exceptions=(b.exception(),)), b.many(1, [b.declared("US")]))


def excused(b: Bench) -> Judgement:
    return b.judge(b.claim(exceptions=(b.exception(places=("US",)),)), b.many(1, [b.declared("US")]))


def unnamed(b: Bench) -> Judgement:
    return b.judge(b.claim(), [(b.seen(), []), (b.seen(host=None, named_by=None), [])])


def noise(b: Bench) -> Judgement:
    rows = [*b.many(1, b.two("US")), *b.many(99, [b.declared("IE")], start=5)]
    return b.judge(b.claim(), rows)


def doubt(b: Bench) -> Judgement:
    rows = [*b.many(2, [b.database("US")], host="odd.acme.example"), *b.many(98, [b.declared("IE")], start=5)]
    return b.judge(b.claim(), rows)


CASES: dict[str, Case] = {
    rules.NOT_LOCATABLE: one(ie, ip="10.0.0.1"),
    rules.TRANSITION_FORM: one(ie, ip="2002:1401:101::1"),
    rules.ANYCAST: one(lambda b: b.declared(author="edge", anycast=True)),
    rules.MEASURED: one(lambda b: b.measured("IE")),
    rules.CALIBRATED: one(lambda b: b.said(Kind.CALIBRATED, "IE", rate=0.001)),
    rules.DECLARED: one(ie),
    rules.CORROBORATED: one(db("IE"), db("IE", "dbb")),
    rules.DATABASE: one(db("IE")),
    rules.CONFLICT: one(db("IE"), db("US", "dbb")),
    rules.ECHO_OF_LIST: one(db("IE"), ie),
    rules.ECHO_OF_REGISTRATION: one(db("IE"), lambda b: b.registered("IE")),
    rules.OLDER_THAN_PREFIX: one(
        lambda b: b.declared("IE", prefix_since=NOW.date()), lambda b: b.database("US", built=NOW.date() - DAY)
    ),
    rules.STRUCK: one(lambda b: b.measured("IE"), us),
    rules.TOO_OLD: one(lambda b: b.declared("IE", days=9), max_age_days=8),
    rules.NO_STATEMENT: one(),
    rules.ECHO_ALONE: one(db("US"), lambda b: b.registered("US")),
    rules.NOT_FINE_ENOUGH: one(lambda b: b.declared("NO"), allow=("site:tiktok/hamar",)),
    rules.MEASURED_CANNOT_PROVE: one(lambda b: b.measured("IE", proves=False)),
    rules.UNTESTED_VANTAGE: one(lambda b: b.measured("IE", proves=False, weakness=Weakness.VANTAGE)),
    rules.FEW_SAMPLES: one(lambda b: b.measured("IE", proves=False, weakness=Weakness.SAMPLES)),
    rules.BACKDATED: one(lambda b: b.declared("IE", days=1)),
    rules.UNANSWERED: one(ie, answered=False),
    rules.EXCUSED: excused,
    rules.NOT_CARRYING: one(ie, role=Role.CDN),
    rules.INSIDE: one(ie),
    rules.BELOW_FLOOR: one(ie, floor=Assurance.MEASURED),
    rules.VIOLATING: one(us),
    rules.ADVERSE: one(us, answered=None),
    rules.DOUBTFUL: one(db("US")),
    rules.UNKNOWN: one(),
    rules.PROXIED: one(ip="10.0.0.1"),
    rules.UNNAMED_KNOWN: unnamed,
    rules.FRONT: one(lambda b: b.network("cdn")),
    rules.LINK_IN_FORCE: one(us, effective=Period(NOW, None), skew=DAY),
    rules.LINK_MODALITY: one(us, modality=Modality.DEFAULT),
    rules.LINK_NAME: one(us, named_by="ech"),
    rules.LINK_ROLE: one(us, activity=Activity.STORAGE),
    rules.LINK_ANSWERED: one(us, answered=None),
    rules.LINK_SUBJECTS: one(us, subjects=("EEA",)),
    rules.LINK_CAVEAT: caveat,
    rules.LINK_LIST_DATE: one(lambda b: b.declared("US", days=36)),
    rules.LINK_NETWORKS: noise,
    rules.LINK_BINDING: one(us, hosts=LABEL),
    rules.VIOLATED: one(us),
    rules.CONSISTENT: one(ie),
    rules.NOT_OBSERVABLE: one(ie, activity=Activity.BACKUP),
    rules.NO_FLOWS: one(ie, ports=(53,)),
    rules.HAS_ADVERSE: one(us, answered=None),
    rules.COVERAGE: one(),
    rules.NOTHING_COUNTED: one(ie, answered=False),
    rules.HOST_DOUBT: doubt,
    rules.ONLY_PARTIES: one(ie, parties=("aws",)),
    rules.FORBID_ABSENCE: one(ie, allow=(), forbid=("US",)),
    rules.BYTES_SKIPPED: one(ie, bytes_sent=None),
    rules.UNNAMED_SHARE: lambda b: ban(b, 1, 9),
    rules.NO_ANSWERED: lambda b: ban(b, 99, 1),
    rules.RELIED_ON: one(ie, parties=("aws",), rely_on=("aws",)),
    rules.CANNOT_VIOLATE: one(ie, modality=Modality.DEFAULT),
    rules.CANNOT_CONFIRM: one(ie, role=Role.CDN),
}


def given_by(judgement: Judgement) -> set[str]:
    found = {r.rule for r in (*judgement.reasons, *judgement.could.reasons)}
    return found | {rule for j in judgement.judged for rule in j.ruling.rules}


@pytest.mark.parametrize("rule", sorted(CASES))
def test_a_case_gives_the_rule(bench: Bench, rule: str) -> None:
    assert rule in given_by(CASES[rule](bench))


def test_the_cases_are_all_the_rules_there_are() -> None:
    assert set(CASES) == set(rules.RULES)


@pytest.mark.parametrize("rule", sorted(CASES))
def test_no_case_gives_a_rule_without_words(bench: Bench, rule: str) -> None:
    assert given_by(CASES[rule](bench)) <= set(rules.RULES)


def test_rules_are_described_in_one_line_each() -> None:
    constants = {v for k, v in vars(rules).items() if k.isupper() and isinstance(v, str)}
    assert constants == set(rules.RULES)
    assert all(text and text.isprintable() and not text.endswith(".") for text in rules.RULES.values())


def test_every_verdict_gives_at_least_one_reason(bench: Bench) -> None:
    for case in CASES.values():
        found = case(bench)
        assert found.reasons
        assert isinstance(found.verdict, Verdict)
