"""From a claim file to a `Pack`: read, validate everything, gather every fault, convert."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from residency.claims import reading
from residency.claims.convert import to_claim
from residency.claims.faults import MAX_FAULTS, Faults, Location, nearest_key
from residency.claims.fields import kind_of
from residency.claims.lint import load_warnings
from residency.claims.reading import Document
from residency.claims.rules import broken_rules
from residency.claims.schema import SCHEMA, ClaimTable, HeadTable, keys_of
from residency.errors import shorten
from residency.limits import LIMITS
from residency.model.claim import Claim, Pack
from residency.model.place import Gazetteer


def load_pack(source: str | os.PathLike[str], *, gazetteer: Gazetteer) -> Pack:
    """Read and check a claim file, or a shipped pack by name.

    TOML and JSON are told apart by content. Raises ClaimError, which carries every fault of the file with
    its dotted path and line. Not checked: whether the claim is true or its sources exist.
    """
    path, shown = reading.find(source)
    text, sha256 = reading.read_text(path, shown)
    return _to_pack(reading.parse(text, shown), shown, gazetteer, sha256=sha256, stem=path.stem)


def parse_pack(text: str, *, path: str, gazetteer: Gazetteer) -> Pack:
    """Check the text of a claim file; `path` is only shown. Raises ClaimError as `load_pack` does."""
    sha256 = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    stem = os.path.splitext(os.path.basename(path))[0]
    return _to_pack(reading.parse(text, path), path, gazetteer, sha256=sha256, stem=stem)


def _to_pack(document: Document, shown: str, gazetteer: Gazetteer, *, sha256: str, stem: str) -> Pack:
    faults = Faults(document.lines)
    for where, line in document.duplicates:
        faults.add((), f"{where}: the key stands twice; keep one", line=line)
    tables = _without_nulls(document.tables, (), faults)
    head = _head(tables, faults)
    claims = _claims(tables, faults, gazetteer, head.vendor if head else "")
    faults.raise_any(shown)
    head = head or HeadTable.model_validate({})
    pack = Pack(
        claims=claims,
        path=shown,
        name=head.pack or stem,
        vendor=head.vendor,
        as_of=head.as_of,
        sha256=sha256,
        lines=dict(document.lines),
    )
    return replace(pack, warnings=tuple(warning.text for warning in load_warnings(pack)))


def _without_nulls(value: Any, location: Location, faults: Faults) -> Any:
    """Return the value without JSON nulls, each of which is a fault: absent and unknown are not the same."""
    if isinstance(value, dict):
        kept = {}
        for key, inner in value.items():
            if inner is None:
                faults.add((*location, key), "null says nothing; leave the key out")
            else:
                kept[key] = _without_nulls(inner, (*location, key), faults)
        return kept
    if isinstance(value, list):
        return [_without_nulls(inner, (*location, i), faults) for i, inner in enumerate(value)]
    return value


def _head(tables: Mapping[str, Any], faults: Faults) -> HeadTable | None:
    """Check the top level but its claims."""
    _check_schema(tables, faults)
    rest = {key: value for key, value in tables.items() if key not in ("schema", "claim")}
    try:
        return HeadTable.model_validate(rest)
    except ValidationError as error:
        faults.add_all(error)
        return None


def _check_schema(tables: Mapping[str, Any], faults: Faults) -> None:
    found = tables.get("schema")
    if "schema" not in tables:
        faults.add(("schema",), f'is missing; begin the file with schema = "{SCHEMA}"', line=1)
    elif found != SCHEMA:
        shown = f"`{shorten(found, 40)}`" if isinstance(found, str) else kind_of(found)
        faults.add(("schema",), f'{shown} is not a schema known here; this version reads "{SCHEMA}"')


def _claims(tables: Mapping[str, Any], faults: Faults, gazetteer: Gazetteer, vendor: str) -> tuple[Claim, ...]:
    listed = tables.get("claim", [])
    if not isinstance(listed, list):
        faults.add(("claim",), "must be a list of tables; write [[claim]] with two brackets")
        return ()
    if not listed:
        faults.add(("claim",), "a file without a claim says nothing; add [[claim]] (see `residency claims new`)")
    if len(listed) > LIMITS.max_claims_per_file:
        faults.add(("claim",), f"more than {LIMITS.max_claims_per_file} claims; split the file")
        return ()
    found = [_claim(raw, ("claim", i), faults, gazetteer) for i, raw in enumerate(listed)]
    _check_ids(listed, faults)
    return tuple(to_claim(table, vendor) for table in found if table is not None)


def _claim(raw: Any, location: Location, faults: Faults, gazetteer: Gazetteer) -> ClaimTable | None:
    """Check one claim by itself; what is sound of a faulty one is still held against the rules."""
    context = {"gazetteer": gazetteer}
    spoiled: frozenset[str] = frozenset()
    table: ClaimTable | None = None
    whole = True
    try:
        table = ClaimTable.model_validate(raw, context=context)
    except ValidationError as error:
        whole = False
        faults.add_all(error, location)
        if isinstance(raw, dict):
            spoiled = _spoiled(error, location)
            table = _salvage(raw, spoiled, context)
    if table is not None:
        for where, what in broken_rules(table, spoiled, gazetteer):
            faults.add((*location, *where), what)
    return table if whole else None


def _spoiled(error: ValidationError, location: Location) -> frozenset[str]:
    """Return the keys of a claim that are at fault, and those that an unknown key probably meant."""
    found: set[str] = set()
    for detail in error.errors(include_url=False, include_context=False, include_input=False)[:MAX_FAULTS]:
        key = detail["loc"][0] if detail["loc"] else ""
        found.add(str(key))
        if detail["type"] == "extra_forbidden" and len(detail["loc"]) == 1:
            found.add(nearest_key((*location, *detail["loc"])) or "")
    return frozenset(found)


def _salvage(raw: Mapping[str, Any], spoiled: frozenset[str], context: dict[str, Any]) -> ClaimTable | None:
    known = set(keys_of(ClaimTable)) - spoiled
    sound = {key: value for key, value in raw.items() if key in known}
    stand_in = {"id": "faulty", "statement": "faulty", "activity": "storage"}
    try:
        return ClaimTable.model_validate({**stand_in, **sound}, context=context)
    except ValidationError:
        return None


def _check_ids(listed: list[Any], faults: Faults) -> None:
    seen: dict[str, int] = {}
    for i, raw in enumerate(listed):
        name = raw.get("id") if isinstance(raw, dict) else None
        if not isinstance(name, str):
            continue
        if name in seen:
            faults.add(
                ("claim", i, "id"), f"`{shorten(name)}` is already the id of claim[{seen[name]}]; ids are unique"
            )
        seen.setdefault(name, i)
