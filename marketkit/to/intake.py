"""Frames of candles in any of the usual shapes, brought into one and checked."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from marketkit.errors import InputError, nearest, nearest_market
from marketkit.frames import finish, wider
from marketkit.schema import NUMBERS
from marketkit.timeframe import Timeframe, iso, parse_timeframe

if TYPE_CHECKING:
    import pandas as pd

BAR = ("open", "high", "low", "close", "volume")


def rows_of(frame: Any) -> pl.DataFrame:
    """Give a frame of any kind as polars: eager, lazy, Arrow, or one of marketkit's in pandas.

    In pandas the index gives `time` (and `symbol`), and `attrs` what has no column. Raises
    `InputError` for anything else.
    """
    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if is_pandas(frame):
        return _of_pandas(frame)
    if is_arrow(frame):
        return pl.DataFrame(pl.from_arrow(frame))
    raise InputError(
        f"not a frame of candles: {type(frame).__name__}; give what get_candle gives,"
        " in polars, pandas or Arrow"
    )


def candles(
    frame: Any,
    *,
    needs: Sequence[str] = BAR,
    symbol: str | None = None,
    timeframe: str | Timeframe | None = None,
) -> pl.DataFrame:
    """Give the candles of a frame, checked, sorted by symbol and time, all columns kept.

    Only those of `symbol` if it is given; it also names the rows of a frame without symbols. Of a
    frame of several widths only those of `timeframe`. Columns of `needs` become floats. Raises
    `InputError` for a frame that lacks one of them, whose times carry no zone, that has two candles
    of one time, or a forming one.
    """
    rows = _of_width(_named(rows_of(frame), symbol), timeframe)
    for name in ("time", *needs):
        if name not in rows.columns:
            raise InputError(f"the frame has no column {name!r}{nearest(name, rows.columns)}")
    _refuse_naive(rows)
    for name in needs:
        if not (rows.schema[name].is_numeric() or rows.schema[name] == pl.Null):
            raise InputError(f"column {name!r} holds {rows.schema[name]}, not numbers")
    rows = rows.with_columns(
        pl.col("symbol").cast(pl.String),
        pl.col("time").dt.cast_time_unit("ms"),
        pl.col(*needs).cast(pl.Float64).fill_nan(None),
    ).sort("symbol", "time")
    _refuse_twice(rows)
    _refuse_forming(rows)
    return rows if symbol is None else _only(rows, symbol)


def bars(
    frame: Any, *, symbol: str | None = None, timeframe: str | Timeframe | None = None
) -> pl.DataFrame:
    """Give the candles of a frame that have numbers. Raises `InputError` if there are none.

    Columns are those of `schema.ROW`, `value` null where the frame has no turnover; times keep
    their zone. Rows of `fill="null"` have no numbers and are left out.
    """
    rows = candles(frame, symbol=symbol, timeframe=timeframe).drop_nulls(BAR)
    if rows.is_empty():
        raise InputError("the frame has no candle, so there is nothing to hand on")
    if "value" not in rows.columns:
        rows = rows.with_columns(value=None)
    return rows.select("symbol", "time", pl.col(NUMBERS).cast(pl.Float64))


def one_market(
    frame: Any, *, symbol: str | None = None, timeframe: str | Timeframe | None = None
) -> pl.DataFrame:
    """Give the `bars` of one market. Raises `InputError` for a frame of several and no `symbol`."""
    rows = bars(frame, symbol=symbol, timeframe=timeframe)
    if rows["symbol"].n_unique() > 1:
        names = rows["symbol"].unique().sort().to_list()
        some = ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
        raise InputError(
            f"a frame of {len(names)} markets ({some}): say which one, symbol={names[0]!r}"
        )
    return rows


def slots(rows: pl.DataFrame, timeframe: str | Timeframe) -> Timeframe:
    """Give the timeframe of candles as the caller says. Raises `InputError` if that cannot be."""
    width = parse_timeframe(timeframe, made=True)
    for (symbol,), group in rows.group_by("symbol", maintain_order=True):
        times = group["time"].dt.epoch("ms")
        if (odd := _off(times, width)) is not None:
            raise InputError(f"{iso(odd)} of {symbol} is no slot of timeframe={width.name!r}")
        if (other := wider(width, times.to_list())) is not None:
            raise InputError(
                f"candles of {symbol} are {other} apart or more: no {width} candles;"
                f" say timeframe={other.name!r}"
            )
    return width


def _off(times: pl.Series, width: Timeframe) -> int | None:
    """Give the first time at which no slot starts."""
    if width.is_calendar:
        return next((time for time in times if width.floor(time) != time), None)
    odd = times.filter((times - width.floor(0)) % width.width != 0)
    return int(odd[0]) if len(odd) else None


def codes(rows: pl.DataFrame) -> list[tuple[str, str, pl.DataFrame]]:
    """Give quote, base and rows of each market. Raises `InputError` for one that has no code."""
    found = []
    for (symbol,), group in rows.group_by("symbol", maintain_order=True):
        quote, _, base = str(symbol).partition("-")
        if not (quote and base):
            raise InputError("the frame does not say of which market: add symbol='KRW-BTC'")
        found.append((quote, base, group))
    return found


def pandas_bars(rows: pl.DataFrame, *, tz: str | None = None) -> pd.DataFrame:
    """Give the bars of one market in pandas: `Open High Low Close Volume` by time.

    The index keeps the zone of the rows, or has `tz`. Raises `MissingExtra` without pandas.
    """
    capital = rows.select("time", *(pl.col(name).alias(name.title()) for name in BAR))
    zone = tz if tz is not None else zone_of(rows)
    table: pd.DataFrame = finish(capital, frame="pandas", tz=zone, index=["time"])
    return table


def zone_of(rows: pl.DataFrame) -> str:
    """Give the name of the time zone that a frame's times are written in."""
    dtype = rows.schema["time"]
    return str(dtype.time_zone) if isinstance(dtype, pl.Datetime) else "UTC"


def is_arrow(frame: Any) -> bool:
    """Say whether a frame is a table of Arrow: there are none before that library is loaded."""
    arrow = sys.modules.get("pyarrow")
    return arrow is not None and isinstance(frame, arrow.Table)


def is_pandas(frame: Any) -> bool:
    """Say whether a frame is one of pandas, without importing pandas for that."""
    pandas = sys.modules.get("pandas")  # whoever has such a frame has loaded it
    return pandas is not None and isinstance(frame, pandas.DataFrame)


def _of_pandas(frame: Any) -> pl.DataFrame:
    if frame.columns.nlevels > 1:
        raise InputError("a frame with columns for each symbol: ask for the candles without wide=")
    known = {name: frame.attrs[name] for name in ("symbol", "state") if name in frame.attrs}
    table = frame
    if "time" not in frame.columns:
        # A time axis that lost its name on the way is still the time axis.
        table = frame.rename_axis(
            [name or "time" for name in frame.index.names] if frame.index.nlevels > 1 else "time"
        ).reset_index()
    rows: pl.DataFrame = pl.from_pandas(table)
    constant = {name: pl.lit(value) for name, value in known.items() if name not in rows.columns}
    return rows.with_columns(**constant)


def _named(rows: pl.DataFrame, symbol: str | None) -> pl.DataFrame:
    """Name the market of a frame that has no column for that."""
    if "symbol" in rows.columns:
        return rows
    return rows.with_columns(symbol=pl.lit(symbol or ""))


def _of_width(rows: pl.DataFrame, timeframe: str | Timeframe | None) -> pl.DataFrame:
    """Choose the rows of one width in a frame with a column `timeframe`."""
    if "timeframe" not in rows.columns or rows.is_empty():
        return rows
    known = rows["timeframe"].cast(pl.String)
    names = known.unique(maintain_order=True).to_list()
    if timeframe is None and len(names) > 1:
        raise InputError(
            f"candles of {len(names)} widths ({', '.join(names)}): keep those of one,"
            f" as in frame.filter(timeframe={names[0]!r}) of polars"
        )
    wanted = names[0] if timeframe is None else parse_timeframe(timeframe, made=True).name
    if wanted not in names:
        raise InputError(f"no candles of timeframe={wanted!r} in the frame: it has {names}")
    return rows.filter(known == wanted)


def _only(rows: pl.DataFrame, symbol: str) -> pl.DataFrame:
    kept = rows.filter(symbol=symbol)
    if kept.is_empty() and rows.height:
        known = rows["symbol"].unique().to_list()
        raise InputError(f"the frame has no market {symbol!r}{nearest_market(symbol, known)}")
    return kept


def _refuse_naive(rows: pl.DataFrame) -> None:
    dtype = rows.schema["time"]
    if not isinstance(dtype, pl.Datetime):
        raise InputError(f"column 'time' holds {dtype}, not times: give what get_candle gives")
    if dtype.time_zone is None:
        raise InputError(
            "the times have no zone, so they may mean anybody's clock:"
            " say which with tz_localize('UTC'), or dt.replace_time_zone('UTC') in polars"
        )
    if rows["time"].null_count():
        raise InputError(f"row {rows['time'].is_null().arg_true()[0]} of the frame has no time")


def _refuse_twice(rows: pl.DataFrame) -> None:
    twice = rows.filter(pl.struct("symbol", "time").is_duplicated())
    if twice.height:
        symbol, time = twice.select("symbol", pl.col("time").dt.epoch("ms")).row(0)
        raise InputError(f"the frame has two candles of {symbol} at {iso(time)}: drop one of them")


def _refuse_forming(rows: pl.DataFrame) -> None:
    if "state" not in rows.columns:
        return
    forming = rows.filter(pl.col("state").cast(pl.String) == "forming")
    if forming.height:
        symbol, time = forming.select("symbol", pl.col("time").dt.epoch("ms")).row(0)
        raise InputError(
            f"the candle of {symbol} at {iso(time)} is still forming, and its numbers will change:"
            "\nask without forming=True, or keep only rows whose state is not 'forming'"
        )
