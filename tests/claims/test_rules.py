"""What must hold between the keys of a claim file (DESIGN section 7.1): refused where, on which line, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

import pytest

from residency.claims import parse_pack
from residency.errors import ClaimError, Fault
from residency.model.claim import Activity, Binding, Claim, Modality
from residency.model.place import Gazetteer

HEAD = 'schema = "residency/1"\n'
CLAIM = '[[claim]]\nid = "a"\nstatement = "S."\nactivity = "storage"\nallow = ["IE"]\nhosts = ["*.x.example"]\n'


class Reader(Protocol):
    """What the fixture `read` does (see conftest.py)."""

    def claims(self, text: str) -> tuple[Claim, ...]: ...
    def claim(self, extra: str = "", **options: str) -> Claim: ...
    def faults(self, text: str) -> tuple[Fault, ...]: ...
    def fault(self, extra: str = "", **options: str) -> Fault: ...


# --- schema, keys, shapes


def test_defaults(read: Reader) -> None:
    claim = read.claim()
    assert claim.activity is Activity.STORAGE
    assert claim.modality is Modality.ABSOLUTE
    assert claim.coverage == 0.95
    assert claim.effective.edges == ()
    assert claim.hosts[0].binding is Binding.DOCUMENTED
    assert claim.hosts[0].role is None
    assert claim.parties == ()


@pytest.mark.parametrize(
    ("head", "says"),
    [
        ("", "begin the file with schema"),
        ('schema = "residency/2"\n', '`residency/2` is not a schema known here; this version reads "residency/1"'),
        ("schema = 1\n", "a whole number is not a schema known here"),
    ],
)
def test_schema_is_required_and_known(read: Reader, head: str, says: str) -> None:
    (fault,) = read.faults(head + CLAIM)
    assert fault.where == "schema"
    assert fault.line == 1
    assert says in fault.what


@pytest.mark.parametrize(
    ("extra", "where", "says"),
    [
        ('statment = "x"', "claim[0].statment", "did you mean `statement`?"),
        ("zzzzzzz = 1", "claim[0].zzzzzzz", "known here: id, vendor, statement"),
        ('[[claim.host]]\npatern = "*.y.example"', "claim[0].host[0].patern", "did you mean `pattern`?"),
        ("effective = { form = 2023-01-01, until = 2024-01-01 }", "claim[0].effective.form", "`from`"),
        ('[[claim.exceptions]]\nid = "x"', "claim[0].exceptions", "did you mean `exception`?"),
        ('[[claim.source]]\nurl = "https://a.example"\ntitle = "x"', "claim[0].source[0].title", "unknown key"),
    ],
)
def test_unknown_keys(read: Reader, extra: str, where: str, says: str) -> None:
    found = read.faults(HEAD + CLAIM + extra)
    assert any(fault.where == where and says in fault.what for fault in found), found


def test_unknown_key_at_the_top(read: Reader) -> None:
    fault = read.fault(head='vendr = "x"\n')
    assert (fault.where, fault.line) == ("vendr", 2)
    assert "did you mean `vendor`?" in fault.what


def test_single_brackets(read: Reader) -> None:
    (fault,) = read.faults(HEAD + CLAIM.replace("[[claim]]", "[claim]"))
    assert "[[claim]] with two brackets" in fault.what
    fault = read.fault('[claim.host]\npattern = "*.y.example"')
    assert "[[claim.host]] with two brackets" in fault.what


def test_an_empty_claim_list(read: Reader) -> None:
    assert "says nothing" in read.faults(HEAD)[0].what
    assert "says nothing" in read.faults(HEAD + "claim = []")[0].what
    assert "must be a table" in read.faults(HEAD + "claim = [1]")[0].what
    assert {f.where for f in read.faults(HEAD + "[[claim]]")} >= {"claim[0].id", "claim[0].statement"}


@pytest.mark.parametrize("key", ["id", "statement", "activity"])
def test_required_keys(read: Reader, key: str) -> None:
    fault = read.fault(without=key)
    assert (fault.where, fault.line) == (f"claim[0].{key}", 2)
    assert "missing" in fault.what


@pytest.mark.parametrize("key", ["allow", "hosts", "ports", "asns", "forbid", "subjects", "parties"])
def test_empty_lists_say_nothing(read: Reader, key: str) -> None:
    fault = read.fault(f"{key} = []", without=key)
    assert fault.where == f"claim[0].{key}"
    assert "an empty list says nothing" in fault.what


# --- ids


@pytest.mark.parametrize("name", ["A", "", ".a", "a b", "a/b", "é", "a\\n"])
def test_ids(read: Reader, name: str) -> None:
    assert "is no id" in read.fault(f'id = "{name}"', without="id").what


def test_ids_are_unique(read: Reader) -> None:
    (fault,) = read.faults(HEAD + CLAIM + CLAIM)
    assert (fault.where, fault.line) == ("claim[1].id", 9)
    assert "already the id of claim[0]" in fault.what


def test_exceptions_and_cases_are_unique_in_a_claim(read: Reader) -> None:
    assert "stands twice" in read.fault('[[claim.exception]]\nid = "e"\n[[claim.exception]]\nid = "e"').what
    case = '[[claim.case]]\nname = "n"\ngiven = "g"\nbecause = "b"\nexpect = "violated"\n'
    assert "stands twice" in read.fault(case + case).what


# --- scope and area


def test_no_scope(read: Reader) -> None:
    fault = read.fault(without="hosts")
    assert (fault.where, fault.line) == ("claim[0]", 2)
    assert "no scope" in fault.what


@pytest.mark.parametrize(
    "scope",
    [
        'hosts = ["*"]',
        "asns = [64500]",
        '[[claim.network]]\ncidr = "5.1.0.0/16"',
        '[[claim.host]]\npattern = "y.example"',
    ],
)
def test_scopes(read: Reader, scope: str) -> None:
    assert read.claim(scope, without="hosts").id == "a"


def test_ports_alone_are_no_scope(read: Reader) -> None:
    assert "no scope" in read.fault("ports = [443]", without="hosts").what


@pytest.mark.parametrize("activity", ["access", "backup", "support", "ownership", "oversight"])
def test_never_observable_needs_neither_scope_nor_place(read: Reader, activity: str) -> None:
    claim = read.claim(without="hosts allow", activity=activity)
    assert claim.allow == ()
    assert claim.hosts == ()


def test_an_observable_claim_says_a_place(read: Reader) -> None:
    assert "says no place" in read.fault(without="allow").what


@pytest.mark.parametrize(
    ("allow", "forbid", "empty"),
    [
        (["IE"], ["IE"], True),
        (["IE"], ["EU"], True),
        (["IE"], ["GB"], False),
        (["EEA"], ["EU"], False),
        (["EU"], ["EEA"], True),
        (["provider:aws/eu-west-1"], ["IE"], True),
        (["IE"], ["provider:aws/eu-west-1"], False),
        (["site:tiktok/hamar"], ["NO"], True),
        (["US"], ["US-CA"], False),
        (["US-CA"], ["US-CA"], True),
        (["US-CA"], ["US-NY"], False),
        (["WORLD"], ["WORLD"], True),
        (["WORLD"], ["CN"], False),
    ],
)
def test_some_place_must_be_left(read: Reader, allow: list[str], forbid: list[str], empty: bool) -> None:
    text = f"allow = {allow}\nforbid = {forbid}\neffective = {{ from = 2020-06-01 }}".replace("'", '"')
    if empty:
        fault = read.fault(text, without="allow")
        assert fault.where == "claim[0].allow"
        assert "no place is left" in fault.what
    else:
        assert read.claim(text, without="allow").forbid == tuple(forbid)


def test_membership_counts_at_the_date_of_the_claim(read: Reader) -> None:
    text = 'allow = ["GB"]\nforbid = ["EU"]\neffective = { from = %s }'
    assert (
        "no place is left"
        in read.fault((text % "2010-01-01").replace("}", ", until = 2015-01-01 }"), without="allow").what
    )
    assert read.claim(text % "2010-01-01", without="allow").allow == ("GB",)
    assert read.claim(text % "2021-01-01", without="allow").allow == ("GB",)
    early = 'allow = ["GDPR"]\neffective = { until = 2000-01-01 }'
    assert "has no members while the claim is in force" in read.fault(early, without="allow").what


def test_a_ban_of_everywhere_is_for_connections(read: Reader) -> None:
    world = 'forbid = ["WORLD"]'
    assert read.claim(world, without="allow", activity="connection").forbids_any_place
    assert "only a `connection` claim may" in read.fault(world, without="allow", activity="processing").what


def test_places(read: Reader) -> None:
    for name in ("IE", "ES-CN", "EU", "EEA", "EFTA", "ADEQUATE", "VENDOR:tiktok-europe", "site:tiktok/hamar"):
        assert read.claim(f'allow = ["{name}"]', without="allow").allow == (name,)
    assert read.claim('allow = ["provider:aws/eu-west-1"]', without="allow").allow


def test_europe_is_refused_with_the_sets_to_choose_from(read: Reader) -> None:
    for name in ("Europe", "EUROPE", "europe"):
        fault = read.fault(f'allow = ["IE", "{name}"]', without="allow")
        assert (fault.where, fault.line) == ("claim[0].allow[1]", 7)
        assert "EU, EEA, EFTA" in fault.what


@pytest.mark.parametrize(
    "line",
    [
        'subjects = ["Mars"]',
        'forbid = ["ie"]',
        '[[claim.host]]\npattern = "y.example"\nplaces = ["XQ"]',
        '[[claim.network]]\ncidr = "5.1.0.0/16"\nplaces = ["site:none/here"]',
        '[[claim.exception]]\nid = "e"\nplaces = ["provider:none/here"]',
    ],
)
def test_places_are_checked_wherever_they_stand(read: Reader, line: str) -> None:
    assert read.fault(line).where.endswith("[0]")


def test_hostile_place_name_is_one_line(read: Reader) -> None:
    fault = read.fault(r'allow = ["\u001b[31m\n\u202E' + "x" * 10_000 + '"]', without="allow")
    assert len(fault.what) < 600


# --- modality


def test_migrating_with_and_without_complete(read: Reader) -> None:
    assert read.claim('modality = "migrating"').complete is None
    assert read.claim('modality = "migrating"\ncomplete = 2024-01-01').complete == datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("modality", ["", 'modality = "default"', 'modality = "absolute"'])
def test_complete_without_migrating(read: Reader, modality: str) -> None:
    fault = read.fault(modality + "\ncomplete = 2024-01-01")
    assert fault.where == "claim[0].complete"


# --- parties, exceptions, the rest


def test_vendor_and_parties(read: Reader) -> None:
    claim = read.claim(head='vendor = "Amazon Web Services"\npack = "aws"\nas_of = 2026-01-01\n')
    assert claim.vendor == "Amazon Web Services"
    assert claim.parties == ("amazon-web-services",)
    claim = read.claim('vendor = "Société X"', head='vendor = "Y"\n')
    assert (claim.vendor, claim.parties) == ("Société X", ("societe-x",))
    assert read.claim('vendor = "V"\nparties = ["AWS", "aws", "Amazon"]').parties == ("aws", "amazon")


def test_an_exceptions_activity_is_the_claims_unless_stated(read: Reader) -> None:
    claim = read.claim(
        '[[claim.exception]]\nid = "e"\n[[claim.exception]]\nid = "f"\nactivity = "backup"\nplaces = ["FR"]'
    )
    assert [e.activity for e in claim.exceptions] == [Activity.STORAGE, Activity.BACKUP]
    assert [e.is_caveat for e in claim.exceptions] == [True, False]


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "ftp://a.example", "https://a b", 'https://a\\"><x>'])
def test_addresses_of_pages(read: Reader, url: str) -> None:
    assert "no address of a page" in read.fault(f'[[claim.source]]\nurl = "{url}"').what


def test_texts_beside_the_verdict(read: Reader) -> None:
    claim = read.claim(
        '[[claim.counter_evidence]]\ndate = 2025-07-10\nby = "DPC"\nfinding = "F"\n'
        '[[claim.reply]]\ndate = 2025-08-01\nby = "V"\ntext = "T"\n'
        '[[claim.case]]\nname = "n"\ngiven = "g"\nexpect = "violated"\nbecause = "b"'
    )
    assert claim.counter_evidence[0].by == "DPC"
    assert claim.replies[0].text == "T"
    assert claim.cases[0].expect == "violated"


def test_every_fault_at_once_in_the_order_of_the_file(read: Reader, gazetteer: Gazetteer) -> None:
    text = HEAD + (
        '[[claim]]\nid = "A"\nstatement = "S."\nactivity = "storage"\nallow = ["Europe", "XQ"]\nport = [1]\n'
        '[[claim]]\nid = "b"\nstatement = "S."\nactivity = "backups"\ncoverage = 2\n'
        '[[claim.host]]\npattern = "*.com"\n'
        '[[claim]]\nid = "b"\nstatement = "S."\nactivity = "storage"\nallow = ["IE"]\ncomplete = 2023-01-01\n'
    )
    found = read.faults(text)
    assert [(fault.where, fault.line) for fault in found] == [
        ("claim[0]", 2),
        ("claim[0].id", 3),
        ("claim[0].allow[0]", 6),
        ("claim[0].allow[1]", 6),
        ("claim[0].port", 7),
        ("claim[1].activity", 11),
        ("claim[1].coverage", 12),
        ("claim[1].host[0].pattern", 14),
        ("claim[2]", 15),
        ("claim[2].id", 16),
        ("claim[2].complete", 20),
    ]
    with pytest.raises(ClaimError, match=r"^x\.toml:2: claim\[0\]: has no scope.*\(and 10 more faults\)$"):
        parse_pack(text, path="x.toml", gazetteer=gazetteer)


def test_one_mistake_gives_one_fault(read: Reader) -> None:
    assert read.fault('host_s = ["*.x.example"]', without="hosts").where == "claim[0].host_s"
    assert read.fault('alow = ["IE"]', without="allow").where == "claim[0].alow"


def test_a_table_of_nothing_but_faults_is_cut(read: Reader) -> None:
    found = read.faults(HEAD + CLAIM + "".join(f"k{i} = 1\n" for i in range(1_200)))
    assert len(found) == 1_001
    assert "200 more faults, which are not listed" in found[0].what
