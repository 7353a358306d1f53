"""Our frames in the structures of ccxt: keys, symbols, milliseconds, floats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Context, Decimal
from typing import Any

import polars as pl

from marketkit.compat import wire

Structure = dict[str, Any]

# Codes of the exchange that are other coins elsewhere, as ccxt renames them.
COMMON = {"TON": "Tokamak Network", "XBT": "BTC", "BCHSV": "BSV"}
_FEES = {"KRW": 0.0005}  # the exchange's fees as ccxt has them; public data does not say them
_FEE = 0.0025  # of the other quote currencies
_DIGITS = 1e-08  # the exchange's smallest step, of prices and of amounts
_EXACT = Context(prec=80)  # two numbers of 17 digits each, multiplied or divided to 18 places
_PLACES = 18  # that ccxt divides to
_PRICE_PLACES = 8
_SPOT: Mapping[str, Any] = {
    "type": "spot",
    "spot": True,
    "active": True,
    "percentage": True,
    **dict.fromkeys(("margin", "swap", "future", "option", "index"), False),
    **dict.fromkeys(("tierBased", "contract"), False),
    **dict.fromkeys(("lowercaseId", "settle", "settleId", "linear", "inverse", "subType")),
    **dict.fromkeys(("contractSize", "expiry", "expiryDatetime", "strike", "optionType")),
    "created": None,
}
_NO_LIMIT: Mapping[str, None] = {"min": None, "max": None}


def iso8601(time: int | None) -> str | None:
    """Write a moment in ms UTC as ccxt does.

    >>> iso8601(1_795_169_836_552)
    '2026-11-20T10:17:16.552Z'
    """
    if time is None:
        return None
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def market(row: wire.Row) -> Structure:
    """Give a market: `BTC/KRW` for the code `KRW-BTC`."""
    base, quote = _coin(row["base"]), _coin(row["quote"])
    fee = _FEES.get(quote, _FEE)
    return {
        "id": row["symbol"],
        "symbol": f"{base}/{quote}",
        "base": base,
        "quote": quote,
        "baseId": row["base"],
        "quoteId": row["quote"],
        **_SPOT,
        "taker": fee,
        "maker": fee,
        "precision": {"price": _DIGITS, "amount": _DIGITS},
        "limits": {name: dict(_NO_LIMIT) for name in ("leverage", "amount", "price", "cost")},
        "marginModes": {"cross": None, "isolated": None},
        "info": wire.market(row, details=False),
    }


def currency(code: str, ident: str) -> Structure:
    """Give a currency, of which public data has the code and no more."""
    unknown = ("info", "numericId", "type", "name", "active", "deposit", "withdraw", "fee")
    return {
        "id": ident,
        "code": code,
        "precision": _DIGITS,
        **dict.fromkeys(unknown),
        "fees": {},
        "networks": {},
        "limits": {name: dict(_NO_LIMIT) for name in ("deposit", "withdraw")},
    }


def ticker(row: wire.Row, symbol: str) -> Structure:
    """Give a ticker; change, percentage and average go by the open of the day, as in ccxt."""
    told = wire.ticker(row)
    time, opened, last = told["trade_timestamp"], _number(row["open"]), _number(row["price"])
    unknown = ("bid", "bidVolume", "ask", "askVolume", "indexPrice", "markPrice")
    return {
        "symbol": symbol,
        "timestamp": time,
        "datetime": iso8601(time),
        "high": row["high"] or None,
        "low": row["low"] or None,
        "open": row["open"] or None,
        "close": row["price"],
        "last": row["price"],
        "previousClose": row["prev_close"],
        **_moves(opened, last),
        "vwap": _ratio(_number(row["value_24h"]), _number(row["volume_24h"])),
        "baseVolume": row["volume_24h"],
        "quoteVolume": row["value_24h"],
        **dict.fromkeys(unknown),
        "info": told,
    }


def book(told: wire.Told, symbol: str) -> Structure:
    """Give an order book of one that the exchange writes; slots without an order are left out."""
    units = told["orderbook_units"]
    sides = {
        f"{side}s": [
            [unit[f"{side}_price"], unit[f"{side}_size"]] for unit in units if unit[f"{side}_price"]
        ]
        for side in ("bid", "ask")
    }
    time = told["timestamp"]
    return {
        "symbol": symbol,
        **sides,
        "timestamp": time,
        "datetime": iso8601(time),
        "nonce": None,
    }


def trade(row: wire.Row, symbol: str) -> Structure:
    """Give a trade; `side` is the taker's."""
    told = wire.trade(row)
    cost = _EXACT.multiply(Decimal(repr(row["price"])), Decimal(repr(row["volume"])))
    return {
        "id": str(row["sequential_id"]),
        "timestamp": told["timestamp"],
        "datetime": iso8601(told["timestamp"]),
        "symbol": symbol,
        "side": "buy" if row["side"] == "BID" else "sell",
        "price": row["price"],
        "amount": row["volume"],
        "cost": float(cost),
        "fee": {"cost": None, "currency": None},
        "fees": [],
        **dict.fromkeys(("order", "type", "takerOrMaker")),
        "info": told,
    }


def ohlcv(frame: pl.DataFrame) -> list[list[Any]]:
    """Give candles as lists: ms UTC of the open, open, high, low, close, volume in base."""
    columns: Sequence[str] = ("open", "high", "low", "close", "volume")
    return [list(row) for row in frame.select(pl.col("time").dt.epoch("ms"), *columns).rows()]


def _coin(code: str) -> str:
    return COMMON.get(code, code)


def _moves(opened: Decimal | None, last: Decimal | None) -> Structure:
    names = ("change", "percentage", "average")
    if opened is None or last is None:
        return dict.fromkeys(names)
    change = last - opened
    percentage = _EXACT.multiply(_divided(change, opened, _PLACES), Decimal(100))
    average = _divided(last + opened, Decimal(2), _PRICE_PLACES)
    return dict(zip(names, map(float, (change, percentage, average)), strict=True))


def _ratio(one: Decimal | None, other: Decimal | None) -> float | None:
    if one is None or other is None:
        return None
    return float(_divided(one, other, _PLACES))


def _divided(one: Decimal, other: Decimal, places: int) -> Decimal:
    """Divide, and cut the digits behind so many places."""
    quotient = _EXACT.divide(one, other)
    return quotient.quantize(Decimal(1).scaleb(-places), ROUND_DOWN, _EXACT)


def _number(number: float | None) -> Decimal | None:
    """Read a number's digits; there is none behind a zero, as in ccxt."""
    return Decimal(repr(number)) if number else None
