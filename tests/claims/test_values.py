"""What one value of a claim file may be (DESIGN section 7.1): numbers, times, words, host patterns, networks."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Protocol

import pytest

from residency.errors import Fault
from residency.model.claim import Binding, Claim, Role


class Reader(Protocol):
    """What the fixture `read` does (see conftest.py)."""

    def claims(self, text: str) -> tuple[Claim, ...]: ...
    def claim(self, extra: str = "", **options: str) -> Claim: ...
    def faults(self, text: str) -> tuple[Fault, ...]: ...
    def warnings(self, extra: str = "", **options: str) -> tuple[str, ...]: ...
    def fault(self, extra: str = "", **options: str) -> Fault: ...


# --- numbers, texts, lists


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


# --- hosts


def test_short_and_long_form_together(read: Reader) -> None:
    claim = read.claim('[[claim.host]]\npattern = "Y.Example."\nrole = "storage"\nbinding = "label"\nplaces = ["IE"]')
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
        '[[claim.network]]\ncidr = "5.1.0.0/16"\nrole = "storage"\nplaces = ["IE"]\n\neffective = { from = 2023-01-01 }'
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
def test_share_of_the_address_space(read: Reader, cidrs: list[str], refused: bool, warned: bool) -> None:
    if refused:
        fault = read.fault(networks(*cidrs))
        assert fault.where == "claim[0].network"
        assert "limit 1 %" in fault.what
    else:
        assert bool(read.warnings(networks(*cidrs))) is warned
