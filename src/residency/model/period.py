"""Half-open intervals of time, and the integer microseconds in which flows carry their times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
DAY_US = 86_400_000_000


def to_us(moment: datetime) -> int:
    """Return microseconds since 1970-01-01T00:00Z of an aware time, exactly (no float)."""
    if moment.tzinfo is None:
        raise ValueError("a time needs an offset")
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def from_us(value: int) -> datetime:
    """Return the aware UTC time of `value` microseconds since the epoch."""
    return _EPOCH + timedelta(microseconds=value)


def moved(moment: datetime, by: timedelta) -> datetime:
    """Return `moment + by`, held at the first and last instant that a datetime can say."""
    try:
        return moment + by
    except OverflowError:
        return _FIRST if by < timedelta(0) else _LAST


def midnight(day: date) -> datetime:
    """Return the instant at which `day` begins in UTC."""
    return datetime.combine(day, time(), tzinfo=UTC)


def rfc3339(moment: datetime) -> str:
    """Format an aware time as RFC 3339 in UTC, with microseconds only where there are any."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


@lru_cache(maxsize=1_000)
def _interval(start: datetime | None, end: datetime | None) -> str:
    """Format an interval, kept: every finding names one of few."""
    ends = [".." if edge is None else rfc3339(edge) for edge in (start, end)]  # `..`: open, as in ISO 8601-2
    return "/".join(ends)


@dataclass(frozen=True, slots=True)
class Period:
    """The half-open interval [start, end) in UTC; None means open on that side."""

    start: datetime | None = None
    end: datetime | None = None

    def __post_init__(self) -> None:
        for moment in (self.start, self.end):
            if moment is not None and moment.tzinfo is None:
                raise ValueError("a period needs times with an offset")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError("a period must end after it starts")

    def __contains__(self, moment: datetime) -> bool:
        return (self.start is None or self.start <= moment) and (self.end is None or moment < self.end)

    def __str__(self) -> str:
        return _interval(self.start, self.end)

    @property
    def edges(self) -> tuple[datetime, ...]:
        """The finite ends: the instants at which membership changes."""
        return tuple(edge for edge in (self.start, self.end) if edge is not None)


ALWAYS = Period()
