"""Quotation functions of pyupbit, answered by marketkit: `from marketkit.compat import pyupbit`.

Names, arguments, columns and the Korean index are pyupbit's (0.2.34). What differs is behind them:
requests are paced with all others of the machine, final candles come from the lake, and a failure
is an exception of `marketkit.errors` where pyupbit gives None. `period` waits for nothing: the pace
is the exchange's. An interval or a market that does not exist is an error, not a day of KRW-BTC.
Orders are not here.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from marketkit.api.sync import default_provider
from marketkit.compat import wire
from marketkit.compat.pyupbit_sockets import WebSocketClient, WebSocketManager
from marketkit.errors import InputError, InvalidRange, MissingExtra, nearest
from marketkit.exchange.upbit.rest import DEPTH
from marketkit.timeframe import parse_time
from marketkit.window import UTC_DAYS

if TYPE_CHECKING:
    import pandas as pd

    Moment = str | date | datetime | pd.Timestamp | None

__all__ = [
    "WebSocketClient",
    "WebSocketManager",
    "get_current_price",
    "get_daily_ohlcv_from_base",
    "get_ohlcv",
    "get_ohlcv_from",
    "get_orderbook",
    "get_tickers",
    "get_url_ohlcv",
]

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
_PATHS = {"1d": "days", "1w": "weeks", "1M": "months", "1h": "minutes/60", "4h": "minutes/240"}
_VALUES = ["open", "high", "low", "close", "volume", "value"]
_BEGINNING = datetime(2017, 1, 1, tzinfo=UTC)  # no candle of the exchange is older
_ELSEWHERE = {"Upbit", "get_tick_size"}  # for orders
# Whatever the caller has configured for own calls.
_PLAIN: dict[str, Any] = {"frame": "polars", "tz": "UTC"}


def get_tickers(
    fiat: str = "", is_details: bool = False, limit_info: bool = False, verbose: bool = False
) -> Any:
    """Give the codes of the markets that begin with `fiat` (KRW, BTC, USDT), sorted.

    With `verbose` or `is_details` a dictionary of each, as the exchange writes it; with
    `limit_info` a tuple of that and of the rest of the request budget.
    """
    markets = default_provider().get_market(frame="polars")
    markets = markets.filter(pl.col("symbol").str.starts_with(fiat))
    if not (verbose or is_details):
        return _limited(markets["symbol"].to_list(), "market", limit_info)
    rows = [wire.market(row, details=is_details) for row in markets.rows(named=True)]
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
    return _candles(ticker, interval, _BEGINNING if since is None else since - wire.KOREA, to, None)


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
    frame = default_provider().get_ticker(asked, **_PLAIN)
    found = {row["symbol"]: row for row in frame.rows(named=True)}
    if verbose:
        return _limited([wire.ticker(found[code]) for code in asked], "ticker", limit_info)
    prices = {code: found[code]["price"] for code in asked}
    return _limited(prices[asked[0]] if len(asked) == 1 else prices, "ticker", limit_info)


def get_orderbook(ticker: str | Iterable[str] = "KRW-BTC", limit_info: bool = False) -> Any:
    """Give the order book of one market, or of several, as the exchange writes books."""
    asked = [ticker] if isinstance(ticker, str) else list(ticker)
    frame = default_provider().get_orderbook(asked, depth=DEPTH, **_PLAIN)
    books = {book["market"]: book for book in wire.books(frame)}
    told = books[asked[0]] if len(asked) == 1 else [books[code] for code in asked]
    return _limited(told, "orderbook", limit_info)


def get_url_ohlcv(interval: str) -> str:
    """Give the address that candles of an interval have on the exchange.

    >>> get_url_ohlcv("minute5")
    'https://api.upbit.com/v1/candles/minutes/5'
    """
    width = _timeframe(interval)
    path = _PATHS.get(width, f"minutes/{width.removesuffix('m')}")
    return f"https://api.upbit.com/v1/candles/{path}"


def __getattr__(name: str) -> Any:
    if name in _ELSEWHERE:
        raise AttributeError(
            f"{name} belongs to orders, and marketkit only reads public data:"
            f" take it from pyupbit itself (from pyupbit import {name})"
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


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
        session=UTC_DAYS,
        **_PLAIN,
    )
    return _korean(frame)


def _korean(frame: pl.DataFrame) -> pd.DataFrame:
    """Lay candles out as pyupbit does: floats by the open in Korean time, without a zone."""
    library = _pandas()
    times = (frame["time"].dt.replace_time_zone(None) + wire.KOREA).cast(pl.Datetime("us"))
    values = {name: frame[name].to_numpy() for name in _VALUES}
    shaped: pd.DataFrame = library.DataFrame(values, index=library.DatetimeIndex(times.to_numpy()))
    return shaped


def _pandas() -> Any:
    try:
        return importlib.import_module("pandas")  # optional, and slow to import
    except ImportError:
        raise MissingExtra("pandas", "pandas") from None


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
    try:
        return datetime.fromtimestamp(parse_time(time) / 1000, UTC)
    except InvalidRange:
        return _as_pandas_reads(time)


def _as_pandas_reads(time: Any) -> datetime:
    """Read a time in one of the many other spellings that pyupbit leaves to pandas."""
    try:
        found: datetime = _pandas().to_datetime(time).to_pydatetime()
    except (ValueError, TypeError):
        raise InvalidRange(f"cannot read {time!r} as a time: write 2026-11-20 10:00:00") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _limited(told: Any, group: str, limit_info: bool) -> Any:
    """Add the rest of the request budget, where asked for: of a second `sec`.

    `min` is sixty times what a second allows, whatever was sent, as the exchange writes it: there
    is no limit of a minute.
    """
    if not limit_info:
        return told
    requests = default_provider().status().requests
    (row,) = requests.filter(pl.col("group") == group).iter_rows(named=True)
    return told, {"group": group, "min": 60 * row["limit"], "sec": row["left"]}
