"""The range of candles that a call means: arguments checked before any request."""

from __future__ import annotations

import functools
import itertools
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from marketkit.coverage import Span
from marketkit.errors import InputError, InvalidRange
from marketkit.timeframe import (
    DAY,
    HOUR,
    SECOND,
    TIMEFRAMES,
    Timeframe,
    iso,
    parse_time,
    parse_timeframe,
)

Fill = Literal["none", "forward", "null"]
Source = Literal["auto", "lake", "exchange"]
Time = str | date | datetime
Instant = Time | int  # ms UTC, too

DEFAULT_COUNT = 200
UTC_DAYS = "00:00 UTC"

EVER = Span(0, 253_370_764_800_000)  # 1970 up to 9999: what a datetime can name and step over


@dataclass(frozen=True, slots=True)
class Window:
    """The candles a call means: `[start, end)` in ms UTC, or the newest `count` before `end`.

    `end=None` is the live edge (in the lake: the end of what is proved), `start=None` with no
    `count` the beginning of what the lake has. `forming` asks for the candle that is not
    finished, too, `fill` for rows in slots that are proved empty; then `count` counts them as well.
    `session` is where days begin, None for where the exchange's do.
    """

    timeframe: Timeframe
    start: int | None
    end: int | None
    count: int | None
    forming: bool = False
    fill: Fill = "none"
    session: Session | None = None

    def narrow(self, now: int) -> Window:
        """Give the window of the exchange's own candles that add up to the session's.

        There are some more where they are counted, for the oldest slot may lack its beginning.
        """
        if self.session is None:
            return self
        start, end, count = self.start, self.end, self.count
        until = max(now, (start or 0) + 1) if end is None else end
        since = max(0, until - (count or 1) * self.timeframe.width) if start is None else start
        # A whole year, so that winter and summer are asked for the same candles.
        base = self.session.base(self.timeframe, min(since, until - 366 * DAY), until)
        edges = self.session.edges(self.timeframe, since, until)
        longest = max(right - left for left, right in itertools.pairwise(edges)) + DAY
        return replace(
            self,
            timeframe=base,
            start=None if start is None else next(each for each in edges if each >= start),
            end=None if end is None else edges[-1],
            count=None if count is None else (count + 2) * (longest // base.width),
            forming=True,
            session=None,
        )


def read_window(
    timeframe: str | Timeframe,
    start: Time | None,
    end: Time | None,
    count: int | None,
    *,
    forming: bool = False,
    fill: Fill = "none",
    session: str = UTC_DAYS,
) -> Window:
    """Check the range a caller gives, before anything is asked.

    Raises `UnknownTimeframe`, `InputError` for a session that is none, or `InvalidRange` for a
    start at or after the end, a count below 1, a naive datetime, and a start together with a count.
    """
    width = parse_timeframe(timeframe)
    days = parse_session(session, width)
    first = None if start is None else parse_time(start)
    last = None if end is None else parse_time(end)
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise InvalidRange(f"count={count!r}: ask for at least one candle")
    if count is not None and first is not None:
        raise InvalidRange("give start and end, or count with or without end: not start and count")
    if first is not None and last is not None and first >= last:
        raise InvalidRange(f"start {iso(first)} is not before end {iso(last)}")
    return Window(width, first, last, count, forming, fill, days)


_SPELLED = re.compile(r"([01]\d|2[0-3]):([0-5]\d) (\S+)")


_BASES = ("1h", "30m", "15m", "10m", "5m", "3m", "1m")


@dataclass(frozen=True, slots=True)
class Session:
    """A time of day at which days, weeks, months and years begin, and from which hours count.

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


def window_of(start: Instant | None, end: Instant | None) -> Span:
    """Give the range a caller means; an open side reaches as far as time does."""
    return check_range(
        EVER.start if start is None else milliseconds(start),
        EVER.end if end is None else milliseconds(end),
    )


def milliseconds(time: Instant) -> int:
    """Give ms UTC of an instant: ms already, or anything `parse_time` takes."""
    return time if isinstance(time, int) else parse_time(time)


def check_range(start: int, end: int) -> Span:
    """Check that `[start, end)` is a range of times. Raises `InvalidRange`."""
    if not EVER.start <= start <= end <= EVER.end:
        raise InvalidRange(f"not a range of times: start={iso(start)}, end={iso(end)}")
    return Span(start, end)
