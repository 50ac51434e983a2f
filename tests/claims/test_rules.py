"""Each rule of DESIGN section 7.1 on a claim file: what is refused, where, and what it says to do."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from residency.claims import parse_pack
from residency.errors import ClaimError, Fault
from residency.model.claim import Activity, Binding, Claim, Modality, Role
from residency.model.place import Gazetteer

HEAD = 'schema = "residency/1"\n'
CLAIM = '[[claim]]\nid = "a"\nstatement = "S."\nactivity = "storage"\nallow = ["IE"]\nhosts = ["*.x.example"]\n'


def text_of(extra: str = "", *, without: str = "", activity: str = "storage", head: str = "") -> str:
    lines = [
        line
        for line in CLAIM.replace('"storage"', f'"{activity}"').splitlines()
        if not (without and line.startswith(tuple(without.split())))
    ]
    return HEAD + head + "\n".join(lines) + "\n" + extra


class Reader:
    """Reads texts with one gazetteer."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self.gazetteer = gazetteer

    def claims(self, text: str) -> tuple[Claim, ...]:
        return parse_pack(text, path="x.toml", gazetteer=self.gazetteer).claims

    def claim(self, extra: str = "", **options: str) -> Claim:
        return self.claims(text_of(extra, **options))[0]

    def faults(self, text: str) -> tuple[Fault, ...]:
        with pytest.raises(ClaimError) as caught:
            self.claims(text)
        assert "\n" not in str(caught.value)
        assert all("\n" not in fault.what and fault.what.isprintable() for fault in caught.value.faults)
        return caught.value.faults

    def fault(self, extra: str = "", **options: str) -> Fault:
        found = self.faults(text_of(extra, **options))
        assert len(found) == 1, found
        return found[0]


@pytest.fixture
def read(gazetteer: Gazetteer) -> Reader:
    return Reader(gazetteer)


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
    found = read.faults(text_of(extra))
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


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("statement = 1", "must be text in quotes, not a whole number"),
        ("statement = ' '", "is empty"),
        ('allow = "IE"', "must be a list"),
        ("allow = [1]", "must be text in quotes"),
        ("allow = [false]", "not true or false"),
        ("effective = 2023-01-01", "must be a table, as in effective = { from"),
        ("effective = {}", "neither `from` nor `until`"),
        ("ports = [443.0]", "must be a whole number, not a number"),
        ("ports = [true]", "must be a whole number, not true or false"),
        ('ports = ["443"]', "must be a whole number, not text"),
        ("ports = [65536]", "0 to 65535"),
        ("ports = [-1]", "0 to 65535"),
        ("asns = [0]", "1 to 4294967295"),
        ("coverage = 0", "above 0 and at most 1"),
        ("coverage = 1.01", "above 0 and at most 1"),
        ("coverage = nan", "must be a finite number, not nan"),
        ("coverage = inf", "must be a finite number"),
        ("coverage = true", "must be a finite number, not true or false"),
        ('coverage = "0.9"', "must be a finite number, not text"),
    ],
)
def test_wrong_values(read: Reader, line: str, says: str) -> None:
    key = line.partition(" ")[0]
    fault = read.fault(line, without=key)
    assert fault.where.startswith(f"claim[0].{key}")
    assert says in fault.what


def test_limits_of_the_numbers_are_allowed(read: Reader) -> None:
    claim = read.claim("coverage = 1\nports = [0, 65535]\nasns = [1, 4294967295]")
    assert (claim.coverage, claim.ports, claim.asns) == (1.0, (0, 65535), (1, 4294967295))


# --- times


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("2023-01-01T00:00:00", "a local date-time; add the offset"),
        ("07:32:00", "a local time"),
        ("1672531200", "must be a date"),
        ('"2023-02-30"', "no date of the calendar"),
        ('"2023-01-01T00:00:00"', "a local date-time"),
        ('"January"', "is no date"),
        ("true", "must be a date"),
        ("0001-01-01T00:00:00+10:00", "out of range"),
    ],
)
def test_times_that_are_refused(read: Reader, value: str, says: str) -> None:
    fault = read.fault(f"effective = {{ from = {value} }}")
    assert fault.where == "claim[0].effective.from"
    assert says in fault.what


def test_dates_are_midnight_and_offsets_are_read(read: Reader) -> None:
    claim = read.claim("effective = { from = 2023-09-05, until = 2024-01-01T02:00:00+02:00 }")
    assert claim.effective.start == datetime(2023, 9, 5, tzinfo=UTC)
    assert claim.effective.end == datetime(2024, 1, 1, tzinfo=UTC)
    assert claim.effective.end not in claim.effective


@pytest.mark.parametrize("until", ["2023-09-05", "2023-01-01"])
def test_a_period_ends_after_it_starts(read: Reader, until: str) -> None:
    fault = read.fault(f"effective = {{ from = 2023-09-05, until = {until} }}")
    assert fault.where == "claim[0].effective"
    assert "must end after it starts" in fault.what


def test_days_have_no_time(read: Reader) -> None:
    url = '[[claim.source]]\nurl = "https://a.example"\npublished = '
    assert read.claim(url + "2023-01-01").sources[0].published == date(2023, 1, 1)
    assert "a date without a time" in read.fault(url + "2023-01-01T00:00:00Z").what
    assert read.fault(head="as_of = 1\n").where == "as_of"


# --- words


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('activity = "stroage"', "`stroage` is none of connection, processing"),
        ('modality = "strict"', "none of absolute, default, migrating"),
        ("modality = 1", "a whole number is none of absolute"),
    ],
)
def test_wrong_words_list_the_allowed_ones(read: Reader, line: str, says: str) -> None:
    assert says in read.fault(line, without=line.partition(" ")[0]).what


def test_words_of_tables(read: Reader) -> None:
    host = '[[claim.host]]\npattern = "y.example"\n'
    assert "none of data, storage" in read.fault(host + 'role = "store"').what
    assert "none of documented, observed, label" in read.fault(host + 'binding = "x"').what
    source = '[[claim.source]]\nurl = "https://a.example"\n'
    assert "none of first_party, regulator" in read.fault(source + 'kind = "blog"').what
    case = '[[claim.case]]\nname = "n"\ngiven = "g"\nbecause = "b"\nexpect = "passed"'
    assert "none of consistent, violated, inconclusive" in read.fault(case).what


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


# --- hosts


def test_short_and_long_form_together(read: Reader) -> None:
    claim = read.claim(
        '[[claim.host]]\npattern = "Y.Example."\nrole = "storage"\nbinding = "label"\nplaces = ["IE"]'
    )
    assert [str(rule.pattern) for rule in claim.hosts] == ["*.x.example", "y.example"]
    assert claim.hosts[1].role is Role.STORAGE
    assert claim.hosts[1].binding is Binding.LABEL


@pytest.mark.parametrize("pattern", ["*.x.example", "*.X.example."])
def test_a_pattern_twice(read: Reader, pattern: str) -> None:
    fault = read.fault(f'[[claim.host]]\npattern = "{pattern}"')
    assert (fault.where, fault.line) == ("claim[0].host[0].pattern", 9)
    assert "stands twice" in fault.what


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("*x.example", "`*` must be a whole first label"),
        ("a.*.example", "`*` must be a whole first label"),
        ("http://x.example", "a URL"),
        ("x.example:443", "a port"),
        ("u@x.example", "user information"),
        ("x.example/a", "a path"),
        ("1.2.3.4", "use [[claim.network]]"),
        ("::1", "use [[claim.network]]"),
        ("", "empty host name"),
        ("*.", "empty host name"),
        ("a..b", "empty label"),
        ("a" * 64 + ".example", "longer than 63"),
        (".".join(["a" * 60] * 5), "longer than 253"),
        ("xn--a-.example", "not a host name"),
        ("*.com", "public suffix"),
        ("com", "public suffix"),
        ("*.co.uk", "public suffix"),
        ("*.ck", "public suffix"),
        ("*.DE.", "public suffix"),
    ],
)
def test_patterns_that_are_refused(read: Reader, pattern: str, says: str) -> None:
    fault = read.fault(f'hosts = ["{pattern}"]', without="hosts")
    assert fault.where == "claim[0].hosts[0]"
    assert says in fault.what


def test_patterns_of_exceptions_are_checked_too(read: Reader) -> None:
    assert "public suffix" in read.fault('[[claim.exception]]\nid = "e"\nhosts = ["*.com"]').what


def test_international_names(read: Reader) -> None:
    claim = read.claim('hosts = ["*.faß.de", "tіktok.com"]', without="hosts")
    assert [str(rule.pattern) for rule in claim.hosts] == ["*.xn--fa-hia.de", "xn--tktok-n2e.com"]


# --- networks


@pytest.mark.parametrize(
    ("cidr", "says"),
    [
        ("5.1.2.3/16", "host bits set; the network is 5.1.0.0/16"),
        ("2a00:1::1/32", "host bits set; the network is 2a00:1::/32"),
        ("5.1.0.0/33", "is no network"),
        ("5.1.0.0/255.255.0.0", "is no network"),
        ("010.0.0.0/8", "is no network"),
        ("fe80::%eth0/64", "is no network"),
        ("x", "is no network"),
        ("", "is no network"),
    ],
)
def test_networks_that_are_refused(read: Reader, cidr: str, says: str) -> None:
    fault = read.fault(f'[[claim.network]]\ncidr = "{cidr}"')
    assert (fault.where, fault.line) == ("claim[0].network[0].cidr", 9)
    assert says in fault.what


def test_networks_have_role_places_and_dates(read: Reader) -> None:
    (network,) = read.claim(
        '[[claim.network]]\ncidr = "5.1.0.0/16"\nrole = "storage"\nplaces = ["IE"]\n\n'
        "effective = { from = 2023-01-01 }"
    ).networks
    assert str(network.cidr) == "5.1.0.0/16"
    assert network.role is Role.STORAGE
    assert network.effective.start == datetime(2023, 1, 1, tzinfo=UTC)


def networks(*cidrs: str) -> str:
    return "".join(f'[[claim.network]]\ncidr = "{cidr}"\n' for cidr in cidrs)


@pytest.mark.parametrize(
    ("cidrs", "refused", "warned"),
    [
        (["5.0.0.0/11"], False, False),
        (["5.0.0.0/9"], False, True),
        (["5.0.0.0/10", "5.64.0.0/10"], False, True),
        (["5.0.0.0/9", "5.0.0.0/10", "5.0.0.0/11"], False, True),
        (["4.0.0.0/6"], True, False),
        (["4.0.0.0/8", "5.0.0.0/8", "6.0.0.0/8"], True, False),
        (["0.0.0.0/0"], True, False),
        (["::/0"], True, False),
        (["2a00::/12"], False, True),
        (["2a00::/9"], True, False),
        (["2a00::/16"], False, False),
    ],
)
def test_share_of_the_address_space(
    read: Reader, gazetteer: Gazetteer, cidrs: list[str], refused: bool, warned: bool
) -> None:
    if refused:
        fault = read.fault(networks(*cidrs))
        assert fault.where == "claim[0].network"
        assert "limit 1 %" in fault.what
    else:
        pack = parse_pack(text_of(networks(*cidrs)), path="x", gazetteer=gazetteer)
        assert bool(pack.warnings) is warned


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
