"""residency: is observed traffic consistent with what was declared about where data is kept?

    >>> import residency
    >>> report = residency.audit("claims.toml", ["conn.log", "ssl.log"])   # doctest: +SKIP
    >>> report.verdict("acme.eu")                                           # doctest: +SKIP
    <Verdict.CONSISTENT: 'consistent'>

Names are loaded when they are first used, so that importing the package stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from residency._version import __version__
from residency.model.shown import show_with

if TYPE_CHECKING:
    from residency.auditing import audit
    from residency.auditing.locating import locate
    from residency.auditing.packs import load_pack
    from residency.errors import (
        ClaimError,
        InputError,
        LimitError,
        ResidencyError,
        SourceError,
        UsageError,
    )
    from residency.model.claim import Claim, Pack
    from residency.model.evidence import Assurance, Evidence, Snapshot, Statement
    from residency.model.network import Vantage
    from residency.model.place import Area, Place, Site
    from residency.model.verdict import Finding, Outcome, Report, Verdict
    from residency.resolve import aresolve as aresolve
    from residency.resolve import resolve
    from residency.sources.memory import MemorySource

_HOMES = {
    "audit": "residency.auditing",
    "locate": "residency.auditing.locating",
    "load_pack": "residency.auditing.packs",
    **dict.fromkeys(
        ("ClaimError", "InputError", "LimitError", "ResidencyError", "SourceError", "UsageError"),
        "residency.errors",
    ),
    **dict.fromkeys(("Claim", "Pack"), "residency.model.claim"),
    **dict.fromkeys(("Assurance", "Evidence", "Snapshot", "Statement"), "residency.model.evidence"),
    "Vantage": "residency.model.network",
    **dict.fromkeys(("Area", "Place", "Site"), "residency.model.place"),
    **dict.fromkeys(("Finding", "Outcome", "Report", "Verdict"), "residency.model.verdict"),
    "MemorySource": "residency.sources.memory",
    "aresolve": "residency.resolve",  # the twin of `resolve`; not listed, so that one name stands for both
}
_CALLABLE_PACKAGES = ("resolve",)

__all__ = [
    "Area",
    "Assurance",
    "Claim",
    "ClaimError",
    "Evidence",
    "Finding",
    "InputError",
    "LimitError",
    "MemorySource",
    "Outcome",
    "Pack",
    "Place",
    "Report",
    "ResidencyError",
    "Site",
    "Snapshot",
    "SourceError",
    "Statement",
    "UsageError",
    "Vantage",
    "Verdict",
    "__version__",
    "audit",
    "load_pack",
    "locate",
    "resolve",
]


show_with(lambda: import_module("residency.notebook"))


def __getattr__(name: str) -> object:
    if name in _CALLABLE_PACKAGES:
        return import_module(f"residency.{name}")  # the import itself sets the attribute
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'residency' has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
