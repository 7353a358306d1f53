"""Tickers and order books: the calls, their requests, and the rows of the answers."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, Literal, overload

import polars as pl

from marketkit import schema
from marketkit.api.query import Answer, CallOptions, D, P, Query, QuerySpec, Results, Symbols
from marketkit.api.router import Router, hits_of
from marketkit.errors import BadResponse, InputError, MarketkitError
from marketkit.exchange.dialect import Priority, Request
from marketkit.exchange.upbit import bodies as upbit_bodies
from marketkit.exchange.upbit import rest as upbit_rest
from marketkit.frames import FrameKind, OnError, Precision

Decode = Callable[[bytes], pl.DataFrame]


class QuoteMethods(Generic[P, D]):
    """The calls for tickers and order books; `P` is given for polars, `D` for pandas."""

    _quotes: QuoteEndpoints
    _answer: Answer

    @overload
    def get_ticker(
        self,
        symbols: Symbols,
        *,
        frame: Literal["polars"] = ...,
        tz: str = ...,
        precision: Precision = ...,
        priority: Priority = ...,
        on_error: OnError = ...,
    ) -> P: ...
    @overload
    def get_ticker(
        self,
        symbols: Symbols,
        *,
        frame: Literal["pandas"],
        tz: str = ...,
        precision: Precision = ...,
        priority: Priority = ...,
        on_error: OnError = ...,
    ) -> D: ...
    def get_ticker(
        self,
        symbols: Symbols,
        *,
        frame: FrameKind = "polars",
        tz: str = "UTC",
        precision: Precision = "float",
        priority: Priority = "normal",
        on_error: OnError = "raise",
    ) -> Any:
        """Give the ticker of one or many symbols, one row each, in one request.

        `symbols` is a code, a list, or a glob such as `KRW-*`. Columns are `schema.TICKER`:
        `time` is when the exchange built the ticker, `open high low volume value` count from
        00:00 UTC, `volume` in base and `value` in quote currency.

        Raises `UnknownSymbol` for a symbol that is not listed; with `on_error="skip"` the others
        are given and the unknown one is warned about. Source: Upbit reference, section 3.4.
        """
        options = CallOptions(frame, tz, precision, priority, on_error)
        return self._answer(self._quotes.tickers, symbols, options)

    @overload
    def get_orderbook(
        self,
        symbols: Symbols,
        *,
        depth: int = ...,
        level: float = ...,
        frame: Literal["polars"] = ...,
        tz: str = ...,
        precision: Precision = ...,
        priority: Priority = ...,
        on_error: OnError = ...,
    ) -> P: ...
    @overload
    def get_orderbook(
        self,
        symbols: Symbols,
        *,
        depth: int = ...,
        level: float = ...,
        frame: Literal["pandas"],
        tz: str = ...,
        precision: Precision = ...,
        priority: Priority = ...,
        on_error: OnError = ...,
    ) -> D: ...
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
    ) -> Any:
        """Give order books of one or many symbols: a row per symbol and depth, 1 the best.

        `depth` is 1 to 30; `level` groups prices and works in KRW markets only. `time` is when
        the book last changed. A side with fewer orders has nulls. Columns are `schema.ORDERBOOK`.

        Raises `InputError` for an impossible depth or level, `UnknownSymbol` as `get_ticker` does.
        Source: Upbit reference, section 3.5.
        """
        options = CallOptions(frame, tz, precision, priority, on_error)
        return self._answer(self._quotes.orderbooks, symbols, depth, level, options)


class QuoteEndpoints:
    """Makes queries for tickers and order books, and sends their requests."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._transport = router.transport

    def tickers(self, symbols: Symbols, options: CallOptions) -> Query:
        """Ask for tickers."""
        exact = options.exact
        decode = functools.partial(upbit_bodies.decode_tickers, exact=exact)

        async def load(names: Sequence[str], priority: Priority) -> Results:
            requests = upbit_rest.ticker_requests(names, self._router.markets.known())
            return await self._batched(spec, requests, decode, priority)

        async def guess(wanted: Sequence[str], priority: Priority) -> Results:
            request = upbit_rest.guessed_ticker_request(wanted)
            return await self._some(spec, request, None, decode, priority) if request else {}

        spec = QuerySpec(
            "ticker",
            ("ticker", exact),
            schema.TICKER,
            ["symbol"],
            load,
            exact=exact,
            channel=None if exact else "ticker",
            guess=guess,
        )
        return self._router.query(spec, symbols, options)

    def orderbooks(self, symbols: Symbols, depth: int, level: float, options: CallOptions) -> Query:
        """Ask for order books, remembered for this depth and level only."""
        most = upbit_rest.DEPTH
        if isinstance(depth, bool) or not isinstance(depth, int) or not 1 <= depth <= most:
            raise InputError(f"depth={depth!r}: an order book has 1 to {most} levels")
        exact = options.exact
        decode = functools.partial(upbit_bodies.decode_orderbooks, exact=exact)

        async def load(names: Sequence[str], priority: Priority) -> Results:
            requests = (
                (upbit_rest.orderbook_request(some, depth, level), some)
                for some in upbit_rest.batches(names)
            )
            return await self._batched(spec, requests, decode, priority)

        async def guess(wanted: Sequence[str], priority: Priority) -> Results:
            request = upbit_rest.guessed_orderbook_request(wanted, depth)
            return await self._some(spec, request, None, decode, priority) if request else {}

        async def check(names: Sequence[str]) -> None:
            if level and (others := [name for name in names if not name.startswith("KRW-")]):
                raise InputError(f"level={level!r} works in KRW markets only, not for {others[0]}")

        spec = QuerySpec(
            "orderbook",
            ("orderbook", depth, level, exact),
            schema.ORDERBOOK,
            ["symbol", "depth"],
            load,
            exact=exact,
            channel=None if level or exact else "orderbook",
            rows=depth,
            check=check,
            guess=None if level else guess,
        )
        return self._router.query(spec, symbols, options)

    async def _batched(
        self,
        spec: QuerySpec,
        requests: Iterable[tuple[Request, Sequence[str]]],
        decode: Decode,
        priority: Priority,
    ) -> Results:
        """Send requests for many symbols each; a failed one leaves the others whole."""
        results: Results = {}

        async def one(request: Request, names: Sequence[str]) -> None:
            try:
                results.update(await self._some(spec, request, names, decode, priority))
            except MarketkitError as failure:
                results.update(dict.fromkeys(names, failure))

        async with asyncio.TaskGroup() as group:
            for request, names in requests:
                group.create_task(one(request, names))
        return results

    async def _some(
        self,
        spec: QuerySpec,
        request: Request,
        names: Sequence[str] | None,
        decode: Decode,
        priority: Priority,
    ) -> Results:
        """Send one request; without `names`, the answer tells the symbols."""
        response = await self._transport.send(request, priority)
        rows = decode(response.body)
        if names is not None:
            rows = rows.filter(pl.col("symbol").is_in(names))
        rows = rows.sort(spec.order)
        if "trade_time" in rows.columns:
            self._saw(rows)
        got = rows["symbol"].unique(maintain_order=True).to_list()
        hits = hits_of("rest", got, self._router.keep(spec, rows, got, response.sent))
        left_out = {
            name: BadResponse(f"the exchange left {name} out of its answer") for name in names or ()
        }
        return left_out | hits

    def _saw(self, tickers: pl.DataFrame) -> None:
        """Learn how often markets trade from the times of their last trades."""
        now = self._transport.now()
        traded = tickers.select("symbol", pl.col("trade_time").dt.epoch("ms")).drop_nulls()
        for symbol, moment in traded.iter_rows():
            self._router.activity.saw(symbol, moment, now)
        self._router.lake_activity.learn(tickers["symbol"], now)
