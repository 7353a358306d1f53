"""Candles for vectorbt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from marketkit.errors import MissingExtra
from marketkit.to.intake import bars, pandas_bars

if TYPE_CHECKING:
    import pandas as pd


def vectorbt(frame: Any, *, symbol: str | None = None) -> Any:
    """Give a `vectorbt.Data` of one market or many; signals are made of `data.get("Close")`.

    Columns are `Open High Low Close Volume` in floats by the start of each candle, in the time zone
    of the frame; prices in the quote currency, volume in the base currency. Of several markets
    `get` gives a column each.

    Empties: a time at which no market has a candle has no row; one at which only some have is NaN
    in the others, where vectorbt orders nothing and values a position by its last close. With
    `fill="forward"` such a slot has the last close and no volume, for that is what was asked for.
    No price is made here. vectorbt guesses the width from the index where no row is missing; with
    gaps say `freq="1h"` to whatever needs the width.

    Raises `InputError` for a forming candle, times without a zone, and no candle at all;
    `MissingExtra` without vectorbt.
    """
    try:
        import vectorbt as library  # noqa: PLC0415 - optional, and seconds to import
    except ImportError:
        raise MissingExtra("vectorbt", "engines") from None
    tables = _aligned(bars(frame, symbol=symbol))
    # `Data.from_data` would turn the zone into a mere offset from UTC.
    return library.Data(
        library.ArrayWrapper.from_obj(next(iter(tables.values()))),
        tables,
        tz_localize=None,
        tz_convert=None,
        missing_index="nan",
        missing_columns="raise",
        download_kwargs={},
    )


def _aligned(rows: pl.DataFrame) -> dict[str, pd.DataFrame]:
    """Give the bars of each market by the times of all, with the step of that index, if any."""
    import pandas as pd  # noqa: PLC0415 - optional, and slow to import

    tables = {
        str(symbol): pandas_bars(group)
        for (symbol,), group in rows.group_by("symbol", maintain_order=True)
    }
    times = pandas_bars(rows.unique("time").sort("time")).index
    index = pd.DatetimeIndex(times, freq="infer")
    return {symbol: table.reindex(index) for symbol, table in tables.items()}
