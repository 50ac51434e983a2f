"""Anycast services, fronts and relays: they void what others say of a place, and name none themselves."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from residency.errors import LimitError, SourceError
from residency.evaluate.locate import place_in, weigh
from residency.model.evidence import Kind, Statement
from residency.model.network import Addresses, parse_address
from residency.model.period import midnight
from residency.model.place import Gazetteer, Place
from residency.model.verdict import Where
from residency.shipped import manifest
from residency.sources.anycast import NetworkList, anycast_file, published_anycast, relay_file
from residency.sources.embedded import origin_networks

DAY = date(2026, 6, 1)


def ask(source: NetworkList, *texts: str) -> list[Statement | None]:
    answer = source.answer(Addresses([parse_address(text) for text in texts]), [DAY] * len(texts))
    return [None if code < 0 else answer.statements[code] for code in answer.codes.tolist()]


@pytest.mark.parametrize(
    ("ip", "service", "is_anycast"),
    [
        ("1.1.1.1", "1.1.1.1 public resolver", True),
        ("8.8.8.8", "Google Public DNS", True),
        ("2001:4860:4860::8888", "Google Public DNS", True),
        ("9.9.9.9", "Quad9", True),
        ("193.0.14.129", "k.root-servers.net", True),
        ("2001:7fd::1", "k.root-servers.net", True),
        ("151.101.1.1", "Fastly edge", False),
        ("142.250.1.1", "Google front end", False),
        ("2a00:1450:4001::1", "Google front end", False),
        ("::ffff:9.9.9.9", "Quad9", True),
    ],
)
def test_published_services_are_known(ip: str, service: str, is_anycast: bool) -> None:
    (said,) = ask(published_anycast(), ip)
    assert said is not None
    assert service in said.says
    assert (said.kind, said.anycast, said.network, said.places) == (Kind.NETWORK, is_anycast, "cdn", frozenset())
    assert said.source == published_anycast().snapshot.id == "anycast"


def test_neighbours_and_private_addresses_get_no_answer() -> None:
    assert ask(published_anycast(), "1.1.2.1", "193.0.14.130", "10.0.0.1", "193.190.198.27") == [None] * 4
    assert ask(published_anycast()) == []


def test_every_shipped_row_is_read_and_found_again() -> None:
    rows = published_anycast()._rows
    assert len(rows) == manifest()["anycast"].rows > 80
    assert len({prefix for prefix, _ in rows}) == len(rows)


def test_an_anycast_service_has_no_place_whatever_a_database_says(gazetteer: Gazetteer) -> None:
    database = Statement(kind=Kind.DATABASE, source="d", author="d", says="US", places=frozenset({Place("US")}))
    (said,) = ask(published_anycast(), "9.9.9.9")
    assert said is not None
    weighed = weigh([database, said], parse_address("9.9.9.9"), first=DAY, last=DAY)
    assert weighed.anycast
    assert place_in(weighed, gazetteer.area(["EEA"], midnight(DAY))).where is Where.UNKNOWN


def test_a_front_goes_before_the_kind_of_its_network_in_any_order() -> None:
    """Google's network is a cloud; its front ends are fronts."""
    (front,) = ask(published_anycast(), "142.250.1.1")
    answer = origin_networks(4).answer(Addresses([parse_address("142.250.1.1")]), [DAY])
    origin = [answer.statements[code] for code in answer.codes.tolist() if code >= 0]
    assert front is not None
    assert [said.network for said in origin] == ["cloud"]
    for order in ([*origin, front], [front, *origin]):
        weighed = weigh(order, parse_address("142.250.1.1"), first=DAY, last=DAY)
        assert (weighed.network, weighed.anycast) == ("cdn", False)


def test_a_list_of_the_users_own(tmp_path: Path) -> None:
    path = tmp_path / "anycast.csv"
    path.write_text(
        "# ours\n192.5.6.0/24, edge of Acme\n2001:503:a83e::/48\n\n198.41.0.4 # one address\n192.5.6.128/25,inner\n"
    )
    source = anycast_file(path)
    found = ask(source, "192.5.6.1", "192.5.6.200", "2001:503:a83e::1", "198.41.0.4", "192.5.7.1")
    assert [said.says if said else None for said in found] == [
        "edge of Acme anycast",
        "inner anycast",
        "anycast",
        "anycast",
        None,
    ]
    assert all(said is None or (said.anycast and not said.places) for said in found)
    assert source.faults == ()
    assert source.notes == ()
    assert source.snapshot.id.startswith("anycast-")


def test_malformed_lines_are_named_and_left_out(tmp_path: Path) -> None:
    path = tmp_path / "anycast.txt"
    path.write_text("192.5.6.0/24\n192.5.6.1/24\nnonsense\n10.0.0.0/8\n198.41.0.4\n192.5.7.0/24\n199.7.83.0/24\n")
    source = anycast_file(path)
    assert [(fault.line, fault.where) for fault in source.faults] == [(2, "line 2"), (3, "line 3"), (4, "line 4")]
    assert "3 malformed lines" in source.notes[0]


@pytest.mark.parametrize("text", ["", "# nothing\n", "a\nb\n192.5.6.0/24\n", "<html>\n", "0.0.0.0/0\n", "::/0"])
def test_what_is_no_list_is_one_typed_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "list.txt"
    path.write_text(text)
    with pytest.raises(SourceError, match=r"list\.txt"):
        anycast_file(path)
    path.write_bytes(b"\xff\xfe1\x00")
    with pytest.raises(SourceError, match="UTF-8"):
        anycast_file(path)
    with pytest.raises(SourceError, match="cannot be read"):
        anycast_file(tmp_path / "none")


def test_a_list_that_covers_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wide.txt"
    path.write_text("3.0.0.0/8\n4.0.0.0/8\n5.0.0.0/8\n")
    with pytest.raises(LimitError, match=r"1\.2%"):
        anycast_file(path)
    path.write_text("3.0.0.0/9\n3.0.0.0/9\n")
    assert "0.20%" in anycast_file(path).notes[0]


def test_a_relay_names_no_place_of_the_server(tmp_path: Path) -> None:
    path = tmp_path / "egress-ip-ranges.csv"
    path.write_text("172.224.226.0/31,GB,GB-EN,London,\n2606:54c0::/45,US,US-WA,Seattle,\nbad\n104.28.0.0/31,DE,,,\n")
    source = relay_file(path)
    found = ask(source, "172.224.226.1", "2606:54c0::1", "104.28.0.0", "172.224.227.1")
    assert [said.says if said else None for said in found] == [
        "private relay, listed for clients in London, GB",
        "private relay, listed for clients in Seattle, US",
        "private relay, listed for clients in DE",
        None,
    ]
    for said in found[:3]:
        assert said is not None
        assert (said.network, said.anycast, said.places) == ("cdn", False, frozenset())
    assert [fault.line for fault in source.faults] == [3]
