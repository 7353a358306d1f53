"""Candles and trades in the archive's spelling: CSV with a header, numbers as Java prints."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

import polars as pl

from marketkit.sandbox.candle import Candle
from marketkit.sandbox.moment import candle_page, trades_before
from marketkit.sandbox.source import Source
from marketkit.sandbox.trades import Trade
from marketkit.sandbox.widths import Width

CANDLE_HEADER: Final = "date_time_utc,open,high,low,close,acc_trade_price,acc_trade_volume"
TRADE_HEADER: Final = "seq,timestamp,volume,price,ask_bid"
MILLISECONDS_FROM: Final = 1_654_041_600_000  # 2022-06-01: trades before have whole seconds
_BATCH: Final = 500  # candles of one page: those before the period are drawn in vain
_OUT_OF_ORDER: Final = 97  # of so many trades one lies before its neighbour, as now and then
_SMALL: Final = 1e6  # below, a number of 8 places is whole in 1e-8 without a loss
_WHOLE: Final = 1e16  # from here on polars writes an exponent, and there is no fraction
_NUMBERS: Final = ("open", "high", "low", "close", "value", "volume")


def candle_rows(source: Source, width: Width, start: int, end: int) -> bytes:
    """Return the CSV of the candles that start in [start, end), ascending, with the header."""
    pages: list[list[Candle]] = []
    before = end
    while before > start:
        page = candle_page(source, width, before, _BATCH, end)
        if not page:
            break
        pages.append(page)
        before = page[-1].time
    candles = [each for page in reversed(pages) for each in reversed(page) if each.time >= start]
    return _csv(CANDLE_HEADER, candle_texts(candles))


def candle_texts(candles: list[Candle]) -> pl.DataFrame:
    """Return candles as columns of text, in the archive's order."""
    frame = pl.DataFrame(
        {
            name: pl.Series([getattr(each, name) for each in candles], dtype=kind)
            for name, kind in (("time", pl.Int64), *((each, pl.Float64) for each in _NUMBERS))
        }
    )
    time = pl.from_epoch("time", time_unit="ms").dt.to_string("%Y-%m-%dT%H:%M:%S")
    return frame.select(time, *(_spelled_in(frame, name) for name in _NUMBERS))


def _spelled_in(frame: pl.DataFrame, name: str) -> pl.Expr:
    """Spell a column as `spelled` does; one of whole numbers, as most prices are, in less time."""
    number = frame[name]
    if ((number == number.floor()) & number.is_between(1, _WHOLE)).all():
        return (pl.col(name).cast(pl.Int64).cast(pl.String) + ".00000000").alias(name)
    return spelled(name)


def trade_rows(source: Source, start: int, end: int) -> bytes:
    """Return the CSV of the trades in [start, end), with the header.

    `seq` counts them from 0 as they happened; now and then two lie the other way round.
    """
    trades = list(trades_before(source, end, end, start))[::-1]
    return _csv(TRADE_HEADER, trade_texts(trades))


def trade_texts(trades: list[Trade]) -> pl.DataFrame:
    """Return trades as columns of text."""
    frame = pl.DataFrame(
        {
            "time": pl.Series([_stamp(each.time) for each in trades], dtype=pl.Int64),
            "volume": pl.Series([each.volume for each in trades], dtype=pl.Float64),
            "price": pl.Series([each.price for each in trades], dtype=pl.Float64),
            "side": pl.Series([each.side for each in trades], dtype=pl.String),
        }
    ).with_row_index("seq")
    texts = frame.select(
        pl.col("seq", "time").cast(pl.String), spelled("volume"), spelled("price"), "side"
    )
    return texts[list(_slightly_wrong(len(trades)))]


def _stamp(time: int) -> int:
    return time if time >= MILLISECONDS_FROM else time // 1000 * 1000


def _slightly_wrong(count: int) -> Iterator[int]:
    """Yield the places of rows, of which some change with the next one."""
    places = iter(range(count))
    while pair := tuple(islice(places, 2)):
        turned = len(pair) == 2 and pair[0] % _OUT_OF_ORDER in {0, 1} and pair[0] > 1
        yield from reversed(pair) if turned else pair


def spelled(name: str) -> pl.Expr:
    """Spell a number with 8 decimals; below 0.000001 with an exponent, as Java's BigDecimal.

    >>> pl.DataFrame({"x": [139394000.0, 4e-8, 5.1e-7, 3e-7, 1e-6, 0.0]}).select(
    ...     spelled("x"))["x"].to_list()
    ['139394000.00000000', '4E-8', '5.1E-7', '3.0E-7', '0.00000100', '0E-8']
    """
    number = pl.col(name)
    units = (number * 1e8).round().cast(pl.Int64, strict=False).fill_null(0)
    small = (units // 10**8).cast(pl.String) + "." + (units % 10**8).cast(pl.String).str.zfill(8)
    tiny = (
        pl.when(units < 10)
        .then(units.cast(pl.String) + "E-8")
        .otherwise((units // 10).cast(pl.String) + "." + (units % 10).cast(pl.String) + "E-7")
    )
    text = number.cast(pl.String).str.split_exact(".", 1)
    fraction = text.struct.field("field_1").fill_null("").str.pad_end(8, "0").str.head(8)
    large = text.struct.field("field_0") + "." + fraction
    whole = number.cast(pl.Int64, strict=False).cast(pl.String) + ".00000000"
    return (
        pl.when(number >= _WHOLE).then(whole)
        .when(number >= _SMALL).then(large)
        .when(units >= 100).then(small)
        .otherwise(tiny)
        .alias(name)
    )  # fmt: skip


def _csv(header: str, texts: pl.DataFrame) -> bytes:
    rows = texts.write_csv(include_header=False, quote_style="never")
    return f"{header}\n{rows}".encode()
