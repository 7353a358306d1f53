"""The columns and types of every frame marketkit returns.

Times are `Datetime("ms", "UTC")`, prices in the quote currency, `volume` in the base currency and
`value` (turnover) in the quote currency. Field names on the wire: Upbit reference, section 3.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

Schema = Mapping[str, pl.DataType]

TIME = pl.Datetime("ms", "UTC")
STATE = pl.Enum(["closed", "forming", "empty"])
CHANGE = pl.Enum(["RISE", "EVEN", "FALL"])
SIDE = pl.Enum(["ASK", "BID"])

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
