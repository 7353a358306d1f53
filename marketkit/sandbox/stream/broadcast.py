"""Listeners, and the trades, tickers, books and candles that come due for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

from marketkit.sandbox.books import STEP, change_after, last_change, next_change
from marketkit.sandbox.markets import Market, Markets, Order
from marketkit.sandbox.source import Source
from marketkit.sandbox.stream.agenda import BOOK, CANDLE, TRADE, Agenda
from marketkit.sandbox.stream.faults import AT_CANDLE, AT_TRADE, StreamFaults
from marketkit.sandbox.stream.framing import Message
from marketkit.sandbox.stream.grammar import CANDLES, Key
from marketkit.sandbox.stream.line import Line, Showcase, is_final
from marketkit.sandbox.stream.switches import Switches
from marketkit.sandbox.trades import Trade
from marketkit.sandbox.widths import SECOND

_NEVER: Final = 2**62  # later than any time
# ms between two books of a market where the clock is far ahead: short of the idle timeout.
_LEAP: Final = 30_000


class Listener(Protocol):
    """A connection that takes published messages."""

    def publish(self, message: Message) -> None:
        """Take one REALTIME message."""
        ...


Listeners = dict[Listener, None]  # a set that keeps its order, so that a run can be repeated


@dataclass(slots=True, eq=False)
class _Market:
    """One market with listeners; `book_due` and `candle_due` are times on the agenda."""

    market: Market
    line: Line
    streams: dict[str, dict[Key, Listeners]] = field(default_factory=dict)
    book_due: int = _NEVER
    candle_due: int = _NEVER
    late_trade: Message | None = None
    late_candles: dict[Key, tuple[int, Message]] = field(default_factory=dict)

    @property
    def symbol(self) -> str:
        """The market's code."""
        return self.market.symbol

    @property
    def source(self) -> Source:
        """The trades of the market, in the hours of trading."""
        return self.market.source


class Broadcast:
    """The live side of the exchange; times are sandbox time (ms UTC).

    `pace` says how far apart two books of one market are at least: the exchange's 100 ms, more
    where the clock runs so fast that they could not all be made. Of the changes that a step of
    the clock passes over, one is shown every thirty seconds, and the last.
    """

    def __init__(
        self,
        markets: Markets,
        showcase: Showcase,
        agenda: Agenda,
        faults: StreamFaults,
        pace: Callable[[], int],
        *,
        switches: Switches,
    ) -> None:
        self._register, self._showcase = markets, showcase
        self._agenda, self._faults, self._pace = agenda, faults, pace
        self._switches = switches
        self._markets: dict[str, _Market] = {}
        self.until = 0  # how far the agenda is being worked off

    def open(self, key: Key, listener: Listener, now: int) -> None:
        """Let a listener have a stream from now on, of a market that there is."""
        market = self._markets.get(key.symbol) or self._new_market(key.symbol, now)
        if market is None:
            return
        market.streams.setdefault(_family(key), {}).setdefault(key, {})[listener] = None
        if _family(key) == "orderbook" and market.book_due == _NEVER:
            self._plan_book(market, next_change(key.symbol, market.source.key, now))

    def close(self, key: Key, listener: Listener) -> None:
        """End a listener's stream; nothing happens where there is none."""
        market = self._markets.get(key.symbol)
        streams = market.streams.get(_family(key), {}) if market else {}
        if market is None or listener not in streams.get(key, {}):
            return
        del streams[key][listener]
        if not streams[key]:
            del streams[key]
        if not any(market.streams.values()):
            del self._markets[key.symbol]

    def clear(self) -> None:
        """End every stream."""
        self._markets.clear()

    def _new_market(self, symbol: str, now: int) -> _Market | None:
        known = self._register.find(symbol)
        if known is None:
            return None
        market = self._markets[symbol] = _Market(known, Line(known.source, now))
        self._plan_trade(market)
        return market

    def renew(self, symbol: str) -> None:
        """Have the streams of a market go on with what the register has by now, or end."""
        old, known = self._markets.pop(symbol, None), self._register.find(symbol)
        if old and known:
            line = old.line.over(known.source)
            market = self._markets[symbol] = _Market(known, line, old.streams)
            self._plan_trade(market)
            if old.book_due < _NEVER:
                self._plan_book(market, old.book_due)

    def announce(self, order: Order, now: int) -> None:
        """Do what streams do at the moment of an order: a last ticker, a warning, a first book."""
        market = self._markets.get(order.symbol)
        if market is None:
            return
        if order.event in {"end", "rename", "warn"}:
            for key, listeners in self._heard(market, "ticker").items():
                _send(self._showcase.ticker(key, market.market, now, "REALTIME"), listeners)
        elif market.book_due == _NEVER and market.streams.get("orderbook"):
            self._plan_book(market, next_change(order.symbol, market.source.key, now))

    def _heard(self, market: _Market, family: str) -> dict[Key, Listeners]:
        """Return the streams of a market that anything is sent on."""
        return {} if self._switches.is_silent(market.symbol) else market.streams.get(family, {})

    def _gone(self, market: _Market) -> bool:
        return self._markets.get(market.symbol) is not market

    def _plan_trade(self, market: _Market) -> None:
        self._agenda.add(market.line.due, TRADE, partial(self._trade, market))

    def _trade(self, market: _Market) -> None:
        if self._gone(market):
            return
        trade = market.line.take()
        self._plan_trade(market)
        if trade is not None:
            self._show_trade(market, trade)
            if market.line.due > trade.time:  # once for all trades of a millisecond
                self._show_ticker(market, trade)
            self._move_book(market, trade)
            self._mark_candles(market, trade)

    def _show_trade(self, market: _Market, trade: Trade) -> None:
        for listeners in self._heard(market, "trade").values():
            message = self._showcase.trade(market.market, trade, "REALTIME")
            late, market.late_trade = market.late_trade, None
            if late is None and self._faults.draw(AT_TRADE):
                market.late_trade = message
                return
            _send(message, listeners)
            if late is not None:
                _send(late, listeners)

    def _show_ticker(self, market: _Market, trade: Trade) -> None:
        for key, listeners in self._heard(market, "ticker").items():
            _send(self._showcase.ticker(key, market.market, trade.time, "REALTIME"), listeners)

    def _move_book(self, market: _Market, trade: Trade) -> None:
        due = change_after(market.source.key, trade.time)
        if market.streams.get("orderbook") and due < market.book_due and self._pace() <= STEP:
            self._plan_book(market, due)

    def _plan_book(self, market: _Market, due: int) -> None:
        market.book_due = due
        self._agenda.add(due, BOOK, partial(self._book, market, due))

    def _book(self, market: _Market, due: int) -> None:
        if self._gone(market) or market.book_due != due:
            return
        market.book_due = _NEVER
        if not market.streams.get("orderbook") or not market.market.is_traded(due):
            return
        for stream, listeners in self._heard(market, "orderbook").items():
            _send(self._showcase.book(stream, market.market, due, "REALTIME"), listeners)
        symbol, key = market.symbol, market.source.key
        leap = max(self._pace(), min(self.until - due, _LEAP))
        following = max(next_change(symbol, key, due), last_change(symbol, key, due + leap))
        self._plan_book(market, following)

    def _mark_candles(self, market: _Market, trade: Trade) -> None:
        """Let candles go out at the next whole second, once for all trades of that second."""
        due = trade.time // SECOND * SECOND + SECOND
        if market.streams.get("candle") and market.candle_due != due:
            market.candle_due = due
            self._agenda.add(due, CANDLE, partial(self._candles, market, due))

    def _candles(self, market: _Market, due: int) -> None:
        if self._gone(market) or not market.market.is_listed(due):
            return
        for key, listeners in self._heard(market, "candle").items():
            message = self._showcase.candle(key, market.market, due - 1, "REALTIME")
            if message is not None:
                self._show_candle(market, key, message, due, listeners)

    def _show_candle(
        self, market: _Market, key: Key, message: Message, due: int, listeners: Listeners
    ) -> None:
        end, late = market.late_candles.get(key, (_NEVER, None))
        if late is None and self._faults.active and self._holds_back(market, key, due):
            width = CANDLES[key.channel]
            market.late_candles[key] = width.end(width.floor(due - 1)), message
            return
        _send(message, listeners)
        if due > end:
            del market.late_candles[key]
            _send(late, listeners)

    def _holds_back(self, market: _Market, key: Key, due: int) -> bool:
        """Whether a fault strikes the last change of a candle."""
        final = is_final(market.source, CANDLES[key.channel], due - 1)
        return final and self._faults.draw(AT_CANDLE) is not None


def _family(key: Key) -> str:
    return key.channel.partition(".")[0]


def _send(message: Message | None, listeners: Iterable[Listener]) -> None:
    if message is not None:
        for listener in tuple(listeners):
            listener.publish(message)
