"""The project's own gazetteer and a reader of small claim files, for tests of the border."""

from __future__ import annotations

import pytest

from residency.claims import parse_pack
from residency.errors import ClaimError, Fault
from residency.model.claim import Claim
from residency.model.place import Gazetteer
from residency.sources.gazetteer import shipped_gazetteer

HEAD = 'schema = "residency/1"\n'
CLAIM = '[[claim]]\nid = "a"\nstatement = "S."\nactivity = "storage"\nallow = ["IE"]\nhosts = ["*.x.example"]\n'


def text_of(extra: str = "", *, without: str = "", activity: str = "storage", head: str = "") -> str:
    lines = [
        line
        for line in CLAIM.replace('"storage"', f'"{activity}"').splitlines()
        if not (without and line.startswith(tuple(without.split())))
    ]
    return HEAD + head + "\n".join(lines) + "\n" + extra


class ClaimReader:
    """Reads claim files, or the smallest claim with lines added (`extra`) or left out (`without`)."""

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

    def warnings(self, extra: str = "", **options: str) -> tuple[str, ...]:
        return parse_pack(text_of(extra, **options), path="x.toml", gazetteer=self.gazetteer).warnings


@pytest.fixture(scope="session")
def gazetteer() -> Gazetteer:
    """The gazetteer of the shipped tables."""
    return shipped_gazetteer()


@pytest.fixture
def read(gazetteer: Gazetteer) -> ClaimReader:
    """Read small claim files with the project's gazetteer."""
    return ClaimReader(gazetteer)
