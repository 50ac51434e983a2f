"""`residency locate`: forms, lists of targets, exit codes, and what is no address."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from residency.cli import main

DUBLIN, VIRGINIA = "63.34.222.109", "3.92.0.1"  # Amazon lists them in eu-west-1 and us-east-1
AS_OF = ("--as-of", "2026-10-26")
KEYS = {
    *("target", "server_ip", "host", "address_class", "anycast", "countries", "sites", "excluded", "place"),
    *("assurance", "verdict", "evidence"),
}


def document(capsys: pytest.CaptureFixture[str], *args: str) -> dict[str, Any]:
    main(["locate", *args, "--format", "json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize(
    ("targets", "code"),
    [((DUBLIN,), 0), ((DUBLIN, VIRGINIA), 1), ((DUBLIN, "10.0.0.1"), 3), (("8.8.8.8",), 3)],
)
def test_the_exit_code_is_that_of_an_audit(
    targets: tuple[str, ...], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["locate", *targets, "--within", "EEA", *AS_OF]) == code
    assert main(["locate", *targets, *AS_OF]) == 0  # nothing was asked that could fail
    assert capsys.readouterr().err == ""


def test_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, DUBLIN, "::ffff:8.8.8.8", "--within", "EU", *AS_OF)
    assert found["schema"] == "residency-locate/1"
    assert found["as_of"] == "2026-10-26"
    dublin, resolver = found["targets"]
    assert set(dublin) >= KEYS
    assert (dublin["countries"], dublin["sites"]) == (["IE"], ["provider:aws/eu-west-1"])
    assert (dublin["place"], dublin["assurance"], dublin["verdict"]) == ("inside", "declared", "consistent")
    assert (resolver["server_ip"], resolver["anycast"], resolver["countries"]) == ("8.8.8.8", "listed", [])
    assert {s["id"] for s in found["snapshots"]} >= {e["source"] for e in dublin["evidence"]}


def test_without_an_area_nothing_is_judged(capsys: pytest.CaptureFixture[str]) -> None:
    (target,) = document(capsys, DUBLIN, *AS_OF)["targets"]
    assert (target["place"], target["verdict"], target["assurance"]) == (None, None, "declared")


def test_the_same_question_has_the_same_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for _ in range(2):
        main(["locate", DUBLIN, VIRGINIA, "--within", "EEA", "--format", "json", *AS_OF])
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("010.0.0.1", "octal"),
        ("2130706433", "integer forms"),
        ("acme.example:443", "a port after a host name"),
        ("", "not an IP address"),
    ],
)
def test_what_is_no_address_is_refused_in_one_line(target: str, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["locate", target, *AS_OF]) == 2
    said = capsys.readouterr().err
    assert said.startswith("residency: error: ")
    assert said.count("\n") == 1
    assert why in said


def test_a_list_is_located_and_its_bad_lines_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "servers.txt"
    file.write_text(f"# servers\n{DUBLIN}  # first\n\n\x1b[31mno\n{VIRGINIA}\n", encoding="utf-8")
    assert main(["locate", "--file", str(file), "--format", "json", *AS_OF]) == 2
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert [t["target"] for t in found["targets"]] == [DUBLIN, VIRGINIA]
    assert [r["line"] for r in found["refused"]] == [4]
    assert err.count("\n") == 1
    assert f"{file}:4: " in err
    assert "\x1b" not in out + err


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{DUBLIN}\n{VIRGINIA}\n"))
    assert main(["locate", "-", "--within", "EEA", *AS_OF]) == 1
    assert "violated" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ((), "no target"),
        ((DUBLIN, "--within", "Europe"), "EEA"),
        ((DUBLIN, "--format", "pdf"), "json, text"),
        ((DUBLIN, "--as-of", "yesterday"), "2026-06-01"),
        ((DUBLIN, "--file", "x"), "one of them"),
        (("--file", "no-such-file"), "cannot be read"),
        ((DUBLIN, "--ranges", "no-such-file.json"), "no-such-file.json"),
        ((DUBLIN, "--geofeed", "no-such-feed.csv"), "no-such-feed.csv"),
        ((DUBLIN, "--geoip", "no-such.mmdb"), "no-such.mmdb"),
        ((DUBLIN, "--anycast", "no-such-list"), "no-such-list"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(args: tuple[str, ...], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["locate", *args]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert why in err


def test_evidence_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    feed = tmp_path / "feed.csv"
    feed.write_text("198.18.0.0/15,IE,,Dublin,\n81.2.69.0/24,NO,,Hamar,\n", encoding="utf-8")
    anycast = tmp_path / "anycast.txt"
    anycast.write_text("81.2.69.192/28\n", encoding="utf-8")
    args = ("--no-embedded", "--geofeed", f"acme={feed}@2026-10-20", "--anycast", str(anycast), *AS_OF)
    norway, many = document(capsys, "81.2.69.160", "81.2.69.200", *args)["targets"]
    assert (norway["countries"], norway["assurance"]) == (["NO"], "declared")
    assert norway["evidence"][0]["author"] == "acme"
    assert norway["evidence"][0]["days_from_flow"] == 6
    assert (many["anycast"], many["countries"]) == ("listed", [])


def test_many_targets_are_a_table_without_their_evidence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "servers.txt"
    file.write_text("\n".join(f"63.34.222.{i}" for i in range(1, 21)), encoding="utf-8")
    assert main(["locate", "--file", str(file), *AS_OF]) == 0
    said = capsys.readouterr().out
    assert "20 targets: --format json" in said
    assert said.count("eu-west-1") == 20
