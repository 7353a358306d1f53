"""Tickers and order books: the requests, and the rows of the answers."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable, Sequence

import polars as pl

from marketkit import schema
from marketkit.api.batches import Batches
from marketkit.api.books import check_book
from marketkit.api.levels import ask_grouped
from marketkit.api.query import CallOptions, Hit, Query, QuerySpec, Results, Symbols
from marketkit.api.router import Router, hits_of
from marketkit.clock import age_clock
from marketkit.errors import BadResponse, InputError, MarketkitError, Refused, UnknownSymbol
from marketkit.exchange.dialect import Priority, Request
from marketkit.exchange.upbit import bodies as upbit_bodies
from marketkit.exchange.upbit import rest as upbit_rest
from marketkit.exchange.upbit.members import read_members

_FEW = 4  # markets that one odd row, or two, can make doubtful; more mean that the body is odd

Decode = Callable[[bytes], pl.DataFrame]


class QuoteEndpoints:
    """Makes queries for tickers and order books, and sends their requests."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._tickers: Batches[Hit] = Batches(router.markets, "ticker")
        self._books: Batches[Hit] = Batches(router.markets, "order book")

    def tickers(self, symbols: Symbols, options: CallOptions) -> Query:
        """Ask for tickers."""
        exact = options.exact
        decode = functools.partial(upbit_bodies.decode_tickers, exact=exact)

        async def load(names: Sequence[str], priority: Priority) -> Results:
            return await self._load_tickers(_Call(self._router, spec, decode, priority), names)

        async def guess(wanted: Sequence[str], priority: Priority) -> Results:
            sure = upbit_rest.guessed_ticker_request(wanted)
            call = _Call(self._router, spec, decode, priority)
            return await call.guess(wanted, sure, upbit_rest.ticker_request)

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
        check_book(depth, level)
        exact = options.exact
        decode = functools.partial(upbit_bodies.decode_orderbooks, exact=exact)

        async def load(names: Sequence[str], priority: Priority) -> Results:
            call = _Call(self._router, spec, decode, priority)
            return await self._load_books(call, names, depth, level)

        async def guess(wanted: Sequence[str], priority: Priority) -> Results:
            sure = upbit_rest.guessed_orderbook_request(wanted, depth)
            call = _Call(self._router, spec, decode, priority)
            named = functools.partial(upbit_rest.orderbook_request, depth=depth, level=0)
            return await call.guess(wanted, sure, named)

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

    async def _load_tickers(self, call: _Call, names: Sequence[str]) -> Results:
        """Ask for quote currencies as a whole where that is best, and for the others by name."""
        known, began = self._router.markets.known(), age_clock()
        quotes, whole, others = upbit_rest.by_whole_quotes(names, known)

        async def named(some: Sequence[str]) -> Results:
            return await call.some(upbit_rest.ticker_request(some), some)

        async def at_once(some: Sequence[str]) -> Results:
            try:
                return await call.some(upbit_rest.ticker_all_request(quotes), some)
            except Refused:  # an endpoint that has no such path
                return await self._tickers.ask(upbit_rest.batches(some), named, call.priority)

        parts = await asyncio.gather(
            self._tickers.ask([whole], at_once, call.priority),
            self._tickers.ask(upbit_rest.batches(others), named, call.priority),
        )
        await self._tickers.met(call.strangers - known, call.priority, began)
        return {**parts[0], **parts[1], **await call.sorted_out(named)}

    async def _load_books(
        self, call: _Call, names: Sequence[str], depth: int, level: float
    ) -> Results:
        async def named(some: Sequence[str]) -> Results:
            return await call.some(upbit_rest.orderbook_request(some, depth, level), some)

        async def grouped(some: Sequence[str]) -> Results:
            instruments = self._router.markets.instruments
            return await ask_grouped(instruments, some, level, named, call.priority)

        send = grouped if level else named
        found = await self._books.ask(upbit_rest.batches(names), send, call.priority)
        return found | await call.sorted_out(named)


class _Call:
    """One call for quotes: sends requests, keeps the rows, and notes doubled ones."""

    def __init__(self, router: Router, spec: QuerySpec, decode: Decode, priority: Priority) -> None:
        self.priority = priority
        self.strangers: set[str] = set()
        self._router, self._spec, self._decode = router, spec, decode
        self._doubled: set[str] = set()

    async def guess(
        self, wanted: Sequence[str], sure: Request | None, named: Callable[[Sequence[str]], Request]
    ) -> Results:
        """Ask for symbols before the list is there: by the request that surely brings them.

        Where there is none they are named by an older list. A refused request brings nothing.
        """
        if sure is not None:
            requests = [sure]
        else:
            supposed = await self._router.markets.supposed(wanted)
            requests = list(map(named, upbit_rest.batches(supposed)))
        found: Results = {}
        for part in await asyncio.gather(*map(self._unless_refused, requests)):
            found |= part
        return {name: part for name, part in found.items() if name not in self._doubled}

    async def _unless_refused(self, request: Request) -> Results:
        with contextlib.suppress(Refused, UnknownSymbol):
            return await self.some(request, None)
        return {}

    async def some(self, request: Request, names: Sequence[str] | None) -> Results:
        """Send one request; without `names`, the answer tells the symbols."""
        order = self._spec.order
        response = await self._router.transport.send(request, self.priority)
        rows, failures = read_members(self._decode, response.body)
        if names is not None:
            if self._spec.kind == "ticker":  # only they are asked for without names
                self.strangers.update(set(rows["symbol"]).difference(names))
            rows = rows.filter(pl.col("symbol").is_in(names))
            failures = {name: failures[name] for name in names if name in failures}
        rows = rows.sort(order)
        if rows.select(pl.all_horizontal(pl.col(order) == pl.col(order).shift()).any()).item():
            rows, twice = _apart(rows, order)
            failures |= {name: BadResponse(f"the exchange sent {name} twice") for name in twice}
            self._doubled.update(twice)
        self._saw(rows)
        got = rows["symbol"].unique(maintain_order=True).to_list()
        held = self._router.keep(self._spec, rows, got, response.sent)
        return {**failures, **hits_of("rest", got, held)}

    async def sorted_out(self, named: Callable[[Sequence[str]], Awaitable[Results]]) -> Results:
        """Ask for the few symbols alone that an answer had two rows of: one is another market's."""
        results: Results = {}
        for name in sorted(self._doubled)[:_FEW]:
            with contextlib.suppress(MarketkitError):
                results |= await named([name])
        return results

    def _saw(self, rows: pl.DataFrame) -> None:
        """Learn how often markets trade from the times of their last trades."""
        if "trade_time" not in rows.columns:
            return
        router, now = self._router, self._router.transport.now()
        traded = rows.select("symbol", pl.col("trade_time").dt.epoch("ms")).drop_nulls()
        for symbol, moment in traded.iter_rows():
            router.activity.saw(symbol, moment, now)
        router.lake_activity.learn(rows["symbol"], now)


def _apart(rows: pl.DataFrame, order: Sequence[str]) -> tuple[pl.DataFrame, list[str]]:
    """Give the rows of symbols that came once, or twice alike, and the names of the others."""
    once = rows.unique(maintain_order=True)
    twice = once.filter(once.select(order).is_duplicated())["symbol"].unique().to_list()
    return once.filter(~pl.col("symbol").is_in(twice)), twice
