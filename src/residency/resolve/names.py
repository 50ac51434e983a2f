"""What is asked: names in their normal form, addresses as their reverse names. Nothing is expanded or guessed.

A relative name is asked as if it ended in a dot: search domains would tell other people's servers what is looked for.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from residency.errors import LimitError, UsageError, shorten
from residency.limits import LIMITS
from residency.model.names import HostNameError, ends_in_number, normalise_host

TYPES = {"A": 1, "CNAME": 5, "PTR": 12, "AAAA": 28, "SVCB": 64, "HTTPS": 65}
"""The types of records that can be asked for."""

# Names that must never reach a name server (RFC 6761 section 6.3, RFC 7686).
_NEVER_ASKED = {"localhost": "names under localhost stay on this machine", "onion": "onion names are not in the DNS"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A name to ask for: as given, in normal form, or the reason why it is never asked."""

    given: str
    name: str
    is_reverse: bool = False
    fault: str = ""


def read_questions(texts: str | Iterable[str]) -> tuple[Question, ...]:
    """Return what is to be asked, each name once, in the order given; raises LimitError for too many."""
    found: dict[str, Question] = {}
    for text in [texts] if isinstance(texts, str) else texts:
        question = _read(text)
        found.setdefault(question.name, question)
        if len(found) > LIMITS.max_names_to_resolve:
            raise LimitError(f"more than {LIMITS.max_names_to_resolve:,} names; resolve them in several runs")
    return tuple(found.values())


def _read(text: str) -> Question:
    try:
        name = normalise_host(text)
    except HostNameError as error:
        return Question(given=text, name=shorten(text), fault=str(error))
    if name is None:
        return _reverse(text)
    fault = _NEVER_ASKED.get(name.rpartition(".")[2], "")
    if ends_in_number(name):
        fault = "a number at its end: no name ends so, and programs take it for different addresses"
    return Question(given=text, name=name, fault=fault)


def _reverse(text: str) -> Question:
    """Return the question for the names of an address (RFC 1035 section 3.5, RFC 3596 section 2.5)."""
    bare = text.strip().strip("[]")
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return Question(given=text, name=shorten(text), fault="an address that has no reverse name")
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        return Question(given=text, name=shorten(text), fault="an address with a zone has no reverse name")
    return Question(given=text, name=address.reverse_pointer, is_reverse=True)


def read_types(types: Iterable[str]) -> tuple[str, ...]:
    """Return the types to ask for, each once; raises UsageError for one that is not known."""
    found = tuple(dict.fromkeys(text.strip().upper() for text in types))
    for name in found:
        if name not in TYPES:
            raise UsageError(f"type `{shorten(name)}`: one of {', '.join(sorted(TYPES))}")
    if not found:
        raise UsageError("no type to ask for; give A, AAAA, HTTPS, SVCB, CNAME or PTR")
    return found


def wire_name(name: str) -> bytes:
    """Return a normal name in wire form (RFC 1035 section 3.1)."""
    return b"".join(bytes((len(label),)) + label.encode("ascii") for label in name.split(".")) + b"\0"
