"""Rows of the archive's files as frames: numbers with exponents, in order, inside of the period."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from marketkit.data.fetch.archive.member import lines_of, refused
from marketkit.errors import plain
from marketkit.exchange.upbit.archive.keys import ArchiveFile
from marketkit.schema import ROW, SIDE, TIME, Schema
from marketkit.timeframe import iso

if TYPE_CHECKING:
    import pyarrow as pa

# What a candle of a file is, before the symbol is put beside.
CANDLE: Schema = {name: dtype for name, dtype in ROW.items() if name != "symbol"}
# What a trade of a file is; `seq` counts those of one file and is no `sequential_id`.
TRADE: Schema = {
    "seq": pl.Int64(),
    "time": TIME,
    "volume": pl.Float64(),
    "price": pl.Float64(),
    "side": SIDE,
}
_CANDLE_COLUMNS = ("time", "open", "high", "low", "close", "value", "volume")  # as they stand
_TRADE_COLUMNS = ("seq", "time", "volume", "price", "side")


def read_candles(path: Path, file: ArchiveFile, largest: int) -> pl.DataFrame:
    """Read the candles of a verified zip: `CANDLE`, ascending, each time once.

    Rows that are no whole candle of the period are left out: those of a week that the month cuts.
    Raises `BadResponse` that names the file, for all that `lines_of` refuses, for cells that are no
    numbers, rows outside of the period, and two different candles of one time.
    """
    rows = _read(path, file, largest, _CANDLE_COLUMNS, CANDLE)
    if not _grows(rows["time"].cast(pl.Int64)):
        rows = rows.unique(maintain_order=True).sort("time", maintain_order=True)
        twice = rows.filter(pl.col("time").is_duplicated())
        if twice.height:
            raise refused(file, f"has two different candles of {_first(twice)}")
    _check_period(rows, file)
    if file.span == file.period:
        return rows
    start, end = (pl.lit(edge).cast(TIME) for edge in file.span)
    return rows.filter(pl.col("time").is_between(start, end, closed="left"))


def read_trades(path: Path, file: ArchiveFile, largest: int) -> pl.DataFrame:
    """Read the trades of a verified zip: `TRADE`, in the order of time and `seq`.

    Raises `BadResponse` as `read_candles`, and for two trades of one `seq`.
    """
    rows = _read(path, file, largest, _TRADE_COLUMNS, TRADE)
    if not _grows(rows["seq"]):
        rows = rows.sort("seq")
        if not _grows(rows["seq"]):
            twice = rows.filter(pl.col("seq").is_duplicated())
            raise refused(file, f"has two trades of the seq {twice['seq'][0]}")
    if not rows["time"].is_sorted():
        rows = rows.sort("time", maintain_order=True)
    _check_period(rows, file)
    return rows


def _read(
    path: Path, file: ArchiveFile, largest: int, columns: tuple[str, ...], schema: Schema
) -> pl.DataFrame:
    """Read all rows of a file into the columns of a schema, in the order of the file."""
    import pyarrow as pa  # noqa: PLC0415 - slow to import, and only for who ingests

    tables = [*_tables(path, file, largest, columns)]
    if not tables:
        return pl.DataFrame(schema=dict(schema))
    return _frame(pa.concat_tables(tables), schema, file)


def _tables(
    path: Path, file: ArchiveFile, largest: int, columns: tuple[str, ...]
) -> Iterator[pa.Table]:
    """Take blocks of lines apart; each block is let go of before the next is unpacked."""
    import pyarrow as pa  # noqa: PLC0415 - as above
    from pyarrow import csv  # noqa: PLC0415 - as above

    options = _options(columns)
    for block in lines_of(path, file, largest):
        if block.isspace():
            continue
        try:
            yield csv.read_csv(pa.BufferReader(block), **options)
        except (pa.ArrowException, UnicodeDecodeError) as error:
            said = plain(str(error).partition("\n")[0], 120)
            raise refused(file, f"has lines that are no rows ({said})") from error


def _options(columns: tuple[str, ...]) -> Mapping[str, Any]:
    """Say how lines are taken apart: these cells and no others, none empty or in quotes."""
    import pyarrow as pa  # noqa: PLC0415 - as above
    from pyarrow import csv  # noqa: PLC0415 - as above

    is_trade = columns == _TRADE_COLUMNS
    kinds = {
        "time": pa.int64() if is_trade else pa.timestamp("ms"),
        "seq": pa.int64(),
        "side": pa.string(),
    }
    return {
        "read_options": csv.ReadOptions(
            column_names=list(columns),
            use_threads=False,  # other files are read beside
            block_size=1 << 24,  # all of a block at once
        ),
        "parse_options": csv.ParseOptions(quote_char=False),
        "convert_options": csv.ConvertOptions(
            column_types={name: kinds.get(name, pa.float64()) for name in columns},
            null_values=[],
            strings_can_be_null=False,
        ),
    }


def _frame(table: pa.Table, schema: Schema, file: ArchiveFile) -> pl.DataFrame:
    """Give a table the types and the order of a schema."""
    frame = pl.DataFrame(table)
    time = pl.col("time")
    cells = [
        time.cast(TIME) if frame["time"].dtype == pl.Int64 else time.dt.replace_time_zone("UTC")
    ]
    if "side" in schema:
        cells.append(_side(frame["side"], file).alias("side"))  # type: ignore[arg-type]
    return frame.with_columns(cells).select(*schema)


def _side(said: pl.Series, file: ArchiveFile) -> pl.Series:
    """Read the taker's side, in any case and with blanks around."""
    found = said.cast(SIDE, strict=False)
    if found.null_count():
        found = said.str.strip_chars().str.to_uppercase().cast(SIDE, strict=False)
    if found.null_count():
        wrong = plain(str(said.filter(found.is_null())[0]), 40)
        raise refused(file, f"has the side {wrong!r}, neither BID nor ASK")
    return found


def _grows(numbers: pl.Series) -> bool:
    """Say whether each number is above the one before."""
    return bool((numbers.diff() > 0).all())  # the first, of which nothing is known, is passed over


def _check_period(rows: pl.DataFrame, file: ArchiveFile) -> None:
    """Refuse a file with a row of another time than the name says; rows are sorted by time."""
    if rows.is_empty():
        return
    start, end = file.period
    for time in (rows["time"].cast(pl.Int64)[0], rows["time"].cast(pl.Int64)[-1]):
        if not start <= time < end:
            raise refused(file, f"has a row of {iso(time)}, outside of the period of its name")


def _first(rows: pl.DataFrame) -> str:
    return iso(int(rows["time"].cast(pl.Int64)[0]))
