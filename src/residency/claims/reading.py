"""Find and read a claim file: bytes to text to the plain tables of TOML or JSON, nothing judged yet."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from residency.claims.lines import MAX_DEPTH, Located, locate_json, locate_toml
from residency.errors import ClaimError, Fault, did_you_mean, shorten
from residency.limits import LIMITS
from residency.shipped import data_path

_YAML = "looks like YAML, which reads NO (Norway) as false; write TOML or JSON (begin with `residency claims new`)"
_YAML_LINE = re.compile(r"""(?:- +)?["']?[A-Za-z_][\w .-]*["']?:(?:\s|$)""", re.ASCII)
_PACK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_POSITION = re.compile(r"\(at line ([0-9]+), column ([0-9]+)\)")


@dataclass(frozen=True, slots=True)
class Document:
    """A claim file as plain tables, with the lines of its keys and the JSON keys that stand twice."""

    tables: Mapping[str, Any]
    lines: Mapping[str, int]
    duplicates: tuple[tuple[str, int], ...] = ()


def shipped_folder() -> Path:
    """Return the folder of the packs that come with residency."""
    return data_path("claims")


def shipped_packs() -> tuple[str, ...]:
    """Return the names of the packs that come with residency, sorted."""
    return tuple(sorted(path.stem for path in shipped_folder().glob("*.toml")))


def find(source: str | os.PathLike[str]) -> tuple[Path, str]:
    """Return the file that `source` means and the path to show for it.

    A file of that name comes first, then a shipped pack. Raises ClaimError where there is neither.
    """
    shown = os.fspath(source)
    path = Path(source)
    try:
        if path.is_file():
            return path, shown
        if _PACK_NAME.fullmatch(shown) and shown in shipped_packs():
            return shipped_folder() / f"{source}.toml", shown
        if path.is_dir():
            raise ClaimError("is a folder; give the claim file itself", path=shown)
        if path.exists():
            return path, shown
    except (OSError, ValueError) as error:
        raise ClaimError(f"cannot be read: {_reason(error)}", path=shown) from error
    raise ClaimError(_not_found(shown), path=shown)


def _not_found(shown: str) -> str:
    if not _PACK_NAME.fullmatch(shown) or shown.endswith((".toml", ".json")):
        return "no such file; give a claim file or the name of a shipped pack (see `residency claims list`)"
    hint = did_you_mean(shown, shipped_packs()) or f"; packs: {', '.join(shipped_packs())}"
    return f"no such file and no shipped pack of that name{hint}"


def read_text(path: Path, shown: str) -> tuple[str, str]:
    """Return the text of a claim file and the SHA-256 of its bytes; raises ClaimError if it is no UTF-8 text."""
    if path.suffix.lower() in (".yaml", ".yml"):
        raise ClaimError(_YAML, path=shown)
    cap = LIMITS.max_claim_file_bytes
    try:
        with path.open("rb") as file:
            data = file.read(cap + 1)
    except OSError as error:
        raise ClaimError(f"cannot be read: {_reason(error)}", path=shown) from error
    if len(data) > cap:
        raise ClaimError(f"is larger than {cap >> 20} MiB; split the claims over several files", path=shown)
    return decode(data, shown), hashlib.sha256(data).hexdigest()


def _reason(error: Exception) -> str:
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else shorten(error)


def decode(data: bytes, shown: str) -> str:
    """Return the text of UTF-8 bytes (a byte order mark is skipped), refusing UTF-16, NUL and the rest."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or data[:4:2] == b"\0\0" or data[1:4:2] == b"\0\0":
        _fail(shown, 1, "is UTF-16; save it as UTF-8")
    if (at := data.find(b"\0")) >= 0:
        _fail(shown, data.count(b"\n", 0, at) + 1, "holds a NUL byte; a claim file is text in UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        _fail(shown, line, "is not UTF-8; save it as UTF-8", error)


def parse(text: str, shown: str) -> Document:
    """Read the tables of a TOML or JSON text, told apart by content; raises ClaimError where it is neither."""
    if len(text) > LIMITS.max_claim_file_bytes:
        raise ClaimError(f"is larger than {LIMITS.max_claim_file_bytes >> 20} MiB", path=shown)
    if shown.lower().endswith((".yaml", ".yml")):
        raise ClaimError(_YAML, path=shown)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        _fail(shown, line, "holds a NUL byte; a claim file is text in UTF-8")
    start = text.lstrip("\ufeff \t\r\n")
    if start.startswith("{") or re.match(r"\[\s*[\]{\"]", start) or shown.lower().endswith(".json"):
        return _parse_json(text.removeprefix("\ufeff"), shown)
    return _parse_toml(text.removeprefix("\ufeff"), shown)


def _parse_toml(text: str, shown: str) -> Document:
    located = locate_toml(text)
    _check_depth(located, shown)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        if (line := _yaml_line(text)) is not None:
            _fail(shown, line, _YAML, error)
        _fail(shown, _toml_line(error, text), f"is not TOML: {_toml_reason(error)}", error)
    except (ValueError, RecursionError) as error:  # an integer of thousands of digits; deep nesting
        _fail(shown, 1, f"is not TOML: {shorten(error, 120)}", error)
    return Document(tables, located.lines)


def _toml_line(error: tomllib.TOMLDecodeError, text: str) -> int:
    match = _POSITION.search(str(error))
    return int(match[1]) if match else max(1, len(text.splitlines()))


def _toml_reason(error: tomllib.TOMLDecodeError) -> str:
    match = _POSITION.search(str(error))
    message = _POSITION.sub("", str(error)).strip()
    return shorten(message, 160) + (f" (column {match[2]})" if match else "")


def _yaml_line(text: str) -> int | None:
    """Return the first line that only YAML would have, if the first meaningful line is one."""
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if stripped in ("---", "...") or stripped.startswith("%YAML"):
            return number
        return number if _YAML_LINE.match(stripped) and "=" not in stripped.partition(":")[0] else None
    return None


def _parse_json(text: str, shown: str) -> Document:
    located = locate_json(text)
    _check_depth(located, shown)
    try:
        tables = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        _fail(shown, error.lineno, f"is not JSON: {error.msg} (column {error.colno})", error)
    except (ValueError, RecursionError) as error:
        _fail(shown, 1, f"is not JSON: {shorten(error, 120)}", error)
    if not isinstance(tables, dict):
        _fail(shown, 1, 'must be one object, as in {"schema": "residency/1", "claim": […]}')
    return Document(tables, located.lines, tuple(located.duplicates))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _check_depth(located: Located, shown: str) -> None:
    if located.too_deep is not None:
        _fail(shown, located.too_deep, f"is nested deeper than {MAX_DEPTH} levels")


def _fail(shown: str, line: int, what: str, cause: Exception | None = None) -> NoReturn:
    raise ClaimError(what, path=shown, faults=[Fault("", line, what)]) from cause
