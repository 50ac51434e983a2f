"""What `resolve` must make of the answers of honest servers: NSD, Knot and Unbound on loopback."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from tests.resolve.hostile import Hostile
from tests.resolve.servers import zones
from tests.resolve.servers.kit import Servers
from tests.resolve.servers.processes import LOOPBACK

from residency import locate
from residency.errors import InputError
from residency.model.resolution import Dnssec, Lookup, LookupOutcome
from residency.resolve import aresolve, resolve

DEADLINE_S = 10.0


def one(server: str, label: str, *, zone: str = zones.ZONE, types: tuple[str, ...] = ("A", "AAAA")) -> Lookup:
    """Look up one name at one server."""
    (lookup,) = resolve(f"{label}.{zone}", servers=[server], types=types, deadline_s=DEADLINE_S)
    return lookup


def without_times_taken(lookup: Lookup) -> Lookup:
    """Return a lookup without how long its replies took, which recordings round."""
    return replace(lookup, replies=tuple(replace(reply, took_ms=0.0) for reply in lookup.replies))


# Aliases


@pytest.mark.parametrize("label", ["loop-a", "self", "longer-0"])
def test_aliases_without_end_are_a_loop_found_by_one_question(servers: Servers, label: str) -> None:
    lookup = one(servers.authority, label)
    assert lookup.outcome is LookupOutcome.CNAME_LOOP
    assert lookup.endpoints == ()
    assert lookup.chain
    assert len(lookup.replies) == 1


def test_a_long_chain_is_kept_whole_and_in_order(servers: Servers) -> None:
    lookup = one(servers.authority, "long-0", types=("A",))
    names = [f"long-{number}.{zones.ZONE}" for number in range(zones.LONG_CHAIN + 1)]
    assert [(alias.owner, alias.target) for alias in lookup.chain] == list(pairwise(names))
    assert lookup.outcome is LookupOutcome.ANSWER
    assert lookup.endpoints == (zones.DUBLIN,)


def test_a_chain_that_leaves_the_server_is_kept_and_has_no_address(servers: Servers) -> None:
    lookup = one(servers.authority, "away", types=("A",))
    assert [alias.target for alias in lookup.chain] == [f"dublin.{zones.FOREIGN}"]
    assert lookup.outcome is LookupOutcome.NODATA
    assert lookup.endpoints == ()


def test_a_chain_to_a_name_that_does_not_exist_is_kept(servers: Servers) -> None:
    lookup = one(servers.authority, "dangling")
    assert lookup.outcome is LookupOutcome.NXDOMAIN
    assert [alias.target for alias in lookup.chain] == [f"nowhere.{zones.ZONE}"]


def test_a_name_in_a_part_of_the_tree_that_moved_has_the_alias_that_was_made_for_it(servers: Servers) -> None:
    lookup = one(servers.authority, "x.moved", types=("A",))
    assert [(alias.owner, alias.target) for alias in lookup.chain] == [
        (f"x.moved.{zones.ZONE}", f"x.wild.{zones.ZONE}")
    ]
    assert lookup.endpoints == (zones.FRANKFURT,)


# Outcomes


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        (f"dublin.{zones.ZONE}", LookupOutcome.ANSWER),
        (f"words.{zones.ZONE}", LookupOutcome.NODATA),
        (f"nothing.{zones.ZONE}", LookupOutcome.NXDOMAIN),
        (f"www.{zones.BROKEN}", LookupOutcome.SERVFAIL),
        (f"www.{zones.FOREIGN}", LookupOutcome.REFUSED),
        (f"lame.{zones.ZONE}", LookupOutcome.LAME),
    ],
)
def test_each_way_of_failing_is_an_outcome_of_its_own(servers: Servers, name: str, outcome: LookupOutcome) -> None:
    (lookup,) = resolve(name, servers=[servers.authority], deadline_s=DEADLINE_S)
    assert lookup.outcome is outcome
    assert bool(lookup.endpoints) is (outcome is LookupOutcome.ANSWER)


def test_a_port_where_nobody_listens_is_a_timeout_that_says_so(servers: Servers) -> None:
    (lookup,) = resolve(f"dublin.{zones.ZONE}", servers=[servers.nobody], deadline_s=DEADLINE_S)
    assert lookup.outcome is LookupOutcome.TIMEOUT
    assert lookup.detail


def test_one_family_of_addresses_is_an_answer(servers: Servers) -> None:
    assert one(servers.authority, "four").endpoints == (zones.DUBLIN,)
    assert one(servers.authority, "six").endpoints == (zones.DUBLIN_6,)
    assert one(servers.authority, "x.wild").endpoints == (zones.FRANKFURT,)


def test_four_thousand_addresses_come_over_tcp_within_a_second(servers: Servers) -> None:
    (lookup,) = resolve(f"many.{zones.ZONE}", servers=[servers.authority], types=("A",), deadline_s=1.0)
    assert lookup.outcome is LookupOutcome.ANSWER
    assert len(set(lookup.endpoints)) == zones.MANY
    assert lookup.replies[0].transport == "tcp"


@pytest.mark.parametrize("label", ["loopback", "metadata", "nat64", "mapped", "inside", "mixed"])
def test_an_address_that_is_not_public_is_never_an_endpoint(servers: Servers, label: str) -> None:
    lookup = one(servers.authority, label)
    assert lookup.outcome is LookupOutcome.NON_PUBLIC_ANSWER
    assert lookup.addresses  # shown,
    assert lookup.endpoints == ()  # and not used
    assert lookup.detail


# Records


def test_https_records_have_hints_and_say_whether_hello_is_encrypted(servers: Servers) -> None:
    (binding,) = one(servers.authority, "secure", types=("HTTPS",)).bindings
    assert (binding.priority, binding.target, binding.alpn) == (1, ".", ("h3", "h2"))
    assert binding.hints == (zones.DUBLIN, zones.DUBLIN_6)
    assert binding.has_ech


def test_an_https_record_may_point_elsewhere(servers: Servers) -> None:
    (binding,) = one(servers.authority, "front", types=("HTTPS",)).bindings
    assert (binding.priority, binding.target, binding.has_ech) == (0, f"secure.{zones.ZONE}", False)


def test_service_records_have_a_port(servers: Servers) -> None:
    (binding,) = one(servers.authority, "_service", types=("SVCB",)).bindings
    assert (binding.target, binding.port, binding.alpn) == (f"dublin.{zones.ZONE}", 8443, ("h2",))


def test_hints_are_no_addresses_of_the_name(servers: Servers) -> None:
    lookup = one(servers.authority, "secure", types=("A", "AAAA", "HTTPS"))
    assert lookup.endpoints == (zones.DUBLIN,)


def test_an_address_is_asked_for_its_names(servers: Servers) -> None:
    (lookup,) = resolve(zones.DUBLIN, servers=[servers.authority], deadline_s=DEADLINE_S)
    assert lookup.names == (f"dublin.{zones.ZONE}",)
    assert lookup.endpoints == ()


# Vantages and rounds


def test_answers_by_client_subnet_stand_beside_each_other(servers: Servers) -> None:
    subnets = {"gb": "81.2.69.0/24", "de": "2.125.160.0/24", "jp": "2001:218::/32"}
    vantages = [f"{name}={servers.by_subnet},{subnet}" for name, subnet in subnets.items()]
    found = resolve(f"geo.{zones.SUBNETS}", vantages=vantages, types=["A"], deadline_s=DEADLINE_S)
    assert {lookup.vantage: lookup.endpoints for lookup in found} == {
        "gb": (zones.DUBLIN,),
        "de": (zones.FRANKFURT,),
        "jp": (zones.VIRGINIA,),
    }
    assert {lookup.vantage: lookup.subnet for lookup in found} == subnets
    assert {lookup.replies[0].scope for lookup in found} == set(subnets.values())
    assert found.split == (f"geo.{zones.SUBNETS}",)
    assert found.flux == ()


def test_answers_that_rotate_are_flux_with_all_addresses_and_their_times(servers: Servers) -> None:
    found = resolve(
        f"rotating.{zones.SUBNETS}", servers=[servers.by_subnet], types=["A"], rounds=20, deadline_s=DEADLINE_S
    )
    assert len(found) == 20
    assert found.flux == (f"rotating.{zones.SUBNETS}",)
    (history,) = found.histories
    answered = {address for lookup in found for address in lookup.endpoints}
    assert {sighting.address for sighting in history.sightings} == answered <= set(zones.ROTATING)
    assert sum(sighting.rounds for sighting in history.sightings) == 20
    assert all(sighting.first_seen <= sighting.last_seen for sighting in history.sightings)
    assert history.has_ttl_zero


def test_an_order_that_rotates_is_no_flux(servers: Servers) -> None:
    found = resolve(f"pair.{zones.ZONE}", servers=[servers.authority], types=["A"], rounds=8, deadline_s=DEADLINE_S)
    assert {lookup.endpoints for lookup in found} == {
        (zones.DUBLIN, zones.FRANKFURT),
        (zones.FRANKFURT, zones.DUBLIN),
    }
    assert found.flux == ()


# Signatures


def test_what_the_resolver_validated_is_so_by_its_word(servers: Servers) -> None:
    assert one(servers.resolver, "www", zone=zones.SIGNED).dnssec is Dnssec.RESOLVER
    assert one(servers.resolver, "dublin").dnssec is Dnssec.NONE
    assert one(servers.authority, "www", zone=zones.SIGNED).dnssec is Dnssec.NONE


def test_what_the_resolver_finds_forged_is_a_failure(servers: Servers) -> None:
    assert one(servers.resolver, "www", zone=zones.BOGUS).outcome is LookupOutcome.SERVFAIL


# Transports


@pytest.mark.parametrize("transport", ["resolver", "tls", "https", "quic"])
def test_every_transport_gives_the_same_answer(servers: Servers, transport: str) -> None:
    found = resolve(
        [f"dublin.{zones.ZONE}", f"nothing.{zones.ZONE}", f"many.{zones.ZONE}"],
        servers=[getattr(servers, transport)],
        ca_file=servers.certificates.authority,
        deadline_s=DEADLINE_S,
    )
    assert [lookup.outcome for lookup in found] == [
        LookupOutcome.ANSWER,
        LookupOutcome.NXDOMAIN,
        LookupOutcome.ANSWER,
    ]
    assert found[0].endpoints == (zones.DUBLIN, zones.DUBLIN_6)
    assert len(found[2].endpoints) == zones.MANY


@pytest.mark.parametrize("transport", ["tls", "https", "quic"])
def test_a_server_whose_certificate_is_not_trusted_answers_nothing(servers: Servers, transport: str) -> None:
    (lookup,) = resolve(f"dublin.{zones.ZONE}", servers=[getattr(servers, transport)], deadline_s=DEADLINE_S)
    assert lookup.outcome is LookupOutcome.TIMEOUT
    assert lookup.addresses == ()
    assert lookup.detail


@pytest.mark.parametrize("transport", ["tls", "https", "quic"])
def test_a_certificate_of_another_name_is_refused(servers: Servers, transport: str) -> None:
    server: str = getattr(servers, transport)
    (lookup,) = resolve(
        f"dublin.{zones.ZONE}",
        servers=[server.replace("dns.lab.example@", "other.lab.example@")],
        ca_file=servers.certificates.authority,
        deadline_s=DEADLINE_S,
    )
    assert lookup.outcome is LookupOutcome.TIMEOUT
    assert lookup.addresses == ()


def test_the_twin_for_an_event_loop_gives_the_same(servers: Servers) -> None:
    name = f"dublin.{zones.ZONE}"
    found = asyncio.run(aresolve(name, servers=[servers.authority], deadline_s=DEADLINE_S))
    assert found[0].endpoints == resolve(name, servers=[servers.authority], deadline_s=DEADLINE_S)[0].endpoints


def test_a_running_event_loop_does_not_stop_the_plain_function(servers: Servers) -> None:
    async def notebook() -> Lookup:
        return one(servers.authority, "dublin")

    assert asyncio.run(notebook()).endpoints == (zones.DUBLIN, zones.DUBLIN_6)


# Recordings


def test_a_recording_answers_again_without_the_network(
    servers: Servers, hostile: Hostile, tmp_path: Path, packets: list[str]
) -> None:
    names = [f"{label}.{zones.ZONE}" for label in ("dublin", "long-0", "loop-a", "secure", "many", "metadata", "x y")]
    file = tmp_path / "answers"
    asked = [servers.authority, servers.nobody, hostile.address]
    found = resolve(names, servers=asked, deadline_s=DEADLINE_S, record=file)
    assert packets
    packets.clear()
    again = resolve(replay=file)
    assert packets == []
    assert [without_times_taken(lookup) for lookup in again] == [without_times_taken(lookup) for lookup in found]
    assert {lookup.vantage for lookup in again} == {vantage.name for vantage in found.vantages}


@pytest.mark.parametrize("part", [0.3, 0.6, 0.99])
def test_a_recording_that_was_cut_or_changed_is_refused(servers: Servers, tmp_path: Path, part: float) -> None:
    file = tmp_path / "answers"
    resolve(f"dublin.{zones.ZONE}", servers=[servers.authority], deadline_s=DEADLINE_S, record=file)
    whole = file.read_bytes()
    at = int(len(whole) * part)
    file.write_bytes(whole[:at])
    with pytest.raises(InputError):
        resolve(replay=file)
    file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(InputError):
        resolve(replay=file)


def test_names_become_places_without_conversion(servers: Servers) -> None:
    name = f"long-0.{zones.ZONE}"
    found = resolve(name, servers=[servers.authority], deadline_s=DEADLINE_S)
    by_name = locate(name, servers=[servers.authority], within="EEA")
    by_address = locate([address for _, address in found.endpoints], within="EEA")
    assert [at.countries for at in by_name] == [at.countries for at in by_address] == [("IE",)]
    assert [at.host for at in by_name] == [name]


def test_nothing_is_connected_to_but_the_server_stated(servers: Servers, packets: list[str]) -> None:
    one(servers.authority, "metadata")
    one(servers.authority, "dublin")
    assert set(packets) == {LOOPBACK}
