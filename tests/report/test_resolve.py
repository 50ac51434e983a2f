"""Resolved names as text, JSON and CSV: nothing observed is obeyed by the medium, nothing of the wire is lost."""

from __future__ import annotations

import base64
import csv
import io
import json
from datetime import timedelta

import pytest
from rich.cells import cell_len
from tests.resolve.answers import AT, POINTER, address, lookup, message, resolution
from tests.traffic.capture import messages

from residency.report import as_json, as_resolve
from residency.resolve.vantages import parse_vantage

NAME = "www.example.com"
HERE, THERE = parse_vantage("here=127.0.0.1"), parse_vantage("there=127.0.0.2,185.2.100.0/24")
WIRE = message(NAME, "A", address("63.34.222.109"))
OTHER = message(NAME, "A", address("3.120.0.10", ttl_s=0))
FOUND = resolution(
    lookup(NAME, WIRE, vantage=HERE),
    lookup(NAME, OTHER, vantage=HERE, at=AT + timedelta(seconds=5), round_=2),
    lookup(NAME, WIRE, vantage=THERE),
    vantages=(HERE, THERE),
)


def test_the_document_keeps_what_came(tmp_path: object) -> None:
    doc = json.loads(as_json.dumps(as_resolve.document(FOUND)))
    assert doc["schema"] == "residency-resolve/1"
    assert [item["outcome"] for item in doc["lookups"]] == ["answer"] * 3
    assert base64.b64decode(doc["lookups"][0]["replies"][0]["wire"]) == WIRE
    assert (doc["flux"], doc["split"]) == ([NAME], [NAME])
    here = doc["histories"][0]
    assert [(s["address"], s["rounds"], s["min_ttl_s"]) for s in here["sightings"]] == [
        ("63.34.222.109", 1, 60),
        ("3.120.0.10", 1, 0),
    ]
    assert here["sightings"][1]["first_seen"] == "2026-06-01T10:00:05+00:00"


def test_the_text_says_that_no_answer_is_the_place() -> None:
    text = as_resolve.render(as_resolve.document(FOUND), width=120)
    assert "from here changes from round to round" in text
    assert "none of them is the place of the name" in text
    assert "there (185.2.100.0/24)" in text


@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_name_from_a_server_obeys_nobody(width: int) -> None:
    target = b"\x0b=cmd|\x1b]0;x\x07" + b"\x03a.b\0"
    wire = message(NAME, "A", messages.record(POINTER, messages.CNAME, target), address("63.34.222.109", target))
    found = resolution(lookup(NAME, wire))
    lines = as_resolve.render(as_resolve.document(found), width=width).split("\n")
    assert all(line.isprintable() and cell_len(line) <= width for line in lines)
    (row,) = csv.DictReader(io.StringIO(as_resolve.to_csv(found)))
    assert all(value.isprintable() and not value.startswith(("=", "+", "-", "@")) for value in row.values())


def test_a_table_has_a_row_an_answer_and_one_for_none() -> None:
    absent = lookup("no.example.com", message("no.example.com", "A", flags=0x8183))
    rows = list(
        csv.DictReader(
            io.StringIO(
                as_resolve.to_csv(resolution(*FOUND[:2], absent, vantages=(HERE, THERE, *resolution().vantages)))
            )
        )
    )
    assert [(row["name"], row["outcome"], row["answer"], row["ttl_s"]) for row in rows] == [
        (NAME, "answer", "63.34.222.109", "60"),
        (NAME, "answer", "3.120.0.10", "0"),
        ("no.example.com", "nxdomain", "", ""),
    ]
