"""Signatures checked here, against anchors, through a resolver and at the authority itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.resolve.servers import zones
from tests.resolve.servers.kit import Servers

from residency.errors import UsageError
from residency.model.resolution import Dnssec, LookupOutcome
from residency.resolve import resolve


@pytest.fixture
def anchors(servers: Servers, tmp_path: Path) -> Path:
    """A file of the DS records of the signed zones."""
    path = tmp_path / "anchors"
    path.write_text("\n".join(servers.anchors) + "\n")
    return path


@pytest.mark.parametrize("label", ["www", "alias", "any.wild"])
@pytest.mark.parametrize("through", ["authority", "resolver"])
def test_a_signed_answer_is_validated(servers: Servers, anchors: Path, label: str, through: str) -> None:
    server = getattr(servers, through)
    (found,) = resolve(f"{label}.{zones.SIGNED}", servers=[server], types=["A"], anchors=anchors)
    assert (found.outcome, found.dnssec) == (LookupOutcome.ANSWER, Dnssec.VALIDATED)


@pytest.mark.parametrize("through", ["authority", "resolver"])
def test_a_changed_answer_is_bogus_and_never_an_endpoint(servers: Servers, anchors: Path, through: str) -> None:
    server = getattr(servers, through)
    (found,) = resolve(f"www.{zones.BOGUS}", servers=[server], types=["A"], anchors=anchors)
    assert (found.outcome, found.replies[0].dnssec) == (LookupOutcome.SERVFAIL, Dnssec.BOGUS)
    assert found.endpoints == ()
    assert "do not hold" in found.detail


def test_another_key_than_the_anchor_s_is_bogus(servers: Servers, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text(next(a for a in servers.anchors if zones.BOGUS in a).replace(zones.BOGUS, zones.SIGNED))
    (found,) = resolve(f"www.{zones.SIGNED}", servers=[servers.authority], types=["A"], anchors=wrong)
    assert found.replies[0].dnssec is Dnssec.BOGUS


def test_what_has_no_signature_is_not_validated(servers: Servers, anchors: Path) -> None:
    (found,) = resolve(f"dublin.{zones.ZONE}", servers=[servers.authority], types=["A"], anchors=anchors)
    assert (found.outcome, found.dnssec) == (LookupOutcome.ANSWER, Dnssec.NONE)


def test_a_recording_keeps_what_was_validated(servers: Servers, anchors: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    names = [f"www.{zones.SIGNED}", f"www.{zones.BOGUS}"]
    found = resolve(names, servers=[servers.authority], types=["A"], anchors=anchors, record=kept)
    again = resolve((), replay=kept)
    assert [(i.outcome, i.replies[0].dnssec) for i in again] == [(i.outcome, i.replies[0].dnssec) for i in found]


@pytest.mark.parametrize("text", ["", "example. IN A 192.0.2.1\n", "no record at all\n"])
def test_a_file_without_anchors_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "anchors"
    path.write_text(text)
    with pytest.raises(UsageError, match="DS or DNSKEY"):
        resolve((), anchors=path)
