"""`--vantage`, `--rtt` and `--live` on the command line: files of vantages, faults in one line, times located."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.auditing.conftest import CLAIM, HEADER, app, controls

from residency.cli import main

VANTAGES = "name,lat,lon,radius_km,asn\nfra,50.11,8.68,10,64500\nnyc,40.71,-74.01,10,64501\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = [f"{line},fra" for line in [*controls(), *app(0.8)]]
    (tmp_path / "flows.csv").write_text("\n".join([HEADER + ",vantage", *rows]) + "\n", encoding="utf-8")
    (tmp_path / "claims.toml").write_text(CLAIM.format(allow="NO"), encoding="utf-8")
    (tmp_path / "vantages.csv").write_text(VANTAGES, encoding="utf-8")
    return tmp_path


def test_a_file_of_vantages(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["audit", "flows.csv", "--claims", "claims.toml", "--vantage", "vantages.csv", "--format", "json"])
    told = json.loads(capsys.readouterr().out)
    assert code == 1
    assert [(v["name"], v["standing"]) for v in told["vantages"]] == [("fra", "passed")]
    assert "NO" in told["findings"][0]["excluded"]


def test_the_text_says_that_a_vantage_is_void(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["audit", "flows.csv", "--claims", "claims.toml", "--vantage", "40.71,-74.01,±10,fra"])
    assert code == 3
    assert "vantage fra: its times are void" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("argv", "what"),
    [
        (["audit", "flows.csv", "--claims", "claims.toml", "--rtt", "none.csv"], "none.csv: cannot be read"),
        (["audit", "flows.csv", "--claims", "claims.toml", "--rtt", "flows.csv"], "flows.csv:1: column `lat`"),
        (["audit", "flows.csv", "--claims", "claims.toml", "--vantage", "claims.toml"], "claims.toml:1: column `name`"),
        (["audit", "flows.csv", "--claims", "claims.toml", *["--vantage", "1,2"] * 2], "need a name each"),
        (["locate", "185.1.2.3", "--live"], "--vantage"),
        (["locate", "--rtt", "vantages.csv"], "vantages.csv:1: column `vantage`"),
    ],
)
def test_faults_are_one_line(folder: Path, capsys: pytest.CaptureFixture[str], argv: list[str], what: str) -> None:
    assert main(argv) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert what in said


def test_everything_in_a_file_of_times_is_located(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head = "vantage,lat,lon,target,rtt_ms,asn\n"
    rows = "a,50.1,8.7,api.acme.example,1,64500\nb,48.9,2.4,api.acme.example,8,64501\n"
    (folder / "times.csv").write_text(head + rows, encoding="utf-8")
    assert main(["locate", "--rtt", "times.csv", "--within", "US", "--format", "json", "--no-embedded"]) == 1
    (target,) = json.loads(capsys.readouterr().out)["targets"]
    assert (target["target"], target["server_ip"], target["host"]) == ("api.acme.example", None, "api.acme.example")
    assert (target["place"], target["assurance"], target["verdict"]) == ("outside", "measured", "violated")
    assert main(["locate", "--rtt", "times.csv", "--no-embedded"]) == 0
    assert "excluded by round-trip times" in capsys.readouterr().out
