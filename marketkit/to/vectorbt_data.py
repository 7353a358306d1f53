"""Candles for vectorbt."""

from __future__ import annotations

from typing import Any

from marketkit.errors import MissingExtra
from marketkit.to.intake import bars, pandas_bars, zone_of


def vectorbt(frame: Any, *, symbol: str | None = None) -> Any:
    """Give a `vectorbt.Data` of one market or many: `data.get("Close")` is what signals are of.

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
    rows = bars(frame, symbol=symbol)
    tables = {
        str(name): pandas_bars(group)
        for (name,), group in rows.group_by("symbol", maintain_order=True)
    }
    times = rows["time"].unique().sort().to_pandas()
    # One index for all: the library warns where it has to make it.
    aligned = {name: table.reindex(times.array) for name, table in tables.items()}
    return library.Data.from_data(aligned, tz_convert=zone_of(rows))
