"""The older provider's calls, once for the sync and the async one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

import polars as pl

from marketkit.compat.older import payloads
from marketkit.compat.older.models import Priority, priority_of
from marketkit.compat.older.payloads import CandleRange, Moment, moment
from marketkit.errors import InputError, InvalidRange
from marketkit.exchange.upbit.rest import DEPTH, TRADE_PAGE

R = TypeVar("R")  # a response, or something to await for one
B = TypeVar("B")  # the same of a batch

Symbols = str | Sequence[str]


class Call(NamedTuple):
    """A call of today for one of the older provider.

    `ask` is given the calls of `with_response` and gives their answer, or something to await for
    it; what is wrong with arguments it raises. `pay` makes the payload of the frame.
    """

    kind: str
    priority: Priority | str | int
    ask: Callable[[Any], Any]
    pay: Callable[[pl.DataFrame], Any]


class OlderMethods(Generic[R, B]):
    """The seven calls and the two for many symbols.

    Errors are in the response, unless the provider was made with `raise_errors=True`.
    """

    _answer: Callable[[Call], R]
    _batch: Callable[[Sequence[str], Call], B]

    def get_ticker(self, symbol: Symbols, priority: Priority = Priority.HIGH) -> R:
        """Give the ticker of a symbol, or the list of tickers of several."""
        return self._answer(_tickers(symbol, priority))

    def get_tickers(self, symbols: Sequence[str], priority: Priority = Priority.HIGH) -> R:
        """Give the list of tickers of some symbols, in the order asked for, in one request."""
        return self._answer(_tickers(_listed(symbols), priority))

    def get_orderbook(self, symbol: Symbols, priority: Priority = Priority.HIGH) -> R:
        """Give the order book of a symbol with 30 levels, or the list of books of several."""
        return self._answer(_books(symbol, priority))

    def get_trades(
        self, symbol: str, count: int | Priority = 100, priority: Priority = Priority.NORMAL
    ) -> R:
        """Give the newest 1 to 500 trades of a symbol, newest first."""
        if isinstance(count, Priority):  # the second argument of one older version
            priority = count
            count = 100

        def ask(calls: Any) -> Any:
            if not isinstance(count, int) or not 1 <= count <= TRADE_PAGE:
                raise InvalidRange(f"count={count!r}: ask for 1 to {TRADE_PAGE} trades")
            return calls.get_trade(symbol, count=count, **_options(priority))

        return self._answer(Call("trade", priority, ask, payloads.trades))

    def get_candles(
        self,
        symbol: Symbols,
        timeframe: str = "1m",
        count: int | None = None,
        start_time: Moment | Priority = None,
        end_time: Moment = None,
        priority: Priority = Priority.NORMAL,
        *,
        candle_type: str | None = None,
    ) -> R:
        """Give candles of a symbol, newest first, with the unfinished one.

        From `start_time` (default: as many as `count`, 200) to `end_time` (default now), both in
        ISO or datetimes, UTC where no zone is said; the newest `count` of them. `candle_type` is
        another name of `timeframe`. `timestamp` is the candle's open in ms UTC. Of several symbols
        the candles of one come after another's, and `data["KRW-BTC"]` has the list of one.
        """
        start: Moment = None
        if isinstance(start_time, Priority):  # the fourth argument of one older version
            priority = start_time
        else:
            start = start_time
        wanted = CandleRange(candle_type or timeframe, count, start, end_time)

        def ask(calls: Any) -> Any:
            more = {"forming": True, "derive": False, **wanted.arguments(), **_options(priority)}
            return calls.get_candle(symbol, wanted.timeframe, **more)

        pay = partial(wanted.newest_first, symbol)
        return self._answer(Call(f"candle_{wanted.timeframe}", priority, ask, pay))

    get_candle = get_candles

    def get_continuous_candles(
        self,
        symbol: str,
        timeframe: str,
        start_time: Moment,
        end_time: Moment,
        include_empty: bool = True,
        priority: Priority = Priority.NORMAL,
    ) -> R:
        """Give all candles of a range, oldest first, with `is_empty` and `collection_status`.

        `include_empty` has slots without a trade be there with the last close (for charts), and all
        numbers `Decimal`, every digit as on the wire; else only traded slots come (for indicators),
        with floats. A slot whose state is not proved yet has no row.
        """
        shape = {"fill": "forward", "precision": "decimal"} if include_empty else {}

        def ask(calls: Any) -> Any:
            window = {"start": moment(start_time), "end": moment(end_time), "forming": True}
            more = {**window, "derive": False, **shape, **_options(priority)}
            return calls.get_candle(symbol, timeframe, **more)

        pay = partial(payloads.continuous, timeframe)
        return self._answer(Call(f"candle_{timeframe}", priority, ask, pay))

    def get_markets(self, is_details: bool = False, priority: Priority = Priority.NORMAL) -> R:
        """Give the market list as on the exchange, with `market_event` where details are wanted."""

        def ask(calls: Any) -> Any:
            return calls.get_market(priority=priority_of(priority).urgency)

        pay = partial(payloads.markets, details=is_details)
        return self._answer(Call("market", priority, ask, pay))

    def get_multiple_tickers(
        self, symbols: Sequence[str], priority: Priority = Priority.NORMAL
    ) -> B:
        """Give tickers of many symbols, repeats too, and the failures, in one request."""
        asked = _listed(symbols)
        return self._batch(asked, _tickers(asked, priority))

    def get_multiple_orderbooks(
        self, symbols: Sequence[str], priority: Priority = Priority.NORMAL
    ) -> B:
        """Give order books of many symbols, repeats too, and the failures."""
        asked = _listed(symbols)
        return self._batch(asked, _books(asked, priority))


def _tickers(symbols: Symbols, priority: Priority) -> Call:
    def ask(calls: Any) -> Any:
        return calls.get_ticker(_some(symbols), **_options(priority))

    return Call("ticker", priority, ask, partial(payloads.tickers, symbols))


def _books(symbols: Symbols, priority: Priority) -> Call:
    def ask(calls: Any) -> Any:
        return calls.get_orderbook(_some(symbols), depth=DEPTH, **_options(priority))

    return Call("orderbook", priority, ask, partial(payloads.books, symbols))


def _options(priority: Priority | str | int) -> dict[str, Any]:
    """Give the options of today: a symbol that fails does not fail the others."""
    return {"priority": priority_of(priority).urgency, "on_error": "skip"}


def _listed(symbols: Symbols | None) -> Sequence[str]:
    return [symbols] if symbols and isinstance(symbols, str) else list(symbols or ())


def _some(symbols: Symbols) -> Symbols:
    if not symbols:
        raise InputError(f"symbols={symbols!r}: give at least one code, such as KRW-BTC")
    return symbols
