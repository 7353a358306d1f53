"""Candles for freqtrade: a data folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec
import polars as pl

from marketkit.disk import make_folder, write_atomic
from marketkit.errors import InputError, NotWritable
from marketkit.frames import one_of
from marketkit.settings import given_path
from marketkit.timeframe import Timeframe
from marketkit.to.intake import BAR, bars, codes, slots

DataFormat = Literal["feather", "json"]
_SPECIAL = "/ .@$+:-"  # what freqtrade's `pair_to_filename` takes out of the name of a pair
_Writer = Callable[[pl.DataFrame, BinaryIO], None]


def freqtrade(
    frame: Any,
    timeframe: str | Timeframe,
    folder: str | Path,
    *,
    symbol: str | None = None,
    data_format: DataFormat = "feather",
    overwrite: bool = False,
) -> Path:
    """Write the candles of each market to a data folder of freqtrade, and give the folder.

    `folder` is what `freqtrade backtesting --datadir` names; `data_format` what
    `--data-format-ohlcv` does (of JSON its reader gets the last bit of a fraction wrong). KRW-BTC
    is the pair BTC/KRW, in `BTC_KRW-1h.feather`: the start of each candle in UTC, prices in the
    quote currency, volume in the base currency. Each file is complete or not there at all.

    Empties: a slot without a trade has no row here; freqtrade's own loader puts a candle of the
    last close and no volume there. Rows of `fill="forward"` are the same, those of `fill="null"`
    are left out. No price is made here.

    Raises `InputError` for a forming candle, times without a zone or that are no slots of
    `timeframe`, no candle at all, and a file that is there already, unless `overwrite` says so;
    `NotWritable`.
    """
    one_of("data_format", data_format, DataFormat)
    target = given_path(folder, "folder")
    rows = bars(frame, symbol=symbol, timeframe=timeframe)
    width = slots(rows, timeframe)
    files = {
        target / f"{pair_name(base, quote)}-{file_width(width)}.{data_format}": group
        for quote, base, group in codes(rows)
    }
    for path in files:
        if path.exists() and not overwrite:
            raise InputError(f"{path} is there already: say overwrite=True, or another folder")
    try:
        make_folder(target)
        for path, group in files.items():
            _write(path, group, _WRITERS[data_format])
    except OSError as error:
        raise NotWritable(f"{target} cannot be written: {error}") from error
    return target


def pair_name(base: str, quote: str) -> str:
    """Give the part of a file name that stands for a pair.

    >>> pair_name("BTC", "KRW"), pair_name("BRK.B", "KRW")
    ('BTC_KRW', 'BRK_B_KRW')
    """
    return "".join("_" if each in _SPECIAL else each for each in f"{base}_{quote}")


def file_width(timeframe: Timeframe) -> str:
    """Give the part of a file name that stands for a width: `M` and `m` may be one to a disk."""
    return timeframe.name.replace("M", "Mo")


def _write(path: Path, rows: pl.DataFrame, writer: _Writer) -> None:
    utc = pl.col("time").dt.convert_time_zone("UTC").alias("date")
    write_atomic(path, lambda file: writer(rows.select(utc, *BAR), file))


def _feather(rows: pl.DataFrame, file: BinaryIO) -> None:
    rows.write_ipc(file, compression="lz4", compat_level=pl.CompatLevel.oldest())


def _json(rows: pl.DataFrame, file: BinaryIO) -> None:
    file.write(msgspec.json.encode(rows.with_columns(pl.col("date").dt.epoch("ms")).rows()))


_WRITERS: dict[str, _Writer] = {"feather": _feather, "json": _json}
