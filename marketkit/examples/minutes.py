"""Closes of one-minute candles out of frames of any kind."""

from __future__ import annotations

import math
from collections.abc import Iterable

import polars as pl

from marketkit.errors import InputError
from marketkit.frames import Frame
from marketkit.schema import TIME
from marketkit.timeframe import MINUTE
from marketkit.to.intake import is_pandas, rows_of

Closes = dict[str, dict[int, float]]

_ENOUGH = 20  # minutes with a trade that by chance are all even come once in a million


def closes_of(candles: Frame) -> Closes:
    """Give the closes of final minutes with a trade, by symbol and by start (ms UTC).

    `candles` is a polars or pandas frame with `symbol`, `time` and `close` among its columns, its
    index or (a symbol) its `attrs`. Minutes without a trade, however they are filled, and the
    forming one are left out. Raises `InputError` for a frame that lacks one of the three, for times
    without a zone and for wider candles.
    """
    if not isinstance(candles, pl.DataFrame) and not is_pandas(candles):
        raise InputError(f"candles of type {type(candles).__name__}: give a polars or pandas frame")
    frame = rows_of(candles)
    for name in ("symbol", "time", "close"):
        if name not in frame.columns:
            had = " ".join(frame.columns)
            raise InputError(f"candles need a column {name!r}: add it to those there are ({had})")
    zone = getattr(frame.schema["time"], "time_zone", None)
    if zone is None and frame.height:
        raise InputError(
            f"times of type {frame.schema['time']} have no zone; give them one, as with"
            " .dt.replace_time_zone('UTC')"
        )
    rows = frame.filter(*_final(frame)).select(
        pl.col("symbol").cast(pl.String),
        pl.col("time").cast(TIME).dt.epoch("ms"),
        pl.col("close").cast(pl.Float64),
    )
    found = {
        str(symbol): dict(own.select("time", "close").iter_rows())
        for (symbol,), own in rows.group_by("symbol", maintain_order=True)
    }
    for symbol, closes in found.items():
        _check_width(symbol, closes)
    return found


def _final(frame: pl.DataFrame) -> list[pl.Expr]:
    """Give the conditions on final minutes with a trade, as far as the columns tell."""
    found = [pl.col("close").cast(pl.Float64).is_finite()]
    if "state" in frame.columns:
        found.append(pl.col("state").cast(pl.String) == "closed")
    if "volume" in frame.columns:
        # Where the state is lost, no volume is what a filled minute has.
        found.append(pl.col("volume").cast(pl.Float64).fill_null(1) > 0)
    return found


def _check_width(symbol: str, times: Iterable[int]) -> None:
    """Refuse candles that are narrower than a minute, or all on the slots of a wider one."""
    several = list(times)
    grid = math.gcd(*several)
    if grid % MINUTE or (grid > MINUTE and len(several) >= _ENOUGH):
        raise InputError(
            f"{len(several):,} candles of {symbol} that all start at multiples of {grid // 1000} s:"
            " the rules want candles of one minute"
        )
