"""Reading candle files: CSV or Parquet, under any of the column names in circulation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from marketkit.errors import InputError
from marketkit.sandbox.widths import Width

# Most telling first: files with wire names also have a `timestamp`, which is the last trade's.
_TIMES: Final = (
    "candle_date_time_utc",
    "candleDateTime",
    "candleDateTimeUtc",
    "date_time_utc",
    "time",
    "datetime",
    "timestamp",
    "date",
)
_NUMBERS: Final = {
    "open": ("open", "opening_price", "openingPrice"),
    "high": ("high", "high_price", "highPrice"),
    "low": ("low", "low_price", "lowPrice"),
    "close": ("close", "trade_price", "tradePrice"),
    "volume": ("volume", "candle_acc_trade_volume", "candleAccTradeVolume", "acc_trade_volume"),
}
_VALUES: Final = (
    "value",
    "candle_acc_trade_price",
    "candleAccTradePrice",
    "acc_trade_price",
    "turnover",
)
_TIME_FORMATS: Final = ("%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d")
_SECONDS_BELOW: Final = 100_000_000_000  # epoch numbers below this are seconds


def read_candles(paths: Sequence[Path], width: Width) -> pl.DataFrame:
    """Read the files of one series into `time open high low close volume value`.

    Sorted by time (ms UTC). Of rows with the same time the last one in file order stays. Rows
    without volume are dropped: the exchange has no candle where nothing traded. A missing turnover
    is volume * (open + high + low + close) / 4, rounded to 8 places.
    """
    frame = pl.concat([_read(path) for path in paths])
    frame = frame.unique("time", keep="last", maintain_order=True).sort("time")
    _check(frame, width, paths)
    return frame.filter(pl.col("volume") > 0)


def last_end(path: Path, width: Width) -> int:
    """Return the end of the newest candle in a file (ms UTC)."""
    raw = _scan(path)
    names = raw.collect_schema().names()
    time = _time(raw.select(_pick(names, _TIMES, path)).collect().to_series(), path)
    return width.end(_newest(time))


def _scan(path: Path) -> pl.LazyFrame:
    try:
        if path.suffix == ".parquet":
            # One file by its handle's path: hive keys in folder names are not columns.
            return pl.scan_parquet(path, hive_partitioning=False)
        frame = pl.scan_csv(path, infer_schema_length=10_000)
        frame.collect_schema()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"history file {path} cannot be read: {error}") from error
    return frame


def _read(path: Path) -> pl.DataFrame:
    try:
        raw = _scan(path).collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"history file {path} cannot be read: {error}") from error
    names = raw.columns
    numbers = {field: _pick(names, spellings, path) for field, spellings in _NUMBERS.items()}
    value = next((name for name in _VALUES if name in names), None)
    try:
        frame = raw.select(
            _time(raw[_pick(names, _TIMES, path)], path).alias("time"),
            *(pl.col(name).cast(pl.Float64).alias(field) for field, name in numbers.items()),
            (pl.col(value) if value else pl.lit(None)).cast(pl.Float64).alias("value"),
        )
    except pl.exceptions.PolarsError as error:
        raise InputError(f"history file {path}: a price or volume is no number") from error
    mean = (pl.col("open") + pl.col("high") + pl.col("low") + pl.col("close")) / 4
    return frame.with_columns(pl.col("value").fill_null((pl.col("volume") * mean).round(8)))


def _pick(names: Iterable[str], spellings: Sequence[str], path: Path) -> str:
    available = list(names)
    for name in spellings:
        if name in available:
            return name
    raise InputError(
        f"history file {path} has no column {' or '.join(spellings)}; it has {', '.join(available)}"
    )


def _time(column: pl.Series, path: Path) -> pl.Series:
    """Return a time column of any type as ms UTC."""
    if column.dtype.is_integer():
        number = column.cast(pl.Int64)
        return number * 1000 if _newest(number) < _SECONDS_BELOW else number
    if column.dtype == pl.String:
        text = column.str.strip_chars().str.replace(" ", "T").str.replace("Z$", "+00:00")
        for form in _TIME_FORMATS:
            try:
                parsed = text.str.to_datetime(form, time_unit="ms")
            except pl.exceptions.PolarsError:
                continue
            return parsed.dt.epoch("ms")
    if column.dtype.is_temporal() and column.dtype != pl.Time:
        return column.cast(pl.Datetime("ms")).dt.epoch("ms")
    raise InputError(f"history file {path}: column {column.name} holds no times")


def _newest(time: pl.Series) -> int:
    newest = time.max()
    return newest if isinstance(newest, int) else 0


def _check(frame: pl.DataFrame, width: Width, paths: Sequence[Path]) -> None:
    where = f"history file {paths[0]}" + (f" and {len(paths) - 1} more" if paths[1:] else "")
    if frame.is_empty():
        raise InputError(f"{where}: no rows")
    if frame.null_count().sum_horizontal().item() or not _sane(frame):
        raise InputError(f"{where}: null, infinite or negative numbers, or a high below a low")
    starts = starts_of(frame["time"], width)
    if not (starts == frame["time"]).all():
        wrong = frame["time"].filter(starts != frame["time"])[0]
        raise InputError(f"{where}: {wrong} ms is not the start of a {width.name} candle")


def _sane(frame: pl.DataFrame) -> bool:
    prices = pl.col("open", "high", "low", "close")
    sane = pl.all_horizontal(
        (prices > 0) & prices.is_finite(),
        pl.col("volume", "value").is_finite() & (pl.col("volume", "value") >= 0),
        pl.col("high") >= pl.max_horizontal("open", "close", "low"),
        pl.col("low") <= pl.min_horizontal("open", "close"),
    )
    return bool(frame.select(sane.all()).item())


def starts_of(time: pl.Series, width: Width) -> pl.Series:
    """Return the start of the candle of `width` that each time falls into (ms UTC)."""
    return time.cast(pl.Datetime("ms")).dt.truncate(width.every).dt.epoch("ms")
