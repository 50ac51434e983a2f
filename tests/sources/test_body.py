"""Bodies are counted after decompression: whole ones come back, others stop at their cap."""

from __future__ import annotations

import gzip
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.sources.body import Body
from residency.sources.fetched import FetchError, Outcome


def read(chunks: list[bytes], encoding: str = "", max_bytes: int = 1 << 20) -> tuple[bytes, str]:
    body = Body(encoding, max_bytes)
    try:
        for chunk in chunks:
            body.feed(chunk)
        return body.finish()
    finally:
        body.close()


def cut(content: bytes, step: int) -> list[bytes]:
    return [content[at : at + step] for at in range(0, len(content), step)]


@given(st.binary(max_size=300), st.integers(1, 1000), st.integers(1, 50), st.sampled_from(["", "gzip"]))
def test_a_body_comes_back_however_it_is_cut(piece: bytes, times: int, step: int, encoding: str) -> None:
    content = piece * times
    wire = gzip.compress(content, mtime=0) if encoding else content
    assert read(cut(wire, step * 20), encoding) == (content, hashlib.sha256(content).hexdigest())


def test_an_empty_body() -> None:
    assert read([])[0] == b""
    assert read([], "gzip")[0] == b""


def test_several_gzip_members_are_one_body() -> None:
    wire = gzip.compress(b"a" * 100, mtime=0) + gzip.compress(b"b" * 100)
    assert read(cut(wire, 7), "gzip")[0] == b"a" * 100 + b"b" * 100


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_the_cap_itself_is_allowed_and_one_more_is_not(encoding: str) -> None:
    def wire(size: int) -> list[bytes]:
        return [gzip.compress(bytes(size)) if encoding else bytes(size)]

    assert len(read(wire(1000), encoding, 1000)[0]) == 1000
    with pytest.raises(FetchError) as caught:
        read(wire(1001), encoding, 1000)
    assert caught.value.outcome is Outcome.TOO_LARGE


@pytest.mark.parametrize(
    "wire", [b"\x1f", gzip.compress(b"abc" * 100, mtime=0)[:-9], b"no gzip", gzip.compress(b"a", mtime=0) + b"trailing"]
)
def test_a_damaged_gzip_stream_is_malformed(wire: bytes) -> None:
    with pytest.raises(FetchError) as caught:
        read([wire], "gzip")
    assert (caught.value.outcome, caught.value.cause) == (Outcome.MALFORMED, "content-encoding")
