"""The range of candles that a call means: arguments checked before any request."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from marketkit.coverage import Span
from marketkit.errors import InputError, InvalidRange
from marketkit.session import UTC_DAYS, Session, parse_session
from marketkit.timeframe import DAY, Timeframe, iso, parse_time, parse_timeframe

Fill = Literal["none", "forward", "null"]
Source = Literal["auto", "lake", "exchange"]
Time = str | date | datetime
Instant = Time | int  # ms UTC, too

DEFAULT_COUNT = 200

EVER = Span(0, 253_370_764_800_000)  # 1970 up to 9999: what a datetime can name and step over


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
) -> Window:
    """Check the range a caller gives, before anything is asked.

    Raises `UnknownTimeframe`, `InputError` for a session that is none or not the exchange's own
    where nothing may be derived, or `InvalidRange` for a start at or after the end, a count below
    1, a naive datetime, and a start together with a count.
    """
    width = parse_timeframe(timeframe)
    days = parse_session(session, width)
    if days is not None and not derive:
        raise InputError(
            f"derive=False: the exchange has no {width} candles that begin at {days}, only at"
            f" {UTC_DAYS}"
        )
    first = None if start is None else parse_time(start)
    last = None if end is None else parse_time(end)
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise InvalidRange(f"count={count!r}: ask for at least one candle")
    if count is not None and first is not None:
        raise InvalidRange("give start and end, or count with or without end: not start and count")
    if first is not None and last is not None and first >= last:
        raise InvalidRange(f"start {iso(first)} is not before end {iso(last)}")
    return Window(width, first, last, count, forming, fill, days, derive)


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
