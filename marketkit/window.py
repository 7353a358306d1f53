"""Which candles a call means: what callers type, checked before anything is asked."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from marketkit.data.lake.read.fill import Fill
from marketkit.errors import InvalidRange
from marketkit.session import Session, parse_session
from marketkit.timeframe import DAY, Timeframe, iso, parse_time, parse_timeframe

Source = Literal["auto", "lake", "exchange"]
Time = str | date | datetime

DEFAULT_COUNT = 200
UTC_DAYS = "00:00 UTC"


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
        """Give the exchange's own candles that add up to those of the session.

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
