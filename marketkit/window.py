"""The range of candles that a call means, and where its days begin: checked before any request."""

from __future__ import annotations

import functools
import itertools
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
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
    narrower,
    parse_time,
    parse_timeframe,
)

Fill = Literal["none", "forward", "null"]
Source = Literal["auto", "lake", "exchange"]
Time = str | date | datetime
Instant = Time | int  # ms UTC, too

DEFAULT_COUNT = 200

EVER = Span(0, 253_370_764_800_000)  # 1970 up to 9999: what a datetime can name and step over

UTC_DAYS = "00:00 UTC"

_SPELLED = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?: (\S+)|([+-]\S+|Z))")
_OFFSET = re.compile(r"(?:UTC)?([+-])([01]?\d)(?::?([0-5]\d))?")

_FIRST = parse_time("2017-01-01")  # no candle of the exchange is older
_LAST = parse_time("2038-01-01")  # tables of zones end here; later years repeat the last one
_STEPS = {"3d": 3, "1w": 7}  # days from one slot to the next
_LONGEST = {"1M": 31 * DAY, "1y": 366 * DAY}


@dataclass(frozen=True, slots=True)
class Session:
    """A time of day at which days, weeks, months and years begin, and from which hours count.

    A day that a clock change makes an hour longer or shorter ends in a shorter `4h` slot. Where the
    clock skips the time of day, the day begins the moment it would have been.
    """

    at: time
    zone: tzinfo

    def edges(self, timeframe: Timeframe, start: int, end: int) -> list[int]:
        """Give the slot edges from the last at or before `start` to the first at or after `end`."""
        edges = list(self._edges(timeframe, start, end))
        return edges[bisect_right(edges, start) - 1 : bisect_left(edges, end) + 1]

    def back(self, timeframe: Timeframe, end: int, slots: int) -> int:
        """Give the edge that lies `slots` before the first one at or after `end`, at least 0."""
        reach = slots * _LONGEST.get(timeframe.name, timeframe.width) + 2 * DAY
        edges = self.edges(timeframe, max(0, end - reach), end)
        return max(0, edges[-1 - slots]) if slots < len(edges) else 0

    def ceil(self, timeframe: Timeframe, moment: int) -> int:
        """Give the first edge at or after a moment."""
        return self.edges(timeframe, moment, moment)[-1]

    def base(self, timeframe: Timeframe, start: int, end: int) -> Timeframe:
        """Give the widest timeframe of the exchange that has these edges, too."""
        edges = self.edges(timeframe, start, end)
        own: tuple[Timeframe, ...] = () if timeframe.made_of else (timeframe,)
        for each in (*own, *narrower(timeframe)):
            # Seconds are on the exchange for three months only.
            if each.width > SECOND and all(each.floor(edge) == edge for edge in edges):
                return each
        raise InputError(f"no candles of the exchange begin at {self}")

    def is_own(self, timeframe: Timeframe) -> bool:
        """Say whether the exchange's own slots of a width begin at these moments, in all years."""
        days = timeframe if timeframe.width >= DAY else TIMEFRAMES["1d"]
        opens = map(self._open, _days(days, _FIRST, _LAST))
        return all(timeframe.floor(each) == each for each in opens)

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
        return f"{self.at:%H:%M} {self.zone}"


OWN_DAYS = Session(time(0), UTC)  # as the exchange has them


@functools.cache
def parse_session(text: str, timeframe: Timeframe) -> Session | None:
    """Give the session a caller names; None where the exchange's own slots begin just so.

    That is `00:00 UTC` for every width, and each other spelling of it, such as `09:00 Asia/Seoul`
    or `09:00 +09:00`; for `1h` every whole hour. Raises `InputError` for any other text, an
    unknown zone, and widths below an hour.
    """
    if text == UTC_DAYS:
        return None  # as nearly all say it: twenty years need not be gone through
    found = _SPELLED.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise InputError(f"session={text!r}: give a time of day and a zone, as in 00:00 Asia/Seoul")
    hour, minute, name, offset = found.groups()
    session = Session(time(int(hour), int(minute)), _zone(text, name or offset))
    if session.is_own(timeframe if timeframe.width >= HOUR else TIMEFRAMES["1d"]):
        return None
    if timeframe.width < HOUR:
        raise InputError(f"session={text!r} means candles of 1h and wider, not of {timeframe}")
    return session


def _zone(text: str, name: str) -> tzinfo:
    """Read a zone: a name of the tz database, `Z`, or an offset from UTC."""
    if found := _OFFSET.fullmatch(name):
        sign, hours, minutes = found.groups()
        offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
        return timezone(-offset if sign == "-" else offset)
    try:
        return ZoneInfo("UTC" if name == "Z" else name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        meant = f"; write {text[:5]} Asia/Seoul" if name.upper() == "KST" else ""
        raise InputError(f"session={text!r}: unknown time zone {name!r}{meant}") from None


def _days(timeframe: Timeframe, start: int, end: int) -> Iterator[date]:
    """Give the days on which slots open, from well before `start` to well after `end`."""
    # By two slots at the end: between a slot's beginning here and on the exchange the next is over.
    day, last = _day(timeframe.previous(start) - 2 * DAY), _day(timeframe.shift(end, 2) + 2 * DAY)
    if timeframe.name == "1w":
        day -= timedelta(day.weekday())
    elif timeframe.name == "3d":
        day -= timedelta(day.toordinal() % 3)  # 1970-01-01 is a multiple of three
    while day <= last:
        if timeframe.name == "1y":
            opens = (day.month, day.day) == (1, 1)
        else:
            opens = timeframe.name != "1M" or day.day == 1
        if opens:
            yield day
        day += timedelta(_STEPS.get(timeframe.name, 1))


def _day(moment: int) -> date:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment)).date()


@dataclass(frozen=True, slots=True)
class Window:
    """The candles a call means: `[start, end)` in ms UTC, or the newest `count` before `end`.

    `end=None` is the live edge (in the lake: the end of what is proved), `start=None` with no
    `count` the beginning of what the lake has. `forming` asks for the candle that is not
    finished, too, `fill` for rows in slots that are proved empty; then `count` counts them as well.
    `derive=False` asks for the exchange's own candles and none made of narrower ones. `session`
    is where days begin, None for where the exchange's do; `into` the window of a session that
    these candles are to be added up for.
    """

    timeframe: Timeframe
    start: int | None
    end: int | None
    count: int | None
    forming: bool = False
    fill: Fill = "none"
    session: Session | None = None
    derive: bool = True
    into: Window | None = None

    @property
    def wanted(self) -> int | None:
        """The count of candles the caller wants, of a session where there is one."""
        return self.count if self.into is None else self.into.count

    def narrow(self, now: int) -> Window:
        """Give the window of the exchange's own candles that add up to the session's.

        Where the candles are counted only its end is known; `back` says how far it must reach.
        """
        if self.session is None:
            return self
        start, end, count = self.start, self.end, self.count
        until = max(now, (start or 0) + 1) if end is None else end
        since = max(0, until - (count or 1) * self.timeframe.width) if start is None else start
        # A whole year, so that winter and summer are asked for the same candles.
        base = self.session.base(self.timeframe, min(since, until - 366 * DAY), until)
        if base is self.timeframe:
            return replace(self, session=None)
        return replace(
            self,
            timeframe=base,
            start=None if start is None else self.session.ceil(self.timeframe, start),
            end=None if end is None else self.session.ceil(self.timeframe, end),
            count=None,
            forming=True,
            session=None,
            into=self,
        )

    def back(self, end: int, slots: int) -> int:
        """Give the start of the slot that lies `slots` before `end`, at least 0."""
        if self.into is not None and self.into.session is not None:
            return self.into.session.back(self.into.timeframe, end, slots)
        return self.timeframe.shift(end, -slots) if slots < self.timeframe.count(0, end) else 0

    def ceil(self, moment: int) -> int:
        """Give the first moment from `moment` on at which an answer can begin with a whole slot."""
        if self.into is not None and self.into.session is not None:
            return self.into.session.ceil(self.into.timeframe, moment)
        return self.timeframe.ceil(moment)


def read_window(
    timeframe: str | Timeframe,
    start: Time | None,
    end: Time | None,
    count: int | None,
    *,
    forming: bool = False,
    fill: Fill = "none",
    session: str = UTC_DAYS,
    derive: bool = True,
    now: int | None = None,
) -> Window:
    """Check the range a caller gives, before anything is asked; `-30d` is before `now`.

    Raises `UnknownTimeframe`, `InputError` for a session that is none, for one or a width that is
    not the exchange's own where nothing may be derived, or `InvalidRange` for a start at or after
    the end, a count below 1, a naive datetime, and a start together with a count.
    """
    width = parse_timeframe(timeframe, made=True)
    days = parse_session(session, width)
    if width.made_of and not derive:
        raise InputError(
            f"derive=False: the exchange has no {width} candles, they are made of {width.made_of}"
        )
    if width.made_of and days is None:
        days = OWN_DAYS
    if days is not None and not derive:
        raise InputError(
            f"derive=False: the exchange has no {width} candles that begin at {days}, only at"
            f" {UTC_DAYS}"
        )
    first = None if start is None else parse_time(start, now)
    last = None if end is None else parse_time(end, now)
    check_count(count)
    if count is not None and first is not None:
        raise InvalidRange("give start and end, or count with or without end: not start and count")
    if first is not None and last is not None and first >= last:
        raise InvalidRange(f"start {iso(first)} is not before end {iso(last)}")
    return Window(width, first, last, count, forming, fill, days, derive)


def check_count(count: object) -> None:
    """Refuse a count of candles or trades that is none. Raises `InvalidRange`."""
    if count is None or (isinstance(count, int) and not isinstance(count, bool) and count > 0):
        return
    if isinstance(count, str) and count.strip().isdecimal():
        raise InvalidRange(f"count={count!r} is text: write count={count.strip()}, without quotes")
    raise InvalidRange(f"count={count!r}: ask for at least one candle")


def window_of(start: Instant | None, end: Instant | None, now: int | None = None) -> Span:
    """Give the range a caller means; an open side reaches as far as time does."""
    return check_range(
        EVER.start if start is None else milliseconds(start, now),
        EVER.end if end is None else milliseconds(end, now),
    )


def milliseconds(time: Instant, now: int | None = None) -> int:
    """Give ms UTC of an instant: ms already, or anything `parse_time` takes."""
    return time if isinstance(time, int) else parse_time(time, now)


def check_range(start: int, end: int) -> Span:
    """Check that `[start, end)` is a range of times. Raises `InvalidRange`."""
    if not EVER.start <= start <= end <= EVER.end:
        raise InvalidRange(f"not a range of times: start={iso(start)}, end={iso(end)}")
    return Span(start, end)
