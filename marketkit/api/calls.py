"""From call to answer: memory and lake in the caller's own thread, all else on the engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from marketkit.api.address import Address, part_of
from marketkit.api.backfills import BackfillEndpoints
from marketkit.api.bar_calls import BarMethods
from marketkit.api.bars import BarEndpoints
from marketkit.api.candle_calls import CandleMethods
from marketkit.api.candles import CandleEndpoints
from marketkit.api.market_calls import MarketMethods
from marketkit.api.markets import MarketEndpoints
from marketkit.api.metrics import Metrics
from marketkit.api.premium import PremiumEndpoints
from marketkit.api.premium_calls import PremiumMethods
from marketkit.api.query import A, Answer, D, P, Q, Query, Result
from marketkit.api.quote_calls import QuoteMethods
from marketkit.api.quotes import QuoteEndpoints
from marketkit.api.response import DataResponse, respond
from marketkit.api.trades import TradeEndpoints, TradeMethods
from marketkit.frames import Defaults, Frame
from marketkit.net import fork
from marketkit.net.engine import asyncio_loop, engine, run_here


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Everything that can be asked of one provider, and the four ways to be answered."""

    markets: MarketEndpoints
    quotes: QuoteEndpoints
    trades: TradeEndpoints
    candles: CandleEndpoints
    bars: BarEndpoints
    premiums: PremiumEndpoints
    backfills: BackfillEndpoints
    metrics: Metrics

    def frame(self, ask: Callable[Q, Query], /, *args: Q.args, **kwargs: Q.kwargs) -> Frame:
        """Give the frame of a query and block until then."""
        query, result, _ = self._wait(ask, *args, **kwargs)
        return query.finish(result)

    def response(
        self, ask: Callable[Q, Query], /, *args: Q.args, **kwargs: Q.kwargs
    ) -> DataResponse[Any]:
        """Block until the frame of a query is there, and give the frame with the story."""
        return respond(*self._wait(ask, *args, **kwargs))

    async def async_frame(
        self, ask: Callable[Q, Query], /, *args: Q.args, **kwargs: Q.kwargs
    ) -> Frame:
        """Give the frame of a query, awaited on any event loop."""
        query, result, _ = await self._await(ask, *args, **kwargs)
        return query.finish(result)

    async def async_response(
        self, ask: Callable[Q, Query], /, *args: Q.args, **kwargs: Q.kwargs
    ) -> DataResponse[Any]:
        """Give the frame of a query with the story, awaited on any event loop."""
        return respond(*await self._await(ask, *args, **kwargs))

    def _wait(
        self, ask: Callable[Q, Query], /, *args: Q.args, **kwargs: Q.kwargs
    ) -> tuple[Query, Result, float]:
        """Give a query, the result and the seconds between."""
        fork.check()
        started = time.perf_counter()
        query = ask(*args, **kwargs)
        result = query.recall()
        if result is None:
            # Where nothing is sent, two changes of threads would cost as much as a short read.
            wait = engine().run if query.sends else run_here
            result = wait(query.fetch())
        seconds = time.perf_counter() - started
        self.metrics.count(query.kind, result, seconds)
        return query, result, seconds

    async def _await(
        self, ask: Callable[Q, Query], /, *args: Q.args, **kwargs: Q.kwargs
    ) -> tuple[Query, Result, float]:
        asyncio_loop()  # at once, also where memory would answer
        started = time.perf_counter()
        query = ask(*args, **kwargs)
        result = query.recall()
        if result is None:
            result = await engine().arun(query.fetch())
        seconds = time.perf_counter() - started
        self.metrics.count(query.kind, result, seconds)
        return query, result, seconds


class DataMethods(
    MarketMethods[P, D, A],
    QuoteMethods[P, D, A],
    TradeMethods[P, D, A],
    CandleMethods[P, D, A],
    BarMethods[P, D, A],
    PremiumMethods[P, D, A],
):
    """The calls that give market data, once for every provider and for `with_response`.

    A call gives `P` for polars, `D` for pandas and `A` for Arrow: frames, responses, or coroutines
    of these, as the `answer` does that it is made with. What a call leaves open is as in
    `defaults`.
    """

    def __init__(
        self, endpoints: Endpoints, answer: Answer, address: Address, defaults: Defaults
    ) -> None:
        self._address = address
        self._defaults = defaults
        self._market_lists = endpoints.markets
        self._quotes = endpoints.quotes
        self._trades = endpoints.trades
        self._candles = endpoints.candles
        self._bars = endpoints.bars
        self._premiums = endpoints.premiums
        self._answer = answer

    @property
    def address(self) -> Address:
        """The arguments of the provider, with nothing left to the environment."""
        now = self._defaults
        return replace(self._address, frame=now.frame, tz=now.tz, session=now.session)

    def __reduce__(self) -> tuple[Any, ...]:
        return part_of, (self.address, "with_response")  # providers have their own
