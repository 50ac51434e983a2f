"""A commented claim file to begin with (`residency claims new`)."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from residency.claims.fields import ID_PATTERN
from residency.claims.schema import SCHEMA
from residency.errors import UsageError, shorten
from residency.model.claim import Activity, party_key
from residency.model.names import HostNameError, HostPattern

_TEXT = """\
# What {shown} declares about where data is kept. Reference: `residency claims schema`.
# Check this file with `residency claims lint FILE`, use it with `residency audit TRAFFIC --claims FILE`.
schema = "{schema}"
vendor = {vendor}

[[claim]]
id = "{claim_id}"
statement = {statement}
# Observable: connection, processing, telemetry, transit, storage.
# Never observable, kept in the report: access, backup, support, ownership, oversight.
activity = "{activity}"
# Places: countries ("IE"), parts ("ES-CN"), sets ("EU", "EEA", "EFTA", "ADEQUATE", "WORLD", "VENDOR:..."),
# sites ("site:tiktok/hamar"), provider regions ("provider:aws/eu-west-1").
allow = {allow}
# forbid = ["CN"]
# absolute: always holds; default: exceptions are possible; migrating: from `complete` on
modality = "absolute"
# Half-open: from its first instant until just before its end. Dates are midnight UTC.
# effective = {{ from = 2025-01-01, until = 2026-01-01 }}
# Who makes or controls the claim, besides the vendor: what only they say never makes it `consistent`.
parties = {parties}
# Whose data is meant; then state the clients at the audit (`--clients`).
# subjects = ["EEA"]
# *.example.org is any subdomain, example.org that name only.
hosts = {hosts}
# ports = [443]

# A host with a role (data, storage, api, app, edge, telemetry, cdn, auth, control_plane):
# [[claim.host]]
# pattern = "files.example.org"
# role = "storage"
# binding = "documented"        # or observed, label

# [[claim.exception]]
# id = "cdn"
# hosts = ["*.cdn.example.org"]
# why = "public media on a global delivery network"

# The page that says it:
[[claim.source]]
url = "https://www.example.org/replace-by-the-page-that-says-it"
kind = "first_party"
supports = "the statement above"
"""


def template(
    claim_id: str = "acme.eu",
    vendor: str = "Acme",
    *,
    activity: str = "processing",
    allow: Sequence[str] = ("EEA",),
    hosts: Sequence[str] = (),
    statement: str = "",
) -> str:
    """Return a commented claim file that loads without a fault and lints without a warning.

    Places are checked when the file is loaded. Raises UsageError for an id, activity, host or text that no
    claim file may hold.
    """
    if not re.match(ID_PATTERN, claim_id) or claim_id != claim_id.strip():
        raise UsageError(f"`{shorten(claim_id)}` is no claim id; use lower-case letters, digits, dots, _ and -")
    if activity not in [str(a) for a in Activity]:
        raise UsageError(f"`{shorten(activity)}` is no activity; one of {', '.join(Activity)}")
    if not allow:
        raise UsageError("name at least one place that is allowed")
    name = party_key(vendor)
    shown_hosts = [_host(h) for h in hosts] or [f"*.{_label(name)}.example", f"{_label(name)}.example"]
    return _TEXT.format(
        schema=SCHEMA,
        shown=_text(vendor)[1:-1],
        vendor=_text(vendor),
        claim_id=claim_id,
        statement=_text(statement or f"Replace this by what {vendor} says, in its own words."),
        activity=activity,
        allow=_list(allow),
        parties=_list([name]),
        hosts=_list(shown_hosts),
    )


def _host(pattern: str) -> str:
    try:
        return HostPattern.parse(pattern).text
    except HostNameError as error:
        raise UsageError(f"`{shorten(pattern)}`: {shorten(error)}") from error


def _label(name: str) -> str:
    return re.sub(r"[^a-z0-9-]", "", name)[:60].strip("-") or "vendor"


def _text(value: str) -> str:
    """Write a TOML basic string; refuse what cannot stand on one printable line."""
    if not value.strip() or not value.isprintable():
        raise UsageError(f"`{shorten(value)}` is not one line of printable text")
    return json.dumps(value, ensure_ascii=False)


def _list(values: Sequence[str]) -> str:
    return "[" + ", ".join(_text(value) for value in values) + "]"
