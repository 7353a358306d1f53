"""The columns and types of every frame marketkit returns.

Times are `Datetime("ms", "UTC")`, prices in the quote currency, `volume` in the base currency and
`value` (turnover) in the quote currency. Field names on the wire: Upbit reference, section 3.

`describe("candle")` gives the columns of a frame with type, unit, meaning and source.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from marketkit.errors import InputError, nearest
from marketkit.timeframe import EVERY

Schema = Mapping[str, pl.DataType]

TIME = pl.Datetime("ms", "UTC")
STATE = pl.Enum(["closed", "forming", "empty"])
BAR_STATE = pl.Enum(["closed", "forming", "empty", "unknown"])
CHANGE = pl.Enum(["RISE", "EVEN", "FALL"])
SIDE = pl.Enum(["ASK", "BID"])
TIMEFRAME = pl.Enum([each.name for each in EVERY])  # sorts by width

# What a candle is in the lake and between the dialect and the provider.
ROW: Schema = {
    "symbol": pl.String(),
    "time": TIME,
    "open": pl.Float64(),
    "high": pl.Float64(),
    "low": pl.Float64(),
    "close": pl.Float64(),
    "volume": pl.Float64(),
    "value": pl.Float64(),
}
CANDLE: Schema = {**ROW, "state": STATE}

# What trades add up to: a candle, and what only trades tell.
BAR: Schema = {
    **ROW,
    "trades": pl.Int64(),
    "last": TIME,
    "state": BAR_STATE,
}

# A price in won over another currency's price in won, beside the market between the two.
PREMIUM: Schema = {
    **ROW,
    "rate": pl.Float64(),
    "direct": pl.Float64(),
    "premium": pl.Float64(),
    "state": STATE,
}

MARKET: Schema = {
    "symbol": pl.String(),
    "quote": pl.String(),
    "base": pl.String(),
    "korean_name": pl.String(),
    "english_name": pl.String(),
    "warning": pl.Boolean(),
    "price_fluctuations": pl.Boolean(),
    "trading_volume_soaring": pl.Boolean(),
    "deposit_amount_soaring": pl.Boolean(),
    "global_price_differences": pl.Boolean(),
    "concentration_of_small_accounts": pl.Boolean(),
}

TICKER: Schema = {
    "symbol": pl.String(),
    "time": TIME,
    "price": pl.Float64(),
    "open": pl.Float64(),
    "high": pl.Float64(),
    "low": pl.Float64(),
    "prev_close": pl.Float64(),
    "change": CHANGE,
    "signed_change_price": pl.Float64(),
    "signed_change_rate": pl.Float64(),
    "trade_volume": pl.Float64(),
    "trade_time": TIME,
    "volume": pl.Float64(),
    "value": pl.Float64(),
    "volume_24h": pl.Float64(),
    "value_24h": pl.Float64(),
    "high_52w": pl.Float64(),
    "high_52w_date": pl.Date(),
    "low_52w": pl.Float64(),
    "low_52w_date": pl.Date(),
}

_DEEP = frozenset({"value", "value_24h", "signed_change_rate"})

ORDERBOOK: Schema = {
    "symbol": pl.String(),
    "time": TIME,
    "depth": pl.Int64(),
    "bid_price": pl.Float64(),
    "bid_size": pl.Float64(),
    "ask_price": pl.Float64(),
    "ask_size": pl.Float64(),
    "total_bid_size": pl.Float64(),
    "total_ask_size": pl.Float64(),
    "level": pl.Float64(),
}

TRADE: Schema = {
    "symbol": pl.String(),
    "time": TIME,
    "price": pl.Float64(),
    "volume": pl.Float64(),
    "side": SIDE,
    "prev_close": pl.Float64(),
    "change_price": pl.Float64(),
    "sequential_id": pl.Int64(),
}

INSTRUMENT: Schema = {
    "symbol": pl.String(),
    "quote": pl.String(),
    "tick_size": pl.String(),
    "supported_levels": pl.List(pl.String()),
}

INTERRUPTION: Schema = {
    "start": TIME,
    "end": TIME,
    "reason": pl.String(),
    "closed": TIME,
    "how": pl.String(),
    "failure": pl.String(),
}


def empty(schema: Schema) -> pl.DataFrame:
    """Give the frame that means "nothing": no rows, all columns."""
    return pl.DataFrame(schema=dict(schema))


def exact(schema: Schema) -> Schema:
    """Give a schema with decimals in place of floats (`precision="decimal"`).

    `Decimal(38, 8)`, except the ticker's turnover and rates, which the exchange writes with up to
    16 places (Upbit reference, section 3.7).
    """
    return {
        name: pl.Decimal(38, 16 if schema is TICKER and name in _DEEP else 8)
        if dtype == pl.Float64()
        else dtype
        for name, dtype in schema.items()
    }


NUMBERS = ("open", "high", "low", "close", "volume", "value")

_FRAMES: Mapping[str, tuple[Schema, str]] = {
    "candle": (
        {**CANDLE, "timeframe": TIMEFRAME, "listed_as": pl.String()},
        "get_candle, iter_candle, live: 3.2",
    ),
    "bar": (BAR, "bars: made of trades"),
    "premium": (PREMIUM, "premium: made of candles"),
    "ticker": (TICKER, "get_ticker, watch: 3.4"),
    "orderbook": (ORDERBOOK, "get_orderbook, watch: 3.5"),
    "trade": (TRADE, "get_trade, watch: 3.3"),
    "market": (MARKET, "get_market: 3.1"),
    "instrument": (INSTRUMENT, "get_market(instruments=True): 3.6"),
    "interruption": (INTERRUPTION, "interruptions of feeds, series, recordings, jobs"),
}

# Unit and meaning of each column; where frames differ under "frame.column".
_COLUMNS: Mapping[str, tuple[str, str]] = {
    "symbol": ("", "code of the market, QUOTE-BASE; of one market in pandas: frame.attrs"),
    "time": ("UTC, or tz=", "moment at which the exchange made it"),
    "candle.time": ("UTC, or tz=", "start of the slot: the candle's open"),
    "bar.time": ("UTC, or tz=", "start of the slot; of other bars the first trade"),
    "orderbook.time": ("UTC, or tz=", "last change of the book"),
    "trade.time": ("UTC, or tz=", "moment of the trade"),
    "open": ("quote currency", "price of the first trade of the slot"),
    "high": ("quote currency", "highest price"),
    "low": ("quote currency", "lowest price"),
    "close": ("quote currency", "price of the last trade of the slot"),
    "volume": ("base currency", "volume of the slot, both sides counted once"),
    "value": ("quote currency", "turnover of the slot"),
    "state": ("", "closed (final), forming (asked for), empty (fill=: no trade in the slot)"),
    "trades": ("", "number of trades"),
    "last": ("UTC, or tz=", "moment of the last trade"),
    "bar.state": ("", "as of candles; unknown (fill=): trades of the slot are not known whole"),
    "rate": ("KRW", "last price of the quote currency"),
    "direct": ("quote currency", "last price in the market between base and quote"),
    "premium": ("1 = 100 %", "close by that, less 1"),
    "premium.open": ("quote currency", "price in won over the rate, at the open"),
    "premium.high": ("quote currency", "higher one of open and close"),
    "premium.low": ("quote currency", "lower one of open and close"),
    "premium.close": ("quote currency", "price in won over the rate, at the close"),
    "premium.volume": ("base currency", "volume of the market in won"),
    "premium.value": ("quote currency", "turnover of the market in won over the rate"),
    "premium.state": ("", "closed, or empty: no trade in the slot in won or of the rate"),
    "timeframe": ("", "width of the candle, where several were asked for"),
    "listed_as": ("", "code at that time, with rename="),
    "ticker.open": ("quote currency", "first price since 00:00 UTC"),
    "ticker.high": ("quote currency", "highest price since 00:00 UTC"),
    "ticker.low": ("quote currency", "lowest price since 00:00 UTC"),
    "ticker.volume": ("base currency", "volume since 00:00 UTC"),
    "ticker.value": ("quote currency", "turnover since 00:00 UTC"),
    "price": ("quote currency", "price of the trade, of a ticker the last one"),
    "prev_close": ("quote currency", "close of the UTC day before"),
    "change": ("", "RISE, EVEN or FALL against prev_close"),
    "signed_change_price": ("quote currency", "price less prev_close"),
    "signed_change_rate": ("1 = 100 %", "that, by prev_close"),
    "change_price": ("quote currency", "price less prev_close"),
    "trade_volume": ("base currency", "volume of the last trade"),
    "trade_time": ("UTC, or tz=", "moment of the last trade"),
    "volume_24h": ("base currency", "volume of the last 24 hours"),
    "value_24h": ("quote currency", "turnover of the last 24 hours"),
    "high_52w": ("quote currency", "highest price of 52 weeks"),
    "high_52w_date": ("day", "day of that price"),
    "low_52w": ("quote currency", "lowest price of 52 weeks"),
    "low_52w_date": ("day", "day of that price"),
    "trade.volume": ("base currency", "volume of the trade"),
    "side": ("", "side of the taker: BID bought, ASK sold"),
    "sequential_id": ("", "number of the trade, unique in its market"),
    "depth": ("", "1 is the best price"),
    "bid_price": ("quote currency", "price that buyers offer"),
    "bid_size": ("base currency", "amount offered there"),
    "ask_price": ("quote currency", "price that sellers ask"),
    "ask_size": ("base currency", "amount offered there"),
    "total_bid_size": ("base currency", "sum of the bids of the book"),
    "total_ask_size": ("base currency", "sum of the asks of the book"),
    "level": ("quote currency", "width of the grouped prices, 0 for none"),
    "quote": ("", "currency of the prices"),
    "base": ("", "currency that is traded"),
    "korean_name": ("", "name in Korean; a symbol, too"),
    "english_name": ("", "name in English"),
    "warning": ("", "the exchange warns of the market: its end may come"),
    "price_fluctuations": ("", "caution: sudden price changes"),
    "trading_volume_soaring": ("", "caution: sudden volume"),
    "deposit_amount_soaring": ("", "caution: sudden deposits"),
    "global_price_differences": ("", "caution: other prices elsewhere"),
    "concentration_of_small_accounts": ("", "caution: few accounts trade it"),
    "tick_size": ("quote currency", "step of prices at today's price"),
    "supported_levels": ("quote currency", "levels of get_orderbook"),
    "start": ("UTC", "beginning of what may be missing"),
    "end": ("UTC", "end of that, null while it lasts"),
    "reason": ("", "cause"),
    "closed": ("UTC", "moment at which nothing was missing any more"),
    "how": ("", "means by which it was mended"),
    "failure": ("", "error that kept it from being mended"),
}


def describe(frame: str | None = None) -> pl.DataFrame:
    """List the columns of a frame, or of all frames: `frame column type unit meaning source`.

    `frame` is one of `candle bar premium ticker orderbook trade market instrument interruption`.
    The source names the calls, and the section of the Upbit reference where one has the fields on
    the wire. With `precision="decimal"` floats are decimals. Raises `InputError` for another name.

    >>> describe("candle").columns
    ['frame', 'column', 'type', 'unit', 'meaning', 'source']
    """
    if frame is not None and frame not in _FRAMES:
        hint = nearest(str(frame), _FRAMES)
        raise InputError(f"no frame {frame!r}{hint} (one of {' '.join(_FRAMES)})")
    rows = [
        (name, column, _type_name(dtype), *_told(name, column), source)
        for name, (schema, source) in _FRAMES.items()
        if frame in {None, name}
        for column, dtype in schema.items()
    ]
    names = ["frame", "column", "type", "unit", "meaning", "source"]
    return pl.DataFrame(rows, dict.fromkeys(names, pl.String()), orient="row")


def _told(frame: str, column: str) -> tuple[str, str]:
    return _COLUMNS.get(f"{frame}.{column}") or _COLUMNS[column]


def _type_name(dtype: pl.DataType) -> str:
    return "Enum" if isinstance(dtype, pl.Enum) else str(dtype)
