"""Rows of our frames as the exchange's own objects, with the names of the wire.

Times are ms UTC or the exchange's texts, numbers as they are in the row. `timestamp` of a candle is
its open: the moment of its last trade is not kept. Upbit reference, sections 3.1 to 3.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

import polars as pl

from marketkit.schema import MARKET
from marketkit.timeframe import DAY, MINUTE, WEEK, Timeframe, parse_time

Row = Mapping[str, Any]
Told = dict[str, Any]

KOREA = timedelta(hours=9)  # without summer time since 1988
_NO_CAUTION = {"symbol", "quote", "base", "korean_name", "english_name", "warning"}
_CAUTIONS = [name for name in MARKET if name not in _NO_CAUTION]
_SIDES = ("ask_price", "bid_price", "ask_size", "bid_size")


def market(row: Row, *, details: bool) -> Told:
    """Write a market of the list, with warnings where `details` are wanted."""
    names = {"korean_name": row["korean_name"], "english_name": row["english_name"]}
    told: Told = {"market": row["symbol"], **names}
    if details:
        caution = {name.upper(): row[name] for name in _CAUTIONS}
        told["market_event"] = {"warning": row["warning"], "caution": caution}
    return told


def ticker(row: Row) -> Told:
    """Write a ticker."""
    return {"market": row["symbol"], **_trade_times(row["trade_time"]), **_prices(row)}


def book(levels: Sequence[Row]) -> Told:
    """Write an order book of the rows of one symbol, best first."""
    best = levels[0]
    return {
        "market": best["symbol"],
        "timestamp": parse_time(best["time"]),
        "total_ask_size": best["total_ask_size"],
        "total_bid_size": best["total_bid_size"],
        # A side with fewer orders has zeros on the wire.
        "orderbook_units": [{side: row[side] or 0 for side in _SIDES} for row in levels],
        "level": best["level"],
    }


def books(frame: pl.DataFrame) -> Iterator[Told]:
    """Write the order books of a frame, one for each symbol in order."""
    for _, levels in groupby(frame.iter_rows(named=True), itemgetter("symbol")):
        yield book(list(levels))


def trade(row: Row) -> Told:
    """Write a trade."""
    return {
        "market": row["symbol"],
        "trade_date_utc": f"{row['time']:%Y-%m-%d}",
        "trade_time_utc": f"{row['time']:%H:%M:%S}",
        "timestamp": parse_time(row["time"]),
        "trade_price": row["price"],
        "trade_volume": row["volume"],
        "prev_closing_price": row["prev_close"],
        "change_price": row["change_price"],
        "ask_bid": row["side"],
        "sequential_id": row["sequential_id"],
    }


def candle(row: Row, timeframe: Timeframe) -> Told:
    """Write a candle; a day that knows `prev_close`, the close before, is compared with that."""
    opened: datetime = row["time"]
    told: Told = {
        "market": row["symbol"],
        "candle_date_time_utc": f"{opened:%Y-%m-%dT%H:%M:%S}",
        "candle_date_time_kst": f"{opened + KOREA:%Y-%m-%dT%H:%M:%S}",
        "opening_price": row["open"],
        "high_price": row["high"],
        "low_price": row["low"],
        "trade_price": row["close"],
        "timestamp": parse_time(opened),
        "candle_acc_trade_price": row["value"],
        "candle_acc_trade_volume": row["volume"],
    }
    if MINUTE <= timeframe.width < DAY:
        told["unit"] = timeframe.width // MINUTE
    elif timeframe.width >= WEEK:
        told["first_day_of_period"] = f"{opened:%Y-%m-%d}"
    elif (before := row.get("prev_close")) is not None:
        told |= _change(row["close"] - before, before)
    return told


def candles(rows: Iterable[Row], timeframe: Timeframe) -> list[Told]:
    """Write candles in the order of the rows."""
    return [candle(row, timeframe) for row in rows]


def _change(change: float, before: float) -> Told:
    return {
        "prev_closing_price": before,
        "change_price": round(change, 8),  # the places of the exchange's prices
        "change_rate": change / before,
    }


def _trade_times(at: datetime | None) -> Told:
    """Write the moment of the last trade; a market in preview has had none."""
    if at is None:
        names = ("trade_date", "trade_time", "trade_date_kst", "trade_time_kst", "trade_timestamp")
        return dict.fromkeys(names)
    korean = at + KOREA
    return {
        "trade_date": f"{at:%Y%m%d}",
        "trade_time": f"{at:%H%M%S}",
        "trade_date_kst": f"{korean:%Y%m%d}",
        "trade_time_kst": f"{korean:%H%M%S}",
        "trade_timestamp": parse_time(at),
    }


def _prices(row: Row) -> Told:
    return {
        "opening_price": row["open"],
        "high_price": row["high"],
        "low_price": row["low"],
        "trade_price": row["price"],
        "prev_closing_price": row["prev_close"],
        "change": row["change"],
        "change_price": _size(row["signed_change_price"]),
        "change_rate": _size(row["signed_change_rate"]),
        "signed_change_price": row["signed_change_price"],
        "signed_change_rate": row["signed_change_rate"],
        "trade_volume": row["trade_volume"],
        "acc_trade_price": row["value"],
        "acc_trade_price_24h": row["value_24h"],
        "acc_trade_volume": row["volume"],
        "acc_trade_volume_24h": row["volume_24h"],
        "highest_52_week_price": row["high_52w"],
        "highest_52_week_date": _day(row["high_52w_date"]),
        "lowest_52_week_price": row["low_52w"],
        "lowest_52_week_date": _day(row["low_52w_date"]),
        "timestamp": parse_time(row["time"]),
    }


def _size(number: float | None) -> float | None:
    return None if number is None else abs(number)


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
