"""Where days begin for somebody who does not live by UTC: a time of day in a time zone."""

from __future__ import annotations

import functools
import itertools
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from marketkit.errors import InputError
from marketkit.timeframe import DAY, HOUR, SECOND, TIMEFRAMES, Timeframe

_SPELLED = re.compile(r"([01]\d|2[0-3]):([0-5]\d) (\S+)")
_BASES = ("1h", "30m", "15m", "10m", "5m", "3m", "1m")


@dataclass(frozen=True, slots=True)
class Session:
    """A time of day at which days, weeks, months and years begin; hours are counted from it.

    A day that a clock change makes an hour longer or shorter ends in a shorter `4h` slot. Where the
    clock skips the time of day, the day begins the moment it would have been.
    """

    at: time
    zone: ZoneInfo

    def edges(self, timeframe: Timeframe, start: int, end: int) -> list[int]:
        """Give the slot edges from the last at or before `start` to the first at or after `end`."""
        edges = list(self._edges(timeframe, start, end))
        return edges[bisect_right(edges, start) - 1 : bisect_left(edges, end) + 1]

    def base(self, timeframe: Timeframe, start: int, end: int) -> Timeframe:
        """Give the widest timeframe of the exchange that has these edges, too."""
        edges = self.edges(timeframe, start, end)
        for name in _BASES:
            if all(edge % TIMEFRAMES[name].width == 0 for edge in edges):
                return TIMEFRAMES[name]
        raise InputError(f"no candles of the exchange begin at {self}")

    def _edges(self, timeframe: Timeframe, start: int, end: int) -> Iterator[int]:
        if timeframe.width >= DAY:
            yield from map(self._open, _days(timeframe, start, end))
            return
        opens = list(map(self._open, _days(TIMEFRAMES["1d"], start, end)))
        for this, following in itertools.pairwise(opens):
            yield from range(this, following, timeframe.width)

    def _open(self, day: date) -> int:
        return int(datetime.combine(day, self.at, self.zone).timestamp()) * SECOND

    def __str__(self) -> str:
        return f"{self.at:%H:%M} {self.zone.key}"


@functools.cache
def parse_session(text: str, timeframe: Timeframe) -> Session | None:
    """Give the session a caller names (`00:00 Asia/Seoul`); None for the exchange's `00:00 UTC`.

    Raises `InputError` for any other spelling, an unknown zone, and widths below an hour.
    """
    found = _SPELLED.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise InputError(f"session={text!r}: give a time of day and a zone, as in 00:00 Asia/Seoul")
    hour, minute, name = found.groups()
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(f"session={text!r}: unknown time zone {name!r}") from None
    at = time(int(hour), int(minute))
    if at == time() and name == "UTC":
        return None
    if timeframe.width < HOUR:
        raise InputError(f"session={text!r} means candles of 1h and wider, not of {timeframe}")
    return Session(at, zone)


def _days(timeframe: Timeframe, start: int, end: int) -> Iterator[date]:
    """Give the days on which slots open, from well before `start` to well after `end`."""
    day, last = _day(timeframe.previous(start) - 2 * DAY), _day(timeframe.next(end) + 2 * DAY)
    if timeframe.name == "1w":
        day -= timedelta(day.weekday())
    while day <= last:
        if timeframe.name == "1y":
            opens = (day.month, day.day) == (1, 1)
        else:
            opens = timeframe.name != "1M" or day.day == 1
        if opens:
            yield day
        day += timedelta(7 if timeframe.name == "1w" else 1)


def _day(moment: int) -> date:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment)).date()
