"""What servers say ends in what `residency resolve` and `locate` print: it must be shown there, and never obeyed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

import pytest
from tests.resolve import ways
from tests.resolve.hostile import Hostile

from residency.cli import main

FORBIDDEN = ("\x1b", "\x07", "\u202e", "\r")


def said(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """Run the command and return all that it printed; one line at most of it on stderr."""
    assert main(args) in (0, 2, 3)
    out, err = capsys.readouterr()
    assert err.count("\n") <= 1
    return out + err


def commands(hostile: Hostile, way: str, *types: str) -> Sequence[tuple[str, ...]]:
    name = f"www.{way}.{ways.ZONE}"
    asking = [part for type_ in types for part in ("--type", type_)]
    forms = ("text", "json", "csv")
    return [
        ("resolve", name, "--server", hostile.address, *asking, "--quiet", "--deadline", "5", "--format", form)
        for form in forms
    ]


@pytest.mark.parametrize("form", range(3))
@pytest.mark.parametrize(("way", "types"), [("shouts", ["A"]), ("shouts-in-records", ["A", "HTTPS", "PTR"])])
def test_nothing_that_would_be_obeyed_is_printed(
    hostile: Hostile, capsys: pytest.CaptureFixture[str], way: str, types: list[str], form: int
) -> None:
    text = said(capsys, *commands(hostile, way, *types)[form])
    assert "1+1" in text  # it is shown
    assert not [character for character in FORBIDDEN if character in text.replace("\r\n", "\n")]


def test_no_cell_of_the_csv_is_a_formula(hostile: Hostile, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, *commands(hostile, "shouts-in-records", "A", "HTTPS", "PTR")[2])
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def test_json_keeps_the_text_as_it_came(hostile: Hostile, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(said(capsys, *commands(hostile, "shouts-in-records", "HTTPS")[1]))
    (protocols,) = [b["alpn"] for reply in document["lookups"][0]["replies"] for b in reply["bindings"]]
    assert protocols[0].startswith("=1+1")
    assert protocols[0].endswith("<b>\r\n")


@pytest.mark.parametrize("way", ["shouts", "shouts-in-records"])
def test_locate_prints_nothing_that_would_be_obeyed(
    hostile: Hostile, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    text = said(capsys, "locate", f"www.{way}.{ways.ZONE}", "--server", hostile.address)
    assert not [character for character in FORBIDDEN if character in text]
