"""JSON as RFC 8259 and no more: what two readers could read in two ways is refused, with its byte offset.

Refused beside plain syntax errors: bytes that are not UTF-8, duplicate keys, NaN and Infinity, numbers too large
for a float, integers of more digits than any real document holds, nesting beyond a cap, lone surrogates.
The fast path is the C reader with hooks; only a document that is refused is walked again, token by token, to
say where.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from itertools import accumulate
from typing import NoReturn, TypeAlias

from residency.errors import SourceError, shorten
from residency.limits import LIMITS

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

# Possessive, and the closing quote is optional: an unclosed string is one token, never a reason to search again.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_TOKEN = re.compile(r'(?P<string>"(?:[^"\\]++|\\.)*+"?)|(?P<word>-?[A-Za-z0-9.+-]++)|(?P<mark>[\[\]{},:])', re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}


class JsonError(SourceError):
    """A document that is not strict JSON: `cause` is a short stable word, `offset` counts bytes."""

    def __init__(self, cause: str, what: str, offset: int) -> None:
        super().__init__(f"{what} at byte {offset}", offset=offset)
        self.cause = cause


class _RefusedError(Exception):
    """Raised by the hooks, which do not know where they are."""


def parse_json(content: bytes, *, max_depth: int = LIMITS.max_json_depth) -> JsonValue:
    """Return the value of a JSON text in UTF-8; raises JsonError with cause and byte offset."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonError("utf-8", "not UTF-8", error.start) from error
    if _depth(text) > max_depth:
        _explain(text, max_depth)
    try:
        value: JsonValue = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_float,
        )
    except json.JSONDecodeError as error:
        raise JsonError("json", f"not JSON: {error.msg}", _bytes(text, error.pos)) from error
    except (_RefusedError, RecursionError, ValueError):
        _explain(text, max_depth)
    if _SURROGATE.search(text):
        _refuse_lone_surrogates(text)
    return value


def _depth(text: str) -> int:
    """Return the deepest nesting of brackets outside strings."""
    steps = (_STEP[c] for c in re.findall(r"[\[\]{}]", _STRING.sub("", text)))
    return max(accumulate(steps), default=0)


def _object(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _RefusedError
    return found


def _constant(_: str) -> NoReturn:
    raise _RefusedError


def _integer(text: str) -> int:
    if len(text) > LIMITS.max_json_integer_digits:
        raise _RefusedError
    return int(text)


def _float(text: str) -> float:
    value = float(text) if len(text) <= 10 * LIMITS.max_json_integer_digits else math.inf
    if not math.isfinite(value):
        raise _RefusedError
    return value


def _bytes(text: str, position: int) -> int:
    """Return the byte offset of a character position."""
    return len(text[:position].encode("utf-8"))


def _explain(text: str, max_depth: int) -> NoReturn:
    """Raise the error of the first thing that strict JSON refuses; the document is known to hold one."""
    for cause, what, position in _refusals(text, max_depth):
        raise JsonError(cause, what, _bytes(text, position))
    raise JsonError("json", "not JSON", 0)


def _refusals(text: str, max_depth: int) -> Iterator[tuple[str, str, int]]:
    """Walk the tokens: nesting, numbers and constants, and the keys of every open object."""
    keys: list[set[str] | None] = []  # one for every open bracket: the keys of an object, None in an array
    last: re.Match[str] | None = None
    for token in _TOKEN.finditer(text):
        mark = token["mark"]
        if mark in ("[", "{"):
            keys.append(set() if mark == "{" else None)
            if len(keys) > max_depth:
                yield "depth", f"nested deeper than {max_depth}", token.start()
        elif mark in ("]", "}"):
            if keys:
                keys.pop()
        elif token["word"]:
            yield from _word_refusals(token)
        elif mark == ":" and keys and keys[-1] is not None and last is not None and last["string"]:
            yield from _key_refusals(last, keys[-1])
        last = token


def _word_refusals(token: re.Match[str]) -> Iterator[tuple[str, str, int]]:
    word = token["word"]
    if word.lstrip("-") in ("NaN", "Infinity"):
        yield "number", f"`{word}` is no JSON number", token.start()
    elif word.lstrip("-").isdigit():
        if len(word) > LIMITS.max_json_integer_digits:
            yield "number", f"an integer of {len(word)} digits", token.start()
    elif len(word) > 10 * LIMITS.max_json_integer_digits or _is_infinite(word):
        yield "number", f"a number that is too large: {shorten(word, 20)}", token.start()


def _is_infinite(word: str) -> bool:
    try:
        return math.isinf(float(word))
    except ValueError:
        return False


def _key_refusals(token: re.Match[str], seen: set[str]) -> Iterator[tuple[str, str, int]]:
    try:
        key = str(json.loads(token["string"]))
    except ValueError:
        return
    if key in seen:
        yield "duplicate key", f"duplicate key `{shorten(key, 40)}`", token.start()
    seen.add(key)


def _refuse_lone_surrogates(text: str) -> None:
    for token in _STRING.finditer(text):
        try:
            json.loads(token[0]).encode("utf-8")
        except UnicodeEncodeError as error:
            raise JsonError("utf-8", "half of a surrogate pair in a string", _bytes(text, token.start())) from error
