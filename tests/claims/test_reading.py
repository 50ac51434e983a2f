"""Finding and reading claim files: what cannot be read gives one line that says what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from residency.claims import load_pack, parse_pack, shipped_packs
from residency.errors import ClaimError
from residency.limits import LIMITS
from residency.model.place import Gazetteer

SMALL = """\
schema = "residency/1"
[[claim]]
id = "acme.eu"
statement = "Customer data of European users is processed in the EEA."
activity = "processing"
allow = ["EEA"]
hosts = ["*.acme.example", "acme.example"]
"""
SMALL_JSON = {
    "schema": "residency/1",
    "claim": [
        {
            "id": "acme.eu",
            "statement": "Customer data of European users is processed in the EEA.",
            "activity": "processing",
            "allow": ["EEA"],
            "hosts": ["*.acme.example", "acme.example"],
        }
    ],
}


def refused(gazetteer: Gazetteer, source: str | Path) -> ClaimError:
    with pytest.raises(ClaimError) as caught:
        load_pack(source, gazetteer=gazetteer)
    text = str(caught.value)
    assert "\n" not in text
    assert text.isprintable()
    return caught.value


def refused_text(gazetteer: Gazetteer, text: str, path: str = "x.toml") -> ClaimError:
    with pytest.raises(ClaimError) as caught:
        parse_pack(text, path=path, gazetteer=gazetteer)
    assert "\n" not in str(caught.value)
    return caught.value


def test_smallest_useful_file(tmp_path: Path, gazetteer: Gazetteer) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(SMALL)
    pack = load_pack(path, gazetteer=gazetteer)
    assert [claim.id for claim in pack.claims] == ["acme.eu"]
    assert pack.name == "acme"
    assert pack.path == str(path)
    assert pack.lines["claim[0].allow"] == 6
    assert len(pack.sha256) == 64
    assert pack.warnings == ()


def test_json_of_the_same_shape_is_the_same_claim(gazetteer: Gazetteer) -> None:
    toml = parse_pack(SMALL, path="a", gazetteer=gazetteer)
    for text in (
        json.dumps(SMALL_JSON),
        "\n " + json.dumps(SMALL_JSON, indent=1),
        "\ufeff" + json.dumps(SMALL_JSON),
    ):
        assert parse_pack(text, path="a", gazetteer=gazetteer).claims == toml.claims


def test_content_decides_not_the_suffix(tmp_path: Path, gazetteer: Gazetteer) -> None:
    (tmp_path / "a.txt").write_text(json.dumps(SMALL_JSON))
    (tmp_path / "b").write_text(SMALL)
    (tmp_path / "c.toml").write_text(json.dumps(SMALL_JSON))
    for name in ("a.txt", "b", "c.toml"):
        assert load_pack(tmp_path / name, gazetteer=gazetteer).claims[0].id == "acme.eu"


def test_byte_order_mark_and_carriage_returns(tmp_path: Path, gazetteer: Gazetteer) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())
    assert load_pack(path, gazetteer=gazetteer).lines["claim[0].allow"] == 6


def test_missing_file(tmp_path: Path, gazetteer: Gazetteer) -> None:
    assert "no such file" in str(refused(gazetteer, tmp_path / "none.toml"))


def test_mistyped_pack_name(gazetteer: Gazetteer) -> None:
    assert "did you mean tiktok-clover?" in str(refused(gazetteer, "tiktok-clovr"))
    assert "packs: apple-icloud-cn" in str(refused(gazetteer, "qqqqqq"))


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 5_000, "\x1b[31m"])
def test_odd_names(gazetteer: Gazetteer, name: str) -> None:
    refused(gazetteer, name)


def test_folder(tmp_path: Path, gazetteer: Gazetteer) -> None:
    assert "is a folder" in str(refused(gazetteer, tmp_path))


def test_too_large(tmp_path: Path, gazetteer: Gazetteer) -> None:
    path = tmp_path / "big.toml"
    path.write_bytes(b"#" * (LIMITS.max_claim_file_bytes + 1))
    assert "larger than 4 MiB" in str(refused(gazetteer, path))


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16(tmp_path: Path, gazetteer: Gazetteer, codec: str) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(SMALL.encode(codec))
    assert "UTF-16; save it as UTF-8" in str(refused(gazetteer, path))


def test_nul_and_latin_1_have_their_line(tmp_path: Path, gazetteer: Gazetteer) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(SMALL.encode() + b"# a\n# \0\n")
    error = refused(gazetteer, path)
    assert "NUL" in str(error)
    assert error.line == 9
    path.write_bytes(SMALL.encode() + b"# caf\xe9\n")
    error = refused(gazetteer, path)
    assert "not UTF-8" in str(error)
    assert error.line == 8


def test_empty_file_names_what_is_missing(gazetteer: Gazetteer) -> None:
    error = refused_text(gazetteer, "")
    assert [fault.where for fault in error.faults] == ["claim", "schema"]


@pytest.mark.parametrize("text", ["x = ", "x = 1\nx = 2", "[", "a = 1 b", "x = '", "= 1", "[[a]]\n[a]"])
def test_broken_toml_has_its_line(gazetteer: Gazetteer, text: str) -> None:
    error = refused_text(gazetteer, "schema = 'residency/1'\n" + text)
    assert error.line is not None
    assert error.line >= 2
    assert "is not TOML" in str(error)


def test_huge_integers_are_no_crash(gazetteer: Gazetteer) -> None:
    assert "is not TOML" in str(refused_text(gazetteer, "x = " + "9" * 5_000))
    assert "is not JSON" in str(refused_text(gazetteer, '{"x": ' + "9" * 5_000 + "}"))


YAML = [
    "schema: residency/1\nclaim:\n  - id: x\n    allow: [NO]\n",
    "---\nschema: residency/1\n",
    "# a comment\n\nschema : residency/1\n",
    "%YAML 1.1\n---\na: 1\n",
    "- id: x\n",
    '"schema": "residency/1"\n',
]


@pytest.mark.parametrize("text", YAML)
def test_yaml_is_refused_with_the_reason(gazetteer: Gazetteer, text: str) -> None:
    error = refused_text(gazetteer, text)
    assert "NO (Norway) as false" in str(error)
    assert "TOML or JSON" in str(error)
    assert error.line is not None


@pytest.mark.parametrize("suffix", [".yaml", ".yml", ".YAML"])
def test_yaml_suffix(tmp_path: Path, gazetteer: Gazetteer, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_text(SMALL)
    assert "NO (Norway) as false" in str(refused(gazetteer, path))


def test_broken_toml_is_not_called_yaml(gazetteer: Gazetteer) -> None:
    assert "YAML" not in str(refused_text(gazetteer, 'a = "x: y\n'))


def test_json_duplicate_keys_have_their_line(gazetteer: Gazetteer) -> None:
    text = json.dumps(SMALL_JSON, indent=1).replace('"activity"', '"id": "b.eu",\n"activity"')
    error = refused_text(gazetteer, text)
    assert "claim[0].id: the key stands twice" in str(error)
    assert error.line == 7


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_json_numbers_that_are_none(gazetteer: Gazetteer, number: str) -> None:
    text = json.dumps(SMALL_JSON).replace('"allow"', f'"coverage": {number}, "allow"')
    refused_text(gazetteer, text)


def test_json_depth(gazetteer: Gazetteer) -> None:
    for text in ("[" * 100_000, '{"a":' * 65 + "1" + "}" * 65, "x = " + "[" * 65 + "]" * 65):
        assert "deeper than 64" in str(refused_text(gazetteer, text, path="a.json" if text[0] == "[" else "a"))


@pytest.mark.parametrize("text", ["[]", "[1]", '"a"', "1", "null"])
def test_json_that_is_no_object(gazetteer: Gazetteer, text: str) -> None:
    assert "must be one object" in str(refused_text(gazetteer, text, path="a.json"))


def test_json_null_is_no_absence(gazetteer: Gazetteer) -> None:
    text = json.dumps(SMALL_JSON).replace('"allow"', '"forbid": null, "allow"')
    assert "claim[0].forbid: null says nothing" in str(refused_text(gazetteer, text))


def test_broken_json_has_its_line(gazetteer: Gazetteer) -> None:
    error = refused_text(gazetteer, '{\n "schema": \n}')
    assert error.line == 3


def test_shipped_packs_are_thirteen() -> None:
    assert len(shipped_packs()) == 13
    assert "tiktok-clover" in shipped_packs()


def test_a_file_comes_before_a_shipped_pack(
    tmp_path: Path, gazetteer: Gazetteer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "zoom-eu").write_text(SMALL)
    assert load_pack("zoom-eu", gazetteer=gazetteer).claims[0].id == "acme.eu"
    (tmp_path / "slack-frankfurt").mkdir()
    assert load_pack("slack-frankfurt", gazetteer=gazetteer).claims[0].vendor == "Slack (Salesforce)"
