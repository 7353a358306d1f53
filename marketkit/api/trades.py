"""Trades: the call, the walk back through the pages, and the answers that may be given again."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Sequence
from typing import Any, Generic, Literal, overload

import polars as pl

from marketkit import schema
from marketkit.api.query import (
    A,
    Answer,
    CallOptions,
    D,
    P,
    Query,
    QuerySpec,
    Results,
    Symbols,
    choose_source,
    chosen,
)
from marketkit.api.relative import by_its_clock
from marketkit.api.router import Router, hits_of
from marketkit.cache.trade_pages import TradePageCache
from marketkit.clock import age_clock
from marketkit.errors import InvalidRange, MarketkitError
from marketkit.exchange.dialect import Priority, Request, Response
from marketkit.exchange.upbit import rest as upbit_rest
from marketkit.exchange.upbit.paging import TradeRange, walk_trades
from marketkit.frames import Defaults, FrameKind, OnError, Precision
from marketkit.net.walk import Pages
from marketkit.notebook.arguments import explained
from marketkit.timeframe import DAY, iso, parse_time
from marketkit.window import Time, read_window


@explained
class TradeMethods(Generic[P, D, A]):
    """The call for trades; `P` is given for polars, `D` pandas, `A` Arrow."""

    _trades: TradeEndpoints
    _answer: Answer
    _defaults: Defaults

    @overload
    def get_trade(
        self,
        symbols: Symbols,
        *,
        start: Time | None = ...,
        end: Time | None = ...,
        count: int | None = ...,
        frame: Literal["polars"] | None = ...,
        tz: str | None = ...,
        precision: Precision = ...,
        priority: Priority = ...,
        on_error: OnError = ...,
    ) -> P: ...
    @overload
    def get_trade(
        self,
        symbols: Symbols,
        *,
        start: Time | None = ...,
        end: Time | None = ...,
        count: int | None = ...,
        frame: Literal["pandas"],
        tz: str | None = ...,
        precision: Precision = ...,
        priority: Priority = ...,
        on_error: OnError = ...,
    ) -> D: ...
    @overload
    def get_trade(
        self,
        symbols: Symbols,
        *,
        start: Time | None = ...,
        end: Time | None = ...,
        count: int | None = ...,
        frame: Literal["arrow"],
        tz: str | None = ...,
        precision: Precision = ...,
        priority: Priority = ...,
        on_error: OnError = ...,
    ) -> A: ...
    def get_trade(
        self,
        symbols: Symbols,
        *,
        start: Time | None = None,
        end: Time | None = None,
        count: int | None = None,
        frame: FrameKind | None = None,
        tz: str | None = None,
        precision: Precision = "float",
        priority: Priority = "normal",
        on_error: OnError = "raise",
    ) -> Any:
        """Give trades of one or many symbols, oldest first, within the last seven days.

        `start` (inclusive) and `end` (exclusive) bound the time, `count` keeps the newest of each
        symbol; without any of them it is 500, one request. `-12h` counts back from now. `side` is
        the taker's: `BID` bought. Columns are `schema.TRADE` (`mk.schema.describe("trade")`).

        Raises `InvalidRange` for a window older than the exchange keeps, `PartialResult` when
        some of many symbols failed. Source: Upbit reference, section 3.3.

        >>> mk.get_trade("KRW-BTC", count=5)["time"].is_sorted()
        True
        """
        options = chosen(
            self._defaults, frame, tz, precision=precision, priority=priority, on_error=on_error
        )
        return self._answer(self._trades.trades, symbols, count, start, end, options)


class TradeEndpoints:
    """Makes queries for trades and walks through their pages."""

    def __init__(self, router: Router, pages: TradePageCache) -> None:
        self._router = router
        self._pages = pages
        self._transport = router.transport

    def trades(
        self,
        symbols: Symbols,
        count: int | None,
        start: Time | None,
        end: Time | None,
        options: CallOptions,
    ) -> Query:
        """Ask for trades; the newest ones, without a start or an end, are remembered."""
        make = functools.partial(self._asked, symbols, count, (start, end), options)
        return by_its_clock(self._transport, make, start, end)

    def _asked(
        self,
        symbols: Symbols,
        count: int | None,
        span: tuple[Time | None, Time | None],
        options: CallOptions,
        now: int,
    ) -> Query:
        exact, (start, end) = options.exact, span
        window = read_window("1s", start if count is None else None, end, count, now=now)
        since = None if start is None else parse_time(start, now)
        most = count if count is not None or since is not None else upbit_rest.TRADE_PAGE
        newest = since is None and window.end is None

        async def load(names: Sequence[str], priority: Priority) -> Results:
            results: Results = {}
            for name in names:
                wanted = TradeRange(name, self._transport.now(), since, window.end, most)
                results.update(await self._walked(spec, wanted, priority, exact=exact))
            return results

        async def check(_: Sequence[str]) -> None:
            # A page is asked for by how many days ago it was, on the exchange's calendar.
            with contextlib.suppress(MarketkitError):  # pages that are kept are there without it
                await self._transport.ask_time()
            if not self._transport.clock.is_heard:
                return
            now = self._transport.now()
            if since is not None and since > now:
                raise InvalidRange(f"start {iso(since)} lies ahead of the exchange's clock")
            oldest = (now // DAY - upbit_rest.TRADE_DAYS) * DAY
            if min(since or now, window.end or now) < oldest:
                raise InvalidRange(f"the exchange keeps trades from {iso(oldest)} on, not before")

        spec = QuerySpec(
            "trade",
            ("trade", most, since, window.end, exact),
            schema.TRADE,
            ["symbol", "time", "sequential_id"],
            load,
            exact=exact,
            single=True,
            channel="trade" if newest and most and not exact else None,
            rows=most or 1,
            kept=newest,
            check=check,
        )
        return self._router.query(spec, symbols, options)

    async def _walked(
        self, spec: QuerySpec, wanted: TradeRange, priority: Priority, *, exact: bool
    ) -> Results:
        """Walk back through the pages of one symbol, kept or fetched."""
        fetched: set[Request] = set()

        async def send(request: Request) -> Response:
            kept = await self._pages.get(request)
            if kept is not None:
                return kept
            fetched.add(request)
            return await self._transport.send(request, priority)

        pages: list[pl.DataFrame] = []
        made = age_clock()
        async for page, response, request in Pages(walk_trades(wanted, exact=exact), send):
            made = min(made, response.sent) if pages else response.sent
            if request in fetched:  # only what could be read is worth keeping
                self._pages.keep(request, response)
            pages.append(page.rows)
        # New trades shift the pages while they are read: the same trade may come twice.
        trades = pl.concat(pages).unique("sequential_id", keep="first").sort(spec.order)
        times = trades["time"].dt.epoch("ms").to_list()
        self._router.activity.saw(wanted.symbol, times, self._transport.now())
        held = self._router.keep(spec, trades, [wanted.symbol], made)
        return hits_of(choose_source(store=not fetched), [wanted.symbol], held)
