"""On which line of a claim file each key stands, for TOML (`tomllib` does not say) and JSON.

Paths are written `claim[0].host[2].pattern`; a key that is no bare key is quoted. The scan reads any text,
well-formed or not, in linear time: it never raises and never names a line that the text does not have.
What it does not understand it skips; whether the text is valid is the parser's business.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

MAX_DEPTH = 64
_MAX_PATH, _MAX_KEY = 1_000, 200  # characters: a long key over many values would multiply

_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*+"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*+'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*+"'
    r"|'[^'\n]*+'",
    re.DOTALL,
)
_BLANK = re.compile(r"[ \t]*+")
_VOID = re.compile(r"(?:[ \t\r\n]|#[^\n]*+)*+")
_SCALAR = re.compile(r"[^,\]}#\n]++")
_REST = re.compile(r"[^\n]*+")
_JSON_VOID = re.compile(r"[ \t\r\n]*+")
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_JSON_SCALAR = re.compile(r"[^,\]}{\[\":\s]++")


@dataclass(slots=True)
class Located:
    """Where the keys stand, which JSON keys stand twice, and the line at which nesting exceeds the cap."""

    lines: dict[str, int] = field(default_factory=dict)
    duplicates: list[tuple[str, int]] = field(default_factory=list)
    too_deep: int | None = None


def locate_toml(text: str) -> Located:
    """Return the lines of tables, keys and array elements of a TOML text."""
    return _Toml(text).run()


def locate_json(text: str) -> Located:
    """Return the lines of keys and array elements of a JSON text."""
    return _Json(text).run()


def join(path: str, key: str) -> str:
    """Append a key to a dotted path, quoted where it is no bare key; absurd lengths are cut."""
    if len(path) > _MAX_PATH:
        return path
    key = key[:_MAX_KEY]
    shown = key if _BARE.fullmatch(key) else json.dumps(key)
    return f"{path}.{shown}" if path else shown


def dotted(location: Iterable[str | int]) -> str:
    """Write a location as a dotted path: ("claim", 0, "allow") is `claim[0].allow`."""
    path = ""
    for step in location:
        path = f"{path}[{step}]" if isinstance(step, int) else join(path, step)
    return path


def line_of(lines: Mapping[str, int], location: Iterable[str | int]) -> int | None:
    """Return the line of a location, or of its nearest ancestor that has one."""
    steps = tuple(location)
    for length in range(len(steps), 0, -1):
        line = lines.get(dotted(steps[:length]))
        if line is not None:
            return line
    return None


class _Stop(Exception):  # noqa: N818  (a signal, not an error)
    """The rest of the text is not read."""


class _Scan:
    """A position in a text, and the lines found so far."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found = Located()
        self._ends = [match.end() for match in re.finditer("\n", text)]

    def line(self) -> int:
        last = max(0, len(self.text) - 1)
        return bisect_right(self._ends, min(self.at, last)) + 1

    def note(self, path: str) -> None:
        self.found.lines.setdefault(path, self.line())

    def skip(self, pattern: re.Pattern[str]) -> bool:
        match = pattern.match(self.text, self.at)
        if match is None:
            return False
        self.at = match.end()
        return True

    def take(self, literal: str) -> bool:
        if not self.text.startswith(literal, self.at):
            return False
        self.at += len(literal)
        return True

    def check_depth(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            self.found.too_deep = self.line()
            raise _Stop

    def ended(self) -> bool:
        return self.at >= len(self.text)


class _Toml(_Scan):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._counts: dict[str, int] = {}
        self._table = ""

    def run(self) -> Located:
        with suppress(_Stop):
            self.skip(_VOID)
            while not self.ended():
                self._statement()
                self.skip(_REST)
                self.skip(_VOID)
        return self.found

    def _statement(self) -> None:
        start = self.at
        if self.take("[["):
            keys = self._keys()
            self.at, end = start, self.at
            self._open(keys, is_array=True)
            self.at = end
        elif self.take("["):
            keys = self._keys()
            self.at, end = start, self.at
            self._open(keys, is_array=False)
            self.at = end
        else:
            self._pair(self._table, 0)

    def _open(self, keys: list[str], *, is_array: bool) -> None:
        """Enter a table; a key that is an array of tables means its last element."""
        path = ""
        for position, key in enumerate(keys):
            path = join(path, key)
            self.note(path)
            is_new = is_array and position == len(keys) - 1
            if is_new:
                self._counts[path] = self._counts.get(path, 0) + 1
            if path in self._counts:
                path = f"{path}[{self._counts[path] - 1}]"
                self.note(path)
        self._table = path

    def _pair(self, table: str, depth: int) -> None:
        start = self.at
        keys = self._keys()
        self.skip(_BLANK)
        if not keys or not self.take("="):
            return
        self.at, end = start, self.at
        path = table
        for key in keys:
            path = join(path, key)
            self.note(path)
        self.at = end
        self.skip(_BLANK)
        self._value(path, depth + len(keys))

    def _keys(self) -> list[str]:
        """Read a dotted key, bare or quoted."""
        keys: list[str] = []
        while True:
            self.skip(_BLANK)
            start = self.at
            if not (self.skip(_BARE) or self.skip(_STRING)):
                return keys
            keys.append(_unquote(self.text[start : self.at]))
            self.check_depth(len(keys))
            self.skip(_BLANK)
            if not self.take("."):
                return keys

    def _value(self, path: str, depth: int) -> None:
        if self.text[self.at : self.at + 1] in ("[", "{"):
            self.check_depth(depth)
        if self.take("["):
            self._items(path, depth)
        elif self.take("{"):
            self._inline(path, depth)
        elif not self.skip(_STRING):
            if self.text[self.at : self.at + 1] in ('"', "'"):
                raise _Stop  # an unclosed string: what follows cannot be told apart
            self.skip(_SCALAR)

    def _items(self, path: str, depth: int) -> None:
        count = 0
        while True:
            self.skip(_VOID)
            if self.ended() or self.take("]"):
                return
            before = self.at
            self.note(f"{path}[{count}]")
            self._value(f"{path}[{count}]", depth + 1)
            count += 1
            self._next(before)

    def _inline(self, path: str, depth: int) -> None:
        while True:
            self.skip(_VOID)
            if self.ended() or self.take("}"):
                return
            before = self.at
            self._pair(path, depth)
            self._next(before)

    def _next(self, before: int) -> None:
        """Go past a comma, and past anything that could not be read, so that every round advances."""
        self.skip(_VOID)
        if not self.take(",") and self.at == before:
            self.at += 1


def _unquote(key: str) -> str:
    if key[:1] == "'":
        return key.strip("'")
    if key[:1] == '"':
        try:
            return str(json.loads(key))
        except ValueError:
            return key.strip('"')
    return key


class _Json(_Scan):
    def run(self) -> Located:
        with suppress(_Stop):
            self._value("", 1)
        return self.found

    def _value(self, path: str, depth: int) -> None:
        self.skip(_JSON_VOID)
        if self.text[self.at : self.at + 1] in ("[", "{"):
            self.check_depth(depth)
        if self.take("{"):
            self._object(path, depth)
        elif self.take("["):
            self._array(path, depth)
        elif not (self.skip(_JSON_STRING) or self.skip(_JSON_SCALAR)):
            raise _Stop

    def _object(self, path: str, depth: int) -> None:
        seen: set[str] = set()
        while True:
            self.skip(_JSON_VOID)
            if self.ended() or self.take("}"):
                return
            start, line = self.at, self.line()
            if not self.skip(_JSON_STRING):
                raise _Stop
            key = _unquote(self.text[start : self.at])
            inner = join(path, key)
            if key in seen:
                self.found.duplicates.append((inner, line))
            seen.add(key)
            self.found.lines.setdefault(inner, line)
            self.skip(_JSON_VOID)
            if not self.take(":"):
                raise _Stop
            self._value(inner, depth + 1)
            self.skip(_JSON_VOID)
            self.take(",")

    def _array(self, path: str, depth: int) -> None:
        count = 0
        while True:
            self.skip(_JSON_VOID)
            if self.ended() or self.take("]"):
                return
            inner = f"{path}[{count}]"
            self.note(inner)
            self._value(inner, depth + 1)
            count += 1
            self.skip(_JSON_VOID)
            self.take(",")
