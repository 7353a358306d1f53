"""The readers of tickers, order books and trades: what to ask, and what an answer says."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable, Iterable, Sequence

import polars as pl

from marketkit import schema
from marketkit.api.arguments import Symbols
from marketkit.api.choice import choose_source
from marketkit.api.query import CallOptions, Query
from marketkit.api.router import QuerySpec, Router, Stream, Told, told_of
from marketkit.cache.trade_pages import TradePageCache
from marketkit.clock import age_clock
from marketkit.errors import BadResponse, InputError, InvalidRange, MarketkitError
from marketkit.exchange.dialect import Priority, Request
from marketkit.exchange.upbit import bodies as upbit_bodies
from marketkit.exchange.upbit import rest as upbit_rest
from marketkit.exchange.upbit.paging import TradeRange, walk_trades
from marketkit.timeframe import DAY, iso, parse_time
from marketkit.window import Time, read_window

Decode = Callable[[bytes], pl.DataFrame]


class QuoteEndpoints:
    """Makes questions about what changes all the time."""

    def __init__(self, tiers: Router, days: TradePageCache) -> None:
        self._tiers = tiers
        self._days = days
        self._transport = tiers.transport

    def tickers(self, symbols: Symbols, form: CallOptions) -> Query:
        """Ask for tickers."""
        decode = functools.partial(upbit_bodies.decode_tickers, exact=form.exact)

        async def load(names: Sequence[str], priority: Priority) -> Told:
            requests = upbit_rest.ticker_requests(names, self._tiers.markets.known())
            return await self._batched(asked, requests, decode, priority)

        async def guess(wanted: Sequence[str], priority: Priority) -> Told:
            request = upbit_rest.guessed_ticker_request(wanted)
            return await self._some(asked, request, None, decode, priority) if request else {}

        asked = QuerySpec(
            "ticker",
            ("ticker", form.exact),
            schema.TICKER,
            ["symbol"],
            load,
            stream=None if form.exact else Stream("ticker", 1),
            guess=guess,
        )
        return self._tiers.question(asked, symbols, form)

    def orderbooks(self, symbols: Symbols, depth: int, level: float, form: CallOptions) -> Query:
        """Ask for order books; they are remembered for that depth and level only."""
        most = upbit_rest.DEPTH
        if isinstance(depth, bool) or not isinstance(depth, int) or not 1 <= depth <= most:
            raise InputError(f"depth={depth!r}: an order book has 1 to {most} levels")
        decode = functools.partial(upbit_bodies.decode_orderbooks, exact=form.exact)

        async def load(names: Sequence[str], priority: Priority) -> Told:
            requests = (
                (upbit_rest.orderbook_request(some, depth, level), some)
                for some in upbit_rest.batches(names)
            )
            return await self._batched(asked, requests, decode, priority)

        async def guess(wanted: Sequence[str], priority: Priority) -> Told:
            request = upbit_rest.guessed_orderbook_request(wanted, depth)
            return await self._some(asked, request, None, decode, priority) if request else {}

        async def check(names: Sequence[str]) -> None:
            if level and (others := [name for name in names if not name.startswith("KRW-")]):
                raise InputError(f"level={level!r} works in KRW markets only, not for {others[0]}")

        asked = QuerySpec(
            "orderbook",
            ("orderbook", depth, level, form.exact),
            schema.ORDERBOOK,
            ["symbol", "depth"],
            load,
            stream=None if level or form.exact else Stream("orderbook", depth),
            check=check,
            guess=None if level else guess,
        )
        return self._tiers.question(asked, symbols, form)

    def trades(
        self,
        symbols: Symbols,
        count: int | None,
        start: Time | None,
        end: Time | None,
        form: CallOptions,
    ) -> Query:
        """Ask for trades; the newest ones, without a start or an end, are remembered."""
        window = read_window("1s", start if count is None else None, end, count)
        since = None if start is None else parse_time(start)
        most = count if count is not None or since is not None else upbit_rest.TRADE_PAGE
        newest = since is None and window.end is None

        async def load(names: Sequence[str], priority: Priority) -> Told:
            told: Told = {}
            for name in names:
                wanted = TradeRange(name, self._transport.now(), since, window.end, most)
                told.update(await self._walked(asked, wanted, priority, exact=form.exact))
            return told

        async def check(_: Sequence[str]) -> None:
            # A page is asked for by how many days ago it was, on the exchange's calendar.
            with contextlib.suppress(MarketkitError):  # pages that are kept are there without it
                await self._transport.ask_time()
            if not self._transport.clock.is_heard:
                return
            now = self._transport.now()
            oldest = (now // DAY - upbit_rest.TRADE_DAYS) * DAY
            if min(since or now, window.end or now) < oldest:
                raise InvalidRange(f"the exchange keeps trades from {iso(oldest)} on, not before")

        asked = QuerySpec(
            "trade",
            ("trade", most, since, window.end, form.exact),
            schema.TRADE,
            ["symbol", "time", "sequential_id"],
            load,
            single=True,
            stream=Stream("trade", most) if newest and most and not form.exact else None,
            kept=newest,
            check=check,
        )
        return self._tiers.question(asked, symbols, form)

    async def _batched(
        self,
        asked: QuerySpec,
        requests: Iterable[tuple[Request, Sequence[str]]],
        decode: Decode,
        priority: Priority,
    ) -> Told:
        """Send requests for many symbols each; one that fails does not take the others with it."""
        told: Told = {}

        async def one(request: Request, names: Sequence[str]) -> None:
            try:
                told.update(await self._some(asked, request, names, decode, priority))
            except MarketkitError as failure:
                told.update(dict.fromkeys(names, failure))

        async with asyncio.TaskGroup() as group:
            for request, names in requests:
                group.create_task(one(request, names))
        return told

    async def _some(
        self,
        asked: QuerySpec,
        request: Request,
        names: Sequence[str] | None,
        decode: Decode,
        priority: Priority,
    ) -> Told:
        """Send one request; without `names`, what was meant shows when it is answered."""
        response = await self._transport.send(request, priority)
        rows = decode(response.body)
        if names is not None:
            rows = rows.filter(pl.col("symbol").is_in(names))
        rows = rows.sort(asked.order)
        if "trade_time" in rows.columns:
            self._saw(rows)
        got = rows["symbol"].unique(maintain_order=True).to_list()
        told = told_of("rest", got, self._tiers.keep(asked, rows, got, response.sent))
        left_out = {
            name: BadResponse(f"the exchange left {name} out of its answer") for name in names or ()
        }
        return left_out | told

    def _saw(self, tickers: pl.DataFrame) -> None:
        """Learn the rhythm of markets from the times of their last trades."""
        now = self._transport.now()
        traded = tickers.select("symbol", pl.col("trade_time").dt.epoch("ms")).drop_nulls()
        for symbol, moment in traded.iter_rows():
            self._tiers.rhythms.saw(symbol, moment, now)
        self._tiers.weeks.learn(tickers["symbol"], now)

    async def _walked(
        self, asked: QuerySpec, wanted: TradeRange, priority: Priority, *, exact: bool
    ) -> Told:
        steps = walk_trades(wanted, exact=exact)
        step = next(steps)
        pages: list[pl.DataFrame] = []
        made, asked_for = age_clock(), 0
        while step.request is not None:
            request = step.request
            kept = await self._days.get(request)
            response = kept or await self._transport.send(request, priority)
            made = min(made, response.sent) if pages else response.sent
            step = steps.send(response)
            if kept is None:  # only what could be read is worth keeping
                self._days.keep(request, response)
                asked_for += 1
            if step.page is not None:
                pages.append(step.page.rows)
        # New trades shift the pages while they are read: the same trade may come twice.
        trades = pl.concat(pages).unique("sequential_id", keep="first").sort(asked.order)
        times = trades["time"].dt.epoch("ms").to_list()
        self._tiers.rhythms.saw(wanted.symbol, times, self._transport.now())
        held = self._tiers.keep(asked, trades, [wanted.symbol], made)
        return told_of(choose_source(store=not asked_for), [wanted.symbol], held)
