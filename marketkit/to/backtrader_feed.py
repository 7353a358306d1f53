"""Candles for backtrader."""

from __future__ import annotations

from typing import Any

from marketkit.errors import MissingExtra
from marketkit.timeframe import Timeframe
from marketkit.to.intake import one_market, pandas_bars, slots

# The words of the library, which has no hours.
_UNITS = {"s": "Seconds", "m": "Minutes", "h": "Minutes", "d": "Days", "w": "Weeks"}
_MINUTES_OF_AN_HOUR = 60


def backtrader(frame: Any, timeframe: str | Timeframe, *, symbol: str | None = None) -> Any:
    """Give a `backtrader.feeds.PandasData` of one market, for `cerebro.adddata(feed)`.

    Lines are `open high low close volume`; prices in the quote currency, volume in the base
    currency, no open interest. Times are the start of each candle in UTC, since backtrader keeps
    times without a zone; `timeframe` is told to it for analyzers, and `feed._name` is the symbol.
    The library takes times for ends where it makes wider bars: give `resampledata` `boundoff=1`.

    Empties: a slot without a trade has no bar, as `get_candle` gives it no row. With
    `fill="forward"` it has one of the last close and no volume, for that is what was asked for;
    rows of `fill="null"` are left out. No price is made here.

    Raises `InputError` for several markets without `symbol=`, a forming candle, times without a
    zone or that are no slots of `timeframe`, and no candle at all; `MissingExtra` without
    backtrader.
    """
    try:
        import backtrader as library  # noqa: PLC0415 - optional
    except ImportError:
        raise MissingExtra("backtrader", "engines") from None
    rows = one_market(frame, symbol=symbol, timeframe=timeframe)
    unit, compression = unit_of(slots(rows, timeframe))
    return library.feeds.PandasData(
        dataname=pandas_bars(rows, tz="UTC").tz_localize(None),
        name=rows["symbol"][0],
        openinterest=None,
        timeframe=getattr(library.TimeFrame, unit),
        compression=compression,
    )


def unit_of(timeframe: Timeframe) -> tuple[str, int]:
    """Give the unit and the count of a width in backtrader's words.

    >>> from marketkit.timeframe import parse_timeframe
    >>> unit_of(parse_timeframe("4h")), unit_of(parse_timeframe("1M"))
    (('Minutes', 240), ('Months', 1))
    """
    if timeframe.is_calendar:
        return {"1M": "Months", "1y": "Years"}[timeframe.name], 1
    count, unit = int(timeframe.name[:-1]), timeframe.name[-1]
    return _UNITS[unit], count * _MINUTES_OF_AN_HOUR if unit == "h" else count
