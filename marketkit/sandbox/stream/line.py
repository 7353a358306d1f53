"""One market's trades in the order of time, and the messages of its streams at a moment."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from marketkit.sandbox.books import shown_book
from marketkit.sandbox.markets import Market
from marketkit.sandbox.moment import candle_page, finest, trades_before
from marketkit.sandbox.odd import Odd
from marketkit.sandbox.source import Source
from marketkit.sandbox.spelling import Spelling
from marketkit.sandbox.stream.bodies import (
    Best,
    Kind,
    Sides,
    State,
    book_text,
    candle_text,
    ticker_text,
    trade_text,
)
from marketkit.sandbox.stream.framing import Message
from marketkit.sandbox.stream.grammar import CANDLES, Key
from marketkit.sandbox.tickers import Tickers
from marketkit.sandbox.trades import Trade
from marketkit.sandbox.widths import DAY, Width


class Line:
    """The trades of a market after a moment, one base candle at a time."""

    def __init__(self, source: Source, since: int) -> None:
        self._source, self._base = source, finest(source)
        self._ahead: deque[Trade] = deque()
        self._edge = self._base.floor(since)
        self._load(since)

    def over(self, source: Source) -> Line:
        """Return the line of another source of the market from this place on."""
        line = Line(source, self.due - 1)
        while self._ahead and line._ahead and line._ahead[0] != self._ahead[0]:
            line._ahead.popleft()
        return line

    @property
    def due(self) -> int:
        """When to look next: at the next trade, or at the end of the base candle."""
        return self._ahead[0].time if self._ahead else self._edge

    def take(self) -> Trade | None:
        """Return the trade that is due, or None where only the next base candle begins."""
        if self._ahead:
            return self._ahead.popleft()
        self._load(self._edge - 1)
        return None

    def _load(self, since: int) -> None:
        """Put ahead the trades after `since` of the base candle at the edge; move the edge on."""
        candle = self._source.at(self._base, self._edge)
        if candle is not None:
            trades = self._source.trades(candle)
            self._ahead.extend(trade for trade in trades if trade.time > since)
        self._edge = self._base.end(self._edge)


def is_final(source: Source, width: Width, now: int) -> bool:
    """Whether nothing is left to come of the candle that `now` falls into."""
    if source.base(width) is None:
        return True  # a second made of its trades; asked at its end
    page = source.page(width, width.end(width.floor(now)), 1)
    return bool(page) and page[0].last <= now


class SideVolumes:
    """The volumes that takers sold and bought today, by market; each trade is added once."""

    def __init__(self) -> None:
        self._known: dict[Source, tuple[int, float, float]] = {}

    def at(self, source: Source, now: int) -> Sides:
        """Return the sums since 00:00 UTC."""
        today = now // DAY * DAY
        until, ask, bid = self._known.get(source, (today - 1, 0.0, 0.0))
        if not today <= until <= now:
            until, ask, bid = today - 1, 0.0, 0.0
        for trade in trades_before(source, now + 1, now, until + 1):
            if trade.side == "ASK":
                ask += trade.volume
            else:
                bid += trade.volume
        self._known[source] = now, ask, bid
        return Sides(round(ask, 8), round(bid, 8))


class Showcase:
    """The messages of every stream at a moment: REST's answer then, spelled for the websocket."""

    def __init__(self, spelling: Spelling, tickers: Tickers, odd: Odd | None = None) -> None:
        self._spelling: Spelling = spelling
        self._tickers = tickers
        self._odd = Odd() if odd is None else odd
        self._sides = SideVolumes()

    def show(self, key: Key, market: Market, now: int, kind: Kind) -> Message | None:
        """Return the present state of a stream, None where there is nothing to show."""
        shows: dict[str, Callable[[Key, Market, int, Kind], Message | None]] = {
            "ticker": self.ticker,
            "trade": self.last_trade,
            "orderbook": self.book,
        }
        if not market.is_traded(now):
            return None
        return shows.get(key.channel, self.candle)(key, market, now, kind)

    def ticker(self, key: Key, market: Market, now: int, kind: Kind) -> Message | None:
        """Return the ticker."""
        ticker, state = self._tickers.at(market.source, now), _state(market, now)
        if ticker is None:
            return None
        sides, spelling = self._sides.at(market.source, now), self._spelling
        return self._message(
            market.symbol,
            lambda simple: ticker_text(
                key.symbol, ticker, sides, state, spelling=spelling, kind=kind, simple=simple
            ),
        )

    def last_trade(self, _: Key, market: Market, now: int, kind: Kind) -> Message | None:
        """Return the last trade."""
        trade = next(trades_before(market.source, now + 1, now), None)
        return self.trade(market, trade, kind) if trade else None

    def trade(self, market: Market, trade: Trade, kind: Kind) -> Message:
        """Return one trade with the best prices at that time."""
        symbol, source = market.symbol, market.source
        previous = self._tickers.previous(source, trade.time) or trade.price
        book = shown_book(symbol, source, 0.0, trade.time)
        best = Best(book.asks[0], book.bids[0]) if book else Best((0.0, 0.0), (0.0, 0.0))
        spelling = self._spelling
        return self._message(
            market.symbol,
            lambda simple: trade_text(
                symbol, trade, previous, best, spelling=spelling, kind=kind, simple=simple
            ),
        )

    def book(self, key: Key, market: Market, now: int, kind: Kind) -> Message | None:
        """Return the order book; there is none for a level the market has not."""
        book = shown_book(key.symbol, market.source, key.level, now)
        if book is None:
            return None
        spelling = self._spelling
        return self._message(
            market.symbol,
            lambda simple: book_text(
                key.symbol, book, key.depth, key.level, spelling=spelling, kind=kind, simple=simple
            ),
        )

    def candle(self, key: Key, market: Market, now: int, kind: Kind) -> Message | None:
        """Return the running candle, or the one before while there is no trade yet."""
        width = CANDLES[key.channel]
        page = candle_page(market.source, width, width.end(width.floor(now)), 1, now)
        if not page:
            return None
        candle, spelling = page[0], self._spelling
        return self._message(
            market.symbol,
            lambda simple: candle_text(
                key.channel, key.symbol, candle, spelling=spelling, kind=kind, simple=simple
            ),
        )

    def _message(self, symbol: str, spell: Callable[[bool], str]) -> Message:
        if not self._odd.rules:
            return Message(spell)
        return Message(lambda simple: self._odd.frame(symbol, spell(simple)))


def _state(market: Market, now: int) -> State:
    return State(market.state(now), warned=market.is_warned(now), delisting=market.delisting)
