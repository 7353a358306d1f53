"""Quotation functions of pyupbit, answered by marketkit: `from marketkit.compat import pyupbit`.

Names, arguments, columns and the Korean index are pyupbit's (0.2.33). What differs is behind them:
requests are paced with all others of the machine, final candles come from the lake, and a failure
is an exception of `marketkit.errors` where pyupbit gives None. `period` waits for nothing: the pace
is the exchange's. An interval or a market that does not exist is an error, not a day of KRW-BTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from marketkit.api.sync import default_provider
from marketkit.errors import InputError, nearest
from marketkit.schema import MARKET
from marketkit.timeframe import parse_time

if TYPE_CHECKING:
    import pandas as pd

    Moment = str | date | datetime | pd.Timestamp | None

_TIMEFRAMES = {
    "day": "1d",
    "week": "1w",
    "month": "1M",
    "minute1": "1m",
    "minute3": "3m",
    "minute5": "5m",
    "minute10": "10m",
    "minute15": "15m",
    "minute30": "30m",
    "minute60": "1h",
    "minute240": "4h",
}
_VALUES = ["open", "high", "low", "close", "volume", "value"]
_NO_CAUTION = {"symbol", "quote", "base", "korean_name", "english_name", "warning"}
_CAUTIONS = [name for name in MARKET if name not in _NO_CAUTION]
_KOREA = timedelta(hours=9)  # without summer time since 1988
_BEGINNING = datetime(2017, 1, 1, tzinfo=UTC)  # no candle of the exchange is older


def get_tickers(
    fiat: str = "", is_details: bool = False, limit_info: bool = False, verbose: bool = False
) -> Any:
    """Give the codes of the markets that begin with `fiat` (KRW, BTC, USDT), sorted.

    With `verbose` or `is_details` a dictionary of each, as the exchange writes it; with
    `limit_info` a tuple of that and of the rest of the request budget.
    """
    markets = default_provider().get_market().filter(pl.col("symbol").str.starts_with(fiat))
    if not (verbose or is_details):
        return _limited(markets["symbol"].to_list(), "market", limit_info)
    rows = [_market(row, details=is_details) for row in markets.rows(named=True)]
    return _limited(rows, "market", limit_info)


def get_ohlcv(
    ticker: str = "KRW-BTC",
    interval: str = "day",
    count: int = 200,
    to: Moment = None,
    period: float = 0.1,
) -> pd.DataFrame:
    """Give the newest `count` candles that begin before `to` (UTC, default now).

    Columns open, high, low, close, volume and value, indexed by the open in Korean time. The
    candle that is not finished is the last one.
    """
    return _candles(ticker, interval, None, to, max(count, 1))


def get_ohlcv_from(
    ticker: str = "KRW-BTC",
    interval: str = "day",
    fromDatetime: Moment = None,  # noqa: N803 - pyupbit calls it so
    to: Moment = None,
    period: float = 0.1,
) -> pd.DataFrame:
    """Give the candles from `fromDatetime`, in Korean time, to before `to`, in UTC, as `get_ohlcv`.

    pyupbit reads one in Korean time and the other in UTC, so this does, too.
    """
    since = _moment(fromDatetime)
    return _candles(ticker, interval, _BEGINNING if since is None else since - _KOREA, to, None)


def get_daily_ohlcv_from_base(ticker: str = "KRW-BTC", base: int = 0) -> pd.DataFrame:
    """Give days that begin at an hour of Korean time, made of the newest 200 hours."""
    hours = get_ohlcv(ticker, "minute60")
    rules = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    return hours.resample("24h", offset=f"{base}h").agg(rules)


def get_current_price(
    ticker: str | Iterable[str] = "KRW-BTC", limit_info: bool = False, verbose: bool = False
) -> Any:
    """Give the price of one market, or the prices of some by code.

    With `verbose` the whole tickers, as the exchange writes them; with `limit_info` a tuple of
    that and of the rest of the request budget.
    """
    asked = [ticker] if isinstance(ticker, str) else list(ticker)
    found = {row["symbol"]: row for row in default_provider().get_ticker(asked).rows(named=True)}
    if verbose:
        return _limited([_ticker(found[code]) for code in asked], "ticker", limit_info)
    prices = {code: found[code]["price"] for code in asked}
    return _limited(prices[asked[0]] if len(asked) == 1 else prices, "ticker", limit_info)


def get_orderbook(ticker: str | Iterable[str] = "KRW-BTC", limit_info: bool = False) -> Any:
    """Give the order book of one market, or of several, as the exchange writes books."""
    asked = [ticker] if isinstance(ticker, str) else list(ticker)
    rows = default_provider().get_orderbook(asked, depth=30).rows(named=True)
    books = {code: _book(list(levels)) for code, levels in groupby(rows, lambda row: row["symbol"])}
    told = books[asked[0]] if len(asked) == 1 else [books[code] for code in asked]
    return _limited(told, "orderbook", limit_info)


def _candles(
    ticker: str, interval: str, start: datetime | None, to: Moment, count: int | None
) -> pd.DataFrame:
    frame = default_provider().get_candle(
        ticker,
        _timeframe(interval),
        start=start,
        end=_moment(to),
        count=count,
        forming=True,
        derive=False,
        frame="pandas",
        tz="Asia/Seoul",
    )
    times = cast("pd.DatetimeIndex", frame.index)
    return frame.set_axis(times.tz_localize(None).as_unit("us").rename(None))[_VALUES]


def _timeframe(interval: str) -> str:
    """Translate an interval; an unknown one is refused, where pyupbit takes days."""
    known = {**_TIMEFRAMES, **{f"{name}s": each for name, each in _TIMEFRAMES.items()}}
    known |= {name.replace("minute", "minutes"): each for name, each in _TIMEFRAMES.items()}
    if interval not in known:
        names = ", ".join(_TIMEFRAMES)
        raise InputError(f"interval={interval!r}{nearest(interval, _TIMEFRAMES)} (one of {names})")
    return known[interval]


def _moment(time: Moment) -> datetime | None:
    """Read a time as pyupbit does: one without a zone is in UTC."""
    if time is None:
        return None
    if isinstance(time, datetime):
        whole = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
        return whole.astimezone(UTC)
    return datetime.fromtimestamp(parse_time(time) / 1000, UTC)


def _limited(told: Any, group: str, limit_info: bool) -> Any:
    """Add the rest of the request budget of a second, where asked for: a minute has none here."""
    if not limit_info:
        return told
    requests = default_provider().status().requests.filter(pl.col("group") == group)
    left = requests["left"].item()
    return told, {"group": group, "min": left, "sec": left}


def _market(row: Mapping[str, Any], *, details: bool) -> dict[str, Any]:
    names = {"korean_name": row["korean_name"], "english_name": row["english_name"]}
    told: dict[str, Any] = {"market": row["symbol"], **names}
    if details:
        caution = {name.upper(): row[name] for name in _CAUTIONS}
        told["market_event"] = {"warning": row["warning"], "caution": caution}
    return told


def _ticker(row: Mapping[str, Any]) -> dict[str, Any]:
    trade: datetime = row["trade_time"]
    korean = trade + _KOREA
    return {
        "market": row["symbol"],
        "trade_date": f"{trade:%Y%m%d}",
        "trade_time": f"{trade:%H%M%S}",
        "trade_date_kst": f"{korean:%Y%m%d}",
        "trade_time_kst": f"{korean:%H%M%S}",
        "trade_timestamp": parse_time(trade),
        "opening_price": row["open"],
        "high_price": row["high"],
        "low_price": row["low"],
        "trade_price": row["price"],
        "prev_closing_price": row["prev_close"],
        "change": row["change"],
        "change_price": abs(row["signed_change_price"]),
        "change_rate": abs(row["signed_change_rate"]),
        "signed_change_price": row["signed_change_price"],
        "signed_change_rate": row["signed_change_rate"],
        "trade_volume": row["trade_volume"],
        "acc_trade_price": row["value"],
        "acc_trade_price_24h": row["value_24h"],
        "acc_trade_volume": row["volume"],
        "acc_trade_volume_24h": row["volume_24h"],
        "highest_52_week_price": row["high_52w"],
        "highest_52_week_date": f"{row['high_52w_date']}",
        "lowest_52_week_price": row["low_52w"],
        "lowest_52_week_date": f"{row['low_52w_date']}",
        "timestamp": parse_time(row["time"]),
    }


def _book(levels: list[Mapping[str, Any]]) -> dict[str, Any]:
    best = levels[0]
    sides = ("ask_price", "bid_price", "ask_size", "bid_size")
    return {
        "market": best["symbol"],
        "timestamp": parse_time(best["time"]),
        "total_ask_size": best["total_ask_size"],
        "total_bid_size": best["total_bid_size"],
        # A side with fewer orders has zeros on the wire.
        "orderbook_units": [{side: level[side] or 0 for side in sides} for level in levels],
        "level": best["level"],
    }
