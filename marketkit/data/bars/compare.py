"""Bars beside candles: the numbers that differ. Pure."""

from __future__ import annotations

from typing import Any

import polars as pl

from marketkit.errors import InputError, nearest
from marketkit.notebook.arguments import explaining
from marketkit.schema import TIME, Schema

DIFFERENCE: Schema = {
    "symbol": pl.String(),
    "time": TIME,
    "column": pl.String(),
    "bar": pl.Float64(),
    "candle": pl.Float64(),
}
_PRICES = ("open", "high", "low", "close")
_NUMBERS = (*_PRICES, "volume")
_LAST_PLACE = 5e-9  # half of the eighth place of a volume
_FLOATS = 1e-12  # by which sums of floats may differ that are of the same numbers


@explaining
def compare_bars(bars: Any, candles: Any) -> pl.DataFrame:
    """List where bars of time are not the candles of the same slots: no row, no difference.

    One row (`symbol time column bar candle`) for each `open`, `high`, `low`, `close` and `volume`
    that differs; a slot that one side alone has gives five, with nulls for the other. Volumes that
    differ by rounding are equal. Turnover is not compared: the exchange rounds that of each trade.
    Forming, empty and unknown slots are left out. Both are frames of `bars` and `get_candle` of the
    same range, in polars, pandas or Arrow. Raises `InputError` for other frames.
    """
    made, slots = _numbers(bars), _numbers(candles)
    blind = _rows(bars).filter(pl.col("state") == "unknown").select("symbol", "time")
    slots = slots.join(blind, on=["symbol", "time"], how="anti")
    both = made.join(slots, on=["symbol", "time", "column"], how="full", coalesce=True)
    return (
        both.rename({"number": "bar", "number_right": "candle"})
        .filter(~_same())
        .sort("symbol", "time", maintain_order=True)
        .select(pl.col(name).cast(kind) for name, kind in DIFFERENCE.items())
    )


def _same() -> pl.Expr:
    apart = (pl.col("bar") - pl.col("candle")).abs()
    rounding = pl.max_horizontal(pl.lit(_LAST_PLACE), pl.col("candle").abs() * _FLOATS)
    close = (pl.col("column") == "volume") & (apart <= rounding)
    return (pl.col("bar").eq_missing(pl.col("candle")) | close).fill_null(value=False)


def _rows(frame: Any) -> pl.DataFrame:
    from marketkit.to.intake import rows_of  # noqa: PLC0415 - it loads pyarrow

    rows = rows_of(frame)
    for name in ("symbol", "time", *_NUMBERS):
        if name not in rows.columns:
            raise InputError(f"the frame has no column {name!r}{nearest(name, rows.columns)}")
    if "state" not in rows.columns:
        rows = rows.with_columns(state=pl.lit("closed"))
    time = pl.col("time").dt.cast_time_unit("ms").dt.convert_time_zone("UTC")
    return rows.with_columns(time, pl.col("symbol", "state").cast(pl.String))


def _numbers(frame: Any) -> pl.DataFrame:
    """Give the numbers of the closed slots, one a row."""
    closed = _rows(frame).filter(pl.col("state") == "closed")
    numbers = closed.select("symbol", "time", pl.col(_NUMBERS).cast(pl.Float64))
    return numbers.unpivot(index=["symbol", "time"], variable_name="column", value_name="number")
