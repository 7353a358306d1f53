"""The candles and trades that the exchange shows at one moment, and no later."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, groupby, repeat

from marketkit.sandbox.candle import Candle, merged
from marketkit.sandbox.source import Source
from marketkit.sandbox.trades import Trade, candle_of
from marketkit.sandbox.widths import DAY, SECOND, WIDTHS, Width

SECONDS_KEPT = 90 * DAY  # the documented "last 3 months"
_ONE_DAY = WIDTHS["1d"]


def candle_page(source: Source, width: Width, before: int, count: int, now: int) -> list[Candle]:
    """Return up to `count` candles starting before `before`, newest first, the running one too."""
    if source.base(width) is None:
        return list(_second_page(source, before, count, now)) if width.ms == SECOND else []
    current = width.floor(now)
    latest = running(source, width, now) if before > current else None
    closed = source.page(width, min(before, current), count - (latest is not None))
    page = ([latest] if latest else []) + closed[::-1]
    oldest = now - SECONDS_KEPT if width.ms == SECOND else 0
    return [candle for candle in page if candle.time >= oldest]


def running(source: Source, width: Width, now: int) -> Candle | None:
    """Return the candle that is still forming, made of the trades up to now."""
    base = source.base(width)
    if base is None:
        return None
    start, today, edge = width.floor(now), _ONE_DAY.floor(now), base.floor(now)
    if start < edge and width.ms <= DAY:
        # With nothing left to come it is the closed candle, to the last digit of its sums.
        closed = source.page(width, width.end(start), 1)
        if closed and closed[0].time == start and closed[0].last <= now:
            return closed[0]
    parts = []
    if width.ms > DAY > base.ms:  # whole days first: a year of minutes is many
        parts.append(source.total(_ONE_DAY, start, today))
    parts.append(source.total(base, max(start, today) if parts else start, edge))
    parts.append(running_base(source, base, now))
    candle = merged(start, parts)
    if candle and start == today and width.ms >= DAY > base.ms:
        return candle._replace(open=own_open(source, today, candle.open))
    return candle


def own_open(source: Source, day: int, default: float) -> float:
    """Return the open of a day's own candle, now and then another than its first minute's."""
    page = source.page(_ONE_DAY, day + DAY, 1)
    return page[0].open if page and page[0].time == day else default


def running_base(source: Source, base: Width, now: int) -> Candle | None:
    """Return the running candle of a recorded width."""
    whole = source.at(base, base.floor(now))
    if whole is None or whole.last <= now:
        return whole
    done = [trade for trade in source.trades(whole) if trade.time <= now]
    return candle_of(whole.time, done) if done else None


def trades_before(source: Source, before: int, now: int, floor: int = 0) -> Iterator[Trade]:
    """Yield the trades in [floor, before) that have happened by now, newest first."""
    base = finest(source)
    edge = min(before, now + 1)
    # Most ask for the last trade only, and sixteen candles of a thin market span many days.
    for count in chain((1,), repeat(16)):
        batch = source.page(base, edge, count)
        if not batch:
            return
        for candle in reversed(batch):
            for trade in reversed(source.trades(candle)):
                if trade.time < floor:
                    return
                if trade.time < before and trade.time <= now:
                    yield trade
        edge = batch[0].time


def finest(source: Source) -> Width:
    """Return the narrowest width the source holds itself."""
    return next(base for width in WIDTHS.values() if (base := source.base(width)) is not None)


def _second_page(source: Source, before: int, count: int, now: int) -> Iterator[Candle]:
    """Yield second candles, made of the trades of recorded minutes."""
    if finest(source).name != "1m":
        return
    oldest = -(-(now - SECONDS_KEPT) // SECOND) * SECOND
    trades = trades_before(source, -(-before // SECOND) * SECOND, now, oldest)
    for found, (start, group) in enumerate(groupby(trades, lambda t: t.time // SECOND * SECOND)):
        if found == count:
            return
        yield candle_of(start, list(group)[::-1])


def last_close(source: Source, before: int, default: float) -> float:
    """Return the close of the last day candle that starts before `before`."""
    width = _ONE_DAY if source.base(_ONE_DAY) else finest(source)
    page = source.page(width, before, 1)
    return page[0].close if page else default
