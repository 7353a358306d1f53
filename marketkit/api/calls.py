"""From question to reply: memory and lake in the caller's own thread, all else on the engine."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from marketkit.api import arguments as answers
from marketkit.api.arguments import Symbols
from marketkit.api.candles import CandleEndpoints
from marketkit.api.markets import MarketEndpoints
from marketkit.api.query import CallOptions, Query, Result
from marketkit.api.quotes import QuoteEndpoints
from marketkit.api.response import DataResponse
from marketkit.api.status import Metrics
from marketkit.clock import age_clock
from marketkit.exchange.dialect import Priority
from marketkit.frames import Frame, FrameKind, OnError, Precision
from marketkit.net.engine import engine, run_here
from marketkit.window import UTC_DAYS, Fill, Source, Time

Ask = Callable[[], Query]


@dataclass(frozen=True, slots=True)
class Reply:
    """A question, its answer, and the seconds from the one to the other."""

    question: Query
    answer: Result
    seconds: float

    def frame(self) -> Frame:
        """Give the frame, or raise what failed."""
        return self.question.finish(self.answer)

    def response(self) -> DataResponse:
        """Give the frame with its story; where nothing was got, raise what failed."""
        answer, now = self.answer, age_clock()
        if answer.failures and not answer.parts:
            answers.raise_or_skip(answer.frame, answer.failures, "raise")
        return DataResponse(
            self.question.shape(answer.frame),
            {symbol: part.source for part in answer.parts for symbol in part.symbols},
            {symbol: now - part.made for part in answer.parts for symbol in part.symbols},
            self.seconds * 1000,
            answer.failures,
        )


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Those who read market data for all faces of one provider."""

    markets: MarketEndpoints
    quotes: QuoteEndpoints
    candles: CandleEndpoints
    meter: Metrics

    def wait(self, ask: Ask) -> Reply:
        """Answer a question and block until then."""
        started = time.perf_counter()
        question = ask()
        answer = question.recall()
        if answer is None:
            # Where nothing is sent, two changes of threads would cost as much as a short read.
            wait = engine().run if question.sends else run_here
            answer = wait(question.fetch())
        return self._reply(question, answer, started)

    async def reply(self, ask: Ask) -> Reply:
        """Answer a question; await it on any event loop."""
        started = time.perf_counter()
        question = ask()
        answer = question.recall()
        if answer is None:
            answer = await engine().arun(question.fetch())
        return self._reply(question, answer, started)

    def _reply(self, question: Query, answer: Result, started: float) -> Reply:
        seconds = time.perf_counter() - started
        self.meter.count(question.kind, answer, seconds)
        return Reply(question, answer, seconds)


R = TypeVar("R")


class DataMethods(ABC, Generic[R]):
    """The calls that give market data, once for all faces: what they give (`R`) is the face's.

    A sync face gives frames, an async one what has to be awaited for them, and those behind
    `with_response` a `DataResponse` in their place.
    """

    def __init__(self, readers: Endpoints) -> None:
        self.readers = readers

    @abstractmethod
    def _ask(self, ask: Ask) -> R:
        """Make the question, see to its answer, and give that in the face's way."""

    def get_market(
        self,
        quote: str | None = None,
        *,
        delisted: bool = False,
        as_of: Time | None = None,
        instruments: bool = False,
        frame: FrameKind = "polars",
        priority: Priority = "normal",
    ) -> R:
        """Give the listed markets, one row each, with the exchange's warnings.

        `quote` keeps those priced in one currency (`KRW`, `BTC`, `USDT`). Columns are
        `schema.MARKET`, sorted by symbol; what a region does not say is null. In pandas the
        symbol is the index.

        The lake keeps the list of every UTC day on which one was fetched. `as_of` gives the
        newest of that day or before (a warning says when it is older) and asks nobody; it raises
        `NotCovered` where the lake has none. `delisted=True` adds the markets that only earlier
        lists have, and the columns `listed_from` and `last_seen`: the days of the first and the
        last list with the market, not of its listing. A renamed market is delisted under its old
        code and listed under its new one.

        `instruments=True` adds `tick_size` and `supported_levels` (of `get_orderbook`) as they are
        at today's prices. Source: Upbit reference, sections 3.1 and 3.6.
        """
        return self._ask(
            lambda: self.readers.markets.question(
                quote,
                CallOptions(frame, "UTC", "float", priority, "raise"),
                delisted=delisted,
                as_of=as_of,
                instruments=instruments,
            )
        )

    def get_ticker(
        self,
        symbols: Symbols,
        *,
        frame: FrameKind = "polars",
        tz: str = "UTC",
        precision: Precision = "float",
        priority: Priority = "normal",
        on_error: OnError = "raise",
    ) -> R:
        """Give the ticker of one or many symbols, one row each, in one request.

        `symbols` is a code, a list, or a glob such as `KRW-*`. Columns are `schema.TICKER`:
        `time` is when the exchange built the ticker, `open high low volume value` count from
        00:00 UTC, `volume` in base and `value` in quote currency.

        Raises `UnknownSymbol` for a symbol that is not listed; with `on_error="skip"` the others
        are given and the unknown one is warned about. Source: Upbit reference, section 3.4.
        """
        return self._ask(
            lambda: self.readers.quotes.tickers(
                symbols, CallOptions(frame, tz, precision, priority, on_error)
            )
        )

    def get_orderbook(
        self,
        symbols: Symbols,
        *,
        depth: int = 15,
        level: float = 0,
        frame: FrameKind = "polars",
        tz: str = "UTC",
        precision: Precision = "float",
        priority: Priority = "normal",
        on_error: OnError = "raise",
    ) -> R:
        """Give order books of one or many symbols: a row per symbol and depth, 1 the best.

        `depth` is 1 to 30; `level` groups prices and works in KRW markets only. `time` is when
        the book last changed. A side with fewer orders has nulls. Columns are `schema.ORDERBOOK`.

        Raises `InputError` for an impossible depth or level, `UnknownSymbol` as `get_ticker` does.
        Source: Upbit reference, section 3.5.
        """
        return self._ask(
            lambda: self.readers.quotes.orderbooks(
                symbols, depth, level, CallOptions(frame, tz, precision, priority, on_error)
            )
        )

    def get_trade(
        self,
        symbols: Symbols,
        *,
        count: int | None = None,
        start: Time | None = None,
        end: Time | None = None,
        frame: FrameKind = "polars",
        tz: str = "UTC",
        precision: Precision = "float",
        priority: Priority = "normal",
        on_error: OnError = "raise",
    ) -> R:
        """Give trades of one or many symbols, oldest first, within the last seven days.

        `start` (inclusive) and `end` (exclusive) bound the time, `count` keeps the newest of each
        symbol; without any of them it is 500, one request. `side` is the taker's: `BID` bought.
        Columns are `schema.TRADE`.

        Raises `InvalidRange` for a window older than the exchange keeps, `PartialResult` when
        some of many symbols failed. Source: Upbit reference, section 3.3.
        """
        return self._ask(
            lambda: self.readers.quotes.trades(
                symbols, count, start, end, CallOptions(frame, tz, precision, priority, on_error)
            )
        )

    def get_candle(
        self,
        symbols: Symbols,
        timeframe: str,
        *,
        start: Time | None = None,
        end: Time | None = None,
        count: int | None = None,
        forming: bool = False,
        fill: Fill = "none",
        session: str = UTC_DAYS,
        source: Source = "auto",
        as_of: str | None = None,
        frame: FrameKind = "polars",
        tz: str = "UTC",
        precision: Precision = "float",
        priority: Priority = "normal",
        on_error: OnError = "raise",
    ) -> R:
        """Give candles of one or many symbols, sorted by symbol and time.

        The range is `start` (inclusive, a candle's open) to `end` (exclusive; default now), or
        the newest `count` before `end` (default 200). `timeframe` is one of `1s 1m 3m 5m 10m 15m
        30m 1h 4h 1d 1w 1M 1y`. ISO strings and dates mean UTC; naive datetimes are refused.

        `source="auto"` answers from the lake after fetching its gaps once, `"lake"` sends nothing
        and raises `NotCovered` for slots nobody asked about, `"exchange"` leaves the lake alone.
        Wide candles are made of narrower ones where the lake has those. `as_of` reads the frozen
        set of that name instead, and sends nothing. `forming=True` adds the candle that is not
        finished.

        Columns are `schema.CANDLE`: `time` is the open, `volume` in base and `value` in quote
        currency. Slots without a trade have no row, unless `fill` asks for one in each slot that
        is proved empty, with `state` `empty`: `"forward"` with the last close as its prices (null
        where none is known) and no volume, `"null"` without numbers; `count` counts them, too.

        `session` is where days begin, for `1h` and wider: `"00:00 UTC"` as on the exchange, or
        any other time and zone, such as `"00:00 Asia/Seoul"` or `"09:30 America/New_York"`; then
        candles are made of `1h` ones, or of minutes where hours do not fit.

        A single `str` gives a `DatetimeIndex` in pandas, a list a `(symbol, time)` MultiIndex.
        From the lake, `precision="decimal"` is its float64 rounded to 8 places: exact below
        6.7e7; ask `source="exchange"` for every digit of the wire. Raises `UnknownSymbol`,
        `UnknownTimeframe`, `InvalidRange` before anything is sent, `PartialResult` when some of
        many symbols failed.
        """
        return self._ask(
            lambda: self.readers.candles.candles(
                symbols,
                timeframe,
                CallOptions(frame, tz, precision, priority, on_error),
                start=start,
                end=end,
                count=count,
                forming=forming,
                fill=fill,
                session=session,
                source=source,
                as_of=as_of,
            )
        )


class AsyncResponses(DataMethods[Coroutine[Any, Any, DataResponse]]):
    """The async calls behind `with_response`."""

    async def _ask(self, ask: Ask) -> DataResponse:
        return (await self.readers.reply(ask)).response()
