"""The exchange's counter: one method per endpoint, from a query to a body."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from marketkit.sandbox import patience
from marketkit.sandbox.bodies import (
    book_row,
    candle_row,
    day_row,
    instrument_row,
    levels_row,
    market_row,
    ticker_row,
    trade_row,
)
from marketkit.sandbox.books import DEPTH, shown_book, supported_levels
from marketkit.sandbox.markets import Market, Markets
from marketkit.sandbox.moment import candle_page, last_close, trades_before
from marketkit.sandbox.query import Query, WireError, invalid, unknown_code
from marketkit.sandbox.spelling import Spelling, fixed
from marketkit.sandbox.tickers import Tickers
from marketkit.sandbox.ticks import tick_size
from marketkit.sandbox.trades import Trade
from marketkit.sandbox.widths import DAY, MINUTE_UNITS, WIDTHS, Width

Answer = Callable[[Query, int], list[str]]

_ONE_DAY = WIDTHS["1d"]
MOST_CANDLES, MOST_TRADES = 200, 500
_TICKER_S, _BOOK_S = 0.00005, 0.0002  # one row
_CANDLE_PATHS = {"seconds": "1s", "days": "1d", "weeks": "1w", "months": "1M", "years": "1y"}


@dataclass(frozen=True, slots=True)
class Desk:
    """Answers at a moment `now` (ms UTC of the sandbox clock); raises `WireError`."""

    markets: Markets
    spelling: Spelling = "wire"
    tickers: Tickers = field(default_factory=Tickers)

    def market(self, code: str, now: int) -> Market:
        """Return a listed market."""
        market = self.markets.find(code)
        if market is None or not market.is_listed(now):
            raise unknown_code()
        return market

    def _markets(self, query: Query, now: int) -> list[Market]:
        """Return the markets a query asks about: one unknown code fails the whole call."""
        return [self.market(code, now) for code in query.codes("markets")]

    def market_all(self, query: Query, now: int) -> list[str]:
        """Answer market/all."""
        details = query.flag("is_details", "isDetails")
        return [
            market_row(
                market.symbol,
                market.source.key,
                details=details,
                warned=market.is_warned(now),
                former=market.former,
            )
            for market in self.markets.listed(now)
        ]

    def candles(self, width: Width, query: Query, now: int) -> list[str]:
        """Answer candles of one width."""
        code = query.required("market")
        to, count = query.to(), query.count(1, MOST_CANDLES)
        unit = query.text("converting_price_unit", "convertingPriceUnit")
        if width is _ONE_DAY and unit not in {None, "KRW"}:
            raise invalid()
        market = self.market(code, now)
        symbol, source = market.symbol, market.source
        before = width.end(width.floor(now)) if to is None else to
        page = candle_page(source, width, before, count, now)
        if width is not _ONE_DAY:
            return [candle_row(symbol, candle, width) for candle in page]
        return [
            day_row(
                symbol,
                candle,
                last_close(source, candle.time, candle.open),
                None if unit is None else self._converted(symbol, candle.time, candle.close, now),
            )
            for candle in page
        ]

    def _converted(self, symbol: str, day: int, price: float, now: int) -> str:
        """Spell a price in KRW by that day's price of the quote currency; null for KRW markets."""
        market = self.markets.find(f"KRW-{symbol.partition('-')[0]}")
        page = candle_page(market.source, _ONE_DAY, day + DAY, 1, now) if market else []
        return fixed(round(price * page[0].close, 8)) if page else "null"

    def trades(self, query: Query, now: int) -> list[str]:
        """Answer trades/ticks: one UTC day, newest first, never across the day's start.

        Without `days_ago`, or with 0, the day is today, also where nothing traded yet; outside 0..7
        it is refused. None of these is recorded anywhere.
        """
        code = query.required("market")
        ago, count = query.whole("days_ago", "daysAgo"), query.count(1, MOST_TRADES)
        of_day, cursor = query.time_of_day(), query.whole("cursor")
        if ago is not None and not 0 <= ago <= 7:
            raise invalid()
        market = self.market(code, now)
        source = market.source
        start = now // DAY * DAY - (ago or 0) * DAY
        before = start + (DAY if of_day is None else of_day)
        if cursor is not None:
            before = min(before, cursor // 10_000 + 1)
        previous = last_close(source, start, 0.0)
        trades = trades_before(source, before, now, start)
        older = (one for one in trades if cursor is None or one.sequential_id < cursor)
        return [
            trade_row(market.symbol, trade, previous or trade.price)
            for trade in islice(older, count)
        ]

    def ticker(self, query: Query, now: int) -> list[str]:
        """Answer ticker; a paused market adds no row."""
        return self._ticker_rows(self._markets(query, now), now)

    def ticker_all(self, query: Query, now: int) -> list[str]:
        """Answer ticker/all; a quote currency without markets adds no rows."""
        quotes, listed = query.codes("quote_currencies"), self.markets.listed(now)
        markets = [market for market in listed if market.symbol.partition("-")[0] in quotes]
        return self._ticker_rows(markets, now)

    def _ticker_rows(self, markets: list[Market], now: int) -> list[str]:
        patience.take(_TICKER_S * len(markets))
        markets = [market for market in markets if market.is_traded(now)]
        self.tickers.prepare((market.source for market in markets), now)
        return [
            ticker_row(market.symbol, ticker, self.spelling)
            for market in markets
            if (ticker := self.tickers.at(market.source, now))
        ]

    def orderbook(self, query: Query, now: int) -> list[str]:
        """Answer orderbook; a paused market, or one that has not this level, adds no row."""
        markets, count = self._markets(query, now), query.count(DEPTH, DEPTH)
        level = query.number("level", 0.0)
        patience.take(_BOOK_S * len(markets))
        return [
            book_row(market.symbol, book, level, count, self.spelling)
            for market in markets
            if market.is_traded(now)
            and (book := shown_book(market.symbol, market.source, level, now))
        ]

    def instruments(self, query: Query, now: int) -> list[str]:
        """Answer orderbook/instruments."""
        rows = []
        for symbol, trade in self._last_trades(query, now):
            quote = symbol.partition("-")[0]
            levels = supported_levels(quote, trade.price)
            rows.append(instrument_row(symbol, tick_size(quote, trade.price), levels))
        return rows

    def supported_levels(self, query: Query, now: int) -> list[str]:
        """Answer the deprecated orderbook/supported_levels."""
        return [
            levels_row(symbol, supported_levels(symbol.partition("-")[0], trade.price))
            for symbol, trade in self._last_trades(query, now)
        ]

    def _last_trades(self, query: Query, now: int) -> list[tuple[str, Trade]]:
        """Return each market with the last trade, leaving out markets that never traded."""
        return [
            (market.symbol, trade)
            for market in self._markets(query, now)
            if (trade := next(trades_before(market.source, now + 1, now), None))
        ]


def route(desk: Desk, path: str) -> tuple[str, Answer] | None:
    """Return the rate group and the answerer of a path below /v1, None when there is none."""
    simple = {
        "market/all": ("market", desk.market_all),
        "trades/ticks": ("crix-trades", desk.trades),
        "ticker": ("ticker", desk.ticker),
        "ticker/all": ("ticker", desk.ticker_all),
        "orderbook": ("orderbook", desk.orderbook),
        "orderbook/instruments": ("orderbook", desk.instruments),
        "orderbook/supported_levels": ("orderbook", desk.supported_levels),
    }
    if path in simple:
        return simple[path]
    kind, _, rest = path.partition("/")
    if kind != "candles":
        return None
    return _candle_route(desk, rest)


def _candle_route(desk: Desk, path: str) -> tuple[str, Answer] | None:
    kind, _, unit = path.partition("/")
    if kind == "minutes" and unit:
        width = MINUTE_UNITS.get(unit)
    elif kind in _CANDLE_PATHS and not unit:
        width = WIDTHS[_CANDLE_PATHS[kind]]
    else:
        return None

    def answer(query: Query, now: int) -> list[str]:
        if width is None:
            raise WireError(400, "specified unit is not valid.")
        return desk.candles(width, query, now)

    return "candles", answer
