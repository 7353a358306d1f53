"""The exchange's counter: one method per endpoint, from a query to a body."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

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
from marketkit.sandbox.moment import candle_page, last_close, trades_before
from marketkit.sandbox.query import Query, WireError, invalid, unknown_code
from marketkit.sandbox.source import Source
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

    sources: Mapping[str, Source]
    spelling: Spelling = "wire"
    tickers: Tickers = field(default_factory=Tickers)

    def listed(self, now: int) -> list[str]:
        """Return the codes that are listed at a moment."""
        return [symbol for symbol, source in self.sources.items() if source.listing <= now]

    def source(self, symbol: str, now: int) -> Source:
        """Return a listed market's source."""
        source = self.sources.get(symbol)
        if source is None or source.listing > now:
            raise unknown_code()
        return source

    def market_all(self, query: Query, now: int) -> list[str]:
        """Answer market/all."""
        details = query.flag("is_details", "isDetails")
        return [
            market_row(symbol, self.sources[symbol].key, details=details)
            for symbol in self.listed(now)
        ]

    def candles(self, width: Width, query: Query, now: int) -> list[str]:
        """Answer candles of one width."""
        symbol = query.required("market").upper()
        to, count = query.to(), query.count(1, MOST_CANDLES)
        unit = query.text("converting_price_unit", "convertingPriceUnit")
        if width is _ONE_DAY and unit not in {None, "KRW"}:
            raise invalid()
        source = self.source(symbol, now)
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
        source = self.sources.get(f"KRW-{symbol.partition('-')[0]}")
        page = candle_page(source, _ONE_DAY, day + DAY, 1, now) if source else []
        return fixed(round(price * page[0].close, 8)) if page else "null"

    def trades(self, query: Query, now: int) -> list[str]:
        """Answer trades/ticks: one UTC day, newest first, never across the day's start.

        Without `days_ago` the day is today, also where nothing traded yet; outside 1..7 it is
        refused. Neither is recorded anywhere.
        """
        symbol = query.required("market").upper()
        ago, count = query.whole("days_ago", "daysAgo"), query.count(1, MOST_TRADES)
        of_day, cursor = query.time_of_day(), query.whole("cursor")
        if ago is not None and not 1 <= ago <= 7:
            raise invalid()
        source = self.source(symbol, now)
        start = now // DAY * DAY - (ago or 0) * DAY
        before = start + (DAY if of_day is None else of_day)
        if cursor is not None:
            before = min(before, cursor // 10_000)
        previous = last_close(source, start, 0.0)
        return [
            trade_row(symbol, trade, previous or trade.price)
            for _, trade in zip(
                range(count), trades_before(source, before, now, start), strict=False
            )
        ]

    def ticker(self, query: Query, now: int) -> list[str]:
        """Answer ticker: one unknown code fails the whole call."""
        codes = query.codes("markets")
        return self._ticker_rows([(code, self.source(code, now)) for code in codes], now)

    def ticker_all(self, query: Query, now: int) -> list[str]:
        """Answer ticker/all; a quote currency without markets adds no rows."""
        quotes = query.codes("quote_currencies")
        markets = [
            (symbol, self.sources[symbol])
            for symbol in self.listed(now)
            if symbol.partition("-")[0] in quotes
        ]
        return self._ticker_rows(markets, now)

    def _ticker_rows(self, markets: list[tuple[str, Source]], now: int) -> list[str]:
        patience.take(_TICKER_S * len(markets))
        self.tickers.prepare((source for _, source in markets), now)
        return [
            ticker_row(symbol, ticker, self.spelling)
            for symbol, source in markets
            if (ticker := self.tickers.at(source, now))
        ]

    def orderbook(self, query: Query, now: int) -> list[str]:
        """Answer orderbook; a market that has not this level adds no row."""
        codes, count = query.codes("markets"), query.count(DEPTH, DEPTH)
        level = query.number("level", 0.0)
        patience.take(_BOOK_S * len(codes))
        return [
            book_row(code, book, level, count, self.spelling)
            for code, source in [(code, self.source(code, now)) for code in codes]
            if (book := shown_book(code, source, level, now))
        ]

    def instruments(self, query: Query, now: int) -> list[str]:
        """Answer orderbook/instruments."""
        rows = []
        for code, _, trade in self._last_trades(query.codes("markets"), now):
            quote = code.partition("-")[0]
            levels = supported_levels(quote, trade.price)
            rows.append(instrument_row(code, tick_size(quote, trade.price), levels))
        return rows

    def supported_levels(self, query: Query, now: int) -> list[str]:
        """Answer the deprecated orderbook/supported_levels."""
        return [
            levels_row(code, supported_levels(code.partition("-")[0], trade.price))
            for code, _, trade in self._last_trades(query.codes("markets"), now)
        ]

    def _last_trades(self, codes: list[str], now: int) -> list[tuple[str, Source, Trade]]:
        """Return each market with the last trade, leaving out markets that never traded."""
        sources = [(code, self.source(code, now)) for code in codes]
        return [
            (code, source, trade)
            for code, source in sources
            if (trade := next(trades_before(source, now + 1, now), None))
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
