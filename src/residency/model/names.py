"""Host names and the patterns of a claim's scope, in one normal form.

A name is lower case, without the root dot, IDNA 2008 A-labels (UTS 46 non-transitional, so `faß.de` is
`xn--fa-hia.de`). A pattern is a name, `*.NAME` for its subdomains, or `*` for everything. Whether a
pattern is a public suffix is asked at the border (`residency.claims`), which holds that list.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import idna

_LABEL = r"[a-z0-9_*-]{1,63}"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_MAX_NAME = 253

T = TypeVar("T")


class HostNameError(ValueError):
    """A text that is no host name; the message says why and what to do."""


def normalise_host(text: str) -> str | None:
    """Return the normal form of a host name, or None where `text` is an address and no name.

    Raises HostNameError (a ValueError) for anything else: a URL, a port, user information, a bad label.
    """
    name = text.strip().lower()
    if name.endswith("."):
        name = name[:-1]
    if not (name.isascii() and _NAME.fullmatch(name) and "xn--" not in name):
        name = _normalise_slowly(text.strip())
        if not name:
            return None
    if len(name) > _MAX_NAME:
        raise HostNameError(f"host name longer than {_MAX_NAME} octets")
    if name[-1].isdigit() and _is_address(name):
        return None
    return name


def _normalise_slowly(text: str) -> str:
    """Explain what is wrong with an unusual name, or convert it; "" for an address."""
    if not text:
        raise HostNameError("empty host name")
    if "://" in text:
        raise HostNameError("a URL where a host name belongs; give the name alone")
    if _is_address(text.strip("[]").partition("%")[0]):
        return ""
    if "@" in text:
        raise HostNameError("user information before a host name; give the name alone")
    if re.search(r":\d*$", text):
        raise HostNameError("a port after a host name; give the name alone")
    if "/" in text:
        raise HostNameError("a path after a host name; give the name alone")
    if len(text) > 4 * _MAX_NAME:
        raise HostNameError(f"host name longer than {_MAX_NAME} octets")
    if any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zs") for c in text):
        raise HostNameError("host name with an invisible or control character")
    stem = text[:-1] if text.endswith((".", "。")) else text
    try:
        if stem.isascii():
            return _checked_ascii(stem.lower())
        return idna.encode(stem, uts46=True, transitional=False, std3_rules=False).decode("ascii")
    except (idna.IDNAError, UnicodeError, IndexError) as error:
        raise HostNameError(f"not a host name: {_first_line(error)}") from error


def _checked_ascii(name: str) -> str:
    for label in name.split("."):
        if not label:
            raise HostNameError("host name with an empty label")
        if len(label) > 63:
            raise HostNameError("host name with a label longer than 63 octets")
        if not re.fullmatch(_LABEL, label):
            raise HostNameError("host name with a character that no name has")
        if label.startswith("xn--"):
            idna.ulabel(label)
    return name


_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)


def ends_in_number(host: str) -> bool:
    """Is the last label of a normal name a number, decimal or hexadecimal?

    No such name can exist, and some programs read it as an address, each as another one (`010.0.0.1`).
    """
    return _NUMBER.fullmatch(host.rpartition(".")[2]) is not None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:80] if str(error) else type(error).__name__


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


# Letters that look like Latin ones in common fonts; enough to warn, never used to match.
_LOOKALIKES = str.maketrans("аеіојрсухѕԁɡһӏοαντρ", "aeiojpcyxsdghloavtp")


def looks_like(host: str) -> str | None:
    """Return the ASCII name that an internationalised `host` resembles, or None where it has no twin."""
    if "xn--" not in host:
        return None
    try:
        shown = idna.decode(host)
    except (idna.IDNAError, UnicodeError):
        return None
    stripped = "".join(c for c in unicodedata.normalize("NFKD", shown) if not unicodedata.combining(c))
    twin = stripped.translate(_LOOKALIKES)
    return twin if twin.isascii() and twin != host else None


@dataclass(frozen=True, slots=True)
class HostPattern:
    """`x.org` (that name only), `*.x.org` (its subdomains only) or `*` (every flow, named or not)."""

    text: str

    @classmethod
    def parse(cls, text: str) -> HostPattern:
        """Read a pattern strictly; raises HostNameError with what to do."""
        if text == "*":
            return cls("*")
        stem = text.removeprefix("*.")
        if "*" in stem:
            raise HostNameError("`*` must be a whole first label, as in *.example.org")
        name = normalise_host(stem)
        if name is None:
            raise HostNameError("an address where a host pattern belongs; use [[claim.network]]")
        return cls(f"*.{name}" if text.startswith("*.") else name)

    @property
    def is_everything(self) -> bool:
        """Does it say every flow?"""
        return self.text == "*"

    @property
    def is_wildcard(self) -> bool:
        """Does it match subdomains?"""
        return self.text.startswith("*")

    @property
    def stem(self) -> str:
        """The name without the leading `*.`; "" for `*`."""
        return self.text.removeprefix("*").removeprefix(".")

    def matches(self, host: str) -> bool:
        """Does a normalised host fall under this pattern?"""
        if self.is_everything:
            return True
        return host.endswith("." + self.stem) if self.is_wildcard else host == self.text

    def __str__(self) -> str:
        return self.text


class PatternTable(Generic[T]):
    """Patterns with a value each, answering the most specific match in time linear in a name's labels."""

    def __init__(self, items: Iterable[tuple[HostPattern, T]]) -> None:
        self._exact: dict[str, T] = {}
        self._under: dict[str, T] = {}
        for pattern, value in items:
            table = self._under if pattern.is_wildcard else self._exact
            table.setdefault(pattern.stem, value)

    def find(self, host: str) -> T | None:
        """Return the value of the most specific pattern that matches `host`, or None."""
        found = self._exact.get(host)
        if found is not None:
            return found
        under = self._under
        if not under:
            return None
        dot = host.find(".")
        while dot >= 0:
            found = under.get(host[dot + 1 :])
            if found is not None:
                return found
            dot = host.find(".", dot + 1)
        return under.get("")

    @property
    def everything(self) -> T | None:
        """The value of the pattern `*`, if there is one."""
        return self._under.get("")
