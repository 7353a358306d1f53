"""Candles for backtesting.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marketkit.to.intake import one_market, pandas_bars

if TYPE_CHECKING:
    import pandas as pd


def backtesting(frame: Any, *, symbol: str | None = None) -> pd.DataFrame:
    """Give the `data` of backtesting.py's `Backtest(data, Strategy)`: one market in pandas.

    Columns are `Open High Low Close Volume` in floats, the index the start of each candle in the
    time zone of the frame; prices in the quote currency, volume in the base currency.

    Empties: a slot without a trade has no bar, as `get_candle` gives it no row; indicators then
    count bars, not hours. With `fill="forward"` it has one of the last close and no volume, for
    that is what was asked for; rows of `fill="null"` are left out. No price is made here.

    One bitcoin costs more than the engine's 10,000 of cash: give `cash=`, or use
    `backtesting.lib.FractionalBacktest`.

    Raises `InputError` for several markets without `symbol=`, a forming candle, times without a
    zone, and no candle at all; `MissingExtra` without pandas.
    """
    return pandas_bars(one_market(frame, symbol=symbol))
