"""The hours in which everything is covered, whatever is seen."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from redact.errors import ConfigError

DAYS: tuple[str, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EXAMPLE = "for example 'mon-fri 08:00-18:00', 'sat,sun 22:00-06:00' or '07:30-24:00'"

_SPAN = re.compile(r"(?:(?P<days>[a-z,-]+) +)?(?P<first>\d?\d:\d\d) ?- ?(?P<last>\d?\d:\d\d)")
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Hours:
    """Some hours of some days of the week. first, last: since midnight; last may be of the next day."""

    days: frozenset[int]
    first: timedelta
    last: timedelta

    @classmethod
    def of(cls, text: str) -> Hours:
        """'mon-fri 08:00-18:00' as hours. Without days every day; over midnight into the next. Raises ConfigError."""
        match = _SPAN.fullmatch(text.strip().lower())
        if match is None:
            raise ConfigError(f"{text!r} are no hours", hint=EXAMPLE)
        first, last = _time(match["first"], text), _time(match["last"], text)
        if first in (last, _DAY):
            raise ConfigError(f"{text!r} begins where it ends", hint="a whole day is 00:00-24:00")
        return cls(_days(match["days"], text), first, last if last > first else last + _DAY)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Everything is covered outside the given hours. timezone: whose clock. cover: says so. Raises ConfigError.

    Where a clock is put back or forward the hours begin as late and end as early as that clock can be read.
    """

    outside: tuple[str, ...]
    timezone: str
    cover: Literal["everything"] = "everything"

    def __post_init__(self) -> None:
        if not self.outside:
            raise ConfigError("a schedule needs hours", hint=EXAMPLE)
        _parsed(self.outside)
        try:
            ZoneInfo(self.timezone)
        except (ValueError, OSError, LookupError):  # ZoneInfoNotFoundError is a KeyError
            raise ConfigError(
                f"timezone {self.timezone!r} is not known", hint="a name as Europe/Vienna or America/New_York, or UTC"
            ) from None

    def everything(self, now: datetime) -> bool:
        """Whether everything is to be covered at this moment. Raises ValueError without a time zone."""
        if now.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        today = now.astimezone(ZoneInfo(self.timezone)).date()
        days = (today - _DAY, today)
        return not any(self._within(hours, day, now) for hours in _parsed(self.outside) for day in days)

    def _within(self, hours: Hours, day: date, now: datetime) -> bool:
        if day.weekday() not in hours.days:
            return False
        return max(self._instants(day, hours.first)) <= now < min(self._instants(day, hours.last))

    def _instants(self, day: date, since: timedelta) -> tuple[datetime, datetime]:
        """When that day's clock shows a time: twice the same, but for the hour that comes twice, or never."""
        wall = datetime.combine(day, time()) + since
        first, second = (wall.replace(tzinfo=ZoneInfo(self.timezone), fold=fold).astimezone(UTC) for fold in (0, 1))
        return first, second


@functools.lru_cache
def _parsed(texts: tuple[str, ...]) -> tuple[Hours, ...]:
    return tuple(Hours.of(text) for text in texts)


def _time(text: str, span: str) -> timedelta:
    hour, minute = (int(part) for part in text.split(":"))
    if minute > 59 or hour * 60 + minute > 24 * 60:
        raise ConfigError(f"{span!r}: {text} is no time of the day", hint="00:00 to 24:00")
    return timedelta(hours=hour, minutes=minute)


def _days(text: str | None, span: str) -> frozenset[int]:
    if text is None:
        return frozenset(range(7))
    days: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS or part.endswith("-"):
            raise ConfigError(
                f"{span!r}: {part!r} is no day", hint=f"{', '.join(DAYS)}, mon-fri, or none for every day"
            )
        start = DAYS.index(first)
        days |= {(start + step) % 7 for step in range((DAYS.index(last or first) - start) % 7 + 1)}
    return frozenset(days)
