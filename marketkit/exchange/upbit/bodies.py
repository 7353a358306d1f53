"""Upbit's REST bodies as frames, with floats or with every digit of the wire.

Fields and number spelling: Upbit reference, sections 3.1 to 3.7. Numbers are read by JSON
parsers, so exponents, bare zeros and 16-digit decimals all arrive as written.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import polars as pl

from marketkit import schema
from marketkit.errors import BadResponse, plain
from marketkit.exchange.upbit.candle_body import read_usual
from marketkit.schema import Schema
from marketkit.symbols import is_code, is_native

_NUMBER, _TEXT, _WHOLE = pl.Float64(), pl.String(), pl.Int64()
_CAUTIONS = (
    "PRICE_FLUCTUATIONS",
    "TRADING_VOLUME_SOARING",
    "DEPOSIT_AMOUNT_SOARING",
    "GLOBAL_PRICE_DIFFERENCES",
    "CONCENTRATION_OF_SMALL_ACCOUNTS",
)
_MARKET_WIRE: Schema = {
    "market": _TEXT,
    "korean_name": _TEXT,
    "english_name": _TEXT,
    "market_warning": _TEXT,
    "market_event": pl.Struct(
        {"warning": pl.Boolean, "caution": pl.Struct(dict.fromkeys(_CAUTIONS, pl.Boolean))}
    ),
}
_CANDLE_WIRE: Schema = {
    "market": _TEXT,
    "candle_date_time_utc": _TEXT,
    "opening_price": _NUMBER,
    "high_price": _NUMBER,
    "low_price": _NUMBER,
    "trade_price": _NUMBER,
    "candle_acc_trade_volume": _NUMBER,
    "candle_acc_trade_price": _NUMBER,
}
_TICKER_WIRE: Schema = {
    "market": _TEXT,
    "timestamp": _WHOLE,
    "trade_price": _NUMBER,
    "opening_price": _NUMBER,
    "high_price": _NUMBER,
    "low_price": _NUMBER,
    "prev_closing_price": _NUMBER,
    "change": _TEXT,
    "signed_change_price": _NUMBER,
    "signed_change_rate": _NUMBER,
    "trade_volume": _NUMBER,
    "trade_timestamp": _WHOLE,
    "acc_trade_volume": _NUMBER,
    "acc_trade_price": _NUMBER,
    "acc_trade_volume_24h": _NUMBER,
    "acc_trade_price_24h": _NUMBER,
    "highest_52_week_price": _NUMBER,
    "highest_52_week_date": _TEXT,
    "lowest_52_week_price": _NUMBER,
    "lowest_52_week_date": _TEXT,
}
_UNIT = ("bid_price", "bid_size", "ask_price", "ask_size")
_BOOK_WIRE: Schema = {
    "market": _TEXT,
    "timestamp": _WHOLE,
    "orderbook_units": pl.List(pl.Struct(dict.fromkeys(_UNIT, _NUMBER))),
    "total_bid_size": _NUMBER,
    "total_ask_size": _NUMBER,
    "level": _NUMBER,
}
_TRADE_WIRE: Schema = {
    "market": _TEXT,
    "timestamp": _WHOLE,
    "trade_price": _NUMBER,
    "trade_volume": _NUMBER,
    "ask_bid": _TEXT,
    "prev_closing_price": _NUMBER,
    "change_price": _NUMBER,
    "sequential_id": _WHOLE,
}
_INSTRUMENT_WIRE: Schema = {
    "market": _TEXT,
    "quote_currency": _TEXT,
    "tick_size": _TEXT,
    "supported_levels": pl.List(pl.String),
}
_UNSEEN = r"[\p{C}\p{Zl}\p{Zp}]"  # letters that command whoever shows them
_LATEST = 7_258_118_400_000  # ms: the year 2200; of far later moments Python makes no datetime
_PLACES = 16  # the most decimal places the exchange writes (turnover in tickers)


def decode_markets(body: bytes) -> pl.DataFrame:
    """Read `market/all`; regions without warnings or Korean names give nulls.

    In names, a letter that would move a cursor or turn the way of reading is replaced by U+FFFD.
    """
    rows = _rows(body, _MARKET_WIRE, ["market"])
    event = pl.col("market_event").struct
    caution = event.field("caution").struct
    if no_codes := [code for code in rows["market"] if not (is_native(code) or is_code(code))]:
        raise BadResponse(f"the exchange lists a market as {no_codes[0][:64]!r}, which is no code")
    rows = rows.unique("market", keep="first", maintain_order=True)
    code = pl.col("market").str.splitn("-", 2).struct
    return rows.select(
        pl.col("market").alias("symbol"),
        code.field("field_0").alias("quote"),
        code.field("field_1").alias("base"),
        pl.col("korean_name", "english_name").str.replace_all(_UNSEEN, "\ufffd").str.head(200),
        pl.coalesce(event.field("warning"), pl.col("market_warning") == "CAUTION").alias("warning"),
        *(caution.field(name).alias(name.lower()) for name in _CAUTIONS),
    )


def decode_candles(body: bytes, symbol: str, *, exact: bool = False) -> pl.DataFrame:
    """Read a page of candles of `symbol` as `schema.ROW`, ascending and distinct by time.

    Raises `BadResponse` for another market's rows and for impossible prices.
    """
    if not exact and (usual := read_usual(body, symbol)) is not None:
        return usual
    rows = _rows(body, _CANDLE_WIRE, list(_CANDLE_WIRE), exact=exact)
    strangers = rows.filter(pl.col("market") != symbol)
    if strangers.height:
        raise BadResponse(f"asked for {symbol}, got one of {strangers['market'][0][:64]!r}")
    named = _shape(rows, schema.ROW, [_utc("candle_date_time_utc")], exact=exact)
    _refuse(named, ~_possible())
    # A page boundary has repeated a row in recorded data; newest first, so the first one is newer.
    return named.unique("time", keep="first", maintain_order=True).sort("time")


def decode_tickers(body: bytes, *, exact: bool = False) -> pl.DataFrame:
    """Read `ticker` or `ticker/all` as `schema.TICKER`."""
    rows = _rows(body, _TICKER_WIRE, ["market", "timestamp", "trade_price"], exact=exact)
    prices = ("trade_price", "opening_price", "high_price", "low_price")
    _refuse(rows, pl.any_horizontal(pl.col(prices) <= 0))
    return _shape(
        rows,
        schema.TICKER,
        [
            _ms("timestamp"),
            _ms("trade_timestamp"),
            pl.col("highest_52_week_date", "lowest_52_week_date").str.to_date("%Y-%m-%d"),
        ],
        exact=exact,
    )


def decode_trades(body: bytes, *, exact: bool = False) -> pl.DataFrame:
    """Read a page of trades as `schema.TRADE`, newest first as sent."""
    rows = _rows(body, _TRADE_WIRE, list(_TRADE_WIRE), exact=exact)
    _refuse(rows, (pl.col("trade_price") <= 0) | (pl.col("trade_volume") < 0))
    return _shape(rows, schema.TRADE, [_ms("timestamp")], exact=exact)


def decode_orderbooks(body: bytes, *, exact: bool = False) -> pl.DataFrame:
    """Read order books as `schema.ORDERBOOK`: one row per symbol and depth, depth 1 is the best.

    Slots that the exchange pads with price 0 are null. A market that is not open yet has no units,
    and so no row.
    """
    books = _rows(body, _BOOK_WIRE, ["market", "timestamp", "orderbook_units"], exact=exact)
    units = (
        books.filter(pl.col("orderbook_units").list.len() > 0)
        .with_columns(
            depth=pl.int_ranges(1, pl.col("orderbook_units").list.len() + 1, dtype=pl.Int64)
        )
        .explode("orderbook_units", "depth")
        .unnest("orderbook_units")
    )
    _refuse(units, pl.any_horizontal(pl.col(_UNIT).is_null() | (pl.col(_UNIT) < 0)))
    _refuse(units, (pl.col("bid_price") == 0) & (pl.col("bid_size") != 0))
    _refuse(units, (pl.col("ask_price") == 0) & (pl.col("ask_size") != 0))
    there = [
        pl.when(pl.col(f"{name[:3]}_price") != 0).then(pl.col(name)).alias(name) for name in _UNIT
    ]
    totals = ("total_bid_size", "total_ask_size", "level")
    rows = units.select("market", "timestamp", "depth", *there, *totals)
    return _shape(rows, schema.ORDERBOOK, [_ms("timestamp")], exact=exact)


def decode_instruments(body: bytes) -> pl.DataFrame:
    """Read tick sizes and levels as `schema.INSTRUMENT`; the exchange sends text of numbers."""
    rows = _rows(body, _INSTRUMENT_WIRE, ["market", "tick_size"])
    tick = pl.col("tick_size").cast(_NUMBER, strict=False).fill_null(0)
    no_number = pl.element().cast(_NUMBER, strict=False).is_null()
    _refuse(rows, (tick <= 0) | pl.col("supported_levels").list.eval(no_number).list.any())
    return rows.rename({"market": "symbol", "quote_currency": "quote"})


# What a parser says of bytes that nobody should send; polars has a few ways of its own.
_UNREADABLE = (
    *(pl.exceptions.PolarsError, pl.exceptions.PanicException, RuntimeError, OverflowError),
    *(ValueError, TypeError, AttributeError),
)


def _rows(body: bytes, wire: Schema, keys: Iterable[str], *, exact: bool = False) -> pl.DataFrame:
    """Parse an array of objects; null keys would be invented rows and are refused."""
    with _reading():
        rows = _exact_rows(body, wire) if exact else _float_rows(body, wire)
    for key in keys:
        if rows[key].null_count():
            raise BadResponse(f"the exchange's body has no {key!r} in some rows")
    return rows


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except _UNREADABLE as problem:
        raise BadResponse(f"cannot read the exchange's body: {_shown(problem)}") from problem


def _float_rows(body: bytes, wire: Schema) -> pl.DataFrame:
    return pl.read_json(io.BytesIO(body), schema=dict(wire))


def _exact_rows(body: bytes, wire: Schema) -> pl.DataFrame:
    """Read numbers with every digit as written."""
    objects: list[Mapping[str, Any]] = json.loads(body, parse_float=Decimal)
    columns = {name: [each.get(name) for each in objects] for name in wire}
    return pl.DataFrame(
        {name: _exact_column(name, columns[name], dtype) for name, dtype in wire.items()}
    )


def _exact_column(name: str, values: list[Any], dtype: pl.DataType) -> pl.Series:
    if dtype == _NUMBER:
        return _decimals(name, values)
    kind, said = {_WHOLE: (int, "whole number"), _TEXT: (str, "text")}.get(dtype, (None, ""))
    if kind and not all(each is None or type(each) is kind for each in values):
        raise BadResponse(f"{name} is no {said} in some rows")
    if name == "orderbook_units":
        return _exact_units(name, values)
    return pl.Series(name, values, dtype)


def _exact_units(name: str, books: list[Any]) -> pl.Series:
    units = [unit for book in books for unit in book or ()]
    for side in _UNIT:
        _decimals(side, [unit.get(side) for unit in units])
    inner = pl.Struct(dict.fromkeys(_UNIT, pl.Decimal(38, _PLACES)))
    return pl.Series(name, books, pl.List(inner))


def _decimals(name: str, values: list[Any]) -> pl.Series:
    """Hold numbers with 16 places, the most the exchange writes; more would be cut: refuse."""
    for each in values:
        if each is not None and not _fits(each):
            said = _shown(repr(each))
            raise BadResponse(f"{name} has {said}: no number of at most {_PLACES} decimal places")
    numbers = [None if each is None else Decimal(each) for each in values]
    return pl.Series(name, numbers, pl.Decimal(38, _PLACES))


def _fits(number: Any) -> bool:
    if type(number) is not int and not isinstance(number, Decimal):
        return False
    exact = Decimal(number)
    exponent = exact.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -_PLACES and exact.adjusted() < 38 - _PLACES


def _shape(
    rows: pl.DataFrame, target: Schema, convert: list[pl.Expr], *, exact: bool
) -> pl.DataFrame:
    """Convert where needed, then take the wire's columns over in order under our names."""
    with _reading():
        converted = rows.with_columns(convert)
        named = converted.rename(dict(zip(converted.columns, target, strict=True)))
        shaped = named.cast(pl.Schema(schema.exact(target) if exact else target))
    for name, dtype in shaped.schema.items():
        if isinstance(dtype, pl.Decimal) and not shaped[name].equals(named[name]):
            raise BadResponse(f"{name} has more decimal places than {dtype} holds")
        if dtype == schema.TIME and not shaped[name].to_physical().is_between(0, _LATEST).all():
            raise BadResponse(f"{name} is no moment before the year 2200 in some rows")
    return shaped


def _ms(name: str) -> pl.Expr:
    return pl.col(name).cast(schema.TIME)


def _utc(name: str) -> pl.Expr:
    return pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="ms", time_zone="UTC")


def _refuse(rows: pl.DataFrame, impossible: pl.Expr) -> None:
    bad = rows.filter(impossible)
    if bad.height:
        raise BadResponse(f"an impossible row: {_shown(bad.row(0, named=True))}")


def _shown(value: object) -> str:
    return plain(str(value), 400)  # letters: a whole row of a true body


def _possible() -> pl.Expr:
    """Say which candles can be; others would poison everything computed from such rows."""
    open_, high, low, close = (pl.col(name) for name in ("open", "high", "low", "close"))
    return (
        (low > 0)
        & (low <= pl.min_horizontal(open_, close))
        & (high >= pl.max_horizontal(open_, close))
        & (pl.col("volume") >= 0)
        & (pl.col("value") >= 0)
    )
