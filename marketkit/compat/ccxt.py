"""Upbit as an exchange object of ccxt, answered by marketkit: `from marketkit.compat import ccxt`.

`ccxt.upbit()` has the calls of ccxt 4.5 that read public data, with their arguments, in its shapes
and with its errors: requests are paced with all others of the machine, quotes come from memory
while they are young, candles from the lake. `fetch_ohlcv` gives as many as `limit` says, not 200 at
most. ccxt itself is not needed; where it is installed, errors are its own classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from marketkit.api.sync import SmartDataProvider
from marketkit.compat import ccxt_shapes as shapes
from marketkit.compat import wire
from marketkit.compat.ccxt_base import Exchange
from marketkit.compat.ccxt_errors import BASES, error_class, in_its_words
from marketkit.compat.ccxt_shapes import Structure
from marketkit.exchange.upbit.rest import DEPTH
from marketkit.timeframe import parse_timeframe
from marketkit.window import UTC_DAYS

__all__ = ["Exchange", "exchanges", "upbit"]

exchanges = ["upbit"]

_PLAIN: dict[str, Any] = {"frame": "polars", "tz": "UTC"}
_LIMIT = 200  # rows of a call that does not say how many, as in ccxt


class upbit(Exchange):  # noqa: N801 - ccxt calls it so
    """The exchange, as `ccxt.upbit` for reading.

    `config` is what ccxt takes; keys and limits in it change nothing here. `provider` is who
    answers: the one behind marketkit's functions by default.
    """

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        *,
        provider: SmartDataProvider | None = None,
    ) -> None:
        super().__init__(provider)
        given = config or {}
        self.enableRateLimit = bool(given.get("enableRateLimit", True))
        self.options: dict[str, Any] = dict(given.get("options", {}))
        self.markets: dict[str, Structure] | None = None
        self.markets_by_id: dict[str, list[Structure]] | None = None
        self.currencies: dict[str, Structure] | None = None
        self.symbols: list[str] | None = None
        self.ids: list[str] | None = None
        self.codes: list[str] | None = None

    def load_markets(
        self, reload: bool = False, params: Mapping[str, Any] | None = None
    ) -> dict[str, Structure]:
        """Give the listed markets by symbol, asked for once, or again where `reload` says so."""
        if self.markets is None or reload:
            found = self.fetch_markets()
            sides = [(m[side], m[f"{side}Id"]) for m in found for side in ("base", "quote")]
            self.currencies = {code: shapes.currency(code, own) for code, own in sorted(set(sides))}
            self.markets_by_id = {each["id"]: [each] for each in found}
            self.codes, self.ids = list(self.currencies), sorted(self.markets_by_id)
            self.markets = {each["symbol"]: each for each in found}
            self.symbols = sorted(self.markets)
        return self.markets

    def fetch_markets(self, params: Mapping[str, Any] | None = None) -> list[Structure]:
        """Give the listed markets."""
        with in_its_words():
            frame = self._who.get_market(frame="polars")
        return [shapes.market(row) for row in frame.iter_rows(named=True)]

    def fetch_ticker(self, symbol: str, params: Mapping[str, Any] | None = None) -> Structure:
        """Give the ticker of a market."""
        asked = self.market(symbol)
        return self.fetch_tickers([symbol])[asked["symbol"]]

    def fetch_tickers(
        self, symbols: Sequence[str] | None = None, params: Mapping[str, Any] | None = None
    ) -> dict[str, Structure]:
        """Give the tickers of some markets, or of all, by symbol, in one request."""
        codes = self._codes(symbols)
        with in_its_words():
            answer = self._who.with_response.get_ticker(codes.values(), on_error="skip", **_PLAIN)
        rows = {row["symbol"]: row for row in answer.frame.iter_rows(named=True)}
        return {
            name: shapes.ticker(rows[code], name) for name, code in codes.items() if code in rows
        }

    def fetch_order_book(
        self, symbol: str, limit: int | None = None, params: Mapping[str, Any] | None = None
    ) -> Structure:
        """Give the order book of a market, with at most 30 levels."""
        asked = self.market(symbol)
        return self.fetch_order_books([symbol], limit)[asked["symbol"]]

    def fetch_order_books(
        self,
        symbols: Sequence[str] | None = None,
        limit: int | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> dict[str, Structure]:
        """Give the order books of some markets, or of all, by symbol."""
        codes = self._codes(symbols)
        depth = DEPTH if limit is None else min(limit, DEPTH)
        ask = self._who.with_response.get_orderbook
        with in_its_words():
            answer = ask(codes.values(), depth=depth, on_error="skip", **_PLAIN)
        books = {told["market"]: told for told in wire.books(answer.frame)}
        return {
            name: shapes.book(books[code], name) for name, code in codes.items() if code in books
        }

    fetch_l2_order_book = fetch_order_book

    def fetch_trades(
        self,
        symbol: str,
        since: int | None = None,
        limit: int | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> list[Structure]:
        """Give the newest trades of a market (200), or the first since a moment, oldest first."""
        asked, most = self.market(symbol), limit or _LIMIT
        window = {"count": most} if since is None else {"start": _moment(since)}
        with in_its_words():
            frame = self._who.get_trade(asked["id"], **window, **_PLAIN).head(most)
        return [shapes.trade(row, asked["symbol"]) for row in frame.iter_rows(named=True)]

    def fetch_ohlcv(
        self,
        symbol: str,
        timeframe: str = "1m",
        since: int | None = None,
        limit: int | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> list[list[Any]]:
        """Give candles of a market as lists, oldest first, with the unfinished one last.

        They are the newest `limit` (200), or those that open within `limit` widths from `since` on;
        before `params["until"]`, where that is given. All moments are ms UTC.
        """
        code, most = self.market(symbol)["id"], limit or _LIMIT
        until = (params or {}).get("until")
        with in_its_words():
            width = parse_timeframe(timeframe).name
            window = self._window(width, since, most, until)
            if window is None:
                return []
            more = {"forming": True, "derive": False, "session": UTC_DAYS, **_PLAIN}
            frame = self._who.get_candle(code, width, **window, **more)
        return shapes.ohlcv(frame.head(most))

    def market(self, symbol: str) -> Structure:
        """Give a market by symbol or by code. Raises `BadSymbol`."""
        known, by_code = self.load_markets(), self.markets_by_id or {}
        if symbol in known:
            return known[symbol]
        if symbol in by_code:
            return by_code[symbol][0]
        raise error_class("BadSymbol")(f"{self.id} does not have market symbol {symbol}")

    def market_id(self, symbol: str) -> str:
        """Give the exchange's code of a market."""
        code: str = self.market(symbol)["id"]
        return code

    def _window(
        self, width: str, since: int | None, most: int, until: int | None
    ) -> dict[str, Any] | None:
        """Give the range of candles that is meant; None for one in which nothing has begun."""
        if since is None:
            return {"count": most, "end": _moment(until)}
        end = since + most * self.parse_timeframe(width) * 1_000
        end = end if until is None else min(end, until)
        if since >= min(end, self.milliseconds()):
            return None
        return {"start": _moment(since), "end": _moment(end)}

    def _codes(self, symbols: Iterable[str] | None) -> dict[str, str]:
        """Give the exchange's codes by symbol."""
        asked = self.load_markets() if symbols is None else symbols
        found = [self.market(each) for each in asked]
        return {each["symbol"]: each["id"] for each in found}

    def __repr__(self) -> str:
        return f"marketkit.compat.ccxt.upbit({self._who!r})"


def _moment(time: int | None) -> datetime | None:
    if time is None:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time)


def __getattr__(name: str) -> Any:
    if name in BASES:
        return error_class(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
