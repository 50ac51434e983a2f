"""Answers kept as they came over the wire, and read again later without any network.

A recording is text, one JSON object a line: a head, one line a lookup, and an end with the number of lookups and the
SHA-256 of all lines before it. Reading it parses each message again, so a later version may see more in it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from residency.errors import InputError, UsageError
from residency.limits import LIMITS
from residency.model.resolution import Dnssec, DnsVantage, Lookup, LookupOutcome, Reply, Resolution
from residency.resolve.bulk import Task, make_lookup, without_replies
from residency.resolve.dnssec import as_bogus
from residency.resolve.exchange import Received
from residency.resolve.names import TYPES, Question, read_questions
from residency.resolve.query import read_reply
from residency.resolve.snapshots import snapshots_of
from residency.resolve.vantages import parse_server

SCHEMA = "residency-dns/1"


def write_recording(path: Path, resolution: Resolution) -> None:
    """Write all lookups with their messages; the file appears whole or not at all."""
    digest = hashlib.sha256()
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            for line in _lines(resolution):
                digest.update(line)
                file.write(line)
            file.write(_line({"end": len(resolution), "sha256": digest.hexdigest()}))
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise UsageError(f"cannot be written: {error.strerror}", path=path) from error


def _lines(resolution: Resolution) -> Iterator[bytes]:
    vantages = [
        {"name": v.name, "servers": [str(server) for server in v.servers], "subnet": v.subnet}
        for v in resolution.vantages
    ]
    yield _line(
        {
            "schema": SCHEMA,
            "tool": {"name": "residency", "version": resolution.tool_version},
            "types": list(resolution.types),
            "vantages": vantages,
        }
    )
    yield from (_line(_of_lookup(lookup)) for lookup in resolution)


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _of_lookup(lookup: Lookup) -> dict[str, Any]:
    return {
        "name": lookup.name,
        "given": lookup.given,
        "vantage": lookup.vantage,
        "round": lookup.round,
        "at": lookup.at.isoformat(),
        "outcome": lookup.outcome.value,
        "detail": lookup.detail,
        "replies": [_of_reply(reply) for reply in lookup.replies],
    }


def _of_reply(reply: Reply) -> dict[str, Any]:
    return {
        "type": reply.type,
        "server": reply.server,
        "at": reply.at.isoformat(),
        "took_ms": round(reply.took_ms, 3),
        "transport": reply.transport,
        "outcome": reply.outcome.value,
        "detail": reply.detail,
        "dnssec": reply.dnssec.value,
        "sent": base64.b64encode(reply.sent).decode(),
        "wire": base64.b64encode(reply.wire).decode(),
    }


def read_recording(path: Path) -> Resolution:
    """Read a recording; raises InputError, with the line, for one that is damaged, cut or of another kind."""
    try:
        with path.open("rb") as file:
            return _Reading(path).read(file)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from error


class _Reading:
    """One pass over a recording."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._number = 0

    def read(self, file: Any) -> Resolution:
        digest = hashlib.sha256()
        head: dict[str, Any] | None = None
        vantages: dict[str, DnsVantage] = {}
        lookups: list[Lookup] = []
        while line := file.readline(LIMITS.max_recorded_line_bytes + 1):
            self._number += 1
            value = self._value(line)
            try:
                if head is None:
                    head = self._head(value)
                    vantages = _vantages(head)
                elif "end" in value:
                    self._end(value, len(lookups), digest.hexdigest(), file)
                    return _resolution(head, vantages, lookups)
                else:
                    lookups.append(_lookup(value, vantages))
            except (KeyError, TypeError, ValueError, UsageError) as error:
                raise self._fault(f"no lookup that this version can read ({type(error).__name__})") from error
            digest.update(line)
        raise self._fault("ends before its end: it was cut, or is no recording")

    def _fault(self, what: str) -> InputError:
        return InputError(what, path=self._path, line=max(self._number, 1))

    def _value(self, line: bytes) -> dict[str, Any]:
        if len(line) > LIMITS.max_recorded_line_bytes:
            raise self._fault(f"a line over {LIMITS.max_recorded_line_bytes:,} bytes")
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise self._fault("not JSON; a recording is what `residency resolve --record FILE` writes") from error
        if not isinstance(value, dict):
            raise self._fault("no JSON object; a recording is what `residency resolve --record FILE` writes")
        return value

    def _head(self, value: dict[str, Any]) -> dict[str, Any]:
        if value.get("schema") != SCHEMA:
            raise self._fault(f"no recording of schema {SCHEMA}, as `residency resolve --record FILE` writes it")
        return value

    def _end(self, value: dict[str, Any], count: int, digest: str, file: Any) -> None:
        if value.get("end") != count or value.get("sha256") != digest:
            raise self._fault("its content is not what its end says: the file was changed or damaged")
        if file.readline(1):
            raise self._fault("something follows its end")


def _vantages(head: dict[str, Any]) -> dict[str, DnsVantage]:
    found = [
        DnsVantage(name=str(v["name"]), servers=tuple(map(parse_server, v["servers"])), subnet=str(v["subnet"]))
        for v in head["vantages"]
    ]
    if any(str(type_) not in TYPES for type_ in head["types"]):
        raise ValueError("a type that is not known")
    return {vantage.name: vantage for vantage in found}


def _resolution(head: dict[str, Any], vantages: dict[str, DnsVantage], lookups: list[Lookup]) -> Resolution:
    kept = tuple(vantages.values())
    return Resolution(
        items=tuple(lookups),
        vantages=kept,
        types=tuple(map(str, head["types"])),
        snapshots=snapshots_of(lookups, kept),
        tool_version=str(head["tool"]["version"]),
    )


def _lookup(value: dict[str, Any], vantages: dict[str, DnsVantage]) -> Lookup:
    (question,) = read_questions([str(value["given"])])
    if question.name != value["name"]:
        question = Question(given=str(value["given"]), name=str(value["name"]), fault=question.fault)
    task = Task(question=question, vantage=vantages[value["vantage"]], round=int(value["round"]))
    replies = tuple(_reply(each) for each in value["replies"])
    at = _time(value["at"])
    if replies or question.fault:
        return make_lookup(task, replies, at)
    return without_replies(task, at, LookupOutcome(value["outcome"]), str(value["detail"]))


def _reply(value: dict[str, Any]) -> Reply:
    from dataclasses import replace

    wire, sent = _bytes(value["wire"]), _bytes(value["sent"])
    received = Received(
        transport=str(value["transport"]),
        wire=wire,
        fault=None if wire else LookupOutcome(value["outcome"]),
        detail=str(value["detail"]),
    )
    if str(value["type"]) not in TYPES:
        raise ValueError("a type that is not known")
    reply = read_reply(
        received,
        str(value["type"]),
        server=str(value["server"]),
        at=_time(value["at"]),
        took_ms=float(value["took_ms"]),
        sent=sent,
    )
    recorded = Dnssec(value["dnssec"])
    if recorded is Dnssec.BOGUS:
        return as_bogus(reply, str(value["detail"]))
    return replace(reply, dnssec=recorded) if recorded is Dnssec.VALIDATED else reply


def _bytes(text: str) -> bytes:
    try:
        found = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error
    if found and not 12 <= len(found) <= 65_535:
        raise ValueError("no DNS message")
    return found


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a time without offset")
    return found
