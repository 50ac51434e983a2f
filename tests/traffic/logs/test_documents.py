"""Records of JSON documents: one at a time, every one accounted for, whatever the bytes are."""

from __future__ import annotations

import json
import tracemalloc
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.errors import InputError
from residency.limits import LIMITS
from residency.traffic.logs import documents
from residency.traffic.logs.documents import Element, elements, has_lines
from residency.traffic.logs.staging import Account
from residency.traffic.source import OpenFile
from residency.traffic.streams import read_head, scan_file

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)
KEYS = st.text().filter(lambda key: key != "records")
OBJECTS = st.lists(st.dictionaries(KEYS, JSON, min_size=1, max_size=5), min_size=1, max_size=5)


def opened(folder: Path, content: bytes) -> OpenFile:
    path = folder / "document"
    path.write_bytes(content)
    scan = scan_file(path, str(path) + ".out", form="x", seen=lambda _: None)
    return OpenFile(str(path), str(path), scan, read_head(path))


def found(folder: Path, content: bytes | str, path: tuple[str, ...] = (), **more: Any) -> tuple[list[Element], Account]:
    account = Account()
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return list(elements(opened(folder, data), account, path, **more)), account


def values(folder: Path, content: bytes | str, path: tuple[str, ...] = (), **more: Any) -> list[dict[str, Any]]:
    read, account = found(folder, content, path, **more)
    assert (account.rejected, account.incomplete) == ([], None)
    return [one.value for one in read]


def plain(value: Any) -> Any:
    """A value with its numbers as texts, as the reader leaves them."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


@given(OBJECTS, st.sampled_from([None, 0, 3]), st.booleans())
def test_every_way_to_write_records_gives_the_same(
    tmp_path: Path, records: list[Any], indent: int | None, is_ascii: bool
) -> None:
    def text(value: Any) -> str:
        return json.dumps(value, indent=indent, ensure_ascii=is_ascii)

    expected = [plain(one) for one in records]
    assert values(tmp_path, text(records)) == expected
    assert values(tmp_path, "\n".join(map(text, records))) == expected
    assert values(tmp_path, ",\n".join(map(text, records)) + "\n") == expected or has_lines(text(records[0]).encode())
    assert values(tmp_path, text({"a": 1, "records": records, "z": []}), ("records",)) == expected
    assert values(tmp_path, text({"records": records}) * 2, ("records",)) == expected * 2
    assert values(tmp_path, text({"log": {"records": records}}), ("log", "records"), is_bare=False) == expected


@given(st.binary(max_size=300), st.sampled_from([b"", b"[", b"[{}", b'{"records": [', b'{"records": [{}, ', b"{}\n"]))
def test_any_bytes_are_read_or_refused(tmp_path: Path, tail: bytes, start: bytes) -> None:
    for path, is_bare in (((), True), (("records",), True), (("records",), False)):
        with suppress(InputError):
            read, account = found(tmp_path, start + tail, path, is_bare=is_bare)
            assert all(one.line > 0 for one in read)
            assert all(one.line is not None and one.line > 0 for one in account.rejected)


@given(st.integers(0, 400))
def test_a_document_that_was_cut_keeps_what_came_before(tmp_path: Path, size: int) -> None:
    text = json.dumps({"records": [{"number": number, "text": "x" * number} for number in range(12)]}, indent=1)
    cut = text[:size]
    whole = cut[cut.find("[") :].count("}") if "[" in cut else 0
    try:
        read, account = found(tmp_path, cut, ("records",))
    except InputError:
        assert "[" not in cut
        return
    assert [one.value["number"] for one in read] == [str(number) for number in range(whole)]
    assert account.incomplete is not None
    assert len(account.rejected) == (cut.rstrip(" \n,]") != cut[: cut.rfind("}") + 1] and not cut.endswith("["))


def test_lines_and_offsets_are_where_a_record_begins(tmp_path: Path) -> None:
    text = '\ufeff[ {"a": "é"},\n\n  {"a": 2}, {"a": "\n"},\n{}]'
    read, _ = found(tmp_path, text)
    data = text.encode()
    assert [one.line for one in read] == [1, 3, 3, 5]
    assert [data[one.offset : one.offset + 1] for one in read if one.offset is not None] == [b"{"] * 4


def test_records_longer_than_a_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_CHUNK_BYTES", 7)
    records = [{"text": "é" * 40}, {"number": 123_456_789_012}, {"text": "\n\n"}, {}]
    text = json.dumps({"log": {"records": records, "n": 12345678901}}, ensure_ascii=False, indent=1)
    assert values(tmp_path, text, ("log", "records"), is_bare=False) == [plain(one) for one in records]


def test_memory_does_not_grow_with_the_document(tmp_path: Path) -> None:
    row = json.dumps({"text": "x" * 1000})
    file = opened(tmp_path, ("[" + ",".join([row] * 30_000) + "]").encode())
    tracemalloc.start()
    assert sum(1 for _ in elements(file, Account())) == 30_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert file.scan.size > 30_000_000
    assert peak < 12_000_000


@pytest.mark.parametrize(("length", "reason"), [(9_900, "a value longer than 9000"), (90_000, "not JSON, or a value")])
def test_a_value_over_the_cap_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int, reason: str
) -> None:
    monkeypatch.setattr(documents, "LIMITS", replace(LIMITS, max_json_value_bytes=9_000))
    monkeypatch.setattr(documents, "_CHUNK_BYTES", 10_000)
    read, account = found(tmp_path, '[{},\n{"b": 1},\n{"a": "' + "x" * length + '"},\n{"c": 1}]')
    assert [one.value for one in read] == [{}, {"b": "1"}, {"c": "1"}]
    [one] = account.rejected
    assert one.line == 3
    assert one.reason.startswith(reason)


@pytest.mark.parametrize(
    ("text", "kept", "rejected", "is_whole"),
    [
        ('[{"a": 1},\n{"b": },\n{"c": 1}]', "ac", 1, True),
        ('[{"a": 1},\n{"b": 1}\n{"c": 1}]', "abc", 0, False),
        ('[{"a": 1}, {"b": } , {"c": 1}]', "a", 1, False),
        ('[{"a": 1}; {"b": 1}]', "a", 1, False),
        ('[{"a": 1}, "b", {"c": 1}]', "ac", 1, True),
        ('[{"a": 1}] x', "a", 1, False),
        ('[{"a": 1}]\nx\n{"b": 1}', "ab", 1, True),
        ('[{"a": 1},', "a", 0, False),
        ('[{"a": 1}', "a", 0, False),
        ('[{"a": 1}, {"b": 1, "b": 2}, {"c": 1}]', "ac", 1, True),
        ('[{"a": 1}, {"b": {"x": Infinity}}, {"c": 1}]', "ac", 1, True),
        ('{"a": 1}\n{"b": \n{"c": 1}', "ac", 1, True),
        ('{\n"a": 1}\n{"b": \n\n{"c": 1}', "ac", 1, True),
    ],
)
def test_what_is_broken_spoils_no_more_than_it_must(
    tmp_path: Path, text: str, kept: str, rejected: int, *, is_whole: bool
) -> None:
    for path in ((), ("records",)) if "\n\n" not in text else ((),):
        read, account = found(tmp_path, text, path)
        assert "".join("".join(one.value) for one in read) == kept
        assert len(account.rejected) == rejected
        assert (account.incomplete is None) == is_whole
