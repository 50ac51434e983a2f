"""The leaf values of a claim file: dates, words, places, host patterns, networks, addresses of pages.

Each reader takes what TOML or JSON gave and returns the value or refuses it in one line that says what to
write instead. Which keys a table has is told in `schema`.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from residency.errors import did_you_mean, shorten
from residency.model.claim import Activity, Binding, Modality, Role
from residency.model.names import HostNameError, HostPattern
from residency.model.period import midnight
from residency.model.place import Gazetteer, UnknownPlaceError
from residency.suffixes import is_icann_suffix

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})?"
)
ID_PATTERN = r"^[a-z0-9][a-z0-9._-]*$"
_ID = re.compile(r"[a-z0-9][a-z0-9._-]*")
_URL = re.compile(r"https?://[^\s<>\"'`\\^{|}]+")


class SourceKind(StrEnum):
    """What kind of page a source is."""

    FIRST_PARTY = "first_party"
    REGULATOR = "regulator"
    COURT = "court"
    PRESS = "press"
    SECONDARY = "secondary"
    CODE = "code"
    FEED = "feed"


class Expectation(StrEnum):
    """The verdict that a worked case expects."""

    CONSISTENT = "consistent"
    VIOLATED = "violated"
    INCONCLUSIVE = "inconclusive"


def refuse(text: str) -> PydanticCustomError:
    """Return the error that pydantic carries as it is."""
    return PydanticCustomError("residency", "{text}", {"text": text})


def kind_of(value: object) -> str:
    """Name the type of a value as a person who writes TOML would."""
    names: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (bool, "true or false"),
        (str, "text"),
        (int, "a whole number"),
        (float, "a number"),
        ((datetime, date, time), "a date or time"),
        ((list, tuple), "a list"),
        (dict, "a table"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "null")


def read_moment(value: object) -> datetime:
    """Read a UTC date (its midnight) or a date-time with offset; local times are refused."""
    if isinstance(value, str):
        value = _moment_from_text(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise refuse("a local date-time; add the offset, as in 2023-09-05T00:00:00Z")
        try:
            return value.astimezone(UTC)
        except OverflowError:
            raise refuse("a date-time out of range") from None
    if isinstance(value, date):
        return midnight(value)
    if isinstance(value, time):
        raise refuse("a local time; write a date (its midnight UTC) or a date-time with offset")
    raise refuse(f"must be a date or a date-time with offset, as in 2023-09-05, not {kind_of(value)}")


def _moment_from_text(text: str) -> date | datetime:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
        if _MOMENT.fullmatch(text):
            return datetime.fromisoformat(text.upper())
    except ValueError:
        raise refuse(f"`{shorten(text, 40)}` is no date of the calendar") from None
    raise refuse(f"`{shorten(text, 40)}` is no date; write 2023-09-05 or 2023-09-05T10:00:00Z")


def read_day(value: object) -> date:
    """Read a date without a time."""
    if isinstance(value, str):
        value = _moment_from_text(value)
    if isinstance(value, datetime) or not isinstance(value, date):
        raise refuse(f"must be a date without a time, as in 2023-09-05, not {kind_of(value)}")
    return value


def _word(kind: type[StrEnum]) -> BeforeValidator:
    """Return a reader of one word of an enumeration that lists the allowed ones."""

    def read(value: object) -> StrEnum:
        if isinstance(value, str):
            try:
                return kind(value)
            except ValueError:
                pass
        allowed = [str(item) for item in kind]
        shown = f"`{shorten(value, 40)}`" if isinstance(value, str) else kind_of(value)
        hint = did_you_mean(value, allowed) if isinstance(value, str) else ""
        raise refuse(f"{shown} is none of {', '.join(allowed)}{hint}")

    return BeforeValidator(read)


def _check_place(value: str, info: ValidationInfo) -> str:
    gazetteer: Gazetteer | None = (info.context or {}).get("gazetteer")
    if gazetteer is not None:
        try:
            gazetteer.check(value)
        except UnknownPlaceError as error:
            raise refuse(shorten(str(error), 400)) from None
    return value


def _check_pattern(value: str) -> str:
    try:
        pattern = HostPattern.parse(value)
    except HostNameError as error:
        raise refuse(f"`{shorten(value)}`: {shorten(str(error), 200)}") from None
    if not pattern.is_everything and is_icann_suffix(pattern):
        raise refuse(
            f"`{shorten(value)}` is a public suffix, under which anybody may register; "
            "name the organisation's own domain"
        )
    return pattern.text


def _check_cidr(value: str) -> str:
    _, slash, length = value.partition("/")
    if "%" in value or (slash and not (length.isascii() and length.isdigit())):
        raise refuse(f"`{shorten(value)}` is no network; write it as 192.0.2.0/24 or 2001:db8::/32")
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        pass
    try:
        wide = ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise refuse(f"`{shorten(value)}` is no network; write it as 192.0.2.0/24 or 2001:db8::/32") from None
    raise refuse(f"`{shorten(value)}` has host bits set; the network is {wide}")


def _check_id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise refuse(
            f"`{shorten(value)}` is no id; use lower-case letters, digits, dots, _ and -, "
            "and begin with a letter or digit"
        )
    return value


def _check_text(value: str) -> str:
    if not value.strip():
        raise refuse("is empty; say what is meant")
    return value


def _check_url(value: str) -> str:
    if not _URL.fullmatch(value):
        raise refuse(f"`{shorten(value)}` is no address of a page; write it as https://…")
    return value


_MOMENT_SCHEMA: dict[str, Any] = {
    "type": "string",
    "anyOf": [{"format": "date"}, {"format": "date-time"}],
    "description": "a UTC date (its midnight) or a date-time with offset",
}
_DAY_SCHEMA: dict[str, Any] = {"type": "string", "format": "date"}

Moment = Annotated[datetime | None, BeforeValidator(read_moment), WithJsonSchema(_MOMENT_SCHEMA)]
Day = Annotated[date, BeforeValidator(read_day), WithJsonSchema(_DAY_SCHEMA)]
MaybeDay = Annotated[date | None, BeforeValidator(read_day), WithJsonSchema(_DAY_SCHEMA)]
ActivityWord = Annotated[Activity, _word(Activity)]
ModalityWord = Annotated[Modality, _word(Modality)]
BindingWord = Annotated[Binding, _word(Binding)]
_ROLES = {"type": "string", "enum": [str(role) for role in Role]}
MaybeRole = Annotated[Role | None, _word(Role), WithJsonSchema(_ROLES)]
_KINDS = {"type": "string", "enum": [str(kind) for kind in SourceKind]}
MaybeSourceKind = Annotated[SourceKind | None, _word(SourceKind), WithJsonSchema(_KINDS)]
ExpectationWord = Annotated[Expectation, _word(Expectation)]
_ACTIVITIES = {"type": "string", "enum": [str(activity) for activity in Activity]}
MaybeActivity = Annotated[Activity | None, _word(Activity), WithJsonSchema(_ACTIVITIES)]
PlaceName = Annotated[str, AfterValidator(_check_place)]
PatternText = Annotated[str, AfterValidator(_check_pattern)]
CidrText = Annotated[str, AfterValidator(_check_cidr)]
IdText = Annotated[str, AfterValidator(_check_id), Field(json_schema_extra={"pattern": ID_PATTERN})]
Text = Annotated[str, AfterValidator(_check_text), Field(json_schema_extra={"minLength": 1})]
Url = Annotated[str, AfterValidator(_check_url), Field(json_schema_extra={"pattern": "^https?://"})]
Port = Annotated[int, Field(ge=0, le=65_535)]
Asn = Annotated[int, Field(ge=1, le=4_294_967_295)]
